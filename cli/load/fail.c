#include "load/fail.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/options.h"
#include "load/report.h"

/* --- reading ---------------------------------------------------------------------------------------------------- */

static bool wrong(char *error, size_t size, const char *text, const char *at, const char *expected)
{
    (void)snprintf(error, size, "at character %zu, '%s': expected %s", (size_t)(at - text) + 1, at, expected);
    return false;
}

static bool is_word(weir_str word, const char *name)
{
    return word.len == strlen(name) && memcmp(word.ptr, name, word.len) == 0;
}

/* "503" or "5xx". */
static bool take_status(struct load_fail *fail, weir_str word)
{
    if (word.len != 3 || word.ptr[0] < '1' || word.ptr[0] > '9')
        return false;
    unsigned hundreds = (unsigned)(word.ptr[0] - '0') * 100;
    if (word.ptr[1] == 'x' && word.ptr[2] == 'x') {
        fail->status_min = hundreds;
        fail->status_max = hundreds + 99;
        return true;
    }
    if (!isdigit((unsigned char)word.ptr[1]) || !isdigit((unsigned char)word.ptr[2]))
        return false;
    fail->status_min = fail->status_max = hundreds + (unsigned)(word.ptr[1] - '0') * 10 + (unsigned)(word.ptr[2] - '0');
    return true;
}

/* A decimal number without a sign or an exponent, and nothing else. */
static bool take_number(weir_str word, double *out)
{
    char text[40], *end;
    if (word.len == 0 || word.len >= sizeof(text) || !isdigit((unsigned char)word.ptr[0]))
        return false;
    for (size_t i = 0; i < word.len; i++)
        if (!isdigit((unsigned char)word.ptr[i]) && word.ptr[i] != '.')
            return false;
    memcpy(text, word.ptr, word.len);
    text[word.len] = '\0';
    *out = strtod(text, &end);
    return *end == '\0';
}

static bool take_moment(struct load_fail *fail, weir_str word)
{
    static const char *const names[] = {[LOAD_FAIL_MIN] = "min", [LOAD_FAIL_MEAN] = "mean", [LOAD_FAIL_MAX] = "max"};
    fail->what = LOAD_FAIL_TIME;
    for (int i = LOAD_FAIL_MIN; i <= LOAD_FAIL_MAX; i++)
        if (is_word(word, names[i])) {
            fail->moment = (enum load_fail_moment)i;
            return true;
        }
    fail->moment = LOAD_FAIL_PERCENTILE;
    return word.len > 1 && word.ptr[0] == 'p' &&
           take_number((weir_str){word.ptr + 1, word.len - 1}, &fail->percentile) && fail->percentile <= 100;
}

static bool take_what(struct load_fail *fail, weir_str word)
{
    static const struct {
        const char *name;
        enum load_fail_what what;
    } words[] = {{"errors", LOAD_FAIL_ERRORS},
                 {"unsent", LOAD_FAIL_UNSENT},
                 {"rate", LOAD_FAIL_RATE},
                 {"status", LOAD_FAIL_STATUS}};
    static const char *const times[] = {
        [LOAD_FAIL_LATENCY] = "latency.", [LOAD_FAIL_FIRST_OCTET] = "first-octet.", [LOAD_FAIL_CONNECT] = "connect."};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (is_word(word, words[i].name)) {
            fail->what = words[i].what;
            return true;
        }
    fail->what = LOAD_FAIL_ANSWERS;
    if (take_status(fail, word))
        return true;
    for (int i = LOAD_FAIL_LATENCY; i <= LOAD_FAIL_CONNECT; i++) {
        size_t length = strlen(times[i]);
        if (word.len <= length || memcmp(word.ptr, times[i], length) != 0)
            continue;
        fail->times = (enum load_fail_times)i;
        return take_moment(fail, (weir_str){word.ptr + length, word.len - length});
    }
    return take_moment(fail, word);
}

/* Its length; 0: there is none. */
static size_t take_operator(struct load_fail *fail, const char *at)
{
    /* The longer ones first. */
    static const struct {
        const char *text;
        enum load_fail_operator operator_;
    } all[] = {{"<=", LOAD_FAIL_LESS_OR_EQUAL}, {">=", LOAD_FAIL_GREATER_OR_EQUAL},
               {"==", LOAD_FAIL_EQUAL},         {"!=", LOAD_FAIL_NOT_EQUAL},
               {"<", LOAD_FAIL_LESS},           {">", LOAD_FAIL_GREATER},
               {"=", LOAD_FAIL_EQUAL}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strncmp(at, all[i].text, strlen(all[i].text)) == 0) {
            fail->operator_ = all[i].operator_;
            return strlen(all[i].text);
        }
    return 0;
}

static bool take_time(struct load_fail *fail, const char *at)
{
    char unused[200];
    uint64_t ns;
    const struct option_spec spec = {.type = OPTION_TIME, .place = &ns, .min = 0, .max = INT64_MAX};
    if (!option_value(&spec, at, unused, sizeof(unused)))
        return false;
    fail->value = (double)ns;
    return true;
}

/* A count, or a share such as 0.1%. */
static bool take_count(struct load_fail *fail, const char *at)
{
    size_t length = strlen(at);
    fail->share = length > 0 && at[length - 1] == '%';
    if (!take_number((weir_str){at, length - fail->share}, &fail->value))
        return false;
    if (fail->share)
        fail->value /= 100;
    return true;
}

static bool take_value(struct load_fail *fail, const char *text, const char *at, const char *value, char *error,
                       size_t size)
{
    switch (fail->what) {
    case LOAD_FAIL_STATUS:
        return take_status(fail, weir_str_from(value)) || wrong(error, size, text, at, "a status such as 503 or 5xx");
    case LOAD_FAIL_TIME:
        return take_time(fail, value) || wrong(error, size, text, at, "a time such as 10ms or 1.5s");
    case LOAD_FAIL_RATE:
        return take_number(weir_str_from(value), &fail->value) ||
               wrong(error, size, text, at, "answers a second such as 1000");
    default:
        return take_count(fail, value) || wrong(error, size, text, at, "a number such as 10, or a share such as 0.1%");
    }
}

bool load_fail_parse(struct load_fail *fail, const char *text, char *error, size_t error_size)
{
    *fail = (struct load_fail){.text = text};
    const char *at = text + strspn(text, " ");
    size_t length = strcspn(at, "<>=! ");
    if (!take_what(fail, (weir_str){at, length}))
        return wrong(error, error_size, text, at, LOAD_FAIL_EXPECTED);
    at += length;
    at += strspn(at, " ");
    length = take_operator(fail, at);
    bool equates = fail->operator_ == LOAD_FAIL_EQUAL || fail->operator_ == LOAD_FAIL_NOT_EQUAL;
    if (length == 0 || (fail->what == LOAD_FAIL_STATUS && !equates))
        return wrong(error, error_size, text, at,
                     fail->what == LOAD_FAIL_STATUS ? "== or != after status" : "one of: > >= < <= == !=");
    at += length;
    at += strspn(at, " ");
    char value[64]; /* without the blanks behind it */
    length = strlen(at);
    while (length > 0 && at[length - 1] == ' ')
        length--;
    if (length >= sizeof(value))
        return wrong(error, error_size, text, at, "less");
    memcpy(value, at, length);
    value[length] = '\0';
    return take_value(fail, text, at, value, error, error_size);
}

/* --- judging ---------------------------------------------------------------------------------------------------- */

static bool holds(enum load_fail_operator operator_, double a, double b)
{
    switch (operator_) {
    case LOAD_FAIL_LESS:
        return a < b;
    case LOAD_FAIL_LESS_OR_EQUAL:
        return a <= b;
    case LOAD_FAIL_GREATER:
        return a > b;
    case LOAD_FAIL_GREATER_OR_EQUAL:
        return a >= b;
    case LOAD_FAIL_EQUAL:
        return !(a < b) && !(a > b);
    default:
        return a < b || a > b;
    }
}

static uint64_t answers(const struct load_tally *tally, unsigned min, unsigned max)
{
    uint64_t sum = 0;
    for (unsigned i = min; i <= max && i < LOAD_STATUS_COUNT; i++)
        sum += tally->status[i];
    return sum;
}

static double moment_of(const struct load_fail *fail, const struct histogram *h)
{
    switch (fail->moment) {
    case LOAD_FAIL_MIN:
        return (double)histogram_min(h);
    case LOAD_FAIL_MEAN:
        return histogram_mean(h);
    case LOAD_FAIL_MAX:
        return (double)histogram_max(h);
    default:
        return (double)histogram_percentile(h, fail->percentile);
    }
}

static void measure_time(struct load_fail_result *result, const struct load_fail *fail, const struct load_tally *tally)
{
    const struct histogram *h = fail->times == LOAD_FAIL_LATENCY       ? &tally->latency
                                : fail->times == LOAD_FAIL_FIRST_OCTET ? &tally->first_octet
                                                                       : &tally->connect;
    result->nothing = h->total == 0;
    result->value = result->nothing ? 0 : moment_of(fail, h);
}

static void measure_count(struct load_fail_result *result, const struct load_fail *fail, uint64_t count, uint64_t all)
{
    result->value = (double)count;
    if (!fail->share)
        return;
    result->nothing = all == 0;
    result->value = all == 0 ? 0 : (double)count / (double)all;
}

struct load_fail_result load_fail_judge(const struct load_fail *fail, const struct load_tally *tally, uint64_t requests)
{
    struct load_fail_result result = {.failed = false};
    uint64_t all = answers(tally, 0, LOAD_STATUS_COUNT - 1);
    uint64_t unsent = load_tally_unsent(tally, requests);
    uint64_t those = answers(tally, fail->status_min, fail->status_max);
    switch (fail->what) {
    case LOAD_FAIL_TIME:
        measure_time(&result, fail, tally);
        break;
    case LOAD_FAIL_RATE:
        result.value = load_tally_rate(tally);
        break;
    case LOAD_FAIL_ERRORS:
        measure_count(&result, fail, load_tally_errors(tally), tally->begun + tally->dialled - tally->opened);
        break;
    case LOAD_FAIL_UNSENT:
        measure_count(&result, fail, unsent, tally->begun + unsent);
        break;
    case LOAD_FAIL_ANSWERS:
        measure_count(&result, fail, those, all);
        break;
    case LOAD_FAIL_STATUS: /* the value is how many answers meet it */
        result.value = (double)(fail->operator_ == LOAD_FAIL_EQUAL ? those : all - those);
        result.failed = result.value > 0;
        return result;
    }
    result.failed = result.nothing || holds(fail->operator_, result.value, fail->value);
    return result;
}

void load_fail_value_text(char text[32], const struct load_fail *fail, double value)
{
    char time[16];
    if (fail->what == LOAD_FAIL_TIME) {
        load_report_time(time, (uint64_t)value);
        (void)snprintf(text, 32, "%s", time);
    } else if (fail->share) {
        (void)snprintf(text, 32, "%.4g %%", value * 100);
    } else if (fail->what == LOAD_FAIL_RATE) {
        (void)snprintf(text, 32, "%.1f/s", value);
    } else if (fail->what == LOAD_FAIL_STATUS) {
        (void)snprintf(text, 32, "%" PRIu64 " answer%s", (uint64_t)value, (uint64_t)value == 1 ? "" : "s");
    } else {
        (void)snprintf(text, 32, "%" PRIu64, (uint64_t)value);
    }
}
