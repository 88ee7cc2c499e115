/* A connected stream socket on a loop, completion-shaped: reads and writes are asked for and complete later, so that
 * a back-end may be a readiness one (epoll) or a completion one (io_uring) and what is above cannot tell.
 *
 * The owner embeds the struct. Nothing is allocated; an idle socket holds no buffer: where to read to is asked for when
 * there is something to read. Callbacks come from the loop's round, never from within the calls below.
 *
 *     opened -> (reading on/off, writes) -> closed
 *
 * After io_sock_close (legal in any callback) no callback comes.
 */
#ifndef IO_SOCK_H
#define IO_SOCK_H

#include <sys/types.h>
#include <weir/ending.h>
#include <weir/loop.h>

#include "base/list.h"

struct io_sock;

struct io_sock_ops {
    /* There are octets to read, or may be: where to? NULL: reading is switched off until io_sock_read(sock, true). */
    char *(*space)(struct io_sock *sock, size_t *size);
    /* A read completed: n > 0 octets are in the space; 0: the peer's FIN; < 0: minus errno. After 0 and < 0 no other
     * comes. `more`: another read follows in this round for certain, unless reading is switched off. False says nothing
     * of what comes. */
    void (*read)(struct io_sock *sock, ssize_t n, bool more);
    /* There was nothing to read: the space that was asked for last is not used, no `read` follows it. May be null. */
    void (*unused)(struct io_sock *sock);
    /* A write that was left pending completed: n octets were taken (0: none, write again), or minus errno. */
    void (*written)(struct io_sock *sock, ssize_t n);
    /* The socket is dead (EPOLLHUP or EPOLLERR) while reading is off or after FIN: `os` is its error, 0 if it has none.
     * Once, and never merely for a FIN. What came before can still be read; its end is then `os` again, or 0 where the
     * peer's FIN came first. */
    void (*hangup)(struct io_sock *sock, int os);
    /* The round in which io_sock_wake was called goes to its end: all reads, accepts, timers and posts were called. */
    void (*woken)(struct io_sock *sock);
};

struct io_sock {
    const struct io_sock_ops *ops;
    weir_loop *loop;
    struct base_list ready; /* in the loop's list of sockets that have something to do */
    int fd;
    uint16_t flags; /* of sock.c */
    int16_t os;     /* an error that the kernel told us in another way than by recv, and tells only once */
};

/* Takes over a non-blocking stream socket. Reading is off. `try_now`: octets may be there (just accepted). If of
 * late such sockets were done with at once, the first read is tried in this round (switch reading on at once), and
 * the kernel is asked to watch the socket only if it stays open; if it then cannot, that is an error by `read` or
 * `hangup`. Returns WEIR_OK or no_memory / system_error; then the descriptor is still the caller's. */
WEIR_MUST_USE weir_code io_sock_open(struct io_sock *sock, weir_loop *loop, int fd, const struct io_sock_ops *ops,
                                     bool try_now);
void io_sock_read(struct io_sock *sock, bool on);
bool io_sock_is_reading(const struct io_sock *sock);

/* One piece of memory to write. */
struct io_piece {
    const char *ptr;
    size_t len;
};
/* Writes now what the kernel takes. n >= 0: so many octets were taken. -EAGAIN: pending; the pieces stay as they are
 * until `written`. Other: minus errno. Never SIGPIPE. At most 64 pieces are looked at. */
ssize_t io_sock_write(struct io_sock *sock, const struct io_piece *pieces, size_t count, bool more_follows);
/* The same from a file, at most what the kernel takes at once. 0: the file ended. An error may be the file's (EIO). */
ssize_t io_sock_write_file(struct io_sock *sock, int fd, uint64_t offset, size_t size);
/* Nothing is to be read: no octet, no FIN, no reset. Asks the kernel. */
bool io_sock_is_quiet(struct io_sock *sock);
/* Has `woken` called later in this round (or in the next). */
void io_sock_wake(struct io_sock *sock);

/* FIN after what was written. Minus errno or 0; -ENOTCONN means that the connection is dead already. */
int io_sock_shutdown(struct io_sock *sock);
/* Closes: in order, unless io_sock_reset came before. Over unread octets the kernel resets by itself. */
void io_sock_close(struct io_sock *sock);

/* What the kernel knows of the octets that were written and not read. Of a unix socket `acked` is all once the peer
 * has read all, and none before; nothing is known when the peer closed over unread octets. Works after a reset,
 * until close. */
struct io_acks {
    bool known;
    bool dead;       /* TCP state CLOSE, unix socket hung up: a reset came, or all is over */
    uint64_t left;   /* octets that left this host at least once */
    uint64_t acked;  /* octets that the peer acknowledged, of `written` (FIN and SYN not counted) */
    uint64_t unread; /* octets that came and were not read */
};
/* What passed through the socket so far, as its owner knows it. */
struct io_passed {
    uint64_t written; /* octets that io_sock_write took */
    uint64_t read;    /* octets that `read` brought */
    bool dialled;     /* the connection is of our making: its SYN counts */
};
void io_sock_acks(const struct io_sock *sock, const struct io_passed *passed, struct io_acks *acks);
/* Ends the connection by RST (a unix socket knows none) and says what the kernel knew: `left` is what left, to the
 * octet; the rest is as it was just before. Nothing may follow but io_sock_close. If octets are left behind in the
 * kernel the RST goes at once, and the address of this end is forgotten; if none are, it goes with the close. So it
 * does where the kernel refuses to do it at once, and what leaves until then is not in `left`. */
void io_sock_reset(struct io_sock *sock, const struct io_passed *passed, struct io_acks *acks);
/* The address of this end. */
void io_sock_local(const struct io_sock *sock, weir_address *local);

#endif
