/* weir/limits.h: every bound on what a peer may send and how long it may take.
 *
 * All are uint64_t. Zero means the default; WEIR_UNLIMITED means none (of a time: never). Times are nanoseconds;
 * sizes octets. The table makes the struct, the printing of effective values, and the options of the programs.
 *
 *     X(name, default, unit, text)
 *
 * weir_limits is frozen: it stands by value within option structs, in programs that were built long ago, so that its
 * size and the places of its fields never change. A new limit is a new field at the end of the option structs. */
#ifndef WEIR_LIMITS_H
#define WEIR_LIMITS_H

#include <weir/base.h>
#include <weir/code.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_UNLIMITED UINT64_MAX
#define WEIR_MS UINT64_C(1000000)
#define WEIR_SECOND UINT64_C(1000000000)

#define WEIR_LIMITS_TABLE(X)                                                                                           \
    X(request_line_size_max, 8192, SIZE, "request line (414)")                                                         \
    X(head_size_max, 65536, SIZE, "whole head, 32 octets charged a field (431)")                                       \
    X(field_count_max, 100, COUNT, "fields of a head or of trailers, never over 1000 (431)")                           \
    X(body_size_max, WEIR_UNLIMITED, SIZE, "content of a message (413)")                                               \
    X(chunk_extension_size_max, 4096, SIZE, "chunk extensions of a body, together")                                    \
    X(interim_count_max, 32, COUNT, "interim responses before a final one, as a client")                               \
    X(output_size_max, 262144, SIZE, "octets queued for the peer before reading and writing pause")                    \
    X(discard_size_max, 65536, SIZE, "unwanted body that is read to keep a connection")                                \
    X(first_octet_timeout_ns, 10 * WEIR_SECOND, TIME, "from accept to the first octet")                                \
    X(head_timeout_ns, 10 * WEIR_SECOND, TIME, "from the first octet of a head to its last, not refreshed (408)")      \
    X(idle_timeout_ns, 60 * WEIR_SECOND, TIME, "between two exchanges")                                                \
    X(body_timeout_ns, 30 * WEIR_SECOND, TIME, "silence within a body (408)")                                          \
    X(body_rate_min, 240, RATE, "octets a second of a body, looked at after body_rate_grace_ns (408)")                 \
    X(body_rate_grace_ns, 30 * WEIR_SECOND, TIME, "from the start of a body until its rate matters")                   \
    X(write_timeout_ns, 30 * WEIR_SECOND, TIME, "no progress in writing: reset")                                       \
    X(handler_timeout_ns, WEIR_UNLIMITED, TIME, "from a whole request to the start of its answer (503)")               \
    X(response_timeout_ns, 60 * WEIR_SECOND, TIME, "from a whole request to the start of its response, as a client")   \
    X(tunnel_timeout_ns, WEIR_UNLIMITED, TIME, "silence in both directions of a tunnel")                               \
    X(linger_silence_ns, 5 * WEIR_SECOND, TIME, "silence after our FIN")                                               \
    X(linger_timeout_ns, 30 * WEIR_SECOND, TIME, "all of the time after our FIN")                                      \
    X(linger_size_max, 1048576, SIZE, "octets read and dropped after our FIN")                                         \
    X(exchange_count_max, WEIR_UNLIMITED, COUNT, "exchanges of a connection")                                          \
    X(age_max_ns, WEIR_UNLIMITED, TIME, "age of a connection, less up to a tenth by chance")

typedef struct weir_limits {
    size_t size; /* sizeof(weir_limits); zero with all the others zero is fine too */
#define X(name, value, unit, text) uint64_t name;
    WEIR_LIMITS_TABLE(X)
#undef X
} weir_limits;

typedef enum weir_unit { WEIR_UNIT_SIZE, WEIR_UNIT_COUNT, WEIR_UNIT_TIME, WEIR_UNIT_RATE } weir_unit;

typedef struct weir_limit_info {
    const char *name; /* as in the struct */
    weir_unit unit;
    const char *text;
    size_t offset; /* in weir_limits */
} weir_limit_info;

/* The rows of the table; the one after the last has a null name. */
WEIR_API const weir_limit_info *weir_limits_info(void);
/* Zeros become defaults; out of range is `bad_option` with the name and the range. */
WEIR_API WEIR_MUST_USE weir_code weir_limits_resolve(weir_limits *limits, weir_error *error);

#ifdef __cplusplus
}
#endif
#endif
