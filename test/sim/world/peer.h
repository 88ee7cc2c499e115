/* A raw client, on the other side of the network: what it asks, how it reads, when it leaves. Everything about it is
 * drawn when it is made; it knows sockets, and nothing of the library. */
#ifndef SIM_PEER_H
#define SIM_PEER_H

#include "net.h"
#include "reader.h"

#define PEER_REQUESTS_MAX 8
#define PEER_OCTETS_MAX   60000

enum peer_reading { PEER_READS, PEER_READS_SLOWLY, PEER_STOPS_READING, PEER_NEVER_READS };
enum peer_leaving {
    PEER_CLOSES_ANSWERED, /* when it has all answers */
    PEER_HALF_CLOSES,     /* when all is sent; and stays for the answers */
    PEER_STAYS,           /* until the server closes */
    /* At some moment, whatever goes on: */
    PEER_CLOSES,
    PEER_RESETS,
    PEER_ENDS_HALF,
    PEER_VANISHES,
    PEER_LEAVINGS
};

struct peer {
    struct net_end *end;
    struct asked asked[PEER_REQUESTS_MAX];
    unsigned asked_count;
    char *script; /* all that it sends */
    size_t script_size;
    size_t script_capacity;
    uint64_t sent;
    uint64_t received;
    struct reader reader;
    enum peer_reading reading;
    enum peer_leaving leaving;
    uint64_t stop_at;  /* octets after which it reads no more */
    uint64_t leave_at; /* octets sent and received, or milliseconds */
    bool leave_by_time;
    bool pipelines;
    bool cuts;     /* sends in pieces */
    bool hesitates; /* with pauses that a deadline may notice */
    bool garbage;
    bool deaf;     /* sending failed */
    bool got_fin, got_reset, gone;
    bool pauses;
    bool has_shut;
};

/* Draws a peer and connects it. `place` gives its requests their numbers. */
void peer_begin(struct peer *peer, unsigned place, struct net_listener *listener, bool hostile);
void peer_fini(struct peer *peer);
/* How many of its requests, as far as they were sent whole, are to be answered. Of one that sends garbage: none. */
unsigned peer_owed(const struct peer *peer);
/* It stays and reads to the end: what it is owed it must get. */
bool peer_is_good(const struct peer *peer);

#endif
