/* Goal: pieces are reused last in, first out, no more than `keep_max` unused ones are kept, and none is lost.
 * Method: an allocator that counts what is out, and fails on demand. */
#include "base/slab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/failing_memory.h"

struct counted {
    size_t out;
    size_t allocations;
    bool fails;
};

static void *counted_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct counted *counted = ctx;
    if (new_size == 0) {
        counted->out -= old_size;
        free(ptr);
        return NULL;
    }
    if (counted->fails)
        return NULL;
    counted->allocations++;
    counted->out += new_size - old_size;
    return realloc(ptr, new_size);
}

static void test_reuse(void **state)
{
    struct counted counted = {0};
    const weir_allocator allocator = {.resize = counted_resize, .ctx = &counted};
    struct base_slab slab;
    void *items[10];
    (void)state;
    base_slab_init(&slab, &allocator, 64, 4);
    for (int i = 0; i < 10; i++) {
        items[i] = base_slab_get(&slab);
        assert_non_null(items[i]);
        memset(items[i], 0xff, 64);
    }
    assert_int_equal(slab.live, 10);
    assert_int_equal(counted.out, 640);
    for (int i = 0; i < 10; i++)
        base_slab_put(&slab, items[i]);
    assert_int_equal(slab.kept, 4);
    assert_int_equal(counted.out, 4 * 64);

    /* The steady state allocates nothing, even without memory, and the last one back is the first one out. */
    counted.fails = true;
    for (int i = 0; i < 4; i++)
        assert_ptr_equal(base_slab_get(&slab), items[3 - i]);
    assert_null(base_slab_get(&slab));
    assert_int_equal(slab.live, 4);
    for (int i = 0; i < 4; i++)
        base_slab_put(&slab, items[i]);
    assert_int_equal(counted.allocations, 10);
    base_slab_fini(&slab);
    assert_int_equal(counted.out, 0);
}

static void test_keeps_none(void **state)
{
    struct counted counted = {0};
    const weir_allocator allocator = {.resize = counted_resize, .ctx = &counted};
    struct base_slab slab;
    (void)state;
    base_slab_init(&slab, &allocator, sizeof(void *), 0);
    void *item = base_slab_get(&slab);
    base_slab_put(&slab, item);
    assert_int_equal(counted.out, 0);
    base_slab_fini(&slab);
}

static void test_libc(void **state)
{
    struct base_slab slab;
    (void)state;
    base_slab_init(&slab, NULL, 32, 1);
    void *item = base_slab_get(&slab);
    assert_non_null(item);
    assert_int_equal((uintptr_t)item % sizeof(max_align_t) % 16, 0);
    base_slab_put(&slab, item);
    base_slab_fini(&slab);
}

static void test_trims(void **state)
{
    (void)state;
    struct failing_memory memory = {.fail_at = 0};
    const weir_allocator allocator = failing_memory_allocator(&memory);
    struct base_slab slab;
    void *items[10];
    base_slab_init(&slab, &allocator, 100, 8);
    for (int i = 0; i < 10; i++)
        assert_non_null(items[i] = base_slab_get(&slab));
    for (int i = 0; i < 10; i++)
        base_slab_put(&slab, items[i]);
    assert_int_equal(base_slab_kept(&slab), 800);
    base_slab_trim(&slab, 20);
    assert_int_equal(memory.live, 800);
    base_slab_trim(&slab, 3);
    assert_int_equal(memory.live, 300);
    assert_int_equal(base_slab_kept(&slab), 300);
    assert_non_null(items[0] = base_slab_get(&slab));
    base_slab_put(&slab, items[0]);
    base_slab_fini(&slab);
    assert_int_equal(memory.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reuse),
        cmocka_unit_test(test_keeps_none),
        cmocka_unit_test(test_libc),
        cmocka_unit_test(test_trims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
