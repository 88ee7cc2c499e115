/* Invariant: for any octets as target of several methods: nothing beyond them is read; a target that is taken holds
 * only octets that a target may hold, its views lie within it, its authority is a valid host, and put together again
 * from its parts it is taken once more and comes apart the same. Any host that is valid makes a valid absolute form. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/chars.h"
#include "http/target.h"

#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static bool same(weir_str a, weir_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static void put(weir_str *to, char *room, weir_str text)
{
    if (text.len > 0)
        memcpy(room + to->len, text.ptr, text.len);
    to->ptr = room;
    to->len += text.len;
}

/* The parts as one target; absolute ones with a scheme that may have no userinfo. */
static weir_str rejoin(const struct http_target *target, char *room)
{
    weir_str text = {room, 0};
    if (target->form == HTTP_TARGET_ASTERISK)
        put(&text, room, WEIR_STR("*"));
    if (target->form == HTTP_TARGET_ABSOLUTE)
        put(&text, room, WEIR_STR("http://"));
    put(&text, room, target->authority);
    put(&text, room, target->path);
    if (target->query.len > 0) {
        put(&text, room, WEIR_STR("?"));
        put(&text, room, target->query);
    }
    return text;
}

static void check_target(weir_str method, weir_str text)
{
    struct http_target target, again;
    if (!http_target_parse(&target, method, text))
        return;
    MUST(http_chars_span(text.ptr, text.ptr + text.len, HTTP_CHAR_TARGET) == text.ptr + text.len);
    MUST(http_host_valid(target.authority));
    MUST((target.authority.len > 0) == (target.form == HTTP_TARGET_ABSOLUTE || target.form == HTTP_TARGET_AUTHORITY));
    MUST((target.path.len > 0) == (target.form == HTTP_TARGET_ABSOLUTE || target.form == HTTP_TARGET_ORIGIN));
    MUST(target.path.len == 0 || target.path.ptr[0] == '/');
    char *room = malloc(text.len + 16);
    MUST(room != NULL);
    MUST(http_target_parse(&again, method, rejoin(&target, room)));
    MUST(again.form == target.form && same(again.authority, target.authority));
    MUST(same(again.path, target.path) && same(again.query, target.query));
    free(room);
}

static void check_host(weir_str text)
{
    struct http_target target;
    if (!http_host_valid(text) || text.len == 0 || text.ptr[0] == ':')
        return;
    char *room = malloc(text.len + 16);
    MUST(room != NULL);
    weir_str absolute = {room, 0};
    put(&absolute, room, WEIR_STR("http://"));
    put(&absolute, room, text);
    MUST(http_target_parse(&target, WEIR_STR("GET"), absolute));
    MUST(same(target.authority, text));
    free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    MUST(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    weir_str text = {copy, size};
    check_target(WEIR_STR("GET"), text);
    check_target(WEIR_STR("OPTIONS"), text);
    check_target(WEIR_STR("CONNECT"), text);
    check_host(text);
    free(copy);
    return 0;
}
