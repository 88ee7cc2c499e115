/* What a client's request says, found by looking once at what the application gave; and its head as octets. Pure. */
#ifndef H1_REQUEST_PLAN_H
#define H1_REQUEST_PLAN_H

#include <weir/conn.h>

struct request_plan {
    uint64_t length;
    bool has_length; /* the content has a known length */
    bool gives_length, gives_host, gives_close, gives_upgrade, gives_expect;
    bool streams;
    bool expects;  /* the content waits for 100 (Continue) */
    uint8_t asked; /* enum exchange_asked */
};

/* WEIR_OK, or the code of what may not be sent. */
WEIR_MUST_USE weir_code request_plan_make(struct request_plan *plan, const weir_request *request);
/* Room for the head, whatever the plan says. */
size_t request_head_size_max(const weir_request *request);
/* Writes the head with its empty line; returns the end. */
char *request_put_head(char *to, const struct request_plan *plan, const weir_request *request);

#endif
