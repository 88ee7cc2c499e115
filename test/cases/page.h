/* A page of cases: Markdown for people, from which the runner takes what it needs (README.md says how it is written). */
#ifndef CASES_PAGE_H
#define CASES_PAGE_H

#include <stdbool.h>
#include <stddef.h>

enum block_kind { BLOCK_ASK, BLOCK_IN, BLOCK_WAIT, BLOCK_LOG };

/* A fenced block. ASK and IN: its octets, with the escapes undone and the page's line ends left out; LOG: as it stands. */
struct block {
    enum block_kind kind;
    char *octets;
    size_t size;
    size_t begin, end; /* where the lines between the fences are in the page */
};

#define BLOCKS_MAX  16
#define OPTIONS_MAX 8

struct page_case {
    char *title;
    unsigned line;
    char *options[OPTIONS_MAX]; /* of the Profile line, between its commas */
    size_t option_count;
    struct block blocks[BLOCKS_MAX];
    size_t block_count;
};

struct page {
    char *text;
    size_t size;
    struct page_case *cases;
    size_t count;
    char problem[256]; /* why it cannot be read; empty if it can */
};

/* Reads a page; problem is set where it is not one. */
void page_read(struct page *page, const char *path);
void page_free(struct page *page);
/* The log block of a case; null if it has none. */
const struct block *page_log(const struct page_case *c);
bool page_has_option(const struct page_case *c, const char *option);

/* Text that grows; it ends with a zero that size does not count. Out of memory ends the program. */
struct text {
    char *ptr;
    size_t size, room;
};
void text_add(struct text *text, const char *octets, size_t size);
void text_print(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds octets as pages write them: \r \n \t \\ \xHH, and \{N c} for a run of more than 64 of the same. */
void text_escape(struct text *text, const char *octets, size_t size);
void text_free(struct text *text);

#endif
