/* One socket of a dial: made, set up, and on its way. */
#ifndef IO_DIAL_SOCKET_H
#define IO_DIAL_SOCKET_H

#include <sys/socket.h>
#include <weir/code.h>

struct io_dial_socket {
    struct sockaddr_storage local;
    socklen_t local_size;  /* 0: the kernel chooses */
    bool delay;            /* no TCP_NODELAY */
    uint64_t keepalive_ns; /* 0: none */
};

/* 0: connected, EINPROGRESS: on its way; then `*fd` is the caller's. Else an errno, `*doing` says what failed, and
 * nothing is left open. EAGAIN: a unix socket whose backlog is full; nobody tells when it has room. */
int io_dial_socket(const struct io_dial_socket *how, const struct sockaddr_storage *to, socklen_t size, int *fd,
                   const char **doing);
/* Of a socket that was on its way and is writable now: 0, or why it is not connected. */
int io_dial_outcome(int fd, const struct sockaddr_storage *to);
/* The code for an errno of the two above. */
weir_code io_dial_code(int os, sa_family_t family);

#endif
