/* Invariant: for any line: at most so many are found as there is room for; each is a code of ours, an errno, or a row
 * of the table that it names, no row twice; and the same line finds the same again. */
#include "explain/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                                     \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static void check(const struct explain_found *found)
{
    if (found->table == NULL)
        MUST(found->code < WEIR_CODE_COUNT);
    else if (found->row != NULL)
        MUST(found->row >= found->table->rows && found->row < found->table->rows + found->table->count);
    else
        MUST(found->table == &explain_errno && found->os > 0);
    MUST(memchr(found->text, '\0', sizeof(found->text)) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size)
{
    struct explain_found found[EXPLAIN_FOUND_MAX], again[EXPLAIN_FOUND_MAX];
    char *line = malloc(size + 1);
    if (line == NULL)
        return 0;
    if (size > 0)
        memcpy(line, octets, size);
    line[size] = '\0';
    size_t count = explain_find(line, found);
    MUST(count <= EXPLAIN_FOUND_MAX && explain_find(line, again) == count);
    for (size_t i = 0; i < count; i++) {
        check(&found[i]);
        MUST(found[i].row == again[i].row && found[i].code == again[i].code);
        for (size_t j = 0; j < i; j++)
            MUST(found[i].row == NULL || found[i].row != found[j].row);
    }
    free(line);
    return 0;
}
