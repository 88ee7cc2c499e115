#include "fault/control.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/host.h"
#include "common/options.h"

#define BODY_MAX 65536

struct fault_control {
    struct fault_proxy *proxy;
    weir_server *server;
    bool remote, local; /* local: a unix socket */
    bool stopping;
};

/* A request that is answered once its content is here. */
struct asked {
    struct text body;
    bool answered;
};

/* --- answers ---------------------------------------------------------------------------------------------------- */

static void answer(weir_exchange *x, unsigned status, const char *type, weir_str content)
{
    (void)weir_respond(x, status,
                       WEIR_FIELDS({WEIR_STR("content-type"), weir_str_from(type)},
                                   {WEIR_STR("cache-control"), WEIR_STR("no-store")}),
                       weir_body_copy(content));
}

static void refuse(weir_exchange *x, unsigned status, const char *sentence)
{
    char text[600];
    (void)snprintf(text, sizeof(text), "%s\n", sentence);
    answer(x, status, "text/plain; charset=utf-8", weir_str_from(text));
}

/* Takes the document. */
static void answer_json(weir_exchange *x, json_t *document)
{
    char *text = json_dumps(document, JSON_INDENT(2));
    json_decref(document);
    if (text == NULL) {
        refuse(x, 503, "out of memory");
        return;
    }
    size_t length = strlen(text);
    text[length] = '\n'; /* in the place of the terminator */
    answer(x, 200, "application/json", (weir_str){text, length + 1});
    free(text);
}

static json_t *route_json(const struct fault_route *route)
{
    char listen[FAULT_ADDRESS_TEXT], to[FAULT_ADDRESS_TEXT];
    fault_address_text(&route->listen, listen);
    fault_address_text(&route->to.all[0], to);
    return json_pack("{s:s, s:s, s:I, s:I, s:O, s:b}", "listen", listen, "to", to, "accepted",
                     (json_int_t)route->accepted, "alive", (json_int_t)route->alive, "faults", route->faults, "plan",
                     route->plans.count > 0);
}

static json_t *state_json(const struct fault_proxy *proxy)
{
    json_t *routes = json_array(), *ended = json_object();
    for (size_t i = 0; i < proxy->route_count; i++)
        (void)json_array_append_new(routes, route_json(&proxy->routes[i]));
    for (int i = 0; i < FAULT_CODE_COUNT; i++)
        if (proxy->ended[i] > 0)
            (void)json_object_set_new(ended, fault_code_name((enum fault_code)i),
                                      json_integer((json_int_t)proxy->ended[i]));
    return json_pack("{s:I, s:b, s:o, s:o}", "seed", (json_int_t)proxy->plans.seed, "draining", proxy->draining,
                     "routes", routes, "ended", ended);
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

/* The value as it would be written on the command line; false: it is of no such kind. */
static bool value_text(const json_t *value, char *text, size_t size)
{
    if (json_is_string(value))
        return (size_t)snprintf(text, size, "%s", json_string_value(value)) < size;
    if (json_is_integer(value))
        return (size_t)snprintf(text, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value)) < size;
    return json_is_real(value) && (size_t)snprintf(text, size, "%.9g", json_real_value(value)) < size;
}

static bool read_word(struct fault_wish *wish, const char *name, const json_t *value, char *error, size_t size)
{
    char text[100], expected[200];
    const struct fault_word *word = fault_word_find(name, strlen(name));
    if (word == NULL) {
        (void)snprintf(error, size, "there is no fault '%.100s'; see weir fault --help", name);
        return false;
    }
    if (json_is_null(value) || json_is_false(value))
        return true;
    if (word->argument == NULL && json_is_true(value))
        return fault_word_take(word, wish, NULL, expected, sizeof(expected));
    if (word->argument == NULL || !value_text(value, text, sizeof(text))) {
        (void)snprintf(error, size, "%s: expected %s", name, word->argument == NULL ? "true or false" : "a text");
        return false;
    }
    if (fault_word_take(word, wish, text, expected, sizeof(expected)))
        return true;
    (void)snprintf(error, size, "%s is '%s': expected %s", name, text, expected);
    return false;
}

bool fault_control_read(struct fault_wish *wish, const json_t *faults, char *error, size_t size)
{
    *wish = fault_wish_default;
    if (!json_is_object(faults)) {
        (void)snprintf(error, size, "expected an object of faults, such as {\"latency\":\"50ms\"}");
        return false;
    }
    for (void *at = json_object_iter((json_t *)(uintptr_t)faults); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)faults, at))
        if (!read_word(wish, json_object_iter_key(at), json_object_iter_value(at), error, size))
            return false;
    return true;
}

/* --- who asks --------------------------------------------------------------------------------------------------- */

bool fault_control_is_local(const struct fault_address *address)
{
    const struct sockaddr_storage *place = &address->place;
    if (place->ss_family == AF_INET)
        return (ntohl(((const struct sockaddr_in *)place)->sin_addr.s_addr) >> 24) == 127;
    if (place->ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)place)->sin6_addr);
    return place->ss_family == AF_UNIX;
}

bool fault_control_host_fits(weir_str authority, bool remote)
{
    char host[HOST_TEXT];
    struct fault_address address = {.size = 0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address.place;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address.place;
    if (!host_of(authority, host))
        return false;
    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1)
        address.place.ss_family = AF_INET;
    else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1)
        address.place.ss_family = AF_INET6;
    else
        return false;
    return remote || fault_control_is_local(&address);
}

/* --- what is asked ---------------------------------------------------------------------------------------------- */

/* The routes that a path is about: "" for all, "/routes/N" for one; `rest` is what follows. False: there is none. */
static bool routes_of(struct fault_proxy *proxy, weir_str path, size_t *first, size_t *count, weir_str *rest)
{
    static const char one[] = "/routes/";
    const size_t length = sizeof(one) - 1;
    uint64_t number;
    *first = 0;
    *count = proxy->route_count;
    *rest = path;
    if (path.len < length || memcmp(path.ptr, one, length) != 0)
        return true;
    const char *digits = path.ptr + length, *slash = memchr(digits, '/', path.len - length);
    size_t size = slash != NULL ? (size_t)(slash - digits) : path.len - length;
    if (!option_digits((weir_str){digits, size}, proxy->route_count, &number) || number == 0)
        return false;
    *first = (size_t)number - 1;
    *count = 1;
    *rest = (weir_str){digits + size, path.len - length - size};
    return true;
}

static bool is(weir_str text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

/* Sets the faults of some routes; `faults` is taken. */
static void set(struct fault_control *control, weir_exchange *x, size_t first, size_t count, json_t *faults)
{
    struct fault_wish wish;
    char error[500];
    if (!fault_control_read(&wish, faults, error, sizeof(error))) {
        json_decref(faults);
        refuse(x, 400, error);
        return;
    }
    for (size_t i = first; i < first + count; i++)
        fault_route_set(&control->proxy->routes[i], &wish, json_incref(faults));
    json_decref(faults);
    answer_json(x, state_json(control->proxy));
}

static void put(struct fault_control *control, weir_exchange *x, size_t first, size_t count, const struct text *body)
{
    json_error_t why;
    char error[400];
    weir_str octets = text_view(body);
    json_t *faults = octets.len > 0 ? json_loadb(octets.ptr, octets.len, JSON_REJECT_DUPLICATES, &why) : json_object();
    if (faults != NULL) {
        set(control, x, first, count, faults);
        return;
    }
    (void)snprintf(error, sizeof(error), "no JSON: %s (line %d, column %d)", why.text, why.line, why.column);
    refuse(x, 400, error);
}

static void not_allowed(weir_exchange *x, const char *allowed)
{
    (void)weir_respond(x, 405, WEIR_FIELDS({WEIR_STR("allow"), weir_str_from(allowed)}),
                       weir_body_copy(WEIR_STR("this path has no such method\n")));
}

static void serve(struct fault_control *control, weir_exchange *x, const struct text *body)
{
    weir_str method = weir_request_method(x), path = weir_request_path(x), rest;
    size_t first, count;
    if (!routes_of(control->proxy, path, &first, &count, &rest)) {
        refuse(x, 404, "there is no such route");
        return;
    }
    bool one = rest.ptr != path.ptr;
    if (is(rest, "/faults")) {
        if (is(method, "PUT"))
            put(control, x, first, count, body);
        else if (is(method, "DELETE"))
            set(control, x, first, count, json_object());
        else
            not_allowed(x, "PUT, DELETE");
    } else if (is(rest, one ? "" : "/")) {
        if (is(method, "GET") || is(method, "HEAD"))
            answer_json(x, one ? route_json(&control->proxy->routes[first]) : state_json(control->proxy));
        else
            not_allowed(x, "GET, HEAD");
    } else {
        refuse(x, 404, "there is /, /faults, /routes/N and /routes/N/faults");
    }
}

/* --- the handler ------------------------------------------------------------------------------------------------ */

static void on_head(void *app, weir_exchange *x)
{
    struct fault_control *control = app;
    if (!control->local && !fault_control_host_fits(weir_request_authority(x), control->remote)) {
        refuse(x, 421, "the Host of a request has to be an address that is served here, or localhost");
        return;
    }
    struct asked *asked = weir_exchange_alloc(x, sizeof(*asked));
    if (asked == NULL) {
        refuse(x, 503, "out of memory");
        return;
    }
    *asked = (struct asked){.body = text_growing()};
    weir_exchange_set_user(x, asked);
}

static size_t on_body(void *app, weir_exchange *x, weir_str octets)
{
    struct asked *asked = weir_exchange_user(x);
    (void)app;
    if (asked == NULL || asked->answered)
        return octets.len;
    if (asked->body.len + octets.len > BODY_MAX) {
        asked->answered = true;
        refuse(x, 413, "that is too much for faults");
        weir_body_refuse(x);
        return octets.len;
    }
    text_add(&asked->body, octets.ptr, octets.len);
    return octets.len;
}

static void on_end(void *app, weir_exchange *x)
{
    struct asked *asked = weir_exchange_user(x);
    if (asked != NULL && !asked->answered)
        serve(app, x, &asked->body);
}

static void on_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    struct asked *asked = weir_exchange_user(x);
    (void)app, (void)ending;
    if (asked != NULL)
        text_free(&asked->body);
}

/* --- its life --------------------------------------------------------------------------------------------------- */

struct fault_control *fault_control_open(struct fault_proxy *proxy, const char *listen, bool remote, weir_error *error)
{
    static const weir_handler handler = WEIR_HANDLER(.head = on_head, .body = on_body, .end = on_end, .done = on_done);
    struct fault_control *control = calloc(1, sizeof(*control));
    *error = (weir_error){.text = "out of memory"};
    if (control == NULL)
        return NULL;
    control->proxy = proxy;
    control->remote = remote;
    control->local = strncmp(listen, "unix:", 5) == 0;
    weir_server_options options = *WEIR_SERVER(.listen = weir_str_from(listen), .handler = &handler, .app = control,
                                               .loop = proxy->loop.timers, .server_name = WEIR_STR("weir-fault"));
    if (weir_server_new(&control->server, &options, error) == WEIR_OK &&
        weir_server_run(control->server, error) == WEIR_OK)
        return control;
    fault_control_close(control);
    return NULL;
}

void fault_control_url(const struct fault_control *control, char *text, size_t size)
{
    char address[160] = "";
    (void)weir_server_address(control->server, 0, address, sizeof(address));
    (void)snprintf(text, size, control->local ? "%s" : "http://%s/", address);
}

bool fault_control_ends(struct fault_control *control)
{
    if (control == NULL)
        return true;
    if (!control->stopping)
        weir_server_stop(control->server);
    control->stopping = true;
    return weir_server_is_stopped(control->server);
}

void fault_control_close(struct fault_control *control)
{
    if (control == NULL)
        return;
    if (control->server != NULL)
        weir_server_free(control->server);
    free(control);
}
