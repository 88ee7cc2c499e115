#include "io/sigpipe.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

static void only_sigpipe(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGPIPE);
}

void io_sigpipe_hold(struct io_sigpipe *hold)
{
    sigset_t set;
    only_sigpipe(&set);
    pthread_sigmask(SIG_BLOCK, &set, &hold->before);
    hold->was_blocked = sigismember(&hold->before, SIGPIPE) == 1;
    /* One that is not blocked is never pending. */
    hold->was_pending = hold->was_blocked && sigpending(&set) == 0 && sigismember(&set, SIGPIPE) == 1;
}

void io_sigpipe_release(const struct io_sigpipe *hold, bool raised)
{
    int os = errno;
    if (raised && !hold->was_pending) {
        const struct timespec at_once = {0};
        sigset_t set;
        only_sigpipe(&set);
        (void)sigtimedwait(&set, NULL, &at_once);
    }
    if (!hold->was_blocked)
        pthread_sigmask(SIG_SETMASK, &hold->before, NULL);
    errno = os;
}
