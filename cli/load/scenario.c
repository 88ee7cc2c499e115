#include "load/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool load_scenario_init(struct load_scenario *scenario, const char *name, const char *path,
                        const struct load_life *life)
{
    *scenario = (struct load_scenario){.weight = 1, .life = *life, .name = strdup(name)};
    return load_request_init(&scenario->request, path) && scenario->name != NULL;
}

void load_scenario_fini(struct load_scenario *scenario)
{
    load_targets_fini(&scenario->targets);
    load_request_fini(&scenario->request);
    free(scenario->name);
    free(scenario->targets_file);
    *scenario = (struct load_scenario){0};
}

bool load_scenario_settle(struct load_scenario *scenario, const char *host, char *error, size_t error_size)
{
    char why[500];
    if (scenario->targets_file == NULL)
        return load_request_check(&scenario->request, host, error, error_size);
    if (load_targets_read(&scenario->targets, scenario->targets_file, &scenario->request, host, why, sizeof(why)))
        return true;
    (void)snprintf(error, error_size, "targets: %s", why);
    return false;
}

const struct load_request *load_scenario_requests(const struct load_scenario *scenario, size_t *count)
{
    *count = scenario->targets.count > 0 ? scenario->targets.count : 1;
    return scenario->targets.count > 0 ? scenario->targets.list : &scenario->request;
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

size_t load_mix_draw_request(const struct load_mix *mix, size_t scenario, uint64_t connection, uint64_t asked)
{
    const struct load_targets *targets = &mix->list[scenario].targets;
    if (targets->count <= 1)
        return 0;
    return load_targets_draw(targets, spread(spread(spread(mix->seed) + connection) + asked));
}
