/* Invariant: for any octets as a histogram log: the reader ends, with a message or without; an interval that is taken
 * has a shape that there is, counts that sum up to its total, and, written and read again, the same counts.
 *
 * The input: if the first octet is `!`, the others are what a histogram is before zlib and base64, which no mutation
 * passes; else all of it is the log. */
#include "load/histogram_log.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <zlib.h>

#define COOKIE_SIZE  8
#define PAYLOAD_SIZE 4096

#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static void check_histogram(const struct histogram *h)
{
    struct histogram again = {.total = 0};
    struct text text = text_growing();
    uint64_t total = 0;
    MUST(histogram_counts_of(h->shape) == h->counts_len && h->counts_len > 0);
    for (size_t i = 0; i < h->counts_len; i++)
        total += h->counts[i];
    MUST(total == h->total && total <= HISTOGRAM_TOTAL_MAX);
    MUST(histogram_min(h) <= histogram_max(h) && histogram_percentile(h, 100) == histogram_max(h));
    MUST(histogram_encode(h, &text));
    MUST(histogram_decode(&again, text_view(&text)) == NULL);
    MUST(again.total == h->total && again.counts_len == h->counts_len);
    MUST(memcmp(again.counts, h->counts, h->counts_len * sizeof(*h->counts)) == 0);
    histogram_fini(&again);
    text_free(&text);
}

static void check_log(const uint8_t *data, size_t size)
{
    struct histogram_log_reader reader;
    enum histogram_log_result result;
    FILE *file = fmemopen((void *)(uintptr_t)data, size, "r");
    MUST(file != NULL);
    histogram_log_reader_init(&reader, file, "input");
    while ((result = histogram_log_next(&reader)) == HISTOGRAM_LOG_INTERVAL) {
        MUST(strlen(reader.interval.tag) <= HISTOGRAM_LOG_TAG_MAX);
        check_histogram(&reader.histogram);
    }
    MUST((result == HISTOGRAM_LOG_WRONG) == (reader.error[0] != '\0'));
    MUST(memchr(reader.error, '\0', sizeof(reader.error)) != NULL);
    histogram_log_reader_fini(&reader);
    (void)fclose(file);
}

static void check_payload(const uint8_t *data, size_t size)
{
    static const uint8_t cookie[4] = {0x1c, 0x84, 0x93, 0x14};
    static uint8_t packed[COOKIE_SIZE + PAYLOAD_SIZE + 100];
    static unsigned char text[2 * sizeof(packed)];
    struct histogram h = {.total = 0};
    uLongf packed_size = sizeof(packed) - COOKIE_SIZE;
    MUST(compress2(packed + COOKIE_SIZE, &packed_size, data, size, 1) == Z_OK);
    memcpy(packed, cookie, sizeof(cookie));
    for (unsigned i = 0; i < 4; i++)
        packed[4 + i] = (uint8_t)(packed_size >> (24 - 8 * i));
    int text_size = EVP_EncodeBlock(text, packed, (int)(COOKIE_SIZE + packed_size));
    if (histogram_decode(&h, (weir_str){(char *)text, (size_t)text_size}) == NULL)
        check_histogram(&h);
    histogram_fini(&h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && size <= PAYLOAD_SIZE && data[0] == '!')
        check_payload(data + 1, size - 1);
    else if (size > 0) /* of nothing there is no file in memory */
        check_log(data, size);
    return 0;
}
