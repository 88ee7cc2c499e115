/* The file of a mix: sections that are scenarios. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/options.h"
#include "load/scenario.h"

struct reading {
    struct load_mix *mix;
    const struct load_scenario *base;
    char *error;
    size_t error_size;
};

WEIR_PRINTF(2, 3)
static bool complain(struct reading *reading, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reading->error, reading->error_size, format, arguments);
    va_end(arguments);
    return false;
}

static bool wrong(struct reading *reading, const char *name, const char *value, const char *expected)
{
    return complain(reading, "%s is '%s': expected %s", name, value, expected);
}

/* Without the blanks around it, in place. */
static char *trimmed(char *text)
{
    static const char blanks[] = " \t\r\n";
    text += strspn(text, blanks);
    size_t length = strlen(text);
    while (length > 0 && strchr(blanks, text[length - 1]) != NULL)
        length--;
    text[length] = '\0';
    return text;
}

/* What the options say. */
static bool copy_base(struct load_scenario *to, const struct load_scenario *from)
{
    if (from->targets_file != NULL && (to->targets_file = strdup(from->targets_file)) == NULL)
        return false;
    return load_request_copy(&to->request, &from->request, false);
}

static bool open_section(struct reading *reading, char *line)
{
    struct load_mix *mix = reading->mix;
    size_t length = strlen(line);
    if (line[length - 1] != ']')
        return complain(reading, "'%s' has no ] at its end: expected [NAME]", line);
    line[length - 1] = '\0';
    const char *name = trimmed(line + 1);
    if (name[0] == '\0')
        return complain(reading, "[] has no name: expected [NAME]");
    for (size_t i = 0; i < mix->count; i++)
        if (strcmp(mix->list[i].name, name) == 0)
            return complain(reading, "[%s] is there already: expected another name", name);
    if (mix->count == LOAD_SCENARIOS_MAX)
        return complain(reading, "[%s] is one more than the %d scenarios that a mix may have", name,
                        LOAD_SCENARIOS_MAX);
    struct load_scenario *scenario = &mix->list[mix->count++];
    if (!load_scenario_init(scenario, name, reading->base->request.path, &reading->base->life) ||
        !copy_base(scenario, reading->base))
        return complain(reading, "[%s]: out of memory", name);
    return true;
}

static bool set_targets(struct load_scenario *scenario, const char *file)
{
    char *copy = strdup(file);
    free(scenario->targets_file);
    scenario->targets_file = copy;
    return copy != NULL && copy[0] != '\0';
}

static bool take(struct reading *reading, struct load_scenario *scenario, const char *name, const char *value)
{
    if (strcmp(name, "weight") == 0)
        return option_digits(weir_str_from(value), LOAD_WEIGHT_MAX, &scenario->weight) ||
               wrong(reading, name, value, "a whole number from 0 to 1000000");
    if (strcmp(name, "method") == 0)
        return load_request_method(&scenario->request, value) || wrong(reading, name, value, "a token such as GET");
    if (strcmp(name, "path") == 0)
        return load_request_path(&scenario->request, value) || wrong(reading, name, value, "/path?query");
    if (strcmp(name, "field") == 0)
        return load_request_field(&scenario->request, value) || wrong(reading, name, value, "Name: value");
    if (strcmp(name, "body") == 0)
        return load_request_body(&scenario->request, value) ||
               complain(reading, "body is '%s': %s", value, strerror(errno));
    if (strcmp(name, "targets") == 0)
        return set_targets(scenario, value) || wrong(reading, name, value, "a file");
    if (strcmp(name, "end") == 0)
        return load_end_parse(value, &scenario->life) || wrong(reading, name, value, LOAD_END_EXPECTED);
    if (strcmp(name, "per-conn") == 0)
        return load_per_conn_parse(value, &scenario->life) || wrong(reading, name, value, LOAD_PER_CONN_EXPECTED);
    return wrong(reading, "the key", name, "weight, method, path, field, body, targets, end or per-conn");
}

static bool take_line(struct reading *reading, char *text)
{
    char *line = trimmed(text);
    if (line[0] == '\0' || line[0] == '#' || line[0] == ';')
        return true;
    if (line[0] == '[')
        return open_section(reading, line);
    char *equals = strchr(line, '=');
    if (equals == NULL)
        return wrong(reading, "the line", line, "[NAME], or KEY = VALUE");
    *equals = '\0';
    const char *name = trimmed(line), *value = trimmed(equals + 1);
    if (reading->mix->count == 0)
        return wrong(reading, "the key", name, "a [NAME] before it, which is the scenario's");
    return take(reading, &reading->mix->list[reading->mix->count - 1], name, value);
}

static bool read_lines(struct reading *reading, FILE *in, const char *file, char *error, size_t error_size)
{
    char *line = NULL;
    size_t size = 0, number = 0;
    bool right = true;
    while (right && getline(&line, &size, in) > 0) {
        number++;
        right = take_line(reading, line);
    }
    free(line);
    for (char *at = reading->error; *at != '\0'; at++) /* the file may be anything: no escapes to the terminal */
        *at = (unsigned char)*at >= ' ' && *at != 0x7f ? *at : '?';
    if (!right)
        (void)snprintf(error, error_size, "%s:%zu: %s", file, number, reading->error);
    else if (ferror(in))
        (void)snprintf(error, error_size, "%s: %s", file, strerror(errno));
    return right && !ferror(in);
}

bool load_mix_read(struct load_mix *mix, const char *file, const struct load_scenario *base, char *error,
                   size_t error_size)
{
    char why[300] = "";
    struct reading reading = {.mix = mix, .base = base, .error = why, .error_size = sizeof(why)};
    FILE *in = fopen(file, "re");
    if (in == NULL) {
        (void)snprintf(error, error_size, "%s: %s", file, strerror(errno));
        return false;
    }
    bool right = read_lines(&reading, in, file, error, error_size);
    (void)fclose(in);
    mix->weights = 0;
    for (size_t i = 0; i < mix->count; i++)
        mix->weights += mix->list[i].weight;
    if (right && mix->weights == 0)
        (void)snprintf(error, error_size, "%s: no scenario has a weight above 0: expected [NAME], and keys below it",
                       file);
    return right && mix->weights > 0;
}
