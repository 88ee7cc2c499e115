/* A server that breaks its promises by a seed, on a thread of its own, and keeps a record of what it did with each
 * request.
 *
 * A request is `METHOD /ID HTTP/1.1` with a Content-Length or none; ID is below `total`. It is processed when it was
 * read whole; a server that answers early processes it by answering. */
#ifndef RETRY_SERVER_H
#define RETRY_SERVER_H

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* How likely each is, of 1000 requests (the first to match) or of 1000 connections. */
struct server_plan {
    unsigned swallow;     /* processed, and closed without an answer */
    unsigned cut;         /* processed, and closed within the answer */
    unsigned last;        /* answered with Connection: close */
    unsigned interim;     /* 103 before the answer, and before it is swallowed or cut */
    unsigned early;       /* answered with Connection: close before its body is read, and closed when that was read */
    unsigned early_reset; /* likewise, and reset without reading it */
    unsigned leave;       /* answered as if to be kept, and closed a moment later unless another request was read */
    unsigned refuse;      /* of connections: closed before the first request, or soon */
    unsigned says_late;   /* of connections that it leaves: it says 408 and close before it closes */
    bool resets;          /* closing is a reset half of the times */
    bool is_unix;
};

/* Of one request. Written by the server's thread: read it when that has ended. */
struct server_record {
    uint8_t touched;   /* times that an octet of it was read */
    uint8_t processed; /* times; stays at 255 */
    uint8_t begun;     /* times that an octet of a final answer was written */
};

struct server_counts {
    uint64_t accepted;
    uint64_t processed;
    uint64_t swallowed;
    uint64_t cut;
    uint64_t left;   /* connections closed between two requests, in order */
    uint64_t unread; /* of those: a request had come already, which the kernel refuses by a reset */
    uint64_t reset;
    uint64_t late; /* said 408 */
};

#define FDS_MAX     4096
#define BUFFER_SIZE 8192
#define EVENTS_MAX  64

enum fate { FATE_ANSWER, FATE_SWALLOW, FATE_CUT, FATE_LAST, FATE_EARLY, FATE_EARLY_RESET, FATE_LEAVE };

struct peer {
    int fd;
    uint32_t id;
    enum fate fate;
    bool in_body;
    bool drains; /* it has its answer: what comes is dropped, until it ends or the body has */
    uint64_t body_left;
    uint64_t leave_ns; /* when to close unless something is read before; 0: never */
    size_t size;
    char buffer[BUFFER_SIZE];
};

struct server {
    struct server_plan plan;
    uint32_t total;
    uint64_t random;
    int listener, epoll, stop;
    pthread_t thread;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    struct server_record *records;
    struct server_counts counts;
    struct peer *peers[FDS_MAX]; /* by descriptor */
    unsigned leaving;            /* peers with a leave_ns */
};

/* xorshift64*; `state` is not zero. */
static uint32_t server_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)(*state * UINT64_C(2685821657736338717) >> 32);
}

static bool happens(struct server *s, unsigned of_1000)
{
    return server_random(&s->random) % 1000 < of_1000;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void count_up(uint8_t *times)
{
    if (*times < UINT8_MAX)
        ++*times;
}

/* --- closing ---------------------------------------------------------------------------------------------------- */

static void stay(struct server *s, struct peer *p)
{
    s->leaving -= p->leave_ns != 0;
    p->leave_ns = 0;
}

/* At once, or within microseconds, or milliseconds: the next request may be on its way. */
static void leave_soon(struct server *s, struct peer *p)
{
    static const uint32_t within_ns[] = {1, 1, 20000, 200000, 2000000};
    uint32_t most_ns = within_ns[server_random(&s->random) % (sizeof within_ns / sizeof within_ns[0])];
    stay(s, p);
    p->leave_ns = now_ns() + server_random(&s->random) % most_ns;
    s->leaving++;
}

static void drop(struct server *s, struct peer *p)
{
    stay(s, p);
    s->peers[p->fd] = NULL;
    close(p->fd);
    free(p);
}

static void reset(struct server *s, struct peer *p)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    s->counts.reset++;
    drop(s, p);
}

static void part(struct server *s, struct peer *p)
{
    if (s->plan.resets && happens(s, 500))
        reset(s, p);
    else
        drop(s, p);
}

/* Nothing of a request was read: close() says FIN if nothing came, and a reset if something has just come. */
static void leave(struct server *s, struct peer *p)
{
    int unread = 0;
    if (ioctl(p->fd, SIOCINQ, &unread) == 0 && unread > 0 && !s->plan.resets) {
        s->counts.unread++;
        stay(s, p); /* it stays for that one */
        return;
    }
    s->counts.left++;
    if (happens(s, s->plan.says_late)) {
        static const char late[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlate";
        s->counts.late++;
        (void)!send(p->fd, late, sizeof late - 1, MSG_NOSIGNAL);
        drop(s, p);
        return;
    }
    part(s, p);
}

static void leave_due(struct server *s)
{
    uint64_t now = now_ns();
    for (int fd = 0; fd < FDS_MAX && s->leaving > 0; fd++)
        if (s->peers[fd] != NULL && s->peers[fd]->leave_ns != 0 && s->peers[fd]->leave_ns <= now)
            leave(s, s->peers[fd]);
}

/* --- answering -------------------------------------------------------------------------------------------------- */

/* Small enough for any socket's buffer; a peer that has left is noticed when it is read. */
static void put(struct peer *p, const char *octets, size_t size)
{
    (void)!send(p->fd, octets, size, MSG_NOSIGNAL);
}

static void answer(struct server *s, struct peer *p, const char *connection)
{
    char octets[160];
    int size = snprintf(octets, sizeof octets, "HTTP/1.1 200 OK\r\n%sContent-Length: 10\r\n\r\n%010u", connection,
                        (unsigned)p->id);
    count_up(&s->records[p->id].begun);
    put(p, octets, (size_t)size);
}

static void answer_in_part(struct server *s, struct peer *p)
{
    static const char octets[] = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345";
    count_up(&s->records[p->id].begun);
    put(p, octets, 1 + server_random(&s->random) % (sizeof octets - 1));
}

static void process(struct server *s, const struct peer *p)
{
    s->counts.processed++;
    count_up(&s->records[p->id].processed);
}

/* The request is here, whole. False: the peer is gone. */
static bool serve(struct server *s, struct peer *p)
{
    static const char hints[] = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    process(s, p);
    if (happens(s, s->plan.interim))
        put(p, hints, sizeof hints - 1);
    switch (p->fate) {
    case FATE_SWALLOW:
        s->counts.swallowed++;
        part(s, p);
        return false;
    case FATE_CUT:
        s->counts.cut++;
        answer_in_part(s, p);
        part(s, p);
        return false;
    case FATE_LAST:
        answer(s, p, "Connection: close\r\n");
        drop(s, p);
        return false;
    default:
        answer(s, p, "");
        if (p->fate == FATE_LEAVE)
            leave_soon(s, p);
        return true;
    }
}

/* Its body is not read yet. False: the peer is gone. */
static bool serve_early(struct server *s, struct peer *p)
{
    process(s, p);
    answer(s, p, "Connection: close\r\n");
    p->drains = true;
    if (p->fate != FATE_EARLY_RESET)
        return true;
    reset(s, p);
    return false;
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

static enum fate draw_fate(struct server *s)
{
    const struct server_plan *plan = &s->plan;
    unsigned drawn = server_random(&s->random) % 1000;
    const unsigned shares[] = {plan->swallow, plan->cut, plan->last, plan->early, plan->early_reset, plan->leave};
    for (unsigned i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        if (drawn < shares[i])
            return (enum fate)(FATE_SWALLOW + i);
        drawn -= shares[i];
    }
    return FATE_ANSWER;
}

/* True: a head was there, and is taken. */
static bool take_head(struct server *s, struct peer *p)
{
    char *end = p->size > 0 ? memmem(p->buffer, p->size, "\r\n\r\n", 4) : NULL;
    if (end == NULL)
        return false;
    *end = '\0';
    const char *target = strstr(p->buffer, " /");
    const char *length = strstr(p->buffer, "Content-Length: ");
    unsigned long id = target != NULL ? strtoul(target + 2, NULL, 10) : s->total;
    if (id >= s->total) {
        (void)fprintf(stderr, "not a request of ours: %s\n", p->buffer);
        abort();
    }
    p->id = (uint32_t)id;
    p->body_left = length != NULL ? strtoull(length + 16, NULL, 10) : 0;
    p->in_body = true;
    p->fate = draw_fate(s);
    count_up(&s->records[id].touched);
    size_t taken = (size_t)(end + 4 - p->buffer);
    memmove(p->buffer, p->buffer + taken, p->size - taken);
    p->size -= taken;
    return true;
}

/* Goes through what was read. False: the peer is gone. */
static bool go_on(struct server *s, struct peer *p)
{
    for (;;) {
        if (!p->in_body) {
            if (!take_head(s, p))
                return true;
            if ((p->fate == FATE_EARLY || p->fate == FATE_EARLY_RESET) && !serve_early(s, p))
                return false;
        }
        size_t n = p->size < p->body_left ? p->size : (size_t)p->body_left;
        memmove(p->buffer, p->buffer + n, p->size - n);
        p->size -= n;
        p->body_left -= n;
        if (p->body_left > 0)
            return true;
        if (p->drains) {
            drop(s, p);
            return false;
        }
        p->in_body = false;
        if (!serve(s, p))
            return false;
    }
}

static void on_readable(struct server *s, struct peer *p)
{
    ssize_t n = recv(p->fd, p->buffer + p->size, sizeof p->buffer - p->size, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        drop(s, p);
        return;
    }
    stay(s, p);
    p->size += (size_t)n;
    (void)go_on(s, p);
}

/* --- the loop --------------------------------------------------------------------------------------------------- */

static void on_connection(struct server *s)
{
    int fd;
    while ((fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        const int on = 1;
        struct peer *p = fd < FDS_MAX ? calloc(1, sizeof *p) : NULL;
        if (p == NULL)
            abort();
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* not of a unix socket */
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
            abort();
        p->fd = fd;
        s->peers[fd] = p;
        s->counts.accepted++;
        if (happens(s, s->plan.refuse))
            leave_soon(s, p);
    }
}

static void *run(void *app)
{
    struct server *s = app;
    struct epoll_event events[EVENTS_MAX];
    for (;;) {
        int n = epoll_wait(s->epoll, events, EVENTS_MAX, s->leaving > 0 ? 0 : -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == s->stop)
                return NULL;
            if (fd == s->listener)
                on_connection(s);
            else if (s->peers[fd] != NULL)
                on_readable(s, s->peers[fd]);
        }
        if (s->leaving > 0) {
            leave_due(s);
            if (n == 0)
                sched_yield();
        }
    }
}

/* --- starting and stopping -------------------------------------------------------------------------------------- */

static bool listen_tcp(struct server *s, char address[128])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&at, &size) != 0)
        return false;
    (void)snprintf(address, 128, "127.0.0.1:%u", (unsigned)ntohs(at.sin_port));
    return true;
}

static bool listen_unix(struct server *s, char address[128])
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    (void)snprintf(at.sun_path, sizeof at.sun_path, "/tmp/weir-retry-%ld.sock", (long)getpid());
    memcpy(s->path, at.sun_path, sizeof s->path);
    (void)unlink(s->path);
    s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&at, sizeof at) != 0)
        return false;
    (void)snprintf(address, 128, "unix:%s", s->path);
    return true;
}

static bool open_all(struct server *s, char address[128])
{
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->stop = eventfd(0, EFD_CLOEXEC);
    if (!(s->plan.is_unix ? listen_unix(s, address) : listen_tcp(s, address)) || listen(s->listener, 1024) != 0)
        return false;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = s->listener};
    if (s->epoll < 0 || s->stop < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &event) != 0)
        return false;
    event.data.fd = s->stop;
    return epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->stop, &event) == 0;
}

/* Null: said on stderr. `address` becomes what weir_request.connect_to takes. */
static struct server *server_start(const struct server_plan *plan, uint32_t total, uint64_t seed, char address[128])
{
    struct server *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->plan = *plan;
    s->total = total;
    s->random = seed | 1;
    s->records = calloc(total, sizeof *s->records);
    if (s->records == NULL || !open_all(s, address) || pthread_create(&s->thread, NULL, run, s) != 0) {
        perror("the server cannot start");
        free(s->records);
        free(s);
        return NULL;
    }
    return s;
}

/* Closes everything and ends the thread; records and counts stay until server_free. */
static void server_stop(struct server *s)
{
    const uint64_t one = 1;
    (void)!write(s->stop, &one, sizeof one);
    pthread_join(s->thread, NULL);
    for (int fd = 0; fd < FDS_MAX; fd++)
        if (s->peers[fd] != NULL)
            drop(s, s->peers[fd]);
    close(s->listener);
    close(s->epoll);
    close(s->stop);
    if (s->path[0] != '\0')
        (void)unlink(s->path);
}

static const struct server_record *server_record_of(const struct server *s, uint32_t id)
{
    return &s->records[id];
}

static struct server_counts server_counts_of(const struct server *s)
{
    return s->counts;
}

static void server_free(struct server *s)
{
    free(s->records);
    free(s);
}

#endif
