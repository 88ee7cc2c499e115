#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool sink_open(struct sink *sink, const char *path)
{
    if (strcmp(path, "-") == 0) {
        sink->name = "standard output";
        sink->fd = STDOUT_FILENO;
        return true;
    }
    sink->name = path;
    sink->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    return sink->fd >= 0;
}

void sink_open_stderr(struct sink *sink)
{
    sink->name = "standard error";
    sink->fd = STDERR_FILENO;
}

static void count_loss(struct sink *sink, int os)
{
    int none = 0;
    atomic_fetch_add(&sink->lost, 1);
    (void)atomic_compare_exchange_strong(&sink->os, &none, os);
}

void sink_line(struct sink *sink, struct text *line)
{
    if (sink->fd < 0)
        return;
    if (atomic_exchange(&sink->torn, false))
        (void)!write(sink->fd, "\n", 1);
    text_add(line, "\n", 1);
    if (line->cut) {
        count_loss(sink, EMSGSIZE);
        return;
    }
    ssize_t wrote;
    do
        wrote = write(sink->fd, line->ptr, line->len);
    while (wrote < 0 && errno == EINTR);
    if (wrote == (ssize_t)line->len)
        return;
    count_loss(sink, wrote < 0 ? errno : ENOSPC);
    if (wrote > 0)
        atomic_store(&sink->torn, true);
}

void sink_close(struct sink *sink, const char *program)
{
    uint64_t lost = atomic_load(&sink->lost);
    /* Some file systems tell of a failed write only here. */
    if (sink->fd > STDERR_FILENO && close(sink->fd) != 0)
        (void)fprintf(stderr, "%s: %s: %s\n", program, sink->name, strerror(errno));
    if (lost > 0)
        (void)fprintf(stderr, "%s: %s: %" PRIu64 " line%s lost: %s\n", program, sink->name, lost, lost == 1 ? "" : "s",
                      strerror(atomic_load(&sink->os)));
    sink->fd = -1;
}
