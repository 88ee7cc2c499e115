#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "calls.h"

enum {
#define NUMBER(name, ...) NUMBER_##name,
    CALLS_PLAIN(NUMBER) CALLS_BY_HAND(NUMBER) CALL_COUNT
#undef NUMBER
};

#define FAULTS_PLAIN(name, returns, parameters, arguments, how, ...) static const int faults_##name[] = {__VA_ARGS__};
#define FAULTS_BY_HAND(name, ...)                                    static const int faults_##name[] = {__VA_ARGS__};
CALLS_PLAIN(FAULTS_PLAIN)
CALLS_BY_HAND(FAULTS_BY_HAND)

static const struct inject_call table[CALL_COUNT + 1] = {
#define ROW(call, ...) {#call, faults_##call, sizeof(faults_##call) / sizeof(faults_##call[0])},
    CALLS_PLAIN(ROW) CALLS_BY_HAND(ROW){NULL, NULL, 0},
#undef ROW
};

/* What the second table holds is for test/failing/run, which reads the source: here it need only be well formed. */
#define WELL_FORMED(why, names) _Static_assert(sizeof(why) > 1 && sizeof(names) > 1, why);
CALLS_SPARED(WELL_FORMED)

/* --- the plan --------------------------------------------------------------------------------------------------- */

static struct inject_plan plan = {.call = -2};
static atomic_uint seen; /* calls that the plan is about */
static atomic_uint hits;
static _Thread_local bool is_spared;

const struct inject_call *inject_call(size_t index)
{
    return &table[index];
}

int inject_find(const char *name)
{
    for (int i = 0; i < CALL_COUNT; i++)
        if (strcmp(table[i].name, name) == 0)
            return i;
    return -1;
}

const char *inject_fault_name(const struct inject_call *call, int fault)
{
    static const struct {
        const char *name;
        int value;
    } eai[] = {
        {"EAI_ADDRFAMILY", EAI_ADDRFAMILY}, {"EAI_AGAIN", EAI_AGAIN},
        {"EAI_BADFLAGS", EAI_BADFLAGS},     {"EAI_FAIL", EAI_FAIL},
        {"EAI_FAMILY", EAI_FAMILY},         {"EAI_MEMORY", EAI_MEMORY},
        {"EAI_NODATA", EAI_NODATA},         {"EAI_NONAME", EAI_NONAME},
        {"EAI_SERVICE", EAI_SERVICE},       {"EAI_SOCKTYPE", EAI_SOCKTYPE},
        {"EAI_SYSTEM", EAI_SYSTEM},
    };
    for (size_t i = 0; strcmp(call->name, "getaddrinfo") == 0 && i < sizeof(eai) / sizeof(eai[0]); i++)
        if (eai[i].value == fault)
            return eai[i].name;
    return fault == SHORT ? "SHORT" : fault == HALF ? "HALF" : strerrorname_np(fault);
}

void inject(const struct inject_plan *wanted)
{
    plan = *wanted;
    atomic_store(&seen, 0);
    atomic_store(&hits, 0);
}

void inject_nothing(void)
{
    plan = (struct inject_plan){.call = -2};
}

unsigned inject_hits(void)
{
    return atomic_load(&hits);
}

void inject_spare(bool spared)
{
    is_spared = spared;
}

static bool knows(int call, int fault)
{
    for (size_t i = 0; i < table[call].fault_count; i++)
        if (table[call].faults[i] == fault)
            return true;
    return false;
}

/* The fault that this call is to have, or 0. */
static int fault_of(int call)
{
    if (is_spared)
        return 0;
    if (plan.never_fault != 0 && plan.never == call)
        return plan.never_fault;
    if (plan.call != call && (plan.call != -1 || !knows(call, plan.fault)))
        return 0;
    unsigned number = atomic_fetch_add(&seen, 1) + 1;
    if (number < plan.at || (number - plan.at) % plan.every != 0 || (number - plan.at) / plan.every >= plan.times)
        return 0;
    atomic_fetch_add(&hits, 1);
    return plan.fault;
}

/* --- what the kernel would do besides --------------------------------------------------------------------------- */

/* Who is told EAGAIN, or gets less than there is, may wait for the next edge; the kernel has none to give, as nothing
 * happened. So it is asked to look again, which gives one. */
#define FDS_MAX 65536
static struct watched {
    int loop;
    struct epoll_event event;
} watched[FDS_MAX];

static atomic_bool is_eventfd[FDS_MAX];

int __real_epoll_ctl(int loop, int how, int fd, struct epoll_event *event);

static void remember_watch(int loop, int how, int fd, const struct epoll_event *event)
{
    if (fd >= 0 && fd < FDS_MAX)
        watched[fd] = how == EPOLL_CTL_DEL ? (struct watched){.loop = 0} : (struct watched){loop, *event};
}

static void give_an_edge(int fd)
{
    if (fd >= 0 && fd < FDS_MAX && watched[fd].loop != 0)
        (void)__real_epoll_ctl(watched[fd].loop, EPOLL_CTL_MOD, fd, &watched[fd].event);
}

int __real_shutdown(int fd, int how);

/* A write that is told so by the kernel is of a connection that is gone: a read meets its end. */
static void end_if_dead(int fd, int fault)
{
    if (fault == EPIPE || fault == ECONNRESET || fault == ETIMEDOUT)
        (void)__real_shutdown(fd, SHUT_RD);
}

static size_t shortened(size_t size, int fault)
{
    return fault == SHORT ? size > 0 : fault == HALF ? (size + 1) / 2 : size;
}

/* --- wrappers that only fail ------------------------------------------------------------------------------------ */

#define FAIL_MINUS_ONE(call) (errno = fault, -1)
#define FAIL_CODE(call)      (errno = EIO, fault)
#define FAIL_AFTER(call)     ((void)(call), errno = fault, -1)
#define FAIL_NOTHING(call)   (errno = fault, NULL)

#define WRAPPER(name, returns, parameters, arguments, how, ...)                                                        \
    returns __real_##name parameters;                                                                                  \
    returns __wrap_##name parameters;                                                                                  \
    returns __wrap_##name parameters                                                                                   \
    {                                                                                                                  \
        int fault = fault_of(NUMBER_##name);                                                                           \
        return fault != 0 ? FAIL_##how(__real_##name arguments) : __real_##name arguments;                             \
    }
CALLS_PLAIN(WRAPPER)

/* --- wrappers that do more -------------------------------------------------------------------------------------- */

int __real_accept4(int fd, struct sockaddr *from, socklen_t *size, int flags);
int __real_connect(int fd, const struct sockaddr *to, socklen_t size);
int __real_eventfd(unsigned value, int flags);
int __real_fcntl(int fd, int command, long argument);
int __real_ioctl(int fd, unsigned long command, void *argument);
int __real_open(const char *path, int flags, mode_t mode);
ssize_t __real_pread(int fd, void *to, size_t size, off_t at);
ssize_t __real_recv(int fd, void *to, size_t size, int flags);
ssize_t __real_send(int fd, const void *from, size_t size, int flags);
ssize_t __real_sendfile(int to, int from, off_t *at, size_t size);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __real_write(int fd, const void *from, size_t size);

int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *size, int flags);
int __wrap_connect(int fd, const struct sockaddr *to, socklen_t size);
int __wrap_epoll_ctl(int loop, int how, int fd, struct epoll_event *event);
int __wrap_eventfd(unsigned value, int flags);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_ioctl(int fd, unsigned long command, ...);
int __wrap_open(const char *path, int flags, ...);
ssize_t __wrap_pread(int fd, void *to, size_t size, off_t at);
ssize_t __wrap_recv(int fd, void *to, size_t size, int flags);
ssize_t __wrap_send(int fd, const void *from, size_t size, int flags);
ssize_t __wrap_sendfile(int to, int from, off_t *at, size_t size);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_write(int fd, const void *from, size_t size);

int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *size, int flags)
{
    int fault = fault_of(NUMBER_accept4);
    if (fault == 0)
        return __real_accept4(fd, from, size, flags);
    /* Of these the connection that was to be accepted is gone; of the others it goes on waiting. */
    if (fault == ECONNABORTED || fault == EPROTO) {
        int gone = __real_accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (gone >= 0)
            (void)__real_close(gone);
    }
    errno = fault;
    return -1;
}

int __wrap_connect(int fd, const struct sockaddr *to, socklen_t size)
{
    int fault = fault_of(NUMBER_connect);
    /* With these two it goes on by itself. */
    bool goes_on = fault == EINTR || fault == EINPROGRESS;
    if (fault == 0)
        return __real_connect(fd, to, size);
    if (goes_on && __real_connect(fd, to, size) != 0 && errno != EINPROGRESS)
        return -1;
    errno = fault;
    return -1;
}

int __wrap_epoll_ctl(int loop, int how, int fd, struct epoll_event *event)
{
    int fault = fault_of(NUMBER_epoll_ctl);
    if (fault != 0) {
        errno = fault;
        return -1;
    }
    remember_watch(loop, how, fd, event);
    return __real_epoll_ctl(loop, how, fd, event);
}

int __wrap_eventfd(unsigned value, int flags)
{
    int fault = fault_of(NUMBER_eventfd);
    if (fault != 0) {
        errno = fault;
        return -1;
    }
    int fd = __real_eventfd(value, flags);
    if (fd >= 0 && fd < FDS_MAX)
        atomic_store(&is_eventfd[fd], true);
    return fd;
}

int __wrap_fcntl(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    long argument = va_arg(arguments, long);
    va_end(arguments);
    int fault = fault_of(NUMBER_fcntl);
    if (fault != 0) {
        errno = fault;
        return -1;
    }
    return __real_fcntl(fd, command, argument);
}

int __wrap_ioctl(int fd, unsigned long command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    int fault = fault_of(NUMBER_ioctl);
    if (fault != 0) {
        errno = fault;
        return -1;
    }
    return __real_ioctl(fd, command, argument);
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    int fault = fault_of(NUMBER_open);
    if (fault != 0) {
        errno = fault;
        return -1;
    }
    return __real_open(path, flags, mode);
}

ssize_t __wrap_pread(int fd, void *to, size_t size, off_t at)
{
    int fault = fault_of(NUMBER_pread);
    if (fault <= 0)
        return __real_pread(fd, to, shortened(size, fault), at);
    errno = fault;
    return -1;
}

ssize_t __wrap_recv(int fd, void *to, size_t size, int flags)
{
    int fault = fault_of(NUMBER_recv);
    if ((flags & MSG_PEEK) && (fault == EAGAIN || fault == EINTR))
        fault = 0; /* a look does not wait, so it is not interrupted, and that nothing is there is an answer */
    if (fault == EAGAIN || fault < 0)
        give_an_edge(fd);
    if (fault <= 0)
        return __real_recv(fd, to, shortened(size, fault), flags);
    if (flags & MSG_PEEK)
        (void)__real_shutdown(fd,
                              SHUT_RD); /* the kernel tells an error once, to whoever asks; then that it is the end */
    errno = fault;
    return -1;
}

ssize_t __wrap_send(int fd, const void *from, size_t size, int flags)
{
    int fault = fault_of(NUMBER_send);
    if (fault == EAGAIN)
        give_an_edge(fd);
    if (fault <= 0)
        return __real_send(fd, from, shortened(size, fault), flags);
    end_if_dead(fd, fault);
    errno = fault;
    return -1;
}

ssize_t __wrap_sendfile(int to, int from, off_t *at, size_t size)
{
    int fault = fault_of(NUMBER_sendfile);
    if (fault == EAGAIN)
        give_an_edge(to);
    if (fault <= 0)
        return __real_sendfile(to, from, at, shortened(size, fault));
    end_if_dead(to, fault);
    errno = fault;
    return -1;
}

static ssize_t send_pieces(int fd, const struct msghdr *message, int flags, int fault)
{
    struct msghdr less = *message;
    struct iovec pieces[IOV_MAX];
    size_t left = 0, count = 0;
    for (size_t i = 0; i < message->msg_iovlen; i++)
        left += message->msg_iov[i].iov_len;
    left = shortened(left, fault);
    while (left > 0) {
        pieces[count] = message->msg_iov[count];
        if (pieces[count].iov_len > left)
            pieces[count].iov_len = left;
        left -= pieces[count++].iov_len;
    }
    less.msg_iov = pieces;
    less.msg_iovlen = count;
    return __real_sendmsg(fd, &less, flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    int fault = fault_of(NUMBER_sendmsg);
    if (fault == EAGAIN)
        give_an_edge(fd);
    if (fault == 0)
        return __real_sendmsg(fd, message, flags);
    if (fault < 0)
        return send_pieces(fd, message, flags, fault);
    end_if_dead(fd, fault);
    errno = fault;
    return -1;
}

/* An eventfd of ours fails with nothing but these two, and with EAGAIN only when it is readable already. */
ssize_t __wrap_write(int fd, const void *from, size_t size)
{
    bool wakes = fd >= 0 && fd < FDS_MAX && atomic_load(&is_eventfd[fd]);
    int fault = wakes && plan.fault != EINTR && plan.fault != EAGAIN ? 0 : fault_of(NUMBER_write);
    if (fault <= 0)
        return __real_write(fd, from, shortened(size, fault));
    if (wakes && fault == EAGAIN)
        (void)!__real_write(fd, from, size);
    errno = fault;
    return -1;
}

/* --- for programs that do not know of it ------------------------------------------------------------------------ */

static unsigned number_of(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static void plan_from(const char *call, const char *fault)
{
    struct inject_plan wanted = {
        .call = inject_find(call),
        .at = number_of("FAIL_AT", 1),
        .times = number_of("FAIL_TIMES", 1),
        .every = number_of("FAIL_EVERY", 1),
    };
    for (size_t i = 0; wanted.call >= 0 && i < table[wanted.call].fault_count; i++)
        if (strcmp(inject_fault_name(&table[wanted.call], table[wanted.call].faults[i]), fault) == 0)
            wanted.fault = table[wanted.call].faults[i];
    if (wanted.fault == 0) {
        (void)fprintf(stderr, "FAIL_CALL, FAIL_WITH: %s %s is not in the table\n", call, fault);
        _exit(3);
    }
    inject(&wanted);
}

__attribute__((constructor)) static void begin(void)
{
    const char *call = getenv("FAIL_CALL");
    const char *fault = getenv("FAIL_WITH");
    if (call != NULL && fault != NULL)
        plan_from(call, fault);
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("FAIL_SAID");
    inject_spare(true);
    FILE *out = path != NULL ? fopen(path, "w") : NULL;
    if (out == NULL)
        return;
    (void)fprintf(out, "%u\n", inject_hits());
    (void)fclose(out);
}
