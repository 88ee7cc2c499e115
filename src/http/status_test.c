/* Goal: registered codes have their reason, others none. Method: a few of each class, and every number is safe to
 * ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <weir/field.h>

static void check(unsigned status, const char *due)
{
    weir_str reason = weir_status_reason(status);
    assert_int_equal(reason.len, strlen(due));
    if (reason.len > 0)
        assert_memory_equal(reason.ptr, due, reason.len);
}

static void reasons(void **state)
{
    (void)state;
    check(100, "Continue");
    check(200, "OK");
    check(308, "Permanent Redirect");
    check(413, "Content Too Large");
    check(418, "");
    check(431, "Request Header Fields Too Large");
    check(505, "HTTP Version Not Supported");
    check(0, "");
    check(299, "");
    check(~0U, "");
    for (unsigned status = 0; status < 2000; status++)
        assert_true(weir_status_reason(status).len == 0 || weir_field_value_valid(weir_status_reason(status)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reasons)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
