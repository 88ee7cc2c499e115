/* Invariant: what our client is let send, our server takes for exactly that, and what the server is let answer, the
 * client: method, target, status, reason, every field given (in order; those of framing aside), content and trailers
 * are the same at the other end, whatever pieces the octets come in; and neither ends for what the other sent.
 *
 * The input: choices of the application at both ends; texts of fields and contents are octets of it. */
#define CONN_DRIVE_FUZZES

#include <strings.h>

#include "base/fuzz_check.h"
#include "conn/conn_drive.h"

#define ASKED_MAX  4
#define FIELDS_MAX 5
#define TEXT_MAX   40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One message as its application gave it. */
struct given {
    weir_str start[2]; /* method and target; or the reason */
    unsigned status;
    weir_field fields[FIELDS_MAX], trailers[FIELDS_MAX];
    size_t field_count, trailer_count;
    weir_str content;
    bool chunked, bare; /* bare: content is not sent */
};

static struct fuzz_choices choices;
static struct given asked[ASKED_MAX], answered[ASKED_MAX];
static struct drive_buffer content[2]; /* that came so far, of a request and of a response */
static bool refused_any;               /* of trailers that may not be sent */
static unsigned asked_count, requests_seen, responses_seen;

static weir_str take_text(void)
{
    size_t size = fuzz_take(&choices) % TEXT_MAX;
    size = size < choices.left ? size : choices.left;
    weir_str text = {(const char *)choices.at, size};
    choices.at += size;
    choices.left -= size;
    return text;
}

static size_t take_fields(weir_field *fields)
{
    static const weir_str names[] = {
        WEIR_STR_INIT("A"),          WEIR_STR_INIT("Content-Length"), WEIR_STR_INIT("Transfer-Encoding"),
        WEIR_STR_INIT("Set-Cookie"), WEIR_STR_INIT("Content-Type"),   WEIR_STR_INIT("date"),
        WEIR_STR_INIT("TE"),         WEIR_STR_INIT("Expires"),        WEIR_STR_INIT("x!#$")};
    size_t count = fuzz_take(&choices) % FIELDS_MAX;
    for (size_t i = 0; i < count; i++) {
        uint8_t n = fuzz_take(&choices);
        fields[i].name = n < 180 ? names[n % 9] : take_text();
        fields[i].value = take_text();
        if (weir_str_equal_nocase(fields[i].name, WEIR_STR("Expect"))) /* may be sent, and refused with 417 */
            fields[i].name = WEIR_STR("X");
    }
    return count;
}

static weir_body take_body(struct given *given)
{
    uint8_t kind = fuzz_take(&choices) % 5;
    given->content = kind > 0 ? take_text() : (weir_str){"", 0};
    given->chunked = kind == 3;
    given->trailer_count = kind == 3 ? take_fields(given->trailers) : 0;
    for (size_t i = 0; i < given->field_count && given->chunked; i++)
        if (weir_str_equal_nocase(given->fields[i].name, WEIR_STR("Content-Length")))
            given->fields[i].name = WEIR_STR("X"); /* a promise that the stream might not keep */
    return kind == 0   ? weir_body_none()
           : kind == 1 ? weir_body_copy(given->content)
           : kind == 2 ? weir_body_borrow(given->content)
           : kind == 3 ? weir_body_stream()
                       : weir_body_sized(given->content.len);
}

/* --- what came against what was given --------------------------------------------------------------------------- */

static bool is_framing(weir_str name)
{
    return weir_str_equal_nocase(name, WEIR_STR("transfer-encoding"));
}

static bool same_field(const weir_field *a, const weir_field *b)
{
    return fuzz_same(a->name, b->name) && fuzz_same(a->value, b->value);
}

/* All that were given came, in their order; others may stand between them. */
static void check_fields(weir_fields came, const weir_field *given, size_t count)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_framing(given[i].name))
            continue;
        while (at < came.count && !same_field(&came.list[at], &given[i]))
            at++;
        FUZZ_MUST(at < came.count);
        at++;
    }
}

static void check_end(weir_exchange *x, const struct given *given, const struct drive_buffer *came)
{
    weir_fields trailers = weir_exchange_trailers(x);
    if (given->bare) {
        FUZZ_MUST(came->size == 0);
        return;
    }
    FUZZ_MUST(fuzz_same((weir_str){came->octets, came->size}, given->content));
    /* A trailer that may not be one is not sent. */
    FUZZ_MUST(trailers.count <= given->trailer_count);
    if (trailers.count == given->trailer_count)
        check_fields(trailers, given->trailers, given->trailer_count);
}

/* Ends a stream or a sized body, all at once. */
static void finish(weir_exchange *x, struct given *given)
{
    FUZZ_MUST(weir_write(x, given->content) == given->content.len);
    if (weir_finish(x, (weir_fields){given->trailers, given->trailer_count}) == WEIR_OK)
        return;
    given->trailer_count = 0; /* it ends without them, and the exchange says why */
    refused_any = true;
}

/* --- the server ------------------------------------------------------------------------------------------------- */

static void server_head(struct drive *d, weir_exchange *x)
{
    (void)d;
    FUZZ_MUST(requests_seen < asked_count);
    const struct given *given = &asked[requests_seen];
    content[0].size = 0;
    FUZZ_MUST(fuzz_same(weir_request_method(x), given->start[0]));
    FUZZ_MUST(fuzz_same(weir_request_target(x), given->start[1]));
    check_fields(weir_exchange_fields(x), given->fields, given->field_count);
}

static size_t server_body(struct drive *d, weir_exchange *x, weir_str octets)
{
    (void)d;
    (void)x;
    drive_append(&content[0], octets.ptr, octets.len);
    return octets.len;
}

static void server_end(struct drive *d, weir_exchange *x)
{
    static const unsigned statuses[] = {200, 404, 204, 304, 599, 200, 206, 500};
    struct given *given = &answered[requests_seen];
    (void)d;
    check_end(x, &asked[requests_seen], &content[0]);
    *given = (struct given){.status = statuses[fuzz_take(&choices) % 8]};
    given->bare =
        fuzz_same(asked[requests_seen++].start[0], WEIR_STR("HEAD")) || given->status == 204 || given->status == 304;
    given->start[0] = take_text();
    given->field_count = take_fields(given->fields);
    weir_body body = take_body(given);
    weir_code code =
        weir_respond_reason(x, given->status, given->start[0], (weir_fields){given->fields, given->field_count}, body);
    if (code != WEIR_OK)
        *given = (struct given){.status = 500, .bare = true}; /* its text is not ours to know */
    else if ((body.kind == WEIR_BODY_STREAM || body.kind == WEIR_BODY_SIZED) && !given->bare)
        finish(x, given);
}

/* --- the client ------------------------------------------------------------------------------------------------- */

static void client_head(struct drive *d, weir_exchange *x)
{
    (void)d;
    if (weir_response_is_interim(x))
        return;
    FUZZ_MUST(responses_seen < requests_seen);
    const struct given *given = &answered[responses_seen];
    content[1].size = 0;
    FUZZ_MUST(weir_response_status(x) == given->status);
    FUZZ_MUST(given->start[0].ptr == NULL || fuzz_same(weir_response_reason(x), given->start[0]));
    check_fields(weir_exchange_fields(x), given->fields, given->field_count);
}

static size_t client_body(struct drive *d, weir_exchange *x, weir_str octets)
{
    (void)d;
    (void)x;
    drive_append(&content[1], octets.ptr, octets.len);
    return octets.len;
}

static void client_end(struct drive *d, weir_exchange *x)
{
    const struct given *given = &answered[responses_seen++];
    (void)d;
    if (given->start[0].ptr != NULL) /* ours is told apart by this */
        check_end(x, given, &content[1]);
}

static void client_done(struct drive *d, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)x;
    DRIVE_MUST(d, ending->code == WEIR_CODE_complete || (refused_any && ending->code == WEIR_CODE_bad_response));
}

static bool ask(struct drive *d)
{
    static const weir_str methods[] = {WEIR_STR_INIT("GET"), WEIR_STR_INIT("POST"), WEIR_STR_INIT("HEAD"),
                                       WEIR_STR_INIT("OPTIONS")};
    struct given *given = &asked[asked_count];
    *given = (struct given){.status = 0};
    uint8_t n = fuzz_take(&choices);
    given->start[0] = n < 200 ? methods[n % 4] : take_text();
    given->start[1] = n % 32 < 16 ? WEIR_STR("/a?b") : take_text();
    if (given->start[0].len == 0)
        given->start[0] = WEIR_STR("GET"); /* as they are when nothing is said */
    if (given->start[1].len == 0)
        given->start[1] = WEIR_STR("/");
    if (fuzz_same(given->start[0], WEIR_STR("CONNECT")))
        return false; /* no content, no end */
    given->field_count = take_fields(given->fields);
    weir_body body = take_body(given);
    bool writes = body.kind == WEIR_BODY_STREAM || body.kind == WEIR_BODY_SIZED;
    weir_exchange *x;
    asked_count++;
    weir_code code =
        drive_ask(d,
                  WEIR_REQUEST(.method = given->start[0], .target = given->start[1],
                               .host = n & 1 ? WEIR_STR("a") : take_text(), .body = body,
                               .fields = {given->fields, given->field_count}, .expect = n % 64 > 48 && !writes),
                  &x);
    if (code != WEIR_OK)
        asked_count--;
    else if (writes)
        finish(x, given);
    return code == WEIR_OK;
}

/* --- the wire --------------------------------------------------------------------------------------------------- */

static void move(struct drive *from, struct drive *to, size_t *moved)
{
    if (from->engine != NULL)
        drive_step(from);
    if (from->out.size > *moved && to->engine != NULL)
        drive_append(&to->inbox, from->out.octets + *moved, from->out.size - *moved);
    *moved = from->out.size;
    if (to->engine != NULL)
        drive_step(to);
}

static struct drive *open(weir_role role, const struct drive_script *script)
{
    struct drive *d = drive_new();
    d->options.role = role;
    d->options.strict = true;
    d->script = *script;
    d->read_max = fuzz_take(&choices) % 64;
    d->write_max = fuzz_take(&choices) % 128;
    drive_open(d);
    return d;
}

static void converse(struct drive *client, struct drive *server)
{
    size_t up = 0, down = 0;
    for (unsigned n = 0; n < ASKED_MAX && client->engine != NULL && server->engine != NULL && ask(client); n++) {
        size_t before;
        do {
            before = up + down;
            move(client, server, &up);
            move(server, client, &down);
            /* An answer may wait for a content that waits for 100 or for a time. */
            if (up + down == before && client->engine != NULL && responses_seen < asked_count)
                drive_sleep(client, 2 * WEIR_SECOND);
        } while (up + down > before || (client->engine != NULL && client->out.size > up));
        bool answered_all = requests_seen == asked_count && responses_seen == asked_count;
        if (!answered_all)
            fprintf(stderr, "--- client: %s\n%.*s\n--- server: %s\n%.*s\n", client->log, (int)client->out.size,
                    client->out.octets, server->log, (int)server->out.size, server->out.octets);
        FUZZ_MUST(answered_all);
    }
}

static void close_one(struct drive *d)
{
    if (d->engine != NULL)
        drive_fin(d);
    if (d->engine != NULL)
        drive_sleep(d, 200 * WEIR_SECOND);
    DRIVE_MUST(d, d->closed);
    drive_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct drive_script servers = {.head = server_head, .body = server_body, .end = server_end};
    static const struct drive_script clients = {.head = client_head,
                                                .body = client_body,
                                                .end = client_end,
                                                .done = client_done};
    choices = (struct fuzz_choices){data, size};
    asked_count = requests_seen = responses_seen = 0;
    refused_any = false;
    struct drive *server = open(WEIR_ROLE_SERVER, &servers), *client = open(WEIR_ROLE_CLIENT, &clients);
    drive_step(server);
    drive_step(client);
    converse(client, server);
    close_one(client);
    close_one(server);
    return 0;
}
