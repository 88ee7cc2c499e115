/* Goal: the diagrams of docs/architecture.md are those of the tables. Method: print them, and look for them in the
 * page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conn/life.h"
#include "h1/state.h"

static char page[1 << 18];

static int read_page(void **state)
{
    static const char here[] = "src/conn/diagrams_test.c";
    char path[4096] = __FILE__;
    char *tail = strstr(path, here);
    (void)state;
    if (tail == NULL)
        return -1;
    snprintf(tail, sizeof path - (size_t)(tail - path), "docs/architecture.md");
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return -1;
    size_t size = fread(page, 1, sizeof page - 1, file);
    page[size] = '\0';
    return fclose(file);
}

static void expect_in_page(int (*print)(char *text, size_t size))
{
    char text[16384], block[16500];
    int size = print(text, sizeof text);
    assert_in_range(size, 1, sizeof text - 1);
    snprintf(block, sizeof block, "```mermaid\n%s```\n", text);
    if (strstr(page, block) == NULL)
        fail_msg("docs/architecture.md does not show this table as it is:\n%s", text);
}

static void test_message_states(void **state)
{
    (void)state;
    expect_in_page(h1_states_print);
}

static void test_life(void **state)
{
    (void)state;
    expect_in_page(life_print);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message_states),
        cmocka_unit_test(test_life),
    };
    return cmocka_run_group_tests(tests, read_page, NULL);
}
