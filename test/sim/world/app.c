#include "app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "net.h"
#include "peer.h"
#include "sim.h"
#include "times.h"

static char pattern[APP_SIZE_MAX + APP_NUMBERS_MAX * 7];
static int file; /* holds the same */

const char *app_pattern(unsigned number)
{
    return pattern + (size_t)(number % APP_NUMBERS_MAX) * 7;
}

void app_begin(struct app *app, weir_loop *loop)
{
    memset(app, 0, sizeof *app);
    app->loop = loop;
    if (pattern[1] != 0)
        return;
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (char)('a' + (i * i / 7 + i) % 26);
    file = memfd_create("pattern", 0);
    if (file < 0 || pwrite(file, pattern, sizeof pattern, 0) != (ssize_t)sizeof pattern)
        abort();
}

void app_check_over(const struct app *app)
{
    if (app->living != 0)
        sim_fail("one done an exchange", "%llu exchanges got no `done`", (unsigned long long)app->living);
}

/* --- answering -------------------------------------------------------------------------------------------------- */

static void abort_it(struct app_exchange *e)
{
    SIM_TELL("app", "%u: aborts", e->number);
    e->aborted = true;
    weir_exchange_abort(e->x);
}

static void write_some(struct app_exchange *e)
{
    weir_exchange *x = e->x;
    uint64_t stop = e->kind == APP_ABORT_LATER || e->kind == APP_UNDERRUN ? e->size / 2 : e->size;
    while (e->written < stop) {
        uint64_t piece = stop - e->written;
        if (piece > 1 && sim_is(4))
            piece = 1 + sim_choose(piece < 5000 ? (uint32_t)piece : 5000);
        size_t took = weir_write(x, (weir_str){app_pattern(e->number) + e->written, piece});
        e->written += took;
        if (took < piece)
            return;
    }
    if (e->kind == APP_ABORT_LATER) {
        abort_it(e);
        return;
    }
    if (e->written < e->size)
        e->aborted = true;
    const weir_fields none = {.count = 0};
    (void)weir_finish(x, none);
}

static void answer(struct app_exchange *e)
{
    weir_exchange *x = e->x;
    char number[16];
    snprintf(number, sizeof number, "%u", e->number);
    weir_field list[2] = {{WEIR_STR("X-Number"), weir_str_from(number)}, {WEIR_STR("Connection"), WEIR_STR("close")}};
    weir_fields fields = {.list = list, .count = e->kind == APP_HEAD_CLOSE ? 2 : 1};
    weir_str octets = {app_pattern(e->number), e->size};
    weir_code code = WEIR_OK;
    e->answered = true;
    times_tell(times_of(e->port, false), TIMES_ANSWERED, 0, NULL);
    SIM_TELL("app", "%u: answers, kind %d, %llu octets", e->number, (int)e->kind, (unsigned long long)e->size);
    switch (e->kind) {
    case APP_BORROW:
        code = weir_respond(x, 200, fields, weir_body_borrow(octets));
        break;
    case APP_FILE:
        code = weir_respond(x, 200, fields, weir_body_file(file, (uint64_t)(octets.ptr - pattern), e->size));
        break;
    case APP_STREAM:
    case APP_ABORT_LATER:
        code = weir_respond(x, 200, fields, weir_body_stream());
        break;
    case APP_SIZED:
    case APP_UNDERRUN:
        code = weir_respond(x, 200, fields, weir_body_sized(e->size));
        break;
    case APP_EMPTY:
        code = weir_respond(x, 204, fields, weir_body_none());
        break;
    case APP_ABORT:
        abort_it(e);
        return;
    case APP_CLOSE:
        weir_exchange_close(x);
        code = weir_respond(x, 200, fields, weir_body_copy(octets));
        break;
    default:
        code = weir_respond(x, 200, fields, weir_body_copy(octets));
        break;
    }
    if (code != WEIR_OK && code != WEIR_CODE_no_memory)
        sim_fail("answers are taken", "weir_respond says %s", weir_code_name(code));
}

static void on_timer(void *app)
{
    struct app_exchange *e = app;
    weir_timer_free(e->timer);
    e->timer = NULL;
    if (e->kind == APP_SLOW && !e->whole) {
        times_tell(times_of(e->port, false), TIMES_RESUMED, 0, NULL);
        weir_body_resume(e->x);
    } else {
        answer(e);
    }
}

static bool start_timer(struct app *app, struct app_exchange *e, uint64_t ms)
{
    if (e->timer == NULL)
        e->timer = weir_timer_new(app->loop, on_timer, e);
    if (e->timer == NULL)
        return false;
    weir_timer_start(e->timer, ms * NET_MS);
    return true;
}

static void answer_in_time(struct app *app, struct app_exchange *e, weir_exchange *x)
{
    unsigned number, kind, delay = 0;
    unsigned long long size;
    char target[64];
    weir_str path = weir_request_path(x);
    snprintf(target, sizeof target, "%.*s", (int)path.len, path.ptr);
    (void)sscanf(target, "/%u/%u/%llu/%u", &number, &kind, &size, &delay);
    if (delay == 0 || !start_timer(app, e, delay))
        answer(e);
}

/* --- the callbacks ---------------------------------------------------------------------------------------------- */

/* Where it is remembered; null: a number that is another's, by garbage, or was there before. */
static struct app_exchange *place_of(struct app *app, unsigned number, uint16_t port)
{
    if (app->seen != NULL) {
        app->seen[number]++;
        return app->taken < APP_NUMBERS_MAX ? &app->exchanges[app->taken++] : NULL;
    }
    bool own = number / PEER_REQUESTS_MAX == (unsigned)(port - NET_PORT_BASE);
    return own && !app->exchanges[number].begun ? &app->exchanges[number] : NULL;
}

/* Finds out which one it is; null: a target that is none of ours, which gets a plain answer. */
static struct app_exchange *take(struct app *app, weir_exchange *x)
{
    unsigned number, kind;
    unsigned long long size;
    char target[64];
    weir_str path = weir_request_path(x);
    uint16_t port = weir_exchange_peer(x).port;
    snprintf(target, sizeof target, "%.*s", (int)path.len, path.ptr);
    if (sscanf(target, "/%u/%u/%llu/", &number, &kind, &size) != 3 || number >= APP_NUMBERS_MAX || kind >= APP_KINDS ||
        size > APP_SIZE_MAX)
        return NULL;
    struct app_exchange *e = place_of(app, number, port);
    if (e == NULL)
        return NULL;
    *e = (struct app_exchange){.number = number,
                               .kind = (enum app_kind)kind,
                               .size = size,
                               .connection = weir_exchange_connection(x),
                               .port = port,
                               .head = weir_str_equal(weir_request_method(x), WEIR_STR("HEAD")),
                               .spoilt = net_pair_of_port(port)->spoilt,
                               .x = x,
                               .begun = true};
    return e;
}

static void on_head(void *context, weir_exchange *x)
{
    struct app *app = context;
    times_tell(times_of(weir_exchange_peer(x).port, false), TIMES_HEAD, 0, x);
    struct app_exchange *e = take(app, x);
    app->living++;
    sim_record->totals.exchanges++;
    weir_exchange_set_user(x, e);
    if (e == NULL) {
        app->unnumbered++;
        const weir_fields none = {.count = 0};
        weir_code code = weir_respond(x, 404, none, weir_body_none());
        if (code != WEIR_OK && code != WEIR_CODE_no_memory)
            sim_fail("answers are taken", "weir_respond says %s", weir_code_name(code));
        return;
    }
    SIM_TELL("app", "%u: gets a head", e->number);
    const weir_fields none = {.count = 0};
    if (e->kind == APP_INTERIM)
        (void)weir_respond_interim(x, 103, none);
    if (e->kind == APP_REFUSE)
        weir_body_refuse(x);
    if (e->kind == APP_EARLY || e->kind == APP_REFUSE)
        answer_in_time(app, e, x);
}

static size_t on_body(void *context, weir_exchange *x, weir_str octets)
{
    struct app_exchange *e = weir_exchange_user(x);
    if (e == NULL)
        return octets.len;
    size_t take = octets.len;
    if (e->kind == APP_SLOW && e->timer == NULL && sim_is(4)) {
        take = sim_choose((uint32_t)octets.len);
        if (!start_timer(context, e, 1 + sim_choose(100)))
            take = octets.len;
        times_of(e->port, false)->held = take < octets.len;
        SIM_TELL("app", "%u: takes %zu of %zu octets", e->number, take, octets.len);
    }
    if (!e->spoilt && memcmp(app_pattern(e->number) + e->content, octets.ptr, take) != 0)
        sim_fail("content is as it was sent", "%u: at %llu", e->number, (unsigned long long)e->content);
    e->content += take;
    return take;
}

static void on_end(void *context, weir_exchange *x)
{
    struct app_exchange *e = weir_exchange_user(x);
    times_tell(times_of(weir_exchange_peer(x).port, false), TIMES_WHOLE, 0, NULL);
    if (e == NULL)
        return;
    if (e->whole)
        sim_fail("one end a message", "%u", e->number);
    e->whole = true;
    SIM_TELL("app", "%u: has the whole request", e->number);
    if (e->kind != APP_EARLY && e->kind != APP_REFUSE && e->timer == NULL)
        answer_in_time(context, e, x);
}

static void on_room(void *context, weir_exchange *x)
{
    (void)context;
    struct app_exchange *e = weir_exchange_user(x);
    write_some(e);
}

static void on_done(void *context, weir_exchange *x, const weir_exchange_ending *ending)
{
    struct app *app = context;
    struct app_exchange *e = weir_exchange_user(x);
    if (app->living-- == 0)
        sim_fail("one done an exchange", "a `done` too many");
    times_tell(times_of(weir_exchange_peer(x).port, false), TIMES_DONE, 0, x);
    if (e == NULL)
        return;
    SIM_TELL("app", "%u: done: %s, %s", e->number, weir_code_name(ending->code), weir_delivery_name(ending->delivery));
    if (e->done)
        sim_fail("one done an exchange", "%u has two", e->number);
    if (ending->code == WEIR_CODE_complete && e->aborted)
        sim_fail("an abort is no success", "%u", e->number);
    weir_timer_free(e->timer);
    e->timer = NULL;
    e->done = true;
    e->x = NULL;
    e->code = ending->code;
    e->delivery = ending->delivery;
}

const weir_handler app_handler =
    WEIR_HANDLER(.head = on_head, .body = on_body, .end = on_end, .room = on_room, .done = on_done);
