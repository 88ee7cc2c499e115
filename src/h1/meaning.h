/* What the fields of a head say of framing and connection (RFC 9112, 6 and 9.6): taken one after another as they are
 * parsed, so that the first that is wrong is the one that is reported. */
#ifndef H1_MEANING_H
#define H1_MEANING_H

#include "h1/head.h"

enum h1_kind { H1_KIND_REQUEST, H1_KIND_RESPONSE, H1_KIND_TRAILERS };

struct h1_meaning {
    enum h1_kind kind;
    bool lenient;
    bool connect;       /* a response to CONNECT: of a 2xx the framing is ignored (RFC 9112, 6.3) */
    bool coded;         /* a Transfer-Encoding was there */
    bool unknown_coded; /* with a coding other than these: */
    bool identity_coded;
    bool named_upgrade; /* Connection: upgrade */
    bool has_upgrade;   /* an Upgrade field */
};

/* Whether a name of that size can be one that h1_meaning_take looks at (trailers: any can). */
static inline bool h1_meaning_cares(enum h1_kind kind, size_t name_size)
{
    const uint32_t sizes = 1U << 2 | 1U << 4 | 1U << 6 | 1U << 7 | 1U << 10 | 1U << 14 | 1U << 17;
    return kind == H1_KIND_TRAILERS || (name_size <= 17 && (sizes >> name_size & 1) != 0);
}

/* One field, its name a token and its value trimmed and free of controls. The version of `head` must be known. */
weir_code h1_meaning_take(struct h1_meaning *meaning, struct http_head *head, const weir_field *field);
/* After the last. */
weir_code h1_meaning_finish(const struct h1_meaning *meaning, struct http_head *head);

#endif
