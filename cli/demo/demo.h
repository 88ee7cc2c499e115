/* The inside of `weir demo`: one handler for all paths, which finds the path's own functions in a table.
 *
 * A path that needs to remember something between callbacks has a task: made in its `head`, freed by the handler's
 * `done`. Simple paths answer in `head` and have none. */
#ifndef CLI_DEMO_DEMO_H
#define CLI_DEMO_DEMO_H

#include <openssl/evp.h>

#include <weir/weir.h>

#include "common/log.h"
#include "common/text.h"

struct demo {
    weir_server *server;
    struct log log;
    struct sink endings;
    atomic_bool draining;
    const struct option_list *names; /* of hosts, that guarded paths may be asked by */
};

struct demo_task;

struct demo_route {
    const char *path; /* the whole path; or, with `prefix`, what it begins with */
    bool prefix;
    bool any_method; /* else GET and HEAD */
    bool guarded;    /* only for those who name an address, localhost, or a name that was allowed (common/host.h) */
    const char *usage; /* for --help: what follows the path */
    const char *help;
    /* `rest` is what follows the prefix. */
    void (*head)(struct demo *demo, weir_exchange *x, weir_str rest);
    /* Each may be null: a body that nobody wants is refused. */
    size_t (*body)(struct demo_task *task, weir_str octets);
    void (*end)(struct demo_task *task);
    void (*room)(struct demo_task *task);
    void (*event)(struct demo_task *task, weir_event event);
};

struct demo_task {
    const struct demo_route *route;
    weir_exchange *x;
    weir_timer *timer;  /* null: none */
    bool answered;      /* a final answer was given */
    bool streams;       /* and its content is being written */
    bool due;           /* the timer's moment came while there was no room */
    bool seeded;        /* bytes: `seed` counts */
    uint64_t seed;
    uint64_t offset;    /* bytes: octets written; stream, events: pieces written */
    uint64_t total;     /* of the same */
    uint64_t every_ns;
    struct text text;   /* an answer that is borrowed until the end */
    EVP_MD_CTX *digest;
};

extern const weir_handler demo_handler;
/* The paths and what they answer, for --help. */
void demo_print_paths(FILE *out);

/* --- for the paths ---------------------------------------------------------------------------------------------- */

bool demo_is_head(const weir_exchange *x);
/* A whole answer from memory; `octets` is copied. */
void demo_answer(weir_exchange *x, unsigned status, const char *content_type, weir_str octets);
/* 400 with a sentence of what was expected. */
void demo_answer_wrong(weir_exchange *x, const char *expected);
/* An answer whose content is written with weir_write. False when none is to be written: to HEAD, or refused. */
bool demo_stream(struct demo_task *task, weir_fields fields, weir_body body);
/* The task of this exchange, kept until its end; null when there is no memory (it was then answered with 503). */
struct demo_task *demo_task_new(weir_exchange *x);
/* Starts the task's timer, made when it is needed. False when there is no memory. */
bool demo_task_after(struct demo_task *task, uint64_t delay_ns, weir_loop_fn *fn);

/* `key` or `key=value` of the query; true if it is there, with an empty view if it has no value. */
bool demo_query(const weir_exchange *x, const char *key, weir_str *value);
/* The whole of `digits` as a number up to `max`. */
bool demo_number(weir_str digits, uint64_t max, uint64_t *number);
/* every=MS of the query, or `usual_ms`. False (and answered) when it is no number. */
bool demo_every(weir_exchange *x, uint64_t usual_ms, uint64_t *every_ns);

/* --- the paths -------------------------------------------------------------------------------------------------- */

/* demo/paths.c */
void demo_hello(struct demo *demo, weir_exchange *x, weir_str rest);
void demo_status(struct demo *demo, weir_exchange *x, weir_str rest);
void demo_hints(struct demo *demo, weir_exchange *x, weir_str rest);
void demo_headers(struct demo *demo, weir_exchange *x, weir_str rest);
void demo_refuse(struct demo *demo, weir_exchange *x, weir_str rest);
void demo_delay(struct demo *demo, weir_exchange *x, weir_str rest);

/* demo/bytes.c */
void demo_bytes_init(void);
void demo_bytes(struct demo *demo, weir_exchange *x, weir_str rest);
void demo_bytes_room(struct demo_task *task);

/* demo/stream.c */
void demo_stream_head(struct demo *demo, weir_exchange *x, weir_str rest);
void demo_stream_room(struct demo_task *task);
void demo_events_head(struct demo *demo, weir_exchange *x, weir_str rest);
void demo_events_room(struct demo_task *task);
void demo_events_event(struct demo_task *task, weir_event event);

/* demo/body.c */
void demo_echo_head(struct demo *demo, weir_exchange *x, weir_str rest);
size_t demo_echo_body(struct demo_task *task, weir_str octets);
void demo_echo_end(struct demo_task *task);
void demo_echo_room(struct demo_task *task);
void demo_digest_head(struct demo *demo, weir_exchange *x, weir_str rest);
size_t demo_digest_body(struct demo_task *task, weir_str octets);
void demo_digest_end(struct demo_task *task);

/* demo/weir.c */
void demo_page(struct demo *demo, weir_exchange *x, weir_str rest);
void demo_metrics(struct demo *demo, weir_exchange *x, weir_str rest);
void demo_endings(struct demo *demo, weir_exchange *x, weir_str rest);
void demo_health(struct demo *demo, weir_exchange *x, weir_str rest);
void demo_ready(struct demo *demo, weir_exchange *x, weir_str rest);

/* demo/page.c: made once before anything is served, then lent for ever. */
void demo_page_init(void);
weir_str demo_page_html(void);

#endif
