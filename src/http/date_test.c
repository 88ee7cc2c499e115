/* Goal: seconds become IMF-fixdate. Method: known dates, and every day of four centuries and some odd seconds
 * against the C library's calendar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "http/date.h"

static void check(int64_t seconds, const char *due)
{
    char text[HTTP_DATE_SIZE + 1] = {0};
    http_date_format(text, seconds);
    assert_string_equal(text, due);
}

static void known_dates(void **state)
{
    (void)state;
    check(784111777, "Sun, 06 Nov 1994 08:49:37 GMT"); /* the RFC's own */
    check(0, "Thu, 01 Jan 1970 00:00:00 GMT");
    check(-1, "Wed, 31 Dec 1969 23:59:59 GMT");
    check(951782400, "Tue, 29 Feb 2000 00:00:00 GMT");
    check(4107542400, "Mon, 01 Mar 2100 00:00:00 GMT");
    check(INT64_C(-62135596800), "Mon, 01 Jan 0001 00:00:00 GMT");
    check(INT64_C(253402300799), "Fri, 31 Dec 9999 23:59:59 GMT");
    check(INT64_MIN, "Mon, 01 Jan 0001 00:00:00 GMT");
    check(INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT");
}

static void all_days_of_an_era(void **state)
{
    (void)state;
    for (int64_t day = -36524; day < 146097 - 36524; day++) {
        time_t seconds = (time_t)(day * 86400 + (day * 7919 % 86400 + 86400) % 86400);
        struct tm tm;
        char due[64];
        assert_non_null(gmtime_r(&seconds, &tm));
        assert_int_equal(strftime(due, sizeof(due), "%a, %d %b %Y %H:%M:%S GMT", &tm), HTTP_DATE_SIZE);
        check((int64_t)seconds, due);
    }
}

/* Day by day from the first that there is, by counting, so that no other calendar is asked: strftime does not pad
 * years. */
static void all_days_before_1970(void **state)
{
    (void)state;
    static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    static const char weekdays[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    int64_t day = -719162;
    for (unsigned year = 1; year < 1970; year++) {
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        for (unsigned month = 0; month < 12; month++) {
            for (unsigned date = 1; date <= lengths[month] + (month == 1 && leap); date++, day++) {
                char due[64];
                snprintf(due, sizeof due, "%s, %02u %s %04u 00:00:01 GMT", weekdays[(day + 719163) % 7], date,
                         months[month], year);
                check(day * 86400 + 1, due);
                due[strlen(due) - 12] = '\0';
                strcat(due, "23:59:59 GMT");
                check(day * 86400 + 86399, due);
            }
        }
    }
    assert_int_equal(day, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_dates),
        cmocka_unit_test(all_days_of_an_era),
        cmocka_unit_test(all_days_before_1970),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
