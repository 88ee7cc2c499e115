/* What `weir load` does without a run: compares two runs, adds up histograms. */
#ifndef CLI_LOAD_OFFLINE_H
#define CLI_LOAD_OFFLINE_H

#include "load/options.h"

/* Both return an exit status, and say what is wrong on standard error. */
int load_compare(const struct load_options *options);
int load_merge(const struct load_options *options);

#endif
