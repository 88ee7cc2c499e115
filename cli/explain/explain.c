/* weir explain: what an ending's code means, and what the system and other programs call it. */
#include "explain/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/commands.h"
#include "common/options.h"
#include "common/text.h"

#define LABEL_WIDTH 12
#define LINE_WIDTH  100

/* A label and a sentence, broken between words. */
static void item(const char *label, const char *sentence)
{
    struct text text = text_growing();
    text_wrapped(&text, LABEL_WIDTH, LINE_WIDTH, sentence);
    (void)printf("  %-*s%s\n", LABEL_WIDTH - 2, label, text.len > 0 ? text.ptr : sentence);
    text_free(&text);
}

static const char *matters(weir_class weight)
{
    static const char *const words[WEIR_CLASS_COUNT] = {
        [WEIR_CLASS_ROUTINE] = "no (routine): it is as expected",
        [WEIR_CLASS_NOTABLE] = "seldom (notable): the doing of others; count it, and look when it is many",
        [WEIR_CLASS_FAULT] = "yes (fault): the doing of this host or program",
        [WEIR_CLASS_ABUSE] = "yes (abuse): someone means harm",
        [WEIR_CLASS_BUG] = "yes (bug): a programming error",
    };
    return words[weight];
}

/* --- what others say -------------------------------------------------------------------------------------------- */

static void add_name(struct text *names, const struct explain_table *table, const struct explain_row *row)
{
    text_printf(names, "%s", names->len > 0 ? ", " : "");
    if (table->kind != EXPLAIN_PHRASE) {
        text_printf(names, table->kind == EXPLAIN_EXIT ? "exit status %s" : "%s", row->word);
        return;
    }
    size_t length = strcspn(row->word, "*");
    text_printf(names, "\"%.*s%s%s\"", (int)length, row->word, row->word[length] == '*' ? " ... " : "",
                row->word[length] == '*' ? row->word + length + 1 : "");
}

static bool has_code(const struct explain_row *row, weir_code code)
{
    for (size_t i = 0; i < EXPLAIN_CODES_MAX && row->codes[i] != WEIR_CODE_ok; i++)
        if (row->codes[i] == code)
            return true;
    return false;
}

/* What each program calls a code of ours. */
static void print_names(weir_code code)
{
    const char *last = "";
    for (size_t t = 0; t < explain_tables_count; t++) {
        const struct explain_table *table = explain_tables[t];
        struct text names = text_growing();
        for (size_t i = 0; i < table->count; i++)
            if (has_code(&table->rows[i], code))
                add_name(&names, table, &table->rows[i]);
        if (names.len > 0) {
            item(strcmp(table->program, last) != 0 ? table->program : "", names.ptr);
            last = table->program;
        }
        text_free(&names);
    }
}

static void print_code(weir_code code)
{
    (void)printf("%s: %s\n", weir_code_name(code), weir_code_text(code));
    if (weir_code_advice(code)[0] != '\0')
        item("advice", weir_code_advice(code));
    item("how", weir_how_name(weir_code_how(code)));
    item("by", weir_by_name(weir_code_by(code)));
    (void)printf("  %-10s%s (what was owed and delivered may make it graver)\n", "class",
                 weir_class_name(weir_code_class(code)));
    if (weir_code_status(code) != 0)
        (void)printf("  %-10s%u, when a request is answered so\n", "status", weir_code_status(code));
    print_names(code);
}

static void print_title(const struct explain_found *found)
{
    const struct explain_table *table = found->table;
    const struct explain_row *row = found->row;
    struct text title = text_growing();
    if (table->kind == EXPLAIN_ERRNO) {
        int os = row != NULL ? explain_errno_number(row->word, strlen(row->word)) : found->os;
        text_printf(&title, "%s (errno %d): %s", strerrorname_np(os), os, strerrordesc_np(os));
    } else {
        text_printf(&title, "%s ", table->program);
        struct text name = text_growing();
        add_name(&name, table, row);
        text_printf(&title, "%s", table->kind == EXPLAIN_STATE ? found->text : name.len > 0 ? name.ptr : "");
        text_free(&name);
        if (row->also != NULL && table->kind != EXPLAIN_PHRASE)
            text_printf(&title, " (%s)", row->also);
    }
    (void)printf("%s\n", title.len > 0 ? title.ptr : table->program);
    text_free(&title);
}

static void print_row(const struct explain_found *found)
{
    const struct explain_row *row = found->row;
    print_title(found);
    if (row == NULL) {
        item("means", "nothing that ends a connection: a call was refused for a reason of its own");
        return;
    }
    if (found->table->kind == EXPLAIN_STATE)
        (void)printf("  %-10s%c: %s; %c: %s\n", "letters", found->text[0], explain_state_letter(found->text[0], 0),
                     found->text[1], explain_state_letter(found->text[1], 1));
    item("means", row->means);
    item("who", row->who);
    item("matters", matters(row->weight));
    item("advice", row->advice);
    for (size_t i = 0; i < EXPLAIN_CODES_MAX && row->codes[i] != WEIR_CODE_ok; i++)
        (void)printf("  %-10s%s: %s\n", i == 0 ? "weir" : "", weir_code_name(row->codes[i]),
                     weir_code_text(row->codes[i]));
}

/* --- the command ------------------------------------------------------------------------------------------------ */

static void print_found(const struct explain_found *found)
{
    if (found->table == NULL)
        print_code(found->code);
    else
        print_row(found);
}

/* False: nothing in it is known. */
static bool explain_line(const char *line)
{
    struct explain_found found[EXPLAIN_FOUND_MAX];
    size_t count = explain_find(line, found);
    for (size_t i = 0; i < count; i++)
        print_found(&found[i]);
    return count > 0;
}

/* Whether it was printed before: an explanation is given once, however many lines ask for it. */
static bool is_new(const struct explain_found *found)
{
    static struct explain_found shown[256];
    static size_t count;
    for (size_t i = 0; i < count; i++)
        if (shown[i].table == found->table && shown[i].row == found->row && shown[i].code == found->code &&
            strcmp(shown[i].text, found->text) == 0)
            return false;
    if (count < sizeof(shown) / sizeof(shown[0]))
        shown[count++] = *found;
    return true;
}

static bool explain_input(void)
{
    char *line = NULL;
    size_t size = 0;
    bool any = false;
    while (getline(&line, &size, stdin) > 0) {
        struct explain_found found[EXPLAIN_FOUND_MAX];
        line[strcspn(line, "\r\n")] = '\0';
        size_t count = explain_find(line, found);
        any |= count > 0;
        for (size_t i = 0; i < count; i++)
            if (is_new(&found[i]))
                print_found(&found[i]);
        (void)fflush(stdout); /* the input may be a log that grows */
    }
    free(line);
    if (!any)
        (void)fputs("weir explain: nothing in the input is known\n", stderr);
    return any;
}

static void list_codes(void)
{
    for (unsigned i = 0; i < WEIR_CODE_MAX; i++)
        if (weir_code_is_known((weir_code)i))
            (void)printf("%-28s %-8s %s\n", weir_code_name((weir_code)i),
                         weir_class_name(weir_code_class((weir_code)i)), weir_code_text((weir_code)i));
}

static int refuse(const char *word)
{
    (void)fprintf(
        stderr,
        "weir explain: '%s' is not known: expected a code that `weir explain` lists, an errno, or words of a log: "
        "see weir explain --help\n",
        word);
    return 2;
}

/* Several words: each by itself if each is known, else a line that was not quoted. */
static int explain_words(int count, char **words)
{
    const char *unknown = NULL;
    struct explain_found found[EXPLAIN_FOUND_MAX];
    for (int i = 0; i < count && unknown == NULL; i++)
        unknown = explain_find(words[i], found) > 0 ? NULL : words[i];
    for (int i = 0; i < count && unknown == NULL; i++)
        (void)explain_line(words[i]);
    if (unknown == NULL)
        return 0;
    struct text line = text_growing();
    for (int i = 0; i < count; i++)
        text_printf(&line, "%s%s", i > 0 ? " " : "", words[i]);
    bool known = count > 1 && line.len > 0 && explain_line(line.ptr);
    text_free(&line);
    return known ? 0 : refuse(unknown);
}

static void notes(FILE *out)
{
    (void)fputs(
        "\nIt knows Weir's codes, errno, and what hyper, nginx, HAProxy (termination state), Envoy (response flags),\n"
        "Proxy-Status (RFC 9209), curl and wget (exit status) and wrk say. Quote a line; or give it on standard\n"
        "input, with - for its place: each explanation is then printed once.\n",
        out);
}

int command_explain(int argc, char **argv)
{
    int at = 0;
    struct option_command command = {
        .name = "weir explain",
        .summary =
            "What an ending or an error means, who did it, whether it matters, what to do. Without a word: all codes.",
        .operands = "[CODE | ERRNO | 'LINE OF A LOG' | -]...",
        .examples =
            "  weir explain peer_reset_idle\n"
            "  weir explain ENOTCONN 104\n"
            "  weir explain curl 52\n"
            "  weir explain CD\n"
            "  weir explain 'error: upstream timed out (110: Connection timed out) while connecting to upstream'\n"
            "  tail -n 1000 error.log | weir explain -\n",
        .notes = notes,
    };
    enum option_result result = options_parse(&command, argc, argv, &at);
    if (result != OPTIONS_RUN)
        return result == OPTIONS_DONE ? 0 : 2;
    int status = 0;
    if (at == argc)
        list_codes();
    else if (argc - at == 1 && strcmp(argv[at], "-") == 0)
        status = explain_input() ? 0 : 1;
    else
        status = explain_words(argc - at, &argv[at]);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        (void)fputs("weir explain: standard output cannot be written to\n", stderr);
        return 1;
    }
    return status;
}
