#include "asks.h"

#include <stdio.h>
#include <string.h>

#include "clients.h"

#define V4 "127.0.0.1"

const struct ask_script ask_scripts[] = {
    {.name = "by address", .client = ASK_PLAIN, .host = V4, .target = "/", .times = 3},
    {.name = "upload of memory", .client = ASK_PLAIN, .host = V4, .target = "/", .body = WEIR_BODY_BORROW, .times = 1},
    {.name = "upload of a copy", .client = ASK_PLAIN, .host = V4, .target = "/", .body = WEIR_BODY_COPY, .times = 1},
    {.name = "upload with Expect",
     .client = ASK_PLAIN,
     .host = V4,
     .target = "/",
     .body = WEIR_BODY_BORROW,
     .expect = true,
     .times = 1},
    {.name = "by localhost", .client = ASK_PLAIN, .host = "localhost", .target = "/", .times = 1},
    {.name = "upload of a file",
     .client = ASK_PLAIN,
     .host = "localhost",
     .target = "/",
     .body = WEIR_BODY_FILE,
     .times = 1},
    {.name = "download", .client = ASK_PLAIN, .host = "localhost", .target = RAW_BIG_TARGET, .times = 1},
    {.name = "leaves in the answer",
     .client = ASK_PLAIN,
     .host = "leaves.localhost",
     .target = RAW_BIG_TARGET,
     .leaves = true,
     .times = 1},
    {.name = "after it", .client = ASK_PLAIN, .host = "leaves.localhost", .target = "/", .times = 1},
    {.name = "by name", .client = ASK_PLAIN, .host = "name.test", .target = "/", .times = 2},
    {.name = "gives up", .client = ASK_PLAIN, .host = "other.test", .target = "/", .gives_up = true, .times = 1},
    {.name = "refused", .client = ASK_PLAIN, .host = V4, .target = "/", .dead = true, .times = 1},
    {.name = "unix", .client = ASK_PLAIN, .target = "/", .times = 2},
    {.name = "unix, a stream", .client = ASK_PLAIN, .target = "/", .body = WEIR_BODY_SIZED, .times = 1},
    {.name = "by a proxy", .client = ASK_PROXIED, .host = "far.test", .target = "/", .times = 2},
    {.name = "download by a proxy", .client = ASK_PROXIED, .host = "far.test", .target = RAW_BIG_TARGET, .times = 1},

    {.name = "stale", .when = ASK_STALE, .client = ASK_PLAIN, .host = V4, .target = "/", .times = 1},
    {.name = "stale, by a proxy",
     .when = ASK_STALE,
     .client = ASK_PROXIED,
     .host = "far.test",
     .target = "/",
     .times = 1},

    {.name = "witness", .when = ASK_WITNESS, .client = ASK_PLAIN, .host = V4, .target = "/", .times = 1},
    {.name = "witness by localhost",
     .when = ASK_WITNESS,
     .client = ASK_PLAIN,
     .host = "localhost",
     .target = "/",
     .times = 1},
    {.name = "witness by name",
     .when = ASK_WITNESS,
     .client = ASK_PLAIN,
     .host = "new.test",
     .target = "/",
     .times = 1},
    {.name = "witness, unix", .when = ASK_WITNESS, .client = ASK_PLAIN, .target = "/", .times = 1},
    {.name = "witness by a proxy",
     .when = ASK_WITNESS,
     .client = ASK_PROXIED,
     .host = "far.test",
     .target = "/",
     .times = 1},

    {.name = "stopped in the answer",
     .when = ASK_LAST,
     .client = ASK_DOOMED,
     .host = V4,
     .target = RAW_BIG_TARGET,
     .times = 2},
    {.name = "stopped while it dials", .when = ASK_LAST, .client = ASK_DOOMED, .target = "/", .times = 1},
    {.name = "stopped while it resolves",
     .when = ASK_LAST,
     .client = ASK_DOOMED,
     .host = "doomed.test",
     .target = "/",
     .times = 1},
};
const size_t ask_script_count = sizeof(ask_scripts) / sizeof(ask_scripts[0]);

static bool is_plain(const struct ask_script *script)
{
    return !script->dead && !script->gives_up && !script->leaves && script->when != ASK_LAST;
}

/* --- callbacks -------------------------------------------------------------------------------------------------- */

static void on_head(void *app, weir_exchange *x)
{
    struct ask *ask = app;
    ask->cheated = ask->cheated || ask->done > 0;
    if (!weir_response_is_interim(x))
        ask->status = weir_response_status(x);
}

static size_t on_body(void *app, weir_exchange *x, weir_str octets)
{
    struct ask *ask = app;
    if (ask->done > 0 || ask->got + octets.len > RAW_BIG || memcmp(octets.ptr, body_octets(ask->got), octets.len) != 0)
        ask->cheated = true;
    ask->got += octets.len;
    if (ask->script->leaves)
        weir_exchange_abort(x);
    return octets.len;
}

static void on_end(void *app, weir_exchange *x)
{
    struct ask *ask = app;
    (void)x;
    ask->cheated = ask->cheated || ask->done > 0 || ask->whole;
    ask->whole = true;
}

static void on_room(void *app, weir_exchange *x)
{
    struct ask *ask = app;
    if (ask->script->body != WEIR_BODY_SIZED || ask->written == RAW_BIG)
        return;
    ask->written += weir_write(x, (weir_str){body_octets(ask->written), RAW_BIG - ask->written});
    if (ask->written == RAW_BIG)
        (void)weir_finish(x, WEIR_NO_FIELDS);
}

static void on_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    struct ask *ask = app;
    (void)x;
    ask->done++;
    ask->ending = *ending;
    ask->x = NULL;
}

static const weir_handler handler =
    WEIR_HANDLER(.head = on_head, .body = on_body, .end = on_end, .room = on_room, .done = on_done);

/* --- sending ---------------------------------------------------------------------------------------------------- */

static weir_body body_of(const struct ask_script *script, int file)
{
    weir_str octets = {body_octets(0), RAW_BIG};
    switch (script->body) {
    case WEIR_BODY_BORROW:
        return weir_body_borrow(octets);
    case WEIR_BODY_COPY:
        return weir_body_copy((weir_str){octets.ptr, 1000});
    case WEIR_BODY_FILE:
        return weir_body_file(file, 0, RAW_FILE_SIZE);
    case WEIR_BODY_SIZED:
        return weir_body_sized(RAW_BIG);
    default:
        return weir_body_none();
    }
}

void ask_send(struct ask *ask, const struct ask_script *script, weir_client *client, const struct ask_place *place)
{
    char url[200], to[200];
    weir_error error = {.code = WEIR_OK};
    *ask = (struct ask){.script = script};
    (void)snprintf(url, sizeof(url), "http://%s:%u%s", script->host != NULL ? script->host : "socket",
                   script->dead ? place->dead_port : place->raw->port, script->target);
    (void)snprintf(to, sizeof(to), "unix:%s", place->unix_path);
    weir_request request = {
        .size = sizeof(request),
        .method = script->body != WEIR_BODY_NONE ? WEIR_STR("PUT") : WEIR_STR("GET"),
        .url = weir_str_from(url),
        .connect_to = weir_str_from(script->host == NULL ? to : ""),
        .body = body_of(script, place->file),
        .expect = script->expect,
        .handler = &handler,
        .app = ask,
    };
    ask->refused = weir_client_send(client, &request, &ask->x, &error);
    if (ask->done > 0 || (ask->refused != WEIR_OK && (error.code != ask->refused || error.text[0] == '\0')))
        ask->cheated = true;
    if (ask->refused == WEIR_OK && script->gives_up)
        weir_exchange_abort(ask->x);
}

/* --- what came of it -------------------------------------------------------------------------------------------- */

bool ask_is_over(const struct ask *ask)
{
    return ask->refused != WEIR_OK || ask->done > 0;
}

static bool has_all(const struct ask *ask)
{
    bool is_big = strcmp(ask->script->target, RAW_BIG_TARGET) == 0;
    return ask->status == 200 && ask->whole && ask->got == (is_big ? RAW_BIG : RAW_SMALL);
}

bool ask_is_content(const struct ask *ask)
{
    const struct ask_script *script = ask->script;
    weir_code code = ask->ending.code;
    if (ask->refused != WEIR_OK || ask->done == 0)
        return false;
    if (script->when == ASK_LAST)
        return code == WEIR_CODE_stopped || code == WEIR_CODE_complete;
    if (script->gives_up || script->leaves)
        return code == WEIR_CODE_aborted;
    return script->dead ? code == WEIR_CODE_connect_refused : code == WEIR_CODE_complete;
}

const char *ask_complaint(const struct ask *ask)
{
    weir_code code = ask->ending.code;
    if (ask->cheated)
        return "it got what it must not get";
    if (ask->refused != WEIR_OK)
        return ask->done > 0 ? "it was refused, and done came" : NULL;
    if (ask->done != 1)
        return ask->done == 0 ? "its done never came" : "its done came again";
    if (code == WEIR_OK || code >= WEIR_CODE_COUNT || weir_code_name(code)[0] == '\0')
        return "its code has no name";
    if (code == WEIR_CODE_complete && !has_all(ask))
        return "it is complete, and not all came";
    if (code != WEIR_CODE_complete && is_plain(ask->script) && has_all(ask) && ask->script->body == WEIR_BODY_NONE)
        return "all came, and it is not complete";
    return NULL;
}
