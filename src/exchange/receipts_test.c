/* Goal: the account of answers is exact at any size of it, and the verdict is that of the design (docs: delivery).
 * Method: random pushes, acknowledgements and shifts against a naive list, with memory that fails by chance; a
 * table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/failing_memory.h"
#include "exchange/receipts.h"

/* --- the account ------------------------------------------------------------------------------------------------ */

#define ANSWERS_MAX 4000

struct naive {
    uint64_t end[ANSWERS_MAX];
    size_t first, count;
    uint64_t total, acked, pruned_to;
};

static uint32_t next(uint32_t *chance, uint32_t bound)
{
    *chance = *chance * 1664525U + 1013904223U;
    return (*chance >> 8) % bound;
}

static uint64_t size_of_next(uint32_t *chance)
{
    static const uint64_t sizes[] = {1, 100, 100, 100, 140, 141, UINT64_C(1) << 40};
    return next(chance, 3) == 0 ? 1 + next(chance, 5000) : sizes[next(chance, 7)];
}

static void shift_all(struct receipts *receipts, const weir_allocator *allocator, struct naive *naive)
{
    uint64_t begin, end;
    while (receipts_shift(receipts, allocator, &begin, &end)) {
        assert_true(naive->first < naive->count);
        assert_int_equal(begin, naive->pruned_to);
        assert_int_equal(end, naive->end[naive->first]);
        naive->pruned_to = end;
        naive->first++;
    }
    assert_int_equal(naive->first, naive->count);
    assert_null(receipts->heap);
}

static void prune(struct receipts *receipts, const weir_allocator *allocator, struct naive *naive)
{
    uint64_t pruned = receipts_prune(receipts, allocator, naive->acked);
    uint64_t expected = 0;
    while (naive->first < naive->count && naive->end[naive->first] <= naive->acked) {
        naive->pruned_to = naive->end[naive->first++];
        expected++;
    }
    assert_int_equal(pruned, expected);
    assert_int_equal(receipts->begin, naive->pruned_to);
    assert_true(naive->first < naive->count || receipts->heap == NULL);
}

static void walk(uint32_t seed)
{
    static struct naive naive;
    struct failing_memory memory = {.chance = seed, .fail_one_in = seed % 3 == 0 ? 4 : 0};
    const weir_allocator allocator = failing_memory_allocator(&memory);
    struct receipts receipts;
    uint32_t chance = seed;
    naive = (struct naive){.first = 0};
    receipts_init(&receipts);
    uint32_t ack_one_in = 1 + next(&chance, 12);
    for (uint32_t n = next(&chance, 400); n > 0; n--) {
        uint64_t size = size_of_next(&chance);
        naive.total += size;
        naive.end[naive.count++] = naive.total;
        if (!receipts_push(&receipts, &allocator, size))
            break; /* kept, but no other may follow */
        if (next(&chance, ack_one_in) == 0) {
            uint64_t open = naive.total - naive.acked;
            naive.acked += next(&chance, 3) == 0 ? open : open / (1 + next(&chance, 9));
            prune(&receipts, &allocator, &naive);
        }
    }
    if (next(&chance, 2) == 0)
        prune(&receipts, &allocator, &naive);
    if (next(&chance, 4) != 0)
        shift_all(&receipts, &allocator, &naive);
    receipts_fini(&receipts, &allocator);
    assert_int_equal(memory.live, 0);
}

static void random_walks(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 20000; seed++)
        walk(seed);
}

static void equal_answers_cost_nothing(void **state)
{
    (void)state;
    struct failing_memory memory = {.fail_at = 1};
    const weir_allocator allocator = failing_memory_allocator(&memory);
    struct receipts receipts;
    receipts_init(&receipts);
    for (int i = 0; i < 100000; i++)
        assert_true(receipts_push(&receipts, &allocator, 140));
    assert_int_equal(memory.calls, 0);
    assert_int_equal(receipts_prune(&receipts, &allocator, 140 * 99999 + 139), 99999);
    /* One that is under way and one of another size need memory; the one that found none is kept. */
    assert_false(receipts_push(&receipts, &allocator, 7));
    uint64_t begin, end;
    assert_true(receipts_shift(&receipts, &allocator, &begin, &end));
    assert_int_equal(end, 140 * 100000);
    assert_true(receipts_shift(&receipts, &allocator, &begin, &end));
    assert_int_equal(end - begin, 7);
    assert_false(receipts_shift(&receipts, &allocator, &begin, &end));
    receipts_fini(&receipts, &allocator);
    assert_int_equal(memory.live, 0);
}

/* --- the verdict ------------------------------------------------------------------------------------------------ */

struct row {
    const char *what;
    uint64_t begin, end, left, acked;
    bool whole, known, fin_first;
    weir_delivery verdict;
};

static const struct row rows[] = {
    {"all acknowledged", 0, 140, 140, 140, true, true, false, WEIR_DELIVERY_DELIVERED},
    {"and more after it", 0, 140, 280, 200, true, true, false, WEIR_DELIVERY_DELIVERED},
    {"acknowledged, then the peer closed, then a reset", 0, 140, 280, 140, true, true, true, WEIR_DELIVERY_DELIVERED},
    {"left, the acknowledgement delayed", 560, 700, 700, 560, true, true, false, WEIR_DELIVERY_UNCONFIRMED},
    {"left, half of it acknowledged", 0, 140, 140, 70, true, true, false, WEIR_DELIVERY_UNCONFIRMED},
    {"closed before the answer, which a reset met", 0, 140, 140, 0, true, true, true, WEIR_DELIVERY_LOST},
    {"closed within the answer", 0, 140, 140, 70, true, true, true, WEIR_DELIVERY_PARTIAL},
    {"some never left", 0, 1000, 600, 400, true, true, false, WEIR_DELIVERY_PARTIAL},
    {"nothing left", 100, 200, 100, 100, true, true, false, WEIR_DELIVERY_LOST},
    {"some left, nothing acknowledged", 100, 200, 150, 100, true, true, false, WEIR_DELIVERY_LOST},
    {"some never made, all made acknowledged", 0, 50, 50, 50, false, true, false, WEIR_DELIVERY_PARTIAL},
    {"some never made, nothing acknowledged", 0, 50, 50, 0, false, true, false, WEIR_DELIVERY_LOST},
    {"nothing made", 50, 50, 50, 50, false, true, false, WEIR_DELIVERY_LOST},
    {"the transport does not tell", 0, 140, 140, 140, true, false, false, WEIR_DELIVERY_UNKNOWN},
};

static void verdicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        const weir_receipt receipt = {.known = row->known, .left = row->left, .acked = row->acked};
        const struct receipts_facts facts = {.receipt = &receipt, .fin_first = row->fin_first};
        weir_delivery verdict = receipts_judge(&facts, row->begin, row->end, row->whole);
        if (verdict != row->verdict)
            fail_msg("%s: %s", row->what, weir_delivery_name(verdict));
    }
    const struct receipts_facts nothing = {.receipt = NULL};
    assert_int_equal(receipts_judge(&nothing, 0, 1, true), WEIR_DELIVERY_UNKNOWN);
}

/* However many there are, of whatever sizes: none is lost of the count, and what is acknowledged is never more than
 * is. */
static void has_a_bound(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        struct failing_memory memory = {.chance = seed};
        const weir_allocator allocator = failing_memory_allocator(&memory);
        struct receipts receipts;
        uint64_t total = 0, acked = 0, count = 0, pruned = 0, ends[50000], begin, end, last = 0;
        uint32_t chance = seed;
        receipts_init(&receipts);
        for (; count < 50000; count++) {
            uint64_t size = 1 + next(&chance, 3000);
            assert_true(receipts_push(&receipts, &allocator, size));
            assert_true(memory.live == receipts_memory(&receipts) && memory.live <= 17 * 1024);
            ends[count] = total += size;
            if (seed % 2 == 0 && next(&chance, 500) == 0) {
                acked += (total - acked) / 2;
                pruned += receipts_prune(&receipts, &allocator, acked);
                assert_true(pruned == 0 || ends[pruned - 1] <= acked);
            }
        }
        while (receipts_shift(&receipts, &allocator, &begin, &end)) {
            assert_true(end > begin && end >= last && end >= ends[pruned]);
            last = end;
            pruned++;
        }
        assert_int_equal(pruned, count);
        assert_int_equal(last, total);
        assert_int_equal(memory.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_a_bound),
        cmocka_unit_test(random_walks),
        cmocka_unit_test(equal_answers_cost_nothing),
        cmocka_unit_test(verdicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
