/* One connection of `weir load`: a socket, an engine in the client's role, and an end of its own. */
#ifndef CLI_LOAD_CONN_H
#define CLI_LOAD_CONN_H

#include "load/worker.h"

/* Dials in an empty place. False with errno: there is no socket, and the place is still empty. */
WEIR_MUST_USE bool load_conn_dial(struct load_conn *conn, uint64_t number);
/* What epoll said. */
void load_conn_event(struct load_conn *conn, uint32_t events);
/* Asks as much as the plan and the pipeline allow, and writes it. */
void load_conn_ask(struct load_conn *conn);
/* The run is over: no request follows but the one that its end needs. */
void load_conn_over(struct load_conn *conn);
/* Looks at its deadlines. */
void load_conn_tick(struct load_conn *conn);
/* Ends it now, for that reason. */
void load_conn_cut(struct load_conn *conn, weir_code code);

/* The exchanges' callback; `app` is the worker, the exchange's `user` a struct load_asked. */
void load_conn_done(void *app, weir_exchange *x, const weir_exchange_ending *ending);

#endif
