/* The chunked coding, taken apart (RFC 9112, 7.1). A value: no buffer, no allocation; octets of content are views.
 *
 * It stops before the trailer section: that has the shape of a head, and is parsed as one. */
#ifndef H1_CHUNKED_H
#define H1_CHUNKED_H

#include <weir/base.h>
#include <weir/code.h>

struct h1_chunked {
    uint8_t state;
    uint8_t digits;
    bool lenient;
    uint32_t extension_size; /* of this body so far */
    uint32_t extension_size_max;
    uint64_t left; /* of the present chunk; the size while it is read */
};

enum h1_chunked_event {
    H1_CHUNKED_NEED_MORE, /* all octets were used */
    H1_CHUNKED_DATA,      /* `data` is content; not to be stepped over: call again after the octets used */
    H1_CHUNKED_END,       /* the last chunk's line is over; the trailer section begins after the octets used */
    H1_CHUNKED_ERROR      /* `code` */
};

struct h1_chunked_step {
    enum h1_chunked_event event;
    size_t used; /* octets of the input that are done with, content included */
    weir_str data;
    weir_code code;
};

void h1_chunked_init(struct h1_chunked *chunked, uint32_t extension_size_max, bool lenient);
/* `data_max`: offer at most so many octets of content in this step (used then counts only those). With 0,
 * DATA without octets says that content is there. After END and ERROR it goes on saying so. */
struct h1_chunked_step h1_chunked_step(struct h1_chunked *chunked, const char *octets, size_t size, size_t data_max);

#endif
