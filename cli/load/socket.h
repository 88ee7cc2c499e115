/* The sockets of `weir load`: dialled, asked what was acknowledged, closed one way or the other. */
#ifndef CLI_LOAD_SOCKET_H
#define CLI_LOAD_SOCKET_H

#include <weir/weir.h>

#include "load/target.h"

/* A non-blocking socket that connects to the target. -1 with errno: it did not come so far. *connected: it is connected
 * already, as a unix socket is at once. */
int load_socket_dial(const struct load_target *target, bool *connected);
/* After the socket became writable: 0, or the errno of the dial. */
int load_socket_dialled(int fd);
/* Whether a dial that ended with `os` had led to a connection, which the server then ended: a reset after its accept is
 * no refusal. */
bool load_socket_was_open(int os);
/* The code of a failed dial. */
weir_code load_socket_dial_code(int os);
/* What the kernel knows of the `written` octets. */
weir_receipt load_socket_receipt(int fd, uint64_t written);
/* `reset`: with a RST; else as close(2) does, which resets too where octets are unread. */
void load_socket_close(int fd, bool reset);

#endif
