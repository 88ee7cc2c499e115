#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/options.h"

struct suffix {
    const char *text;
    uint64_t factor;
};

static const struct suffix count_suffixes[] = {{"", 1}, {NULL, 0}};
static const struct suffix size_suffixes[] = {
    {"", 1}, {"k", UINT64_C(1) << 10}, {"M", UINT64_C(1) << 20}, {"G", UINT64_C(1) << 30}, {NULL, 0}};
/* A plain number is seconds. */
static const struct suffix time_suffixes[] = {{"ns", 1},
                                              {"us", 1000},
                                              {"ms", 1000000},
                                              {"s", UINT64_C(1000000000)},
                                              {"", UINT64_C(1000000000)},
                                              {"m", UINT64_C(60000000000)},
                                              {"h", UINT64_C(3600000000000)},
                                              {NULL, 0}};

bool option_digits(weir_str digits, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (digits.len == 0)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        unsigned digit = (unsigned)(unsigned char)digits.ptr[i] - '0';
        if (digit > 9 || value > (max - digit) / 10 || digit > max)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

/* The digits after a point, exactly: false if the unit has no such part. */
static bool fraction(weir_str digits, uint64_t unit, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (unit % 10 != 0)
            return false;
        unit /= 10;
        *out += (uint64_t)(digits.ptr[i] - '0') * unit;
    }
    return true;
}

static bool number_with_suffix(const char *value, const struct suffix *suffixes, bool may_have_point, uint64_t *out)
{
    size_t digits = strspn(value, "0123456789"), length = digits;
    weir_str part = {NULL, 0};
    if (may_have_point && value[digits] == '.') {
        part = (weir_str){value + digits + 1, strspn(value + digits + 1, "0123456789")};
        length += 1 + part.len;
        if (part.len == 0)
            return false;
    }
    for (; suffixes->text != NULL; suffixes++) {
        uint64_t number, rest;
        if (strcmp(value + length, suffixes->text) != 0)
            continue;
        if (!option_digits((weir_str){value, digits}, INT64_MAX / suffixes->factor - 1, &number) ||
            !fraction(part, suffixes->factor, &rest))
            return false;
        *out = number * suffixes->factor + rest;
        return true;
    }
    return false;
}

static bool number_value(const struct option_spec *spec, const char *value, char *expected, size_t size)
{
    bool time = spec->type == OPTION_TIME;
    const struct suffix *suffixes = time ? time_suffixes : spec->type == OPTION_SIZE ? size_suffixes : count_suffixes;
    uint64_t min = spec->max == 0 ? 1 : spec->min, max = spec->max == 0 ? UINT64_MAX : spec->max;
    const char *endless = time ? "never" : "unlimited";
    uint64_t number = 0;
    bool right = number_with_suffix(value, suffixes, time, &number) && number >= min && number <= max;
    if (max == UINT64_MAX && strcmp(value, endless) == 0) {
        number = UINT64_MAX;
        right = true;
    }
    if (right) {
        *(uint64_t *)spec->place = number;
        return true;
    }
    const char *what = time ? "a time above zero such as 10ms, 5s, 2m or 1h (a plain number is seconds)"
                       : spec->type == OPTION_SIZE ? "a number of octets such as 4096, 64k, 1M or 2G"
                                                   : "a whole number";
    if (max == UINT64_MAX)
        (void)snprintf(expected, size, "%s, or %s", what, endless);
    else if (time)
        (void)snprintf(expected, size, "%s", what);
    else
        (void)snprintf(expected, size, "%s from %" PRIu64 " to %" PRIu64, what, min, max);
    return false;
}

static bool choice_value(const struct option_spec *spec, const char *value, char *expected, size_t size)
{
    size_t length = strlen(value);
    for (const char *at = spec->choices; *at != '\0';) {
        size_t word = strcspn(at, " ");
        if (word == length && memcmp(at, value, word) == 0) {
            *(const char **)spec->place = value;
            return true;
        }
        at += word + (at[word] == ' ');
    }
    (void)snprintf(expected, size, "one of: %s", spec->choices);
    return false;
}

static bool list_value(const struct option_spec *spec, const char *value, char *expected, size_t size)
{
    struct option_list *list = spec->place;
    if (list->count == OPTION_LIST_MAX) {
        (void)snprintf(expected, size, "at most %d of them", OPTION_LIST_MAX);
        return false;
    }
    list->values[list->count++] = value;
    return true;
}

bool option_value(const struct option_spec *spec, const char *value, char *expected, size_t size)
{
    switch (spec->type) {
    case OPTION_COUNT:
    case OPTION_SIZE:
    case OPTION_TIME:
        return number_value(spec, value, expected, size);
    case OPTION_CHOICE:
        return choice_value(spec, value, expected, size);
    case OPTION_STRING:
    case OPTION_ADDRESS:
        if (value[0] == '\0' && !spec->may_be_empty) {
            (void)snprintf(expected, size, "a value that is not empty");
            return false;
        }
        *(const char **)spec->place = value;
        return true;
    case OPTION_LIST:
        return list_value(spec, value, expected, size);
    case OPTION_TITLE:
    case OPTION_FLAG:
        break;
    }
    return false;
}
