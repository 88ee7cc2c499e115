/* Keeps SIGPIPE from the process while something writes to a peer that cannot be told MSG_NOSIGNAL: sendfile, and the
 * libraries of others. The process's disposition of the signal is the program's and is not touched.
 *
 * The kernel raises SIGPIPE for the thread that writes. The signal is held off this thread for the call, and taken back
 * if it came. One that was pending before is the program's and stays. A hold lasts for one call, not for a run of the
 * loop: what a handler does, starting programs included, must see the thread's own mask. */
#ifndef IO_SIGPIPE_H
#define IO_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

struct io_sigpipe {
    sigset_t before; /* the thread's mask */
    bool was_blocked;
    bool was_pending;
};

void io_sigpipe_hold(struct io_sigpipe *hold);
/* `raised`: a write may have failed meanwhile, though the call said nothing of it. Keeps errno. */
void io_sigpipe_release(const struct io_sigpipe *hold, bool raised);

#endif
