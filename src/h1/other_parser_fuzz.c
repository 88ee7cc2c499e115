/* Invariant: of any octets, and of valid messages with up to three mutations, our parsers and http-parser say the
 * same - whether they take the message, where it ends, what its content is - or they differ in a way that has a
 * name, a reason and an example (other_parser_check.h, docs/fuzzing.md).
 *
 * The input: one octet of options; then choices (message_maker.h), or, if the options say so, the octets themselves. */
#include "h1/message_maker.h"
#include "h1/other_parser_check.h"

enum { OPTION_REQUEST = 1, OPTION_RAW = 2, OPTION_MUTATIONS_SHIFT = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct message ours, theirs;
    static struct made made;
    struct fuzz_choices from = {data, size};
    uint8_t options = fuzz_take(&from);
    bool request = (options & OPTION_REQUEST) != 0;
    made.size = made.meaning_size = 0;
    if (options & OPTION_RAW) {
        made.size = from.left < MADE_SIZE_MAX ? from.left : MADE_SIZE_MAX;
        if (made.size > 0)
            memcpy(made.octets, from.at, made.size);
    } else {
        if (request)
            made_request(&made, &from);
        else
            made_response(&made, &from, false);
        for (unsigned n = options >> OPTION_MUTATIONS_SHIFT & 3; n > 0; n--)
            made_mutate(&made, &from);
    }
    int class = other_compare((weir_str){made.octets, made.size}, request, &ours, &theirs);
    if (class == OTHER_UNKNOWN)
        fprintf(stderr, "we: %d %s, %zu octets; they: %d %s, %zu octets\n%.*s\n", ours.kind,
                weir_code_name((weir_code)ours.code), ours.used, theirs.kind,
                http_errno_name((enum http_errno)theirs.code), theirs.used, (int)made.size, made.octets);
    FUZZ_MUST(class != OTHER_UNKNOWN);
    return 0;
}
