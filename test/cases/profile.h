/* What the Profile line of a case says (README.md). */
#ifndef CASES_PROFILE_H
#define CASES_PROFILE_H

#include <weir/conn.h>

#include "page.h"

/* What the handler of a server does with a request. */
enum answer { ANSWER_AT_END, ANSWER_AT_HEAD, ANSWER_NEVER };

struct profile {
    weir_role role;
    bool lenient;
    bool fin;   /* the peer's FIN follows its last octet */
    bool whole; /* not to be cut */
    enum answer answer;
    bool refuse;  /* the body, with 413 */
    bool stream;  /* the answer, or the request's body, is a stream */
    bool trailer; /* and has a trailer field */
    bool tunnel;  /* 101 or 200, as asked for */
    bool hints;   /* 103 before the answer */
    bool close;   /* weir_exchange_close */
    bool offer;   /* the answer names a protocol in Upgrade */
    bool hold;    /* a stream is not ended */
    bool expect;  /* a request waits for 100 */
    unsigned status;
    weir_limits limits;
};

/* False for a line that is wrong, or missing: why is added to the log. */
bool profile_read(struct profile *profile, const struct page_case *c, struct text *log);

#endif
