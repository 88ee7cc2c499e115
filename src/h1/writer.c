#include "h1/writer.h"

bool h1_read_decimal(weir_str text, uint64_t *value)
{
    uint64_t number = 0;
    if (text.len == 0 || text.len > 18)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    *value = number;
    return true;
}

char *h1_put_decimal(char *to, uint64_t value)
{
    char digits[20];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (n > 0)
        *to++ = digits[--n];
    return to;
}

char *h1_put_status_line(char *to, unsigned status, weir_str reason)
{
    to = H1_PUT(to, "HTTP/1.1 ");
    *to++ = (char)('0' + status / 100);
    *to++ = (char)('0' + status / 10 % 10);
    *to++ = (char)('0' + status % 10);
    *to++ = ' '; /* there even when the reason is empty (RFC 9112, 4) */
    if (reason.len > 0)
        to = h1_put(to, reason);
    return H1_PUT(to, "\r\n");
}

char *h1_put_request_line(char *to, weir_str method, weir_str target)
{
    to = h1_put(to, method);
    *to++ = ' ';
    to = h1_put(to, target);
    return H1_PUT(to, " HTTP/1.1\r\n");
}

char *h1_put_field(char *to, weir_field field)
{
    to = h1_put(to, field.name);
    to = H1_PUT(to, ": ");
    if (field.value.len > 0)
        to = h1_put(to, field.value);
    return H1_PUT(to, "\r\n");
}

char *h1_put_length(char *to, uint64_t length)
{
    to = H1_PUT(to, "Content-Length: ");
    to = h1_put_decimal(to, length);
    return H1_PUT(to, "\r\n");
}

char *h1_put_chunk_line(char *to, uint64_t size)
{
    int shift = 60;
    while (shift > 0 && (size >> shift & 15) == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        *to++ = "0123456789abcdef"[size >> shift & 15];
    return H1_PUT(to, "\r\n");
}
