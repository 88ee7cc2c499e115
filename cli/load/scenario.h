/* What `weir load` asks: one scenario from the options, or a mix of several by weight.
 *
 * A scenario is the story of a connection: what is asked on it, how often, how it ends. It is drawn when a connection
 * is opened, by the connection's number and the seed, so that a run can be repeated whatever the timing. What is asked
 * is one request, or each time one of a file of targets, drawn by the same numbers and the request's own on its
 * connection. */
#ifndef CLI_LOAD_SCENARIO_H
#define CLI_LOAD_SCENARIO_H

#include "load/end.h"
#include "load/targets.h"

#define LOAD_SCENARIOS_MAX 64

struct load_scenario {
    char *name;
    uint64_t weight;
    struct load_request request;
    char *targets_file;          /* null: `request` is asked */
    struct load_targets targets; /* read when all else of the scenario is known */
    struct load_life life;
};

struct load_mix {
    struct load_scenario list[LOAD_SCENARIOS_MAX];
    size_t count;
    uint64_t weights; /* their sum */
    uint64_t seed;
};

/* One scenario with these defaults, which a mix's sections start from. False: no memory; fini is due all the same. */
WEIR_MUST_USE bool load_scenario_init(struct load_scenario *scenario, const char *name, const char *path,
                                      const struct load_life *life);
void load_scenario_fini(struct load_scenario *scenario);
/* Reads its targets, if it has a file of them, and checks that its requests can be sent. False: `error` says why
 * not. */
WEIR_MUST_USE bool load_scenario_settle(struct load_scenario *scenario, const char *host, char *error,
                                        size_t error_size);
/* The requests of which each time one is asked. */
const struct load_request *load_scenario_requests(const struct load_scenario *scenario, size_t *count);

/* Reads a mix (docs/man/weir-load.1.scd, MIX); `base` has what the sections leave out. False: `error` has a sentence
 * with the file and the line. */
WEIR_MUST_USE bool load_mix_read(struct load_mix *mix, const char *file, const struct load_scenario *base, char *error,
                                 size_t error_size);
void load_mix_fini(struct load_mix *mix);

/* The scenario of the connection of that number. */
size_t load_mix_draw(const struct load_mix *mix, uint64_t connection);
/* Which of its requests is asked as the `asked`-th on that connection. */
size_t load_mix_draw_request(const struct load_mix *mix, size_t scenario, uint64_t connection, uint64_t asked);

#endif
