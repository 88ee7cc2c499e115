/* What an outgoing body says of itself. */
#ifndef EXCHANGE_BODY_H
#define EXCHANGE_BODY_H

#include <weir/exchange.h>

/* It is one that can be sent: a descriptor where it is a file, a length that a parser takes (RFC 9110, 8.6). */
bool exchange_body_valid(const weir_body *body);
/* How many octets it says it has; 0 for a stream of unknown length. */
uint64_t exchange_body_length(const weir_body *body);

#endif
