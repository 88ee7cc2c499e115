/* How a connection of `weir load` comes to its end: as it was asked for, or as the engine wants it. */
#ifndef CLI_LOAD_CLOSE_H
#define CLI_LOAD_CLOSE_H

#include "load/worker.h"

/* Does what the engine wants until it wants nothing new: writes, looks at the receipt, shuts, closes; and begins the
 * end once the last request is out, or its answer taken. The connection may be gone after it. */
void load_close_step(struct load_conn *conn);
/* Ends it with a reset, now, because it was asked for. */
void load_close_reset(struct load_conn *conn);
/* A dial that came to nothing. */
void load_close_undialled(struct load_conn *conn, weir_code code);

/* Of an open loop: the others with room are asked on before it. It is in the list. */
void load_close_to_back(struct load_conn *conn);

/* Of load/conn.c: gives the socket what it takes. */
void load_close_write(struct load_conn *conn);

#endif
