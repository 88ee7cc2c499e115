/* One request and its response, as the library has it: weir/exchange.h, embedded. It belongs to an engine, which
 * moves it.
 *
 * Nothing here depends on the version of HTTP. How far a message is, in both directions, is told in phases that
 * every version has; what frames it is the engine's. */
#ifndef EXCHANGE_EXCHANGE_H
#define EXCHANGE_EXCHANGE_H

#include <string.h>
#include <weir/exchange.h>

#include "base/block.h"
#include "http/head.h"
#include "http/target.h"

struct engine;

#define EXCHANGE_FIELDS_INLINE 24

/* The head that came: of a request, or of a response and those before it. A client's exchange has none until then, so
 * that what is asked far ahead is small. */
struct exchange_head {
    struct http_target target; /* of a request */
    struct http_head parsed;
    weir_field fields[EXCHANGE_FIELDS_INLINE];
};

/* How far reading the present message is. */
enum exchange_in { EXCHANGE_IN_HEAD, EXCHANGE_IN_BODY, EXCHANGE_IN_TRAILERS, EXCHANGE_IN_DONE, EXCHANGE_IN_TUNNEL };

/* How the outgoing content is framed. */
enum exchange_out {
    EXCHANGE_OUT_NONE,   /* no head yet */
    EXCHANGE_OUT_LENGTH, /* out_left octets to come */
    EXCHANGE_OUT_CHUNKED,
    EXCHANGE_OUT_CLOSE,
    EXCHANGE_OUT_TUNNEL,
    EXCHANGE_OUT_DONE
};

/* What a request means for the content of its response (RFC 9112, 6.3). */
enum exchange_asked { EXCHANGE_ASKED, EXCHANGE_ASKED_HEAD, EXCHANGE_ASKED_CONNECT };

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
    uint64_t out_left;  /* of EXCHANGE_OUT_LENGTH */
    uint64_t out_begin; /* offset of the answer in all that the connection sends */
    uint64_t out_end;
    uint8_t in;          /* enum exchange_in */
    uint8_t out;         /* enum exchange_out */
    uint8_t cut;         /* weir_code: ended early for that reason */
    uint8_t wrong;       /* weir_code: its ending, though the answer went out: bad_response */
    uint8_t asked;       /* enum exchange_asked */
    bool expects : 1;    /* 100 (Continue) is owed before the content */
    bool paused : 1;     /* by the handler */
    bool refused : 1;    /* the content is unwanted */
    bool body_abandoned : 1; /* unwanted content that is not even read any more */
    bool end_due : 1;    /* `end` is to be called */
    bool room_due : 1;   /* `room` is to be called when there is some */
    bool aborted : 1;    /* by the user */
    bool no_content : 1; /* the answer's content is not sent: HEAD, 204, 304 */
    bool begun_out : 1;  /* some octet of what we send is queued */
    bool drain_told : 1;
    bool ended_early : 1; /* `wrong` says why; its octets are to leave before `done`, as some may be borrowed */
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

static inline enum exchange_asked exchange_asked(weir_str method)
{
    if (method.len == 4 && memcmp(method.ptr, "HEAD", 4) == 0)
        return EXCHANGE_ASKED_HEAD;
    return method.len == 7 && memcmp(method.ptr, "CONNECT", 7) == 0 ? EXCHANGE_ASKED_CONNECT : EXCHANGE_ASKED;
}

/* All of it is nothing; shared, never written. */
extern struct exchange_head exchange_no_head;
struct weir_exchange *exchange_new(struct engine *engine);
/* It gets a head of its own, to be parsed into, if it has none. False: no memory. */
bool exchange_take_head(struct weir_exchange *x);
/* As a new one is, on that engine: what was said of an attempt is forgotten, what its owner set is not. */
void exchange_renew(struct weir_exchange *x, struct engine *engine);
void exchange_free(struct weir_exchange *x);
/* Its handler is no more the config's. One that is shorter than ours, of an older program, is copied. False: no
 * memory. */
bool exchange_set_handler(struct weir_exchange *x, const weir_handler *handler, void *app);
/* memory.c */
void exchange_release_memory(struct weir_exchange *x);
/* One that weir_exchange_alloc gave, before its time. */
void exchange_release_piece(struct weir_exchange *x, void *octets);
/* May a client ask again? Only what is certain is said. */
weir_retry exchange_retry(const struct weir_exchange *x);
/* The last call of its handler, counted; frees it. */
void exchange_end(struct weir_exchange *x, weir_code code, weir_delivery delivery);
/* loans.c: octets that are lent, and go back by `release` when all that is queued now has left. A loan is made
 * before the octets are queued, and dropped if they are not. NULL: no memory. */
struct exchange_loan *exchange_new_loan(const struct weir_exchange *x);
void exchange_drop_loan(const struct weir_exchange *x, struct exchange_loan *loan);
void exchange_lend(struct weir_exchange *x, struct exchange_loan *loan, weir_str octets, weir_release *release,
                   void *arg);
/* Gives back what left before the offset `sent`; all of it. */
void exchange_release_sent(struct weir_exchange *x, uint64_t sent);
void exchange_release_all(struct weir_exchange *x);
/* The answer of `x` is whole in the output. */
static inline bool exchange_is_answered(const struct weir_exchange *x)
{
    return x->out == EXCHANGE_OUT_DONE;
}

#endif
