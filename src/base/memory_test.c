/* Goal: memory is counted as it was asked for, and what a control group allows is found. Method: an allocator that
 * counts too; files as the kernel shows them, in a directory of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <weir/limits.h>

#include "base/alloc.h"
#include "base/failing_memory.h"
#include "base/memory.h"

static void counts(void **state)
{
    struct failing_memory memory = {.fail_one_in = 7};
    struct base_meter meter;
    const weir_allocator under = failing_memory_allocator(&memory), a = base_meter_init(&meter, &under);
    void *held[20] = {NULL};
    size_t sizes[20] = {0}, most = 0;
    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        size_t at = i * 7 % 20, size = i % 3 == 0 ? 0 : 1 + i * 31 % 5000;
        void *given = base_resize(&a, held[at], sizes[at], size);
        if (given != NULL || size == 0) {
            held[at] = given;
            sizes[at] = size;
        }
        most = memory.live > most ? memory.live : most;
        assert_int_equal(meter.held, memory.live);
        assert_int_equal(meter.peak, most);
    }
    for (size_t at = 0; at < 20; at++)
        base_release(&a, held[at], sizes[at]);
    assert_int_equal(meter.held, 0);
}

static void options(void **state)
{
    weir_error error;
    uint64_t octets = 0;
    (void)state;
    assert_int_equal(base_connection_memory_resolve(&octets, NULL), WEIR_OK);
    assert_int_equal(octets, 65536);
    octets = WEIR_UNLIMITED;
    assert_int_equal(base_connection_memory_resolve(&octets, &error), WEIR_OK);
    assert_true(octets == WEIR_UNLIMITED);
    octets = 4095;
    assert_int_equal(base_connection_memory_resolve(&octets, &error), WEIR_CODE_bad_option);
    assert_non_null(strstr(error.text, "connection_memory_max is 4095: expected 4096 to"));
    octets = 0;
    assert_int_equal(base_memory_resolve(&octets, &error), WEIR_OK);
    assert_int_equal(octets, base_machine_memory() / 2);
    octets = 65535;
    assert_int_equal(base_memory_resolve(&octets, &error), WEIR_CODE_bad_option);
    assert_non_null(strstr(error.text, "memory_max is 65535"));
}

/* --- control groups --------------------------------------------------------------------------------------------- */

static char root[] = "/tmp/weir_memory_XXXXXX";
static char made[16][200]; /* files and directories, in order */
static size_t made_count;

static const char *put(const char *name, const char *text)
{
    char *path = made[made_count++];
    (void)snprintf(path, sizeof made[0], "%s/%s", root, name);
    if (text == NULL) {
        assert_int_equal(mkdir(path, 0700), 0);
        return path;
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void groups(void **state)
{
    static const uint64_t machine = UINT64_C(1) << 34;
    (void)state;
    assert_non_null(mkdtemp(root));
    (void)put("a", NULL);
    (void)put("a/b", NULL);
    (void)put("memory", NULL);
    (void)put("memory/c", NULL);
    (void)put("a/memory.max", "1000000\n");
    (void)put("a/b/memory.max", "max\n");
    (void)put("memory/memory.limit_in_bytes", "9223372036854771712\n");
    (void)put("memory/c/memory.limit_in_bytes", "2000000\n");
    const char *second = put("second", "0::/a/b\n"), *none = put("none", "0::/\n");
    const char *first = put("first", "12:cpu,cpuacct:/a\n5:memory:/c\n0::/nowhere\n");
    const char *odd = put("odd", "\nno colons\n::\n0::relative\n5:memory:/c/deeper/than/there\n");
    assert_int_equal(base_group_memory(second, root, machine), 1000000); /* of the group that it is in */
    assert_int_equal(base_group_memory(none, root, machine), machine);
    assert_int_equal(base_group_memory(first, root, machine), 2000000);
    assert_int_equal(base_group_memory(odd, root, machine), 2000000);
    assert_int_equal(base_group_memory(second, root, 5000), 5000); /* the machine has less */
    assert_int_equal(base_group_memory("/nowhere/at/all", root, machine), machine);
    while (made_count > 0)
        assert_int_equal(remove(made[--made_count]), 0);
    assert_int_equal(rmdir(root), 0);
}

static void machine(void **state)
{
    (void)state;
    assert_true(base_machine_memory() >= UINT64_C(16) << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),
        cmocka_unit_test(options),
        cmocka_unit_test(groups),
        cmocka_unit_test(machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
