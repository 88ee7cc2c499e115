#include "raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clients.h"

/* --- sockets ---------------------------------------------------------------------------------------------------- */

static int bound(int type, uint16_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, size) != 0 || getsockname(fd, (struct sockaddr *)&at, &size) != 0) {
        perror("a socket of a raw server");
        exit(2);
    }
    *port = ntohs(at.sin_port);
    return fd;
}

int raw_dead_port(uint16_t *port)
{
    return bound(SOCK_STREAM, port);
}

void raw_open(struct raw *raw, const char *unix_path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    *raw = (struct raw){.accepted = 0};
    for (size_t i = 0; i < RAW_CONNS_MAX; i++)
        raw->conns[i].fd = -1;
    raw->tcp = bound(SOCK_STREAM, &raw->port);
    raw->dns = bound(SOCK_DGRAM, &raw->dns_port);
    raw->unix_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", unix_path);
    (void)unlink(unix_path);
    if (raw->unix_fd < 0 || bind(raw->unix_fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(raw->unix_fd, 100) != 0 || listen(raw->tcp, 100) != 0) {
        perror(unix_path);
        exit(2);
    }
}

static void leave(struct raw_conn *conn)
{
    (void)close(conn->fd);
    conn->fd = -1;
}

void raw_close(struct raw *raw)
{
    for (size_t i = 0; i < RAW_CONNS_MAX; i++)
        if (raw->conns[i].fd >= 0)
            leave(&raw->conns[i]);
    (void)close(raw->tcp);
    (void)close(raw->unix_fd);
    (void)close(raw->dns);
}

static bool is_saying(const struct raw_conn *conn)
{
    return conn->out_sent < conn->out_size || conn->answer_sent < conn->answer_size;
}

void raw_close_idle(struct raw *raw)
{
    for (size_t i = 0; i < RAW_CONNS_MAX; i++) {
        struct raw_conn *conn = &raw->conns[i];
        if (conn->fd >= 0 && !is_saying(conn) && !conn->in_body && conn->in_size == 0 && conn->socks == 0)
            leave(conn);
    }
}

size_t raw_wants(const struct raw *raw, struct pollfd fds[RAW_SOCKETS_MAX])
{
    size_t count = 0;
    fds[count++] = (struct pollfd){.fd = raw->tcp, .events = POLLIN};
    fds[count++] = (struct pollfd){.fd = raw->unix_fd, .events = POLLIN};
    fds[count++] = (struct pollfd){.fd = raw->dns, .events = POLLIN};
    for (size_t i = 0; i < RAW_CONNS_MAX; i++)
        if (raw->conns[i].fd >= 0)
            fds[count++] =
                (struct pollfd){.fd = raw->conns[i].fd, .events = is_saying(&raw->conns[i]) ? POLLOUT : POLLIN};
    return count;
}

/* --- the name server -------------------------------------------------------------------------------------------- */

/* Every name is at ::1 and at 127.0.0.1 (RFC 1035, 4). */
static void answer_name(struct raw *raw)
{
    unsigned char said[512], answer[600];
    struct sockaddr_in from;
    socklen_t from_size = sizeof(from);
    ssize_t n = recvfrom(raw->dns, said, sizeof(said), 0, (struct sockaddr *)&from, &from_size);
    size_t at = 12, size = n > 0 ? (size_t)n : 0;
    while (at < size && said[at] != 0)
        at += said[at] + 1U;
    at += 5; /* the root, type, class */
    if (at > size)
        return;
    unsigned char type = said[at - 3];
    unsigned char length = type == 28 ? 16 : 4;
    unsigned char record[28] = {0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, length};
    if (length == 16)
        record[27] = 1;
    else
        memcpy(record + 12, "\x7f\0\0\1", 4);
    memcpy(answer, said, at);
    memcpy(answer + 2, "\x81\x80\0\1\0\1\0\0\0\0", 10);
    memcpy(answer + at, record, 12U + length);
    (void)sendto(raw->dns, answer, at + 12 + length, 0, (struct sockaddr *)&from, from_size);
}

/* --- a proxy ---------------------------------------------------------------------------------------------------- */

static void drop(struct raw_conn *conn, size_t size)
{
    conn->in_size -= size;
    memmove(conn->in, conn->in + size, conn->in_size);
}

static void say(struct raw_conn *conn, const char *octets, size_t size)
{
    memcpy(conn->out, octets, size);
    conn->out_size = size;
    conn->out_sent = 0;
}

/* One step of RFC 1928 and 1929; false: more must come first. */
static bool talk_socks(struct raw_conn *conn)
{
    const unsigned char *in = (const unsigned char *)conn->in;
    size_t have = conn->in_size, size = 0;
    if (conn->socks == 1) {
        size = have >= 2 ? 2U + in[1] : 2;
    } else if (conn->socks == 2) {
        size = have >= 2 ? 3U + in[1] : 3;
        size = have >= size ? size + in[size - 1] : size;
    } else {
        size = have < 5 ? 5 : in[3] == 1 ? 10 : in[3] == 4 ? 22 : 7U + in[4];
    }
    if (have < size)
        return false;
    if (conn->socks == 1)
        say(conn, "\5\2", 2);
    else if (conn->socks == 2)
        say(conn, "\1", 2);
    else
        say(conn, "\5\0\0\1\x7f\0\0\1\0\x50", 10);
    drop(conn, size);
    conn->socks = conn->socks == 3 ? 0 : conn->socks + 1;
    return true;
}

/* --- HTTP ------------------------------------------------------------------------------------------------------- */

static void answer(struct raw_conn *conn)
{
    conn->out_size = (size_t)snprintf(conn->out, sizeof(conn->out), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n",
                                      conn->cheated ? "400 Bad Request" : "200 OK", conn->answer_size);
    conn->out_sent = conn->answer_sent = 0;
    conn->in_body = conn->cheated = false;
}

static void take_body(struct raw_conn *conn)
{
    uint64_t left = conn->body_size - conn->body_got;
    size_t size = conn->in_size < left ? conn->in_size : (size_t)left;
    if (memcmp(conn->in, body_octets((size_t)conn->body_got), size) != 0)
        conn->cheated = true;
    conn->body_got += size;
    drop(conn, size);
    if (conn->body_got == conn->body_size)
        answer(conn);
}

/* False: the head is not whole. */
static bool take_head(struct raw_conn *conn)
{
    char *end = memmem(conn->in, conn->in_size, "\r\n\r\n", 4);
    if (end == NULL)
        return false;
    *end = '\0';
    const char *length = strcasestr(conn->in, "content-length:");
    bool expects = strcasestr(conn->in, "expect:") != NULL;
    conn->answer_size = strstr(conn->in, " " RAW_BIG_TARGET " ") != NULL ? RAW_BIG : RAW_SMALL;
    conn->answer_sent = conn->answer_size; /* not before the request is whole */
    conn->body_size = length != NULL ? strtoull(length + 15, NULL, 10) : 0;
    conn->body_got = 0;
    conn->in_body = true;
    drop(conn, (size_t)(end - conn->in) + 4);
    if (conn->body_size == 0)
        answer(conn);
    else if (expects)
        say(conn, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    return true;
}

static bool take(struct raw_conn *conn)
{
    if (is_saying(conn) || conn->in_size == 0)
        return false;
    if (conn->socks > 0)
        return talk_socks(conn);
    if (!conn->in_body)
        return take_head(conn);
    take_body(conn);
    return true;
}

/* --- its turn --------------------------------------------------------------------------------------------------- */

/* False: nothing went. */
static bool write_out(struct raw_conn *conn)
{
    bool in_head = conn->out_sent < conn->out_size;
    const char *from = in_head ? conn->out + conn->out_sent : body_octets(conn->answer_sent);
    size_t left = in_head ? conn->out_size - conn->out_sent : conn->answer_size - conn->answer_sent;
    ssize_t n = send(conn->fd, from, left, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        leave(conn);
    if (n <= 0)
        return false;
    if (in_head)
        conn->out_sent += (size_t)n;
    else
        conn->answer_sent += (size_t)n;
    return true;
}

/* False: nothing came. */
static bool read_in(struct raw_conn *conn)
{
    if (conn->in_size == sizeof(conn->in))
        return false;
    bool fresh = conn->in_size == 0 && !conn->in_body && conn->answer_size == 0 && conn->socks == 0;
    ssize_t n = recv(conn->fd, conn->in + conn->in_size, sizeof(conn->in) - conn->in_size, 0);
    if (n < 0)
        n = errno == EAGAIN || errno == EINTR ? -1 : 0;
    if (n == 0) {
        leave(conn);
        return false;
    }
    if (n < 0)
        return false;
    conn->in_size += (size_t)n;
    if (fresh && conn->in[0] == 5)
        conn->socks = 1;
    return true;
}

static void turn(struct raw_conn *conn)
{
    bool moved = true;
    for (unsigned i = 0; moved && conn->fd >= 0 && i < 1000; i++) {
        moved = is_saying(conn) ? write_out(conn) : read_in(conn);
        while (conn->fd >= 0 && take(conn))
            moved = true;
    }
}

static void accept_all(struct raw *raw, int listener)
{
    for (size_t i = 0; i < RAW_CONNS_MAX; i++) {
        struct raw_conn *conn = &raw->conns[i];
        if (conn->fd >= 0)
            continue;
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        const int on = 1; /* a head and its body are two writes; of a unix socket it fails, which is as well */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        raw->accepted++;
        *conn = (struct raw_conn){.fd = fd};
    }
}

void raw_turn(struct raw *raw)
{
    accept_all(raw, raw->tcp);
    accept_all(raw, raw->unix_fd);
    answer_name(raw);
    for (size_t i = 0; i < RAW_CONNS_MAX; i++)
        if (raw->conns[i].fd >= 0)
            turn(&raw->conns[i]);
}
