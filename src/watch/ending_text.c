#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <weir/ending.h>

#include "watch/text.h"

#define ADDRESS_TEXT_MAX 64
#define TRACE_TEXT_MAX   96

/* The parts that need a text of their own. */
struct ending_parts {
    char peer[ADDRESS_TEXT_MAX];
    char local[ADDRESS_TEXT_MAX];
    char trace[TRACE_TEXT_MAX];
    char os[24];
};

static struct ending_parts parts_of(const weir_ending *ending)
{
    struct ending_parts parts;
    (void)weir_address_format(parts.peer, sizeof(parts.peer), &ending->peer);
    (void)weir_address_format(parts.local, sizeof(parts.local), &ending->local);
    (void)weir_trace_format(parts.trace, sizeof(parts.trace), ending->trace);
    const char *name = ending->os != 0 ? strerrorname_np(ending->os) : "0";
    if (name != NULL)
        (void)snprintf(parts.os, sizeof(parts.os), "%s", name);
    else
        (void)snprintf(parts.os, sizeof(parts.os), "%d", ending->os);
    return parts;
}

/* JSON: ,"name":"value" or ,"name":1   logfmt:  name=value */
struct ending_writer {
    struct watch_text text;
    bool json;
};

static void put_name(struct ending_writer *w, const char *name)
{
    const char *between = w->json ? "," : " ";
    bool first = w->text.len == 0 || (w->json && w->text.len == 1);
    watch_text_printf(&w->text, w->json ? "%s\"%s\":" : "%s%s=", first ? "" : between, name);
}

static void put_string(struct ending_writer *w, const char *name, const char *value)
{
    put_name(w, name);
    /* A blank or a `=` would end the value for whoever reads logfmt; its quoting is that of JSON. */
    if (w->json || strpbrk(value, " =\"\\") != NULL)
        watch_text_json(&w->text, value);
    else
        watch_text_printf(&w->text, "%s", value);
}

static void put_number(struct ending_writer *w, const char *name, uint64_t value)
{
    put_name(w, name);
    watch_text_printf(&w->text, "%" PRIu64, value);
}

static void put_verdict(struct ending_writer *w, const weir_ending *ending)
{
    put_string(w, "stage", weir_stage_name(ending->stage));
    put_string(w, "how", weir_how_name(ending->how));
    put_string(w, "by", weir_by_name(ending->by));
    if (w->json)
        put_string(w, "code", weir_code_name(ending->code));
    put_string(w, "delivery", weir_delivery_name(ending->delivery));
    put_string(w, "class", weir_class_name(ending->judged));
    if (ending->role == WEIR_ROLE_CLIENT)
        put_string(w, "retry", weir_retry_name(ending->retry));
}

static void put_identity(struct ending_writer *w, const weir_ending *ending, const struct ending_parts *parts)
{
    put_number(w, "id", ending->id);
    put_string(w, "role", ending->role == WEIR_ROLE_CLIENT ? "client" : "server");
    put_string(w, "peer", parts->peer);
    put_string(w, "local", parts->local);
}

static void put_counts(struct ending_writer *w, const weir_ending *ending, const struct ending_parts *parts)
{
    put_number(w, "exchanges", ending->exchanges_begun);
    put_number(w, "exchanges_done", ending->exchanges_done);
    put_number(w, "octets_in", ending->octets_in);
    put_number(w, "octets_out", ending->octets_out);
    put_number(w, "octets_acked", ending->octets_acked);
    put_number(w, "octets_unsent", ending->octets_unsent);
    put_number(w, "octets_unread", ending->octets_unread);
    put_name(w, "lived_ms");
    watch_text_printf(&w->text, "%" PRIu64 ".%03u", ending->lived_ns / 1000000,
                      (unsigned)(ending->lived_ns / 1000 % 1000));
    put_string(w, "os", parts->os);
    put_string(w, "trace", parts->trace);
}

size_t weir_ending_json(char text[WEIR_ENDING_TEXT_MAX], const weir_ending *ending)
{
    struct ending_parts parts = parts_of(ending);
    struct ending_writer w = {.text = {text, WEIR_ENDING_TEXT_MAX, 0}, .json = true};
    watch_text_printf(&w.text, "{");
    put_name(&w, "time");
    watch_text_printf(&w.text, "\"");
    watch_text_time(&w.text, ending->began_unix_ns + ending->lived_ns);
    watch_text_printf(&w.text, "\"");
    put_identity(&w, ending, &parts);
    put_verdict(&w, ending);
    put_counts(&w, ending, &parts);
    watch_text_printf(&w.text, "}");
    assert(w.text.len < WEIR_ENDING_TEXT_MAX);
    return w.text.len;
}

size_t weir_ending_logfmt(char text[WEIR_ENDING_TEXT_MAX], const weir_ending *ending)
{
    struct ending_parts parts = parts_of(ending);
    struct ending_writer w = {.text = {text, WEIR_ENDING_TEXT_MAX, 0}, .json = false};
    put_string(&w, "code", weir_code_name(ending->code));
    put_verdict(&w, ending);
    put_identity(&w, ending, &parts);
    put_counts(&w, ending, &parts);
    assert(w.text.len < WEIR_ENDING_TEXT_MAX);
    return w.text.len;
}
