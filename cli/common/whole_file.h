/* A file of results that appears whole or not at all: it is written beside its place, and put there when it is
 * complete. What is no regular file (a device, a pipe) is written to as it is. */
#ifndef CLI_COMMON_WHOLE_FILE_H
#define CLI_COMMON_WHOLE_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include <weir/base.h>

struct whole_file {
    FILE *out;
    char *path; /* where it goes; owned */
    char *part; /* where it is written; owned; null: at its place */
};

/* Could it be written now? Nothing is made or changed. False with errno: so that a run of an hour does not end in
 * vain. */
WEIR_MUST_USE bool whole_file_check(const char *path);
/* False with errno; nothing is to be closed then. */
WEIR_MUST_USE bool whole_file_open(struct whole_file *file, const char *path);
/* Puts it in its place if `whole`, and if all that was written is with the system; else removes what there is of it.
 * False with errno if it should be there and is not. */
WEIR_MUST_USE bool whole_file_close(struct whole_file *file, bool whole);

#endif
