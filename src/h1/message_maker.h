/* For the fuzz targets: valid messages, made of the choices of an input, with what each of them means; and one
 * mutation.
 *
 * What is made is taken by a strict reader. The octets and the meaning are written into growing buffers of the
 * caller's (struct made), whose memory is kept from one use to the next. */
#ifndef H1_MESSAGE_MAKER_H
#define H1_MESSAGE_MAKER_H

#include <stdarg.h>

#include "base/fuzz_check.h"

#define MADE_SIZE_MAX 16384

/* A meaning, as text: start line, fields, content and trailers, each ended by an octet that none of them holds. */
struct made {
    char octets[MADE_SIZE_MAX];
    size_t size;
    char meaning[MADE_SIZE_MAX];
    size_t meaning_size;
    bool ends_connection; /* nothing can come after it */
};

WEIR_PRINTF(2, 3) static inline void made_write(struct made *made, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t room = MADE_SIZE_MAX - made->size;
    int size = vsnprintf(made->octets + made->size, room, format, args);
    va_end(args);
    FUZZ_MUST(size >= 0 && (size_t)size < room);
    made->size += (size_t)size;
}

WEIR_PRINTF(2, 3) static inline void made_mean(struct made *made, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t room = MADE_SIZE_MAX - made->meaning_size;
    int size = vsnprintf(made->meaning + made->meaning_size, room, format, args);
    va_end(args);
    FUZZ_MUST(size >= 0 && (size_t)size < room);
    made->meaning_size += (size_t)size;
}

/* A field, with blanks around its value that mean nothing. */
static inline void made_field(struct made *made, struct fuzz_choices *from, const char *name, const char *value)
{
    static const char *const blanks[] = {" ", "", "\t", "  \t "};
    uint8_t n = fuzz_take(from);
    made_write(made, "%s:%s%s%s\r\n", name, blanks[n % 4], value, n / 4 % 4 == 3 ? " " : "");
    made_mean(made, "%s=%s\n", name, value);
}

static inline void made_plain_fields(struct made *made, struct fuzz_choices *from)
{
    static const char *const fields[][2] = {
        {"Accept", "*/*"},     {"X-Empty", ""},
        {"cookie", "a=b; c"},  {"X-High", "caf\xc3\xa9\tau lait"},
        {"x", "y, \"a,b\","},  {"Connection", "keep-alive"},
        {"A", ":::"},          {"Te", "trailers"},
        {"connection", "te"},  {"!#$%&'*+-.^_`|~09azAZ", "token"},
        {"Upgrade", "h2c, e"}, {"Content-Type", "text/plain"},
    };
    for (unsigned n = fuzz_take(from) % 6; n > 0; n--) {
        size_t i = fuzz_take(from) % (sizeof(fields) / sizeof(fields[0]));
        made_field(made, from, fields[i][0], fields[i][1]);
    }
}

static inline void made_chunks(struct made *made, struct fuzz_choices *from)
{
    static const char *const extensions[] = {"", "", ";a", " ; b=\"c;d\"", ";c = \"\xe9\\\"\""};
    for (unsigned n = fuzz_take(from) % 4; n > 0; n--) {
        unsigned size = 1 + fuzz_take(from) % 40;
        uint8_t form = fuzz_take(from);
        made_write(made, form & 1 ? "%X" : "%05x", size);
        made_write(made, "%s\r\n", extensions[form / 2 % 5]);
        for (unsigned i = 0; i < size; i++) {
            char octet = "\r\n0;a"[(i + form) % 5];
            made_write(made, "%c", octet);
            made_mean(made, "%c", octet);
        }
        made_write(made, "\r\n");
    }
    made_write(made, fuzz_take(from) % 4 == 3 ? "000\r\n" : "0\r\n");
    made_mean(made, "\x01");
    for (unsigned n = fuzz_take(from) % 3; n > 0; n--)
        made_field(made, from, n == 1 ? "T" : "x-trailer", "u v");
    made_write(made, "\r\n");
}

static inline void made_length(struct made *made, struct fuzz_choices *from, unsigned size)
{
    char value[32];
    snprintf(value, sizeof value, fuzz_take(from) % 4 == 3 ? "00%u" : "%u", size);
    made_field(made, from, "Content-Length", value);
    if (fuzz_take(from) % 8 == 7)
        made_field(made, from, "content-length", value);
}

static inline void made_content(struct made *made, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        char octet = "GET\r\n\r\nx"[i % 8];
        made_write(made, "%c", octet);
        made_mean(made, "%c", octet);
    }
    made_mean(made, "\x01");
}

/* Fields of framing, the empty line, and the content that they announce. `old`: HTTP/1.0, which has no chunks. */
static inline void made_body(struct made *made, struct fuzz_choices *from, bool old, bool until_close)
{
    uint8_t kind = fuzz_take(from) % 3;
    unsigned size = kind == 1 ? fuzz_take(from) % 60 : 0;
    bool chunked = kind == 2 && !old, closes = kind != 1 && !chunked && until_close;
    if (chunked)
        made_field(made, from, "Transfer-Encoding", fuzz_take(from) & 1 ? "chunked" : ", Chunked");
    else if (!closes)
        made_length(made, from, size);
    made->ends_connection |= closes || old; /* an old one need not be kept */
    made_plain_fields(made, from);
    made_write(made, "\r\n");
    made_mean(made, "\x01");
    if (chunked)
        made_chunks(made, from);
    else
        made_content(made, closes ? fuzz_take(from) % 60 : size);
    made_mean(made, "\x02");
}

static inline void made_request(struct made *made, struct fuzz_choices *from)
{
    static const char *const methods[] = {"GET", "POST", "HEAD", "PUT", "OPTIONS", "BREW", "get", "G!"};
    static const char *const targets[] = {"/",  "/a/b?c=d", "/%41|\"<>", "http://b:80/x", "https://[::1]/?",
                                          "//", "/?a?b"};
    const char *method = methods[fuzz_take(from) % 8], *target = targets[fuzz_take(from) % 7];
    bool old = fuzz_take(from) % 8 == 7;
    if (fuzz_take(from) % 8 == 7)
        made_write(made, "\r\n");
    made_write(made, "%s %s HTTP/1.%u\r\n", method, target, old ? 0U : 1U);
    made_mean(made, "%s %s %u\n", method, target, old ? 10U : 11U);
    if (!old || fuzz_take(from) & 1)
        made_field(made, from, fuzz_take(from) & 1 ? "Host" : "hOST", "a.b:80");
    if (!old && fuzz_take(from) % 8 == 7)
        made_field(made, from, "Expect", "100-Continue");
    made_body(made, from, old, false);
}

/* To a request of which HEAD is known. Interim ones are part of it. */
static inline void made_response(struct made *made, struct fuzz_choices *from, bool head)
{
    static const char *const reasons[] = {"OK", "", "Not  Found ", "caf\xe9"};
    static const unsigned statuses[] = {200, 404, 204, 304, 599, 206, 999, 200};
    for (unsigned n = fuzz_take(from) % 3; n > 1; n--) {
        made_write(made, "HTTP/1.1 103 Early\r\n");
        made_mean(made, "103 Early 11\n");
        made_plain_fields(made, from);
        made_write(made, "\r\n");
        made_mean(made, "\x01");
    }
    const char *reason = reasons[fuzz_take(from) % 4];
    unsigned status = statuses[fuzz_take(from) % 8];
    bool old = fuzz_take(from) % 8 == 7;
    made_write(made, "HTTP/1.%u %u %s\r\n", old ? 0U : 1U, status, reason);
    made_mean(made, "%u %s %u\n", status, reason, old ? 10U : 11U);
    bool bare = head || status == 204 || status == 304;
    if (!bare) {
        made_body(made, from, old, true);
    } else {
        if (fuzz_take(from) & 1)
            made_length(made, from, 7); /* of what is not sent */
        made_plain_fields(made, from);
        made_write(made, "\r\n");
        made_mean(made, "\x01\x01\x02");
    }
    made->ends_connection |= old;
}

/* One change of the octets; the meaning then says nothing more. */
static inline void made_mutate(struct made *made, struct fuzz_choices *from)
{
    static const char octets[] = "\r\n :\t;,0x\"/\x7f\x80=-";
    uint8_t kind = fuzz_take(from);
    size_t place = (size_t)fuzz_take(from) << 8 | fuzz_take(from);
    uint8_t what = fuzz_take(from);
    char octet = what < 64 ? octets[what % sizeof(octets)] : (char)what;
    if (made->size == 0 || made->size + 1 >= MADE_SIZE_MAX)
        return;
    char *at = made->octets + place % made->size;
    size_t behind = (size_t)(made->octets + made->size - at);
    switch (kind % 4) {
    case 0: /* another octet */
        *at = octet;
        break;
    case 1: /* one more */
        memmove(at + 1, at, behind);
        *at = octet;
        made->size++;
        break;
    case 2: /* one less */
        memmove(at, at + 1, behind - 1);
        made->size--;
        break;
    default: /* the other case, or the end */
        if (what & 1)
            *at ^= 0x20;
        else
            made->size = (size_t)(at - made->octets);
        break;
    }
}

#endif
