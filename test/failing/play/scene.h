/* A server on a loop of ours, a dozen clients of every kind, a drain, and the books: played while calls fail.
 *
 * One thread does it all, and the library is given its turns the way the contract for nested loops says
 * (weir/loop.h): a wake-up that is lost is therefore a scene that is stuck, and the n-th call is the n-th call. */
#ifndef FAILING_SCENE_H
#define FAILING_SCENE_H

#include "inject.h"

struct scene_plan {
    struct inject_plan inject;
    bool after_start;       /* nothing fails until it serves */
    bool until_witness;     /* nothing fails any more once the clients had their time: then all must be well */
    bool harmless;          /* nobody may notice: each client is answered on its first connection */
    bool may_be_bug;        /* the errno says that Weir made a mistake, so an ending may */
    bool threads;           /* with three workers instead (workers.h) */
    size_t allocation;      /* the one that fails, from 1; 0: none */
    bool allocations_after; /* and all after it */
    unsigned random;        /* a seed: one allocation in forty fails */
    bool is_short;          /* of descriptors: so many are left */
    unsigned descriptors;
};

struct scene_result {
    bool ok;
    bool started;
    bool reached; /* the fault happened */
    size_t allocations;
    char why[512];
};

/* `folder` is where its unix socket and its file are. */
void scene_init(const char *folder, double patience);
void scene_play(const struct scene_plan *plan, struct scene_result *result);
void scene_fini(void);
/* Where a server of a test may listen. */
const char *scene_unix_path(void);

#endif
