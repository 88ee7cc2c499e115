#include "common/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/sink_queue.h"

static void count_loss(struct sink *sink, uint64_t lines, int os)
{
    int none = 0;
    atomic_fetch_add(&sink->lost, lines);
    (void)atomic_compare_exchange_strong(&sink->os, &none, os);
}

/* --- opening ---------------------------------------------------------------------------------------------------- */

static bool is_regular(int fd)
{
    struct stat file;
    return fstat(fd, &file) == 0 && S_ISREG(file.st_mode);
}

/* Without a thread lines are written at once: a reader that stops then holds up who writes, which is better than to
 * have no log. */
static void open_queue(struct sink *sink)
{
    /* A file at the limit of its size (RLIMIT_FSIZE) is a failed write, not the end of the process. */
    (void)signal(SIGXFSZ, SIG_IGN);
    sink->queue = sink->fd < 0 || is_regular(sink->fd) ? NULL : sink_queue_new(sink->fd);
}

static int open_file(const char *path)
{
    int fd;
    do
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    while (fd < 0 && errno == EINTR);
    return fd;
}

bool sink_open(struct sink *sink, const char *path)
{
    bool is_stdout = strcmp(path, "-") == 0;
    sink->name = is_stdout ? "standard output" : path;
    sink->fd = is_stdout ? STDOUT_FILENO : open_file(path);
    if (sink->fd < 0)
        return false;
    open_queue(sink);
    return true;
}

void sink_open_stderr(struct sink *sink)
{
    sink->name = "standard error";
    sink->fd = STDERR_FILENO;
    open_queue(sink);
}

/* The descriptor keeps its number, so a line goes whole into the one file or the other. */
bool sink_reopen(struct sink *sink)
{
    if (sink->fd <= STDERR_FILENO || !is_regular(sink->fd))
        return true;
    int fd = open_file(sink->name);
    if (fd < 0)
        return false;
    int same;
    do
        same = dup3(fd, sink->fd, O_CLOEXEC);
    while (same < 0 && errno == EINTR);
    int os = errno;
    (void)close(fd);
    errno = os;
    return same >= 0;
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

static ssize_t write_again(int fd, const char *octets, size_t size)
{
    ssize_t wrote;
    do
        wrote = write(fd, octets, size);
    while (wrote < 0 && errno == EINTR);
    return wrote;
}

static void write_line(struct sink *sink, const struct text *line)
{
    if (atomic_exchange(&sink->torn, false))
        (void)!write_again(sink->fd, "\n", 1);
    ssize_t wrote = write_again(sink->fd, line->ptr, line->len);
    if (wrote == (ssize_t)line->len)
        return;
    count_loss(sink, 1, wrote < 0 ? errno : ENOSPC);
    if (wrote > 0)
        atomic_store(&sink->torn, true);
}

void sink_line(struct sink *sink, struct text *line)
{
    if (sink->fd < 0)
        return;
    text_add(line, "\n", 1);
    if (line->cut)
        count_loss(sink, 1, EMSGSIZE);
    else if (sink->queue == NULL)
        write_line(sink, line);
    else if (!sink_queue_put(sink->queue, line->ptr, line->len))
        count_loss(sink, 1, EAGAIN);
}

/* --- the end ---------------------------------------------------------------------------------------------------- */

void sink_flush(struct sink *sink)
{
    if (sink->queue != NULL)
        sink_queue_flush(sink->queue);
}

static void close_queue(struct sink *sink)
{
    if (sink->queue == NULL)
        return;
    sink_queue_flush(sink->queue);
    int os = 0;
    uint64_t lines = sink_queue_free(sink->queue, &os);
    sink->queue = NULL;
    if (lines > 0)
        count_loss(sink, lines, os);
}

/* EAGAIN is our own word for a full buffer, too. */
static const char *reason(int os)
{
    return os == EAGAIN ? "its reader was too slow" : strerror(os);
}

bool sink_close(struct sink *sink, const char *program)
{
    close_queue(sink);
    uint64_t lost = atomic_load(&sink->lost);
    /* Some file systems tell of a failed write only here. */
    bool closed = sink->fd <= STDERR_FILENO || close(sink->fd) == 0 || errno == EINTR;
    if (!closed)
        (void)fprintf(stderr, "%s: %s: %s\n", program, sink->name, strerror(errno));
    if (lost > 0)
        (void)fprintf(stderr, "%s: %s: %" PRIu64 " line%s lost: %s\n", program, sink->name, lost, lost == 1 ? "" : "s",
                      reason(atomic_load(&sink->os)));
    sink->fd = -1;
    return closed && lost == 0;
}
