#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/memory.h"
#include "server/server_internal.h"

#define WORKERS_MAX               1024
#define BACKLOG_DEFAULT           4096
#define DRAIN_DEFAULT_NS          (30 * WEIR_SECOND)
#define CONNECTIONS_WITHOUT_LIMIT (UINT64_C(1) << 20)
/* Descriptors that are not connections: loops, listeners, logs, files that are served; a tenth of all, some at
 * least. */
#define RESERVE_MIN               16

weir_code server_refuse(weir_error *error, weir_code code, int os, const char *format, ...)
{
    if (error == NULL)
        return code;
    va_list args;
    va_start(args, format);
    error->code = code;
    error->os = os;
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return code;
}

static uint64_t default_connections_max(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return CONNECTIONS_WITHOUT_LIMIT;
    uint64_t reserve = limit.rlim_cur / 10 > RESERVE_MIN ? limit.rlim_cur / 10 : RESERVE_MIN;
    return limit.rlim_cur > reserve ? limit.rlim_cur - reserve : 1;
}

/* A terminated copy; NULL when there is no memory. */
static char *copy_text(const weir_allocator *allocator, weir_str text)
{
    char *copy = base_alloc(allocator, text.len + 1);
    if (copy != NULL && text.len > 0)
        memcpy(copy, text.ptr, text.len);
    if (copy != NULL)
        copy[text.len] = '\0';
    return copy;
}

static weir_code check(const weir_server_options *o, weir_error *error)
{
    if (o->listen.len == 0)
        return server_refuse(error, WEIR_CODE_bad_option, 0,
                             "listen is empty: expected HOST:PORT, [v6]:PORT, :PORT, "
                             "unix:PATH or systemd");
    if (o->workers > WORKERS_MAX)
        return server_refuse(error, WEIR_CODE_bad_option, 0, "workers is %u: expected 1 to %d", o->workers,
                             WORKERS_MAX);
    if (o->loop != NULL && o->workers > 1)
        return server_refuse(error, WEIR_CODE_bad_option, 0,
                             "workers is %u: a server on a loop of the caller's has one", o->workers);
    if (o->backlog > INT32_MAX)
        return server_refuse(error, WEIR_CODE_bad_option, 0, "backlog is %u: expected at most %d", o->backlog,
                             INT32_MAX);
    return WEIR_OK;
}

static weir_code take_texts(weir_server *server, weir_error *error)
{
    weir_server_options *o = &server->options;
    server->listen_text = copy_text(&server->allocator, o->listen);
    server->name_text = copy_text(&server->allocator, o->server_name);
    if (server->listen_text == NULL || server->name_text == NULL)
        return server_refuse(error, WEIR_CODE_no_memory, 0, "no memory for the options");
    o->listen.ptr = server->listen_text;
    o->server_name.ptr = server->name_text;
    return WEIR_OK;
}

weir_code server_take_options(weir_server *server, weir_error *error)
{
    weir_server_options *o = &server->options;
    weir_code code = check(o, error);
    if (code == WEIR_OK)
        code = server_take_handler(server, o->handler, error);
    if (code == WEIR_OK)
        code = take_texts(server, error);
    if (code == WEIR_OK)
        code = weir_limits_resolve(&o->limits, error);
    if (code == WEIR_OK)
        code = base_connection_memory_resolve(&o->connection_memory_max, error);
    if (code == WEIR_OK)
        code = base_memory_resolve(&o->memory_max, error);
    if (code != WEIR_OK)
        return code;
    if (o->workers == 0)
        o->workers = 1;
    if (o->connections_max == 0)
        o->connections_max = default_connections_max();
    if (o->drain_timeout_ns == 0)
        o->drain_timeout_ns = DRAIN_DEFAULT_NS;
    if (o->backlog == 0)
        o->backlog = BACKLOG_DEFAULT;
    return WEIR_OK;
}

struct text {
    char *ptr;
    size_t size;
    int used;
};

WEIR_PRINTF(2, 3) static void put(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t at = (size_t)t->used < t->size ? (size_t)t->used : t->size;
    t->used += vsnprintf(t->ptr != NULL ? t->ptr + at : NULL, t->size - at, format, args);
    va_end(args);
}

static void put_bound(struct text *t, const char *name, uint64_t value)
{
    if (value == WEIR_UNLIMITED)
        put(t, "%s unlimited\n", name);
    else
        put(t, "%s %" PRIu64 "\n", name, value);
}

static void put_limit(struct text *t, const weir_limit_info *info, const weir_limits *limits)
{
    uint64_t value;
    memcpy(&value, (const char *)limits + info->offset, sizeof value);
    put_bound(t, info->name, value);
}

int weir_server_print_options(const weir_server *server, char *text, size_t size)
{
    const weir_server_options *o = &server->options;
    struct text t = {.ptr = text, .size = size};
    put(&t, "listen %s\n", server->listen_text);
    put(&t, "workers %u\n", o->workers);
    put(&t, "lenient %s\n", o->lenient ? "yes" : "no");
    put(&t, "connections_max %" PRIu64 "\n", o->connections_max);
    put_bound(&t, "connection_memory_max", o->connection_memory_max);
    put_bound(&t, "memory_max", o->memory_max);
    put_bound(&t, "drain_timeout_ns", o->drain_timeout_ns);
    put(&t, "backlog %u\n", o->backlog);
    put(&t, "defer_accept %s\n", o->defer_accept ? "yes" : "no");
    put(&t, "server_name %s\n", server->name_text[0] != '\0' ? server->name_text : "none");
    for (const weir_limit_info *info = weir_limits_info(); info->name != NULL; info++)
        put_limit(&t, info, &o->limits);
    return t.used;
}
