/* Makes the calls of the library fail, in the process itself: every call of the table is wrapped by the linker
 * (--wrap), counted, and at the moments that were asked for not made but failed.
 *
 * In a program that knows of it the functions below say when; in one that does not (the weir program, linked with
 * this file) the environment does: FAIL_CALL=send FAIL_WITH=EPIPE FAIL_AT=3 FAIL_TIMES=1, and FAIL_SAID=file gets a
 * line with the number of times that it failed when the process exits. */
#ifndef FAILING_INJECT_H
#define FAILING_INJECT_H

#include <stdbool.h>
#include <stddef.h>

struct inject_call {
    const char *name;
    const int *faults; /* errnos, SHORT, HALF */
    size_t fault_count;
};

/* The table, in order; NULL behind its end. */
const struct inject_call *inject_call(size_t index);
const char *inject_fault_name(const struct inject_call *call, int fault);
/* By name; -1 where there is none. */
int inject_find(const char *name);

/* The `at`-th call from now (from 1), and so many in all (0: none of them), each `every`-th from then on. */
struct inject_plan {
    int call; /* of the table; -1: every call that knows this fault */
    int fault;
    unsigned at;
    unsigned times;
    unsigned every;
    int never; /* with `never_fault` != 0: a call that always fails so, without being counted: to get at what replaces it */
    int never_fault;
};
void inject(const struct inject_plan *plan);
void inject_nothing(void);
/* How often it failed a call since `inject`. */
unsigned inject_hits(void);
/* The calls of this thread are made as they are while it is true: those of a test's own. */
void inject_spare(bool spared);

#endif
