/* Every function that takes an exchange, to be called at random from every callback and between them. `random_calls`
 * has one row for each; run_random compares the rows with the headers, so that a new function cannot be forgotten here.
 */
#ifndef CHAOS_RANDOM_CALLS_H
#define CHAOS_RANDOM_CALLS_H

#include <string.h>

#include <weir/weir.h>

#include "common.h"

#define BULK_SIZE (1U << 20)

/* Where a call is made. */
enum place { HEAD, BODY, END, ROOM, DONE, EVENT, BETWEEN, PLACE_COUNT };

struct dice {
    uint64_t state;
};

static inline uint64_t roll(struct dice *dice, uint64_t below)
{
    dice->state ^= dice->state >> 12;
    dice->state ^= dice->state << 25;
    dice->state ^= dice->state >> 27;
    return (dice->state * UINT64_C(2685821657736338717) >> 32) % below;
}

static inline bool one_in(struct dice *dice, uint64_t n)
{
    return roll(dice, n) == 0;
}

/* What bodies are made of: octets and a file of BULK_SIZE, and a descriptor that cannot be read. */
static struct {
    char octets[BULK_SIZE];
    int file, folder;
} bulk;
static _Thread_local volatile unsigned touched; /* so that each octet that is shown is read */

static inline void touch(weir_str s)
{
    for (size_t i = 0; i < s.len; i++)
        touched += (unsigned char)s.ptr[i];
}

static inline void touch_fields(weir_fields fields)
{
    for (size_t i = 0; i < fields.count; i++) {
        touch(fields.list[i].name);
        touch(fields.list[i].value);
    }
}

static inline size_t random_size(struct dice *dice)
{
    static const size_t below[] = {2, 200, 5000, 70000, BULK_SIZE};
    return roll(dice, below[roll(dice, 5)]);
}

static inline weir_str random_octets(struct dice *dice)
{
    size_t size = random_size(dice);
    return (weir_str){bulk.octets + roll(dice, BULK_SIZE - size + 1), size};
}

/* Mostly ones that may be sent. */
static inline weir_fields random_fields(struct dice *dice)
{
    static const weir_field list[] = {{WEIR_STR_INIT("x-a"), WEIR_STR_INIT("1")},
                                      {WEIR_STR_INIT("content-type"), WEIR_STR_INIT("text/plain")},
                                      {WEIR_STR_INIT("x-long"), WEIR_STR_INIT("012345678901234567890123456789")},
                                      {WEIR_STR_INIT("connection"), WEIR_STR_INIT("close")},
                                      {WEIR_STR_INIT("content-length"), WEIR_STR_INIT("7")},
                                      {WEIR_STR_INIT("transfer-encoding"), WEIR_STR_INIT("chunked")},
                                      {WEIR_STR_INIT("not a name"), WEIR_STR_INIT("1")}};
    size_t known = one_in(dice, 8) ? 7 : 3, count = roll(dice, known + 1);
    return (weir_fields){.list = list + roll(dice, known - count + 1), .count = count};
}

static inline weir_body random_file(struct dice *dice)
{
    if (one_in(dice, 20))
        return weir_body_file(bulk.folder, 0, 100);
    uint64_t length = one_in(dice, 3) ? BULK_SIZE : random_size(dice);
    uint64_t most = BULK_SIZE - length + (one_in(dice, 20) ? 10 : 0); /* ends too early now and then */
    return weir_body_file(bulk.file, roll(dice, most + 1), length);
}

static inline weir_body random_body(struct dice *dice)
{
    switch (roll(dice, 8)) {
    case 0:
        return weir_body_none();
    case 1:
        return weir_body_borrow(random_octets(dice));
    case 2:
        return weir_body_copy(random_octets(dice));
    case 3:
    case 4:
        return random_file(dice);
    case 5:
        return weir_body_stream();
    case 6:
        return weir_body_sized(random_size(dice));
    default:
        return one_in(dice, 8) ? weir_body_tunnel() : weir_body_stream();
    }
}

static inline unsigned random_status(struct dice *dice)
{
    static const unsigned list[] = {200, 200, 200, 200, 204, 304, 404, 500, 101, 100, 999, 0};
    return list[roll(dice, sizeof list / sizeof *list)];
}

typedef void random_call(struct dice *dice, weir_exchange *x);

#define CALL(name)         static inline void call_##name(struct dice *dice, weir_exchange *x)
#define READS(name)        CALL(name) { (void)dice; touched += (unsigned)name(x); }
#define READS_STR(name)    CALL(name) { (void)dice; touch(name(x)); }
#define READS_FIELDS(name) CALL(name) { (void)dice; touch_fields(name(x)); }
#define DOES(name)         CALL(name) { (void)dice; name(x); }
#define ANSWERS(name, ...) CALL(name) { (void)weir_respond(x, random_status(dice), random_fields(dice), __VA_ARGS__); }

READS(weir_exchange_role)
READS(weir_exchange_version)
READS_STR(weir_request_method)
READS_STR(weir_request_target)
READS_STR(weir_request_path)
READS_STR(weir_request_query)
READS_STR(weir_request_authority)
READS_STR(weir_request_upgrade)
READS(weir_response_status)
READS_STR(weir_response_reason)
READS(weir_response_is_interim)
READS_FIELDS(weir_exchange_fields)
READS_FIELDS(weir_exchange_trailers)
READS(weir_exchange_trailers_dropped)
READS(weir_body_length)
DOES(weir_body_pause)
DOES(weir_body_resume)
DOES(weir_body_refuse)
CALL(weir_body_limit)
{
    weir_body_limit(x, one_in(dice, 3) ? random_size(dice) : WEIR_NEVER);
}
static inline void random_collected(void *app, weir_exchange *x, weir_str content)
{
    touch(content);
    if (app == NULL)
        (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_borrow(content)); /* which lives until `done` */
}
CALL(weir_collect)
{
    void *app = one_in(dice, 2) ? &bulk : NULL;
    if (!one_in(dice, 4)) /* the other callbacks want some content too */
        return;
    weir_code code = weir_collect(x, one_in(dice, 2) ? WEIR_NEVER : random_size(dice), random_collected, app);
    touched += (unsigned)code;
}
READS(weir_body_is_refused)
ANSWERS(weir_body_none, weir_body_none())
ANSWERS(weir_body_borrow, weir_body_borrow(random_octets(dice)))
ANSWERS(weir_body_copy, weir_body_copy(random_octets(dice)))
ANSWERS(weir_body_file, random_file(dice))
ANSWERS(weir_body_stream, weir_body_stream())
ANSWERS(weir_body_sized, weir_body_sized(random_size(dice)))
CALL(weir_body_tunnel)
{
    bool asks = weir_request_upgrade(x).len > 0;
    weir_fields fields = asks ? WEIR_FIELDS({WEIR_STR("upgrade"), WEIR_STR("chat")}) : WEIR_NO_FIELDS;
    if (asks || one_in(dice, 4))
        (void)weir_respond(x, asks ? 101 : 200, fields, weir_body_tunnel());
}
ANSWERS(weir_respond, random_body(dice))
CALL(weir_respond_reason)
{
    (void)weir_respond_reason(x, random_status(dice), WEIR_STR("Why not"), random_fields(dice), random_body(dice));
}
CALL(weir_respond_interim)
{
    static const unsigned list[] = {100, 102, 103, 101, 200};
    (void)weir_respond_interim(x, list[roll(dice, 5)], random_fields(dice));
}
READS(weir_write_room)
CALL(weir_write)
{
    (void)weir_write(x, random_octets(dice));
}
CALL(weir_write_borrow)
{
    (void)weir_write_borrow(x, random_octets(dice));
}
/* Each loan goes back once, before `done`, and not within the call. */
static struct {
    uint64_t lent, released;
} loans;
static _Thread_local bool lending;
static inline void random_release(void *arg, weir_str octets)
{
    touch(octets);
    if (lending)
        abort();
    (void)__atomic_add_fetch(&loans.released, 1, __ATOMIC_RELAXED);
    free(arg);
}
CALL(weir_write_lend)
{
    size_t size = random_size(dice) % 70000;
    char *octets = malloc(size + 1);
    if (octets == NULL)
        abort();
    memset(octets, 'l', size);
    lending = true;
    weir_code code = weir_write_lend(x, (weir_str){octets, size}, random_release, octets);
    lending = false;
    if (code == WEIR_OK)
        (void)__atomic_add_fetch(&loans.lent, 1, __ATOMIC_RELAXED);
    else
        free(octets);
}
CALL(weir_finish)
{
    (void)weir_finish(x, random_fields(dice));
}
DOES(weir_exchange_close)
DOES(weir_exchange_abort)
CALL(weir_exchange_set_user)
{
    weir_exchange_set_user(x, dice);
}
CALL(weir_exchange_user)
{
    void *user = weir_exchange_user(x);
    if (user != NULL && user != dice)
        abort();
}
CALL(weir_exchange_alloc)
{
    size_t size = roll(dice, 300);
    char *memory = weir_exchange_alloc(x, size);
    if (memory != NULL)
        memset(memory, 'm', size);
}
READS(weir_exchange_connection)
CALL(weir_exchange_set_connection_user)
{
    weir_exchange_set_connection_user(x, one_in(dice, 2) ? &bulk : NULL);
}
CALL(weir_exchange_connection_user)
{
    void *user = weir_exchange_connection_user(x);
    (void)dice;
    if (user != NULL && user != &bulk)
        abort();
}
CALL(weir_exchange_peer)
{
    (void)dice;
    touched += weir_exchange_peer(x).family;
}
CALL(weir_exchange_loop)
{
    (void)dice;
    touched += (unsigned)weir_loop_now(weir_exchange_loop(x));
}
/* Of a client only. */
CALL(weir_exchange_retries)
{
    (void)dice;
    if (weir_exchange_role(x) == WEIR_ROLE_CLIENT)
        touched += weir_exchange_retries(x);
}
CALL(weir_request_head)
{
    (void)dice;
    if (weir_exchange_role(x) == WEIR_ROLE_CLIENT)
        touch(weir_request_head(x));
}
CALL(weir_exchange_timings)
{
    weir_timings timings = {.size = sizeof timings};
    (void)dice;
    if (weir_exchange_role(x) == WEIR_ROLE_CLIENT)
        weir_exchange_timings(x, &timings);
}

/* `ends`: it ends the exchange, or leaves little to do for the others; called less often. */
static const struct random_row {
    const char *name;
    random_call *fn;
    bool ends;
} random_calls[] = {
#define ROW(name)  {#name, call_##name, false},
#define ENDS(name) {#name, call_##name, true},
    ROW(weir_exchange_role) ROW(weir_exchange_version) ROW(weir_request_method) ROW(weir_request_target)
    ROW(weir_request_path) ROW(weir_request_query) ROW(weir_request_authority) ROW(weir_request_upgrade)
    ROW(weir_response_status) ROW(weir_response_reason) ROW(weir_response_is_interim) ROW(weir_exchange_fields)
    ROW(weir_exchange_trailers) ROW(weir_exchange_trailers_dropped) ROW(weir_exchange_alloc)
    ROW(weir_body_length) ROW(weir_body_pause) ROW(weir_body_resume) ENDS(weir_body_refuse)
    ROW(weir_body_limit) ROW(weir_collect) ROW(weir_body_is_refused) ROW(weir_body_none)
    ROW(weir_body_borrow) ROW(weir_body_copy) ROW(weir_body_file) ROW(weir_body_stream) ROW(weir_body_sized)
    ROW(weir_body_tunnel) ROW(weir_respond)
    ROW(weir_respond_reason) ROW(weir_respond_interim) ROW(weir_write_room) ROW(weir_write)
    ROW(weir_write_borrow) ROW(weir_write_lend) ROW(weir_finish)
    ENDS(weir_exchange_close) ENDS(weir_exchange_abort) ROW(weir_exchange_set_user) ROW(weir_exchange_user)
    ROW(weir_exchange_connection) ROW(weir_exchange_set_connection_user) ROW(weir_exchange_connection_user)
    ROW(weir_exchange_peer) ROW(weir_exchange_loop) ROW(weir_exchange_retries)
    ROW(weir_request_head) ROW(weir_exchange_timings)
};
#define RANDOM_CALL_COUNT (sizeof random_calls / sizeof *random_calls)

#endif
