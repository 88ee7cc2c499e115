#include "client/socks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/limits.h>

#include "base/alloc.h"
#include "io/loop.h"
#include "io/poll.h"

/* What may be said at once, and what is waited for at once: a greeting, a name of 255 octets and as long a password. */
#define TALK_SIZE_MAX 520

enum step { STEP_METHOD, STEP_AUTH, STEP_REPLY, STEP_ADDRESS };

struct client_socks {
    struct io_poll poll;
    struct io_timer timer;
    weir_allocator allocator;
    weir_loop *loop;
    void (*done)(void *app, weir_code code, int os, int fd);
    void *app;
    int fd;
    enum step step;
    size_t out_size, out_at; /* of `talk`, while something is being said */
    size_t in_size, in_at;   /* of `heard`: what this step waits for; not one octet more is read */
    unsigned char talk[TALK_SIZE_MAX];
    unsigned char heard[264];
    unsigned char request[262]; /* of STEP_REPLY */
    size_t request_size;
    size_t auth_size; /* 0: no user */
    unsigned char auth[513];
};

static void drop(struct client_socks *s)
{
    io_poll_close(&s->poll);
    io_timer_stop(s->loop, &s->timer);
    weir_allocator allocator = s->allocator;
    base_release(&allocator, s, sizeof *s);
}

static void end(struct client_socks *s, weir_code code, int os)
{
    void (*done)(void *, weir_code, int, int) = s->done;
    void *app = s->app;
    int fd = s->fd;
    drop(s);
    if (code != WEIR_OK) {
        close(fd);
        fd = -1;
    }
    done(app, code, os, fd);
}

static void say(struct client_socks *s, enum step step, const unsigned char *octets, size_t size, size_t answer)
{
    memcpy(s->talk, octets, size);
    s->step = step;
    s->out_size = size;
    s->out_at = s->in_at = 0;
    s->in_size = answer;
}

/* The proxy's reply (RFC 1928, 6), as what a connection of our own would have met. */
static weir_code reply_code(unsigned char reply)
{
    switch (reply) {
    case 3:
    case 4:
        return WEIR_CODE_connect_unreachable;
    case 5:
        return WEIR_CODE_connect_refused;
    case 6:
        return WEIR_CODE_connect_timeout;
    default:
        return WEIR_CODE_proxy_refused;
    }
}

static size_t address_size(unsigned char type, unsigned char first)
{
    return type == 1 ? 4 + 2 : type == 4 ? 16 + 2 : type == 3 ? (size_t)first + 1 + 2 : 0;
}

/* What was waited for is here. WEIR_OK and true: go on; else it is over. */
static bool heard_all(struct client_socks *s, weir_code *code)
{
    const unsigned char *in = s->heard;
    *code = WEIR_CODE_proxy_refused;
    switch (s->step) {
    case STEP_METHOD:
        if (in[0] != 5 || (in[1] != 0 && (in[1] != 2 || s->auth_size == 0)))
            return false;
        if (in[1] == 2)
            say(s, STEP_AUTH, s->auth, s->auth_size, 2);
        else
            say(s, STEP_REPLY, s->request, s->request_size, 5);
        return true;
    case STEP_AUTH:
        if (in[1] != 0)
            return false;
        say(s, STEP_REPLY, s->request, s->request_size, 5);
        return true;
    case STEP_REPLY:
        if (in[0] == 5 && in[1] != 0)
            *code = reply_code(in[1]);
        if (in[0] != 5 || in[1] != 0 || address_size(in[3], in[4]) == 0)
            return false;
        s->step = STEP_ADDRESS;
        s->in_size = 4 + address_size(in[3], in[4]);
        return true;
    default:
        *code = WEIR_OK;
        return false;
    }
}

/* False: it is over, and freed. */
static bool talk(struct client_socks *s)
{
    while (s->out_at < s->out_size) {
        ssize_t n = send(s->fd, s->talk + s->out_at, s->out_size - s->out_at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n < 0) {
            end(s, WEIR_CODE_proxy_refused, errno);
            return false;
        }
        s->out_at += (size_t)n;
    }
    return true;
}

static void on_ready(struct io_poll *poll)
{
    struct client_socks *s = BASE_CONTAINER(poll, struct client_socks, poll);
    while (talk(s)) {
        ssize_t n = s->out_at < s->out_size ? 0 : recv(s->fd, s->heard + s->in_at, s->in_size - s->in_at, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (s->out_at < s->out_size || (n < 0 && errno == EAGAIN)) {
            int os = io_poll_want(&s->poll, s->out_at < s->out_size ? IO_POLL_WRITE : IO_POLL_READ);
            if (os != 0)
                end(s, WEIR_CODE_system_error, os);
            return;
        }
        if (n <= 0) {
            end(s, WEIR_CODE_proxy_refused, n < 0 ? errno : 0);
            return;
        }
        s->in_at += (size_t)n;
        weir_code code;
        if (s->in_at == s->in_size && !heard_all(s, &code)) {
            end(s, code, 0);
            return;
        }
    }
}

static void on_timer(struct io_timer *timer)
{
    end(BASE_CONTAINER(timer, struct client_socks, timer), WEIR_CODE_connect_timeout, 0);
}

/* CONNECT (RFC 1928, 4). False: the name is too long. */
static bool make_request(struct client_socks *s, weir_str host, uint16_t port)
{
    unsigned char *to = s->request;
    char text[256];
    if (host.len == 0 || host.len >= sizeof text)
        return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    memcpy(to, (const unsigned char[]){5, 1, 0}, 3);
    if (inet_pton(AF_INET, text, to + 4) == 1) {
        to[3] = 1;
        to += 8;
    } else if (inet_pton(AF_INET6, text, to + 4) == 1) {
        to[3] = 4;
        to += 20;
    } else {
        to[3] = 3;
        to[4] = (unsigned char)host.len;
        memcpy(to + 5, text, host.len);
        to += 5 + host.len;
    }
    *to++ = (unsigned char)(port >> 8);
    *to++ = (unsigned char)(port & 0xff);
    s->request_size = (size_t)(to - s->request);
    return true;
}

/* RFC 1929, 2. False: a part is longer than 255 octets. */
static bool make_auth(struct client_socks *s, weir_str user)
{
    const char *colon = user.len > 0 ? memchr(user.ptr, ':', user.len) : NULL;
    size_t name = colon != NULL ? (size_t)(colon - user.ptr) : user.len;
    size_t word = colon != NULL ? user.len - name - 1 : 0;
    if (user.len == 0)
        return true;
    if (name > 255 || word > 255)
        return false;
    s->auth[0] = 1;
    s->auth[1] = (unsigned char)name;
    memcpy(s->auth + 2, user.ptr, name);
    s->auth[2 + name] = (unsigned char)word;
    if (word > 0)
        memcpy(s->auth + 3 + name, colon + 1, word);
    s->auth_size = 3 + name + word;
    return true;
}

weir_code client_socks_start(struct client_socks **out, weir_loop *loop, const weir_allocator *allocator, int fd,
                             const struct client_socks_options *options,
                             void (*done)(void *app, weir_code code, int os, int fd), void *app)
{
    struct client_socks *s = base_alloc_zero(allocator, sizeof *s);
    *out = NULL;
    if (s == NULL)
        return WEIR_CODE_no_memory;
    s->allocator = *allocator;
    s->loop = loop;
    s->done = done;
    s->app = app;
    s->fd = fd;
    s->poll.ready = on_ready;
    s->timer.fired = on_timer;
    if (!make_request(s, options->host, options->port) || !make_auth(s, options->user)) {
        base_release(allocator, s, sizeof *s);
        return WEIR_CODE_proxy_refused;
    }
    const unsigned char greeting[] = {5, s->auth_size > 0 ? 2 : 1, 0, 2};
    say(s, STEP_METHOD, greeting, s->auth_size > 0 ? 4 : 3, 2);
    if (io_poll_open(&s->poll, loop, fd, IO_POLL_WRITE) != 0) {
        base_release(allocator, s, sizeof *s);
        return WEIR_CODE_system_error;
    }
    if (options->timeout_ns != WEIR_UNLIMITED)
        io_timer_start(loop, &s->timer, weir_loop_now(loop) + options->timeout_ns);
    *out = s;
    return WEIR_OK;
}

void client_socks_cancel(struct client_socks *socks)
{
    int fd = socks->fd;
    drop(socks);
    close(fd);
}
