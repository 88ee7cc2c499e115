/* Where lines go: a file that is appended to, standard output or standard error.
 *
 * Nothing that is written waits for whoever reads it. A regular file is written at once. Anything else (a pipe, a
 * terminal, a socket) may be read slowly or not at all: there the lines go through a buffer of bounded size, and a
 * thread of its own writes them. What cannot be written (a full disk, a reader that left) and what finds the buffer
 * full is counted, and never fatal: the program says at its end what was lost.
 *
 * Lines are written whole, so that those of several threads and processes do not mix in a file. */
#ifndef CLI_COMMON_SINK_H
#define CLI_COMMON_SINK_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/text.h"

struct sink_queue;

struct sink {
    const char *name; /* for messages; kept */
    int fd;           /* -1: none */
    struct sink_queue *queue; /* null: lines are written at once */
    atomic_uint_fast64_t lost;
    atomic_int os;    /* of the first loss */
    atomic_bool torn; /* a line was written in part: the next one starts on a line of its own */
};

/* `-` is standard output. False with errno set when the file cannot be opened. */
bool sink_open(struct sink *sink, const char *path);
void sink_open_stderr(struct sink *sink);
/* A regular file is opened again by its name, which may be another file now (logrotate): what is written from now on
 * goes there. Nothing for other sinks. False with errno set: the old one stays. Async-signal-safe; safe while others
 * write. */
bool sink_reopen(struct sink *sink);
/* Adds the newline. Safe from several threads. */
void sink_line(struct sink *sink, struct text *line);
/* Waits until what was given is written, or until nothing has been for a second. */
void sink_flush(struct sink *sink);
/* Flushes, closes, and says on standard error what was lost. False if anything was. */
bool sink_close(struct sink *sink, const char *program);

#endif
