/* Listening on a unix socket's path, with the socket file that a dead server left behind replaced. */
#ifndef IO_LISTEN_UNIX_H
#define IO_LISTEN_UNIX_H

#include <weir/code.h>

/* `path` fits into a sockaddr_un. A file that is not a socket, and a socket that somebody listens on, are never
 * touched: address_in_use. */
WEIR_MUST_USE weir_code io_listen_unix(weir_str path, int backlog, bool for_all, int *fd, weir_error *error);

#endif
