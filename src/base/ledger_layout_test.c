/* Goal: a program of any age gets a ledger that it understands and that balances; method: a ledger with a different
 * number in each place is given to structs of several sizes, and taken back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/ledger_layout.h"

#define SIZE_0_1  2040
#define CODES_0_1 98

static weir_ledger numbered(void)
{
    weir_ledger l = {.size = sizeof l};
    uint64_t numbers[(sizeof l - sizeof(size_t)) / sizeof(uint64_t)];
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        numbers[i] = i + 1;
    memcpy((char *)&l + sizeof(size_t), numbers, sizeof numbers);
    return l;
}

static uint64_t sum(const uint64_t *numbers, size_t count)
{
    uint64_t all = 0;
    for (size_t i = 0; i < count; i++)
        all += numbers[i];
    return all;
}

/* A program's memory: larger than any ledger, and marked, to see that nothing is written behind its end. */
union memory {
    weir_ledger ledger;
    uint64_t words[sizeof(weir_ledger) / 8 + 64];
};

static void mark(union memory *m, size_t size)
{
    memset(m, 0xee, sizeof *m);
    m->ledger.size = size;
}

static void check_marks(const union memory *m, size_t from)
{
    for (size_t i = from; i < sizeof *m; i++)
        assert_int_equal(((const unsigned char *)m)[i], 0xee);
}

static void test_todays(void **state)
{
    (void)state;
    weir_ledger ours = numbered(), back;
    union memory m;
    mark(&m, sizeof ours);
    base_ledger_give(&m.ledger, &ours);
    assert_memory_equal(&m.ledger, &ours, sizeof ours);
    check_marks(&m, sizeof ours);
    base_ledger_take(&back, &m.ledger);
    assert_memory_equal(&back, &ours, sizeof ours);
}

static void test_of_0_1(void **state)
{
    (void)state;
    weir_ledger ours = numbered(), back;
    union memory m;
    mark(&m, SIZE_0_1);
    base_ledger_give(&m.ledger, &ours);
    assert_int_equal(m.ledger.size, SIZE_0_1);
    check_marks(&m, SIZE_0_1);
    /* By the places of 0.1, in words: six totals with the size, six deliveries, six octets, then the codes. */
    assert_int_equal(m.words[1], ours.accepted);
    assert_int_equal(m.words[6 + 1], ours.exchanges_by_delivery[1]);
    assert_int_equal(m.words[12], ours.octets_in);
    assert_int_equal(m.words[18 + WEIR_CODE_drained], ours.ended_by_code[WEIR_CODE_drained]);
    assert_int_equal(sum(&m.words[18], CODES_0_1), sum(ours.ended_by_code, WEIR_CODE_MAX));
    assert_int_equal(m.words[18 + CODES_0_1 + WEIR_STAGE_TUNNEL], ours.ended_by_stage[WEIR_STAGE_TUNNEL]);
    assert_int_equal(sum(&m.words[18 + CODES_0_1], 10), sum(ours.ended_by_stage, WEIR_STAGE_MAX));
    assert_int_equal(m.words[SIZE_0_1 / 8 - 1], ours.accept_failures);
    base_ledger_take(&back, &m.ledger);
    assert_int_equal(back.size, sizeof back);
    assert_int_equal(back.accepted, ours.accepted);
    assert_int_equal(back.ended_by_code[WEIR_CODE_unsupported], ours.ended_by_code[WEIR_CODE_unsupported]);
    assert_int_equal(sum(back.ended_by_code, WEIR_CODE_MAX), sum(ours.ended_by_code, WEIR_CODE_MAX));
    assert_int_equal(sum(back.ended_by_how, WEIR_HOW_MAX), sum(ours.ended_by_how, WEIR_HOW_MAX));
    assert_int_equal(sum(back.ended_by_by, WEIR_BY_MAX), sum(ours.ended_by_by, WEIR_BY_MAX));
    assert_int_equal(sum(back.exchanges_by_code, WEIR_CODE_MAX), sum(ours.exchanges_by_code, WEIR_CODE_MAX));
    assert_memory_equal(back.ended_by_class, ours.ended_by_class, sizeof back.ended_by_class);
    assert_memory_equal(back.responses_by_status, ours.responses_by_status, sizeof back.responses_by_status);
    assert_int_equal(back.accept_failures, ours.accept_failures);
}

/* Shorter ones than any version's, and one of a version to come. */
static void test_any_size(void **state)
{
    (void)state;
    weir_ledger ours = numbered(), back;
    union memory m;
    for (size_t size = 0; size <= sizeof m; size += 8) {
        mark(&m, size);
        base_ledger_give(&m.ledger, &ours);
        assert_int_equal(m.ledger.size, size);
        check_marks(&m, size < 8 ? 8 : size);
        if (size > sizeof ours)
            assert_int_equal(sum(m.words + sizeof ours / 8, (size - sizeof ours) / 8), 0);
        base_ledger_take(&back, &m.ledger);
        assert_int_equal(back.accepted, size >= 16 ? ours.accepted : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_todays),
        cmocka_unit_test(test_of_0_1),
        cmocka_unit_test(test_any_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
