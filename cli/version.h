/* What --version says. */
#ifndef CLI_VERSION_H
#define CLI_VERSION_H

#include <stdio.h>

/* The version, and below it the commit and the options of the build. */
void version_print(FILE *out);

#endif
