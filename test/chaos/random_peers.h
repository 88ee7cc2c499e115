/* Raw peers for random.c: sockets that send whole, broken and cut messages of HTTP/1, read all, little or nothing, and
 * leave in every way. Nothing here waits. */
#ifndef CHAOS_RANDOM_PEERS_H
#define CHAOS_RANDOM_PEERS_H

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "random_calls.h"

#define PEERS_MAX 12

struct peer {
    int fd;      /* -1: not there */
    bool serves; /* it was accepted: it answers what it reads */
    char *octets;
    size_t size, at;
    unsigned reads; /* 0: never, 1: little, 2: all */
};

static const char *const peer_requests[] = {
    "GET /a?b=c HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\nX-T: 1\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    "12345",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n",
    "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "no request\r\n\r\n",
};

static const char *const peer_answers[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\nX-T: 1\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n",
    "HTTP/1.1 200 OK\r\n\r\nuntil close",
    "HTTP/1.0 200 OK\r\n\r\n",
    "HTTP/1.1 413 Too Much\r\nContent-Length: 3\r\n\r\nnot",
    "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
    "no answer\r\n\r\n",
};

/* One more message, cut now and then, or some octets of content. */
static inline void peer_add(struct peer *p, struct dice *dice)
{
    weir_str more = p->serves ? weir_str_from(peer_answers[roll(dice, sizeof peer_answers / sizeof *peer_answers)])
                              : weir_str_from(peer_requests[roll(dice, sizeof peer_requests / sizeof *peer_requests)]);
    if (one_in(dice, 12))
        more.len = roll(dice, more.len);
    if (one_in(dice, 6))
        more = (weir_str){bulk.octets, roll(dice, 100000)};
    p->octets = realloc(p->octets, p->size + more.len + 1);
    if (p->octets == NULL)
        abort();
    memcpy(p->octets + p->size, more.ptr, more.len);
    p->size += more.len;
}

static inline void peer_open(struct peer *p, int fd, bool serves, struct dice *dice)
{
    int small = 4096;
    *p = (struct peer){.fd = fd, .serves = serves, .reads = one_in(dice, 4) ? (unsigned)roll(dice, 2) : 2};
    if (one_in(dice, 3))
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    for (uint64_t count = serves ? 0 : 1 + roll(dice, 5); count > 0; count--)
        peer_add(p, dice);
}

static inline void peer_close(struct peer *p, bool resets)
{
    const struct linger at_once = {.l_onoff = 1};
    if (p->fd < 0)
        return;
    if (resets)
        (void)setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)close(p->fd);
    free(p->octets);
    *p = (struct peer){.fd = -1};
}

static inline void peer_read(struct peer *p, struct dice *dice)
{
    static char space[65536];
    ssize_t n = recv(p->fd, space, p->reads == 1 ? 1 + roll(dice, 100) : sizeof space, MSG_DONTWAIT);
    if (n > 0 && p->serves)
        peer_add(p, dice);
}

static inline void peer_write(struct peer *p, struct dice *dice)
{
    size_t left = p->size - p->at, size = left > 0 && one_in(dice, 2) ? 1 + roll(dice, left) : left;
    ssize_t n = size > 0 ? send(p->fd, p->octets + p->at, size, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;
    if (n > 0)
        p->at += (size_t)n;
}

/* Something that a peer does. */
static inline void peer_act(struct peer *p, struct dice *dice)
{
    static const int shuts[] = {SHUT_WR, SHUT_WR, SHUT_RD, SHUT_RDWR};
    if (p->fd < 0)
        return;
    uint64_t what = roll(dice, 40);
    if (what < 20)
        peer_write(p, dice);
    else if (what < 34 && p->reads > 0)
        peer_read(p, dice);
    else if (what == 34)
        (void)shutdown(p->fd, shuts[roll(dice, 4)]);
    else if (what == 35)
        peer_add(p, dice);
    else if (what >= 38)
        peer_close(p, what == 38);
}

#endif
