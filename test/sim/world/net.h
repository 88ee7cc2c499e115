/* A network and the kernels at its ends, of one process without threads: TCP as Linux has it, seen from the system
 * calls. What is modelled: buffers on both sides, segments of any size in order with any delay, windows, delayed and
 * lost acknowledgements, FIN, RST (of an abort, of a close over unread octets, in answer to octets for a socket that
 * is gone), what errno each call then says once, the edges of epoll, hosts that vanish. What is not: retransmission
 * (a late segment stands for it), urgent data.
 *
 * Everything is on one clock, which only net_run moves. */
#ifndef SIM_NET_H
#define SIM_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/list.h"

#define NET_FD_BASE  (1 << 24)
#define NET_PORT_BASE 40000
#define NET_PAIRS_MAX 24
#define NET_EPOCH_NS UINT64_C(1000000000000)
#define NET_US       UINT64_C(1000)
#define NET_MS       UINT64_C(1000000)
#define NET_S        UINT64_C(1000000000)

/* How octets pass from one end to the other. Octets are counted from the beginning: sent <= written and so on. */
struct net_flow {
    char *octets; /* all that was ever written */
    size_t capacity;
    uint64_t written; /* taken by the kernel of the sender */
    uint64_t sent;    /* left it */
    uint64_t arrived; /* in the kernel of the receiver */
    uint64_t acked;   /* and the sender knows */
    uint64_t read;    /* by the receiving program; or destroyed */
    uint64_t destroyed;
    uint64_t edge;      /* the window: what may be sent */
    uint64_t lost_from; /* what was under way from there on is lost */
    uint64_t last_arrival_ns;
    uint64_t progress_ns; /* `acked` moved */
    uint64_t progress_late_ns;
    uint64_t arrival_ns;  /* `arrived` did */
    unsigned segments;
    unsigned owed_acks; /* segments that are not acknowledged */
    bool ack_is_due;    /* a delayed one has its timer */
    bool pump_is_due;
    bool fin_queued, fin_sent, fin_arrived, fin_acked;
};

enum net_ready { NET_IN = 1, NET_OUT = 2, NET_RDHUP = 4, NET_HUP = 8, NET_ERR = 16 };

struct net_pair;
struct net_end {
    struct net_pair *pair;
    struct net_end *other;
    struct net_flow *out, *in;
    int fd;
    int error; /* SO_ERROR */
    bool open; /* a program has it */
    bool dead; /* by a reset, sent or received */
    bool finished; /* by both FINs */
    bool nospace;
    bool deaf;        /* a filter of its socket drops what comes */
    bool vanished;    /* its host is gone */
    bool destroys;    /* a reset takes unread octets away */
    bool was_reset;   /* the reset came from the other end */
    bool gave_up;     /* nobody answered */
    bool known_dead;  /* when its owner asked last */
    uint64_t told_acked; /* and what it was told */
    bool quiet;       /* it said that it is, and nothing was read since */
    uint64_t requests; /* of a client: begun on it when it wrote last */
    uint64_t dead_ns;
    size_t send_size, receive_size;
    /* Something changed that epoll would tell. Of an end that nobody watches: null. */
    void (*notify)(struct net_end *end);
    void *owner;
    struct base_list epoll; /* in the list of its loop */
};

struct net_pair {
    struct net_end ends[2]; /* 0: who connected */
    struct net_flow flows[2];
    struct base_list waiting; /* to be accepted */
    unsigned weather;         /* delays and sizes of segments: 0 is fine */
    unsigned acks;            /* 0: at once, 1: delayed, 2: as chosen */
    uint16_t port;
    int to; /* the listener's descriptor */
    unsigned list; /* of its choices */
    char name[12];
    bool accepted;
    bool stalled; /* for seconds, at least once */
    bool spoilt;  /* what its peer sends is garbage */
};

struct net_listener {
    int fd;
    bool open;
    struct base_list waiting;
    void (*notify)(struct net_listener *listener);
    void *owner;
};

void net_begin(void);
void net_end_all(void);
uint64_t net_now(void);
/* How much time passed in which no program could look: moments within its calls, and what net_add_late was told. */
uint64_t net_late(void);
void net_add_late(uint64_t ns);
/* The wall clock: jumps as chosen. */
int64_t net_wall(void);
/* Something else happens on the clock. */
typedef void net_fn(void *app);
void net_call_at(uint64_t ns, net_fn *fn, void *app);
/* The same, of a program that calls the library: not in the middle of one of its calls, but at net_run_top. */
void net_call_at_top(uint64_t ns, net_fn *fn, void *app);
/* Those that are due. False: none was. */
bool net_run_top(void);
/* When the next thing happens; WEIR_NEVER if nothing. */
uint64_t net_next(void);
/* Moves the clock, with all that happens until then. */
void net_run(uint64_t until_ns);
/* A moment passes between two system calls. */
void net_moment(void);

/* Weather, buffers and so on are drawn. `place`: below NET_PAIRS_MAX; its number, port and list of choices follow
 * from it, and nobody else connects from there. */
struct net_end *net_connect(struct net_listener *listener, unsigned place);
struct net_listener *net_listen(void);
struct net_end *net_accept(struct net_listener *listener);
void net_unlisten(struct net_listener *listener);
struct net_pair *net_pair_of_port(uint16_t port);
struct net_end *net_end_of_fd(int fd);
struct net_listener *net_listener_of_fd(int fd);

/* The system calls: n or minus errno. */
ssize_t net_recv(struct net_end *end, char *space, size_t size);
ssize_t net_send(struct net_end *end, const char *octets, size_t size);
/* A further piece of one call: nothing comes between them. */
ssize_t net_send_on(struct net_end *end, const char *octets, size_t size);
int net_shutdown(struct net_end *end);
/* SO_ATTACH_FILTER, one that drops everything. */
void net_deafen(struct net_end *end);
/* connect to AF_UNSPEC: a reset, and the descriptor stays. */
void net_disconnect(struct net_end *end);
void net_close(struct net_end *end, bool reset);
unsigned net_poll(struct net_end *end);
int net_take_error(struct net_end *end);
/* The most connections to one listener that those who connected have open. */
uint64_t net_open_most(void);
static inline uint64_t net_unread(const struct net_end *end)
{
    return end->in->arrived - end->in->read;
}
/* TCP state CLOSE. */
static inline bool net_is_over(const struct net_end *end)
{
    return end->dead || end->finished;
}
/* The host of an end is gone, without a word. */
void net_vanish(struct net_end *end);

#endif
