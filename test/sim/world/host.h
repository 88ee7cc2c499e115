/* A raw server for the client: takes requests by their numbers, and answers well, badly, half, or not at all. */
#ifndef SIM_HOST_H
#define SIM_HOST_H

#include "asker.h"
#include "net.h"

#define HOST_CONNECTIONS_MAX NET_PAIRS_MAX

struct host_connection {
    struct host *host;
    struct net_end *end;
    char line[512]; /* of the head, or of a chunk */
    size_t line_length;
    uint64_t content_left;
    unsigned state;
    bool chunked, had_line;
    unsigned number, kind;
    uint64_t size;
    bool head, expects, asked_close;
    char *out; /* what it is about to send */
    size_t out_size, out_sent;
    bool closes, resets; /* when that is sent */
    bool gone;
    bool makes_up; /* has sent an answer that nobody asked for: from then on one may pass for another's */
};

struct host {
    struct net_listener *listener;
    struct host_connection connections[HOST_CONNECTIONS_MAX];
    unsigned count;
    bool hostile;
    unsigned *seen; /* by number */
};

void host_begin(struct host *host, bool hostile, unsigned *seen);
/* It has sent an answer that nobody asked for on the connection from that port. */
bool host_makes_up(const struct host *host, uint16_t port);
void host_fini(struct host *host);

#endif
