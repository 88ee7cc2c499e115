/* weir/decode.h: contents decompressed on their way to a handler (RFC 9110, 8.4). Above the client, on its public
 * pages only, in a library of its own: -lweir-comfort.
 *
 *     weir_decoder_new(&decoder, &mine, me, NULL);
 *     weir_client_send(client, WEIR_REQUEST(.url = ..., .handler = weir_decoder_handler(), .app = decoder,
 *                                           .fields = WEIR_FIELDS({WEIR_STR("Accept-Encoding"), weir_decoder_codings()})),
 *                      &x, &error);
 *
 * The handler is called as if the content had come as it is; back-pressure (taking less, pausing) works as without
 * it. What the head says stays as it came: Content-Encoding, and a Content-Length that counts what came. A coding
 * that is not known, or more than one, is passed on untouched. A decoder is for one exchange, of a client or a
 * server, and goes with its `done`; if the request could not be sent free it with weir_decoder_free. */
#ifndef WEIR_DECODE_H
#define WEIR_DECODE_H

#include <weir/exchange.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_decoder weir_decoder;

typedef struct weir_decoder_options {
    size_t size;
    /* More octets decoded for each one that came end the exchange as `coding_ratio`, once ratio_free_size octets
     * were decoded: default 200, and 1 MiB. */
    uint64_t ratio_max;
    uint64_t ratio_free_size;
    uint64_t decoded_size_max; /* of a content; default: none; more is `coding_ratio` too */
    weir_allocator allocator;
} weir_decoder_options;

/* `handler` is kept; `options` may be null. no_memory if so. */
WEIR_API WEIR_MUST_USE weir_code weir_decoder_new(weir_decoder **out, const weir_handler *handler, void *app,
                                                  const weir_decoder_options *options);
WEIR_API void weir_decoder_free(weir_decoder *decoder);
/* The handler to send with; its `app` is the decoder. */
WEIR_API const weir_handler *weir_decoder_handler(void);
/* What this build decodes, as the value of Accept-Encoding: "gzip, deflate, br, zstd". Static storage. */
WEIR_API weir_str weir_decoder_codings(void);

#ifdef __cplusplus
}
#endif
#endif
