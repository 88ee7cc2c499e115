#include "h1/chunked.h"

#include "http/chars.h"

#define DIGITS_MAX 16

enum chunked_state {
    SIZE,      /* within the digits */
    BLANKS,    /* after them: only `;` may come, or the line's end where that is let pass */
    EXTENSION, /* after the first `;` */
    LINE_LF,   /* after the CR of the size's line */
    DATA,
    DATA_END, /* after the data */
    DATA_LF,  /* after the CR that ends it */
    END,
    FAILED /* `left` holds the code */
};

void h1_chunked_init(struct h1_chunked *chunked, uint32_t extension_size_max, bool lenient)
{
    *chunked = (struct h1_chunked){.state = SIZE, .extension_size_max = extension_size_max, .lenient = lenient};
}

static void fail(struct h1_chunked *chunked, weir_code code)
{
    chunked->state = FAILED;
    chunked->left = (uint64_t)code;
}

static void end_size_line(struct h1_chunked *chunked)
{
    chunked->state = chunked->left > 0 ? DATA : END;
    chunked->digits = 0;
}

static void end_data(struct h1_chunked *chunked)
{
    chunked->state = SIZE;
}

/* An octet of what follows the digits; counted from the first blank on, so that blanks are bounded too. */
static void take_extension_octet(struct h1_chunked *chunked, char octet)
{
    if (!http_char_is(octet, HTTP_CHAR_VALUE) ||
        (chunked->state != EXTENSION && octet != ';' && !http_char_is(octet, HTTP_CHAR_BLANK))) {
        fail(chunked, WEIR_CODE_bad_chunk);
        return;
    }
    if (chunked->extension_size >= chunked->extension_size_max) {
        fail(chunked, WEIR_CODE_chunk_extensions_too_large);
        return;
    }
    chunked->extension_size++;
    if (chunked->state != EXTENSION)
        chunked->state = octet == ';' ? EXTENSION : BLANKS;
}

/* Blanks that nothing follows stand outside the grammar; servers that pad sizes with them are real, so clients take it. */
static bool may_end_line(const struct h1_chunked *chunked)
{
    return chunked->state != BLANKS || chunked->lenient;
}

static void take_size_octet(struct h1_chunked *chunked, char octet)
{
    if (chunked->state == SIZE && http_char_is(octet, HTTP_CHAR_HEX)) {
        if (chunked->digits == DIGITS_MAX) {
            fail(chunked, WEIR_CODE_bad_chunk);
            return;
        }
        chunked->left = (chunked->digits++ > 0 ? chunked->left << 4 : 0) | http_hex_value(octet);
        return;
    }
    if (chunked->state == SIZE && chunked->digits == 0)
        fail(chunked, WEIR_CODE_bad_chunk);
    else if (octet == '\r' && may_end_line(chunked))
        chunked->state = LINE_LF;
    else if (octet == '\n' && chunked->lenient && may_end_line(chunked))
        end_size_line(chunked);
    else
        take_extension_octet(chunked, octet);
}

/* Any octet that is not content. */
static void take_octet(struct h1_chunked *chunked, char octet)
{
    switch (chunked->state) {
    case LINE_LF:
        if (octet == '\n')
            end_size_line(chunked);
        else
            fail(chunked, WEIR_CODE_bad_chunk);
        break;
    case DATA_END:
        if (octet == '\r')
            chunked->state = DATA_LF;
        else if (octet == '\n' && chunked->lenient)
            end_data(chunked);
        else
            fail(chunked, WEIR_CODE_bad_chunk);
        break;
    case DATA_LF:
        if (octet == '\n')
            end_data(chunked);
        else
            fail(chunked, WEIR_CODE_bad_chunk);
        break;
    default:
        take_size_octet(chunked, octet);
        break;
    }
}

static struct h1_chunked_step offer(struct h1_chunked *chunked, const char *octets, size_t size, size_t used,
                                    size_t data_max)
{
    size_t count = size - used < data_max ? size - used : data_max;
    if (count > chunked->left)
        count = (size_t)chunked->left;
    chunked->left -= count;
    if (chunked->left == 0)
        chunked->state = DATA_END;
    return (struct h1_chunked_step){.event = H1_CHUNKED_DATA, .used = used + count, .data = {octets + used, count}};
}

struct h1_chunked_step h1_chunked_step(struct h1_chunked *chunked, const char *octets, size_t size, size_t data_max)
{
    size_t used = 0;
    for (;;) {
        if (chunked->state == FAILED)
            return (struct h1_chunked_step){.event = H1_CHUNKED_ERROR, .used = used, .code = (weir_code)chunked->left};
        if (chunked->state == END)
            return (struct h1_chunked_step){.event = H1_CHUNKED_END, .used = used};
        if (used == size)
            return (struct h1_chunked_step){.event = H1_CHUNKED_NEED_MORE, .used = used};
        if (chunked->state == DATA)
            return offer(chunked, octets, size, used, data_max);
        take_octet(chunked, octets[used++]);
    }
}
