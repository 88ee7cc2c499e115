/* What a failed read or write means. errno alone does not say: Linux reports one reset as ECONNRESET or as EPIPE by the
 * state in which it comes, so the stage, and whether the peer's FIN came before, decide. */
#ifndef CONN_FAILURE_H
#define CONN_FAILURE_H

#include "exchange/facts.h"

/* The way between failed, not the other end. */
bool failure_is_of_network(int os);
/* The code of a transport that failed with `os` (0: it hung up) in that stage. Notes in the facts what it learned of
 * the peer: a reset, or a FIN before it. */
weir_code failure_code(struct engine_facts *facts, int os, weir_stage stage);

#endif
