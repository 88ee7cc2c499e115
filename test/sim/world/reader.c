#include "reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app.h"
#include "sim.h"

enum { STATUS_LINE, FIELDS, CONTENT, UNTIL_END, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILERS };

static _Noreturn void bad(const struct reader *r, const char *why)
{
    sim_fail("responses are well-formed", "%s, in response %u at octet %llu: \"%.*s\"", why, r->count,
             (unsigned long long)r->octets, (int)r->line_length, r->line);
}

void reader_init(struct reader *r, const struct asked *asked, unsigned count, bool any)
{
    *r = (struct reader){.asked = asked, .asked_count = count, .any = any};
}

bool reader_is_between(const struct reader *r)
{
    return r->state == STATUS_LINE && r->octets == r->begin;
}

static const struct asked *asked_of(const struct reader *r)
{
    return r->count < r->asked_count ? &r->asked[r->count] : NULL;
}

static void next_message(struct reader *r)
{
    r->state = STATUS_LINE;
    r->line_length = 0;
    r->status = 0;
    r->has_length = r->chunked = r->last = r->has_number = false;
    r->left = r->content = 0;
    r->begin = r->octets;
}

/* The answer is whole: was it the right one? */
static void whole(struct reader *r)
{
    const struct asked *asked = asked_of(r);
    if (r->status >= 200) {
        if (asked == NULL && !r->any && !(r->refused && r->status >= 400))
            bad(r, "an answer that nobody asked for");
        if (r->has_number && asked != NULL && !r->any) {
            uint64_t size = asked->kind == APP_EMPTY || asked->head ? 0 : asked->size;
            if (r->number != asked->number)
                bad(r, "the answer to another request");
            if (r->content != size)
                bad(r, "content of another size");
        }
        if (r->count > 0 && r->answers[r->count - 1].last)
            bad(r, "an answer after the last");
        if (r->count < READER_ANSWERS_MAX)
            r->answers[r->count++] = (struct answer){
                .begin = r->begin, .end = r->octets, .status = r->status, .numbered = r->has_number, .last = r->last};
    }
    next_message(r);
}

static void after_head(struct reader *r)
{
    const struct asked *asked = asked_of(r);
    bool none = r->status < 200 || r->status == 204 || r->status == 304 || (asked != NULL && asked->head);
    if (r->has_length && r->chunked)
        bad(r, "a length and chunks");
    if (!r->has_number && r->status >= 400 && asked != NULL && asked->head) {
        /* The head may not have been whole: then nobody knew that it was a HEAD. It is the last in any case. */
        r->state = UNTIL_END;
        r->last = true;
    } else if (none) {
        whole(r);
    } else if (r->chunked) {
        r->state = CHUNK_SIZE;
    } else if (!r->has_length) {
        r->state = UNTIL_END;
        r->last = true;
    } else if (r->left == 0) {
        whole(r);
    } else {
        r->state = CONTENT;
    }
}

static void status_line(struct reader *r)
{
    char *rest;
    if (strncmp(r->line, "HTTP/1.1 ", 9) != 0)
        bad(r, "no status line");
    r->status = (unsigned)strtoul(r->line + 9, &rest, 10);
    if (*rest != ' ' || r->status < 100 || r->status > 599)
        bad(r, "no status");
    r->state = FIELDS;
}

static void field(struct reader *r)
{
    if (r->line_length == 0) {
        after_head(r);
        return;
    }
    char *value = strstr(r->line, ": ");
    if (value == NULL)
        bad(r, "no field");
    size_t name = (size_t)(value - r->line);
    value += 2;
    if (name == 14 && strncasecmp(r->line, "Content-Length", name) == 0) {
        if (r->has_length)
            bad(r, "two lengths");
        r->has_length = true;
        r->left = strtoull(value, NULL, 10);
    } else if (name == 17 && strncasecmp(r->line, "Transfer-Encoding", name) == 0) {
        r->chunked = strcmp(value, "chunked") == 0;
    } else if (name == 10 && strncasecmp(r->line, "Connection", name) == 0) {
        r->last |= strcasecmp(value, "close") == 0;
    } else if (name == 8 && strncasecmp(r->line, "X-Number", name) == 0) {
        r->has_number = true;
        r->number = (unsigned)strtoul(value, NULL, 10);
    }
}

static void chunk_size(struct reader *r)
{
    char *rest;
    r->left = strtoull(r->line, &rest, 16);
    if (*rest != '\0' || r->line_length == 0)
        bad(r, "no chunk size");
    r->state = r->left == 0 ? TRAILERS : CHUNK;
}

static void line(struct reader *r)
{
    r->line[r->line_length] = '\0';
    switch (r->state) {
    case STATUS_LINE:
        status_line(r);
        break;
    case FIELDS:
        field(r);
        break;
    case CHUNK_SIZE:
        chunk_size(r);
        break;
    case CHUNK_END:
        if (r->line_length != 0)
            bad(r, "a chunk is longer than it said");
        r->state = CHUNK_SIZE;
        break;
    default:
        if (r->line_length == 0)
            whole(r);
        break;
    }
    r->line_length = 0;
}

static void take_line(struct reader *r, char octet)
{
    if (octet == '\n') {
        if (r->line_length == 0 || r->line[r->line_length - 1] != '\r')
            bad(r, "a bare LF");
        r->line_length--;
        line(r);
    } else if (r->line_length + 1 < sizeof r->line) {
        r->line[r->line_length++] = octet;
    } else {
        bad(r, "a long line");
    }
}

static size_t take_content(struct reader *r, const char *octets, size_t size)
{
    size_t n = r->state != UNTIL_END && r->left < size ? (size_t)r->left : size;
    const struct asked *asked = asked_of(r);
    if (r->has_number && !r->any && asked != NULL) {
        if (r->content + n > asked->size || memcmp(app_pattern(asked->number) + r->content, octets, n) != 0)
            bad(r, "other content");
    }
    r->content += n;
    r->octets += n;
    r->left -= r->state == UNTIL_END ? 0 : n;
    if (r->state == UNTIL_END || r->left > 0)
        return n;
    if (r->state == CONTENT)
        whole(r);
    else
        r->state = CHUNK_END;
    return n;
}

void reader_feed(struct reader *r, const char *octets, size_t size)
{
    while (size > 0) {
        size_t n = 1;
        if (r->state == CONTENT || r->state == UNTIL_END || r->state == CHUNK) {
            n = take_content(r, octets, size);
        } else {
            r->octets++;
            take_line(r, *octets);
        }
        octets += n;
        size -= n;
    }
}

void reader_end(struct reader *r)
{
    if (r->state == UNTIL_END)
        whole(r);
}
