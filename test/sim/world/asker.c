#include "asker.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "net.h"
#include "sim.h"

static struct asker *the_asker;

static struct asker_request *request_of(weir_exchange *x)
{
    return weir_exchange_user(x);
}

/* --- what comes ------------------------------------------------------------------------------------------------- */

static void on_head(void *app, weir_exchange *x)
{
    struct asker_request *r = request_of(x);
    (void)app;
    if (weir_response_is_interim(x))
        return;
    if (r->status != 0)
        sim_fail("one answer a request", "%u gets a second", r->number);
    r->status = weir_response_status(x);
    SIM_TELL("asker", "%u: gets a head, %u", r->number, r->status);
    weir_str number = weir_fields_value(weir_exchange_fields(x), WEIR_STR("x-number"));
    char ours[16];
    r->numbered = number.len > 0;
    snprintf(ours, sizeof ours, "%u", r->number);
    r->foreign = number.len > 0 && !weir_str_equal(number, weir_str_from(ours));
    r->made_up = r->to_host && the_asker->makes_up(x);
    if (r->foreign && !r->made_up)
        sim_fail("the answer is to its request", "%u gets that of %.*s", r->number, (int)number.len, number.ptr);
}

static size_t on_body(void *app, weir_exchange *x, weir_str octets)
{
    struct asker_request *r = request_of(x);
    (void)app;
    if (r->status == 200 && !r->foreign &&
        (r->content + octets.len > r->size || memcmp(app_pattern(r->number) + r->content, octets.ptr, octets.len) != 0))
        sim_fail("content is as it was sent", "%u: the answer, at %" PRIu64, r->number, r->content);
    r->content += octets.len;
    return octets.len;
}

static void on_end(void *app, weir_exchange *x)
{
    struct asker_request *r = request_of(x);
    (void)app;
    r->whole = true;
}

static void on_room(void *app, weir_exchange *x)
{
    struct asker_request *r = request_of(x);
    const weir_fields none = {.count = 0};
    (void)app;
    while (r->written < r->content_size) {
        uint64_t piece = r->content_size - r->written;
        if (piece > 1 && sim_is(4))
            piece = 1 + sim_choose((uint32_t)piece);
        size_t took = weir_write(x, (weir_str){app_pattern(r->number) + r->written, piece});
        r->written += took;
        if (took < piece)
            return;
    }
    (void)weir_finish(x, none);
}

/* No exchange ends by its time before that is over, and none lives on. */
static void check_time(const struct asker_request *r, weir_code code)
{
    uint64_t limit_ns = r->timeout_ns > 0 ? r->timeout_ns : the_asker->exchange_timeout_ns;
    uint64_t passed_ns = net_now() - r->sent_ns, late_ns = net_late() - r->late_ns;
    if (code == WEIR_CODE_exchange_timeout && weir_loop_now(the_asker->loop) - r->sent_loop_ns < limit_ns)
        sim_fail("no deadline is early", "%u: exchange_timeout after %" PRIu64 " ms, and the limit is %" PRIu64 " ms",
                 r->number, passed_ns / NET_MS, limit_ns / NET_MS);
    if (!the_asker->freed && passed_ns > limit_ns + late_ns + 20 * NET_MS)
        sim_fail("no deadline is late", "%u: %s after %" PRIu64 " ms, and the limit is %" PRIu64 " ms", r->number,
                 weir_code_name(code), passed_ns / NET_MS, limit_ns / NET_MS);
}

static void on_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    struct asker_request *r = request_of(x);
    (void)app;
    SIM_TELL("asker", "%u: done: %s, %s, %u retries", r->number, weir_code_name(ending->code),
             weir_retry_name(ending->retry), weir_exchange_retries(x));
    if (r->done)
        sim_fail("one done an exchange", "%u has two", r->number);
    r->done = true;
    check_time(r, ending->code);
    sim_record->totals.by_retry[ending->retry]++;
    r->x = NULL;
    r->ending = *ending;
    r->retries = weir_exchange_retries(x);
    weir_timings t = {.size = sizeof t};
    weir_exchange_timings(x, &t);
    r->fresh = t.dial_ns > 0;
}

static const weir_handler handler =
    WEIR_HANDLER(.head = on_head, .body = on_body, .end = on_end, .room = on_room, .done = on_done);

/* --- what it does ----------------------------------------------------------------------------------------------- */

static void give_up(void *app)
{
    struct asker_request *r = app;
    if (r->x == NULL || the_asker->freed)
        return;
    SIM_TELL("asker", "%u: gives up", r->number);
    r->given_up = true;
    weir_exchange_abort(r->x);
}

static void draw_request(struct asker_request *r, bool hostile)
{
    static const uint32_t bounds[] = {1, 20, 3000, 100000};
    r->kind = sim_choose(hostile ? APP_KINDS : APP_ABORT);
    r->size = r->kind == APP_EMPTY ? 0 : sim_choose(bounds[sim_choose(4)]);
    r->head = sim_is(8);
    r->post = !r->head && sim_is(2);
    r->content_size = r->post ? sim_choose(bounds[sim_choose(4)]) : 0;
    r->streams = r->post && sim_is(3);
}

static weir_body body_of(const struct asker_request *r)
{
    weir_str octets = {app_pattern(r->number), r->content_size};
    if (!r->post)
        return weir_body_none();
    if (r->streams)
        return sim_is(2) ? weir_body_stream() : weir_body_sized(r->content_size);
    return sim_is(2) ? weir_body_borrow(octets) : weir_body_copy(octets);
}

static void send_one(void *app)
{
    struct asker_request *r = app;
    struct asker *asker = the_asker;
    static const unsigned delays[] = {0, 1, 50, 3000};
    char url[96];
    if (asker->drains || asker->freed)
        return;
    unsigned list = sim_list(SIM_LISTS - 1);
    r->timeout_ns = sim_is(6) ? (1 + sim_choose(5)) * NET_S : 0;
    r->sent_ns = net_now();
    r->sent_loop_ns = weir_loop_now(asker->loop);
    r->late_ns = net_late();
    snprintf(url, sizeof url, "http://127.0.0.1:%u/%u/%u/%" PRIu64 "/%u", r->to_host ? 81 : 80, r->number, r->kind,
             r->size, delays[sim_rarely(3, 4)]);
    const weir_request request = {
        .size = sizeof request,
        .method = r->head   ? WEIR_STR("HEAD")
                  : r->post ? WEIR_STR("POST")
                            : WEIR_STR("GET"),
        .url = weir_str_from(url),
        .body = body_of(r),
        .user = r,
        .handler = &handler,
        .expect = r->post && sim_is(6),
        .timeout_ns = r->timeout_ns,
    };
    weir_error error;
    weir_code code = weir_client_send(asker->client, &request, &r->x, &error);
    SIM_TELL("asker", "%u: %.*s %s, content of %" PRIu64 ": %s", r->number, (int)request.method.len, request.method.ptr,
             url, r->content_size, weir_code_name(code));
    if (code == WEIR_OK)
        r->sent = true;
    else if (code != WEIR_CODE_pool_full && code != WEIR_CODE_no_memory)
        sim_fail("requests are taken", "weir_client_send says %s", weir_code_name(code));
    if (code == WEIR_OK && sim_is(8))
        net_call_at_top(net_now() + sim_choose(2000) * NET_MS, give_up, r);
    (void)sim_list(list);
}

static void on_ending(void *app, const weir_ending *ending)
{
    struct asker *asker = app;
    asker->endings++;
    if (sim_tells) {
        char text[WEIR_ENDING_TEXT_MAX];
        weir_ending_logfmt(text, ending);
        sim_tell("client", "ENDING %s", text);
    }
    sim_record->totals.by_code[ending->code]++;
    bool bad = ending->code >= WEIR_CODE_bad_request_line && ending->code <= WEIR_CODE_unexpected_upgrade;
    if (ending->exchanges_begun != ending->exchanges_done)
        sim_fail("one done an exchange", "of the client: %" PRIu64 " begun, %" PRIu64 " done", ending->exchanges_begun,
                 ending->exchanges_done);
    if (bad && !asker->closes_made_up)
        sim_fail("codes are true", "of the client: %s, and its servers are well-behaved", weir_code_name(ending->code));
    if (ending->judged == WEIR_CLASS_BUG || ending->code == WEIR_CODE_internal_error)
        sim_fail("no bug", "%s", weir_code_name(ending->code));
}

static void on_drained(void *app)
{
    struct asker *asker = app;
    if (asker->drained)
        sim_fail("drained once", "it was told twice");
    asker->drained = true;
}

bool asker_begin(struct asker *asker, weir_loop *loop, const weir_allocator *memory, bool hostile, bool host)
{
    memset(asker, 0, sizeof *asker);
    the_asker = asker;
    asker->plain = !hostile;
    asker->loop = loop;
    static const weir_retry_policy policies[] = {WEIR_RETRY_SAFE, WEIR_RETRY_PROVEN, WEIR_RETRY_IDEMPOTENT,
                                                 WEIR_RETRY_NEVER};
    asker->policy = policies[sim_choose(4)];
    asker->connections_max = sim_is(3) ? 1 + sim_choose(4) : 16;
    asker->per_origin = sim_is(3) ? 1 + sim_choose((uint32_t)asker->connections_max) : asker->connections_max;
    asker->waiting_max = sim_is(6) ? 1 + sim_choose(4) : 100;
    asker->exchange_timeout_ns = sim_is(4) ? (1 + sim_choose(20)) * NET_S : 100 * NET_S;
    weir_client_options options = {
        .size = sizeof options,
        .loop = loop,
        .allocator = *memory,
        .retry = asker->policy,
        .connections_max = asker->connections_max,
        .connections_per_origin = asker->per_origin,
        .waiting_max = asker->waiting_max,
        .acquire_timeout_ns = sim_is(4) ? (1 + sim_choose(3)) * NET_S : 0,
        .exchange_timeout_ns = asker->exchange_timeout_ns,
        .ending = on_ending,
        .drained = on_drained,
        .app = asker,
    };
    static const uint64_t seconds[] = {0, 1, 2, 5};
    options.limits.idle_timeout_ns = seconds[sim_rarely(3, 4)] * NET_S;
    options.limits.response_timeout_ns = seconds[sim_rarely(4, 4)] * NET_S;
    options.limits.exchange_count_max = sim_rarely(5, 6);
    options.limits.output_size_max = sim_is(4) ? 4096 : 0;
    weir_error error;
    weir_code code = weir_client_new(&asker->client, &options, &error);
    if (code == WEIR_CODE_no_memory)
        return false;
    if (code != WEIR_OK)
        sim_fail("the client starts", "%s: %s", weir_code_name(code), error.text);
    asker->count = 1 + sim_choose(sim_is(3) ? ASKER_MAX : 5);
    uint64_t at_ns = net_now();
    for (unsigned i = 0; i < asker->count; i++) {
        struct asker_request *r = &asker->requests[i];
        r->number = i;
        r->to_host = host && sim_choose(2) != 0;
        draw_request(r, hostile);
        static const uint64_t gaps[] = {0, 1, 30, 1000, 6000, 61000};
        at_ns += gaps[sim_rarely(2, 6)] * NET_MS;
        net_call_at_top(at_ns, send_one, r);
    }
    return true;
}

void asker_drain(struct asker *asker)
{
    SIM_TELL("asker", "drains");
    asker->drains = true;
    weir_client_drain(asker->client);
}

void asker_free(struct asker *asker)
{
    asker->freed = true;
    weir_client_free(asker->client);
}

/* --- what must hold --------------------------------------------------------------------------------------------- */

void asker_check(const struct asker *asker, uint64_t most)
{
    if (asker->freed)
        return;
    if (most > asker->per_origin)
        sim_fail("pool", "%" PRIu64 " connections to one origin, at most %" PRIu64, most, asker->per_origin);
    weir_pool_counts c = {.size = sizeof c};
    weir_client_counts(asker->client, &c);
    uint64_t alive = c.dialling + c.busy + c.idle + c.closing;
    if (alive > asker->connections_max)
        sim_fail("pool", "%" PRIu64 " connections, at most %" PRIu64, alive, asker->connections_max);
    /* One that is sent again waits beside those: it was let in before. */
    if (c.waiting > asker->waiting_max + asker->connections_max)
        sim_fail("pool", "%" PRIu64 " requests wait, at most %" PRIu64, c.waiting, asker->waiting_max);
}

static void judge_one(const struct asker *asker, const struct asker_request *r, unsigned seen)
{
    const weir_exchange_ending *e = &r->ending;
    if (!r->done)
        sim_fail("one done an exchange", "%u has none", r->number);
    if (e->code == WEIR_CODE_complete && !r->whole)
        sim_fail("complete is whole", "%u had no end", r->number);
    if (e->code == WEIR_CODE_complete && r->status == 200 && r->numbered && !r->foreign && !r->head &&
        r->content != r->size)
        sim_fail("complete is whole", "%u: %" PRIu64 " of %" PRIu64 " octets", r->number, r->content, r->size);
    if (e->code == WEIR_CODE_complete && e->retry != WEIR_RETRY_PROCESSED)
        sim_fail("retry is true", "%u is complete, and %s", r->number, weir_retry_name(e->retry));
    if (seen > 0 && (e->retry == WEIR_RETRY_NOT_SENT || e->retry == WEIR_RETRY_NOT_PROCESSED))
        sim_fail("retry is true", "%u: %s, but a server took it", r->number, weir_retry_name(e->retry));
    if (seen == 0 && e->retry == WEIR_RETRY_PROCESSED && r->status == 200 && !r->made_up)
        sim_fail("retry is true", "%u: processed, but no server took it", r->number);
    bool twice = asker->policy == WEIR_RETRY_SAFE && r->retries == 1 && seen == 2;
    if (seen > 1 && (!(asker->policy == WEIR_RETRY_IDEMPOTENT || twice) || r->post))
        sim_fail("nothing is done twice", "%u was taken %u times", r->number, seen);
    if (asker->plain && e->code == WEIR_CODE_complete && r->status < 300 && !r->numbered)
        sim_fail("the answer is to its request", "%u: nobody gave it", r->number);
    if (asker->plain && r->fresh && e->stage != WEIR_STAGE_DIAL && e->by == WEIR_BY_PEER &&
        e->code != WEIR_CODE_complete)
        sim_fail("a fresh connection serves", "%u: %s", r->number, weir_code_name(e->code));
    if (r->retries > 0 && (asker->policy == WEIR_RETRY_NEVER || r->streams))
        sim_fail("retries are as asked", "%u: %u", r->number, r->retries);
}

void asker_check_ledger(const struct asker *asker)
{
    weir_ledger l = {.size = sizeof l};
    uint64_t ended = 0;
    weir_client_ledger(asker->client, &l);
    for (size_t i = 0; i < WEIR_CODE_COUNT; i++)
        ended += l.ended_by_code[i];
    if (ended != asker->endings || l.alive != 0)
        sim_fail("ledger", "of the client: %" PRIu64 " ended, %" PRIu64 " endings, %" PRIu64 " alive", ended,
                 asker->endings, l.alive);
    if (l.octets_queued != l.octets_acked + l.octets_unacked + l.octets_unsent)
        sim_fail("ledger",
                 "of the client: %" PRIu64 " octets queued, %" PRIu64 " acknowledged, %" PRIu64 " not, %" PRIu64
                 " unsent",
                 l.octets_queued, l.octets_acked, l.octets_unacked, l.octets_unsent);
}

void asker_judge(const struct asker *asker, const unsigned *seen)
{
    for (unsigned i = 0; i < asker->count; i++)
        if (asker->requests[i].sent)
            judge_one(asker, &asker->requests[i], seen[i]);
}
