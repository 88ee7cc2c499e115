#include "page.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN_MIN 65 /* shorter runs are easier to read as they are */
#define RUN_MAX 4000000

static void *grow(void *ptr, size_t size)
{
    void *grown = realloc(ptr, size);
    if (grown == NULL) {
        (void)fprintf(stderr, "runner: out of memory\n");
        exit(2);
    }
    return grown;
}

/* --- text ------------------------------------------------------------------------------------------------------- */

void text_add(struct text *text, const char *octets, size_t size)
{
    if (text->size + size + 1 > text->room) {
        text->room = (text->size + size + 1) * 2;
        text->ptr = grow(text->ptr, text->room);
    }
    if (size > 0)
        memcpy(text->ptr + text->size, octets, size);
    text->size += size;
    text->ptr[text->size] = '\0';
}

void text_print(struct text *text, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    text_add(text, line, size < (int)sizeof line ? (size_t)size : sizeof line - 1);
}

static void escape_octet(struct text *text, char octet)
{
    unsigned char value = (unsigned char)octet;
    if (octet == '\r')
        text_add(text, "\\r", 2);
    else if (octet == '\n')
        text_add(text, "\\n", 2);
    else if (octet == '\t')
        text_add(text, "\\t", 2);
    else if (octet == '\\')
        text_add(text, "\\\\", 2);
    else if (value < 0x20 || value >= 0x7f)
        text_print(text, "\\x%02x", value);
    else
        text_add(text, &octet, 1);
}

void text_escape(struct text *text, const char *octets, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t run = 1;
        while (i + run < size && octets[i + run] == octets[i])
            run++;
        if (run < RUN_MIN || !isgraph((unsigned char)octets[i])) {
            escape_octet(text, octets[i++]);
            continue;
        }
        text_print(text, "\\{%zu %c}", run, octets[i]);
        i += run;
    }
}

void text_free(struct text *text)
{
    free(text->ptr);
    *text = (struct text){.ptr = NULL};
}

/* --- octets as pages write them --------------------------------------------------------------------------------- */

/* After `\{`: a count, a blank, an octet, `}`. Returns what follows, or null. */
static const char *undo_run(struct text *to, const char *at)
{
    char *after;
    unsigned long count = strtoul(at, &after, 10);
    if (after == at || *after != ' ' || after[1] == '\0' || after[2] != '}' || count == 0 || count > RUN_MAX)
        return NULL;
    for (unsigned long i = 0; i < count; i++)
        text_add(to, after + 1, 1);
    return after + 3;
}

static const char *undo_hex(struct text *to, const char *at)
{
    char digits[3] = {at[0], at[0] != '\0' ? at[1] : '\0', '\0'};
    if (!isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1]))
        return NULL;
    char octet = (char)strtoul(digits, NULL, 16);
    text_add(to, &octet, 1);
    return at + 2;
}

/* After a backslash. Returns what follows the escape, or null. */
static const char *undo_escape(struct text *to, const char *at)
{
    static const char names[] = "rnt\\", octets[] = "\r\n\t\\";
    const char *name = *at != '\0' ? strchr(names, *at) : NULL;
    if (name != NULL) {
        text_add(to, &octets[name - names], 1);
        return at + 1;
    }
    if (*at == 'x')
        return undo_hex(to, at + 1);
    return *at == '{' ? undo_run(to, at + 1) : NULL;
}

/* False for a wrong escape, or an octet that is not to be seen. */
static bool undo_escapes(struct text *to, const char *from, size_t size)
{
    char *copy = grow(NULL, size + 1);
    memcpy(copy, from, size);
    copy[size] = '\0';
    const char *at = copy;
    while (at != NULL && *at != '\0') {
        if (*at == '\n')
            at++;
        else if (*at == '\\')
            at = undo_escape(to, at + 1);
        else if (*at < 0x20 || *at == 0x7f)
            at = NULL;
        else
            text_add(to, at++, 1);
    }
    free(copy);
    return at != NULL;
}

/* --- pages ------------------------------------------------------------------------------------------------------ */

struct reading {
    struct page *page;
    struct page_case *current;
    struct block *block; /* whose closing fence has not come */
    bool foreign;        /* within a fenced block that is none of ours */
    unsigned line;
};

static void problem(struct reading *r, const char *what)
{
    if (r->page->problem[0] == '\0')
        (void)snprintf(r->page->problem, sizeof r->page->problem, "line %u: %s", r->line, what);
}

static char *copy_of(const char *text, size_t size)
{
    char *copy = grow(NULL, size + 1);
    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

static void begin_case(struct reading *r, const char *title, size_t size)
{
    struct page *page = r->page;
    page->cases = grow(page->cases, (page->count + 1) * sizeof *page->cases);
    r->current = &page->cases[page->count++];
    *r->current = (struct page_case){.title = copy_of(title, size), .line = r->line};
}

static void take_profile(struct reading *r, const char *text, size_t size)
{
    const char *end = text + size;
    while (text < end) {
        const char *comma = memchr(text, ',', (size_t)(end - text));
        const char *stop = comma != NULL ? comma : end;
        while (text < stop && *text == ' ')
            text++;
        if (r->current->option_count == OPTIONS_MAX) {
            problem(r, "too many options");
            return;
        }
        r->current->options[r->current->option_count++] = copy_of(text, (size_t)(stop - text));
        text = stop + 1;
    }
}

static void open_fence(struct reading *r, const char *name, size_t size, size_t next)
{
    static const char *const names[] = {
        [BLOCK_ASK] = "ask", [BLOCK_IN] = "in", [BLOCK_WAIT] = "wait", [BLOCK_LOG] = "log"};
    r->foreign = true;
    for (unsigned kind = 0; kind < 4 && r->current != NULL; kind++) {
        if (strlen(names[kind]) != size || memcmp(names[kind], name, size) != 0)
            continue;
        if (r->current->block_count == BLOCKS_MAX) {
            problem(r, "too many blocks");
            return;
        }
        r->block = &r->current->blocks[r->current->block_count++];
        *r->block = (struct block){.kind = (enum block_kind)kind, .begin = next};
        r->foreign = false;
        return;
    }
}

static void close_fence(struct reading *r, size_t at)
{
    struct block *block = r->block;
    struct text octets = {.ptr = NULL};
    r->block = NULL;
    r->foreign = false;
    if (block == NULL)
        return;
    block->end = at;
    const char *from = r->page->text + block->begin;
    text_add(&octets, "", 0);
    if (block->kind == BLOCK_IN) {
        if (!undo_escapes(&octets, from, at - block->begin))
            problem(r, "a wrong escape, or an octet that is not to be seen, in the block before");
    } else {
        text_add(&octets, from, at - block->begin);
    }
    block->octets = octets.ptr;
    block->size = octets.size;
}

static bool begins(const char *line, size_t size, const char *with)
{
    return size >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

static void take_line(struct reading *r, size_t at, size_t size, size_t next)
{
    const char *line = r->page->text + at;
    bool inside = r->block != NULL || r->foreign;
    if (begins(line, size, "```")) {
        if (inside)
            close_fence(r, at);
        else
            open_fence(r, line + 3, size - 3, next);
    } else if (!inside && begins(line, size, "## ")) {
        begin_case(r, line + 3, size - 3);
    } else if (!inside && r->current != NULL && begins(line, size, "Profile: ")) {
        take_profile(r, line + 9, size - 9);
    }
}

static bool read_file(struct page *page, const char *path)
{
    struct text text = {.ptr = NULL};
    char octets[8192];
    size_t n;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    text_add(&text, "", 0);
    while ((n = fread(octets, 1, sizeof octets, file)) > 0)
        text_add(&text, octets, n);
    bool fine = ferror(file) == 0;
    (void)fclose(file);
    page->text = text.ptr;
    page->size = text.size;
    return fine;
}

void page_read(struct page *page, const char *path)
{
    *page = (struct page){.text = NULL};
    struct reading r = {.page = page};
    if (!read_file(page, path)) {
        problem(&r, "it cannot be read");
        return;
    }
    for (size_t at = 0; at < page->size;) {
        const char *end = memchr(page->text + at, '\n', page->size - at);
        size_t size = end != NULL ? (size_t)(end - (page->text + at)) : page->size - at;
        r.line++;
        take_line(&r, at, size, at + size + 1);
        at += size + 1;
    }
    if (r.block != NULL || r.foreign)
        problem(&r, "a block without an end");
}

void page_free(struct page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        struct page_case *c = &page->cases[i];
        free(c->title);
        for (size_t k = 0; k < c->option_count; k++)
            free(c->options[k]);
        for (size_t k = 0; k < c->block_count; k++)
            free(c->blocks[k].octets);
    }
    free(page->cases);
    free(page->text);
}

const struct block *page_log(const struct page_case *c)
{
    for (size_t i = 0; i < c->block_count; i++) {
        if (c->blocks[i].kind == BLOCK_LOG)
            return &c->blocks[i];
    }
    return NULL;
}

bool page_has_option(const struct page_case *c, const char *option)
{
    for (size_t i = 0; i < c->option_count; i++) {
        if (strcmp(c->options[i], option) == 0)
            return true;
    }
    return false;
}
