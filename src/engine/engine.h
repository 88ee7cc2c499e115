/* The active part of a connection: from octets to the calls of a handler, and back. No clock, no socket, no life: those
 * are of the folders above. It exists while there is something to do; an idle connection has none.
 *
 *     received octets -> input -> h1 (head, content, end) -> exchange -> handler
 *     handler -> respond, write, finish -> h1 writer -> output -> octets to send
 *
 * Only engine_run calls the handler: functions of exchange.h change the exchange and leave a mark, so any of them may be
 * called inside any callback, and outside too (then `wake` asks for a run).
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <string.h>
#include <weir/exchange.h>

#include "base/input.h"
#include "base/output.h"
#include "exchange/body.h"
#include "engine/config.h"
#include "exchange/facts.h"
#include "h1/chunked.h"
#include "h1/head.h"
#include "h1/state.h"
#include "http/framing.h"
#include "http/target.h"

#define EXCHANGE_FIELDS_INLINE 24

/* The head that came: of a request, or of a response and those before it. A client's exchange has none until then, so
 * that what is asked far ahead is small. */
struct exchange_head {
    struct http_target target; /* of a request */
    struct http_head parsed;
    weir_field fields[EXCHANGE_FIELDS_INLINE];
};

/* How far reading the present message is. */
enum engine_in { ENGINE_IN_HEAD, ENGINE_IN_BODY, ENGINE_IN_TRAILERS, ENGINE_IN_DONE, ENGINE_IN_TUNNEL };

/* How the outgoing content is framed. */
enum engine_out {
    ENGINE_OUT_NONE,   /* no head yet */
    ENGINE_OUT_LENGTH, /* out_left octets to come */
    ENGINE_OUT_CHUNKED,
    ENGINE_OUT_CLOSE,
    ENGINE_OUT_TUNNEL,
    ENGINE_OUT_DONE
};

/* What a request means for the content of its response (RFC 9112, 6.3). */
enum engine_asked { ENGINE_ASKED, ENGINE_ASKED_HEAD, ENGINE_ASKED_CONNECT };

/* What only a client's has, and knows of its request. */
struct exchange_asking {
    uint64_t head_end;        /* the offset behind its head */
    uint64_t heard_ns;        /* the first octet of a response */
    uint64_t expect_due_ns;   /* while out_held: when to send the content without having been told to */
    weir_body held_body;      /* while out_held */
    struct base_block *block; /* held: a copy of `held_body` */
};

struct weir_exchange {
    struct engine *engine;
    const weir_handler *handler; /* of the config, or a client's own */
    void *app;
    struct weir_exchange *next;       /* in the queue of those whose answers are not with the transport */
    struct exchange_head *head;       /* the exchange's own, or exchange_no_head: never null */
    struct base_block *head_block;    /* held: the views of `head` are into it */
    struct base_block *trailer_block; /* the same of `trailers` */
    void *user;
    struct exchange_piece *memory; /* weir_exchange_alloc's; null: none */
    struct exchange_loan *loans;   /* weir_write_lend's: the last of a ring; null: none */
    weir_field *trailers; /* allocated */
    uint32_t trailer_count;
    uint32_t trailer_capacity;
    uint32_t trailer_dropped; /* those that may not be trailers */
    uint32_t held; /* octets of memory that are its alone, while it is in that queue */
    uint64_t began_ns;
    uint64_t in_length; /* of the content that arrives; WEIR_NEVER if its head does not say */
    uint64_t in_size_max; /* of it */
    uint64_t body_in;
    uint64_t body_out;
    uint64_t discarded; /* content read and dropped */
    uint64_t out_left;  /* of ENGINE_OUT_LENGTH */
    uint64_t out_begin; /* offset of the answer in all that the connection sends */
    uint64_t out_end;
    uint8_t in;          /* enum engine_in */
    uint8_t out;         /* enum engine_out */
    uint8_t cut;         /* weir_code: ended early for that reason */
    uint8_t wrong;       /* weir_code: its ending, though the answer went out: bad_response */
    uint8_t asked;       /* enum engine_asked */
    bool expects : 1;    /* 100 (Continue) is owed before the content */
    bool paused : 1;     /* by the handler */
    bool refused : 1;    /* the content is unwanted */
    bool stuck : 1;      /* unwanted content that is not even read any more */
    bool end_due : 1;    /* `end` is to be called */
    bool room_due : 1;   /* `room` is to be called when there is some */
    bool aborted : 1;    /* by the user */
    bool no_content : 1; /* the answer's content is not sent: HEAD, 204, 304 */
    bool begun_out : 1;  /* some octet of what we send is queued */
    bool drain_told : 1;
    /* Of a client: */
    bool answered : 1;      /* the final response's head is here */
    bool heard : 1;         /* some octet of a response is, or was */
    bool asks_switch : 1;   /* the request proposes another protocol */
    bool asks_last : 1;     /* the request says close */
    bool out_held : 1;      /* the content waits for 100 (Continue) */
    bool not_processed : 1; /* proved */
    bool rest_unwanted : 1; /* once the response is whole the rest of the request need not be sent */
    bool rest_unsent : 1;   /* and was not */
    /* From here on all is written before it is read, but of a client: exchange_new does not clear it for a server. */
    struct exchange_asking asking;
};

struct engine {
    struct weir_conn_config *config;
    struct engine_facts *facts;
    struct weir_exchange *current;
    struct weir_exchange *unsent_first; /* answered whole, not all with the transport: `done` is due when it is */
    struct weir_exchange *unsent_last;
    struct weir_exchange *ahead_first; /* of a client: asked whole behind `current`, in order; their turn comes */
    struct weir_exchange *ahead_last;
    void (*wake)(struct engine *engine); /* never null */
    uint64_t now_ns;
    struct base_input input;
    struct base_output output;
    struct h1_states states;
    struct h1_chunked chunked;
    struct http_framing in_framing;
    uint64_t in_left;       /* of ENGINE_IN_BODY with a length */
    uint64_t in_offered;    /* content at the front of the input that was taken apart and not taken by the handler */
    uint64_t unsent_held;   /* octets of memory of the exchanges whose answers are not with the transport: themselves, their
                             * heads, and the blocks of the input that they hold */
    uint32_t scanned;       /* octets of an unfinished head that were looked at */
    uint32_t looks;         /* how often it was */
    uint32_t interim_count; /* before the final response that is waited for */
    uint32_t
        unsent_count;  /* exchanges that ended without `done` and are not with the transport: they have no callback */
    uint8_t cut_retry; /* weir_retry: of the first exchange that the end of the connection cut, if cut_any */
    bool cut_any : 1;
    bool running : 1;  /* within engine_run */
    bool finished : 1; /* nothing more is read or answered: the output is flushed, then the connection closes */
    bool abort : 1;    /* reset the connection */
    bool filled : 1;   /* the last read filled its space: make it larger */
    bool tunnel_out_done : 1;
    bool lends : 1;         /* some exchange has, or had, loans */
    bool out_dead : 1;      /* of a client: nothing more is sent, and what the server says is still read */
    bool server_closes : 1; /* of a client: the server said that it will take no other request */
};

/* --- used by conn ---------------------------------------------------------------------------------------------------- */

/* A fresh one from the config's free list, or NULL: no memory. */
WEIR_MUST_USE struct engine *engine_new(struct weir_conn_config *config, struct engine_facts *facts,
                                        void (*wake)(struct engine *engine));
/* No exchange may be left. Gives all memory back. */
void engine_free(struct engine *engine);
/* Nothing to do: it may be freed and made anew with the next octets. */
bool engine_is_quiet(const struct engine *engine);

/* Does all that can be done with what is there. */
void engine_run(struct engine *engine, uint64_t now_ns);
/* So much is queued, or held until it has left, that no other exchange begins before some of it has. */
bool engine_is_full(const struct engine *engine);
/* Octets of memory that it holds, itself and its exchanges too, as they were allocated. */
uint64_t engine_memory(const struct engine *engine);
/* True if octets would be used. */
bool engine_wants_input(const struct engine *engine);
/* The peer's FIN is here. */
void engine_fin(struct engine *engine, uint64_t now_ns);
/* n octets of the output are with the transport. */
void engine_sent(struct engine *engine, uint64_t n, uint64_t now_ns);
/* Where the connection is. */
weir_stage engine_stage(const struct engine *engine);
/* True while the handler, not the peer, keeps a body from coming, or of a client's request from being whole. */
bool engine_body_is_held(const struct engine *engine);
/* Content is to come, wanted or not. */
static inline bool engine_awaits_body(const struct engine *engine)
{
    const struct weir_exchange *x = engine->current;
    return x != NULL && !engine->facts->tunnel && (x->in == ENGINE_IN_BODY || x->in == ENGINE_IN_TRAILERS) && !x->stuck;
}
/* It is not waited for any longer, as nobody wants it and its answer is given: the exchange is over. */
void engine_give_up_body(struct engine *engine, uint64_t now_ns);
static inline bool engine_body_is_unwanted(const struct engine *engine)
{
    const struct weir_exchange *x = engine->current;
    return x != NULL && x->refused && x->in != ENGINE_IN_HEAD && x->out == ENGINE_OUT_DONE;
}

/* Notes why the connection ends; only the first is kept. */
void engine_note(struct engine *engine, weir_code code);
/* The connection ends for that reason, in order: what is whole is sent; an exchange that is not is cut. With an error
 * answer where the code has a status and no answer was begun. */
void engine_end(struct engine *engine, weir_code code);
/* No more can be sent or read: every exchange gets its `done`, with that code; unsent octets are dropped. Returns how many
 * of them were answered whole. */
uint32_t engine_cut(struct engine *engine, weir_code code, const struct receipts_facts *known);
/* A client: what was asked came to a server that had closed before. */
bool engine_is_unprocessed(const struct engine *engine, const struct receipts_facts *known);
/* Tells the handler of an exchange that is going on that the connection is being drained. */
void engine_tell_drain(struct engine *engine);

/* --- a client: request.c ----------------------------------------------------------------------------------------------- */

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
    uint8_t asked; /* enum engine_asked */
    char octets[];
};
/* Streams and `expect` too. */
WEIR_MUST_USE weir_code engine_prepare(struct weir_prepared **out, struct weir_conn_config *config,
                                       const weir_request *request);
/* Begins an exchange. */
WEIR_MUST_USE weir_code engine_request(struct engine *engine, const weir_request *request, struct weir_exchange **out);
/* The same: `x`, which is on no connection yet, or a new one if it is null. After a failure `x` is where it was. */
WEIR_MUST_USE weir_code engine_request_prepared(struct engine *engine, const struct weir_prepared *prepared,
                                                struct weir_exchange *x, struct weir_exchange **out);
/* The next of those asked ahead has its turn, if there is one. */
void engine_next_ahead(struct engine *engine);
/* The content that waited for 100 (Continue) goes out. */
void engine_release_content(struct engine *engine, struct weir_exchange *x);
/* Nothing more is sent, as the transport or the server does not take it. The server's answer may be here all the same:
 * reading goes on, and the connection is not kept. */
void engine_cease(struct engine *engine);

/* --- within the folder ------------------------------------------------------------------------------------------------ */

static inline bool engine_is_server(const struct engine *engine)
{
    return engine->config->options.role == WEIR_ROLE_SERVER;
}
/* Who sends: we, the peer. */
static inline enum h1_party engine_self(const struct engine *engine)
{
    return engine_is_server(engine) ? H1_SERVER : H1_CLIENT;
}
static inline enum h1_party engine_peer(const struct engine *engine)
{
    return engine_is_server(engine) ? H1_CLIENT : H1_SERVER;
}

static inline enum engine_asked engine_asked(weir_str method)
{
    if (method.len == 4 && memcmp(method.ptr, "HEAD", 4) == 0)
        return ENGINE_ASKED_HEAD;
    return method.len == 7 && memcmp(method.ptr, "CONNECT", 7) == 0 ? ENGINE_ASKED_CONNECT : ENGINE_ASKED;
}

/* engine.c: the answer of `x` is whole in the output, which the account of acknowledgements hears of. */
void engine_account_answer(struct engine *engine, const struct weir_exchange *x);
/* The first of those whose answers are not with the transport leaves their queue. */
void engine_pop_unsent(struct engine *engine);
/* read.c: moves the content of the present message on; true if something moved. */
bool engine_read(struct engine *engine, struct weir_exchange *x);
/* The peer's message has such content: sets up the reading of it. */
void engine_expect_content(struct engine *engine, struct weir_exchange *x);
/* All that is left of the content came already, and is no more than may be dropped. */
bool engine_body_is_here(const struct engine *engine, const struct weir_exchange *x);
/* What arrives is whole. */
void engine_message_is_whole(struct engine *engine, struct weir_exchange *x);
/* read_head.c: begins the next exchange from the input; false if there is none. */
bool engine_begin(struct engine *engine);
/* A client: the head of the response that is waited for; true if something moved. */
bool engine_read_response(struct engine *engine, struct weir_exchange *x);
/* The head, or the trailers, at the front of the input was looked at, and is whole or not. */
static inline void engine_looked(struct engine *engine, bool whole)
{
    engine->scanned = whole ? 0 : (uint32_t)base_input_size(&engine->input);
    engine->looks = whole ? 0 : engine->looks + 1;
}
/* A head that is not whole is worth another look. */
bool engine_worth_parsing(const struct engine *engine);
/* Twice the room for fields, `first` if there is none; `own` is not the allocator's. False: no memory. */
bool engine_grow_fields(struct engine *engine, struct http_head *head, const weir_field *own, size_t first);
/* The peer's fault: it is told if it asked, and the connection ends. */
void engine_malformed(struct engine *engine, weir_code code);
/* respond.c: 100 (Continue) if it is owed. */
void engine_continue(struct engine *engine, struct weir_exchange *x);
/* The whole of a body that is at hand, behind its head. False: no memory. */
bool engine_put_content(struct engine *engine, const weir_body *body);
/* The answer's last octet is in the output. */
void engine_end_answer(struct weir_exchange *x);
/* Counts what was appended to the output since it held `pending_before`. */
void engine_account(struct engine *engine, uint64_t pending_before);
/* An answer cannot be made for want of memory: the connection is lost, but it says so. Returns no_memory. */
weir_code engine_out_of_memory(struct engine *engine);
/* error_answer.c: a complete answer of our own, if the states allow one. False: none was made. */
bool engine_answer_error(struct engine *engine, weir_code code);
/* In place of an answer of the application's that may not be sent. The connection goes on. */
void engine_answer_500(struct weir_exchange *x);
/* respond.c: the same, with what it is to say. False: no memory, and the connection is lost. */
bool engine_put_500(struct weir_exchange *x, weir_fields fields, weir_str content);
/* stream.c */
size_t engine_room(const struct engine *engine, const struct weir_exchange *x);
/* Something is to be done: asks for a run, unless one is going on. */
static inline void engine_wake(struct engine *engine)
{
    if (!engine->running)
        engine->wake(engine);
}
/* exchange.c */
/* All of it is nothing; shared, never written. */
extern struct exchange_head exchange_no_head;
struct weir_exchange *exchange_new(struct engine *engine);
/* It gets a head of its own, to be parsed into, if it has none. False: no memory. */
bool exchange_take_head(struct weir_exchange *x);
/* As a new one is, on that engine: what was said of an attempt is forgotten, what its owner set is not. */
void exchange_renew(struct weir_exchange *x, struct engine *engine);
void exchange_free(struct weir_exchange *x);
/* Its handler is no more the config's. One that is shorter than ours, of an older program, is copied. False: no memory. */
bool exchange_set_handler(struct weir_exchange *x, const weir_handler *handler, void *app);
/* memory.c */
void exchange_release_memory(struct weir_exchange *x);
/* One that weir_exchange_alloc gave, before its time. */
void exchange_release_piece(struct weir_exchange *x, void *octets);
/* May a client ask again? Only what is certain is said. */
weir_retry exchange_retry(const struct weir_exchange *x);
/* The last call of its handler, counted; frees it. */
void exchange_end(struct weir_exchange *x, weir_code code, weir_delivery delivery);
/* lend.c: gives back what was lent and is with the transport; all that was lent by one exchange. */
void engine_release_sent(struct engine *engine);
void exchange_release_all(struct weir_exchange *x);
/* The answer of `x` is whole in the output. */
static inline bool exchange_is_answered(const struct weir_exchange *x)
{
    return x->out == ENGINE_OUT_DONE;
}

#endif
