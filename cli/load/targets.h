/* A file of targets: requests of which each one that is sent is drawn, by weight.
 *
 *     GET /search?q=a weight=5
 *     POST /upload body=photo.raw field='Content-Type: image/jpeg'
 *     http://127.0.0.1:8080/other
 */
#ifndef CLI_LOAD_TARGETS_H
#define CLI_LOAD_TARGETS_H

#include "load/request.h"

#define LOAD_TARGETS_MAX 100000
#define LOAD_WEIGHT_MAX  1000000

struct load_targets {
    struct load_request *list; /* count of them; owned */
    uint64_t *upto;            /* the sum of the weights up to each, with it */
    size_t count, room;
};

/* Reads a file; `base` has what the lines leave out, and lives longer. A URL with a host has to name `host`. False:
 * `error` has a sentence with the file and the line; fini is due all the same. */
WEIR_MUST_USE bool load_targets_read(struct load_targets *targets, const char *file, const struct load_request *base,
                                     const char *host, char *error, size_t error_size);
void load_targets_fini(struct load_targets *targets);
/* The index of the one that a number draws: every number draws the same again. */
size_t load_targets_draw(const struct load_targets *targets, uint64_t number);

#endif
