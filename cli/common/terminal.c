#include "common/terminal.h"

#include <string.h>
#include <unistd.h>

bool terminal_is(FILE *out)
{
    return isatty(fileno(out)) == 1;
}

/* Octets of the UTF-8 sequence that begins here (RFC 3629), 0 if it is none; `code` is what it stands for. */
static size_t utf8_length(const unsigned char *at, size_t left, uint32_t *code)
{
    size_t length = at[0] < 0x80 ? 1 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2 : at[0] >= 0xe0 && at[0] < 0xf0 ? 3 : 4;
    if (at[0] >= 0xf5 || (at[0] >= 0x80 && at[0] < 0xc2) || length > left)
        return 0;
    *code = length == 1 ? at[0] : at[0] & (0xffU >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (at[i] & 0x3fU);
    }
    return length;
}

static bool is_control(uint32_t code)
{
    bool layout = code == '\t' || code == '\n' || code == '\r';
    return (code < 0x20 && !layout) || (code >= 0x7f && code < 0xa0);
}

static bool put(FILE *out, const unsigned char *octets, size_t length)
{
    return length == 0 || fwrite(octets, 1, length, out) == length;
}

bool terminal_write(FILE *out, bool shown, weir_str octets)
{
    const unsigned char *at = (const unsigned char *)octets.ptr, *end = at + octets.len, *plain = at;
    if (!shown)
        return put(out, at, octets.len);
    while (at < end) {
        uint32_t code = 0;
        size_t length = utf8_length(at, (size_t)(end - at), &code);
        if (length > 0 && !is_control(code)) {
            at += length;
            continue;
        }
        if (!put(out, plain, (size_t)(at - plain)))
            return false;
        for (size_t i = 0; i < (length > 0 ? length : 1); i++)
            if (fprintf(out, "\\x%02x", at[i]) < 0)
                return false;
        at += length > 0 ? length : 1;
        plain = at;
    }
    return put(out, plain, (size_t)(end - plain));
}
