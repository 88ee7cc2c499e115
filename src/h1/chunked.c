#include "h1/chunked.h"

#include "http/chars.h"

#define DIGITS_MAX 16

enum chunked_state {
    SIZE,      /* within the digits */
    BLANKS,    /* after them, or after a value: only `;` may come, or the line's end where that is let pass */
    NAME_DUE,  /* after the `;` of an extension, and blanks */
    NAME,      /* within its name */
    NAME_OVER, /* after the name and blanks */
    VALUE_DUE, /* after the `=`, and blanks */
    TOKEN,     /* within a value */
    QUOTED,    /* within a quoted one */
    PAIR,      /* after a backslash there */
    CLOSED,    /* after its closing quote */
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

/* chunk-ext of RFC 9112, 7.1.1: `;` and a token, perhaps `=` and a token or a quoted string, with blanks between. */
static enum chunked_state after_extension_octet(enum chunked_state state, char octet)
{
    bool blank = http_char_is(octet, HTTP_CHAR_BLANK), token = http_char_is(octet, HTTP_CHAR_TOKEN);
    switch (state) {
    case NAME_DUE:
        return blank ? NAME_DUE : token ? NAME : FAILED;
    case NAME:
    case NAME_OVER:
        if (token && state == NAME)
            return NAME;
        return blank ? NAME_OVER : octet == '=' ? VALUE_DUE : octet == ';' ? NAME_DUE : FAILED;
    case VALUE_DUE:
        return blank ? VALUE_DUE : token ? TOKEN : octet == '"' ? QUOTED : FAILED;
    case QUOTED:
    case PAIR:
        if (!http_char_is(octet, HTTP_CHAR_VALUE))
            return FAILED;
        return state == PAIR ? QUOTED : octet == '"' ? CLOSED : octet == '\\' ? PAIR : QUOTED;
    case TOKEN:
        if (token)
            return TOKEN;
        /* fall through */
    default:
        return blank ? BLANKS : octet == ';' ? NAME_DUE : FAILED;
    }
}

/* An octet of what follows the digits; counted from the first blank on, so that blanks are bounded too. */
static void take_extension_octet(struct h1_chunked *chunked, char octet)
{
    enum chunked_state next = after_extension_octet((enum chunked_state)chunked->state, octet);
    if (next == FAILED) {
        fail(chunked, WEIR_CODE_bad_chunk);
        return;
    }
    if (chunked->extension_size >= chunked->extension_size_max) {
        fail(chunked, WEIR_CODE_chunk_extensions_too_large);
        return;
    }
    chunked->extension_size++;
    chunked->state = (uint8_t)next;
}

/* Blanks that nothing follows stand outside the grammar; servers that pad sizes with them are real, so clients take
 * it. */
static bool may_end_line(const struct h1_chunked *chunked)
{
    switch (chunked->state) {
    case SIZE:
    case NAME:
    case TOKEN:
    case CLOSED:
        return true;
    case BLANKS:
    case NAME_OVER:
        return chunked->lenient;
    default:
        return false;
    }
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
