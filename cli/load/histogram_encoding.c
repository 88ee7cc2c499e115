#include "load/histogram_log.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <zlib.h>

/* The low octet's upper half is the size of a count in memory, which V2 does not use: its writers put a 1 there. */
#define COOKIE_MASK       0xffffff0fU
#define COOKIE_PLAIN      0x1c849303U
#define COOKIE_COMPRESSED 0x1c849304U
#define COOKIE_SIZE_BIT   0x10U

#define HEAD_SIZE       40 /* before the counts: cookie, length, offset, digits, lowest, highest, ratio */
#define OUTER_HEAD_SIZE 8  /* before zlib's octets: cookie, length */
#define COUNT_SIZE_MAX  9U /* of LEB128: eight times seven bits, and a last octet of eight */

static const char no_memory[] = "there is no memory for it";

static void put_be(unsigned char *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (unsigned char)(value >> (8 * (size - 1 - i)));
}

static uint64_t get_be(const unsigned char *at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

/* --- counts ----------------------------------------------------------------------------------------------------- */

static size_t put_leb128(unsigned char *at, uint64_t value)
{
    size_t size = 0;
    while (value > 0x7f && size < COUNT_SIZE_MAX - 1) {
        at[size++] = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    at[size++] = (unsigned char)value;
    return size;
}

/* The octets taken; 0 if the number is not whole. */
static size_t get_leb128(const unsigned char *at, size_t size, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < size && i < COUNT_SIZE_MAX; i++) {
        bool last = i == COUNT_SIZE_MAX - 1;
        *value |= (uint64_t)(last ? at[i] : at[i] & 0x7f) << (7 * i);
        if (last || at[i] < 0x80)
            return i + 1;
    }
    return 0;
}

/* ZigZag: a count c is 2c; a run of r zeros is the negative number -r, which is 2r - 1. A zero alone is the count 0. */
static size_t put_counts(unsigned char *at, const struct histogram *h)
{
    size_t size = 0, used = histogram_counts_used(h);
    for (size_t i = 0; i < used;) {
        size_t zeros = 0;
        while (i + zeros < used && h->counts[i + zeros] == 0)
            zeros++;
        if (zeros > 1) {
            size += put_leb128(at + size, 2 * (uint64_t)zeros - 1);
            i += zeros;
        } else {
            size += put_leb128(at + size, 2 * h->counts[i]);
            i++;
        }
    }
    return size;
}

static const char *get_counts(struct histogram *h, const unsigned char *at, size_t size)
{
    size_t index = 0;
    while (size > 0) {
        uint64_t number;
        size_t taken = get_leb128(at, size, &number);
        if (taken == 0)
            return "its counts end within a number";
        at += taken;
        size -= taken;
        if ((number & 1) != 0 && number >> 1 < h->counts_len - index) {
            index += (size_t)(number >> 1) + 1;
            continue;
        }
        if ((number & 1) != 0 || index >= h->counts_len)
            return "it has more counts than its range and digits have";
        if (!histogram_count_at(h, index, number >> 1))
            return "its counts are more than 2^63 together";
        index++;
    }
    return NULL;
}

/* --- encoding --------------------------------------------------------------------------------------------------- */

/* What is compressed. Null: no memory. */
static unsigned char *plain_of(const struct histogram *h, size_t *size)
{
    unsigned char *plain = malloc(HEAD_SIZE + histogram_counts_used(h) * COUNT_SIZE_MAX);
    if (plain == NULL)
        return NULL;
    size_t counts_size = put_counts(plain + HEAD_SIZE, h);
    put_be(plain, COOKIE_PLAIN | COOKIE_SIZE_BIT, 4);
    put_be(plain + 4, counts_size, 4);
    put_be(plain + 8, 0, 4);
    put_be(plain + 12, h->shape.digits, 4);
    put_be(plain + 16, h->shape.lowest, 8);
    put_be(plain + 24, h->shape.highest, 8);
    /* The ratio of values to those of a histogram of doubles: 1, as IEEE 754 has it. */
    put_be(plain + 32, UINT64_C(0x3ff0000000000000), 8);
    *size = HEAD_SIZE + counts_size;
    return plain;
}

static unsigned char *packed_of(const struct histogram *h, size_t *size)
{
    size_t plain_size;
    unsigned char *plain = plain_of(h, &plain_size);
    if (plain == NULL)
        return NULL;
    uLongf packed_size = compressBound((uLong)plain_size);
    unsigned char *packed = malloc(OUTER_HEAD_SIZE + packed_size);
    if (packed != NULL && compress(packed + OUTER_HEAD_SIZE, &packed_size, plain, (uLong)plain_size) != Z_OK) {
        free(packed);
        packed = NULL;
    }
    free(plain);
    if (packed == NULL)
        return NULL;
    put_be(packed, COOKIE_COMPRESSED | COOKIE_SIZE_BIT, 4);
    put_be(packed + 4, packed_size, 4);
    *size = OUTER_HEAD_SIZE + packed_size;
    return packed;
}

bool histogram_encode(const struct histogram *h, struct text *text)
{
    size_t size;
    unsigned char *packed = packed_of(h, &size);
    if (packed == NULL)
        return false;
    unsigned char *base64 = malloc((size + 2) / 3 * 4 + 1);
    if (base64 != NULL) {
        /* No shape has 2^31 octets of counts. */
        int length = EVP_EncodeBlock(base64, packed, (int)size);
        text_add(text, (const char *)base64, (size_t)length);
    }
    free(packed);
    bool done = base64 != NULL && !text->cut;
    free(base64);
    return done;
}

/* --- decoding --------------------------------------------------------------------------------------------------- */

/* Exactly `size` octets more of what was compressed. A stream that would give more, gives no more than that. */
static const char *inflate_exactly(z_stream *stream, unsigned char *out, size_t size)
{
    stream->next_out = out;
    stream->avail_out = (uInt)size;
    while (stream->avail_out > 0) {
        int result = inflate(stream, Z_SYNC_FLUSH);
        if (result == Z_MEM_ERROR)
            return no_memory;
        if (result == Z_STREAM_END && stream->avail_out == 0)
            return NULL;
        if (result == Z_STREAM_END || result == Z_BUF_ERROR)
            return "its compressed octets end too early";
        if (result != Z_OK)
            return "its compressed octets are damaged";
    }
    return NULL;
}

/* The stream ends here, its checksum is right, and nothing comes after it. */
static const char *inflate_end(z_stream *stream)
{
    unsigned char one;
    stream->next_out = &one;
    stream->avail_out = 1;
    int result = inflate(stream, Z_FINISH);
    if (stream->avail_out == 0)
        return "it holds more octets than it says";
    if (result == Z_DATA_ERROR)
        return "its compressed octets are damaged";
    if (result != Z_STREAM_END)
        return "its compressed octets end too early";
    return stream->avail_in > 0 ? "there is something after its compressed octets" : NULL;
}

/* Gives `h` the shape that the head says, and says how many octets of counts follow. */
static const char *read_head(struct histogram *h, const unsigned char *head, size_t *counts_size)
{
    if ((get_be(head, 4) & COOKIE_MASK) != COOKIE_PLAIN)
        return "what it compresses is not a histogram of version 2";
    if (get_be(head + 8, 4) != 0)
        return "its counts are shifted, which is not read here";
    uint64_t digits = get_be(head + 12, 4);
    struct histogram_shape shape = {
        .lowest = get_be(head + 16, 8),
        .highest = get_be(head + 24, 8),
        .digits = digits <= 5 ? (unsigned)digits : 0,
    };
    size_t counts_len = histogram_counts_of(shape);
    if (counts_len == 0)
        return "its range or its digits are impossible";
    *counts_size = (size_t)get_be(head + 4, 4);
    if (*counts_size > counts_len * COUNT_SIZE_MAX)
        return "it says that it has more octets than its range and digits can have";
    if (h->counts != NULL && h->shape.lowest == shape.lowest && h->shape.highest == shape.highest &&
        h->shape.digits == shape.digits) {
        histogram_reset(h);
        return NULL;
    }
    histogram_fini(h);
    return histogram_init(h, shape) ? NULL : no_memory;
}

static const char *read_plain(struct histogram *h, z_stream *stream)
{
    unsigned char head[HEAD_SIZE];
    size_t counts_size = 0;
    const char *wrong = inflate_exactly(stream, head, sizeof(head));
    if (wrong == NULL)
        wrong = read_head(h, head, &counts_size);
    if (wrong != NULL)
        return wrong;
    unsigned char *counts = malloc(counts_size + 1);
    if (counts == NULL)
        return no_memory;
    wrong = inflate_exactly(stream, counts, counts_size);
    if (wrong == NULL)
        wrong = inflate_end(stream);
    if (wrong == NULL)
        wrong = get_counts(h, counts, counts_size);
    free(counts);
    return wrong;
}

static const char *read_packed(struct histogram *h, unsigned char *packed, size_t size)
{
    if (size < OUTER_HEAD_SIZE)
        return "it is too short";
    uint64_t whole_cookie = get_be(packed, 4), cookie = whole_cookie & COOKIE_MASK;
    if (cookie == 0x1c849302U || cookie == 0x1c849309U)
        return "it is a histogram of version 0 or 1: only version 2 is read";
    if (whole_cookie == 0x0c72124eU || whole_cookie == 0x0c72124fU)
        return "it is a histogram of doubles: only whole numbers are read";
    if (cookie != COOKIE_COMPRESSED)
        return "it is not a compressed histogram";
    if (get_be(packed + 4, 4) != size - OUTER_HEAD_SIZE)
        return "it is longer or shorter than it says";
    z_stream stream = {.next_in = packed + OUTER_HEAD_SIZE, .avail_in = (uInt)(size - OUTER_HEAD_SIZE)};
    if (inflateInit(&stream) != Z_OK)
        return no_memory;
    const char *wrong = read_plain(h, &stream);
    (void)inflateEnd(&stream);
    return wrong;
}

const char *histogram_decode(struct histogram *h, weir_str base64)
{
    static const char not_base64[] = "it is not base64";
    if (base64.len == 0 || base64.len % 4 != 0 || base64.len > HISTOGRAM_LOG_LINE_MAX)
        return not_base64;
    size_t padding = 0;
    while (padding < 2 && base64.ptr[base64.len - 1 - padding] == '=')
        padding++;
    /* libcrypto takes blanks at the ends, and `=` anywhere, for something. */
    for (size_t i = 0; i < base64.len - padding; i++)
        if ((unsigned char)base64.ptr[i] <= ' ' || base64.ptr[i] == '=')
            return not_base64;
    unsigned char *packed = malloc(base64.len / 4 * 3);
    if (packed == NULL)
        return no_memory;
    int length = EVP_DecodeBlock(packed, (const unsigned char *)base64.ptr, (int)base64.len);
    const char *wrong = length < 0 ? not_base64 : read_packed(h, packed, (size_t)length - padding);
    free(packed);
    return wrong;
}
