/* What the engines of one thread share: the options, checked and with defaults; free lists; the Date line of the
 * present second; the counters. */
#ifndef EXCHANGE_CONFIG_H
#define EXCHANGE_CONFIG_H

#include <weir/conn.h>

#include "base/block.h"
#include "base/memory.h"
#include "exchange/totals.h"
#include "http/date.h"
#include "http/head.h"

#define EXCHANGE_DATE_LINE_SIZE (6 + HTTP_DATE_SIZE + 2)

struct h1_shared;

struct weir_conn_config {
    weir_conn_options options; /* limits resolved, allocator that of the meter */
    struct base_meter meter;
    weir_handler handler;        /* a copy, so that a shorter struct of an older caller is null behind its end */
    const weir_handler *serves; /* what exchanges begin with: `handler`, or another of the owner's that lives as long */
    bool lenient;
    struct http_head_limits head_limits;
    struct base_blocks blocks;
    struct h1_shared *h1; /* what HTTP/1's engines share (h1/engine.h) */
    struct base_slab exchanges;
    struct base_slab heads; /* what came of them */
    struct base_slab engines; /* the active part of a connection */

    int64_t (*unix_time)(void *app); /* the option, or the loop's */
    void *unix_time_app;
    int64_t date_second;
    char date_line[EXCHANGE_DATE_LINE_SIZE];  /* "Date: ...\r\n" */
    uint64_t seed;                          /* of the jitter of ages */
    void (*wake)(struct weir_conn *conn); /* a connection has something to do; never null while one lives */
    /* An exchange ends; true: it is taken back, to be asked elsewhere, and its handler does not hear of it. May be
     * null. */
    bool (*ending)(struct weir_conn_config *config, struct weir_exchange *x, weir_exchange_ending *ending);
    void (*freed)(struct weir_exchange *x); /* an exchange is no more; may be null */
    struct exchange_totals totals;
};

/* The same as weir_conn_config_new and _free, in the caller's memory. `engine_size`: of the pieces for engines, for
 * what the folder above keeps beside them; `exchange_size`: the same of exchanges, or 0. */
WEIR_MUST_USE weir_code exchange_config_init(struct weir_conn_config *config, const weir_conn_options *options,
                                           size_t engine_size, size_t exchange_size, weir_error *error);
void exchange_config_fini(struct weir_conn_config *config);
/* Gives memory of the free lists back, but for a few pieces of each. */
void exchange_config_trim(struct weir_conn_config *config);
/* Octets of memory that are in use. */
uint64_t exchange_config_memory(const struct weir_conn_config *config);
/* The Date line of now; empty when there is no wall clock. */
weir_str exchange_config_date_line(struct weir_conn_config *config);

#endif
