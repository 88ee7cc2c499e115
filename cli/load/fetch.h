/* One connection on which documents are fetched, one after the other, by waiting: for the ledger of the server. */
#ifndef CLI_LOAD_FETCH_H
#define CLI_LOAD_FETCH_H

#include "load/target.h"
#include "common/text.h"

struct load_fetch {
    struct load_target target;
    weir_conn_config *config;
    weir_conn *engine; /* null: no connection */
    int fd;
    uint64_t dials;   /* connections made so far */
    uint64_t fetched; /* answers that came */
    uint64_t octets_out;
    struct text body; /* of the last answer */
    unsigned status;
    bool done, whole;
};

/* False: `error` has a sentence, and *usage says whether the URL is none; fini is due all the same. */
WEIR_MUST_USE bool load_fetch_init(struct load_fetch *fetch, const char *url, char *error, size_t error_size,
                                   bool *usage);
/* Gets the URL; connects first where there is no connection (any more). `body` then has the content of a 200. */
WEIR_MUST_USE bool load_fetch_get(struct load_fetch *fetch, char *error, size_t error_size);
void load_fetch_fini(struct load_fetch *fetch);

#endif
