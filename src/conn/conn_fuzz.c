/* Invariant: for any octets of a peer, in either role, whatever its handler does and however both directions are
 * cut, held up, ended, reset, or late: every exchange that begins gets one `done`; the connection ends once, with a
 * cause that is not internal_error; what it wants comes to rest; octets queued = acknowledged + sent and not
 * acknowledged + never sent; all memory comes back; what a server sends is a sequence of responses to its requests
 * in order, and what a client sends is the requests that were asked, in order, of which only the last may be cut;
 * and a client's exchange that is complete had a final response.
 *
 * The input: one octet of options, one that says how many octets of the handler's choices follow, those, one that
 * says how many steps follow, those; the rest is what the peer sends. */
#define CONN_DRIVE_FUZZES

#include <errno.h>

#include "conn/answers_check.h"
#include "conn/conn.h"
#include "h1/message_check.h"

#define METHODS_MAX  512
#define PREPARED_MAX 3
#define CHOICES_MAX  1500 /* then the handler does what is usual: a stream must not go on for ever */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct octets {
    const uint8_t *at;
    size_t left;
};

static struct story {
    struct octets choices; /* of the handler, over and over */
    size_t next_choice;
    weir_str methods[METHODS_MAX]; /* of the exchanges, as long as it matters: HEAD, CONNECT or another */
    unsigned method_count;
    unsigned numbers[METHODS_MAX]; /* of a client's requests: what their targets end in */
    weir_prepared *prepared[PREPARED_MAX];
    bool incomplete; /* an exchange ended other than complete, or as bad_response */
} story;

static uint8_t take(struct octets *from)
{
    if (from->left == 0)
        return 0;
    from->left--;
    return *from->at++;
}

static struct octets take_some(struct octets *from, size_t max)
{
    size_t n = take(from);
    n = n < max ? n : max;
    n = n < from->left ? n : from->left;
    struct octets some = {from->at, n};
    from->at += n;
    from->left -= n;
    return some;
}

static uint8_t choice(void)
{
    if (story.choices.left == 0 || story.next_choice >= CHOICES_MAX)
        return 0;
    return story.choices.at[story.next_choice++ % story.choices.left];
}

/* --- the handler ------------------------------------------------------------------------------------------------ */

static const char filler[70000];

static weir_body body_of(uint8_t kind, uint8_t size)
{
    weir_str octets = {.ptr = filler, .len = size < 200 ? size * 11U : (size - 190U) * 1000U};
    switch (kind % 8) {
    case 0:
        return weir_body_none();
    case 1:
        return weir_body_borrow(octets);
    case 2:
    case 3:
        return weir_body_stream();
    case 4:
        return weir_body_sized(octets.len);
    case 5:
        return weir_body_tunnel();
    default:
        return weir_body_copy(octets);
    }
}

static weir_fields fields_of(uint8_t n)
{
    static const weir_field all[] = {
        {WEIR_STR_INIT("A"), WEIR_STR_INIT("b")},
        {WEIR_STR_INIT("Connection"), WEIR_STR_INIT("close")},
        {WEIR_STR_INIT("Content-Length"), WEIR_STR_INIT("11")},
        {WEIR_STR_INIT("Transfer-Encoding"), WEIR_STR_INIT("chunked")},
        {WEIR_STR_INIT("Upgrade"), WEIR_STR_INIT("e")},
        {WEIR_STR_INIT("Date"), WEIR_STR_INIT("now")},
        {WEIR_STR_INIT("X"), WEIR_STR_INIT("a\r\n\r\nHTTP/1.1 200 OK")},
    };
    return n % 16 < 7 ? (weir_fields){&all[n % 16], 1} : WEIR_NO_FIELDS;
}

static void respond(weir_exchange *x, unsigned status)
{
    weir_fields fields = fields_of(choice());
    uint8_t kind = choice();
    weir_body body = body_of(kind, choice());
    (void)weir_respond(x, status, fields, body);
}

static void act(weir_exchange *x)
{
    static const unsigned statuses[] = {200, 200, 200, 204, 304, 101, 404, 999, 100, 1000, 0};
    uint8_t what = choice(), more = choice();
    switch (what % 16) {
    case 0:
        break;
    case 1:
        weir_body_pause(x);
        break;
    case 2:
        weir_body_resume(x);
        break;
    case 3:
        weir_body_refuse(x);
        break;
    case 4:
        (void)weir_respond_interim(x, 100 + more % 5, WEIR_NO_FIELDS);
        break;
    case 5:
        weir_exchange_close(x);
        break;
    case 6:
        if (more > 200)
            weir_exchange_abort(x);
        break;
    case 7:
        (void)weir_write(x, (weir_str){filler, more * 200U});
        break;
    case 8:
        (void)weir_write_borrow(x, (weir_str){filler, more * 100U});
        break;
    case 9:
    case 10:
        (void)weir_finish(x, fields_of(more));
        break;
    default:
        respond(x, statuses[more % 11]);
        break;
    }
}

static void act_some(weir_exchange *x)
{
    for (unsigned n = choice() % 4; n > 0; n--)
        act(x);
}

static void on_head(struct drive *d, weir_exchange *x)
{
    if (weir_exchange_role(x) == WEIR_ROLE_SERVER && story.method_count < METHODS_MAX) {
        weir_str method = weir_request_method(x);
        bool head = weir_str_equal(method, WEIR_STR("HEAD")), connect = weir_str_equal(method, WEIR_STR("CONNECT"));
        story.methods[story.method_count++] = head ? WEIR_STR("HEAD") : connect ? WEIR_STR("CONNECT") : WEIR_STR("GET");
    }
    if (weir_exchange_role(x) == WEIR_ROLE_CLIENT && !weir_response_is_interim(x))
        weir_exchange_set_user(x, d); /* it has its final response */
    act_some(x);
}

static size_t on_body(struct drive *d, weir_exchange *x, weir_str octets)
{
    (void)d;
    act_some(x);
    return choice() % 4 == 3 ? choice() % (octets.len + 1) : octets.len;
}

static void on_end(struct drive *d, weir_exchange *x)
{
    (void)d;
    act_some(x);
    if (choice() % 4 != 3)
        (void)weir_respond(x, 200, WEIR_NO_FIELDS, body_of(choice() % 2, choice()));
}

static void on_room(struct drive *d, weir_exchange *x)
{
    (void)d;
    act_some(x);
}

static void on_event(struct drive *d, weir_exchange *x, weir_event event)
{
    (void)d;
    (void)event;
    act_some(x);
}

static void on_done(struct drive *d, weir_exchange *x, const weir_exchange_ending *ending)
{
    DRIVE_MUST(d, ending->code != WEIR_CODE_complete || weir_exchange_role(x) == WEIR_ROLE_SERVER ||
                      weir_exchange_user(x) == d);
    if (ending->code != WEIR_CODE_complete && ending->code != WEIR_CODE_bad_response)
        story.incomplete = true;
    act(x);
}

/* --- the peer, the kernel, the clock ---------------------------------------------------------------------------- */

/* Where the n-th request goes to; of some methods that cannot be seen in it. */
static weir_str target_of(uint8_t method, unsigned number)
{
    static char text[32];
    snprintf(text, sizeof text, method == 2 ? "a:%u" : "/%u", number);
    return weir_str_from(text);
}

static void begun(struct drive *d, weir_code code, weir_exchange *x, unsigned number)
{
    DRIVE_MUST(d, (code == WEIR_OK) == (x != NULL));
    if (x == NULL)
        return;
    d->x = x;
    if (d->begun < METHODS_MAX)
        story.numbers[d->begun] = number;
    d->begun++;
}

/* Asks what is prepared, and prepares it before that. */
static void ask_prepared(struct drive *d, const weir_request *request, unsigned place)
{
    weir_exchange *x;
    weir_prepared **prepared = &story.prepared[place];
    uint64_t before = weir_conn_config_memory(d->config);
    if (*prepared == NULL && weir_prepare(prepared, d->config, request) != WEIR_OK)
        return;
    d->beside += weir_conn_config_memory(d->config) - before;
    weir_code code = weir_conn_request_prepared(d->engine, *prepared, NULL, &x, d->now_ns);
    begun(d, code, x, 60000 + place);
}

static void ask(struct drive *d, uint8_t n)
{
    static const char *const methods[] = {"GET", "HEAD", "CONNECT", "POST"};
    bool prepares = n / 32 == 6, expects = n / 32 == 7;
    unsigned place = n / 4 % PREPARED_MAX, number = prepares ? 60000 + place : d->begun + 1;
    weir_body body = n / 4 % 4 == 0 || expects ? body_of(n, n) : weir_body_none();
    weir_fields fields = n / 16 % 4 == 3 && !expects ? WEIR_FIELDS({WEIR_STR("Connection"), WEIR_STR("upgrade")},
                                                                   {WEIR_STR("Upgrade"), WEIR_STR("e")})
                                                     : fields_of(n / 16);
    const weir_request *request =
        WEIR_REQUEST(.method = weir_str_from(methods[n % 4]), .target = target_of(n % 4, number), .host = WEIR_STR("a"),
                     .body = body, .fields = fields, .expect = expects, .expect_timeout_ns = (n & 4) * WEIR_SECOND);
    weir_exchange *x;
    if (prepares) {
        ask_prepared(d, request, place);
    } else {
        weir_code code = weir_conn_request(d->engine, request, &x, d->now_ns);
        begun(d, code, x, number);
    }
}

static void send_some(struct drive *d, struct octets *from, size_t n)
{
    n = n < from->left ? n : from->left;
    drive_append(&d->inbox, from->at, n);
    from->at += n;
    from->left -= n;
}

static void step(struct drive *d, uint8_t what, struct octets *peer)
{
    static const int errors[] = {ECONNRESET, EPIPE, ETIMEDOUT, 0};
    uint8_t n = what & 31;
    switch (what >> 5) {
    case 0:
    case 1:
        if (!d->fin_queued)
            send_some(d, peer, n < 16 ? n : (n - 14U) * (n - 14U) * 16U);
        break;
    case 2:
        d->write_left = n < 16 ? n * 7U : n * 4000U;
        break;
    case 3:
        drive_sleep(d, n < 16 ? n * 40U * WEIR_MS : (n - 15U) * 3 * WEIR_SECOND);
        break;
    case 4:
        if (d->x != NULL)
            act(d->x);
        break;
    case 5:
        d->acked += n < 31 ? (d->out.size - d->acked) * n / 31 : d->out.size - d->acked;
        break;
    case 6:
        if (d->options.role == WEIR_ROLE_CLIENT && d->engine != NULL)
            ask(d, (uint8_t)(n * 8 + d->begun));
        break;
    default:
        d->fin_queued |= n < 4;
        if (n >= 4 && n < 8)
            drive_fail(d, n & 1 ? WEIR_DIRECTION_IN : WEIR_DIRECTION_OUT, errors[n / 2 & 1]);
        else if (n >= 8 && n < 10)
            drive_fail(d, WEIR_DIRECTION_OUT, errors[2 + (n & 1)]);
        else if (n == 10)
            weir_conn_drain(d->engine, d->now_ns);
        else if (n == 11)
            weir_conn_stop(d->engine, WEIR_CODE_stopped, d->now_ns);
        else if (n == 12)
            d->transport_dead = true;
        else if (n == 13)
            d->memory.fail_at = d->memory.calls + 1;
        else if (n >= 16)
            d->read_max = (n - 15U) * (n - 15U);
    }
    if (d->engine != NULL)
        drive_step(d);
}

/* --- what must hold --------------------------------------------------------------------------------------------- */

/* Every answer but the last is whole and readable; if all ended well, the last is too, and there is one for each. */
static void check_output(struct drive *d)
{
    static struct answer answer;
    struct answers from = {.octets = d->out.octets, .size = d->out.size};
    unsigned count = 0;
    for (;;) {
        weir_str method = count < story.method_count ? story.methods[count] : WEIR_STR("GET");
        enum answer_result result = answer_next(&from, method, &answer);
        DRIVE_MUST(d, result != ANSWER_WRONG);
        if (result == ANSWER_NONE)
            break;
        /* The one that is beyond those asked for is to something that was no request. */
        DRIVE_MUST(d, count < story.method_count || answer.head.status == 0 || answer.head.status >= 400);
        DRIVE_MUST(d, count <= story.method_count);
        if (result == ANSWER_CUT) {
            DRIVE_MUST(d, from.at == from.size);
            DRIVE_MUST(d, story.incomplete || count >= story.method_count);
            break;
        }
        count++;
    }
    DRIVE_MUST(d, story.incomplete || count >= story.method_count);
}

/* Every request but the last is whole, and they are those that were asked, one after another. */
static void check_requests(struct drive *d)
{
    static struct message message;
    size_t at = 0;
    for (unsigned count = 0; at < d->out.size && count < METHODS_MAX; count++, at += message.used) {
        weir_str rest = {d->out.octets + at, d->out.size - at};
        DRIVE_MUST(d, count < d->begun);
        message_read(&message, d->out.octets + at, rest.len < MESSAGE_SIZE_MAX ? rest.len : MESSAGE_SIZE_MAX, true,
                     false);
        DRIVE_MUST(d, message.kind != MESSAGE_REFUSED);
        char line[64];
        int size = snprintf(line, sizeof line, "%u HTTP/1.1\r\n", story.numbers[count]);
        const char *end = memchr(rest.ptr, '\n', rest.len);
        if (end == NULL)
            return; /* it was cut within its first line */
        DRIVE_MUST(d, end - rest.ptr >= size && memcmp(end + 1 - size, line, (size_t)size) == 0);
        bool switches = memcmp(rest.ptr, "CONNECT ", 8) == 0 || memmem(rest.ptr, rest.len, "Upgrade: e", 10) != NULL;
        if (message.kind == MESSAGE_MORE || switches)
            return; /* nothing may be behind it, but what is not HTTP */
    }
}

static void check_totals(struct drive *d)
{
    const struct exchange_totals *totals = &d->config->totals;
    DRIVE_MUST(d, totals->exchanges_begun == totals->exchanges_done && totals->exchanges_begun == d->begun);
    DRIVE_MUST(d, totals->octets_queued == totals->octets_acked + totals->octets_unacked + totals->octets_unsent);
    DRIVE_MUST(d, d->ending.octets_out == d->out.size && d->ending.octets_in == d->inbox_at);
    DRIVE_MUST(d, d->ending.exchanges_begun == d->begun && d->ending.exchanges_done == d->begun);
    DRIVE_MUST(d, d->ending.code != WEIR_CODE_internal_error && d->ending.code != WEIR_CODE_complete);
}

static void set_options(struct drive *d, uint8_t bits)
{
    d->options.role = bits & 1 ? WEIR_ROLE_CLIENT : WEIR_ROLE_SERVER;
    d->options.lenient = (bits & 2) != 0;
    d->options.strict = (bits & 4) != 0;
    d->receipts_unknown = (bits & 8) != 0;
    d->acks = (bits & 16) != 0;
    if (bits & 32)
        d->options.limits = (weir_limits){.output_size_max = 2000,
                                          .discard_size_max = 50,
                                          .body_size_max = 300,
                                          .head_size_max = 600,
                                          .request_line_size_max = 60,
                                          .linger_size_max = 500,
                                          .exchange_count_max = 5,
                                          .age_max_ns = 20 * WEIR_SECOND,
                                          .handler_timeout_ns = 4 * WEIR_SECOND};
    d->options.limits.tunnel_timeout_ns = 50 * WEIR_SECOND;
    if (bits & 64)
        d->write_left = 0;
    if (bits & 128)
        d->script.room = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct octets input = {data, size};
    story = (struct story){.next_choice = 0};
    struct drive *d = drive_new();
    d->script = (struct drive_script){on_head, on_body, on_end, on_room, on_done, on_event};
    set_options(d, take(&input));
    story.choices = take_some(&input, 64);
    struct octets steps = take_some(&input, 128);
    drive_open(d);
    if (d->options.role == WEIR_ROLE_CLIENT)
        ask(d, choice());
    drive_step(d);
    while (steps.left > 0 && d->engine != NULL)
        step(d, take(&steps), &input);
    /* Then everything flows, and the peer leaves. */
    d->write_left = UINT64_MAX;
    d->read_max = 0;
    if (!d->fin_queued)
        send_some(d, &input, SIZE_MAX);
    if (d->engine != NULL)
        drive_fin(d);
    if (d->engine != NULL)
        drive_sleep(d, 200 * WEIR_SECOND);
    if (d->engine != NULL) { /* only a handler that does not answer may hold it up for ever */
        weir_conn_stop(d->engine, WEIR_CODE_stopped, d->now_ns);
        drive_step(d);
    }
    DRIVE_MUST(d, d->closed);
    check_totals(d);
    if (d->options.role == WEIR_ROLE_SERVER)
        check_output(d);
    else
        check_requests(d);
    for (unsigned i = 0; i < PREPARED_MAX; i++)
        weir_prepared_free(story.prepared[i]);
    drive_free(d);
    return 0;
}
