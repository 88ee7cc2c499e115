/* Goal: whatever call fails, whichever way its manual names, at whatever moment: the server lives, the others are
 * answered, a drain ends it, the books balance, nothing leaks. Method: a scene (scene.h) is played by the sweep
 * (sweep.h).
 *
 *     server_test FOLDER send EPIPE 3 1 workers    one scene with three workers */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "sweep.h"
#include "workers.h"

/* Of threads the moments are many and alike. */
#define THREADS_AT_MAX 20

/* Nobody may notice that a call was interrupted, had nothing to give, or did less than it was asked; nor that one
 * failed whose answer is only good to know. */
static bool is_harmless(const char *call, int fault)
{
    if (sweep_is_one_of(
            call, "close setsockopt getsockname getrlimit lstat unlink chmod poll ioctl sigtimedwait epoll_pwait2 "
                  "fgets fopen"))
        return true;
    if (strcmp(call, "sendfile") == 0 && (fault == EINVAL || fault == ENOSYS))
        return true;
    if (strcmp(call, "pread") == 0 && fault == EAGAIN) /* of a file: it cannot be read */
        return false;
    if (sweep_is_one_of(call, "accept4 recv send sendmsg sendfile epoll_wait write pread"))
        return fault == EAGAIN || fault == EINTR || fault == SHORT || fault == HALF;
    return false;
}

static void play(const struct scene_plan *plan, struct scene_result *result)
{
    (plan->threads ? workers_play : scene_play)(plan, result);
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

static bool is_of_threads(const char *call)
{
    return sweep_is_one_of(
        call, "pthread_create epoll_create1 epoll_wait epoll_ctl eventfd timerfd_create write fcntl socket "
              "bind listen getsockname setsockopt getrlimit getaddrinfo realloc");
}

/* The three workers: what their start needs, what wakes them, and what is theirs alone. */
static void every_time_threads(int call, int fault)
{
    struct scene_result result = {.reached = is_of_threads(inject_call((size_t)call)->name)};
    char what[80];
    for (unsigned at = 1; result.reached && at < THREADS_AT_MAX; at++) {
        struct scene_plan plan = {
            .inject = {.call = call, .fault = fault, .at = at, .times = 1, .every = 1},
            .harmless = is_harmless(inject_call((size_t)call)->name, fault),
            .threads = true,
        };
        sweep_name(what, sizeof(what), call, fault, at, 1);
        sweep_play(&plan, what, &result);
    }
}

int main(int argc, char **argv)
{
    const char *factor = getenv("WEIR_PATIENCE");
    if (argc < 2)
        return 2;
    scene_init(argv[1], factor != NULL ? atof(factor) : 1);
    const struct sweep sweep = {.play = play,
                                .is_harmless = is_harmless,
                                .get_at = get_at,
                                .more = every_time_threads,
                                .dense = 12,
                                .step = 3,
                                .seeds = 40};
    int status = sweep_main(&sweep, argc, argv);
    scene_fini();
    return status;
}
