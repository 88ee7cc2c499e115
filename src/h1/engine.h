/* The engine of HTTP/1: from octets to the calls of a handler, and back.
 *
 *     received octets -> input -> head, content, end -> exchange -> handler
 *     handler -> respond, write, finish -> writer -> output -> octets to send
 *
 * Exchanges come one after another: one is current, and a client's others wait behind it in order.
 */
#ifndef H1_ENGINE_H
#define H1_ENGINE_H

#include <weir/exchange.h>

#include "exchange/body.h"
#include "exchange/engine.h"
#include "h1/chunked.h"
#include "h1/head.h"
#include "h1/known.h"
#include "h1/state.h"
#include "http/framing.h"

struct h1_engine {
    struct engine base;
    struct weir_exchange *current;
    struct weir_exchange *ahead_first; /* of a client: asked whole behind `current`, in order; their turn comes */
    struct weir_exchange *ahead_last;
    struct h1_states states;
    struct h1_chunked chunked;
    struct http_framing in_framing;
    uint64_t in_left;       /* of EXCHANGE_IN_BODY with a length */
    uint64_t in_offered;    /* content at the front of the input that was taken apart and not taken by the handler */
    uint32_t scanned;       /* octets of an unfinished head that were looked at */
    uint32_t looks;         /* how often it was */
    uint32_t interim_count; /* before the final response that is waited for */
    bool tunnel_out_done : 1;
    bool out_dead : 1;      /* of a client: nothing more is sent, and what the server says is still read */
};

/* What the HTTP/1 engines of one thread share: an earlier head in the input of the engine that runs, and the block
 * that it lies in (null: of none). */
struct h1_shared {
    struct h1_known known;
    const struct base_block *known_block;
};

/* NULL: no memory. */
WEIR_MUST_USE struct h1_shared *h1_shared_new(const weir_allocator *allocator);
void h1_shared_free(struct h1_shared *shared, const weir_allocator *allocator);

extern const struct engine_ops h1_engine_ops;

static inline struct h1_engine *h1_engine_from(struct engine *engine)
{
    return (struct h1_engine *)engine;
}
static inline const struct h1_engine *h1_engine_from_const(const struct engine *engine)
{
    return (const struct h1_engine *)engine;
}
static inline struct h1_engine *h1_engine_of(const struct weir_exchange *x)
{
    return (struct h1_engine *)x->engine;
}

/* --- used by conn ----------------------------------------------------------------------------------------------- */

/* Memory as it is becomes a fresh one. */
void h1_engine_init(struct h1_engine *engine, struct weir_conn_config *config, struct engine_facts *facts,
                    void (*wake)(struct engine *engine));
/* No exchange may be left. Gives all memory back. */
void h1_engine_fini(struct h1_engine *engine);
/* Nothing to do: it may be freed and made anew with the next octets. */
bool h1_engine_is_quiet(const struct h1_engine *engine);

/* Does all that can be done with what is there. */
void h1_engine_run(struct h1_engine *engine, uint64_t now_ns);
/* Octets of memory that it holds, itself and its exchanges too, as they were allocated. */
uint64_t h1_engine_memory(const struct h1_engine *engine);
/* True if octets would be used. */
bool h1_engine_wants_input(const struct h1_engine *engine);
/* The peer's FIN is here. */
void h1_engine_fin(struct h1_engine *engine, uint64_t now_ns);
/* n octets of the output are with the transport. */
void h1_engine_sent(struct h1_engine *engine, uint64_t n, uint64_t now_ns);
/* Where the connection is. */
weir_stage h1_engine_stage(const struct h1_engine *engine);
/* True while the handler, not the peer, keeps a body from coming, or of a client's request from being whole. */
bool h1_engine_body_is_held(const struct h1_engine *engine);
/* Content is to come, wanted or not. */
static inline bool h1_engine_awaits_body(const struct h1_engine *engine)
{
    const struct weir_exchange *x = engine->current;
    bool reads = x != NULL && (x->in == EXCHANGE_IN_BODY || x->in == EXCHANGE_IN_TRAILERS);
    return reads && !engine->base.facts->tunnel && !x->body_abandoned;
}
/* What the operations of the same names do (exchange/engine.h). */
void h1_engine_drain(struct h1_engine *engine, bool octets_wait, uint64_t now_ns);
static inline bool h1_engine_is_busy(const struct h1_engine *engine)
{
    return engine->current != NULL;
}
static inline uint64_t h1_engine_due(const struct h1_engine *engine)
{
    const struct weir_exchange *x = engine->current;
    return x != NULL && x->out_held && !x->answered ? x->asking.expect_due_ns : WEIR_NEVER;
}
bool h1_engine_wants_much(const struct h1_engine *engine);
void h1_engine_look(const struct h1_engine *engine, struct engine_sight *sight);
void h1_engine_expire(struct h1_engine *engine, weir_code code, uint64_t now_ns);

/* --- an exchange: weir/exchange.h ------------------------------------------------------------------------------- */

weir_code h1_respond(weir_exchange *x, unsigned status, weir_str reason, weir_fields fields, weir_body body);
weir_code h1_interim(weir_exchange *x, unsigned status, weir_fields fields);
size_t h1_write_room(const weir_exchange *x);
size_t h1_write(weir_exchange *x, weir_str octets);
weir_code h1_write_borrow(weir_exchange *x, weir_str octets);
weir_code h1_finish(weir_exchange *x, weir_fields trailers);
void h1_close(weir_exchange *x);
void h1_abort(weir_exchange *x);
bool h1_may_switch(const weir_exchange *x);

/* The connection ends for that reason, in order: what is whole is sent; an exchange that is not is cut. With an error
 * answer where the code has a status and no answer was begun. */
void h1_engine_end(struct h1_engine *engine, weir_code code);
/* No more can be sent or read: every exchange gets its `done`, with that code; unsent octets are dropped. Returns
 * how many of them were answered whole. */
uint32_t h1_engine_cut(struct h1_engine *engine, weir_code code, const struct receipts_facts *known);
/* A client: what was asked came to a server that had closed before. */
bool h1_engine_is_unprocessed(const struct h1_engine *engine, const struct receipts_facts *known);
/* Tells the handler of an exchange that is going on that the connection is being drained. */
void h1_engine_tell_drain(struct h1_engine *engine);

/* check.c: asserts what must be true between two events. */
void h1_engine_check(const struct h1_engine *engine);

/* --- a client: request.c ---------------------------------------------------------------------------------------- */

/* A request that was checked and written down, to be put on a connection once or more often. */
struct weir_prepared {
    struct base_block *block; /* held: this lies in it */
    const weir_handler *handler;
    void *app;
    weir_body body; /* octets that are copied lie behind the head */
    uint64_t length;
    uint64_t expect_timeout_ns;
    size_t size; /* of the head */
    bool has_length, asks_switch, asks_last, expect;
    uint8_t asked; /* enum exchange_asked */
    char octets[];
};
/* Streams and `expect` too. */
WEIR_MUST_USE weir_code h1_engine_prepare(struct weir_prepared **out, struct weir_conn_config *config,
                                       const weir_request *request);
/* The same: `x`, which is on no connection yet, or a new one if it is null. After a failure `x` is where it was. */
WEIR_MUST_USE weir_code h1_engine_request_prepared(struct h1_engine *engine, const struct weir_prepared *prepared,
                                                struct weir_exchange *x, struct weir_exchange **out);
/* The next of those asked ahead has its turn, if there is one. */
void h1_engine_next_ahead(struct h1_engine *engine);
/* The content that waited for 100 (Continue) goes out. */
void h1_engine_release_content(struct h1_engine *engine, struct weir_exchange *x);
/* Nothing more is sent, as the transport or the server does not take it. The server's answer may be here all the same:
 * reading goes on, and the connection is not kept. */
void h1_engine_cease(struct h1_engine *engine);

/* --- within the folder ------------------------------------------------------------------------------------------ */

/* Who sends: we, the peer. */
static inline enum h1_party h1_engine_self(const struct h1_engine *engine)
{
    return engine_is_server(&engine->base) ? H1_SERVER : H1_CLIENT;
}
static inline enum h1_party h1_engine_peer(const struct h1_engine *engine)
{
    return engine_is_server(&engine->base) ? H1_CLIENT : H1_SERVER;
}

/* The answer of `x` is whole in the output. */
void h1_engine_account_answer(struct h1_engine *engine, const struct weir_exchange *x);
/* read.c: moves the content of the present message on; true if something moved. */
bool h1_engine_read(struct h1_engine *engine, struct weir_exchange *x);
/* The peer's message has such content: sets up the reading of it. */
void h1_engine_expect_content(struct h1_engine *engine, struct weir_exchange *x);
/* All that is left of the content came already, and is no more than may be dropped. */
bool h1_engine_body_is_here(const struct h1_engine *engine, const struct weir_exchange *x);
/* What arrives is whole. */
void h1_engine_message_is_whole(struct h1_engine *engine, struct weir_exchange *x);
/* read_head.c: begins the next exchange from the input; false if there is none. */
bool h1_engine_begin(struct h1_engine *engine);
/* A client: the head of the response that is waited for; true if something moved. */
bool h1_engine_read_response(struct h1_engine *engine, struct weir_exchange *x);
/* The head, or the trailers, at the front of the input was looked at, and is whole or not. */
static inline void h1_engine_looked(struct h1_engine *engine, bool whole)
{
    engine->scanned = whole ? 0 : (uint32_t)base_input_size(&engine->base.input);
    engine->looks = whole ? 0 : engine->looks + 1;
}
/* A head that is not whole is worth another look. */
bool h1_engine_worth_parsing(const struct h1_engine *engine);
/* Twice the room for fields, `first` if there is none; `own` is not the allocator's. False: no memory. */
bool h1_engine_grow_fields(struct h1_engine *engine, struct http_head *head, const weir_field *own, size_t first);
/* The peer's fault: it is told if it asked, and the connection ends. */
void h1_engine_malformed(struct h1_engine *engine, weir_code code);
/* answer.c: 100 (Continue) if it is owed. */
void h1_engine_continue(struct h1_engine *engine, struct weir_exchange *x);
/* The whole of a body that is at hand, behind its head. False: no memory. */
bool h1_engine_put_content(struct h1_engine *engine, const weir_body *body);
/* The answer's last octet is in the output. */
void h1_engine_end_answer(struct weir_exchange *x);
/* error_answer.c: a complete answer of our own, if the states allow one. False: none was made. */
bool h1_engine_answer_error(struct h1_engine *engine, weir_code code);
/* In place of an answer of the application's that may not be sent. The connection goes on. */
void h1_engine_answer_500(struct weir_exchange *x);
/* answer.c: the same, with what it is to say. False: no memory, and the connection is lost. */
bool h1_engine_put_500(struct weir_exchange *x, weir_fields fields, weir_str content);
/* body_out.c: what weir_write would take. */
size_t h1_engine_room(const struct h1_engine *engine, const struct weir_exchange *x);

#endif
