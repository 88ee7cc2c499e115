/* Goal: whatever call fails, whichever way its manual names, at whatever moment: each request of a client has one
 * `done` with its reason, the others are answered, a drain ends, the books balance, nothing leaks and nothing spins.
 * Method: a scene (client_scene.h) is played by the sweep (sweep.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "client_scene.h"
#include "sweep.h"

/* Nobody may notice that a call was interrupted, had nothing to give, or did less than it was asked; nor that one
 * failed whose answer is only good to know. */
static bool is_harmless(const char *call, int fault)
{
    if (sweep_is_one_of(call, "close getsockname ioctl sigtimedwait fgets fopen"))
        return true;
    if (strcmp(call, "sendfile") == 0 && (fault == EINVAL || fault == ENOSYS))
        return true;
    if (strcmp(call, "connect") == 0)
        return fault == EINTR || fault == EINPROGRESS;
    if (strcmp(call, "pread") == 0 && fault == EAGAIN) /* of a file: it cannot be read */
        return false;
    if (sweep_is_one_of(call, "recv send sendmsg sendfile epoll_wait write pread"))
        return fault == EAGAIN || fault == EINTR || fault == SHORT || fault == HALF;
    return false;
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

int main(int argc, char **argv)
{
    const char *factor = getenv("WEIR_PATIENCE");
    if (argc < 2)
        return 2;
    client_scene_init(argv[1], factor != NULL ? atof(factor) : 1);
    const struct sweep sweep = {.play = client_scene_play,
                                .is_harmless = is_harmless,
                                .get_at = get_at,
                                .dense = 6,
                                .step = 8,
                                .seeds = 30,
                                .descriptors_max = 30};
    int status = sweep_main(&sweep, argc, argv);
    client_scene_fini();
    return status;
}
