/* Goal: the input buffer gives back what came, in order, and never touches octets that others hold. Method: random
 * reads, uses and holds against a stream whose octets are a function of their place, with memory that fails by chance;
 * at the end all memory is back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/failing_memory.h"
#include "base/input.h"

#define HOLDS_MAX 8

struct hold {
    struct base_block *block;
    const char *octets;
    size_t size;
    uint64_t at;
};

struct model {
    struct base_input input;
    struct base_blocks blocks;
    struct hold holds[HOLDS_MAX];
    uint64_t came, used;
    uint32_t chance;
};

static uint32_t below(struct model *m, uint32_t bound)
{
    m->chance = m->chance * 1664525U + 1013904223U;
    return (m->chance >> 8) % bound;
}

static char octet_at(uint64_t at)
{
    return (char)((at * UINT64_C(0x9e3779b97f4a7c15)) >> 56);
}

static void check_octets(const char *octets, size_t size, uint64_t at)
{
    size_t same = 0;
    while (same < size && octets[same] == octet_at(at + same))
        same++;
    assert_int_equal(same, size); /* not an assertion an octet: there are millions */
}

static void check(const struct model *m)
{
    assert_int_equal(base_input_size(&m->input), m->came - m->used);
    if (m->input.block != NULL)
        check_octets(base_input_octets(&m->input), base_input_size(&m->input), m->used);
    for (size_t i = 0; i < HOLDS_MAX; i++)
        if (m->holds[i].block != NULL)
            check_octets(m->holds[i].octets, m->holds[i].size, m->holds[i].at);
}

static void read_some(struct model *m)
{
    size_t size = 0;
    char *space = base_input_reserve(&m->input, &m->blocks, below(m, 4) == 0, &size);
    if (space == NULL)
        return; /* as it was: the next check looks */
    assert_true(size >= 256);
    size_t n = below(m, 3) == 0 ? size : below(m, (uint32_t)(size < 2000 ? size : 2000) + 1);
    /* All of the room is ours to write, not only what is committed. */
    memset(space, 0x5a, size);
    for (size_t i = 0; i < n; i++)
        space[i] = octet_at(m->came + i);
    base_input_commit(&m->input, n);
    m->came += n;
}

static void use_some(struct model *m)
{
    size_t size = base_input_size(&m->input);
    if (size == 0)
        return;
    size_t n = below(m, 2) == 0 ? size : below(m, (uint32_t)size + 1);
    struct hold *hold = &m->holds[below(m, HOLDS_MAX)];
    if (below(m, 3) == 0) {
        base_block_unref(hold->block);
        *hold = (struct hold){base_block_ref(m->input.block), base_input_octets(&m->input), n, m->used};
    }
    base_input_consume(&m->input, n);
    m->used += n;
}

static void walk(uint32_t seed)
{
    struct failing_memory memory = {.chance = seed, .fail_one_in = seed % 4 == 0 ? 5 : 0};
    const weir_allocator allocator = failing_memory_allocator(&memory);
    struct model m = {.chance = seed};
    base_blocks_init(&m.blocks, &allocator);
    for (uint32_t n = below(&m, 120); n > 0; n--) {
        switch (below(&m, 8)) {
        case 0:
            base_input_settle(&m.input);
            assert_true(m.input.block == NULL || base_input_size(&m.input) > 0);
            break;
        case 1: {
            struct hold *hold = &m.holds[below(&m, HOLDS_MAX)];
            base_block_unref(hold->block);
            hold->block = NULL;
            break;
        }
        case 2:
        case 3:
        case 4:
            use_some(&m);
            break;
        default:
            if (m.came - m.used < 200000)
                read_some(&m);
            break;
        }
        check(&m);
    }
    base_input_fini(&m.input);
    for (size_t i = 0; i < HOLDS_MAX; i++) {
        m.holds[i].block != NULL ? check_octets(m.holds[i].octets, m.holds[i].size, m.holds[i].at) : (void)0;
        base_block_unref(m.holds[i].block);
    }
    base_blocks_fini(&m.blocks);
    assert_int_equal(memory.live, 0);
}

static void random_walks(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 400; seed++)
        walk(seed);
}

static void empty_holds_nothing(void **state)
{
    (void)state;
    struct failing_memory memory = {.fail_at = 0};
    const weir_allocator allocator = failing_memory_allocator(&memory);
    struct base_blocks blocks;
    struct base_input input = {.block = NULL};
    size_t size;
    base_blocks_init(&blocks, &allocator);
    assert_non_null(base_input_reserve(&input, &blocks, false, &size));
    base_input_settle(&input);
    assert_null(input.block);
    assert_int_equal(blocks.small.live, 0);
    /* A body asks for large blocks at once. */
    assert_non_null(base_input_reserve(&input, &blocks, true, &size));
    assert_int_equal(size, BASE_BLOCK_LARGE);
    base_input_fini(&input);
    base_blocks_fini(&blocks);
    assert_int_equal(memory.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_walks), cmocka_unit_test(empty_holds_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
