/* Goal: whatever a peer and a handler do, a connection ends once, for a reason, and every account balances. Method:
 * many seeds, each a random handler against random peer actions (requests right, wrong and cut, FIN, reset,
 * acknowledgements, time, partial writes, failing memory), with what must always hold checked after every step; at
 * the end what the peer got is compared with what was meant (conn_tags.h). A failure prints its seed; WEIR_SEED=n
 * runs that one alone, WEIR_SEEDS=n that many.
 *
 * A random walk: valgrind adds nothing that AddressSanitizer does not see. run-tests: builds=default,asan,tsan */
#include <errno.h>

#include "conn/conn.h"
#include "conn/conn_drive.h"
#include "conn/conn_tags.h"

#define SEEDS         20000
#define EXCHANGES_MAX 1024

/* What a live exchange showed at first: it must show the same until `done`. */
struct seen {
    weir_exchange *x;
    uint64_t sum;
};

struct chance {
    uint64_t state;
    struct seen seen[EXCHANGES_MAX];
    unsigned live;
    bool polite; /* the handler answers, mostly, and mostly right */
};

static struct chance chance;
static unsigned endings[WEIR_CODE_COUNT], exchanges[WEIR_CODE_COUNT]; /* how often, by code */

static uint32_t below(uint32_t bound)
{
    chance.state = chance.state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((chance.state >> 33) % bound);
}
static bool one_in(uint32_t n)
{
    return below(n) == 0;
}

/* --- views that must not change --------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t sum, weir_str octets)
{
    for (size_t i = 0; i < octets.len; i++)
        sum = (sum ^ (uint8_t)octets.ptr[i]) * UINT64_C(1099511628211);
    return sum * 31 + octets.len;
}

static uint64_t sum_of(const weir_exchange *x)
{
    uint64_t sum = mix(mix(mix(1, weir_request_method(x)), weir_request_target(x)), weir_request_path(x));
    sum = mix(mix(sum, weir_request_query(x)), weir_request_authority(x));
    weir_fields fields = weir_exchange_fields(x);
    for (size_t i = 0; i < fields.count; i++)
        sum = mix(mix(sum, fields.list[i].name), fields.list[i].value);
    return sum;
}

static void check_views(struct drive *d)
{
    for (unsigned i = 0; i < chance.live; i++)
        DRIVE_MUST(d, sum_of(chance.seen[i].x) == chance.seen[i].sum);
}

static bool is_live(const weir_exchange *x)
{
    for (unsigned i = 0; i < chance.live; i++)
        if (chance.seen[i].x == x)
            return true;
    return false;
}

/* --- the handler ------------------------------------------------------------------------------------------------ */

static weir_body random_body(const weir_exchange *x)
{
    static const uint32_t sizes[] = {0, 1, 5, 900, 3000, 20000, 39999};
    weir_str octets = tags_octets(x, sizes[below(7)]);
    switch (below(8)) {
    case 0:
        return weir_body_none();
    case 1:
        return weir_body_borrow(octets);
    case 2:
        return weir_body_stream();
    case 3:
        return weir_body_sized(below(4) * 7000);
    case 4:
        return weir_body_tunnel();
    default:
        return weir_body_copy(octets);
    }
}

static weir_fields random_fields(void)
{
    static const weir_field right[] = {{WEIR_STR("A"), WEIR_STR("b")}};
    static const weir_field wrong[] = {{WEIR_STR("A"), WEIR_STR("b\r\nc: d")}};
    static const weir_field close[] = {{WEIR_STR("Connection"), WEIR_STR("close")}};
    static const weir_field length[] = {{WEIR_STR("Content-Length"), WEIR_STR("5")}};
    static const weir_field *const lists[] = {right, wrong, close, length};
    unsigned which = below(24);
    return which < 4 ? (weir_fields){lists[which], 1} : WEIR_NO_FIELDS;
}

static weir_code respond(weir_exchange *x, unsigned status, weir_fields fields, weir_body body)
{
    weir_code code = weir_respond(x, status, tags_fields(x, fields), body);
    if (code == WEIR_OK)
        tags_took(x, body.octets.len);
    return code;
}

static void write_some(weir_exchange *x, size_t size)
{
    tags_took(x, weir_write(x, tags_octets(x, size)));
}

static void answer(weir_exchange *x)
{
    weir_str octets = tags_octets(x, below(2000));
    weir_body body = one_in(3) ? weir_body_stream() : one_in(3) ? weir_body_sized(below(3000)) : weir_body_copy(octets);
    (void)respond(x, 200, WEIR_NO_FIELDS, body);
    if (body.kind != WEIR_BODY_STREAM && body.kind != WEIR_BODY_SIZED)
        return;
    write_some(x, octets.len);
    if (body.kind == WEIR_BODY_STREAM ? one_in(2) : octets.len >= body.length)
        (void)weir_finish(x, WEIR_NO_FIELDS);
}

/* One random call of exchange.h. */
static void act(weir_exchange *x)
{
    static const unsigned statuses[] = {200, 200, 200, 200, 204, 304, 101, 404, 100, 0, 1000};
    switch (below(18)) {
    case 0:
        weir_body_pause(x);
        break;
    case 1:
    case 2:
        weir_body_resume(x);
        break;
    case 3:
        if (one_in(3))
            weir_body_refuse(x);
        break;
    case 4:
        (void)weir_respond_interim(x, 100 + below(4), random_fields());
        break;
    case 5:
        if (one_in(8))
            weir_exchange_close(x);
        break;
    case 6:
        if (one_in(16))
            weir_exchange_abort(x);
        break;
    case 7:
    case 8:
    case 9:
        write_some(x, below(30000));
        break;
    case 10: {
        weir_str octets = tags_octets(x, below(3000));
        if (weir_write_borrow(x, octets) == WEIR_OK)
            tags_took(x, octets.len);
        break;
    }
    case 11:
    case 12:
        if (one_in(2))
            (void)weir_finish(x, random_fields());
        break;
    default:
        (void)respond(x, statuses[below(11)], random_fields(), random_body(x));
        break;
    }
}

static void act_some(struct drive *d, weir_exchange *x)
{
    if (chance.polite && !one_in(8))
        return;
    for (uint32_t n = below(3); n > 0; n--)
        act(x);
    /* Another that is still there may be used in any callback too. */
    if (chance.live > 0 && one_in(8))
        act(chance.seen[below(chance.live)].x);
    check_views(d);
}

static void on_head(struct drive *d, weir_exchange *x)
{
    DRIVE_MUST(d, !is_live(x) && chance.live < EXCHANGES_MAX);
    chance.seen[chance.live++] = (struct seen){x, sum_of(x)};
    tags_begin(d, x);
    if (chance.polite && one_in(4)) {
        if (one_in(2))
            weir_body_refuse(x);
        answer(x);
    }
    act_some(d, x);
}
static size_t on_body(struct drive *d, weir_exchange *x, weir_str octets)
{
    DRIVE_MUST(d, is_live(x));
    uint64_t sum = mix(1, octets);
    act_some(d, x);
    DRIVE_MUST(d, mix(1, octets) == sum);
    return one_in(4) ? below((uint32_t)octets.len + 1) : octets.len;
}
static void on_end(struct drive *d, weir_exchange *x)
{
    DRIVE_MUST(d, is_live(x));
    if (chance.polite && !one_in(4))
        answer(x);
    act_some(d, x);
}
/* Goes on with a stream, and ends it now and then. */
static void on_room(struct drive *d, weir_exchange *x)
{
    DRIVE_MUST(d, is_live(x));
    if (one_in(2))
        write_some(x, below(20000));
    if (one_in(4))
        (void)weir_finish(x, WEIR_NO_FIELDS);
    act_some(d, x);
}
static void on_event(struct drive *d, weir_exchange *x, weir_event event)
{
    (void)event;
    on_end(d, x);
}
static void on_done(struct drive *d, weir_exchange *x, const weir_exchange_ending *ending)
{
    DRIVE_MUST(d, is_live(x) && ending->code != WEIR_OK);
    for (unsigned i = 0; i < chance.live; i++) {
        if (chance.seen[i].x != x)
            continue;
        DRIVE_MUST(d, sum_of(x) == chance.seen[i].sum);
        chance.seen[i] = chance.seen[--chance.live];
        break;
    }
    if (one_in(3))
        act(x);
}

/* --- the peer --------------------------------------------------------------------------------------------------- */

#define MANY_FIELDS                                                                                                    \
    "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\nF: 6\r\nG: 7\r\nH: 8\r\nI: 9\r\nJ: 1\r\nK: 1\r\nL: 2\r\nM: 3\r\n"

static const char *const requests[] = {
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a?b HTTP/1.1\r\nHost: a\r\nX: y\r\nx: Z\r\n\r\n",
    "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: u\r\nV: w\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: e\r\n\r\ntunnel",
    "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: e\r\nContent-Length: 3\r\n\r\nabctunnel",
    "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\ntunnel",
    "GET / HTTP/1.1\r\n\r\n",
    "\x16\x03\x01 nonsense\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n" MANY_FIELDS MANY_FIELDS "\r\n",
};
#define REQUESTS (sizeof requests / sizeof requests[0])

static const char nonsense[40000];

static void send_some(struct drive *d)
{
    for (uint32_t n = one_in(12) ? below(60) : 1 + below(3); n > 0; n--) {
        const char *text = requests[one_in(3) ? below(REQUESTS) : below(chance.polite ? 16 : 4)];
        size_t size = strlen(text);
        if (one_in(chance.polite ? 50 : 8))
            size = below((uint32_t)size);
        drive_append(&d->inbox, text, size);
    }
    if (one_in(16))
        drive_append(&d->inbox, nonsense, below(sizeof nonsense));
}

static void peer_acts(struct drive *d)
{
    switch (below(24)) {
    case 0:
        d->fin_queued |= one_in(4);
        break;
    case 1:
        if (one_in(4)) {
            static const int errors[] = {ECONNRESET, EPIPE, ETIMEDOUT, 0, ENOBUFS};
            drive_fail(d, one_in(2) ? WEIR_DIRECTION_IN : WEIR_DIRECTION_OUT, errors[below(5)]);
        }
        break;
    case 2:
        drive_sleep(d, (uint64_t)below(3000) * WEIR_MS);
        break;
    case 3:
        if (one_in(4))
            drive_sleep(d, (uint64_t)below(100) * WEIR_SECOND);
        break;
    case 4:
        if (one_in(4))
            weir_conn_drain(d->engine, d->now_ns);
        break;
    case 5:
        if (one_in(8))
            weir_conn_stop(d->engine, one_in(2) ? WEIR_CODE_stopped : WEIR_CODE_drain_timeout, d->now_ns);
        break;
    case 6:
    case 7:
    case 8:
        d->write_left = one_in(2) ? below(50) : below(400000);
        break;
    case 9:
        d->acked = d->acked + below((uint32_t)(d->out.size - d->acked) + 1);
        break;
    case 10:
        d->acked = d->out.size;
        break;
    case 11:
    case 12:
    case 13:
    case 14:
        if (chance.live > 0 && chance.polite && one_in(2))
            answer(chance.seen[below(chance.live)].x);
        else if (chance.live > 0)
            act(chance.seen[below(chance.live)].x);
        break;
    default:
        if (!d->fin_queued)
            send_some(d);
        break;
    }
    drive_step(d);
    check_views(d);
}

/* --- what must hold --------------------------------------------------------------------------------------------- */

static void check_open(struct drive *d)
{
    /* A connection that waits for the peer, or for nobody, has a deadline; only its handler may take for ever. */
    const struct conn_work *work = d->engine->work;
    const struct weir_exchange *x = work != NULL ? work->h1.current : NULL;
    bool by_handler = x != NULL && (x->out != EXCHANGE_OUT_DONE || (x->paused && !x->refused));
    DRIVE_MUST(d, weir_conn_deadline(d->engine) != WEIR_NEVER || by_handler);
    DRIVE_MUST(d, d->begun - d->dones == chance.live);
}

static void check_totals(struct drive *d, const weir_ending *e)
{
    const struct exchange_totals *totals = &d->config->totals;
    DRIVE_MUST(d, totals->exchanges_begun == totals->exchanges_done);
    DRIVE_MUST(d, totals->exchanges_begun == d->begun);
    DRIVE_MUST(d, totals->octets_queued == totals->octets_acked + totals->octets_unacked + totals->octets_unsent);
    DRIVE_MUST(d, e->octets_out == d->out.size && e->octets_in == d->inbox_at);
    DRIVE_MUST(d, e->exchanges_begun == d->begun && e->exchanges_done == d->begun);
    uint64_t codes = 0;
    for (int i = 0; i < WEIR_CODE_COUNT; i++) {
        codes += totals->exchanges_by_code[i];
        exchanges[i] += (unsigned)totals->exchanges_by_code[i];
    }
    endings[e->code]++;
    DRIVE_MUST(d, codes == d->begun);
    DRIVE_MUST(d, e->code != WEIR_CODE_internal_error && e->code != WEIR_OK);
}

static void set_limits(weir_limits *limits)
{
    if (one_in(4))
        limits->output_size_max = 1024 + below(4096);
    if (one_in(4))
        limits->exchange_count_max = 1 + below(5);
    if (one_in(4))
        limits->discard_size_max = 1 + below(200);
    if (one_in(8))
        limits->age_max_ns = 1 + below(30) * WEIR_SECOND;
    if (one_in(8))
        limits->handler_timeout_ns = WEIR_SECOND;
    if (one_in(8))
        limits->body_size_max = 1 + below(20);
    limits->linger_size_max = 1 + below(100000);
    limits->tunnel_timeout_ns = 100 * WEIR_SECOND;
}

static void one_seed(uint64_t seed)
{
    chance = (struct chance){.state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
    struct drive *d = drive_new();
    tags_init();
    d->seed = seed;
    chance.polite = one_in(2);
    d->script = (struct drive_script){on_head, on_body, on_end, NULL, on_done, on_event};
    if (one_in(2))
        d->script.room = on_room;
    set_limits(&d->options.limits);
    d->acks = one_in(2);
    d->receipts_unknown = one_in(16);
    d->read_max = one_in(3) ? 1 + below(40) : 0;
    d->write_max = one_in(3) ? 100 + below(2000) : 0;
    d->write_left = below(200000);
    drive_open(d);
    if (one_in(4)) {
        d->memory.fail_at = d->memory.calls + 1 + below(30);
        d->memory.fails_on = one_in(8);
    }
    for (uint32_t n = 4 + below(60); n > 0 && d->engine != NULL; n--) {
        peer_acts(d);
        if (d->engine != NULL)
            check_open(d);
    }
    if (d->engine != NULL) {
        weir_conn_stop(d->engine, WEIR_CODE_stopped, d->now_ns);
        drive_step(d);
    }
    if (d->engine != NULL)
        drive_finish(d, true);
    check_totals(d, &d->ending);
    tags_check(d);
    DRIVE_MUST(d, chance.live == 0);
    drive_free(d);
}

static void seeds(void **state)
{
    (void)state;
    const char *one = getenv("WEIR_SEED"), *many = getenv("WEIR_SEEDS");
    if (one != NULL) {
        one_seed(strtoull(one, NULL, 10));
        return;
    }
    uint64_t count = many != NULL ? strtoull(many, NULL, 10) : SEEDS;
    for (uint64_t seed = 1; seed <= count; seed++)
        one_seed(seed);
    for (int i = 0; i < WEIR_CODE_COUNT; i++)
        if (endings[i] + exchanges[i] > 0)
            print_message("    %-26s %7u connections %8u exchanges\n", weir_code_name((weir_code)i), endings[i],
                          exchanges[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(seeds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
