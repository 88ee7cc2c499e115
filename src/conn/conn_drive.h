/* For the tests of conn: a connection with a peer, a kernel and a clock that are all in memory.
 *
 * The kernel holds what the peer sent until the engine wants it, and takes what the engine writes as far as it is
 * let; the peer acknowledges all of it, or as much as it is told to. The handler writes a log of its calls, and then
 * calls the function of the test, if there is one. The memory is of base/failing_memory.h. */
#ifndef CONN_DRIVE_H
#define CONN_DRIVE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef CONN_DRIVE_FUZZES /* no cmocka there: what fails aborts */
#define print_error(...)            fprintf(stderr, __VA_ARGS__)
#define fail()                      abort()
#define assert_true(a)              ((a) ? (void)0 : abort())
#define assert_non_null(a)          assert_true((a) != NULL)
#define assert_int_equal(a, b)      assert_true((a) == (b))
#define assert_string_equal(a, b)   assert_true(strcmp(a, b) == 0)
#else
#include <cmocka.h>
#endif

#include <weir/conn.h>
#include <weir/weir.h>

#include "base/failing_memory.h"
#include "conn/conn.h"

#define DRIVE_LOG_MAX   32768
#define DRIVE_STEPS_MAX 1000 /* in one go without an octet read or written: more is a loop without progress */
#define DRIVE_START_NS  (5 * WEIR_SECOND)

struct drive;

/* What a test does in the callbacks; any may be null. `body` null takes all. */
struct drive_script {
    void (*head)(struct drive *d, weir_exchange *x);
    size_t (*body)(struct drive *d, weir_exchange *x, weir_str octets);
    void (*end)(struct drive *d, weir_exchange *x);
    void (*room)(struct drive *d, weir_exchange *x);
    void (*done)(struct drive *d, weir_exchange *x, const weir_exchange_ending *ending);
    void (*event)(struct drive *d, weir_exchange *x, weir_event event);
};

struct drive_buffer {
    char *octets;
    size_t size, capacity;
};

struct drive {
    struct failing_memory memory;
    struct drive_script script;
    weir_conn_options options;
    weir_conn_config *config;
    weir_conn *engine;
    uint64_t beside; /* octets of memory in use that are not the connection's */
    weir_exchange *x; /* the exchange whose head came last; null after its done */
    uint64_t now_ns;
    uint64_t seed; /* printed when something fails */

    struct drive_buffer inbox; /* sent by the peer, not read by the engine */
    size_t inbox_at;
    bool fin_queued, fin_read;
    size_t read_max; /* octets a read; 0: as many as there is space for */

    struct drive_buffer out; /* taken by the kernel */
    uint64_t write_left;     /* octets the kernel takes until it is full */
    size_t write_max;        /* octets a write; 0: any */
    unsigned writes;         /* with at least one octet */
    bool acks;               /* the peer acknowledges all */
    uint64_t acked;          /* otherwise */
    bool receipts_unknown, transport_dead;
    bool no_closing; /* stay before CLOSE and ABORT */

    bool starved; /* there was no memory to read into: it is tried again in time */
    bool woken, shut, closed, was_abort;
    weir_ending ending;
    unsigned begun, dones; /* exchanges, and calls of done */
    char log[DRIVE_LOG_MAX];
    size_t log_size;
};

#define DRIVE_MUST(d, condition)                                                                                       \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            print_error("%s:%d: %s (seed %llu)\nlog: %s\nout: %.*s\n", __FILE__, __LINE__, #condition,                 \
                        (unsigned long long)(d)->seed, (d)->log, (int)((d)->out.size < 2000 ? (d)->out.size : 2000),   \
                        (d)->out.octets != NULL ? (d)->out.octets : "");                                               \
            fail();                                                                                                    \
        }                                                                                                              \
    } while (0)

/* --- octets ----------------------------------------------------------------------------------------------------- */

static inline void drive_append(struct drive_buffer *buffer, const void *octets, size_t size)
{
    if (size == 0)
        return;
    if (buffer->size + size > buffer->capacity) {
        buffer->capacity = (buffer->size + size) * 2;
        buffer->octets = realloc(buffer->octets, buffer->capacity);
        assert_non_null(buffer->octets);
    }
    memcpy(buffer->octets + buffer->size, octets, size);
    buffer->size += size;
}

/* --- the handler ------------------------------------------------------------------------------------------------ */

WEIR_PRINTF(2, 3) static inline void drive_log(struct drive *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t left = DRIVE_LOG_MAX - d->log_size;
    int n = vsnprintf(d->log + d->log_size, left, format, args);
    va_end(args);
    d->log_size += (size_t)n < left ? (size_t)n : left - 1;
}

static inline void drive_on_head(void *app, weir_exchange *x)
{
    struct drive *d = app;
    weir_str method = weir_request_method(x), target = weir_request_target(x);
    d->x = x;
    if (weir_exchange_role(x) == WEIR_ROLE_SERVER) {
        d->begun++;
        drive_log(d, "head %.*s %.*s; ", (int)method.len, method.ptr, (int)target.len, target.ptr);
    } else {
        drive_log(d, "head %u; ", weir_response_status(x));
    }
    if (d->script.head != NULL)
        d->script.head(d, x);
}

static inline size_t drive_on_body(void *app, weir_exchange *x, weir_str octets)
{
    struct drive *d = app;
    size_t n = d->script.body != NULL ? d->script.body(d, x, octets) : octets.len;
    DRIVE_MUST(d, octets.len > 0);
    drive_log(d, "body %.*s", (int)(n < 64 ? n : 64), octets.ptr);
    drive_log(d, n < octets.len ? " of %zu; " : "; ", octets.len);
    return n;
}

static inline void drive_on_end(void *app, weir_exchange *x)
{
    struct drive *d = app;
    drive_log(d, "end; ");
    if (d->script.end != NULL)
        d->script.end(d, x);
}

static inline void drive_on_room(void *app, weir_exchange *x)
{
    struct drive *d = app;
    if (d->script.room != NULL)
        d->script.room(d, x);
}

static inline void drive_on_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    struct drive *d = app;
    d->dones++;
    drive_log(d, "done %s %s; ", weir_code_name(ending->code), weir_delivery_name(ending->delivery));
    DRIVE_MUST(d, d->dones <= d->begun);
    if (d->script.done != NULL)
        d->script.done(d, x, ending);
    if (d->x == x)
        d->x = NULL;
}

static inline void drive_on_event(void *app, weir_exchange *x, weir_event event)
{
    struct drive *d = app;
    drive_log(d, event == WEIR_EVENT_PEER_FIN ? "fin; " : "drain; ");
    if (d->script.event != NULL)
        d->script.event(d, x, event);
}

static const weir_handler drive_handler =
    WEIR_HANDLER(.head = drive_on_head, .body = drive_on_body, .end = drive_on_end, .room = drive_on_room,
                 .done = drive_on_done, .event = drive_on_event);

static inline void drive_on_wake(void *owner)
{
    ((struct drive *)owner)->woken = true;
}

/* --- the life of a drive ---------------------------------------------------------------------------------------- */

/* Zeroed, with a handler, a clock, an allocator, and a kernel that takes all. Change `options` before drive_open. */
static inline struct drive *drive_new(void)
{
    struct drive *d = calloc(1, sizeof *d);
    assert_non_null(d);
    d->options = (weir_conn_options)WEIR_CONN_OPTIONS(.handler = &drive_handler, .app = d, .wake = drive_on_wake,
                                                          .allocator = failing_memory_allocator(&d->memory));
    d->now_ns = DRIVE_START_NS;
    d->write_left = UINT64_MAX;
    d->acks = true;
    return d;
}

/* What is in use now besides the connection is beside it: after something of the config was taken or given back. */
static inline void drive_look_beside(struct drive *d)
{
    d->beside = weir_conn_config_memory(d->config) - weir_conn_memory(d->engine);
}

/* The next connection of the config, which is made at the first. False: no memory. */
static inline bool drive_try_open(struct drive *d)
{
    weir_error error;
    if (d->config == NULL && weir_conn_config_new(&d->config, &d->options, &error) != WEIR_OK)
        return false;
    if (weir_conn_new(&d->engine, d->config, d, d->now_ns) != WEIR_OK)
        return false;
    drive_look_beside(d);
    return true;
}

static inline void drive_open(struct drive *d)
{
    assert_true(drive_try_open(d));
}

static inline weir_receipt drive_receipt(const struct drive *d)
{
    return (weir_receipt){.known = !d->receipts_unknown,
                          .reset = d->transport_dead,
                          .left = d->out.size,
                          .acked = d->acks ? d->out.size : d->acked,
                          .unread = d->inbox.size - d->inbox_at};
}

static inline void drive_finish(struct drive *d, bool with_reset)
{
    weir_receipt last = drive_receipt(d);
    d->closed = true;
    d->was_abort = with_reset;
    weir_conn_closed(d->engine, &last, d->now_ns, &d->ending);
    weir_conn_free(d->engine);
    d->engine = NULL;
    DRIVE_MUST(d, d->dones == d->begun);
    DRIVE_MUST(d, d->ending.code != WEIR_OK && d->ending.code < WEIR_CODE_COUNT);
}

/* Writes what the kernel takes; false when it takes nothing now. */
static inline bool drive_write(struct drive *d)
{
    weir_output pieces[8];
    size_t count = weir_conn_output(d->engine, pieces, 8), taken = 0;
    size_t most = d->write_max != 0 && d->write_max < d->write_left ? d->write_max : (size_t)d->write_left;
    DRIVE_MUST(d, count > 0 && !d->shut);
    for (size_t i = 0; i < count && taken < most; i++) {
        size_t n = pieces[i].len < most - taken ? pieces[i].len : most - taken;
        DRIVE_MUST(d, pieces[i].len > 0);
        char *copy = NULL;
        if (pieces[i].fd >= 0) {
            copy = malloc(n);
            ssize_t got = pread(pieces[i].fd, copy, n, (off_t)pieces[i].offset);
            if (got <= 0) {
                free(copy);
                if (taken > 0)
                    break;
                weir_conn_output_failed(d->engine, 0, d->now_ns);
                return true;
            }
            n = (size_t)got;
        }
        drive_append(&d->out, copy != NULL ? copy : pieces[i].ptr, n);
        free(copy);
        taken += n;
    }
    d->write_left -= taken;
    if (taken == 0)
        return false;
    d->writes++;
    weir_conn_sent(d->engine, taken, d->now_ns);
    return true;
}

/* Gives the engine one read of what the kernel holds; false if it had nothing, or there was no memory. */
static inline bool drive_read(struct drive *d)
{
    size_t left = d->inbox.size - d->inbox_at, size;
    if (left == 0) {
        if (!d->fin_queued || d->fin_read)
            return false;
        d->fin_read = true;
        weir_conn_received_fin(d->engine, d->now_ns);
        return true;
    }
    char *space = weir_conn_reserve(d->engine, &size);
    d->starved = space == NULL;
    if (d->starved)
        return false;
    DRIVE_MUST(d, size > 0);
    size_t n = left < size ? left : size;
    if (d->read_max != 0 && d->read_max < n)
        n = d->read_max;
    memcpy(space, d->inbox.octets + d->inbox_at, n);
    d->inbox_at += n;
    weir_conn_received(d->engine, n, d->now_ns);
    return true;
}

/* Does what the engine wants until it wants nothing new. */
static inline void drive_step(struct drive *d)
{
    for (unsigned steps = 0; d->engine != NULL; steps++) {
        DRIVE_MUST(d, steps < DRIVE_STEPS_MAX);
        DRIVE_MUST(d, weir_conn_config_memory(d->config) == d->beside + weir_conn_memory(d->engine));
        conn_check(d->engine);
        if (d->woken) {
            d->woken = false;
            weir_conn_tick(d->engine, d->now_ns);
            continue;
        }
        unsigned wants = weir_conn_wants(d->engine);
        if (wants & (WEIR_WANT_CLOSE | WEIR_WANT_ABORT)) {
            if (!d->no_closing)
                drive_finish(d, (wants & WEIR_WANT_ABORT) != 0);
            return;
        }
        if (((wants & WEIR_WANT_READ) && drive_read(d)) || ((wants & WEIR_WANT_WRITE) && drive_write(d))) {
            steps = 0;
            continue;
        }
        if (wants & WEIR_WANT_RECEIPT) {
            weir_receipt receipt = drive_receipt(d);
            weir_conn_receipt(d->engine, &receipt, d->now_ns);
            continue;
        }
        if (wants & WEIR_WANT_SHUTDOWN) {
            weir_output piece;
            DRIVE_MUST(d, weir_conn_output(d->engine, &piece, 1) == 0);
            d->shut = true;
            weir_conn_shut(d->engine, d->now_ns);
            continue;
        }
        return;
    }
}

/* --- the peer --------------------------------------------------------------------------------------------------- */

static inline void drive_send_octets(struct drive *d, const char *octets, size_t size)
{
    drive_append(&d->inbox, octets, size);
    drive_step(d);
}
static inline void drive_send(struct drive *d, const char *text)
{
    drive_send_octets(d, text, strlen(text));
}
static inline void drive_fin(struct drive *d)
{
    d->fin_queued = true;
    drive_step(d);
}
/* A read or write fails, as after a reset. */
static inline void drive_fail(struct drive *d, weir_direction direction, int os)
{
    if (d->engine == NULL)
        return;
    d->transport_dead = true;
    weir_conn_failed(d->engine, direction, os, d->now_ns);
    drive_step(d);
}

/* --- time ------------------------------------------------------------------------------------------------------- */

/* Time passes; the engine is told at its deadlines, as a loop would. */
static inline void drive_sleep(struct drive *d, uint64_t ns)
{
    uint64_t until_ns = d->now_ns + ns;
    for (unsigned ticks = 0; d->engine != NULL; ticks++) {
        uint64_t due_ns = weir_conn_deadline(d->engine);
        if (d->starved && d->now_ns + 10 * WEIR_MS < due_ns)
            due_ns = d->now_ns + 10 * WEIR_MS;
        DRIVE_MUST(d, ticks < 100 * DRIVE_STEPS_MAX);
        if (due_ns > until_ns)
            break;
        if (due_ns > d->now_ns)
            d->now_ns = due_ns;
        weir_conn_tick(d->engine, d->now_ns);
        drive_step(d);
    }
    d->now_ns = until_ns;
}

/* The deadline is `after_ns` from now; before it nothing happens. Then it is let come. */
static inline void drive_expire(struct drive *d, uint64_t after_ns)
{
    uint64_t due_ns = weir_conn_deadline(d->engine);
    DRIVE_MUST(d, due_ns == d->now_ns + after_ns);
    size_t out = d->out.size;
    unsigned wants = weir_conn_wants(d->engine);
    d->now_ns = due_ns - 1;
    weir_conn_tick(d->engine, d->now_ns);
    DRIVE_MUST(d, weir_conn_deadline(d->engine) == due_ns && weir_conn_wants(d->engine) == wants);
    drive_step(d);
    DRIVE_MUST(d, !d->closed && d->out.size == out);
    d->now_ns = due_ns;
    weir_conn_tick(d->engine, d->now_ns);
    drive_step(d);
}

/* --- looking ---------------------------------------------------------------------------------------------------- */

static inline size_t drive_count(const struct drive *d, const char *text)
{
    size_t count = 0, size = strlen(text);
    for (size_t at = 0; at + size <= d->out.size; at++)
        count += memcmp(d->out.octets + at, text, size) == 0;
    return count;
}
static inline bool drive_got(const struct drive *d, const char *text)
{
    return drive_count(d, text) > 0;
}
static inline bool drive_logged(const struct drive *d, const char *text)
{
    return strstr(d->log, text) != NULL;
}
#define DRIVE_ENDED(d, the_stage, the_code, the_delivery, the_class)                                                   \
    do {                                                                                                               \
        DRIVE_MUST(d, (d)->closed);                                                                                    \
        assert_string_equal(weir_code_name((d)->ending.code), #the_code);                                              \
        assert_string_equal(weir_stage_name((d)->ending.stage), #the_stage);                                           \
        assert_string_equal(weir_delivery_name((d)->ending.delivery), #the_delivery);                                  \
        assert_string_equal(weir_class_name((d)->ending.judged), #the_class);                                          \
    } while (0)

/* Ends what is left, checks that all memory is back. */
static inline void drive_free(struct drive *d)
{
    if (d->engine != NULL)
        drive_finish(d, true);
    weir_conn_config_free(d->config);
    assert_int_equal(d->memory.live, 0);
    free(d->inbox.octets);
    free(d->out.octets);
    free(d);
}

/* --- asking ----------------------------------------------------------------------------------------------------- */

/* Of a client: a request, counted where it began an exchange. `at` may be null. */
static inline weir_code drive_ask(struct drive *d, const weir_request *request, weir_exchange **at)
{
    weir_exchange *x;
    weir_code code = weir_conn_request(d->engine, request, &x, d->now_ns);
    DRIVE_MUST(d, (code == WEIR_OK) == (x != NULL));
    if (x != NULL) {
        d->x = x;
        d->begun++;
    }
    if (at != NULL)
        *at = x;
    return code;
}

/* --- usual answers ---------------------------------------------------------------------------------------------- */

static inline void drive_answer(struct drive *d, weir_exchange *x)
{
    (void)d;
    (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_copy(WEIR_STR("hello")));
}

#endif
