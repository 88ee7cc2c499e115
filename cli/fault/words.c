/* The vocabulary of faults: one table for the command line, --help and plan files. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/options.h"
#include "fault/plan.h"

#define TIME_MAX_NS (UINT64_C(24) * 3600 * 1000000000)
#define OCTETS_MAX  ((uint64_t)INT64_MAX)
#define SLICE_MAX   UINT64_C(65536)
#define PLUS_MINUS  "\xc2\xb1" /* U+00B1 */
#define NUMBER_SIZE 32

const struct fault_wish fault_wish_default = {
    .chance = FAULT_CHANCE_ALL,
    .shape = FAULT_WAYS_BOTH,
    .count = FAULT_WAYS_DOWN,
};

struct number {
    enum option_type type;
    uint64_t min, max;
};

static const struct number times = {OPTION_TIME, 0, TIME_MAX_NS};
static const struct number octets = {OPTION_SIZE, 0, OCTETS_MAX};
static const struct number connections = {OPTION_COUNT, 1, OCTETS_MAX};

static bool number_value(const struct number *what, const char *text, size_t length, uint64_t *out)
{
    char one[NUMBER_SIZE], unused[200];
    if (length == 0 || length >= sizeof(one))
        return false;
    memcpy(one, text, length);
    one[length] = '\0';
    struct option_spec spec = {.name = "", .type = what->type, .place = out, .min = what->min, .max = what->max};
    return option_value(&spec, one, unused, sizeof(unused));
}

/* "A" or "A..B". */
static bool range_value(const struct number *what, const char *text, struct fault_range *out)
{
    struct fault_range range;
    const char *dots = strstr(text, "..");
    size_t length = dots != NULL ? (size_t)(dots - text) : strlen(text);
    if (!number_value(what, text, length, &range.min))
        return false;
    range.max = range.min;
    if (dots != NULL && !number_value(what, dots + 2, strlen(dots + 2), &range.max))
        return false;
    if (range.min > range.max)
        return false;
    *out = range;
    return true;
}

bool fault_numbers(const char *text, struct fault_range *out)
{
    return range_value(&connections, text, out);
}

static bool wrong(char *expected, size_t size, const char *text)
{
    (void)snprintf(expected, size, "%s", text);
    return false;
}

/* "A", "A..B", or "A±B" for A-B..A+B. */
static bool take_latency(void *place, const char *value, char *expected, size_t size)
{
    struct fault_range *range = place;
    const char *sign = strstr(value, PLUS_MINUS);
    if (sign == NULL)
        sign = strstr(value, "+-");
    uint64_t middle, jitter;
    if (sign != NULL && number_value(&times, value, (size_t)(sign - value), &middle) &&
        number_value(&times, sign + 2, strlen(sign + 2), &jitter) && jitter <= middle) {
        *range = (struct fault_range){middle - jitter, middle + jitter};
        return true;
    }
    if (sign == NULL && range_value(&times, value, range))
        return true;
    return wrong(expected, size, "a time such as 10ms, 10ms+-5ms or 5ms..15ms, up to 24h (a plain number is seconds)");
}

static bool take_rate(void *place, const char *value, char *expected, size_t size)
{
    const struct number rate = {OPTION_SIZE, 1, OCTETS_MAX};
    if (number_value(&rate, value, strlen(value), place))
        return true;
    return wrong(expected, size, "octets a second such as 1000, 64k or 1M");
}

static bool take_slice(void *place, const char *value, char *expected, size_t size)
{
    const struct number slice = {OPTION_SIZE, 1, SLICE_MAX};
    if (range_value(&slice, value, place))
        return true;
    return wrong(expected, size, "octets such as 1, 1..7 or 1k..4k, from 1 to 64k");
}

static bool take_when(void *place, const char *value, char *expected, size_t size)
{
    struct fault_when *when = place;
    if (range_value(&octets, value, &when->range)) {
        when->time = false;
    } else if (range_value(&times, value, &when->range)) {
        when->time = true;
    } else {
        return wrong(expected, size, "octets or a time, or a range of one: 1000, 0..64k, 50ms, 10ms..2s");
    }
    when->asked = true;
    return true;
}

static bool take_way(enum fault_ways *out, const char *value)
{
    static const char *const names[] = {
        [FAULT_WAYS_UP] = "up", [FAULT_WAYS_DOWN] = "down", [FAULT_WAYS_BOTH] = "both", [FAULT_WAYS_EITHER] = "either"};
    for (unsigned i = FAULT_WAYS_UP; i <= FAULT_WAYS_EITHER; i++)
        if (strcmp(value, names[i]) == 0) {
            *out = (enum fault_ways)i;
            return true;
        }
    return false;
}

static bool take_one_way(void *place, const char *value, char *expected, size_t size)
{
    enum fault_ways ways;
    if (!take_way(&ways, value) || ways == FAULT_WAYS_BOTH)
        return wrong(expected, size, "one of: up down either");
    *(enum fault_ways *)place = ways;
    return true;
}

static bool take_ways(void *place, const char *value, char *expected, size_t size)
{
    if (take_way(place, value))
        return true;
    return wrong(expected, size, "one of: up down both either");
}

/* A decimal fraction, without a sign or an exponent. */
static bool take_chance(void *place, const char *value, char *expected, size_t size)
{
    double share = -1;
    size_t length = strlen(value);
    if (length > 0 && length < NUMBER_SIZE && strspn(value, "0123456789.") == length) {
        char *end;
        share = strtod(value, &end);
        if (*end != '\0')
            share = -1;
    }
    if (share < 0 || share > 1)
        return wrong(expected, size, "a share from 0 to 1 such as 0.1");
    *(uint64_t *)place = (uint64_t)(share * (double)FAULT_CHANCE_ALL + 0.5);
    return true;
}

static bool take_flag(void *place, const char *value, char *expected, size_t size)
{
    (void)value, (void)expected, (void)size;
    *(bool *)place = true;
    return true;
}

const struct fault_word fault_words[] = {
    {"chance", "SHARE", "of the connections get what is asked for, the others nothing (1)", take_chance,
     offsetof(struct fault_wish, chance)},
    {"latency", "TIME", "delay octets: 10ms, with jitter 10ms+-5ms, or 5ms..15ms", take_latency,
     offsetof(struct fault_wish, latency_ns)},
    {"rate", "SIZE", "octets a second", take_rate, offsetof(struct fault_wish, rate)},
    {"slice", "SIZE", "cut into segments of so many octets: 1 or 1..7", take_slice, offsetof(struct fault_wish, slice)},
    {"shape", "WAY", "where those three apply: up (to the server), down, both, either by the seed (both)", take_ways,
     offsetof(struct fault_wish, shape)},
    {"reset-after", "WHEN", "reset both sides", take_when, offsetof(struct fault_wish, reset)},
    {"fin-after", "WHEN", "close both sides in order", take_when, offsetof(struct fault_wish, fin)},
    {"half-close", NULL, "the FIN goes one way only, and the other way goes on; alone: at once", take_flag,
     offsetof(struct fault_wish, half_close)},
    {"stall-after", "WHEN", "forward no more that way, keep both sides open", take_when,
     offsetof(struct fault_wish, stall)},
    {"count", "WAY", "which octets those count, and where half-close and stall act: up, down or either (down)",
     take_one_way, offsetof(struct fault_wish, count)},
    {"drop", "WAY", "throw away what goes up, down or either; its end is passed on", take_one_way,
     offsetof(struct fault_wish, drop)},
    {"refuse", NULL, "reset as soon as accepted (ECONNRESET); the server sees nothing", take_flag,
     offsetof(struct fault_wish, refuse)},
    {"vanish", NULL, "accept, and read and answer nothing; the server sees nothing", take_flag,
     offsetof(struct fault_wish, vanish)},
};

const size_t fault_words_count = sizeof(fault_words) / sizeof(fault_words[0]);

const struct fault_word *fault_word_find(const char *name, size_t length)
{
    for (size_t i = 0; i < fault_words_count; i++)
        if (strlen(fault_words[i].name) == length && memcmp(fault_words[i].name, name, length) == 0)
            return &fault_words[i];
    return NULL;
}

bool fault_word_take(const struct fault_word *word, struct fault_wish *wish, const char *value, char *expected,
                     size_t size)
{
    return word->take((char *)wish + word->offset, value, expected, size);
}
