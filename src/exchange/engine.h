/* What every engine has, whatever version of HTTP it speaks: the octets that came and those to send, the exchanges
 * whose octets have not left, and the table of its operations.
 *
 * An engine is the active part of a connection. It exists while there is something to do. It has no clock, no socket
 * and no life. A protocol's engine has this struct as its first member. Only `run` calls a handler: functions of
 * weir/exchange.h change the exchange and leave a mark, so any of them may be called inside any callback, and
 * outside too (then `wake` asks for a run). */
#ifndef EXCHANGE_ENGINE_H
#define EXCHANGE_ENGINE_H

#include "base/input.h"
#include "base/output.h"
#include "exchange/config.h"
#include "exchange/exchange.h"
#include "exchange/facts.h"

struct engine_ops;

struct engine {
    const struct engine_ops *ops;
    struct weir_conn_config *config;
    struct engine_facts *facts;
    struct weir_exchange *unsent_first; /* answered whole, not all with the transport: `done` is due when it is */
    struct weir_exchange *unsent_last;
    void (*wake)(struct engine *engine); /* never null */
    uint64_t now_ns;
    struct base_input input;
    struct base_output output;
    /* Octets of memory of the exchanges whose answers are not with the transport: the exchanges, their heads, and the
     * blocks of the input that they hold. */
    uint64_t unsent_held;
    uint32_t unsent_count; /* answers not with the transport whose exchange has ended, as its handler has no `done` */
    uint8_t cut_retry;     /* weir_retry: of the first exchange that the end of the connection cut, if cut_any */
    bool cut_any : 1;
    bool running : 1;  /* within `run` */
    bool finished : 1; /* nothing more is read or answered: the output is flushed, then the connection closes */
    bool abort : 1;    /* reset the connection */
    bool filled : 1;   /* the last read filled its space: make it larger */
    bool lends : 1;         /* some exchange has, or had, loans */
    bool server_closes : 1; /* of a client: the server said that it will take no other request */
};

/* What the deadlines of a connection look at. */
struct engine_sight {
    weir_stage stage; /* WEIR_STAGE_BODY while content is to come, wanted or not */
    bool held;        /* the handler, not the peer, keeps a body from coming, or a client's request from being whole */
    uint32_t interims; /* before the final response that is waited for */
};

struct engine_ops {
    /* --- for the connection --- */

    /* Does all that can be done with what is there. */
    void (*run)(struct engine *engine, uint64_t now_ns);
    /* n octets of the output are with the transport. */
    void (*sent)(struct engine *engine, uint64_t n, uint64_t now_ns);
    /* The peer's FIN is here. */
    void (*fin)(struct engine *engine, uint64_t now_ns);
    /* The connection is being drained. `octets_wait`: a request, or a part of one, came before and was not read yet. */
    void (*drain)(struct engine *engine, bool octets_wait, uint64_t now_ns);
    /* The connection ends for that reason, in order: what is whole is sent; an exchange that is not is cut. With an
     * error answer where the code has a status and no answer was begun. */
    void (*end)(struct engine *engine, weir_code code);
    /* The peer does not take octets. A client may go on reading, as the answer may be here all the same, or on its way;
     * `answered`: only if it is here. If it may, `cease` drops what is to be sent, and reads on. */
    bool (*may_cease)(const struct engine *engine, bool answered);
    void (*cease)(struct engine *engine, uint64_t now_ns);
    /* A client: puts a request that was checked on the connection. `x`: its exchange, which is on no connection yet,
     * or null for a new one. After a failure `x` is where it was. */
    weir_code (*ask)(struct engine *engine, const struct weir_prepared *prepared, struct weir_exchange *x,
                     struct weir_exchange **out);
    /* Nothing to do: it may be freed and made anew with the next octets. */
    bool (*is_quiet)(const struct engine *engine);
    /* True if octets would be used; if many are expected; if our side of a tunnel has ended. */
    bool (*wants_input)(const struct engine *engine);
    bool (*wants_much)(const struct engine *engine);
    bool (*wants_shutdown)(const struct engine *engine);
    weir_stage (*stage)(const struct engine *engine);
    void (*look)(const struct engine *engine, struct engine_sight *sight);
    /* When it wants to run without having been told anything; WEIR_NEVER if it does not. */
    uint64_t (*due)(const struct engine *engine);
    /* Some octet of an answer to the present request is queued. */
    bool (*has_begun_answer)(const struct engine *engine);
    /* Some exchange is under way; an exchange was given up, so that nothing needs to be waited for. */
    bool (*is_busy)(const struct engine *engine);
    bool (*is_given_up)(const struct engine *engine);
    /* A deadline of a message passed. */
    void (*expire)(struct engine *engine, weir_code code, uint64_t now_ns);
    /* No more can be sent or read: every exchange gets its `done`, with that code; unsent octets are dropped.
     * Returns how many of them were answered whole. */
    uint32_t (*cut)(struct engine *engine, weir_code code, const struct receipts_facts *known);
    /* A client: what was asked came to a server that had closed before. */
    bool (*is_unprocessed)(const struct engine *engine, const struct receipts_facts *known);
    /* Octets of memory that it holds, itself and its exchanges too, as they were allocated. */
    uint64_t (*memory)(const struct engine *engine);

    /* --- for an exchange: the functions of weir/exchange.h of the same names --- */

    weir_code (*respond)(weir_exchange *x, unsigned status, weir_str reason, weir_fields fields, weir_body body);
    weir_code (*interim)(weir_exchange *x, unsigned status, weir_fields fields);
    size_t (*write_room)(const weir_exchange *x);
    size_t (*write)(weir_exchange *x, weir_str octets);
    weir_code (*write_borrow)(weir_exchange *x, weir_str octets);
    weir_code (*finish)(weir_exchange *x, weir_fields trailers);
    void (*close)(weir_exchange *x);
    void (*abort)(weir_exchange *x);
    /* It is the one that is read and written now. */
    bool (*is_current)(const weir_exchange *x);
    /* The request may be answered by a switch to another protocol. */
    bool (*may_switch)(const weir_exchange *x);
};

static inline bool engine_is_server(const struct engine *engine)
{
    return engine->config->options.role == WEIR_ROLE_SERVER;
}

/* Something is to be done: asks for a run, unless one is going on. */
static inline void engine_wake(struct engine *engine)
{
    if (!engine->running)
        engine->wake(engine);
}

/* So much is queued, or held until it has left, that no other exchange begins before some of it has. */
bool engine_is_full(const struct engine *engine);
/* Notes why the connection ends; only the first is kept. */
void engine_note(struct engine *engine, weir_code code);
/* Counts what was appended to the output since it held `pending_before`. */
void engine_account(struct engine *engine, uint64_t pending_before);
/* An answer cannot be made for want of memory: the connection is lost, but it says so. Returns no_memory. */
weir_code engine_out_of_memory(struct engine *engine);

/* --- exchanges whose octets have not all left ------------------------------------------------------------------- */

/* The answer of `x` is whole in the output, which the account of acknowledgements hears of. False: it was taken, and no
 * other may follow, as its account would find no memory. */
WEIR_MUST_USE bool engine_account_answer(struct engine *engine, const struct weir_exchange *x);
/* `x` is whole: it waits for its octets to leave. Those before it in the queue leave first. */
void engine_push_unsent(struct engine *engine, struct weir_exchange *x);
/* The first of them leaves the queue. */
void engine_pop_unsent(struct engine *engine);
/* The last call of every exchange whose octets are all with the transport. */
void engine_end_sent(struct engine *engine);
/* Octets of memory of an exchange, without those of a block that the one before it holds too. */
uint64_t engine_cost_of(const struct engine *engine, const struct weir_exchange *x, const struct base_block *before);
/* The last block of the input that an exchange holds; null: none. */
const struct base_block *engine_last_block(const struct weir_exchange *x);

#endif
