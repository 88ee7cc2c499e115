/* Between the files of the network only. */
#ifndef SIM_NET_INTERNAL_H
#define SIM_NET_INTERNAL_H

#include "net.h"

enum net_kind { NET_CALL, NET_TOP, NET_SYN, NET_CONNECTED, NET_DATA, NET_FIN, NET_ACK, NET_RST, NET_PUMP, NET_ACK_DUE, NET_GIVE_UP };

struct net_event {
    uint64_t ns;
    uint64_t order; /* of events of one time: as they were made */
    enum net_kind kind;
    struct net_end *to;
    uint64_t octets; /* of a segment */
    uint64_t acked;  /* what the sender had, and how much it would take */
    uint64_t edge;
    bool fin_acked;
    net_fn *fn;
    void *app;
};

void net_push(struct net_event event);
/* It waits for net_run_top. */
void net_push_top(const struct net_event *event);
/* How long a segment of this pair takes, drawn. */
uint64_t net_delay(struct net_pair *pair);

/* tcp.c */
void net_happen(const struct net_event *event);
/* Sends what may be sent. */
void net_pump(struct net_end *end);
/* Tells the other end how much came, and its window. */
void net_acknowledge(struct net_end *end);
/* Ends this one by a RST to the other. */
void net_abort(struct net_end *end);
void net_notify(struct net_end *end);

#endif
