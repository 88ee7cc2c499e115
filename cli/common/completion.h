/* Completion in a shell, made from the tables of options: `weir completion bash` prints what bash, zsh or fish
 * reads. */
#ifndef CLI_COMMON_COMPLETION_H
#define CLI_COMMON_COMPLETION_H

#include <stdbool.h>
#include <stdio.h>

#include "common/options.h"

/* A command is called with this and the name of a shell, and prints its part instead of running. */
#define COMPLETION_WORD "--print-completion"

bool completion_is_known(const char *shell);
/* What comes before and after the parts of the commands; `commands` is their names, with blanks between. */
void completion_begin(const char *shell, const char *commands, FILE *out);
void completion_end(const char *shell, FILE *out);
/* The part of one command. */
bool completion_is_asked(int argc, char **argv);
void completion_print(const struct option_command *command, const char *shell, FILE *out);

#endif
