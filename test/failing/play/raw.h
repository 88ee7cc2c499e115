/* Raw servers for the scenes of a client, none of which ever blocks: one by TCP, which is a SOCKS proxy too and then
 * its own far end, one by a unix socket, and a name server. */
#ifndef FAILING_RAW_H
#define FAILING_RAW_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAW_SMALL      40
#define RAW_BIG        600000
/* Answered with RAW_BIG octets; all other targets with RAW_SMALL. An upload that is not of the pattern gets 400. */
#define RAW_BIG_TARGET "/big"

#define RAW_CONNS_MAX   64
#define RAW_SOCKETS_MAX (RAW_CONNS_MAX + 3)

struct raw_conn {
    int fd; /* -1: free */
    char in[2048];
    size_t in_size;
    unsigned socks; /* the step of the talk with a proxy that comes next; 0: none */
    bool in_body;   /* a request's content is coming */
    uint64_t body_size, body_got;
    bool cheated;  /* it is not of the pattern */
    char out[256]; /* what is being said, and behind it so much of the pattern */
    size_t out_size, out_sent;
    size_t answer_size, answer_sent;
};

struct raw {
    int tcp, unix_fd, dns;
    uint16_t port, dns_port;
    unsigned accepted;
    struct raw_conn conns[RAW_CONNS_MAX];
};

void raw_open(struct raw *raw, const char *unix_path);
size_t raw_wants(const struct raw *raw, struct pollfd fds[RAW_SOCKETS_MAX]);
void raw_turn(struct raw *raw);
/* Ends the connections on which nothing is under way. */
void raw_close_idle(struct raw *raw);
void raw_close(struct raw *raw);
/* A port that nobody listens on, as long as its socket is held. */
int raw_dead_port(uint16_t *port);

#endif
