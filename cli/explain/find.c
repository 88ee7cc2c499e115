/* Finding what is known in a line: each table has its own way to stand in one (enum explain_kind). */
#include "explain/explain.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct explain_table *const explain_tables[] = {
    &explain_hyper, &explain_nginx, &explain_nginx_status, &explain_envoy, &explain_haproxy, &explain_proxy_status,
    &explain_curl,  &explain_wget,  &explain_wget_exit,    &explain_wrk,   &explain_errno, /* last: it says the least */
};
const size_t explain_tables_count = sizeof(explain_tables) / sizeof(explain_tables[0]);

struct finding {
    const char *line;
    bool alone; /* one word, and nothing else */
    struct explain_found *found;
    const char *stood[EXPLAIN_FOUND_MAX]; /* the word by which each was found */
    size_t count;
};

static bool in_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* `word` as a word of its own; null if it is none of the line's. */
static const char *find_word(const char *line, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = line; (at = strstr(at, word)) != NULL; at++)
        if ((at == line || !in_word(at[-1])) && !in_word(at[length]))
            return at;
    return NULL;
}

/* The parts between the `*` of a phrase, in their order. */
static bool has_phrase(const char *line, const char *phrase)
{
    while (line != NULL && *phrase != '\0') {
        char part[120];
        size_t length = strcspn(phrase, "*");
        (void)snprintf(part, sizeof(part), "%.*s", (int)length, phrase);
        line = strcasestr(line, part);
        phrase += length + (phrase[length] == '*');
    }
    return line != NULL;
}

/* `number` stands behind one of the words that programs put before an errno. */
static bool has_errno_number(const char *line, int number)
{
    static const char *const before[] = {"errno ", "errno=", "errno: ", "os error ", "code: "};
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
        for (const char *at = line; (at = strcasestr(at, before[i])) != NULL;) {
            at += strlen(before[i]);
            if (isdigit((unsigned char)*at) && atoi(at) == number)
                return true;
        }
    return false;
}

/* What follows the status of a request in quotes, as in `"GET / HTTP/1.1" 503 UC 0`; the status itself in *status. */
static const char *after_status(const char *line, const char **status)
{
    for (const char *at = line; (at = strstr(at, "\" ")) != NULL; at++)
        if (strspn(at + 2, "0123456789") == 3 && at[5] == ' ') {
            *status = at + 2;
            return at + 6;
        }
    return NULL;
}

static bool in_list(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (;;) {
        size_t each = strspn(list, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (each == length && strncmp(list, word, each) == 0 && !in_word(list[each]))
            return true;
        if (each == 0 || list[each] != ',')
            return false;
        list += each + 1;
    }
}

static bool has_flag(const struct finding *f, const char *flag)
{
    const char *status, *list = after_status(f->line, &status);
    if (f->alone && in_list(f->line, flag))
        return true;
    if (list != NULL && in_list(list, flag))
        return true;
    list = strstr(f->line, "response_flags");
    return list != NULL && in_list(list + 14 + strspn(list + 14, "\":= "), flag);
}

static bool has_exit(const struct finding *f, const char *program, const char *number)
{
    char printed[40], typed[40];
    (void)snprintf(printed, sizeof(printed), "%s: (%s)", program, number);
    (void)snprintf(typed, sizeof(typed), "%s %s", program, number);
    return strstr(f->line, printed) != NULL || strcmp(f->line, typed) == 0;
}

static bool has_status(const struct finding *f, const char *status)
{
    const char *logged;
    return (f->alone && strcmp(f->line, status) == 0) ||
           (after_status(f->line, &logged) != NULL && strncmp(logged, status, 3) == 0);
}

static bool has_parameter(const struct finding *f, const char *type)
{
    char whole[60];
    (void)snprintf(whole, sizeof(whole), "error=%s", type);
    return (f->alone && strcmp(f->line, type) == 0) || find_word(f->line, whole) != NULL;
}

/* By which of its two forms a row stands in the line; null: it does not. */
static const char *stands(const struct finding *f, const struct explain_table *table, const struct explain_row *row)
{
    bool is_there = false;
    int number;
    switch (table->kind) {
    case EXPLAIN_ERRNO:
        number = explain_errno_number(row->word, strlen(row->word));
        is_there = find_word(f->line, row->word) != NULL || has_errno_number(f->line, number);
        break;
    case EXPLAIN_PHRASE:
        is_there = has_phrase(f->line, row->word);
        break;
    case EXPLAIN_STATUS:
        is_there = has_status(f, row->word);
        break;
    case EXPLAIN_EXIT:
        is_there = has_exit(f, table->program, row->word);
        break;
    case EXPLAIN_FLAGS:
        is_there = has_flag(f, row->word);
        break;
    case EXPLAIN_PARAMETER:
        is_there = has_parameter(f, row->word);
        break;
    case EXPLAIN_STATE:
        break; /* looked for by itself */
    }
    if (is_there)
        return row->word;
    return row->also != NULL && has_phrase(f->line, row->also) ? row->also : NULL;
}

static struct explain_found *add(struct finding *f, const struct explain_table *table, const struct explain_row *row,
                                 const char *stood)
{
    if (f->count == EXPLAIN_FOUND_MAX)
        return NULL;
    f->stood[f->count] = stood;
    f->found[f->count] = (struct explain_found){.table = table, .row = row};
    return &f->found[f->count++];
}

/* "Too many open files" is in "Too many open files in system": of two words of one table that begin alike the longer
 * counts. */
static bool is_beginning_of_another(const struct finding *f, size_t i)
{
    for (size_t other = 0; other < f->count; other++)
        if (other != i && f->found[other].table == f->found[i].table && f->stood[other] != NULL &&
            strlen(f->stood[other]) > strlen(f->stood[i]) &&
            strncasecmp(f->stood[other], f->stood[i], strlen(f->stood[i])) == 0)
            return true;
    return false;
}

static void drop_beginnings(struct finding *f)
{
    for (size_t i = f->count; i-- > 0;) {
        if (f->stood[i] == NULL || !is_beginning_of_another(f, i))
            continue;
        memmove(&f->found[i], &f->found[i + 1], (f->count - i - 1) * sizeof(f->found[0]));
        memmove(&f->stood[i], &f->stood[i + 1], (f->count - i - 1) * sizeof(f->stood[0]));
        f->count--;
    }
}

/* --- HAProxy's state -------------------------------------------------------------------------------------------- */

static bool is_state(const char *token, size_t length)
{
    if ((length != 2 && length != 4) || explain_state_letter(token[0], 0) == NULL ||
        explain_state_letter(token[1], 1) == NULL)
        return false;
    return length == 2 || (strchr("NIDVEOU-", token[2]) != NULL && strchr("NIUPRD-", token[3]) != NULL);
}

/* "1/1/1/1/0": the counts of connections, and of retries ("+1" after a redispatch), follow the state. */
static bool are_counts(const char *token)
{
    for (int i = 0; i < 5; i++) {
        token += *token == '+';
        size_t digits = strspn(token, "0123456789");
        if (digits == 0 || (i < 4 && token[digits] != '/'))
            return false;
        token += digits + (i < 4);
    }
    return *token == ' ' || *token == '\0';
}

static void find_state(struct finding *f)
{
    size_t length = 0;
    const struct explain_table *table = &explain_haproxy;
    for (const char *at = f->line; *at != '\0'; at += length + (at[length] != '\0')) {
        length = strcspn(at, " ");
        if (!is_state(at, length) || !(f->alone || (at[length] == ' ' && are_counts(at + length + 1))))
            continue;
        size_t row = 0;
        while (row + 1 < table->count && strncmp(table->rows[row].word, at, 2) != 0)
            row++;
        if (row + 1 == table->count && f->count > 0) /* a rare one, and the word is another program's too */
            return;
        struct explain_found *found = add(f, table, &table->rows[row], NULL);
        if (found != NULL)
            (void)snprintf(found->text, sizeof(found->text), "%.*s", (int)length, at);
        return;
    }
}

/* --- ours, and what the system numbers -------------------------------------------------------------------------- */

static bool is_found(const struct finding *f, weir_code code)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->found[i].row == NULL && f->found[i].code == code)
            return true;
    return false;
}

/* A code that is an ordinary word too (`stopped`) counts where a record says that it is one. */
static bool is_said_to_be_code(const char *line, const char *word)
{
    return (word - line >= 5 && strncmp(word - 5, "code=", 5) == 0) ||
           (word - line >= 8 && strncmp(word - 8, "\"code\":\"", 8) == 0);
}

static void find_codes(struct finding *f)
{
    size_t length;
    for (const char *at = f->line; *at != '\0'; at += length) {
        for (length = 0; in_word(at[length]);)
            length++;
        if (length == 0) {
            length = 1;
            continue;
        }
        weir_code code = weir_code_find((weir_str){at, length});
        bool counts = f->alone || memchr(at, '_', length) != NULL || is_said_to_be_code(f->line, at);
        if (code == WEIR_CODE_COUNT || !counts || is_found(f, code))
            continue;
        struct explain_found *found = add(f, NULL, NULL, NULL);
        if (found != NULL)
            found->code = code;
    }
}

static const struct explain_row *row_of_errno(int os)
{
    for (size_t i = 0; i < explain_errno.count; i++)
        if (explain_errno_number(explain_errno.rows[i].word, strlen(explain_errno.rows[i].word)) == os)
            return &explain_errno.rows[i];
    return NULL;
}

/* A number alone, or the name of any errno, also one that has no row. */
static void find_errno_alone(struct finding *f)
{
    size_t length = strlen(f->line);
    bool is_number = strspn(f->line, "0123456789") == length && length < 6;
    int os = is_number ? atoi(f->line) : explain_errno_number(f->line, length);
    if (os <= 0 || strerrorname_np(os) == NULL)
        return;
    for (size_t i = 0; i < f->count; i++)
        if (f->found[i].table == &explain_errno)
            return;
    struct explain_found *found = add(f, &explain_errno, row_of_errno(os), NULL);
    if (found != NULL)
        found->os = os;
}

size_t explain_find(const char *line, struct explain_found found[EXPLAIN_FOUND_MAX])
{
    struct finding f = {.line = line, .alone = strpbrk(line, " \t") == NULL, .found = found};
    find_codes(&f);
    for (size_t t = 0; t < explain_tables_count; t++) {
        const struct explain_table *table = explain_tables[t];
        if (table->kind == EXPLAIN_STATE)
            find_state(&f);
        for (size_t i = 0; i < table->count && table->kind != EXPLAIN_STATE; i++) {
            const char *stood = stands(&f, table, &table->rows[i]);
            if (stood != NULL)
                (void)add(&f, table, &table->rows[i], stood);
        }
    }
    drop_beginnings(&f);
    if (f.alone)
        find_errno_alone(&f);
    return f.count;
}
