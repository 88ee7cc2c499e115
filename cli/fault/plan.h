/* What `weir fault` does to a connection: the words by which it is asked for, and the plan that a seed makes of them.
 *
 * A wish is what was asked for, with ranges and chances. A plan is what connection k gets: every range drawn, one fault
 * at most of those that end or break it. It depends on the wish, the seed and k, and on nothing else. */
#ifndef CLI_FAULT_PLAN_H
#define CLI_FAULT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "fault/random.h"
#include "common/text.h"

/* A direction, and the index of what is kept for each. */
enum fault_way { FAULT_UP = 0, FAULT_DOWN = 1 }; /* client to server, server to client */

enum fault_ways { FAULT_WAYS_NONE, FAULT_WAYS_UP, FAULT_WAYS_DOWN, FAULT_WAYS_BOTH, FAULT_WAYS_EITHER };

/* After so many octets were forwarded in one direction, or so long after the connection was accepted. */
struct fault_when {
    bool asked;
    bool time;
    struct fault_range range; /* octets, or nanoseconds */
};

#define FAULT_CHANCE_ALL UINT64_C(1000000000)

struct fault_wish {
    uint64_t chance; /* of FAULT_CHANCE_ALL */
    struct fault_range latency_ns;
    struct fault_range slice; /* max 0: not cut */
    uint64_t rate;            /* octets a second; 0: as fast as it goes */
    enum fault_ways shape;    /* where the three above apply */
    struct fault_when reset, fin, stall;
    enum fault_ways count; /* whose octets those three count, and what half-close and stall act on */
    enum fault_ways drop;
    bool half_close, refuse, vanish;
};

extern const struct fault_wish fault_wish_default;

enum fault_kind {
    FAULT_NONE,
    FAULT_RESET,
    FAULT_FIN,
    FAULT_HALF_CLOSE,
    FAULT_STALL,
    FAULT_DROP,
    FAULT_REFUSE,
    FAULT_VANISH
};

struct fault_plan {
    enum fault_kind kind;
    enum fault_way way; /* where `kind` counts and acts */
    bool time;          /* `after` is nanoseconds, else octets */
    uint64_t after;
    struct fault_range latency_ns, slice;
    uint64_t rate;
    bool shaped[2]; /* by fault_way: latency, slice and rate apply */
};

/* A word of the vocabulary: --NAME on the command line, NAME=VALUE in a plan file. */
struct fault_word {
    const char *name;
    const char *argument; /* as --help names the value; null: it takes none */
    const char *help;
    /* False if the value is none; `expected` then says what would be. */
    bool (*take)(void *place, const char *value, char *expected, size_t size);
    size_t offset; /* of the place in struct fault_wish */
};

extern const struct fault_word fault_words[];
extern const size_t fault_words_count;

/* Null: there is none of that name. */
const struct fault_word *fault_word_find(const char *name, size_t length);
/* `value` is null for a word that takes none. */
bool fault_word_take(const struct fault_word *word, struct fault_wish *wish, const char *value, char *expected,
                     size_t size);

/* "7" or "3..9", in decimal digits and not falling. */
bool fault_numbers(const char *text, struct fault_range *out);

/* Connections from..to get `wish`; the first row that fits decides. */
struct fault_row {
    struct fault_range connections;
    struct fault_wish wish;
};

struct fault_plans {
    uint64_t seed;
    struct fault_wish otherwise; /* of connections that no row names */
    struct fault_row *rows;
    size_t count;
};

/* Reads a plan file. On failure, said on standard error with the name of the program before it: 2 for what is written
 * there, 1 for what the system refused; else 0. */
int fault_plans_read(struct fault_plans *plans, const char *path, const char *program);
void fault_plans_free(struct fault_plans *plans);

struct fault_plan fault_plan_draw(const struct fault_plans *plans, uint64_t connection);
/* In words that a plan file takes; `none` when the connection is left alone. */
void fault_plan_text(struct text *text, const struct fault_plan *plan);
const char *fault_way_name(enum fault_way way);

#endif
