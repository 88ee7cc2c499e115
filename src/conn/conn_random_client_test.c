/* Goal: whatever a server and an application do, a client's connection ends once, for a reason, its requests leave
 * whole and in order, and what it is told of an answer is that answer. Method: many seeds, each a random application
 * against random answers (right, wrong, early, cut), FIN, reset, acknowledgements, time, partial writes and failing
 * memory. A failure prints its seed; WEIR_SEED=n runs that one alone, WEIR_SEEDS=n that many.
 *
 * A random walk: valgrind adds nothing that AddressSanitizer does not see. run-tests: builds=default,asan,tsan */
#include <errno.h>

#include "conn/conn.h"
#include "conn/conn_drive.h"
#include "h1/chunked.h"

#define SEEDS        20000
#define REQUESTS_MAX 256

static struct chance {
    uint64_t state;
    weir_exchange *live;
    uint64_t body;                /* octets of content seen of the present answer */
    uint64_t size;                /* octets of content taken for the present request */
    uint64_t sizes[REQUESTS_MAX]; /* of each */
    unsigned answered;            /* answers the server sent */
    bool honest;                  /* it sends nothing but right answers, each to the next request */
} chance;

static unsigned endings[WEIR_CODE_COUNT], exchanges[WEIR_CODE_COUNT]; /* how often, by code */
static char letters[20026];

static uint32_t below(uint32_t bound)
{
    chance.state = chance.state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((chance.state >> 33) % bound);
}
static bool one_in(uint32_t n)
{
    return below(n) == 0;
}

/* --- the application -------------------------------------------------------------------------------------------- */

static weir_str octets_of(unsigned n, uint64_t from, size_t size)
{
    return (weir_str){letters + (n + from) % 26, size};
}

static void write_some(struct drive *d, weir_exchange *x)
{
    weir_str octets = octets_of(d->begun - 1, chance.size, below(5000));
    if (one_in(3))
        chance.size += weir_write_borrow(x, octets) == WEIR_OK ? octets.len : 0;
    else
        chance.size += weir_write(x, octets);
}

static void act(struct drive *d, weir_exchange *x)
{
    switch (below(12)) {
    case 0:
        weir_body_pause(x);
        break;
    case 1:
    case 2:
        weir_body_resume(x);
        break;
    case 3:
        if (one_in(6))
            weir_body_refuse(x);
        break;
    case 4:
        if (one_in(6))
            weir_exchange_close(x);
        break;
    case 5:
        if (one_in(12))
            weir_exchange_abort(x);
        break;
    case 6:
    case 7:
        (void)weir_finish(x, one_in(3) ? WEIR_FIELDS({WEIR_STR("T"), WEIR_STR("u")}) : WEIR_NO_FIELDS);
        break;
    case 8:
        (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_none());
        break;
    default:
        write_some(d, x);
        break;
    }
}

static void on_head(struct drive *d, weir_exchange *x)
{
    DRIVE_MUST(d, x == chance.live);
    if (chance.honest && !weir_response_is_interim(x)) {
        char expected[24];
        snprintf(expected, sizeof expected, "%u", d->begun - 1);
        weir_str tag = weir_fields_value(weir_exchange_fields(x), WEIR_STR("x-tag"));
        DRIVE_MUST(d, weir_str_equal(tag, weir_str_from(expected)));
    }
    if (one_in(3))
        act(d, x);
}

static size_t on_body(struct drive *d, weir_exchange *x, weir_str octets)
{
    DRIVE_MUST(d, x == chance.live);
    for (size_t i = 0; i < octets.len && chance.honest; i++)
        DRIVE_MUST(d, octets.ptr[i] == (char)('a' + (d->begun - 1 + chance.body + i) % 26));
    size_t n = one_in(4) ? below((uint32_t)octets.len + 1) : octets.len;
    chance.body += n;
    if (one_in(4))
        act(d, x);
    return n;
}

static void on_some(struct drive *d, weir_exchange *x)
{
    DRIVE_MUST(d, x == chance.live);
    if (one_in(2))
        act(d, x);
}

static void on_event(struct drive *d, weir_exchange *x, weir_event event)
{
    (void)event;
    on_some(d, x);
}

static void on_done(struct drive *d, weir_exchange *x, const weir_exchange_ending *ending)
{
    DRIVE_MUST(d, x == chance.live && ending->code != WEIR_OK);
    DRIVE_MUST(d, ending->body_in <= chance.body && ending->body_out <= chance.size);
    chance.live = NULL;
    chance.sizes[d->begun - 1] = chance.size;
    if (one_in(3))
        act(d, x);
}

static void ask(struct drive *d)
{
    static const char *const methods[] = {"GET", "POST", "HEAD", "CONNECT"};
    unsigned n = d->begun, how = below(5);
    char target[32];
    weir_str octets = octets_of(n, 0, one_in(2) ? below(100) : below(20000));
    weir_body body = how == 0   ? weir_body_stream()
                     : how == 1 ? weir_body_sized(below(3000))
                     : how == 2 ? weir_body_copy(octets)
                     : how == 3 ? weir_body_borrow(octets)
                                : weir_body_none();
    const weir_field fields[] = {{WEIR_STR("Connection"), one_in(2) ? WEIR_STR("close") : WEIR_STR("upgrade")},
                                 {WEIR_STR("Upgrade"), WEIR_STR("e")},
                                 {WEIR_STR("X"), WEIR_STR("a\nb")}};
    const char *method = methods[!chance.honest && one_in(6) ? below(4) : below(2)];
    snprintf(target, sizeof target, "%s%u", strcmp(method, "CONNECT") == 0 ? "a:" : "/", n);
    weir_exchange *before = d->x, *x;
    weir_code code =
        drive_ask(d,
                  WEIR_REQUEST(.method = weir_str_from(method), .target = weir_str_from(target), .host = WEIR_STR("a"),
                               .fields = {fields, one_in(6) ? 1 + below(3) : 0}, .body = body),
                  &x);
    DRIVE_MUST(d, code == WEIR_OK || d->x == before);
    if (code != WEIR_OK)
        return;
    DRIVE_MUST(d, chance.live == NULL);
    chance.live = x;
    chance.body = 0;
    chance.size = body.octets.len;
}

/* --- the server ------------------------------------------------------------------------------------------------- */

static void send_text(struct drive *d, const char *text, size_t size)
{
    bool cut = !chance.honest && size > 0 && one_in(10);
    drive_append(&d->inbox, text, cut ? below((uint32_t)size) : size);
}

static void answer_rightly(struct drive *d)
{
    char head[200];
    unsigned n = chance.answered++;
    weir_str octets = octets_of(n, 0, one_in(3) ? 0 : below(20000));
    if (one_in(4))
        send_text(d, "HTTP/1.1 103 E\r\nA: b\r\n\r\n", 24);
    bool chunked = one_in(2);
    int size =
        chunked
            ? snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nX-Tag: %u\r\nTransfer-Encoding: chunked\r\n\r\n", n)
            : snprintf(head, sizeof head, "HTTP/1.1 404 No\r\nX-Tag: %u\r\nContent-Length: %zu\r\n\r\n", n, octets.len);
    send_text(d, head, (size_t)size);
    if (chunked && octets.len > 0) {
        size = snprintf(head, sizeof head, "%zx\r\n", octets.len);
        send_text(d, head, (size_t)size);
    }
    send_text(d, octets.ptr, octets.len);
    if (chunked)
        send_text(d, octets.len > 0 ? "\r\n0\r\nT: 1\r\n\r\n" : "0\r\nT: 1\r\n\r\n", octets.len > 0 ? 13 : 11);
}

static void answer_somehow(struct drive *d)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 No\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\n\r\nall",
        "HTTP/1.1 100 Go\r\n\r\n",
        "HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: e\r\n\r\ntunnel",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "SSH-2.0-x\r\n",
    };
    const char *text = answers[below(10)];
    send_text(d, text, strlen(text));
}

static bool is_asked(const struct drive *d)
{
    return chance.live != NULL && chance.answered < d->begun && d->inbox_at == d->inbox.size;
}

static void world_acts(struct drive *d)
{
    static const int errors[] = {ECONNRESET, EPIPE, ETIMEDOUT, 0, ENOBUFS};
    switch (below(20)) {
    case 0:
        d->fin_queued |= one_in(8);
        break;
    case 1:
        if (one_in(8))
            drive_fail(d, one_in(2) ? WEIR_DIRECTION_IN : WEIR_DIRECTION_OUT, errors[below(5)]);
        break;
    case 2:
        drive_sleep(d, one_in(8) ? below(90) * WEIR_SECOND : below(900) * WEIR_MS);
        break;
    case 3:
        if (one_in(12))
            weir_conn_drain(d->engine, d->now_ns);
        break;
    case 4:
        if (one_in(16))
            weir_conn_stop(d->engine, WEIR_CODE_stopped, d->now_ns);
        break;
    case 5:
    case 6:
        d->write_left = one_in(2) ? below(50) : below(100000);
        break;
    case 7:
        d->acked += below((uint32_t)(d->out.size - d->acked) + 1);
        break;
    case 8:
    case 9:
    case 10:
        if (chance.live != NULL)
            act(d, chance.live);
        break;
    case 11:
    case 12:
    case 13:
        if (d->begun < REQUESTS_MAX && chance.live == NULL)
            ask(d);
        break;
    default:
        if (d->fin_queued)
            break;
        if (chance.honest && is_asked(d))
            answer_rightly(d);
        else if (!chance.honest)
            one_in(3) ? answer_somehow(d) : answer_rightly(d);
        break;
    }
    drive_step(d);
}

/* --- what must hold --------------------------------------------------------------------------------------------- */

/* Takes the content of a request at `at`; how much of it is there, its end in `at`, and whether it is all of it. */
static uint64_t take_content(struct drive *d, const struct http_head *head, size_t *at, unsigned n, bool *whole)
{
    uint64_t size = 0;
    struct h1_chunked chunked;
    h1_chunked_init(&chunked, 0, false);
    uint64_t left = head->chunked ? WEIR_NEVER : head->has_length ? head->length : 0;
    for (*whole = left == 0; left > 0;) {
        weir_str data = {d->out.octets + *at, d->out.size - *at};
        size_t used = data.len = data.len < left ? data.len : (size_t)left;
        if (head->chunked) {
            struct h1_chunked_step step = h1_chunked_step(&chunked, data.ptr, data.len, SIZE_MAX);
            DRIVE_MUST(d, step.event != H1_CHUNKED_ERROR);
            data = step.event == H1_CHUNKED_DATA ? step.data : (weir_str){NULL, 0};
            used = step.used;
            *whole = step.event == H1_CHUNKED_END;
        } else {
            left -= used;
            *whole = left == 0;
        }
        for (size_t i = 0; i < data.len; i++)
            DRIVE_MUST(d, data.ptr[i] == (char)('a' + (n + size + i) % 26));
        size += data.len;
        *at += used;
        if (*whole || used == 0 || *at == d->out.size)
            break;
    }
    return size;
}

/* The requests are there in order, the last perhaps cut; of a tunnel only the head is looked at. */
static void check_requests(struct drive *d)
{
    static const struct http_head_limits limits = {1 << 14, 1 << 16, 100};
    weir_field fields[100];
    size_t at = 0;
    for (unsigned n = 0; at < d->out.size; n++) {
        struct http_head head = {.fields = fields, .field_capacity = 100};
        int64_t size = h1_head_parse_request(&head, d->out.octets + at, d->out.size - at, &limits, false, NULL);
        if (size == H1_HEAD_INCOMPLETE)
            return;
        char expected[16];
        snprintf(expected, sizeof expected, "%u", n);
        DRIVE_MUST(d, size > 0 && n < d->begun &&
                          head.target.len == strlen(expected) + (head.target.ptr[0] == 'a' ? 2 : 1));
        DRIVE_MUST(d, memcmp(head.target.ptr + head.target.len - strlen(expected), expected, strlen(expected)) == 0);
        at += (size_t)size;
        if (head.upgrade || head.target.ptr[0] == 'a')
            return;
        bool whole;
        DRIVE_MUST(d, take_content(d, &head, &at, n, &whole) <= chance.sizes[n]);
        if (!whole)
            return;
        if (head.chunked) {
            struct http_head trailers = {.fields = fields, .field_capacity = 100};
            size = h1_head_parse_trailers(&trailers, d->out.octets + at, d->out.size - at, &limits, false);
            DRIVE_MUST(d, size >= 0);
            at = size == 0 ? d->out.size : at + (size_t)size;
        }
    }
}

static void check_totals(struct drive *d)
{
    const struct exchange_totals *totals = &d->config->totals;
    DRIVE_MUST(d, totals->exchanges_begun == totals->exchanges_done && totals->exchanges_begun == d->begun);
    DRIVE_MUST(d, totals->octets_queued == totals->octets_acked + totals->octets_unacked + totals->octets_unsent);
    DRIVE_MUST(d, d->ending.octets_out == d->out.size && d->ending.octets_in == d->inbox_at);
    DRIVE_MUST(d, d->ending.exchanges_begun == d->begun && d->ending.exchanges_done == d->begun);
    DRIVE_MUST(d, d->ending.code != WEIR_CODE_internal_error && d->ending.role == WEIR_ROLE_CLIENT);
    for (int i = 0; i < WEIR_CODE_COUNT; i++)
        exchanges[i] += (unsigned)totals->exchanges_by_code[i];
    endings[d->ending.code]++;
}

static void one_seed(uint64_t seed)
{
    chance = (struct chance){.state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
    struct drive *d = drive_new();
    d->seed = seed;
    d->script = (struct drive_script){on_head, on_body, on_some, on_some, on_done, on_event};
    d->options.role = WEIR_ROLE_CLIENT;
    d->options.strict = one_in(2);
    d->options.limits.tunnel_timeout_ns = 100 * WEIR_SECOND;
    if (one_in(4))
        d->options.limits.output_size_max = 1024 + below(4096);
    if (one_in(8))
        d->options.limits.age_max_ns = 1 + below(30) * WEIR_SECOND;
    chance.honest = one_in(2);
    d->acks = one_in(2);
    d->receipts_unknown = one_in(16);
    d->read_max = one_in(3) ? 1 + below(40) : 0;
    d->write_max = one_in(3) ? 100 + below(2000) : 0;
    drive_open(d);
    if (one_in(6))
        d->memory.fail_at = d->memory.calls + 1 + below(20);
    for (uint32_t n = 10 + below(100); n > 0 && d->engine != NULL; n--) {
        world_acts(d);
        DRIVE_MUST(d, (chance.live != NULL) == (d->begun > d->dones));
    }
    if (d->engine != NULL) {
        weir_conn_stop(d->engine, WEIR_CODE_stopped, d->now_ns);
        drive_step(d);
    }
    if (d->engine != NULL)
        drive_finish(d, true);
    check_totals(d);
    check_requests(d);
    drive_free(d);
}

static void seeds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof letters; i++)
        letters[i] = (char)('a' + i % 26);
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
