/* The options of `weir demo`, read and checked. */
#ifndef CLI_DEMO_OPTIONS_H
#define CLI_DEMO_OPTIONS_H

#include <weir/weir.h>

#include "common/options.h"

struct demo_options {
    const char *listen;
    const char *profile;
    const char *endings;    /* null: none */
    const char *log;        /* null: standard error */
    const char *log_format; /* "logfmt" or "json" */
    const char *io;
    uint64_t workers;
    uint64_t connections_max; /* 0: the library's default */
    uint64_t connection_memory_max; /* 0: the library's default */
    uint64_t memory_max; /* 0: the library's default */
    uint64_t backlog;         /* 0: the library's default */
    uint64_t drain_ns;
    struct option_list names; /* that /.weir/ may be asked by */
    bool lenient;
    bool defer_accept;
    bool print_options;
    weir_limits limits;
};

/* What is wrong is said on standard error. `notes`: as in struct option_command. */
enum option_result demo_options_parse(struct demo_options *options, int argc, char **argv, void (*notes)(FILE *out));

#endif
