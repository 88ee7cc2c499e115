/* What `weir load` asks: one scenario from the options, or a mix of several by weight.
 *
 * A scenario is the story of a connection: what is asked on it, how often, how it ends. It is drawn when a connection is
 * opened, by the connection's number and the seed, so that a run can be repeated whatever the timing. */
#ifndef CLI_LOAD_SCENARIO_H
#define CLI_LOAD_SCENARIO_H

#include <weir/weir.h>

#include "load_end.h"

#define LOAD_SCENARIOS_MAX 64
#define LOAD_FIELDS_MAX    64

struct load_scenario {
    char *name;
    uint64_t weight;
    char *method; /* null: GET, or POST with a body */
    char *path;
    weir_str body; /* owned; of a file */
    weir_field fields[LOAD_FIELDS_MAX];
    size_t field_count;
    char *lines[LOAD_FIELDS_MAX]; /* what `fields` points into; owned */
    struct load_life life;
};

struct load_mix {
    struct load_scenario list[LOAD_SCENARIOS_MAX];
    size_t count;
    uint64_t weights; /* their sum */
    uint64_t seed;
};

/* One scenario with these defaults, which a mix's sections start from. False: no memory. */
WEIR_MUST_USE bool load_scenario_init(struct load_scenario *scenario, const char *name, const char *path,
                                      const struct load_life *life);
void load_scenario_fini(struct load_scenario *scenario);
/* "Name: value". False: it is not one, or there are too many. */
WEIR_MUST_USE bool load_scenario_field(struct load_scenario *scenario, const char *line);
/* The octets of a file. False with errno. */
WEIR_MUST_USE bool load_scenario_body(struct load_scenario *scenario, const char *file);
weir_str load_scenario_method(const struct load_scenario *scenario);
/* Whether an engine would send it: false with a sentence, such as of a path with a blank in it. */
WEIR_MUST_USE bool load_scenario_check(const struct load_scenario *scenario, const char *host, char *error,
                                       size_t error_size);
/* All but `user`; borrows from the scenario and `host`. */
weir_request load_scenario_request(const struct load_scenario *scenario, const char *host);

/* Reads a mix (docs/man/weir-load.1.scd, MIX); `base` has what the sections leave out. False: `error` has a sentence with
 * the file and the line. */
WEIR_MUST_USE bool load_mix_read(struct load_mix *mix, const char *file, const struct load_scenario *base, char *error,
                                 size_t error_size);
void load_mix_fini(struct load_mix *mix);

/* The scenario of the connection of that number. */
size_t load_mix_draw(const struct load_mix *mix, uint64_t connection);

#endif
