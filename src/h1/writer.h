/* Lines of an HTTP/1 head, written into memory that the caller provided for: every function returns where to go on. */
#ifndef H1_WRITER_H
#define H1_WRITER_H

#include <string.h>
#include <weir/field.h>

#define H1_LENGTH_LINE_SIZE_MAX 38 /* "Content-Length: " 20 digits CRLF */
#define H1_CHUNK_LINE_SIZE_MAX  18 /* 16 digits CRLF */
#define H1_STATUS_LINE_OVERHEAD 15 /* "HTTP/1.1 200 " CRLF */

static inline char *h1_put(char *to, weir_str octets)
{
    memcpy(to, octets.ptr, octets.len);
    return to + octets.len;
}
static inline char *h1_put_octets(char *to, const char *octets, size_t size)
{
    memcpy(to, octets, size);
    return to + size;
}
/* The octets of a literal. */
#define H1_PUT(to, literal) h1_put_octets((to), "" literal, sizeof(literal) - 1)

/* Digits only, at most 18 of them. */
bool h1_read_decimal(weir_str text, uint64_t *value);
char *h1_put_decimal(char *to, uint64_t value);
char *h1_put_status_line(char *to, unsigned status, weir_str reason);
char *h1_put_request_line(char *to, weir_str method, weir_str target);
char *h1_put_field(char *to, weir_field field);
char *h1_put_length(char *to, uint64_t length);
/* Size in hexadecimal, and its line end. */
char *h1_put_chunk_line(char *to, uint64_t size);

/* Room for all of `fields`. */
static inline size_t h1_fields_size(weir_fields fields)
{
    size_t size = 0;
    for (size_t i = 0; i < fields.count; i++)
        size += fields.list[i].name.len + fields.list[i].value.len + 4;
    return size;
}

#endif
