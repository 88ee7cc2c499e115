/* For tests: a name server on loopback, in the test's own loop, that answers what the test says (RFC 1035, 4). By UDP,
 * and by TCP for who asks again after a truncated answer. */
#ifndef IO_FAKE_DNS_H
#define IO_FAKE_DNS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/poll.h"

enum { DNS_A = 1, DNS_AAAA = 28, DNS_NXDOMAIN = 3, DNS_SERVFAIL = 2, DNS_REFUSED = 5 };

struct fake_name {
    const char *name;
    const char *addresses[48]; /* of both families, as text */
    int rcode;
    bool silent;    /* no answer */
    bool truncated; /* by UDP only that there is more */
    size_t cut;     /* octets of the answer that are left out */
    int lost;       /* so many of the first questions never arrive */
    unsigned only;  /* `rcode`, `silent` and `held` are of questions of that type; 0: of all */
    bool held;      /* the answer is kept until fake_dns_release */
    unsigned ttl;   /* 0: 60 */
    bool no_ttl;    /* TTL 0 */
};

#define FAKE_DNS_HELD_MAX 8

struct fake_dns_held {
    struct sockaddr_in to;
    size_t size;
    uint8_t octets[2048];
};

struct fake_dns {
    const struct fake_name *names; /* ends with a null name; who is not in it does not exist */
    struct io_poll poll;
    struct io_poll tcp_poll;
    struct io_poll peer_poll; /* of the one connection by TCP */
    int fd;
    int tcp_fd;
    int asked;
    int asked_by_tcp;
    int asked_last; /* type */
    struct fake_dns_held held[FAKE_DNS_HELD_MAX];
    size_t held_count;
    bool hold; /* the answer just made */
    char address[32]; /* for io_resolver_new */
};

/* The name of the question as text; how many octets the question takes, 0 if it is none. */
static inline size_t fake_dns_question(const uint8_t *query, size_t size, char *name, unsigned *type)
{
    size_t at = 12;
    size_t used = 0;
    while (at < size && query[at] != 0) {
        size_t label = query[at++];
        if (at + label >= size || used + label + 2 > 256)
            return 0;
        memcpy(name + used, query + at, label);
        used += label;
        name[used++] = '.';
        at += label;
    }
    name[used > 0 ? used - 1 : 0] = '\0';
    if (at + 5 > size)
        return 0;
    *type = (unsigned)query[at + 1] << 8 | query[at + 2];
    return at + 5 - 12;
}

static inline size_t fake_dns_records(uint8_t *to, const struct fake_name *name, unsigned type, unsigned *count)
{
    size_t size = 0;
    for (size_t i = 0; name->addresses[i] != NULL; i++) {
        uint8_t octets[16];
        bool is_ipv6 = strchr(name->addresses[i], ':') != NULL;
        uint8_t length = is_ipv6 ? 16 : 4;
        if (is_ipv6 != (type == DNS_AAAA) || inet_pton(is_ipv6 ? AF_INET6 : AF_INET, name->addresses[i], octets) != 1)
            continue;
        unsigned ttl = name->no_ttl ? 0 : name->ttl > 0 ? name->ttl : 60;
        const uint8_t head[12] = {0xc0, 12, 0, (uint8_t)type, 0, 1, 0, 0, (uint8_t)(ttl >> 8), (uint8_t)ttl, 0, length};
        memcpy(to + size, head, sizeof(head));
        memcpy(to + size + sizeof(head), octets, length);
        size += sizeof(head) + length;
        (*count)++;
    }
    return size;
}

/* 0: there is nothing to say. */
static inline size_t fake_dns_answer(struct fake_dns *dns, const uint8_t *query, size_t size, uint8_t *answer, bool tcp)
{
    static const struct fake_name unknown = {.rcode = DNS_NXDOMAIN};
    const struct fake_name *name = dns->names;
    char text[260];
    unsigned type = 0;
    unsigned count = 0;
    size_t question = fake_dns_question(query, size, text, &type);
    dns->asked++;
    dns->asked_by_tcp += tcp;
    if (question == 0)
        return 0;
    while (name->name != NULL && strcasecmp(name->name, text) != 0)
        name++;
    if (name->name == NULL)
        name = &unknown;
    bool meant = name->only == 0 || name->only == type;
    dns->asked_last = (int)type;
    dns->hold = meant && name->held;
    if ((meant && name->silent) || dns->asked <= name->lost)
        return 0;
    bool cut_short = name->truncated && !tcp;
    size_t used = 12 + question;
    memcpy(answer, query, used);
    if (!cut_short && !(meant && name->rcode != 0))
        used += fake_dns_records(answer + used, name, type, &count);
    const uint8_t rest[10] = {(uint8_t)(0x81 | (cut_short ? 2 : 0)), (uint8_t)(0x80 | (meant ? name->rcode : 0)), 0, 1, 0,
                              (uint8_t)count};
    memcpy(answer + 2, rest, sizeof(rest));
    return used > name->cut ? used - name->cut : 0;
}

static inline void fake_dns_udp(struct io_poll *poll)
{
    struct fake_dns *dns = BASE_CONTAINER(poll, struct fake_dns, poll);
    struct sockaddr_in from;
    socklen_t from_size = sizeof(from);
    uint8_t query[512];
    uint8_t answer[2048];
    ssize_t n = recvfrom(dns->fd, query, sizeof(query), MSG_DONTWAIT, (struct sockaddr *)&from, &from_size);
    size_t size = n > 0 ? fake_dns_answer(dns, query, (size_t)n, answer, false) : 0;
    if (size > 0 && dns->hold && dns->held_count < FAKE_DNS_HELD_MAX) {
        struct fake_dns_held *held = &dns->held[dns->held_count++];
        held->to = from;
        held->size = size;
        memcpy(held->octets, answer, size);
        return;
    }
    if (size > 0)
        (void)sendto(dns->fd, answer, size, 0, (struct sockaddr *)&from, from_size);
}

/* Sends what was held. */
static inline void fake_dns_release(struct fake_dns *dns)
{
    for (size_t i = 0; i < dns->held_count; i++)
        (void)sendto(dns->fd, dns->held[i].octets, dns->held[i].size, 0, (struct sockaddr *)&dns->held[i].to,
                     sizeof(dns->held[i].to));
    dns->held_count = 0;
}

/* A question has come, whole: a client sends it with one call. */
static inline void fake_dns_tcp_question(struct io_poll *poll)
{
    struct fake_dns *dns = BASE_CONTAINER(poll, struct fake_dns, peer_poll);
    uint8_t query[514];
    uint8_t answer[2050];
    size_t size = 0;
    if (recv(poll->fd, query, 2, MSG_DONTWAIT) == 2)
        size = (size_t)query[0] << 8 | query[1];
    if (size == 0 || size > 512 || recv(poll->fd, query, size, MSG_DONTWAIT) != (ssize_t)size) {
        int fd = poll->fd;
        io_poll_close(poll);
        close(fd);
        return;
    }
    size = fake_dns_answer(dns, query, size, answer + 2, true);
    answer[0] = (uint8_t)(size >> 8);
    answer[1] = (uint8_t)size;
    (void)send(poll->fd, answer, size + 2, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* One connection at a time. */
static inline void fake_dns_tcp(struct io_poll *poll)
{
    struct fake_dns *dns = BASE_CONTAINER(poll, struct fake_dns, tcp_poll);
    int fd = dns->peer_poll.loop == NULL ? accept(dns->tcp_fd, NULL, NULL) : -1;
    if (fd >= 0 && io_poll_open(&dns->peer_poll, poll->loop, fd, IO_POLL_READ) != 0)
        close(fd);
}

static inline bool fake_dns_bind(struct fake_dns *dns)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    dns->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    dns->tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1; /* after a test of ten thousand connections most ports are in TIME_WAIT */
    (void)setsockopt(dns->tcp_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (dns->fd >= 0 && dns->tcp_fd >= 0 && bind(dns->fd, (struct sockaddr *)&at, size) == 0 &&
        getsockname(dns->fd, (struct sockaddr *)&at, &size) == 0 &&
        bind(dns->tcp_fd, (struct sockaddr *)&at, size) == 0 && listen(dns->tcp_fd, 5) == 0) {
        (void)snprintf(dns->address, sizeof(dns->address), "127.0.0.1:%u", ntohs(at.sin_port));
        return true;
    }
    close(dns->fd);
    close(dns->tcp_fd);
    return false;
}

/* False: no port for it. */
static inline bool fake_dns_open(struct fake_dns *dns, weir_loop *loop, const struct fake_name *names)
{
    *dns = (struct fake_dns){.names = names, .poll.ready = fake_dns_udp, .tcp_poll.ready = fake_dns_tcp};
    dns->peer_poll.ready = fake_dns_tcp_question;
    /* The port that UDP got may be somebody's by TCP. */
    for (int tries = 0; tries < 1000; tries++) {
        if (fake_dns_bind(dns))
            return io_poll_open(&dns->poll, loop, dns->fd, IO_POLL_READ) == 0 &&
                   io_poll_open(&dns->tcp_poll, loop, dns->tcp_fd, IO_POLL_READ) == 0;
    }
    return false;
}

static inline void fake_dns_close(struct fake_dns *dns)
{
    io_poll_close(&dns->poll);
    io_poll_close(&dns->tcp_poll);
    if (dns->peer_poll.loop != NULL) {
        io_poll_close(&dns->peer_poll);
        close(dns->peer_poll.fd);
    }
    close(dns->fd);
    close(dns->tcp_fd);
}

#endif
