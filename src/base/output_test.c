/* Goal: what comes out of the chain is what went in, in order, whatever the pieces are and however they are written.
 * Method: random appends (copied, reserved, borrowed, of a file) and partial writes against a plain array, with memory
 * that fails by chance; at the end all memory is back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/failing_memory.h"
#include "base/output.h"

#define STREAM_MAX 4000000
#define THE_FILE   77 /* a descriptor that nobody reads: its octets are a function of the offset */

static char source[100000]; /* borrowed and copied from */
static char stream[STREAM_MAX];

struct model {
    struct base_output output;
    struct base_blocks blocks;
    size_t came, written;
    uint32_t chance;
};

static uint32_t below(struct model *m, uint32_t bound)
{
    m->chance = m->chance * 1664525U + 1013904223U;
    return (m->chance >> 8) % bound;
}

static char file_octet(uint64_t offset)
{
    return (char)(offset * 7 + 3);
}

static void came(struct model *m, const char *octets, size_t size)
{
    memcpy(stream + m->came, octets, size);
    m->came += size;
}

static void append(struct model *m)
{
    size_t size = below(m, 3) == 0 ? below(m, 70000) : below(m, 600);
    weir_str octets = {.ptr = source + below(m, (uint32_t)(sizeof source - size)), .len = size};
    switch (below(m, 5)) {
    case 0:
        if (base_output_borrow(&m->output, &m->blocks, octets))
            came(m, octets.ptr, size);
        break;
    case 1: {
        uint64_t offset = below(m, 1000);
        if (!base_output_file(&m->output, &m->blocks, THE_FILE, offset, size))
            break;
        for (size_t i = 0; i < size; i++)
            stream[m->came++] = file_octet(offset + i);
        break;
    }
    case 2: {
        char *to = base_output_reserve(&m->output, &m->blocks, size + 1);
        if (to == NULL)
            break;
        memset(to, 0x5a, size + 1);
        size_t n = below(m, 4) == 0 ? 0 : size;
        memcpy(to, octets.ptr, n);
        base_output_commit(&m->output, n);
        came(m, octets.ptr, n);
        break;
    }
    default:
        if (base_output_copy(&m->output, &m->blocks, octets))
            came(m, octets.ptr, size);
        break;
    }
}

static void check(const struct model *m)
{
    assert_int_equal(m->output.pending, m->came - m->written);
    const char *expected = stream + m->written;
    uint64_t pending = 0;
    for (uint32_t i = 0; i < m->output.count; i++) {
        const struct base_piece *piece = base_output_piece(&m->output, i);
        assert_true(piece->len > 0);
        if (piece->fd < 0) {
            assert_memory_equal(piece->ptr, expected + pending, piece->len);
        } else {
            assert_int_equal(piece->fd, THE_FILE);
            for (uint64_t at = 0; at < piece->len; at++)
                assert_int_equal(file_octet(piece->offset + at), expected[pending + at]);
        }
        pending += piece->len;
    }
    assert_int_equal(pending, m->output.pending);
}

static void walk(uint32_t seed)
{
    struct failing_memory memory = {.chance = seed, .fail_one_in = seed % 4 == 0 ? 4 : 0};
    const weir_allocator allocator = failing_memory_allocator(&memory);
    struct model m = {.chance = seed};
    base_blocks_init(&m.blocks, &allocator);
    base_output_init(&m.output);
    for (uint32_t n = below(&m, 60); n > 0; n--) {
        if (below(&m, 3) != 0) {
            append(&m);
        } else {
            uint64_t size = below(&m, 2) == 0 ? m.output.pending : below(&m, (uint32_t)m.output.pending + 1);
            base_output_consume(&m.output, size);
            m.written += size;
        }
        if (below(&m, 8) == 0)
            base_output_settle(&m.output);
        check(&m);
        if (m.output.pending == 0 && below(&m, 2) == 0) {
            base_output_settle(&m.output);
            assert_null(m.output.tail);
        }
    }
    if (below(&m, 2) == 0) {
        base_output_cut(&m.output, &m.blocks);
        assert_int_equal(m.output.pending, 0);
        assert_int_equal(m.output.count, 0);
        assert_true(base_output_copy(&m.output, &m.blocks, WEIR_STR("again")) || memory.fail_one_in != 0);
    }
    base_output_fini(&m.output, &m.blocks);
    assert_int_equal(m.blocks.small.live + m.blocks.large.live, 0);
    base_blocks_fini(&m.blocks);
    assert_int_equal(memory.live, 0);
}

static void random_walks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof source; i++)
        source[i] = (char)(i * 31 + i / 251);
    for (uint32_t seed = 1; seed <= 400; seed++)
        walk(seed);
}

/* A batch of small answers is one piece, so one write. */
static void neighbours_are_one_piece(void **state)
{
    (void)state;
    struct failing_memory memory = {.fail_at = 0};
    const weir_allocator allocator = failing_memory_allocator(&memory);
    struct base_blocks blocks;
    struct base_output output;
    base_blocks_init(&blocks, &allocator);
    base_output_init(&output);
    for (int i = 0; i < 20; i++)
        assert_true(base_output_copy(&output, &blocks, WEIR_STR("0123456789")));
    assert_int_equal(output.count, 1);
    base_output_consume(&output, 5);
    assert_true(base_output_copy(&output, &blocks, WEIR_STR("0123456789")));
    assert_int_equal(output.count, 1);
    base_output_consume(&output, output.pending);
    size_t calls = memory.calls;
    /* The tail begins anew: the steady state allocates nothing. */
    for (int i = 0; i < 1000; i++) {
        assert_true(base_output_copy(&output, &blocks, WEIR_STR("0123456789")));
        base_output_consume(&output, 10);
    }
    assert_int_equal(memory.calls, calls);
    base_output_fini(&output, &blocks);
    base_blocks_fini(&blocks);
    assert_int_equal(memory.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_walks), cmocka_unit_test(neighbours_are_one_piece)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
