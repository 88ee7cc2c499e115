/* A connection without I/O: weir/conn.h, embedded. The engine does the protocol while there is some; this is what
 * remains between: the life, the deadlines, the facts, and at the end the ending. */
#ifndef CONN_CONN_H
#define CONN_CONN_H

#include <weir/conn.h>

#include "conn/deadlines.h"
#include "conn/life.h"
#include "engine/engine.h"

enum conn_asking { CONN_ASKING_NOTHING, CONN_ASKING_MARK, CONN_ASKING_PROGRESS };

/* What a connection has while it is doing something, or closing; an idle one has none. */
struct conn_work {
    struct h1_engine h1;    /* first: the config's free list is of these */
    struct engine *engine;  /* the one that speaks: `h1` */
    struct deadlines deadlines;
    struct weir_conn *conn;
    uint64_t dropped; /* octets read and dropped after the last exchange */
    uint64_t look_ns; /* when to look at the acknowledgements again, while lingering */
    uint64_t look_after_ns;
    /* The probe for slow readers. At a quarter of write_timeout the acknowledged count is noted, with deadlines.out_ns of
     * that moment. If the count has grown when the timeout is over, the peer reads, and the timeout restarts. */
    uint64_t marked_acked;
    uint64_t marked_since_ns;
    uint8_t asking; /* enum conn_asking */
};

struct weir_conn {
    struct weir_conn_config *config;
    struct conn_work *work; /* null while idle */
    struct engine_facts facts;
    uint64_t began_ns;
    uint64_t since_ns; /* the last exchange ended, or the linger began */
    uint8_t life;      /* enum life_state */
    bool fin_sent : 1;
    bool look : 1; /* a receipt is wanted */
    bool tunnel_shut : 1;
};

/* A config whose free list has room for what a connection keeps. `wake` is the caller's to set. */
WEIR_MUST_USE weir_code conn_config_init(struct weir_conn_config *config, const weir_conn_options *options,
                                         size_t exchange_size, weir_error *error);
void conn_config_fini(struct weir_conn_config *config);
void conn_init(struct weir_conn *conn, struct weir_conn_config *config, uint64_t id, uint64_t now_ns);
/* After weir_conn_closed. */
void conn_fini(struct weir_conn *conn);

/* weir_conn_drain. `octets_wait`: a request, or a part of one, came before the drain and was not read yet: it is
 * owed its answer, and the connection closes after that. */
void conn_drain(struct weir_conn *conn, bool octets_wait, uint64_t now_ns);
/* It ends for that reason, and what it holds is given back at once: with an error answer where none was begun and
 * nothing else is under way, cut otherwise. */
void conn_refuse(struct weir_conn *conn, weir_code code, uint64_t now_ns);
/* What the caller's request says, with defaults; misuse for a struct that was not made by WEIR_REQUEST or
 * WEIR_HANDLER. */
WEIR_MUST_USE weir_code conn_take_request(weir_request *ours, const weir_request *request);
/* weir_conn_request_prepared; `x` is an exchange that is on no connection yet, or null. */
WEIR_MUST_USE weir_code conn_request(struct weir_conn *conn, const weir_prepared *prepared, struct weir_exchange *x,
                                     weir_exchange **out, uint64_t now_ns);

/* --- within the folder ------------------------------------------------------------------------------------------ */

void conn_life(struct weir_conn *conn, enum life_event event);
/* Gives an idle connection its engine. False: no memory. */
WEIR_MUST_USE bool conn_start_work(struct weir_conn *conn, uint64_t now_ns);
weir_stage conn_stage(const struct weir_conn *conn);
/* The first cause wins. */
void conn_note(struct weir_conn *conn, weir_code code, weir_stage stage);
void conn_trace(struct weir_conn *conn, enum base_trace_event event);
/* Brings the life up to what the engine did; gives the memory of one that is idle back. */
void conn_settle(struct weir_conn *conn, uint64_t now_ns);
/* Closes a connection without an exchange, in order. */
void conn_close_idle(struct weir_conn *conn, weir_code code, uint64_t now_ns);
/* After our FIN: what comes is still read and dropped. */
bool conn_lingers_for_input(const struct weir_conn *conn);
/* clock.c */
/* A receipt came that was asked for because of the time. */
void conn_answered(struct weir_conn *conn, const weir_receipt *receipt, uint64_t now_ns);
bool conn_is_old(const struct weir_conn *conn, uint64_t now_ns);
/* check.c: asserts what must be true of each state between two events. */
void conn_check(const struct weir_conn *conn);
/* ending.c: fills the ending from the facts and what the transport knew last; counts what was still open. */
void conn_judge(struct weir_conn *conn, const weir_receipt *last, uint64_t now_ns, weir_ending *ending);

#endif
