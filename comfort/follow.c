#include <stdio.h>
#include <string.h>

#include <weir/follow.h>
#include <weir/url.h>

#include "memory.h"

#define REDIRECTS_DEFAULT 10
#define URL_SIZE_MAX      16384

struct weir_follow {
    weir_follow_options options;
    weir_client *client;
    weir_handler handler; /* the user's; a shorter one of an older program is null behind its end */
    void *app;
    weir_exchange *x; /* of the present hop; null while there is none */
    unsigned count;
    bool hidden; /* the present response is a redirect that is followed: the handler does not hear of it */
    bool aborted;
    weir_code verdict;        /* why it is not followed, if that is so */
    weir_str user;            /* of the first URL, while the hops are of its origin */
    weir_request request;     /* of the present hop; all it points to is in `kept` or `next` */
    size_t size;              /* allocated, with the texts behind it */
    char next[URL_SIZE_MAX];  /* the URL of the present hop, once there was a redirect */
    char shown[URL_SIZE_MAX]; /* the same without a user; where a redirect leads, until it is followed */
};

/* --- a copy of the request -------------------------------------------------------------------------------------- */

static weir_str keep(char **to, weir_str text)
{
    weir_str kept = {.ptr = *to, .len = text.len};
    if (text.len > 0)
        memcpy(*to, text.ptr, text.len);
    *to += text.len;
    return text.ptr != NULL ? kept : text;
}

static size_t size_of(const weir_request *r)
{
    size_t size = sizeof(struct weir_follow) + r->fields.count * sizeof(weir_field) + r->method.len + r->target.len +
                  r->host.len + r->url.len + r->connect_to.len;
    for (size_t i = 0; i < r->fields.count; i++)
        size += r->fields.list[i].name.len + r->fields.list[i].value.len;
    return size + (r->body.kind == WEIR_BODY_COPY ? r->body.octets.len : 0);
}

static void keep_request(struct weir_follow *f, const weir_request *r)
{
    weir_field *fields = (weir_field *)(void *)(f + 1);
    char *texts = (char *)(fields + r->fields.count);
    f->request = *r;
    f->request.method = r->method.len > 0 ? keep(&texts, r->method) : WEIR_STR("GET");
    f->request.target = keep(&texts, r->target);
    f->request.host = keep(&texts, r->host);
    f->request.url = keep(&texts, r->url);
    f->request.connect_to = keep(&texts, r->connect_to);
    for (size_t i = 0; i < r->fields.count; i++) {
        fields[i].name = keep(&texts, r->fields.list[i].name);
        fields[i].value = keep(&texts, r->fields.list[i].value);
    }
    f->request.fields.list = fields;
    if (r->body.kind == WEIR_BODY_COPY)
        f->request.body = weir_body_borrow(keep(&texts, r->body.octets));
}

static void release(struct weir_follow *f)
{
    weir_allocator allocator = f->options.allocator;
    memory_free(&allocator, f, f->size);
}

/* --- the next hop ----------------------------------------------------------------------------------------------- */

static bool is(weir_str text, const char *word)
{
    return weir_str_equal(text, weir_str_from(word));
}

/* Behind `://`; null: it is no URL. */
static const char *authority_of(weir_str url)
{
    const char *mark = memmem(url.ptr, url.len, "://", 3);
    return mark != NULL ? mark + 3 : NULL;
}

/* The user and password in a URL, without the `@`. */
static weir_str user_of(weir_str url)
{
    const char *start = authority_of(url), *end = url.ptr + url.len;
    weir_str user = {.ptr = start};
    for (const char *at = start; start != NULL && at < end && *at != '/' && *at != '?' && *at != '#'; at++)
        if (*at == '@')
            user.len = (size_t)(at - start);
    return user;
}

static bool is_redirect(unsigned status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* The request becomes a GET without a body. */
static bool turns_into_get(const struct weir_follow *f, unsigned status)
{
    weir_str method = f->request.method;
    return (status == 303 && !is(method, "HEAD")) || ((status == 301 || status == 302) && is(method, "POST"));
}

/* Takes the fields away whose names are in the list, which ends with a null. */
static void drop_fields(struct weir_follow *f, const char *const *names)
{
    weir_field *list = (weir_field *)(void *)(f + 1);
    size_t count = 0;
    for (size_t i = 0; i < f->request.fields.count; i++) {
        bool named = false;
        for (const char *const *name = names; *name != NULL && !named; name++)
            named = weir_str_equal_nocase(list[i].name, weir_str_from(*name));
        if (!named)
            list[count++] = list[i];
    }
    f->request.fields.count = count;
}

/* The next URL with the user of the first one; look_at saw that there is room. */
static void put_url(struct weir_follow *f, weir_str offered)
{
    size_t n = f->user.len > 0 ? (size_t)(authority_of(offered) - offered.ptr) : 0;
    int size = snprintf(f->next, sizeof f->next, "%.*s%.*s%s%s", (int)n, offered.ptr, (int)f->user.len,
                        f->user.len > 0 ? f->user.ptr : "", f->user.len > 0 ? "@" : "", offered.ptr + n);
    f->request.url = (weir_str){f->next, (size_t)size};
}

static void make_next(struct weir_follow *f, unsigned status)
{
    static const char *const of_content[] = {"content-type",     "content-length",   "content-encoding",
                                             "content-language", "content-location", "transfer-encoding",
                                             "content-digest",   "repr-digest",      "digest",
                                             "last-modified",    "expect",           NULL};
    static const char *const secrets[] = {"authorization", "cookie", "proxy-authorization", NULL};
    static const char *const host[] = {"host", NULL};
    if (turns_into_get(f, status)) {
        f->request.method = WEIR_STR("GET");
        f->request.body = weir_body_none();
        f->request.expect = false;
        drop_fields(f, of_content);
    }
    weir_str offered = weir_str_from(f->shown);
    if (!weir_url_same_origin(f->request.url, offered)) {
        drop_fields(f, secrets);
        drop_fields(f, host);
        f->request.connect_to = (weir_str){.ptr = NULL};
        f->request.host = (weir_str){.ptr = NULL};
        f->user.len = 0;
    }
    put_url(f, offered);
    f->request.target = (weir_str){.ptr = NULL};
}

/* More than one Location, and they do not agree: one of them may have been smuggled into the response. */
static bool is_ambiguous(weir_fields fields, const weir_field *location)
{
    const weir_field *other = location;
    while ((other = weir_fields_find_next(fields, other)) != NULL)
        if (!weir_str_equal(other->value, location->value))
            return true;
    return false;
}

/* Where a response leads: WEIR_OK, and the URL, which has no user, is in `shown`; else why it is not followed. */
static weir_code look_at(struct weir_follow *f, weir_fields fields, const weir_field *location)
{
    unsigned most = f->options.redirects_max > 0 ? f->options.redirects_max : REDIRECTS_DEFAULT;
    char url[URL_SIZE_MAX];
    int n = weir_url_resolve(url, sizeof url, f->request.url, location->value);
    if (n < 0 || (size_t)n + f->user.len + 1 >= sizeof url || is_ambiguous(fields, location))
        return WEIR_CODE_bad_redirect;
    if (f->options.allow != NULL && !f->options.allow(f->app, weir_str_from(url)))
        return WEIR_CODE_bad_redirect;
    if (f->count >= most)
        return WEIR_CODE_redirect_limit;
    memcpy(f->shown, url, (size_t)n + 1);
    return WEIR_OK;
}

/* --- the handler of each hop ------------------------------------------------------------------------------------ */

static void on_head(void *app, weir_exchange *x)
{
    struct weir_follow *f = app;
    unsigned status = weir_response_status(x);
    weir_fields fields = weir_exchange_fields(x);
    const weir_field *location = weir_fields_find(fields, WEIR_STR("location"));
    bool streams = f->request.body.kind == WEIR_BODY_STREAM || f->request.body.kind == WEIR_BODY_SIZED;
    if (is_redirect(status) && location != NULL && (!streams || turns_into_get(f, status))) {
        f->hidden = true;
        f->verdict = look_at(f, fields, location);
        weir_body_refuse(x);
    } else if (f->handler.head != NULL) {
        f->handler.head(f->app, x);
    }
}

static size_t on_body(void *app, weir_exchange *x, weir_str octets)
{
    struct weir_follow *f = app;
    return f->handler.body != NULL ? f->handler.body(f->app, x, octets) : octets.len;
}

static void on_end(void *app, weir_exchange *x)
{
    struct weir_follow *f = app;
    if (!f->hidden && f->handler.end != NULL)
        f->handler.end(f->app, x);
}

static void on_room(void *app, weir_exchange *x)
{
    struct weir_follow *f = app;
    if (!f->hidden && f->handler.room != NULL)
        f->handler.room(f->app, x);
}

static void on_event(void *app, weir_exchange *x, weir_event event)
{
    struct weir_follow *f = app;
    if (!f->hidden && f->handler.event != NULL)
        f->handler.event(f->app, x, event);
}

static void finish(struct weir_follow *f, weir_exchange *x, const weir_exchange_ending *ending, weir_code code)
{
    weir_exchange_ending last = *ending;
    if (code != WEIR_OK) {
        last.code = code;
        last.how = weir_code_how(code);
        last.by = weir_code_by(code);
        last.judged = weir_code_class(code);
    }
    if (f->count > 0)
        last.retry = WEIR_RETRY_PROCESSED; /* by the servers of the hops before: what is asked again is the first */
    if (f->handler.done != NULL)
        f->handler.done(f->app, x, &last);
    release(f);
}

static weir_code send_hop(struct weir_follow *f, weir_error *error);

static void on_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    struct weir_follow *f = app;
    f->x = NULL;
    /* A redirect counts once its head is here: what became of the rest of that answer nobody asks. */
    if (!f->hidden || f->verdict != WEIR_OK || f->aborted) {
        finish(f, x, ending, f->aborted ? WEIR_CODE_aborted : f->hidden ? f->verdict : WEIR_OK);
        return;
    }
    if (f->request.timeout_ns > 0 && ending->lived_ns >= f->request.timeout_ns) {
        finish(f, x, ending, WEIR_CODE_exchange_timeout);
        return;
    }
    unsigned status = weir_response_status(x);
    weir_error error;
    if (f->request.timeout_ns > 0)
        f->request.timeout_ns -= ending->lived_ns;
    f->hidden = false;
    f->count++;
    make_next(f, status);
    weir_code code = send_hop(f, &error);
    if (code == WEIR_CODE_bad_url || code == WEIR_CODE_unsupported)
        code = WEIR_CODE_bad_redirect; /* https, or a scheme that is no HTTP */
    if (code != WEIR_OK)
        finish(f, x, ending, code);
}

static const weir_handler hop_handler =
    WEIR_HANDLER(.head = on_head, .body = on_body, .end = on_end, .room = on_room, .done = on_done, .event = on_event);

static weir_code send_hop(struct weir_follow *f, weir_error *error)
{
    return weir_client_send(f->client, &f->request, &f->x, error);
}

/* --- from outside ----------------------------------------------------------------------------------------------- */

static weir_code refuse(weir_error *error, weir_code code, const char *text)
{
    if (error != NULL) {
        *error = (weir_error){.code = code};
        (void)snprintf(error->text, sizeof error->text, "%s", text);
    }
    return code;
}

weir_code weir_follow_send(weir_follow **out, weir_client *client, const weir_request *request,
                           const weir_follow_options *options, weir_error *error)
{
    weir_request ours = {.size = sizeof ours};
    weir_follow_options o = {.size = sizeof o};
    if (out != NULL)
        *out = NULL;
    if (options != NULL)
        memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    memcpy(&ours, request, request->size < sizeof ours ? request->size : sizeof ours);
    ours.size = sizeof ours;
    if (ours.handler == NULL || ours.handler->size == 0)
        return refuse(error, WEIR_CODE_misuse, "the request has no handler of its own");
    if (ours.url.len == 0)
        return refuse(error, WEIR_CODE_bad_url, "a url is missing: redirects are followed from one");
    size_t size = size_of(&ours);
    struct weir_follow *f = memory_resize(&o.allocator, NULL, 0, size);
    if (f == NULL)
        return refuse(error, WEIR_CODE_no_memory, "no memory for a request");
    memset(f, 0, sizeof *f);
    f->options = o;
    f->client = client;
    memcpy(&f->handler, ours.handler, ours.handler->size < sizeof f->handler ? ours.handler->size : sizeof f->handler);
    f->app = ours.app;
    f->size = size;
    keep_request(f, &ours);
    f->user = user_of(f->request.url);
    f->request.handler = &hop_handler;
    f->request.app = f;
    weir_code code = send_hop(f, error);
    if (code != WEIR_OK)
        release(f);
    else if (out != NULL)
        *out = f;
    return code;
}

void weir_follow_abort(weir_follow *follow)
{
    follow->aborted = true;
    if (follow->x != NULL)
        weir_exchange_abort(follow->x);
}

unsigned weir_follow_count(const weir_follow *follow)
{
    return follow->count;
}

weir_str weir_follow_url(const weir_follow *follow)
{
    return follow->count > 0 ? weir_str_from(follow->shown) : follow->request.url;
}
