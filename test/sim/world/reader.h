/* Reads responses, octet by octet, and knows nothing of the library's parser: what it does not expect is a failure. */
#ifndef SIM_READER_H
#define SIM_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define READER_ANSWERS_MAX 64

/* What was asked. */
struct asked {
    unsigned number;
    unsigned kind; /* enum app_kind */
    uint64_t size; /* of the answer's content */
    bool head, old, says_close;
    uint64_t begin, end; /* of the request, in what the peer sends */
};

struct answer {
    uint64_t begin, end;
    unsigned status;
    bool numbered; /* the application's */
    bool last;     /* says that the connection closes */
};

struct reader {
    const struct asked *asked;
    unsigned asked_count;
    bool any; /* what was asked is garbage: only the form is looked at */
    bool refused; /* what was asked is known only where it was taken: the last answer may be to a request that was not */
    unsigned state;
    char line[256];
    unsigned line_length;
    unsigned status;
    bool has_length, chunked, last, has_number;
    unsigned number;
    uint64_t left;    /* of the content, of the chunk */
    uint64_t content; /* octets of it so far */
    uint64_t octets;  /* read in all */
    uint64_t begin;
    struct answer answers[READER_ANSWERS_MAX]; /* final ones that are whole */
    unsigned count;
};

void reader_init(struct reader *r, const struct asked *asked, unsigned count, bool any);
void reader_feed(struct reader *r, const char *octets, size_t size);
/* The stream ended in order: that ends a content without a length. */
void reader_end(struct reader *r);
/* No response is partly here. */
bool reader_is_between(const struct reader *r);

#endif
