#include "options.h"

#include <assert.h>
#include <getopt.h>
#include <string.h>

#include <weir/weir.h>

/* What getopt_long returns for the option of row i; above any character. */
enum { VALUE_HELP = 256, VALUE_VERSION = 257, VALUE_FIRST = 258 };

static const char *argument_of(const struct option_spec *spec)
{
    static const char *const usual[] = {
        [OPTION_TITLE] = "",      [OPTION_FLAG] = "",   [OPTION_STRING] = "TEXT", [OPTION_ADDRESS] = "ADDRESS",
        [OPTION_CHOICE] = "WORD", [OPTION_COUNT] = "N", [OPTION_SIZE] = "SIZE",   [OPTION_TIME] = "TIME",
    };
    return spec->argument != NULL ? spec->argument : usual[spec->type];
}

void options_complain(const struct option_command *command, const struct option_spec *spec, const char *value,
                      const char *expected)
{
    (void)fprintf(stderr, "%s: --%s is '%s': expected %s\n", command->name, spec->name, value, expected);
}

static void help_row(FILE *out, const char *name, const char *argument, const char *help)
{
    enum { COLUMN = 34 };
    int width = fprintf(out, "  --%s%s%s", name, argument[0] == '\0' ? "" : " ", argument);
    if (width >= COLUMN)
        width = fprintf(out, "\n") - 1;
    (void)fprintf(out, "%*s%s\n", COLUMN - width, "", help);
}

void options_help(const struct option_command *command, FILE *out)
{
    (void)fprintf(out, "%s\n\n  %s [options]%s%s\n", command->summary, command->name,
                  command->operands != NULL ? " " : "", command->operands != NULL ? command->operands : "");
    if (command->examples != NULL)
        (void)fprintf(out, "\nExamples:\n%s", command->examples);
    (void)fprintf(out, "\nOptions:\n");
    for (size_t i = 0; i < command->count; i++) {
        const struct option_spec *spec = &command->specs[i];
        if (spec->type == OPTION_TITLE)
            (void)fprintf(out, "\n%s\n", spec->help);
        else
            help_row(out, spec->name, argument_of(spec), spec->help);
    }
    (void)fprintf(out, "\n");
    help_row(out, "help", "", "this page");
    help_row(out, "version", "", "the version, and what it was built with");
    if (command->notes != NULL)
        command->notes(out);
}

/* Returns how many rows it made. */
static size_t getopt_table(const struct option_command *command, struct option *table)
{
    size_t rows = 0;
    table[rows++] = (struct option){"help", no_argument, NULL, VALUE_HELP};
    table[rows++] = (struct option){"version", no_argument, NULL, VALUE_VERSION};
    for (size_t i = 0; i < command->count; i++) {
        const struct option_spec *spec = &command->specs[i];
        if (spec->type != OPTION_TITLE)
            table[rows++] = (struct option){spec->name, spec->type == OPTION_FLAG ? no_argument : required_argument,
                                            NULL, VALUE_FIRST + (int)i};
    }
    table[rows] = (struct option){0};
    return rows;
}

static bool take(struct option_command *command, struct option_spec *spec, const char *value)
{
    char expected[200];
    spec->given = true;
    if (spec->type == OPTION_FLAG) {
        *(bool *)spec->place = true;
        return true;
    }
    if (option_value(spec, value, expected, sizeof(expected)))
        return true;
    options_complain(command, spec, value, expected);
    return false;
}

static enum option_result wrong(const struct option_command *command, int what, const char *argument)
{
    char letter[] = "-x";
    if (optopt > 0 && optopt < VALUE_HELP) { /* within a cluster: then the argument is not told */
        letter[1] = (char)optopt;
        argument = letter;
    }
    if (what == ':')
        (void)fprintf(stderr, "%s: %s needs a value\n", command->name, argument);
    else if (optopt >= VALUE_HELP)
        (void)fprintf(stderr, "%s: %s: this option takes no value\n", command->name, argument);
    else
        (void)fprintf(stderr, "%s: there is no option %s (or it is ambiguous); see %s --help\n", command->name,
                      argument, command->name);
    return OPTIONS_WRONG;
}

enum option_result options_parse(struct option_command *command, int argc, char **argv, int *operand)
{
    struct option table[OPTIONS_MAX + 3];
    assert(command->count <= OPTIONS_MAX);
    (void)getopt_table(command, table);
    opterr = 0;
    optind = 1;
    for (int what; (what = getopt_long(argc, argv, ":", table, NULL)) != -1;) {
        if (what == VALUE_HELP) {
            options_help(command, stdout);
            return OPTIONS_DONE;
        }
        if (what == VALUE_VERSION) {
            (void)printf("weir %s\n", weir_version());
            return OPTIONS_DONE;
        }
        if (what < VALUE_FIRST)
            return wrong(command, what, argv[optind - 1]);
        if (!take(command, &command->specs[what - VALUE_FIRST], optarg))
            return OPTIONS_WRONG;
    }
    if (command->operands == NULL && optind < argc) {
        (void)fprintf(stderr, "%s: '%s' is not expected: this command takes options only; see %s --help\n",
                      command->name, argv[optind], command->name);
        return OPTIONS_WRONG;
    }
    *operand = optind;
    return OPTIONS_RUN;
}
