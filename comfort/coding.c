#include "coding.h"

#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST /* octets to read are const */
#include <zlib.h>
#ifdef COMFORT_BROTLI
#include <brotli/decode.h>
#endif
#ifdef COMFORT_ZSTD
#include <zstd.h>
#endif

enum coding_kind coding_find(weir_str name)
{
    static const struct {
        const char *name;
        enum coding_kind kind;
    } names[] = {
        {"gzip", CODING_GZIP}, {"x-gzip", CODING_GZIP}, {"deflate", CODING_DEFLATE},
#ifdef COMFORT_BROTLI
        {"br", CODING_BROTLI},
#endif
#ifdef COMFORT_ZSTD
        {"zstd", CODING_ZSTD},
#endif
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (weir_str_equal_nocase(name, weir_str_from(names[i].name)))
            return names[i].kind;
    return CODING_NONE;
}

/* --- gzip, deflate ---------------------------------------------------------------------------------------------- */

static z_stream *open_zlib(enum coding_kind kind)
{
    z_stream *z = calloc(1, sizeof *z);
    int bits = kind == CODING_GZIP ? 15 + 16 : 15; /* deflate is zlib's format (RFC 9110, 8.4.1.2) */
    if (z != NULL && inflateInit2(z, bits) == Z_OK)
        return z;
    free(z);
    return NULL;
}

static enum coding_result step_zlib(struct coding *c, weir_str *in, char *out, size_t size, size_t *n)
{
    z_stream *z = c->state;
    if (c->ended && in->len > 0) { /* another member (RFC 1952, 2.2) */
        if (c->kind != CODING_GZIP || inflateReset(z) != Z_OK)
            return CODING_BAD;
        c->ended = false;
    }
    z->next_in = (const Bytef *)in->ptr;
    z->avail_in = in->len < UINT32_MAX ? (uInt)in->len : UINT32_MAX;
    z->next_out = (Bytef *)out;
    z->avail_out = (uInt)size;
    uInt offered = z->avail_in;
    int result = inflate(z, Z_NO_FLUSH);
    size_t used = offered - z->avail_in;
    *in = (weir_str){in->ptr + used, in->len - used};
    *n = size - z->avail_out;
    c->ended = result == Z_STREAM_END;
    if (result == Z_MEM_ERROR)
        return CODING_NO_MEMORY;
    return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR ? CODING_MORE : CODING_BAD;
}

/* --- br, zstd --------------------------------------------------------------------------------------------------- */

#ifdef COMFORT_BROTLI
static enum coding_result step_brotli(struct coding *c, weir_str *in, char *out, size_t size, size_t *n)
{
    const uint8_t *next_in = (const uint8_t *)in->ptr;
    uint8_t *next_out = (uint8_t *)out;
    size_t left_in = in->len, left_out = size;
    *n = 0;
    if (c->ended)
        return in->len > 0 ? CODING_BAD : CODING_MORE;
    BrotliDecoderResult result =
        BrotliDecoderDecompressStream(c->state, &left_in, &next_in, &left_out, &next_out, NULL);
    *in = (weir_str){in->ptr + (in->len - left_in), left_in};
    *n = size - left_out;
    c->ended = result == BROTLI_DECODER_RESULT_SUCCESS;
    return result == BROTLI_DECODER_RESULT_ERROR ? CODING_BAD : CODING_MORE;
}
#endif

#ifdef COMFORT_ZSTD
static enum coding_result step_zstd(struct coding *c, weir_str *in, char *out, size_t size, size_t *n)
{
    ZSTD_inBuffer input = {in->ptr, in->len, 0};
    ZSTD_outBuffer output = {out, size, 0};
    size_t result = ZSTD_decompressStream(c->state, &output, &input);
    *in = (weir_str){in->ptr + input.pos, in->len - input.pos};
    *n = output.pos;
    if (ZSTD_isError(result))
        return CODING_BAD;
    c->ended = result == 0;
    return CODING_MORE;
}
#endif

/* --- any -------------------------------------------------------------------------------------------------------- */

bool coding_open(struct coding *coding, enum coding_kind kind)
{
    *coding = (struct coding){.kind = kind};
    switch (kind) {
    case CODING_GZIP:
    case CODING_DEFLATE:
        coding->state = open_zlib(kind);
        break;
#ifdef COMFORT_BROTLI
    case CODING_BROTLI:
        coding->state = BrotliDecoderCreateInstance(NULL, NULL, NULL);
        break;
#endif
#ifdef COMFORT_ZSTD
    case CODING_ZSTD:
        coding->state = ZSTD_createDStream();
        /* 8 MiB, as RFC 9659 has it for HTTP: a window is memory that the peer asks for. */
        if (coding->state != NULL)
            (void)ZSTD_DCtx_setParameter(coding->state, ZSTD_d_windowLogMax, 23);
        break;
#endif
    default:
        break;
    }
    return coding->state != NULL;
}

void coding_close(struct coding *coding)
{
    if (coding->state == NULL)
        return;
    switch (coding->kind) {
    case CODING_GZIP:
    case CODING_DEFLATE:
        (void)inflateEnd(coding->state);
        free(coding->state);
        break;
#ifdef COMFORT_BROTLI
    case CODING_BROTLI:
        BrotliDecoderDestroyInstance(coding->state);
        break;
#endif
#ifdef COMFORT_ZSTD
    case CODING_ZSTD:
        (void)ZSTD_freeDStream(coding->state);
        break;
#endif
    default:
        break;
    }
    coding->state = NULL;
}

enum coding_result coding_step(struct coding *coding, weir_str *in, char *out, size_t size, size_t *n)
{
    *n = 0;
    if (coding->ended && in->len == 0)
        return CODING_MORE;
    switch (coding->kind) {
    case CODING_GZIP:
    case CODING_DEFLATE:
        return step_zlib(coding, in, out, size, n);
#ifdef COMFORT_BROTLI
    case CODING_BROTLI:
        return step_brotli(coding, in, out, size, n);
#endif
#ifdef COMFORT_ZSTD
    case CODING_ZSTD:
        return step_zstd(coding, in, out, size, n);
#endif
    default:
        return CODING_BAD;
    }
}
