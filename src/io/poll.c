#include "io/poll.h"

#include <assert.h>
#include <stddef.h>

#include "io/loop_internal.h"

static enum io_watch kind_of(unsigned wanted)
{
    static const enum io_watch kinds[] = {
        [IO_POLL_READ] = IO_WATCH_POLL_READ,
        [IO_POLL_WRITE] = IO_WATCH_POLL_WRITE,
        [IO_POLL_READ | IO_POLL_WRITE] = IO_WATCH_POLL_BOTH,
    };
    assert(wanted != 0 && wanted < sizeof(kinds) / sizeof(kinds[0]));
    return kinds[wanted];
}

int io_poll_open(struct io_poll *poll, weir_loop *loop, int fd, unsigned wanted)
{
    int os = loop->backend->watch(loop, fd, kind_of(wanted), poll);
    if (os != 0)
        return os;
    poll->loop = loop;
    poll->node = (struct base_list){0};
    poll->fd = fd;
    poll->wanted = wanted;
    return 0;
}

int io_poll_want(struct io_poll *poll, unsigned wanted)
{
    weir_loop *loop = poll->loop;
    if (wanted == poll->wanted)
        return 0;
    io_poll_close(poll);
    return io_poll_open(poll, loop, poll->fd, wanted);
}

void io_poll_close(struct io_poll *poll)
{
    if (poll->loop == NULL)
        return;
    base_list_remove(&poll->node);
    poll->loop->backend->unwatch(poll->loop, poll->fd);
    poll->loop = NULL;
}
