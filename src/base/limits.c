#include <weir/limits.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What is held in memory whole must have a finite bound; what is only counted may have none. A finite time stays below
 * half of the clock's range, so that now + time never wraps; a finite rate stays multipliable by seconds. */
#define BUFFER_MAX (UINT64_C(16) << 20)
#define TIME_MAX   (UINT64_C(100) * 365 * 86400 * WEIR_SECOND)

struct limit_range {
    uint64_t min;
    uint64_t max;
    bool unlimited; /* WEIR_UNLIMITED is allowed too */
};

/* By the names of the table: one that is missing here does not compile (limit_rows below). */
enum { UNBOUNDED = 1, BOUNDED = 0 };
#define RANGE_request_line_size_max                                                                                    \
    {                                                                                                                  \
        16, BUFFER_MAX, BOUNDED                                                                                        \
    }
#define RANGE_head_size_max                                                                                            \
    {                                                                                                                  \
        64, BUFFER_MAX, BOUNDED                                                                                        \
    }
#define RANGE_field_count_max                                                                                          \
    {                                                                                                                  \
        1, 1000, BOUNDED                                                                                               \
    }
#define RANGE_body_size_max                                                                                            \
    {                                                                                                                  \
        1, INT64_MAX, UNBOUNDED                                                                                        \
    }
#define RANGE_chunk_extension_size_max                                                                                 \
    {                                                                                                                  \
        1, INT64_MAX, UNBOUNDED                                                                                        \
    }
#define RANGE_interim_count_max                                                                                        \
    {                                                                                                                  \
        1, INT64_MAX, UNBOUNDED                                                                                        \
    }
#define RANGE_output_size_max                                                                                          \
    {                                                                                                                  \
        1024, UINT64_C(1) << 30, BOUNDED                                                                               \
    }
#define RANGE_discard_size_max                                                                                         \
    {                                                                                                                  \
        1, INT64_MAX, UNBOUNDED                                                                                        \
    }
#define RANGE_first_octet_timeout_ns                                                                                   \
    {                                                                                                                  \
        1, TIME_MAX, UNBOUNDED                                                                                         \
    }
#define RANGE_head_timeout_ns                                                                                          \
    {                                                                                                                  \
        1, TIME_MAX, UNBOUNDED                                                                                         \
    }
#define RANGE_idle_timeout_ns                                                                                          \
    {                                                                                                                  \
        1, TIME_MAX, UNBOUNDED                                                                                         \
    }
#define RANGE_body_timeout_ns                                                                                          \
    {                                                                                                                  \
        1, TIME_MAX, UNBOUNDED                                                                                         \
    }
#define RANGE_body_rate_min                                                                                            \
    {                                                                                                                  \
        1, UINT64_C(1) << 40, UNBOUNDED                                                                                \
    }
#define RANGE_body_rate_grace_ns                                                                                       \
    {                                                                                                                  \
        1, TIME_MAX, UNBOUNDED                                                                                         \
    }
#define RANGE_write_timeout_ns                                                                                         \
    {                                                                                                                  \
        1, TIME_MAX, UNBOUNDED                                                                                         \
    }
#define RANGE_handler_timeout_ns                                                                                       \
    {                                                                                                                  \
        1, TIME_MAX, UNBOUNDED                                                                                         \
    }
#define RANGE_response_timeout_ns                                                                                      \
    {                                                                                                                  \
        1, TIME_MAX, UNBOUNDED                                                                                         \
    }
#define RANGE_tunnel_timeout_ns                                                                                        \
    {                                                                                                                  \
        1, TIME_MAX, UNBOUNDED                                                                                         \
    }
#define RANGE_linger_silence_ns                                                                                        \
    {                                                                                                                  \
        1, TIME_MAX, UNBOUNDED                                                                                         \
    }
#define RANGE_linger_timeout_ns                                                                                        \
    {                                                                                                                  \
        1, TIME_MAX, UNBOUNDED                                                                                         \
    }
#define RANGE_linger_size_max                                                                                          \
    {                                                                                                                  \
        1, INT64_MAX, UNBOUNDED                                                                                        \
    }
#define RANGE_exchange_count_max                                                                                       \
    {                                                                                                                  \
        1, INT64_MAX, UNBOUNDED                                                                                        \
    }
#define RANGE_age_max_ns                                                                                               \
    {                                                                                                                  \
        1, TIME_MAX, UNBOUNDED                                                                                         \
    }

static const struct limit_row {
    uint64_t usual;
    struct limit_range range;
} limit_rows[] = {
#define X(name, value, unit, text) {value, RANGE_##name},
    WEIR_LIMITS_TABLE(X)
#undef X
};

static const weir_limit_info limit_infos[] = {
#define X(name, value, unit, text) {#name, WEIR_UNIT_##unit, text, offsetof(weir_limits, name)},
    WEIR_LIMITS_TABLE(X)
#undef X
        {NULL, WEIR_UNIT_COUNT, NULL, 0},
};

const weir_limit_info *weir_limits_info(void)
{
    return limit_infos;
}

static weir_code refuse(weir_error *error, const char *name, uint64_t value, const struct limit_range *range)
{
    if (error == NULL)
        return WEIR_CODE_bad_option;
    char is[24] = "unlimited";
    if (value != WEIR_UNLIMITED)
        (void)snprintf(is, sizeof(is), "%" PRIu64, value);
    *error = (weir_error){.code = WEIR_CODE_bad_option};
    (void)snprintf(error->text, sizeof(error->text), "%s is %s: expected %" PRIu64 " to %" PRIu64 "%s", name, is,
                   range->min, range->max, range->unlimited ? ", or unlimited" : "");
    return WEIR_CODE_bad_option;
}

static bool within(const struct limit_range *range, uint64_t value)
{
    if (value == WEIR_UNLIMITED)
        return range->unlimited;
    return value >= range->min && value <= range->max;
}

weir_code weir_limits_resolve(weir_limits *limits, weir_error *error)
{
    const struct limit_range whole = {sizeof(*limits), sizeof(*limits), false};
    if (limits->size != 0 && limits->size != sizeof(*limits))
        return refuse(error, "limits.size", limits->size, &whole);
    for (size_t i = 0; limit_infos[i].name != NULL; i++) {
        uint64_t value;
        char *place = (char *)limits + limit_infos[i].offset;
        memcpy(&value, place, sizeof(value));
        if (value == 0) {
            memcpy(place, &limit_rows[i].usual, sizeof(value));
            continue;
        }
        if (!within(&limit_rows[i].range, value))
            return refuse(error, limit_infos[i].name, value, &limit_rows[i].range);
    }
    limits->size = sizeof(*limits);
    return WEIR_OK;
}
