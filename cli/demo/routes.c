/* Which path is served by what: one table, and the one handler that looks in it. */
#include <stdlib.h>
#include <string.h>

#include "common/host.h"
#include "common/options.h"
#include "demo/demo.h"

static const struct demo_route routes[] = {
    {.path = "/", .usage = "", .help = "Hello, World!", .head = demo_hello},
    {.path = "/bytes/",
     .prefix = true,
     .usage = "N[?chunked][&seed=S]",
     .help = "N octets, with their length or in chunks",
     .head = demo_bytes,
     .room = demo_bytes_room},
    {.path = "/delay/", .prefix = true, .usage = "MS", .help = "waits, then as /", .head = demo_delay},
    {.path = "/stream/",
     .prefix = true,
     .usage = "N[?every=MS]",
     .help = "N chunks, one each MS (100)",
     .head = demo_stream_head,
     .room = demo_stream_room},
    {.path = "/events",
     .usage = "[?every=MS]",
     .help = "server-sent events until the client leaves, one each MS (1000)",
     .head = demo_events_head,
     .room = demo_events_room,
     .event = demo_events_event},
    {.path = "/echo",
     .any_method = true,
     .usage = "",
     .help = "the request's body as it comes, trailers too",
     .head = demo_echo_head,
     .body = demo_echo_body,
     .end = demo_echo_end,
     .room = demo_echo_room},
    {.path = "/digest",
     .any_method = true,
     .usage = "",
     .help = "reads the whole body, then tells its length and SHA-256",
     .head = demo_digest_head,
     .body = demo_digest_body,
     .end = demo_digest_end},
    {.path = "/status/",
     .prefix = true,
     .any_method = true,
     .usage = "CODE",
     .help = "that status",
     .head = demo_status},
    {.path = "/hints", .usage = "", .help = "103, then as /", .head = demo_hints},
    {.path = "/headers",
     .any_method = true,
     .usage = "",
     .help = "the request as received, order and case kept, as JSON",
     .head = demo_headers},
    {.path = "/refuse", .any_method = true, .usage = "", .help = "413 at once, the body unread", .head = demo_refuse},
    {.path = "/.weir/", .usage = "", .help = "the live page", .guarded = true, .head = demo_page},
    {.path = "/.weir/metrics", .usage = "", .help = "the ledger as OpenMetrics", .guarded = true, .head = demo_metrics},
    {.path = "/.weir/endings", .usage = "", .help = "the ledger as JSON", .guarded = true, .head = demo_endings},
    {.path = "/.weir/health", .usage = "", .help = "200", .head = demo_health},
    {.path = "/.weir/ready", .usage = "", .help = "200, and 503 while draining", .head = demo_ready},
    {.path = NULL},
};

void demo_print_paths(FILE *out)
{
    (void)fprintf(out, "\nPaths:\n");
    for (const struct demo_route *route = routes; route->path != NULL; route++) {
        int width = fprintf(out, "  %s%s", route->path, route->usage);
        (void)fprintf(out, "%*s%s\n", 34 - width, "", route->help);
    }
}

static const struct demo_route *route_of(weir_str path, weir_str *rest)
{
    for (const struct demo_route *route = routes; route->path != NULL; route++) {
        size_t length = strlen(route->path);
        if (path.len < length || (path.len > length && !route->prefix) || memcmp(path.ptr, route->path, length) != 0)
            continue;
        *rest = (weir_str){path.ptr + length, path.len - length};
        return route;
    }
    return NULL;
}

#define ALLOWED WEIR_STR("GET, HEAD, OPTIONS")

static bool is_read(weir_str method)
{
    return weir_str_equal(method, WEIR_STR("GET")) || weir_str_equal(method, WEIR_STR("HEAD"));
}

static void answer_without_route(weir_exchange *x, weir_str method, weir_str path)
{
    if (path.len > 0) {
        demo_answer(x, 404, "text/plain", WEIR_STR("there is nothing here; weir demo --help names the paths\n"));
        return;
    }
    /* `OPTIONS *` asks about the server as a whole; without a path there is only CONNECT else. */
    unsigned status = weir_str_equal(method, WEIR_STR("OPTIONS")) ? 204 : 405;
    (void)weir_respond(x, status, WEIR_FIELDS({WEIR_STR("allow"), ALLOWED}), weir_body_none());
}

/* A request without a host comes from no browser. */
static bool may_ask(const struct demo *demo, weir_str authority)
{
    char host[HOST_TEXT];
    if (authority.len == 0)
        return true;
    if (!host_of(authority, host))
        return false;
    for (size_t i = 0; i < demo->names->count; i++)
        if (weir_str_equal_nocase(weir_str_from(demo->names->values[i]), weir_str_from(host)))
            return true;
    return host_is_literal(host);
}

static void handle_head(void *app, weir_exchange *x)
{
    weir_str method = weir_request_method(x), path = weir_request_path(x), rest;
    const struct demo_route *route = route_of(path, &rest);
    if ((route == NULL || route->body == NULL) && weir_body_length(x) != 0)
        weir_body_refuse(x);
    if (route == NULL) {
        answer_without_route(x, method, path);
    } else if (route->guarded && !may_ask(app, weir_request_authority(x))) {
        demo_answer(x, 421, "text/plain", WEIR_STR("ask by an address, localhost, or a name of --name\n"));
    } else if (route->any_method || is_read(method)) {
        route->head(app, x, rest);
        struct demo_task *task = weir_exchange_user(x);
        if (task != NULL)
            task->route = route;
    } else {
        bool options = weir_str_equal(method, WEIR_STR("OPTIONS"));
        (void)weir_respond(x, options ? 204 : 405, WEIR_FIELDS({WEIR_STR("allow"), ALLOWED}), weir_body_none());
    }
}

static size_t handle_body(void *app, weir_exchange *x, weir_str octets)
{
    struct demo_task *task = weir_exchange_user(x);
    (void)app;
    return task != NULL && task->route->body != NULL ? task->route->body(task, octets) : octets.len;
}

static void handle_end(void *app, weir_exchange *x)
{
    struct demo_task *task = weir_exchange_user(x);
    (void)app;
    if (task != NULL && task->route->end != NULL)
        task->route->end(task);
}

static void handle_room(void *app, weir_exchange *x)
{
    struct demo_task *task = weir_exchange_user(x);
    (void)app;
    if (task != NULL && task->route->room != NULL)
        task->route->room(task);
}

static void handle_event(void *app, weir_exchange *x, weir_event event)
{
    struct demo_task *task = weir_exchange_user(x);
    (void)app;
    if (task != NULL && task->route->event != NULL)
        task->route->event(task, event);
}

static void handle_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    struct demo_task *task = weir_exchange_user(x);
    (void)app;
    (void)ending;
    if (task == NULL)
        return;
    if (task->timer != NULL)
        weir_timer_free(task->timer);
    EVP_MD_CTX_free(task->digest);
    text_free(&task->text);
    free(task);
}

const weir_handler demo_handler = WEIR_HANDLER(.head = handle_head, .body = handle_body, .end = handle_end,
                                               .room = handle_room, .done = handle_done, .event = handle_event);

bool demo_is_head(const weir_exchange *x)
{
    return weir_str_equal(weir_request_method(x), WEIR_STR("HEAD"));
}

void demo_answer(weir_exchange *x, unsigned status, const char *content_type, weir_str octets)
{
    (void)weir_respond(x, status, WEIR_FIELDS({WEIR_STR("content-type"), weir_str_from(content_type)}),
                       weir_body_copy(octets));
}

void demo_answer_wrong(weir_exchange *x, const char *expected)
{
    char place[256];
    struct text text = text_fixed(place, sizeof(place));
    text_printf(&text, "expected %s\n", expected);
    demo_answer(x, 400, "text/plain", text_view(&text));
}

bool demo_stream(struct demo_task *task, weir_fields fields, weir_body body)
{
    task->answered = true;
    task->streams = weir_respond(task->x, 200, fields, body) == WEIR_OK && !demo_is_head(task->x);
    return task->streams;
}

struct demo_task *demo_task_new(weir_exchange *x)
{
    struct demo_task *task = calloc(1, sizeof(*task));
    if (task == NULL) {
        demo_answer(x, 503, "text/plain", WEIR_STR("out of memory\n"));
        return NULL;
    }
    task->x = x;
    task->text = text_growing();
    weir_exchange_set_user(x, task);
    return task;
}

bool demo_task_after(struct demo_task *task, uint64_t delay_ns, weir_loop_fn *fn)
{
    if (task->timer == NULL)
        task->timer = weir_timer_new(weir_exchange_loop(task->x), fn, task);
    if (task->timer == NULL)
        return false;
    weir_timer_start(task->timer, delay_ns);
    return true;
}

bool demo_query(const weir_exchange *x, const char *key, weir_str *value)
{
    weir_str query = weir_request_query(x);
    size_t length = strlen(key);
    while (query.len > 0) {
        const char *end = memchr(query.ptr, '&', query.len);
        size_t item = end != NULL ? (size_t)(end - query.ptr) : query.len;
        if (item >= length && memcmp(query.ptr, key, length) == 0 && (item == length || query.ptr[length] == '=')) {
            size_t skip = item == length ? item : length + 1;
            *value = (weir_str){query.ptr + skip, item - skip};
            return true;
        }
        item += end != NULL;
        query = (weir_str){query.ptr + item, query.len - item};
    }
    return false;
}

bool demo_number(weir_str digits, uint64_t max, uint64_t *number)
{
    return option_digits(digits, max, number);
}

bool demo_every(weir_exchange *x, uint64_t usual_ms, uint64_t *every_ns)
{
    weir_str value;
    uint64_t ms = usual_ms;
    if (demo_query(x, "every", &value) && !demo_number(value, 3600000, &ms)) {
        demo_answer_wrong(x, "every=MS, milliseconds from 0 to 3600000");
        return false;
    }
    *every_ns = ms * WEIR_MS;
    return true;
}
