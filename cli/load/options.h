/* The options of `weir load`, read and checked. */
#ifndef CLI_LOAD_OPTIONS_H
#define CLI_LOAD_OPTIONS_H

#include "load/fail.h"
#include "load/scenario.h"
#include "load/target.h"
#include "common/options.h"

#define LOAD_PIPELINE_MAX 1024

struct load_options {
    uint64_t connections;
    uint64_t threads;
    uint64_t duration_ns; /* UINT64_MAX: until the requests are done */
    uint64_t warmup_ns;
    uint64_t requests; /* UINT64_MAX: as many as the time allows */
    uint64_t rate;     /* a second, of all threads; 0: a closed loop */
    uint64_t pipeline;
    uint64_t streams;
    uint64_t timeout_ns;
    uint64_t expect_status; /* 0: any */
    uint64_t seed;
    const char *per_conn;
    const char *end;
    const char *method;
    struct option_list fields;
    const char *body;
    const char *mix_file, *targets_file;
    const char *unix_path;
    const char *histogram;
    const char *server_endings;
    struct option_list fail_texts;
    bool json;
    bool compare, merge;
    const char *const *operands; /* the URL, or the files of --compare and --merge */
    size_t operand_count;

    struct load_fail fails[OPTION_LIST_MAX]; /* of --fail-if */
    size_t fail_count;
    struct load_target target;
    struct load_mix mix;
};

/* What is wrong is said on standard error; OPTIONS_WRONG for usage, and *status is what to exit with. Resolves
 * names. */
enum option_result load_options_parse(struct load_options *options, int argc, char **argv, int *status);
void load_options_fini(struct load_options *options);

#endif
