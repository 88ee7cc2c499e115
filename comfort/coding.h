/* One content coding at work: octets in, octets out, by the library that knows it. */
#ifndef COMFORT_CODING_H
#define COMFORT_CODING_H

#include <weir/base.h>

enum coding_kind { CODING_NONE, CODING_GZIP, CODING_DEFLATE, CODING_BROTLI, CODING_ZSTD };

struct coding {
    enum coding_kind kind;
    void *state; /* of the library; null: none yet */
    bool ended;  /* at the end of a frame: the content may end here */
};

enum coding_result { CODING_MORE, CODING_BAD, CODING_NO_MEMORY };

/* By its name in Content-Encoding; CODING_NONE for one that this build does not decode. */
enum coding_kind coding_find(weir_str name);
/* False: no memory. */
bool coding_open(struct coding *coding, enum coding_kind kind);
void coding_close(struct coding *coding);
/* Moves `in` on over what was used, puts decoded octets to `out`, and says in `*n` how many. */
enum coding_result coding_step(struct coding *coding, weir_str *in, char *out, size_t size, size_t *n);

#endif
