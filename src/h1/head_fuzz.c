/* Invariant: for any octets, as request, response and trailers, strict and lenient, under usual and under tight
 * limits: the verdict is the same whole, cut at any octet, and restarted; nothing beyond the octets is read; a head
 * that is taken is the same after it was written and parsed again (head_check.h). */
#include "h1/head_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct http_head_limits limits[] = {
        {.line_size_max = 8192, .head_size_max = 65536, .field_count_max = 1000},
        {.line_size_max = 24, .head_size_max = 200, .field_count_max = 3},
    };
    uint32_t chance = (uint32_t)size;
    for (unsigned way = 0; way < 12; way++) {
        struct head_input input = {
            .kind = (enum h1_kind)(way % 3),
            .lenient = way / 3 % 2 == 1,
            .octets = (const char *)data,
            .size = size,
            .limits = limits[way / 6],
        };
        head_check(&input, chance);
    }
    return 0;
}
