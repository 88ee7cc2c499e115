#include "sweep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "calls.h"

#define SCENES_MAX  2000 /* of one call and fault: more than any is made in a scene */
#define REPORTS_MAX 40
#define FOR_EVER    1000000
#define CALLS_MAX   100

static const struct sweep *sweep;
static unsigned passed, failed, scenes;
static unsigned part = 1, parts = 1, share = 1, turn;
static long slow_ms;
static bool is_long;
static bool was_reached[CALLS_MAX];

static void tell(bool ok, const char *what, const char *why)
{
    if (ok) {
        passed++;
        return;
    }
    if (failed++ < REPORTS_MAX)
        (void)printf("FAILED  %s: %s\n", what, why);
    (void)fflush(stdout);
}

static bool is_mine(size_t number)
{
    return number % parts == part - 1;
}

bool sweep_is_one_of(const char *name, const char *names)
{
    const char *at = strstr(names, name);
    size_t length = strlen(name);
    while (at != NULL && !((at == names || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0')))
        at = strstr(at + 1, name);
    return at != NULL;
}

/* What conn/failure.c takes for a mistake of ours. */
static bool may_be_bug(int fault)
{
    return fault == EBADF || fault == EFAULT || fault == EINVAL || fault == ENOTSOCK;
}

/* --- call by call ----------------------------------------------------------------------------------------------- */

void sweep_play(const struct scene_plan *plan, const char *what, struct scene_result *result)
{
    struct timespec began, now;
    scenes++;
    (void)clock_gettime(CLOCK_MONOTONIC, &began);
    sweep->play(plan, result);
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    long ms = (now.tv_sec - began.tv_sec) * 1000 + (now.tv_nsec - began.tv_nsec) / 1000000;
    if (slow_ms > 0 && ms >= slow_ms)
        (void)printf("%ld ms  %s\n", ms, what);
    if (result->reached && plan->inject.call >= 0)
        was_reached[plan->inject.call] = true;
    if (result->reached || plan->allocation > 0 || plan->random > 0 || plan->is_short || !result->ok)
        tell(result->ok, what, result->why);
}

void sweep_name(char *what, size_t size, int call, int fault, unsigned at, unsigned times)
{
    const struct inject_call *row = inject_call((size_t)call);
    (void)snprintf(what, size, "%s %s %u %u", row->name, inject_fault_name(row, fault), at, times);
}

static struct scene_plan plan_of(int call, int fault, unsigned at, unsigned times)
{
    const char *name = inject_call((size_t)call)->name;
    struct scene_plan plan = {
        .inject = {.call = call, .fault = fault, .at = at, .times = times, .every = 1},
        .harmless = times == 1 && sweep->is_harmless(name, fault),
        .may_be_bug = may_be_bug(fault),
        .until_witness = times >= FOR_EVER,
    };
    if (sweep->get_at != NULL)
        sweep->get_at(&plan, name);
    return plan;
}

/* The next time of a call to fail after `at`. Of the first `dense` each is played, or with a share those whose turn
 * it is; after them one in `step`, which one by the fault. */
static unsigned time_after(unsigned at, int fault, unsigned dense, unsigned step)
{
    do
        at++;
    while (at <= dense && at % share != turn);
    if (at <= dense)
        return at;
    return at == dense + 1 ? at + (unsigned)abs(fault) % step : at + step - 1;
}

/* From the first time, which is always played, to the last. */
static void every_time(int call, int fault, unsigned times, unsigned dense, unsigned step)
{
    struct scene_result result = {.reached = true};
    char what[80];
    step *= share;
    for (unsigned at = 1; result.reached && at < SCENES_MAX;) {
        struct scene_plan plan = plan_of(call, fault, at, times);
        sweep_name(what, sizeof(what), call, fault, at, times);
        sweep_play(&plan, what, &result);
        at = time_after(at, fault, dense, step);
    }
}

static bool is_retried_at_once(int fault)
{
    return fault == EINTR || fault == EAGAIN || fault == SHORT || fault == HALF;
}

static void every_call(void)
{
    const struct inject_call *row;
    size_t number = 0;
    for (int call = 0; (row = inject_call((size_t)call))->name != NULL; call++) {
        for (size_t i = 0; i < row->fault_count; i++) {
            int fault = row->faults[i];
            if (!is_mine(number++))
                continue;
            every_time(call, fault, 1, is_long ? SCENES_MAX : sweep->dense, sweep->step);
            if (sweep->more != NULL)
                sweep->more(call, fault);
            every_time(call, fault, 3, is_long ? SCENES_MAX : 1, 3 * sweep->step);
            if (!is_retried_at_once(fault))
                every_time(call, fault, FOR_EVER, 1, is_long ? 5 : 40);
        }
    }
}

/* --- memory and descriptors ------------------------------------------------------------------------------------- */

static void play_allocation(size_t at, bool and_after)
{
    struct scene_plan plan = {.inject = {.call = -2},
                              .allocation = at,
                              .allocations_after = and_after,
                              .until_witness = and_after};
    struct scene_result result;
    char what[80];
    (void)snprintf(what, sizeof(what), "memory %zu%s", at, and_after ? " and all after it" : "");
    sweep_play(&plan, what, &result);
}

static void every_allocation(void)
{
    struct scene_plan plain = {.inject = {.call = -2}, .harmless = true};
    struct scene_result result;
    sweep->play(&plain, &result);
    tell(result.ok, "nothing fails", result.why);
    for (size_t at = 1; at <= result.allocations; at++) {
        if (!is_mine(at) || (at / parts) % share != turn)
            continue;
        play_allocation(at, false);
        play_allocation(at, true);
    }
}

static void play_short(unsigned left)
{
    struct scene_plan plan = {.inject = {.call = -2}, .is_short = true, .descriptors = left, .until_witness = true};
    struct scene_result result;
    char what[80];
    (void)snprintf(what, sizeof(what), "%u descriptors are left", left);
    sweep_play(&plan, what, &result);
}

/* --- everything at once ----------------------------------------------------------------------------------------- */

static void everywhere(int fault, const char *name, unsigned every)
{
    char what[80];
    struct scene_result result;
    if (!is_mine(every))
        return;
    struct scene_plan plan = {
        .inject = {.call = -1, .fault = fault, .at = every, .times = 1000000000, .every = every},
        .after_start = true,
        .harmless = true,
    };
    (void)snprintf(what, sizeof(what), "%s everywhere, each %uth time", name, every);
    sweep_play(&plan, what, &result);
    tell(result.reached, what, "it happened nowhere");
}

static void all_at_once(unsigned seeds)
{
    for (unsigned every = 2; every <= 7; every++)
        everywhere(EINTR, "EINTR", every);
    for (unsigned every = 1; every <= 5; every++)
        everywhere(HALF, "HALF", every);
    for (unsigned every = 5; every <= 9; every++)
        everywhere(SHORT, "SHORT", every);
    for (unsigned seed = 1; seed <= seeds; seed++) {
        if (!is_mine(seed))
            continue;
        struct scene_plan plan = {.inject = {.call = -2}, .random = seed * 2654435761U};
        struct scene_result result;
        char what[80];
        (void)snprintf(what, sizeof(what), "memory by chance, seed %u", seed);
        sweep_play(&plan, what, &result);
    }
}

/* --- one, by hand ----------------------------------------------------------------------------------------------- */

static int one(int argc, char **argv)
{
    if (strcmp(argv[2], "memory") == 0 || strcmp(argv[2], "descriptors") == 0) {
        if (argv[2][0] == 'm')
            play_allocation((size_t)atoi(argv[3]), argc > 4);
        else
            play_short((unsigned)atoi(argv[3]));
        return failed == 0 ? 0 : 1;
    }
    int call = inject_find(argv[2]);
    const struct inject_call *row = inject_call((size_t)(call < 0 ? 0 : call));
    for (size_t i = 0; call >= 0 && argc >= 6 && i < row->fault_count; i++) {
        if (strcmp(inject_fault_name(row, row->faults[i]), argv[3]) != 0)
            continue;
        struct scene_plan plan = plan_of(call, row->faults[i], (unsigned)atoi(argv[4]), (unsigned)atoi(argv[5]));
        struct scene_result result;
        plan.threads = argc > 6;
        sweep_play(&plan, argv[2], &result);
        (void)printf("%s, %s\n", result.reached ? "reached" : "not reached",
                     result.started ? "started" : "not started");
        return failed == 0 ? 0 : 1;
    }
    (void)fprintf(stderr, "%s FOLDER CALL FAULT AT TIMES\n", argv[0]);
    return 2;
}

int sweep_main(const struct sweep *wanted, int argc, char **argv)
{
    const char *text = getenv("FAILING_PART");
    sweep = wanted;
    is_long = getenv("FAILING_LONG") != NULL;
    if (argc < 2 || (text != NULL && sscanf(text, "%u/%u", &part, &parts) != 2))
        return 2;
    text = getenv("FAILING_SHARE");
    if (text != NULL && sscanf(text, "%u/%u", &turn, &share) != 2)
        return 2;
    if (share == 0 || turn >= share)
        return 2;
    text = getenv("FAILING_SLOW");
    slow_ms = text != NULL ? atol(text) : 0;
    if (argc > 3)
        return one(argc, argv);
    every_allocation();
    for (unsigned left = 0; left < sweep->descriptors_max; left++)
        if (is_mine(left))
            play_short(left);
    every_call();
    all_at_once(is_long ? 10 * sweep->seeds : sweep->seeds);
    (void)printf("reached:");
    for (size_t i = 0; inject_call(i)->name != NULL; i++)
        if (was_reached[i])
            (void)printf(" %s", inject_call(i)->name);
    (void)printf("\n%u scenes\n%u passed, %u failed\n", scenes, passed, failed);
    return failed == 0 ? 0 : 1;
}
