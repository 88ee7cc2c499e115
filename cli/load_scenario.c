#include "load_scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool load_scenario_init(struct load_scenario *scenario, const char *name, const char *path,
                        const struct load_life *life)
{
    *scenario = (struct load_scenario){.weight = 1, .life = *life, .name = strdup(name), .path = strdup(path)};
    return scenario->name != NULL && scenario->path != NULL;
}

void load_scenario_fini(struct load_scenario *scenario)
{
    free(scenario->name);
    free(scenario->method);
    free(scenario->path);
    free((char *)(uintptr_t)scenario->body.ptr);
    for (size_t i = 0; i < scenario->field_count; i++)
        free(scenario->lines[i]);
    *scenario = (struct load_scenario){0};
}

bool load_scenario_field(struct load_scenario *scenario, const char *line)
{
    size_t name = strcspn(line, ":");
    if (scenario->field_count == LOAD_FIELDS_MAX || line[name] != ':' || !weir_field_name_valid((weir_str){line, name}))
        return false;
    size_t from = name + 1 + strspn(line + name + 1, " \t"), to = strlen(line);
    while (to > from && (line[to - 1] == ' ' || line[to - 1] == '\t'))
        to--;
    if (!weir_field_value_valid((weir_str){line + from, to - from}))
        return false;
    char *copy = strdup(line);
    if (copy == NULL)
        return false;
    scenario->lines[scenario->field_count] = copy;
    scenario->fields[scenario->field_count++] = (weir_field){.name = {copy, name}, .value = {copy + from, to - from}};
    return true;
}

bool load_scenario_body(struct load_scenario *scenario, const char *file)
{
    FILE *in = fopen(file, "rb");
    char *octets = NULL;
    size_t size = 0, length = 0;
    if (in == NULL)
        return false;
    do {
        size = size == 0 ? 65536 : size * 2;
        char *grown = realloc(octets, size);
        if (grown == NULL) {
            free(octets);
            (void)fclose(in);
            return false;
        }
        octets = grown;
        length += fread(octets + length, 1, size - length, in);
    } while (length == size);
    bool done = ferror(in) == 0;
    (void)fclose(in);
    free((char *)(uintptr_t)scenario->body.ptr);
    scenario->body = (weir_str){octets, length};
    return done;
}

weir_str load_scenario_method(const struct load_scenario *scenario)
{
    if (scenario->method != NULL)
        return weir_str_from(scenario->method);
    return scenario->body.ptr != NULL ? WEIR_STR("POST") : WEIR_STR("GET");
}

weir_request load_scenario_request(const struct load_scenario *scenario, const char *host)
{
    return (weir_request){
        .size = sizeof(weir_request),
        .method = load_scenario_method(scenario),
        .target = weir_str_from(scenario->path),
        .host = weir_str_from(host),
        .fields = {scenario->fields, scenario->field_count},
        .body = scenario->body.ptr != NULL ? weir_body_borrow(scenario->body) : weir_body_none(),
    };
}

bool load_scenario_check(const struct load_scenario *scenario, const char *host, char *error, size_t error_size)
{
    const weir_handler handler = WEIR_HANDLER(.done = NULL);
    const weir_conn_options options = WEIR_CONN_OPTIONS(.role = WEIR_ROLE_CLIENT, .handler = &handler);
    const weir_request request = load_scenario_request(scenario, host);
    weir_error why = {.text = "out of memory"};
    weir_conn_config *config = NULL;
    weir_prepared *prepared = NULL;
    weir_code code = weir_conn_config_new(&config, &options, &why);
    if (code == WEIR_OK)
        code = weir_prepare(&prepared, config, &request);
    if (code == WEIR_CODE_bad_target)
        (void)snprintf(error, error_size, "the path is '%s': expected /path?query, in which a blank is %%20",
                       scenario->path);
    else if (code != WEIR_OK)
        (void)snprintf(error, error_size, "the request may not be sent: %s: %s", weir_code_name(code),
                       weir_code_text(code));
    weir_prepared_free(prepared);
    if (config != NULL)
        weir_conn_config_free(config);
    return code == WEIR_OK;
}

void load_mix_fini(struct load_mix *mix)
{
    for (size_t i = 0; i < mix->count; i++)
        load_scenario_fini(&mix->list[i]);
    mix->count = 0;
}

/* SplitMix64's finisher: a number in, an even spread out, nothing to remember between connections. */
static uint64_t spread(uint64_t number)
{
    number += UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ (number >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ (number >> 27)) * UINT64_C(0x94d049bb133111eb);
    return number ^ (number >> 31);
}

size_t load_mix_draw(const struct load_mix *mix, uint64_t connection)
{
    if (mix->count == 1)
        return 0;
    uint64_t at = spread(spread(mix->seed) + connection) % mix->weights;
    size_t i = 0;
    while (at >= mix->list[i].weight)
        at -= mix->list[i++].weight;
    return i;
}
