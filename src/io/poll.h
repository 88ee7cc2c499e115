/* A descriptor that is not a stream of octets to its owner, watched by level: a connecting socket, one of a library's.
 * Nothing is allocated, and the descriptor stays the owner's. */
#ifndef IO_POLL_H
#define IO_POLL_H

#include <weir/loop.h>

#include "base/list.h"

enum { IO_POLL_READ = 1, IO_POLL_WRITE = 2 };

struct io_poll {
    /* What is watched for is ready, or the descriptor is dead; again in each round, as long as that is so. Closing is
     * legal within it, the freeing included. */
    void (*ready)(struct io_poll *poll);
    weir_loop *loop;
    struct base_list node; /* linked while `ready` is due */
    int fd;
    unsigned wanted;
};

/* Watches for `wanted`, at least one of IO_POLL_*; `poll->ready` is set already. 0, or an errno: then it is not
 * open. */
int io_poll_open(struct io_poll *poll, weir_loop *loop, int fd, unsigned wanted);
/* Watches for something else. 0, or an errno: then it is closed. */
int io_poll_want(struct io_poll *poll, unsigned wanted);
/* Before the descriptor is closed. Fine on one that is closed, or is all zero. */
void io_poll_close(struct io_poll *poll);

#endif
