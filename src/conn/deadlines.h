/* The deadlines of a connection that is doing something: one value, told what happened, asked when it is too much.
 *
 * A head's is absolute (octets do not refresh it). A body has two: silence, and a least rate; neither runs while it is
 * the application that does not take. Writing has one: no progress. After our FIN there are silence and a total.
 */
#ifndef CONN_DEADLINES_H
#define CONN_DEADLINES_H

#include <weir/ending.h>
#include <weir/limits.h>

struct deadlines {
    uint64_t exchange; /* the one that `stage` is of */
    uint64_t since_ns; /* the stage began */
    uint64_t wait_ns;  /* a client's wait for a response began, before a head was partly here */
    uint64_t in_ns;    /* the last octet came */
    uint64_t out_ns;   /* the last octet went, or the first began to wait */
    uint64_t watch_ns; /* if this is later, the time to write runs from here: nobody watched before */
    uint64_t rate_since_ns;
    uint64_t rate_octets; /* come since then */
    uint32_t interims;    /* as last seen */
    uint8_t stage;        /* weir_stage */
    bool held;            /* the application does not take the body */
    bool writing;         /* output is pending */
};

/* What the deadlines look at after something happened. */
struct deadlines_sight {
    uint64_t exchange;
    weir_stage stage;
    bool held;
    bool writing;
    uint32_t interims; /* interim responses to this exchange */
    bool restarts;     /* each of them begins the wait for the response anew */
};

/* When the connection must hear about it, and with which code. */
struct deadlines_due {
    uint64_t ns;
    weir_code code;
};

void deadlines_init(struct deadlines *d, uint64_t now_ns);
void deadlines_received(struct deadlines *d, uint64_t octets, uint64_t now_ns);
void deadlines_sent(struct deadlines *d, uint64_t now_ns);
void deadlines_observe(struct deadlines *d, const struct deadlines_sight *sight, uint64_t now_ns);
/* The first that is due, of an open connection. */
struct deadlines_due deadlines_next(const struct deadlines *d, const weir_limits *limits, weir_role role);

/* a + b, WEIR_NEVER where it does not fit or b is unlimited. */
static inline uint64_t deadlines_add(uint64_t a, uint64_t b)
{
    return b > WEIR_NEVER - a ? WEIR_NEVER : a + b;
}

#endif
