/* Goal: whatever call fails, whichever way its manual names, at whatever moment: the server lives, the others are answered,
 * a drain ends it, the books balance, nothing leaks. Method: a scene (scene.h) is played once for each call, errno and
 * n-th time, until the n-th time is not reached any more; then with each allocation failing in turn; then with many
 * failures at once.
 *
 *     server_test FOLDER                        all; FAILING_LONG=1: with every moment of each, and more seeds
 *     server_test FOLDER send EPIPE 3 1         one scene: call, fault, the n-th time, how often
 *     server_test FOLDER send EPIPE 3 1 workers the same with three workers
 *     server_test FOLDER memory 17              the 17th allocation
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "scene.h"
#include "workers.h"

#define SCENES_MAX  2000 /* of one call and fault: more than any is made in a scene */
#define REPORTS_MAX 40
#define FOR_EVER    1000000
#define CALLS_MAX   100

static unsigned passed, failed, scenes;
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

/* FAILING_PART=2/4: of all that there is to do, the second of four parts, by turns. */
static unsigned part = 1, parts = 1;

static bool is_mine(size_t number)
{
    return number % parts == part - 1;
}

/* --- whom it may concern ------------------------------------------------------------------------------------------ */

static bool is_one_of(const char *name, const char *names)
{
    const char *at = strstr(names, name);
    size_t length = strlen(name);
    while (at != NULL && !((at == names || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0')))
        at = strstr(at + 1, name);
    return at != NULL;
}

/* Nobody may notice that a call was interrupted, had nothing to give, or did less than it was asked; nor that one failed
 * whose answer is only good to know. */
static bool is_harmless(const char *call, int fault)
{
    if (is_one_of(call,
                  "close setsockopt getsockname getrlimit lstat unlink chmod poll ioctl sigtimedwait epoll_pwait2"))
        return true;
    if (strcmp(call, "sendfile") == 0 && (fault == EINVAL || fault == ENOSYS))
        return true;
    if (strcmp(call, "pread") == 0 && fault == EAGAIN) /* of a file: it cannot be read */
        return false;
    if (is_one_of(call, "accept4 recv send sendmsg sendfile epoll_wait write pread"))
        return fault == EAGAIN || fault == EINTR || fault == SHORT || fault == HALF;
    return false;
}

/* What conn/failure.c takes for a mistake of ours. */
static bool may_be_bug(int fault)
{
    return fault == EBADF || fault == EFAULT || fault == EINVAL || fault == ENOTSOCK;
}

/* --- call by call ------------------------------------------------------------------------------------------------- */

static void play(const struct scene_plan *plan, const char *what, struct scene_result *result)
{
    scenes++;
    (plan->threads ? workers_play : scene_play)(plan, result);
    if (result->reached && plan->inject.call >= 0)
        was_reached[plan->inject.call] = true;
    if (result->reached || plan->allocation > 0 || plan->random > 0 || !result->ok)
        tell(result->ok, what, result->why);
}

static void name_scene(char *what, size_t size, int call, int fault, unsigned at, unsigned times)
{
    const struct inject_call *row = inject_call((size_t)call);
    (void)snprintf(what, size, "%s %s %u %u", row->name, inject_fault_name(row, fault), at, times);
}

/* Of threads the moments are many and alike. */
#define THREADS_AT_MAX 20

/* The three workers: what their start needs, what wakes them, and what is theirs alone. */
static void every_time_threads(int call, int fault)
{
    struct scene_result result = {.reached = true};
    char what[80];
    for (unsigned at = 1; result.reached && at < THREADS_AT_MAX; at++) {
        struct scene_plan plan = {
            .inject = {.call = call, .fault = fault, .at = at, .times = 1, .every = 1},
            .harmless = is_harmless(inject_call((size_t)call)->name, fault),
            .threads = true,
        };
        name_scene(what, sizeof(what), call, fault, at, 1);
        play(&plan, what, &result);
    }
}

static bool is_of_threads(const char *call)
{
    return is_one_of(call,
                     "pthread_create epoll_create1 epoll_wait epoll_ctl eventfd timerfd_create write fcntl socket "
                     "bind listen getsockname setsockopt getrlimit getaddrinfo realloc");
}

/* pread is called where sendfile cannot be; the signal is waited for where sendfile said EPIPE. */
static void get_at(struct scene_plan *plan, const char *call)
{
    plan->inject.never = inject_find("sendfile");
    if (strcmp(call, "pread") == 0) {
        plan->inject.never_fault = ENOSYS;
    } else if (strcmp(call, "sigtimedwait") == 0) {
        plan->inject.never_fault = EPIPE;
        plan->harmless = false;
        plan->until_witness = true;
    }
}

/* From the first time to the last; `step` leaves some out, others for each fault, `dense` are all taken. */
static void every_time(int call, int fault, unsigned times, unsigned dense, unsigned step)
{
    struct scene_result result = {.reached = true};
    char what[80];
    for (unsigned at = 1; result.reached && at < SCENES_MAX;) {
        struct scene_plan plan = {
            .inject = {.call = call, .fault = fault, .at = at, .times = times, .every = 1},
            .harmless = times == 1 && is_harmless(inject_call((size_t)call)->name, fault),
            .may_be_bug = may_be_bug(fault),
            .until_witness = times == FOR_EVER,
        };
        get_at(&plan, inject_call((size_t)call)->name);
        name_scene(what, sizeof(what), call, fault, at, times);
        play(&plan, what, &result);
        at = at == dense ? dense + 1 + (unsigned)abs(fault) % step : at + (at < dense ? 1 : step);
    }
}

static bool is_retried_at_once(int fault)
{
    return fault == EINTR || fault == EAGAIN || fault == SHORT || fault == HALF;
}

static void every_call(bool is_long)
{
    const struct inject_call *row;
    for (int call = 0; (row = inject_call((size_t)call))->name != NULL; call++) {
        if (!is_mine((size_t)call))
            continue;
        for (size_t i = 0; i < row->fault_count; i++) {
            int fault = row->faults[i];
            every_time(call, fault, 1, is_long ? SCENES_MAX : 12, 3);
            if (is_of_threads(row->name))
                every_time_threads(call, fault);
            every_time(call, fault, 3, is_long ? SCENES_MAX : 1, 9);
            if (!is_retried_at_once(fault))
                every_time(call, fault, FOR_EVER, 1, is_long ? 5 : 40);
        }
    }
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

static void play_allocation(size_t at, bool and_after)
{
    struct scene_plan plan = {.inject = {.call = -2},
                              .allocation = at,
                              .allocations_after = and_after,
                              .until_witness = and_after};
    struct scene_result result;
    char what[80];
    (void)snprintf(what, sizeof(what), "memory %zu%s", at, and_after ? " and all after it" : "");
    play(&plan, what, &result);
}

static void every_allocation(void)
{
    struct scene_plan plain = {.inject = {.call = -2}, .harmless = true};
    struct scene_result result;
    scene_play(&plain, &result);
    tell(result.ok, "nothing fails", result.why);
    for (size_t at = 1; at <= result.allocations; at++) {
        if (!is_mine(at))
            continue;
        play_allocation(at, false);
        play_allocation(at, true);
    }
}

/* --- everything at once ------------------------------------------------------------------------------------------- */

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
    play(&plan, what, &result);
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
        play(&plan, what, &result);
    }
}

/* --- one, by hand ------------------------------------------------------------------------------------------------- */

static int one(int argc, char **argv)
{
    if (strcmp(argv[2], "memory") == 0) {
        play_allocation((size_t)atoi(argv[3]), argc > 4);
        return failed == 0 ? 0 : 1;
    }
    int call = inject_find(argv[2]);
    const struct inject_call *row = inject_call((size_t)(call < 0 ? 0 : call));
    for (size_t i = 0; call >= 0 && argc >= 6 && i < row->fault_count; i++) {
        if (strcmp(inject_fault_name(row, row->faults[i]), argv[3]) != 0)
            continue;
        struct scene_plan plan = {
            .inject = {.call = call,
                       .fault = row->faults[i],
                       .at = (unsigned)atoi(argv[4]),
                       .times = (unsigned)atoi(argv[5]),
                       .every = 1},
        };
        plan.threads = argc > 6;
        plan.harmless = plan.inject.times == 1 && is_harmless(row->name, plan.inject.fault);
        plan.may_be_bug = may_be_bug(plan.inject.fault);
        plan.until_witness = plan.inject.times >= FOR_EVER;
        struct scene_result result;
        get_at(&plan, row->name);
        play(&plan, argv[2], &result);
        (void)printf("%s, %s\n", result.reached ? "reached" : "not reached", result.started ? "served" : "not started");
        return failed == 0 ? 0 : 1;
    }
    (void)fprintf(stderr, "server_test FOLDER CALL FAULT AT TIMES\n");
    return 2;
}

int main(int argc, char **argv)
{
    const char *factor = getenv("WEIR_PATIENCE");
    bool is_long = getenv("FAILING_LONG") != NULL;
    if (argc < 2 || (getenv("FAILING_PART") != NULL && sscanf(getenv("FAILING_PART"), "%u/%u", &part, &parts) != 2))
        return 2;
    scene_init(argv[1], factor != NULL ? atof(factor) : 1);
    if (argc > 3)
        return one(argc, argv);
    every_allocation();
    every_call(is_long);
    all_at_once(is_long ? 400 : 40);
    scene_fini();
    (void)printf("reached:");
    for (size_t i = 0; inject_call(i)->name != NULL; i++)
        if (was_reached[i])
            (void)printf(" %s", inject_call(i)->name);
    (void)printf("\n%u scenes\n%u passed, %u failed\n", scenes, passed, failed);
    return failed == 0 ? 0 : 1;
}
