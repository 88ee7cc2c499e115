/* Where lines go: a file that is appended to, standard output or standard error.
 *
 * Each line is one write(2), so that lines of several threads and processes never mix. What cannot be written (a full
 * disk, a reader that left) is counted, never waited for and never fatal: the program says at its end what was lost. */
#ifndef CLI_SINK_H
#define CLI_SINK_H

#include <stdatomic.h>

#include "text.h"

struct sink {
    const char *name; /* for messages; kept */
    int fd;           /* -1: none */
    atomic_uint_fast64_t lost;
    atomic_int os;    /* of the first loss */
    atomic_bool torn; /* a line was written in part: the next one starts on a line of its own */
};

/* `-` is standard output. False with errno set when the file cannot be opened. */
bool sink_open(struct sink *sink, const char *path);
void sink_open_stderr(struct sink *sink);
/* Adds the newline. Safe from several threads. */
void sink_line(struct sink *sink, struct text *line);
/* Closes, and says on standard error what was lost, if anything was. */
void sink_close(struct sink *sink, const char *program);

#endif
