/* Runs the cases of Markdown pages: octets in, event log out (README.md).
 *
 *     runner PAGE...            each case whole, octet by octet, and cut in two at every place: the log is the same
 *     runner --print PAGE       the page with the logs as they are now, to be read before it takes the place of the old
 */
#include <stdio.h>
#include <string.h>

#include "script.h"

static void show(const char *what, const char *text, size_t size)
{
    (void)printf("    %s:\n", what);
    for (size_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t line = end != NULL ? (size_t)(end - (text + at)) : size - at;
        (void)printf("        %.*s\n", (int)line, text + at);
        at += line + 1;
    }
}

static bool run_cut(const struct page_case *c, struct cut cut, const char *how)
{
    struct text log = {.ptr = NULL};
    const struct block *wanted = page_log(c);
    bool ran = script_run(c, cut, &log);
    bool same = ran && log.size == wanted->size && memcmp(log.ptr, wanted->octets, log.size) == 0;
    if (!same) {
        (void)printf("    %s:\n", how);
        show("the page", wanted->octets, wanted->size);
        show("Weir", log.ptr != NULL ? log.ptr : "", log.size);
    }
    text_free(&log);
    return same;
}

/* At every place of every block of octets. */
static bool run_cuts(const struct page_case *c)
{
    char how[64];
    for (size_t k = 0; k < c->block_count; k++) {
        for (size_t at = 1; c->blocks[k].kind == BLOCK_IN && at < c->blocks[k].size; at++) {
            (void)snprintf(how, sizeof how, "block %zu cut before octet %zu", k + 1, at);
            if (!run_cut(c, (struct cut){.block = k, .at = at}, how))
                return false;
        }
    }
    return true;
}

static bool run_case(const char *path, const struct page_case *c)
{
    bool fine = false;
    if (page_log(c) == NULL)
        (void)printf("    the case has no log\n");
    else
        fine = run_cut(c, (struct cut){.at = 0}, "whole") &&
               (page_has_option(c, "whole") ||
                (run_cut(c, (struct cut){.every_octet = true}, "octet by octet") && run_cuts(c)));
    if (!fine)
        (void)printf("FAIL %s:%u: %s\n", path, c->line, c->title);
    return fine;
}

static void print_page(const struct page *page)
{
    size_t at = 0;
    for (size_t i = 0; i < page->count; i++) {
        const struct block *wanted = page_log(&page->cases[i]);
        struct text log = {.ptr = NULL};
        if (wanted == NULL)
            continue;
        (void)script_run(&page->cases[i], (struct cut){.at = 0}, &log);
        (void)fwrite(page->text + at, 1, wanted->begin - at, stdout);
        (void)fwrite(log.ptr, 1, log.size, stdout);
        at = wanted->end;
        text_free(&log);
    }
    (void)fwrite(page->text + at, 1, page->size - at, stdout);
}

/* How many of its cases failed; a page that cannot be read, or holds no case, is one failure. */
static unsigned run_page(const char *path, bool print, unsigned *passed)
{
    struct page page;
    unsigned failed = 0;
    page_read(&page, path);
    if (page.problem[0] != '\0' || page.count == 0) {
        (void)printf("FAIL %s: %s\n", path, page.problem[0] != '\0' ? page.problem : "no cases");
        failed = 1;
    } else if (print) {
        print_page(&page);
    } else {
        for (size_t i = 0; i < page.count; i++) {
            if (run_case(path, &page.cases[i]))
                (*passed)++;
            else
                failed++;
        }
    }
    page_free(&page);
    return failed;
}

int main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0;
    bool print = argc > 1 && strcmp(argv[1], "--print") == 0;
    if (argc < (print ? 3 : 2)) {
        (void)fprintf(stderr, "usage: runner [--print] PAGE...\n");
        return 2;
    }
    for (int i = print ? 2 : 1; i < argc; i++)
        failed += run_page(argv[i], print, &passed);
    if (!print)
        (void)printf("%u passed, %u failed\n", passed, failed);
    return failed > 0 ? 1 : 0;
}
