#include "script.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/conn.h>

#include "profile.h"

#define BEGIN_NS      (UINT64_C(5) * WEIR_SECOND)
#define EXCHANGES_MAX 64
#define STEPS_MAX     1000000

/* One exchange, as its callbacks told it. Bodies come in pieces that depend on the cuts: they are put together. */
struct told {
    struct script *script;
    struct text lines;
    struct text body;
    struct text outgoing; /* what a client streams */
    bool answered;
};

struct script {
    struct profile profile;
    weir_conn *engine;
    uint64_t now_ns;
    struct told told[EXCHANGES_MAX];
    size_t count;
    struct text sent;
    struct text own;      /* an error answer of Weir's own, in short */
    struct text refusals; /* of requests that a client may not send */
    weir_code code;       /* of the ending */
    bool mute;
    bool shut, reset;
    bool fin_done;
};

/* --- what is told ----------------------------------------------------------------------------------------------- */

/* Nothing after the words: no blank either. */
static void tell_octets(struct text *lines, const char *what, weir_str octets)
{
    size_t size = strlen(what);
    text_add(lines, what, octets.len == 0 && size > 0 && what[size - 1] == ' ' ? size - 1 : size);
    text_escape(lines, octets.ptr, octets.len);
    text_add(lines, "\n", 1);
}

static void tell_body(struct told *told)
{
    if (told->body.size == 0)
        return;
    text_print(&told->lines, "body %zu: ", told->body.size);
    tell_octets(&told->lines, "", (weir_str){told->body.ptr, told->body.size});
    told->body.size = 0;
}

static void tell_fields(struct text *lines, const char *what, weir_fields fields)
{
    for (size_t i = 0; i < fields.count; i++) {
        text_print(lines, "%s ", what);
        text_escape(lines, fields.list[i].name.ptr, fields.list[i].name.len);
        text_add(lines, ":", 1);
        if (fields.list[i].value.len > 0)
            text_add(lines, " ", 1);
        tell_octets(lines, "", fields.list[i].value);
    }
}

static struct told *told_of(struct script *script, weir_exchange *x)
{
    struct told *told = weir_exchange_user(x);
    if (told == NULL && script->count < EXCHANGES_MAX) {
        told = &script->told[script->count++];
        told->script = script;
        weir_exchange_set_user(x, told);
    }
    return told;
}

static void tell_request(struct told *told, weir_exchange *x)
{
    text_add(&told->lines, "head ", 5);
    text_escape(&told->lines, weir_request_method(x).ptr, weir_request_method(x).len);
    text_add(&told->lines, " ", 1);
    text_escape(&told->lines, weir_request_target(x).ptr, weir_request_target(x).len);
    text_print(&told->lines, " HTTP/%u.%u\n", weir_exchange_version(x) / 10, weir_exchange_version(x) % 10);
    tell_octets(&told->lines, "authority ", weir_request_authority(x));
    tell_fields(&told->lines, "field", weir_exchange_fields(x));
    if (weir_request_upgrade(x).len > 0)
        tell_octets(&told->lines, "offers ", weir_request_upgrade(x));
}

static void tell_response(struct told *told, weir_exchange *x)
{
    text_print(&told->lines, "head HTTP/%u.%u %u", weir_exchange_version(x) / 10, weir_exchange_version(x) % 10,
               weir_response_status(x));
    if (weir_response_reason(x).len > 0)
        text_add(&told->lines, " ", 1);
    tell_octets(&told->lines, "", weir_response_reason(x));
    tell_fields(&told->lines, "field", weir_exchange_fields(x));
}

/* --- the handler ------------------------------------------------------------------------------------------------ */

static void answer_tunnel(weir_exchange *x, unsigned status)
{
    if (weir_request_upgrade(x).len > 0)
        (void)weir_respond(x, 101, WEIR_FIELDS({WEIR_STR("Upgrade"), weir_request_upgrade(x)}), weir_body_tunnel());
    else
        (void)weir_respond(x, status, WEIR_NO_FIELDS, weir_body_tunnel());
    if (weir_write(x, WEIR_STR("welcome")) == 7)
        (void)weir_finish(x, WEIR_NO_FIELDS);
}

static void answer(struct told *told, weir_exchange *x)
{
    const struct profile *profile = &told->script->profile;
    unsigned status = profile->status;
    bool bare = status == 204 || status == 304;
    if (told->answered)
        return;
    told->answered = true;
    if (profile->hints)
        (void)weir_respond_interim(x, 103, WEIR_FIELDS({WEIR_STR("Link"), WEIR_STR("</a>")}));
    if (profile->close)
        weir_exchange_close(x);
    if (profile->tunnel) {
        answer_tunnel(x, status);
    } else if (profile->stream) {
        (void)weir_respond(x, status, WEIR_NO_FIELDS, weir_body_stream());
        if (weir_write(x, WEIR_STR("hello")) == 5)
            (void)weir_finish(x, profile->trailer ? WEIR_FIELDS({WEIR_STR("Sum"), WEIR_STR("1")}) : WEIR_NO_FIELDS);
    } else {
        weir_fields fields = profile->offer ? WEIR_FIELDS({WEIR_STR("Upgrade"), WEIR_STR("echo")}) : WEIR_NO_FIELDS;
        (void)weir_respond(x, status, fields, bare ? weir_body_none() : weir_body_borrow(WEIR_STR("hello")));
    }
}

static void on_head(void *app, weir_exchange *x)
{
    struct script *script = app;
    struct told *told = told_of(script, x);
    if (told == NULL)
        return;
    if (script->profile.role == WEIR_ROLE_CLIENT) {
        tell_response(told, x);
        return;
    }
    tell_request(told, x);
    if (script->profile.refuse)
        weir_body_refuse(x);
    if (script->profile.answer == ANSWER_AT_HEAD)
        answer(told, x);
}

static size_t on_body(void *app, weir_exchange *x, weir_str octets)
{
    struct told *told = told_of(app, x);
    if (told != NULL)
        text_add(&told->body, octets.ptr, octets.len);
    return octets.len;
}

static void on_end(void *app, weir_exchange *x)
{
    struct script *script = app;
    struct told *told = told_of(script, x);
    if (told == NULL)
        return;
    tell_body(told);
    text_add(&told->lines, "end\n", 4);
    tell_fields(&told->lines, "trailer", weir_exchange_trailers(x));
    if (script->profile.role == WEIR_ROLE_SERVER && script->profile.answer == ANSWER_AT_END)
        answer(told, x);
}

/* Of a client that streams. */
static void on_room(void *app, weir_exchange *x)
{
    struct script *script = app;
    struct told *told = told_of(script, x);
    if (script->profile.role != WEIR_ROLE_CLIENT || told == NULL || told->answered)
        return;
    told->answered = true;
    size_t written = weir_write(x, (weir_str){told->outgoing.ptr, told->outgoing.size});
    if (written == told->outgoing.size && !script->profile.hold)
        (void)weir_finish(x, script->profile.trailer ? WEIR_FIELDS({WEIR_STR("Sum"), WEIR_STR("1")}) : WEIR_NO_FIELDS);
}

static void on_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    struct script *script = app;
    struct told *told = told_of(script, x);
    if (told == NULL || script->mute)
        return;
    tell_body(told);
    text_print(&told->lines, "done %s\n", weir_code_name(ending->code));
}

/* --- the transport ---------------------------------------------------------------------------------------------- */

static void write_all(struct script *script)
{
    weir_output pieces[8];
    size_t count;
    while ((weir_conn_wants(script->engine) & WEIR_WANT_WRITE) &&
           (count = weir_conn_output(script->engine, pieces, 8)) > 0) {
        size_t size = 0;
        for (size_t i = 0; i < count; i++) {
            text_add(&script->sent, pieces[i].ptr, pieces[i].len);
            size += pieces[i].len;
        }
        weir_conn_sent(script->engine, size, script->now_ns);
    }
}

/* Does what the engine wants until that is to read, or to close. */
static void settle(struct script *script)
{
    weir_conn *engine = script->engine;
    for (unsigned steps = 0; steps < STEPS_MAX; steps++) {
        unsigned wants = weir_conn_wants(engine);
        if (wants & (WEIR_WANT_CLOSE | WEIR_WANT_ABORT)) {
            script->reset |= (wants & WEIR_WANT_ABORT) != 0;
            return;
        }
        if (wants & WEIR_WANT_WRITE) {
            write_all(script);
        } else if (wants & WEIR_WANT_RECEIPT) {
            weir_receipt receipt = {.known = true, .left = script->sent.size, .acked = script->sent.size};
            weir_conn_receipt(engine, &receipt, script->now_ns);
        } else if (wants & WEIR_WANT_SHUTDOWN) {
            script->shut = true;
            weir_conn_shut(engine, script->now_ns);
        } else {
            return;
        }
    }
}

static bool is_over(const struct script *script)
{
    return (weir_conn_wants(script->engine) & (WEIR_WANT_CLOSE | WEIR_WANT_ABORT)) != 0;
}

static void feed(struct script *script, const char *octets, size_t size)
{
    while (size > 0 && !is_over(script) && (weir_conn_wants(script->engine) & WEIR_WANT_READ)) {
        size_t room;
        char *to = weir_conn_reserve(script->engine, &room);
        size_t n = size < room ? size : room;
        if (n == 0)
            return;
        memcpy(to, octets, n);
        weir_conn_received(script->engine, n, script->now_ns);
        settle(script);
        octets += n;
        size -= n;
    }
}

static void feed_fin(struct script *script)
{
    if (is_over(script) || script->fin_done)
        return;
    script->fin_done = true;
    weir_conn_received_fin(script->engine, script->now_ns);
    settle(script);
}

static void feed_block(struct script *script, const struct block *block, bool is_cut, struct cut cut)
{
    if (cut.every_octet) {
        for (size_t i = 0; i < block->size; i++)
            feed(script, block->octets + i, 1);
        return;
    }
    size_t first = is_cut ? cut.at : 0;
    feed(script, block->octets, first);
    feed(script, block->octets + first, block->size - first);
}

/* --- what a client asks ----------------------------------------------------------------------------------------- */

static weir_str take_text(char **at, const char *stops)
{
    size_t size = strcspn(*at, stops);
    weir_str text = {*at, size};
    *at += size;
    return text;
}

/* METHOD TARGET, then lines of fields, then after an empty line the body. */
static void ask(struct script *script, const struct block *block)
{
    weir_field fields[16];
    weir_request request = {.size = sizeof request};
    weir_exchange *x;
    char *at = block->octets;
    request.method = take_text(&at, " \n");
    at += *at == ' ';
    request.target = take_text(&at, "\n");
    at += *at == '\n';
    size_t count = 0;
    while (*at != '\0' && *at != '\n' && count < 16) {
        fields[count].name = take_text(&at, ":\n");
        at += strspn(at, ": ");
        fields[count++].value = take_text(&at, "\n");
        at += *at == '\n';
    }
    request.fields = (weir_fields){.list = fields, .count = count};
    struct told *told = &script->told[script->count];
    if (*at == '\n') {
        char *body = at + 1;
        weir_str octets = take_text(&body, "\n");
        text_add(&told->outgoing, octets.ptr, octets.len);
        request.body = script->profile.stream ? weir_body_stream() : weir_body_copy(octets);
    }
    request.expect = script->profile.expect;
    request.user = told;
    told->script = script;
    weir_code code = weir_conn_request(script->engine, &request, &x, script->now_ns);
    if (code == WEIR_OK)
        script->count++;
    else
        text_print(&script->refusals, "refused %s\n", weir_code_name(code));
    weir_conn_tick(script->engine, script->now_ns);
    settle(script);
}

/* Milliseconds go by. */
static void wait_some(struct script *script, const struct block *block)
{
    script->now_ns += strtoull(block->octets, NULL, 10) * WEIR_MS;
    weir_conn_tick(script->engine, script->now_ns);
    settle(script);
}

/* --- a run ------------------------------------------------------------------------------------------------------ */

/* The peer goes on until the connection is closed in order; what is cut then was not finished, and is not told. */
static void finish(struct script *script, struct text *end)
{
    weir_ending ending;
    bool closes = script->shut || is_over(script);
    if (closes) {
        feed_fin(script);
        settle(script);
    } else {
        text_print(end, "stays open, %s\n", weir_conn_is_idle(script->engine) ? "idle" : "within an exchange");
        script->mute = true;
        weir_conn_stop(script->engine, WEIR_CODE_stopped, script->now_ns);
        settle(script);
    }
    for (unsigned i = 0; i < 8 && !is_over(script); i++) {
        weir_conn_tick(script->engine, weir_conn_deadline(script->engine));
        settle(script);
    }
    weir_receipt last = {.known = true, .left = script->sent.size, .acked = script->sent.size};
    weir_conn_closed(script->engine, &last, script->now_ns, &ending);
    script->code = ending.code;
    if (closes)
        text_print(end, "%s, %s\n", script->reset ? "resets" : "closes", weir_code_name(ending.code));
}

static void converse(struct script *script, const struct page_case *c, struct cut cut)
{
    for (size_t i = 0; i < c->block_count; i++) {
        if (c->blocks[i].kind == BLOCK_ASK)
            ask(script, &c->blocks[i]);
        else if (c->blocks[i].kind == BLOCK_WAIT)
            wait_some(script, &c->blocks[i]);
        else if (c->blocks[i].kind == BLOCK_IN)
            feed_block(script, &c->blocks[i], i == cut.block && cut.at > 0, cut);
    }
    if (script->profile.fin)
        feed_fin(script);
}

/* The end of the first line at or after `at`. An answer that follows content has its own line, for the eye. */
static size_t line_size(const char *at, size_t size)
{
    static const char begin[] = "HTTP/1.1 ";
    const char *end = memchr(at, '\n', size);
    size_t line = end != NULL ? (size_t)(end - at) + 1 : size;
    for (size_t i = 1; i + sizeof begin - 1 <= line; i++) {
        if (memcmp(at + i, begin, sizeof begin - 1) == 0 && at[i - 1] != ' ')
            return i;
    }
    return line;
}

static void tell_sent(struct text *log, const struct text *sent)
{
    for (size_t at = 0; at < sent->size;) {
        size_t size = line_size(sent->ptr + at, sent->size - at);
        tell_octets(log, "> ", (weir_str){sent->ptr + at, size});
        at += size;
    }
}

/* The whole answer that Weir gives by itself to what it refuses for this reason. */
static void own_answer(struct text *answer, weir_code code, bool with_content)
{
    char content[256];
    unsigned status = weir_code_status(code);
    weir_str reason = weir_status_reason(status);
    int size = snprintf(content, sizeof content, "%u %s: %s\n", status, weir_code_name(code), weir_code_text(code));
    text_print(answer, "HTTP/1.1 %u %.*s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n", status,
               (int)reason.len, reason.ptr, size);
    text_print(answer, "Connection: close\r\n\r\n%s", with_content ? content : "");
}

/* That answer has one line in a log, if to its last octet it is what was sent last. */
static void shorten_own_answer(struct script *script)
{
    for (unsigned with = 0; with < 2 && weir_code_status(script->code) != 0; with++) {
        struct text answer = {.ptr = NULL}, *sent = &script->sent;
        own_answer(&answer, script->code, with == 0);
        bool same =
            sent->size >= answer.size && memcmp(sent->ptr + sent->size - answer.size, answer.ptr, answer.size) == 0;
        if (same) {
            sent->size -= answer.size;
            text_print(&script->own, "answers %u%s\n", weir_code_status(script->code), with == 0 ? "" : ", head only");
        }
        text_free(&answer);
        if (same)
            return;
    }
}

static void tell_all(struct script *script, const struct text *end, struct text *log)
{
    shorten_own_answer(script);
    for (size_t i = 0; i < script->count; i++) {
        tell_body(&script->told[i]);
        if (script->told[i].lines.size > 0)
            text_add(log, script->told[i].lines.ptr, script->told[i].lines.size);
    }
    if (script->refusals.size > 0)
        text_add(log, script->refusals.ptr, script->refusals.size);
    tell_sent(log, &script->sent);
    if (script->own.size > 0)
        text_add(log, script->own.ptr, script->own.size);
    text_add(log, end->ptr, end->size);
}

static void script_free(struct script *script)
{
    for (size_t i = 0; i < EXCHANGES_MAX; i++) {
        text_free(&script->told[i].lines);
        text_free(&script->told[i].body);
        text_free(&script->told[i].outgoing);
    }
    text_free(&script->sent);
    text_free(&script->own);
    text_free(&script->refusals);
    free(script);
}

bool script_run(const struct page_case *c, struct cut cut, struct text *log)
{
    static const weir_handler handler =
        WEIR_HANDLER(.head = on_head, .body = on_body, .end = on_end, .room = on_room, .done = on_done);
    struct script *script = calloc(1, sizeof *script);
    struct text end = {.ptr = NULL};
    weir_conn_config *config = NULL;
    weir_error error = {.text = "out of memory"};
    bool ran = false;
    if (script == NULL || !profile_read(&script->profile, c, log))
        goto out;
    const struct profile *profile = &script->profile;
    weir_conn_options options =
        WEIR_CONN_OPTIONS(.role = profile->role, .lenient = profile->lenient, .strict = !profile->lenient,
                          .handler = &handler, .app = script, .limits = profile->limits);
    if (weir_conn_config_new(&config, &options, &error) != WEIR_OK ||
        weir_conn_new(&script->engine, config, NULL, BEGIN_NS) != WEIR_OK) {
        text_print(log, "no engine: %s\n", error.text);
        goto out;
    }
    script->now_ns = BEGIN_NS;
    converse(script, c, cut);
    finish(script, &end);
    weir_conn_free(script->engine);
    tell_all(script, &end, log);
    ran = true;
out:
    weir_conn_config_free(config);
    text_free(&end);
    if (script != NULL)
        script_free(script);
    return ran;
}
