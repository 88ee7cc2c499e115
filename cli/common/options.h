/* The options of one command: a table that getopt_long is driven by, that --help is made from, and whose errors name
 * the option, the value and what was expected. */
#ifndef CLI_COMMON_OPTIONS_H
#define CLI_COMMON_OPTIONS_H

#include <stdio.h>

#include <weir/base.h>

/* What a value looks like, and what `place` points to. */
enum option_type {
    OPTION_TITLE,   /* no option: a heading in --help */
    OPTION_FLAG,    /* bool */
    OPTION_STRING,  /* const char * */
    OPTION_LIST,    /* struct option_list: may be given several times */
    OPTION_ADDRESS, /* const char *: HOST:PORT and the like; the library judges it */
    OPTION_CHOICE,  /* const char *: one of `choices` */
    OPTION_COUNT,   /* uint64_t, or `unlimited` where `max` is UINT64_MAX */
    OPTION_SIZE,    /* uint64_t octets: 4096, 64k, 1M, 2G, or `unlimited` where `max` is UINT64_MAX */
    OPTION_TIME     /* uint64_t nanoseconds: 10ms, 1.5s, 2m, 1h, 5 (seconds), or `never` where `max` is UINT64_MAX */
};

/* The values of an option that may be given several times, in their order. */
#define OPTION_LIST_MAX 64
struct option_list {
    const char *values[OPTION_LIST_MAX];
    size_t count;
};

struct option_spec {
    const char *name; /* without dashes */
    char letter;      /* its short form, `-c`; 0: none */
    enum option_type type;
    void *place;          /* holds the default before, and is left alone when the option is not given */
    const char *argument; /* as --help names the value; null: by type */
    const char *help;
    const char *choices; /* "epoll uring" */
    uint64_t min, max;   /* of numbers; both zero: 1 to UINT64_MAX */
    bool may_be_empty;   /* of a string */
    bool given;
};

struct option_command {
    const char *name;         /* "weir demo": opens each message */
    const char *summary;      /* one sentence */
    const char *operands;     /* in the usage line after the options; null: none are taken */
    const char *examples;     /* lines */
    void (*notes)(FILE *out); /* what --help says at its end; may be null */
    struct option_spec *specs;
    size_t count;
};

enum option_result {
    OPTIONS_RUN,  /* go on; operands are argv[*operand] and on */
    OPTIONS_DONE, /* --help or --version was answered: exit 0 */
    OPTIONS_WRONG /* said so on standard error: exit 2 */
};

#define OPTIONS_MAX 64

enum option_result options_parse(struct option_command *command, int argc, char **argv, int *operand);

/* "weir demo: --workers is 'x': expected ..." on standard error. */
void options_complain(const struct option_command *command, const struct option_spec *spec, const char *value,
                      const char *expected);
void options_help(const struct option_command *command, FILE *out);

/* One value. False if it is not one; `expected` (of at least 160 octets) then says what would be. */
bool option_value(const struct option_spec *spec, const char *value, char *expected, size_t size);
/* A whole number of decimal digits and nothing else. */
bool option_digits(weir_str digits, uint64_t max, uint64_t *out);

#endif
