#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "io/loop_internal.h"
#include "io/sigpipe.h"
#include "io/sock.h"

#define PIECES_MAX   64
/* What sendfile cannot read goes through the stack in steps of this size. */
#define COPY_SIZE    16384
/* The kernel's own bound of one call. */
#define SENDFILE_MAX 0x7ffff000U

/* sendfile that took something says nothing of the error that stopped it, which the kernel has then told, and forgets.
 * What comes after looks like the peer's FIN: EPIPE, and an end. It may have been a reset, and that is what is said, as
 * less follows from it. */
static int errno_after_file(const struct io_sock *sock, int os)
{
    return os == EPIPE && (sock->flags & (SOCK_FILE_CUT | SOCK_ENDED)) == SOCK_FILE_CUT ? ECONNRESET : os;
}

/* The number of octets, or minus errno, with what the socket must remember of it. */
static ssize_t completed(struct io_sock *sock, ssize_t n)
{
    if (n < 0)
        errno = errno_after_file(sock, errno);
    sock->flags &= (uint16_t)~SOCK_FILE_CUT;
    if (n >= 0)
        return n;
    if (errno == EAGAIN)
        sock->flags |= SOCK_WRITE_PENDING;
    else if (errno == ECONNRESET || errno == ETIMEDOUT)
        sock->os = (int16_t)errno; /* recv would say 0 now, as if a FIN had come */
    return -errno;
}

ssize_t io_sock_write(struct io_sock *sock, const struct io_piece *pieces, size_t count, bool more_follows)
{
    int flags = MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0);
    ssize_t n;
    if (count == 0)
        return 0;
    if (count == 1) {
        do
            n = send(sock->fd, pieces[0].ptr, pieces[0].len, flags);
        while (n < 0 && errno == EINTR);
        return completed(sock, n);
    }
    struct iovec vector[PIECES_MAX];
    if (count > PIECES_MAX) {
        count = PIECES_MAX;
        flags |= MSG_MORE;
    }
    for (size_t i = 0; i < count; i++)
        vector[i] = (struct iovec){.iov_base = (void *)(uintptr_t)pieces[i].ptr, .iov_len = pieces[i].len};
    struct msghdr message = {.msg_iov = vector, .msg_iovlen = count};
    do
        n = sendmsg(sock->fd, &message, flags);
    while (n < 0 && errno == EINTR);
    return completed(sock, n);
}

/* A file that sendfile cannot map into a pipe: some pseudo and FUSE file systems. */
static ssize_t copy_file(struct io_sock *sock, int fd, uint64_t offset, size_t size)
{
    char copy[COPY_SIZE];
    ssize_t n;
    do
        n = pread(fd, copy, size < sizeof(copy) ? size : sizeof(copy), (off_t)offset);
    while (n < 0 && errno == EINTR);
    /* EAGAIN is the socket's word: of a file it would be a wait for an edge that never comes. */
    if (n <= 0)
        return n == 0 ? 0 : errno == EAGAIN ? -EIO : -errno;
    struct io_piece piece = {copy, (size_t)n};
    return io_sock_write(sock, &piece, 1, false);
}

/* sendfile knows no MSG_NOSIGNAL. An error behind some octets is not returned, but SIGPIPE is raised for it all the
 * same: it may have come whenever not all was taken. */
static ssize_t sendfile_without_signal(int to, int from, off_t *offset, size_t size)
{
    struct io_sigpipe hold;
    io_sigpipe_hold(&hold);
    ssize_t n;
    do
        n = sendfile(to, from, offset, size);
    while (n < 0 && errno == EINTR);
    io_sigpipe_release(&hold, n != (ssize_t)size);
    return n;
}

ssize_t io_sock_write_file(struct io_sock *sock, int fd, uint64_t offset, size_t size)
{
    if (size == 0)
        return 0;
    off_t at = (off_t)offset;
    ssize_t n = sendfile_without_signal(sock->fd, fd, &at, size < SENDFILE_MAX ? size : SENDFILE_MAX);
    if (n < 0 && (errno == EINVAL || errno == ENOSYS))
        return copy_file(sock, fd, offset, size);
    bool cut = n > 0 && (size_t)n < size;
    n = completed(sock, n);
    if (cut)
        sock->flags |= SOCK_FILE_CUT;
    return n;
}
