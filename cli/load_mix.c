/* The file of a mix: sections that are scenarios, read by inih. */
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load_scenario.h"
#include "options.h"

struct reading {
    struct load_mix *mix;
    const struct load_scenario *base;
    char *error;
    size_t error_size;
};

static int complain(struct reading *reading, const char *name, const char *value, const char *expected)
{
    (void)snprintf(reading->error, reading->error_size, "%s is '%s': expected %s", name, value, expected);
    return 0;
}

static bool copy_fields(struct load_scenario *to, const struct load_scenario *from)
{
    for (size_t i = 0; i < from->field_count; i++)
        if (!load_scenario_field(to, from->lines[i]))
            return false;
    return true;
}

static struct load_scenario *section_of(struct reading *reading, const char *name)
{
    struct load_mix *mix = reading->mix;
    if (mix->count > 0 && strcmp(mix->list[mix->count - 1].name, name) == 0)
        return &mix->list[mix->count - 1];
    if (mix->count == LOAD_SCENARIOS_MAX) {
        (void)snprintf(reading->error, reading->error_size,
                       "[%s] is one more than the %d scenarios that a mix may have", name, LOAD_SCENARIOS_MAX);
        return NULL;
    }
    struct load_scenario *scenario = &mix->list[mix->count];
    if (!load_scenario_init(scenario, name, reading->base->path, &reading->base->life))
        return NULL;
    mix->count++;
    scenario->method = reading->base->method == NULL ? NULL : strdup(reading->base->method);
    if (reading->base->body.ptr != NULL) {
        char *octets = malloc(reading->base->body.len + 1);
        if (octets == NULL)
            return NULL;
        memcpy(octets, reading->base->body.ptr, reading->base->body.len);
        scenario->body = (weir_str){octets, reading->base->body.len};
    }
    return copy_fields(scenario, reading->base) ? scenario : NULL;
}

static bool set_text(char **place, const char *value)
{
    free(*place);
    *place = strdup(value);
    return *place != NULL;
}

static int take(struct reading *reading, struct load_scenario *scenario, const char *name, const char *value)
{
    if (strcmp(name, "weight") == 0)
        return option_digits(weir_str_from(value), 1000000, &scenario->weight)
                   ? 1
                   : complain(reading, name, value, "a whole number from 0 to 1000000");
    if (strcmp(name, "method") == 0)
        return weir_field_name_valid(weir_str_from(value)) && set_text(&scenario->method, value)
                   ? 1
                   : complain(reading, name, value, "a token such as GET");
    if (strcmp(name, "path") == 0)
        return value[0] == '/' && set_text(&scenario->path, value) ? 1 : complain(reading, name, value, "/path?query");
    if (strcmp(name, "field") == 0 || strcmp(name, "fields") == 0)
        return load_scenario_field(scenario, value) ? 1 : complain(reading, name, value, "Name: value");
    if (strcmp(name, "body") == 0)
        return load_scenario_body(scenario, value) ? 1 : complain(reading, name, value, "a file that can be read");
    if (strcmp(name, "end") == 0)
        return load_end_parse(value, &scenario->life)
                   ? 1
                   : complain(reading, name, value, "drain, fin, half, rst, rst-after=OCTETS, stall or leave");
    if (strcmp(name, "per-conn") == 0)
        return load_per_conn_parse(value, &scenario->life) ? 1 : complain(reading, name, value, "a number or a time");
    return complain(reading, "the key", name, "weight, method, path, field, body, end or per-conn");
}

static int on_line(void *user, const char *section, const char *name, const char *value)
{
    struct reading *reading = user;
    if (reading->error[0] != '\0') /* inih goes on after the first error */
        return 0;
    if (section[0] == '\0')
        return complain(reading, "the key", name, "a [section] before it: its name is the scenario's");
    struct load_scenario *scenario = section_of(reading, section);
    if (scenario == NULL) {
        if (reading->error[0] == '\0')
            (void)snprintf(reading->error, reading->error_size, "out of memory, or more than %d fields",
                           LOAD_FIELDS_MAX);
        return 0;
    }
    return take(reading, scenario, name, value);
}

bool load_mix_read(struct load_mix *mix, const char *file, const struct load_scenario *base, char *error,
                   size_t error_size)
{
    char wrong[300] = "";
    struct reading reading = {.mix = mix, .base = base, .error = wrong, .error_size = sizeof(wrong)};
    int line = ini_parse(file, on_line, &reading);
    if (line < 0)
        (void)snprintf(error, error_size, "%s: %s", file, line == -1 ? strerror(errno) : "out of memory");
    else if (line > 0)
        (void)snprintf(error, error_size, "%s:%d: %s", file, line,
                       wrong[0] != '\0' ? wrong : "expected [section] or key = value");
    if (line != 0)
        return false;
    mix->weights = 0;
    for (size_t i = 0; i < mix->count; i++)
        mix->weights += mix->list[i].weight;
    if (mix->weights == 0)
        (void)snprintf(error, error_size, "%s: no scenario has a weight above 0", file);
    return mix->weights > 0;
}
