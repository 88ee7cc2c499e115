/* Invariant: for any octets, strict and lenient, with room for extensions and with little: the content, the end, the
 * error and the octets used are the same whole, octet by octet and cut by chance; nothing beyond the octets is read;
 * what strict takes, lenient takes alike; and the content, chunked again, comes out the same. */
#include "h1/chunked_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The content in chunks of one size, ended. */
static void check_again(const char *content, size_t size)
{
    size_t chunk = 1 + size / 3;
    char *text = malloc(size + 5 * 32);
    CHUNKED_MUST(text != NULL);
    size_t at = 0;
    for (size_t done = 0; done < size;) {
        size_t count = size - done < chunk ? size - done : chunk;
        at += (size_t)sprintf(text + at, "%zX\r\n", count);
        memcpy(text + at, content + done, count);
        memcpy(text + at + count, "\r\n", 2);
        at += count + 2;
        done += count;
    }
    at += (size_t)sprintf(text + at, "0\r\n");
    struct chunked_outcome out = chunked_run(text, at, 0, false, (struct chunked_cut){0});
    CHUNKED_MUST(out.event == H1_CHUNKED_END && out.used == at && out.size == size);
    CHUNKED_MUST(memcmp(out.content, content, size) == 0);
    free(out.content);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *octets = (const char *)data;
    for (uint32_t extension_size_max = 4; extension_size_max <= 4096; extension_size_max *= 1024) {
        struct chunked_outcome strict = chunked_check(octets, size, extension_size_max, false, (uint32_t)size);
        struct chunked_outcome lenient = chunked_check(octets, size, extension_size_max, true, (uint32_t)size);
        if (strict.event != H1_CHUNKED_ERROR) {
            CHUNKED_MUST(lenient.event == strict.event && lenient.used == strict.used && lenient.size == strict.size);
            CHUNKED_MUST(memcmp(lenient.content, strict.content, strict.size) == 0);
        }
        check_again(strict.content, strict.size);
        free(strict.content);
        free(lenient.content);
    }
    return 0;
}
