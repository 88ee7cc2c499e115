/* What test/servers asks the client of weir/client.h to do, in lines that a script can judge:
 *
 *     servers_probe [NAME=VALUE...] < REQUESTS
 *
 * Each line of REQUESTS is `METHOD URL [WORD...]`; the next is sent when the last is done, or all at once. Words:
 *
 *     body=N kind=copy|stream|sized   octets of a known pattern, and how they are sent (copy)
 *     field=NAME:VALUE                a field of the head, as often as wanted
 *     trailer=NAME:VALUE              of a stream
 *     to=ADDRESS                      where to connect, whatever the URL says
 *     expect                          wait for 100 before the body
 *     settled                         not before every connection has ended
 *     abort=N                         give it up when N octets of its answer came
 *
 * NAME is one of at_once, strict, per_origin, retry, proxy, expect_ms, response_ms, exchange_ms, connect_ms, body_ms.
 * One line of JSON comes out for each exchange and for each connection that ended, and a last one for the ledger.
 */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#include "common/text.h"

#define REQUESTS_MAX 1024
#define FIELDS_MAX   16

struct probe;

struct request {
    struct probe *probe;
    char *line;
    weir_str method, url, connect_to;
    weir_field fields[FIELDS_MAX], trailers[FIELDS_MAX];
    size_t field_count, trailer_count;
    weir_body_kind kind;
    size_t body_size, written;
    char *body;
    uint64_t abort_after;
    bool expect, settled;
    /* what came */
    EVP_MD_CTX *digest;
    unsigned status, version;
    unsigned interim[FIELDS_MAX];
    size_t interim_count;
    uint64_t octets, connection;
    bool whole;
    struct text trailers_in;
};

struct probe {
    weir_loop *loop;
    weir_client *client;
    weir_client_options options;
    struct request requests[REQUESTS_MAX];
    size_t count, sent, done;
    bool at_once;
    weir_timer *timer;
};

static _Noreturn void die(const char *what, const char *which)
{
    (void)fprintf(stderr, "servers_probe: %s: %s\n", what, which);
    exit(2);
}

/* --- digests and bodies ----------------------------------------------------------------------------------------- */

/* Octets that repeat late, so that one that is lost, doubled or in the wrong place changes the digest. */
static char *pattern(size_t size)
{
    char *octets = malloc(size > 0 ? size : 1);
    uint32_t state = 1;
    if (octets == NULL)
        die("no memory", "body");
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525U + 1013904223U;
        octets[i] = (char)(state >> 24);
    }
    return octets;
}

static void add_digest(struct text *to, EVP_MD_CTX *digest)
{
    unsigned char octets[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (EVP_DigestFinal_ex(digest, octets, &size) != 1)
        die("no digest", "sha256");
    for (unsigned i = 0; i < size; i++)
        text_printf(to, "%02x", octets[i]);
}

static EVP_MD_CTX *new_digest(void)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    if (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1)
        die("no digest", "sha256");
    return digest;
}

/* --- lines out -------------------------------------------------------------------------------------------------- */

static void add_fields(struct text *to, weir_fields fields)
{
    text_printf(to, "{");
    for (size_t i = 0; i < fields.count; i++) {
        text_printf(to, "%s", i > 0 ? "," : "");
        text_json(to, fields.list[i].name);
        text_printf(to, ":");
        text_json(to, fields.list[i].value);
    }
    text_printf(to, "}");
}

static void put_line(struct text *line)
{
    weir_str view = text_view(line);
    (void)printf("%.*s\n", (int)view.len, view.ptr);
    text_free(line);
}

static void add_sent(struct text *line, const struct request *r)
{
    EVP_MD_CTX *sent = new_digest();
    if (EVP_DigestUpdate(sent, r->body, r->body_size) != 1)
        die("no digest", "sha256");
    text_printf(line, ",\"sent_sha256\":\"");
    add_digest(line, sent);
    text_printf(line, "\"");
    EVP_MD_CTX_free(sent);
}

static void put_exchange(struct request *r, const weir_exchange *x, const weir_exchange_ending *e)
{
    struct text line = text_growing();
    weir_timings t = {.size = sizeof t};
    weir_exchange_timings(x, &t);
    text_printf(&line, "{\"exchange\":{\"number\":%zu,\"status\":%u,\"version\":%u,\"interim\":[",
                (size_t)(r - r->probe->requests), r->status, r->version);
    for (size_t i = 0; i < r->interim_count; i++)
        text_printf(&line, "%s%u", i > 0 ? "," : "", r->interim[i]);
    text_printf(&line, "],\"code\":\"%s\",\"stage\":\"%s\",\"retry\":\"%s\",\"delivery\":\"%s\"",
                weir_code_name(e->code), weir_stage_name(e->stage), weir_retry_name(e->retry),
                weir_delivery_name(e->delivery));
    text_printf(&line, ",\"octets\":%" PRIu64 ",\"body_in\":%" PRIu64 ",\"body_out\":%" PRIu64 ",\"whole\":%s",
                r->octets, e->body_in, e->body_out, r->whole ? "true" : "false");
    text_printf(&line, ",\"sha256\":\"");
    add_digest(&line, r->digest);
    text_printf(&line, "\",\"trailers\":%.*s", (int)r->trailers_in.len, r->trailers_in.ptr);
    if (r->body != NULL)
        add_sent(&line, r);
    text_printf(&line, ",\"connection\":%" PRIu64 ",\"retries\":%u", r->connection, weir_exchange_retries(x));
    text_printf(&line, ",\"dial_ms\":%.3f,\"first_octet_ms\":%.3f,\"lived_ms\":%.3f}}", (double)t.dial_ns / 1e6,
                (double)t.first_octet_ns / 1e6, (double)t.lived_ns / 1e6);
    put_line(&line);
}

static void on_ending(void *app, const weir_ending *ending)
{
    char json[WEIR_ENDING_TEXT_MAX];
    (void)app;
    (void)weir_ending_json(json, ending);
    (void)printf("{\"connection\":%s}\n", json);
}

static void put_ledger(const struct probe *probe)
{
    static char json[65536];
    weir_ledger ledger = {.size = sizeof ledger};
    weir_pool_counts c = {.size = sizeof c};
    weir_client_ledger(probe->client, &ledger);
    weir_client_counts(probe->client, &c);
    if (weir_ledger_json(&ledger, json, sizeof json) >= (int)sizeof json)
        die("too small a place", "ledger");
    (void)printf("{\"ledger\":%s,\"pool\":{\"origins\":%" PRIu64 ",\"dialling\":%" PRIu64 ",\"busy\":%" PRIu64
                 ",\"idle\":%" PRIu64 ",\"closing\":%" PRIu64 ",\"waiting\":%" PRIu64 ",\"reused\":%" PRIu64
                 ",\"stale\":%" PRIu64 ",\"retried\":%" PRIu64 "}}\n",
                 json, c.origins, c.dialling, c.busy, c.idle, c.closing, c.waiting, c.reused, c.stale, c.retried);
}

/* --- the handler ------------------------------------------------------------------------------------------------ */

static void on_head(void *app, weir_exchange *x)
{
    struct request *r = app;
    r->version = weir_exchange_version(x);
    r->connection = weir_exchange_connection(x);
    if (!weir_response_is_interim(x))
        r->status = weir_response_status(x);
    else if (r->interim_count < FIELDS_MAX)
        r->interim[r->interim_count++] = weir_response_status(x);
}

static size_t on_body(void *app, weir_exchange *x, weir_str octets)
{
    struct request *r = app;
    if (EVP_DigestUpdate(r->digest, octets.ptr, octets.len) != 1)
        die("no digest", "sha256");
    r->octets += octets.len;
    if (r->abort_after > 0 && r->octets >= r->abort_after)
        weir_exchange_abort(x);
    return octets.len;
}

static void on_end(void *app, weir_exchange *x)
{
    struct request *r = app;
    r->whole = true;
    r->trailers_in.len = 0;
    add_fields(&r->trailers_in, weir_exchange_trailers(x));
}

static void on_room(void *app, weir_exchange *x)
{
    struct request *r = app;
    while (r->written < r->body_size && weir_write_room(x) > 0)
        r->written += weir_write(x, (weir_str){r->body + r->written, r->body_size - r->written});
    if (r->written == r->body_size)
        (void)weir_finish(x, (weir_fields){.list = r->trailers, .count = r->trailer_count});
}

/* The next request, or the end. */
static void go_on(struct probe *probe)
{
    if (probe->done == probe->count)
        weir_client_drain(probe->client);
    else
        weir_timer_start(probe->timer, 0); /* not within a callback of the client: each is sent as by a user's loop */
}

static void on_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    struct request *r = app;
    put_exchange(r, x, ending);
    r->probe->done++;
    go_on(r->probe);
}

static void on_drained(void *app)
{
    struct probe *probe = app;
    weir_loop_stop(probe->loop);
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

static const weir_handler handler =
    WEIR_HANDLER(.head = on_head, .body = on_body, .end = on_end, .room = on_room, .done = on_done);

static weir_body body_of(struct request *r)
{
    if (r->kind == WEIR_BODY_NONE)
        return weir_body_none();
    r->body = pattern(r->body_size);
    if (r->kind == WEIR_BODY_STREAM)
        return weir_body_stream();
    return r->kind == WEIR_BODY_SIZED ? weir_body_sized(r->body_size)
                                      : weir_body_borrow((weir_str){r->body, r->body_size});
}

static void refused(struct request *r, const weir_error *error)
{
    struct text line = text_growing();
    text_printf(&line, "{\"exchange\":{\"number\":%zu,\"status\":0,\"refused\":\"%s\",\"text\":",
                (size_t)(r - r->probe->requests), weir_code_name(error->code));
    text_json(&line, weir_str_from(error->text));
    text_printf(&line, "}}");
    put_line(&line);
    r->probe->done++;
}

static void send_one(struct probe *probe, struct request *r)
{
    weir_error error;
    r->probe = probe;
    r->digest = new_digest();
    r->trailers_in = text_growing();
    text_printf(&r->trailers_in, "{}");
    const weir_request *request =
        WEIR_REQUEST(.method = r->method, .url = r->url, .connect_to = r->connect_to, .expect = r->expect,
                     .fields = {.list = r->fields, .count = r->field_count}, .body = body_of(r), .handler = &handler,
                     .app = r);
    if (weir_client_send(probe->client, request, NULL, &error) != WEIR_OK)
        refused(r, &error);
}

static bool is_settled(const struct probe *probe)
{
    weir_ledger ledger = {.size = sizeof ledger};
    weir_client_ledger(probe->client, &ledger);
    return ledger.alive == 0;
}

static void send_due(struct probe *probe)
{
    while (probe->sent < probe->count && (probe->at_once || probe->sent == probe->done)) {
        struct request *r = &probe->requests[probe->sent];
        if (r->settled && !is_settled(probe)) {
            weir_timer_start(probe->timer, 5 * WEIR_MS);
            return;
        }
        probe->sent++;
        send_one(probe, r);
    }
    if (probe->done == probe->count)
        weir_client_drain(probe->client);
}

static void on_timer(void *app)
{
    send_due(app);
}

/* --- words ------------------------------------------------------------------------------------------------------ */

/* The value of NAME=VALUE; null if the word is another. */
static const char *value_of(const char *word, const char *name)
{
    size_t n = strlen(name);
    return strncmp(word, name, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

static uint64_t number(const char *digits)
{
    char *end;
    uint64_t n = strtoull(digits, &end, 10);
    if (end == digits || *end != '\0')
        die("not a number", digits);
    return n;
}

static void take_field(weir_field *fields, size_t *count, const char *text)
{
    const char *colon = strchr(text, ':');
    if (colon == NULL || *count == FIELDS_MAX)
        die("not a field", text);
    fields[(*count)++] = (weir_field){{text, (size_t)(colon - text)}, weir_str_from(colon + 1)};
}

static void take_word(struct request *r, const char *word)
{
    const char *value;
    if ((value = value_of(word, "body")) != NULL) {
        r->body_size = (size_t)number(value);
        r->kind = r->kind != WEIR_BODY_NONE ? r->kind : WEIR_BODY_BORROW;
    } else if ((value = value_of(word, "kind")) != NULL) {
        r->kind = strcmp(value, "stream") == 0  ? WEIR_BODY_STREAM
                  : strcmp(value, "sized") == 0 ? WEIR_BODY_SIZED
                                                : WEIR_BODY_BORROW;
    } else if ((value = value_of(word, "field")) != NULL) {
        take_field(r->fields, &r->field_count, value);
    } else if ((value = value_of(word, "trailer")) != NULL) {
        take_field(r->trailers, &r->trailer_count, value);
    } else if ((value = value_of(word, "to")) != NULL) {
        r->connect_to = weir_str_from(value);
    } else if ((value = value_of(word, "abort")) != NULL) {
        r->abort_after = number(value);
    } else if (strcmp(word, "expect") == 0) {
        r->expect = true;
    } else if (strcmp(word, "settled") == 0) {
        r->settled = true;
    } else {
        die("not a word", word);
    }
}

static void take_line(struct request *r, const char *text)
{
    r->line = strdup(text);
    const char *method = r->line != NULL ? strtok(r->line, " \n") : NULL;
    const char *url = method != NULL ? strtok(NULL, " \n") : NULL;
    if (url == NULL)
        die("not a request", text);
    r->method = weir_str_from(method);
    r->url = weir_str_from(url);
    for (const char *word; (word = strtok(NULL, " \n")) != NULL;)
        take_word(r, word);
}

static void take_option(struct probe *probe, const char *word)
{
    weir_client_options *o = &probe->options;
    const char *value;
    if (strcmp(word, "at_once") == 0)
        probe->at_once = true;
    else if (strcmp(word, "strict") == 0)
        o->strict = true;
    else if ((value = value_of(word, "per_origin")) != NULL)
        o->connections_per_origin = number(value);
    else if ((value = value_of(word, "retry")) != NULL)
        o->retry = strcmp(value, "proven") == 0 ? WEIR_RETRY_PROVEN : WEIR_RETRY_IDEMPOTENT;
    else if ((value = value_of(word, "proxy")) != NULL)
        o->proxy = weir_str_from(value);
    else if ((value = value_of(word, "expect_ms")) != NULL)
        o->expect_timeout_ns = number(value) * WEIR_MS;
    else if ((value = value_of(word, "response_ms")) != NULL)
        o->limits.response_timeout_ns = number(value) * WEIR_MS;
    else if ((value = value_of(word, "exchange_ms")) != NULL)
        o->exchange_timeout_ns = number(value) * WEIR_MS;
    else if ((value = value_of(word, "connect_ms")) != NULL)
        o->connect_timeout_ns = number(value) * WEIR_MS;
    else if ((value = value_of(word, "body_ms")) != NULL)
        o->limits.body_timeout_ns = number(value) * WEIR_MS;
    else
        die("not an option", word);
}

static void release(struct probe *probe)
{
    for (size_t i = 0; i < probe->count; i++) {
        struct request *r = &probe->requests[i];
        EVP_MD_CTX_free(r->digest);
        text_free(&r->trailers_in);
        free(r->body);
        free(r->line);
    }
    weir_timer_free(probe->timer);
    weir_client_free(probe->client);
    weir_loop_free(probe->loop);
}

int main(int argc, char **argv)
{
    static struct probe probe;
    static char line[4096];
    weir_error error;
    probe.options =
        (weir_client_options){.size = sizeof probe.options, .ending = on_ending, .drained = on_drained, .app = &probe};
    for (int i = 1; i < argc; i++)
        take_option(&probe, argv[i]);
    while (probe.count < REQUESTS_MAX && fgets(line, sizeof line, stdin) != NULL)
        take_line(&probe.requests[probe.count++], line);
    if (weir_loop_new(&probe.loop, NULL, &error) != WEIR_OK)
        die(weir_code_name(error.code), error.text);
    probe.options.loop = probe.loop;
    probe.timer = weir_timer_new(probe.loop, on_timer, &probe);
    if (probe.timer == NULL || weir_client_new(&probe.client, &probe.options, &error) != WEIR_OK)
        die("no client", error.text);
    send_due(&probe);
    weir_loop_run(probe.loop);
    put_ledger(&probe);
    release(&probe);
    return 0;
}
