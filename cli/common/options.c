#include "common/options.h"

#include "common/completion.h"
#include "common/version.h"

#include <assert.h>
#include <getopt.h>
#include <string.h>

#include <weir/weir.h>

/* What getopt_long returns for the option of row i; above any character. */
enum { VALUE_HELP = 256, VALUE_VERSION = 257, VALUE_FIRST = 258 };

static const char *argument_of(const struct option_spec *spec)
{
    static const char *const usual[] = {
        [OPTION_TITLE] = "",          [OPTION_FLAG] = "",       [OPTION_STRING] = "TEXT",
        [OPTION_ADDRESS] = "ADDRESS", [OPTION_CHOICE] = "WORD", [OPTION_COUNT] = "N",
        [OPTION_SIZE] = "SIZE",       [OPTION_TIME] = "TIME",   [OPTION_LIST] = "TEXT",
    };
    return spec->argument != NULL ? spec->argument : usual[spec->type];
}

void options_complain(const struct option_command *command, const struct option_spec *spec, const char *value,
                      const char *expected)
{
    (void)fprintf(stderr, "%s: --%s is '%s': expected %s\n", command->name, spec->name, value, expected);
}

static void help_row(FILE *out, char letter, const char *name, const char *argument, const char *help)
{
    enum { COLUMN = 34 };
    const char word[] = {' ', ' ', '-', letter, ',', ' ', '\0'};
    int width = fprintf(out, "%s--%s%s%s", letter == 0 ? "  " : word, name, argument[0] == '\0' ? "" : " ", argument);
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
    if (command->count == 0 || command->specs[0].type != OPTION_TITLE)
        (void)fprintf(out, "\nOptions:\n");
    for (size_t i = 0; i < command->count; i++) {
        const struct option_spec *spec = &command->specs[i];
        if (spec->type == OPTION_TITLE)
            (void)fprintf(out, "\n%s\n", spec->help);
        else
            help_row(out, spec->letter, spec->name, argument_of(spec), spec->help);
    }
    if (command->count > 0)
        (void)fprintf(out, "\n");
    help_row(out, 0, "help", "", "this page");
    help_row(out, 0, "version", "", "the version, and what it was built with");
    if (command->notes != NULL)
        command->notes(out);
}

/* `letters` has room for two octets a row and three more. */
static void getopt_table(const struct option_command *command, struct option *table, char *letters)
{
    size_t rows = 0;
    *letters++ = ':'; /* a missing value is told from an unknown option */
    table[rows++] = (struct option){"help", no_argument, NULL, VALUE_HELP};
    table[rows++] = (struct option){"version", no_argument, NULL, VALUE_VERSION};
    for (size_t i = 0; i < command->count; i++) {
        const struct option_spec *spec = &command->specs[i];
        if (spec->type == OPTION_TITLE)
            continue;
        table[rows++] = (struct option){spec->name, spec->type == OPTION_FLAG ? no_argument : required_argument, NULL,
                                        VALUE_FIRST + (int)i};
        if (spec->letter != 0)
            *letters++ = spec->letter;
        if (spec->letter != 0 && spec->type != OPTION_FLAG)
            *letters++ = ':';
    }
    *letters = '\0';
    table[rows] = (struct option){0};
}

/* The row of what getopt_long returned: the number of a long option, or a letter. */
static struct option_spec *spec_of(const struct option_command *command, int what)
{
    if (what >= VALUE_FIRST)
        return &command->specs[what - VALUE_FIRST];
    for (size_t i = 0; i < command->count; i++)
        if (command->specs[i].letter != 0 && command->specs[i].letter == what)
            return &command->specs[i];
    return NULL;
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

/* The names that a long option, cut short, may stand for: "--latency, --listen"; empty if it is none. */
static void candidates(const struct option_command *command, const char *argument, char *text, size_t size)
{
    size_t length = strcspn(argument, "="), used = 0;
    text[0] = '\0';
    if (length <= 2 || strncmp(argument, "--", 2) != 0)
        return;
    for (size_t i = 0; i < command->count && used < size; i++) {
        const char *name = command->specs[i].name;
        if (name != NULL && strncmp(name, argument + 2, length - 2) == 0)
            used += (size_t)snprintf(text + used, size - used, "%s--%s", used > 0 ? ", " : "", name);
    }
}

static void complain_unknown(const struct option_command *command, const char *argument)
{
    char names[300];
    candidates(command, argument, names, sizeof(names));
    if (names[0] != '\0')
        (void)fprintf(stderr, "%s: there is no option %s: did you mean %s?\n", command->name, argument, names);
    else
        (void)fprintf(stderr, "%s: there is no option %s; see %s --help\n", command->name, argument, command->name);
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
        complain_unknown(command, argument);
    return OPTIONS_WRONG;
}

/* getopt_long takes the beginning of a name for the name, where only one begins so. A script that relies on that
 * breaks with the next option, and a user who mistypes gets something else: names are to be written whole. */
static bool is_written_whole(const char *argument, const char *name)
{
    size_t length = strlen(name);
    return strncmp(argument, "--", 2) == 0 && strncmp(argument + 2, name, length) == 0 &&
           (argument[2 + length] == '\0' || argument[2 + length] == '=');
}

/* The element of argv that an option came from: before its value, where that is an element of its own. */
static const char *argument_taken(char **argv, bool takes_value)
{
    const char *last = argv[optind - 1];
    return takes_value && optarg == last ? argv[optind - 2] : last;
}

static bool is_long_and_cut(const struct option_command *command, char **argv, int what)
{
    if (what < VALUE_HELP)
        return false;
    const char *name = what == VALUE_HELP ? "help" : what == VALUE_VERSION ? "version" : spec_of(command, what)->name;
    const char *argument = argument_taken(argv, what >= VALUE_FIRST);
    if (is_written_whole(argument, name))
        return false;
    complain_unknown(command, argument);
    return true;
}

enum option_result options_parse(struct option_command *command, int argc, char **argv, int *operand)
{
    struct option table[OPTIONS_MAX + 3];
    char letters[2 * OPTIONS_MAX + 3];
    assert(command->count <= OPTIONS_MAX);
    if (completion_is_asked(argc, argv)) {
        completion_print(command, argv[2], stdout);
        return OPTIONS_DONE;
    }
    getopt_table(command, table, letters);
    opterr = 0;
    optind = 1;
    for (int what; (what = getopt_long(argc, argv, letters, table, NULL)) != -1;) {
        if (is_long_and_cut(command, argv, what))
            return OPTIONS_WRONG;
        if (what == VALUE_HELP) {
            options_help(command, stdout);
            return OPTIONS_DONE;
        }
        if (what == VALUE_VERSION) {
            version_print(stdout);
            return OPTIONS_DONE;
        }
        struct option_spec *spec = spec_of(command, what);
        if (spec == NULL)
            return wrong(command, what, argv[optind - 1]);
        if (!take(command, spec, optarg))
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
