/* What --version says. */
#ifndef CLI_COMMON_VERSION_H
#define CLI_COMMON_VERSION_H

#include <stdio.h>

/* The version, and below it the commit and the options of the build. */
void version_print(FILE *out);

#endif
