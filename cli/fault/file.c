/* Plan files: a row is the numbers of connections, then words.
 *
 * The format is not INI because rows are ordered and the first that fits decides, and because a row's words are those
 * of the command line, judged by the same table: what `--print-plan` and the endings print can be put into a plan file
 * as it is. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fault/plan.h"

#define BLANKS   " \t\r\n"
#define ROWS_MAX 100000 /* each connection looks through them */

struct reader {
    const char *program, *path;
    uint64_t line;
};

static bool complain(const struct reader *reader, const char *what, const char *value, const char *expected)
{
    char shown[200];
    (void)snprintf(shown, sizeof(shown), "%s", value);
    for (char *at = shown; *at != '\0'; at++) /* the file may be anything: no escapes to the terminal */
        *at = (unsigned char)*at >= ' ' && *at != 0x7f ? *at : '?';
    (void)fprintf(stderr, "%s: %s:%" PRIu64 ": %s is '%s': expected %s\n", reader->program, reader->path, reader->line,
                  what, shown, expected);
    return false;
}

static bool complain_of_form(const struct reader *reader, const struct fault_word *word, const char *text)
{
    char expected[80];
    (void)snprintf(expected, sizeof(expected), word->argument != NULL ? "%s=%s" : "%s without a value", word->name,
                   word->argument != NULL ? word->argument : "");
    return complain(reader, "a word", text, expected);
}

static bool read_word(const struct reader *reader, struct fault_wish *wish, const char *text)
{
    char expected[200];
    size_t length = strcspn(text, "=");
    const char *value = text[length] == '=' ? text + length + 1 : NULL;
    const struct fault_word *word = fault_word_find(text, length);
    if (word == NULL)
        return complain(reader, "a word", text, "an option of weir fault that names a fault, or none");
    if ((value != NULL) != (word->argument != NULL))
        return complain_of_form(reader, word, text);
    if (fault_word_take(word, wish, value, expected, sizeof(expected)))
        return true;
    return complain(reader, word->name, value, expected);
}

static bool read_row(const struct reader *reader, struct fault_row *row, char *line)
{
    char *rest = NULL;
    char *word = strtok_r(line, BLANKS, &rest);
    row->wish = fault_wish_default;
    if (strcmp(word, "*") == 0)
        row->connections = (struct fault_range){0, UINT64_MAX};
    else if (!fault_numbers(word, &row->connections))
        return complain(reader, "the connection", word, "a number from 1 on such as 7, a range such as 3..9, or *");
    size_t words = 0;
    bool none = false;
    for (; (word = strtok_r(NULL, BLANKS, &rest)) != NULL; words++) {
        none |= strcmp(word, "none") == 0;
        if (none && words > 0)
            return complain(reader, "a word", word, "none to stand alone in its row");
        if (!none && !read_word(reader, &row->wish, word))
            return false;
    }
    return words > 0 || complain(reader, "the row", "", "words after the connection, or none");
}

/* False without memory, or over the limit. */
static bool add_row(struct fault_plans *plans, const struct fault_row *row)
{
    if (plans->count >= ROWS_MAX)
        return false;
    if ((plans->count & (plans->count - 1)) == 0) { /* full at each power of two */
        size_t room = plans->count == 0 ? 1 : plans->count * 2;
        struct fault_row *grown = realloc(plans->rows, room * sizeof(*grown));
        if (grown == NULL)
            return false;
        plans->rows = grown;
    }
    plans->rows[plans->count++] = *row;
    return true;
}

static int read_lines(struct fault_plans *plans, struct reader *reader, FILE *file)
{
    char *line = NULL;
    size_t room = 0;
    int status = 0;
    while (status == 0 && getline(&line, &room, file) >= 0) {
        struct fault_row row;
        reader->line++;
        line[strcspn(line, "#")] = '\0';
        if (line[strspn(line, BLANKS)] == '\0')
            continue;
        if (!read_row(reader, &row, line)) {
            status = 2;
        } else if (!add_row(plans, &row)) {
            (void)fprintf(stderr, "%s: %s:%" PRIu64 ": no room for more than %zu rows\n", reader->program, reader->path,
                          reader->line, plans->count);
            status = 1;
        }
    }
    free(line);
    if (status == 0 && ferror(file)) {
        (void)fprintf(stderr, "%s: --plan is '%s': cannot be read: %s\n", reader->program, reader->path,
                      strerror(errno));
        status = 1;
    }
    return status;
}

int fault_plans_read(struct fault_plans *plans, const char *path, const char *program)
{
    struct reader reader = {program, path, 0};
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        (void)fprintf(stderr, "%s: --plan is '%s': cannot be opened: %s\n", program, path, strerror(errno));
        return 1;
    }
    int status = read_lines(plans, &reader, file);
    (void)fclose(file);
    return status;
}
