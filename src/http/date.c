#include "http/date.h"

#include <string.h>

#define DAY          INT64_C(86400)
#define FIRST_SECOND INT64_C(-62135596800) /* 0001-01-01 00:00:00 */
#define LAST_SECOND  INT64_C(253402300799) /* 9999-12-31 23:59:59 */

struct civil {
    unsigned year, month, day; /* month and day from 1 */
};

/* Years are counted from the first of March of year 0, so that the leap day is the last of its year and an era of 400
 * years has always 146,097 days. */
static struct civil civil_of(int64_t days_since_1970)
{
    uint64_t days = (uint64_t)(days_since_1970 + 719468);
    uint64_t era = days / 146097;
    unsigned in_era = (unsigned)(days % 146097);
    unsigned year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    unsigned in_year = in_era - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * in_year + 2) / 153; /* from March */
    unsigned day = in_year - (153 * month + 2) / 5 + 1;
    unsigned january_on = month >= 10;
    return (struct civil){
        .year = (unsigned)(era * 400) + year + january_on,
        .month = january_on ? month - 9 : month + 3,
        .day = day,
    };
}

static void put_two(char *text, unsigned number)
{
    text[0] = (char)('0' + number / 10 % 10);
    text[1] = (char)('0' + number % 10);
}

void http_date_format(char text[HTTP_DATE_SIZE], int64_t unix_seconds)
{
    if (unix_seconds < FIRST_SECOND)
        unix_seconds = FIRST_SECOND;
    if (unix_seconds > LAST_SECOND)
        unix_seconds = LAST_SECOND;
    int64_t days = unix_seconds / DAY - (unix_seconds % DAY < 0);
    unsigned second = (unsigned)(unix_seconds - days * DAY);
    struct civil date = civil_of(days);
    unsigned weekday = (unsigned)((days + 719162 + 1) % 7); /* 0001-01-01 was a Monday; 0 is Sunday */

    memcpy(text, "Sun, 00 Jan 0000 00:00:00 GMT", HTTP_DATE_SIZE);
    memcpy(text, &"SunMonTueWedThuFriSat"[(size_t)weekday * 3], 3);
    put_two(text + 5, date.day);
    memcpy(text + 8, &"JanFebMarAprMayJunJulAugSepOctNovDec"[(size_t)(date.month - 1) * 3], 3);
    put_two(text + 12, date.year / 100);
    put_two(text + 14, date.year % 100);
    put_two(text + 17, second / 3600);
    put_two(text + 20, second / 60 % 60);
    put_two(text + 23, second % 60);
}
