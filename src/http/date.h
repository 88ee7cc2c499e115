/* Dates as HTTP writes them: IMF-fixdate (RFC 9110, 5.6.7). */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include <stdint.h>

#define HTTP_DATE_SIZE 29

/* "Sun, 06 Nov 1994 08:49:37 GMT", not terminated; of a second from 0001 to 9999. */
void http_date_format(char text[HTTP_DATE_SIZE], int64_t unix_seconds);

#endif
