/* Sockets handed over by a service manager (sd_listen_fds(3)): LISTEN_FDS descriptors from 3 on, if LISTEN_PID is
 * us. */
#ifndef IO_SYSTEMD_H
#define IO_SYSTEMD_H

#include <stdbool.h>
#include <stddef.h>

/* The `index`-th listening stream socket, or -1. It stays the process's: duplicate it. The environment is left as it
 * is, so that it can be asked again; all descriptors of the range get close-on-exec, so that no child takes them. */
int io_systemd_socket(size_t index);
size_t io_systemd_count(void);
/* Why there is none, for a message. */
const char *io_systemd_trouble(void);

#endif
