#include "io/listen_unix.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/address.h"
#include "io/listener.h"

/* A dead file is replaced this often; it comes back only if others do the same at the same moment. */
#define REPLACE_TRIES 3

static void fill(struct sockaddr_un *address, weir_str path)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, path.ptr, path.len);
}

static int open_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* 0, or the errno of connecting: ECONNREFUSED means that nobody listens. */
static int probe(const struct sockaddr_un *address)
{
    int fd = open_socket();
    if (fd < 0)
        return errno;
    int os = connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 ? errno : 0;
    close(fd);
    return os;
}

static weir_code fail_path(weir_error *error, weir_code code, int os, const struct sockaddr_un *address,
                           const char *why)
{
    return io_fail(error, code, os, "\"unix:%s\": %s", address->sun_path, why);
}

/* Takes a dead socket file away. WEIR_OK: bind may be tried again. */
static weir_code replace_dead(const struct sockaddr_un *address, weir_error *error)
{
    struct stat before;
    struct stat after;
    if (lstat(address->sun_path, &before) != 0)
        return errno == ENOENT ? WEIR_OK : fail_path(error, io_code_of_errno(errno), errno, address, strerror(errno));
    if (!S_ISSOCK(before.st_mode))
        return fail_path(error, WEIR_CODE_address_in_use, EADDRINUSE, address,
                         "a file that is not a socket has this path");
    int os = probe(address);
    if (os == ENOENT)
        return WEIR_OK;
    if (os != ECONNREFUSED)
        return fail_path(error, WEIR_CODE_address_in_use, EADDRINUSE, address,
                         os == 0 || os == EAGAIN ? "another process listens here"
                                                 : "a socket that may not be tried has this path");
    /* Nobody listened; but meanwhile another server may have replaced it as we are about to. */
    if (lstat(address->sun_path, &after) != 0 || after.st_ino != before.st_ino || after.st_dev != before.st_dev)
        return WEIR_OK;
    if (unlink(address->sun_path) != 0 && errno != ENOENT)
        return fail_path(error, io_code_of_errno(errno), errno, address,
                         "a dead socket file has this path and cannot be taken away");
    return WEIR_OK;
}

static weir_code bind_path(int fd, const struct sockaddr_un *address, weir_error *error)
{
    for (int tries = 0; tries < REPLACE_TRIES; tries++) {
        if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
            return WEIR_OK;
        if (errno != EADDRINUSE)
            return fail_path(error, io_code_of_errno(errno), errno, address,
                             errno == ENOENT ? "its directory does not exist" : strerror(errno));
        weir_code code = replace_dead(address, error);
        if (code != WEIR_OK)
            return code;
    }
    return fail_path(error, WEIR_CODE_address_in_use, EADDRINUSE, address, "another process takes this path now");
}

weir_code io_listen_unix(weir_str path, int backlog, bool for_all, int *out, weir_error *error)
{
    struct sockaddr_un address;
    fill(&address, path);
    int fd = open_socket();
    if (fd < 0)
        return fail_path(error, io_code_of_errno(errno), errno, &address, strerror(errno));
    weir_code code = bind_path(fd, &address, error);
    if (code != WEIR_OK) {
        close(fd);
        return code;
    }
    if ((for_all && chmod(address.sun_path, 0666) != 0) || listen(fd, backlog) != 0) {
        int os = errno;
        (void)unlink(address.sun_path);
        close(fd);
        return fail_path(error, io_code_of_errno(os), os, &address, strerror(os));
    }
    *out = fd;
    return WEIR_OK;
}

void io_listen_mark(struct io_listen_mark *mark, weir_str address)
{
    struct io_place place;
    struct stat file;
    *mark = (struct io_listen_mark){0};
    if (io_place_parse(&place, address, NULL) != WEIR_OK || place.kind != IO_PLACE_UNIX)
        return;
    memcpy(mark->path, place.path.ptr, place.path.len);
    if (lstat(mark->path, &file) != 0 || !S_ISSOCK(file.st_mode)) {
        mark->path[0] = '\0';
        return;
    }
    mark->device = file.st_dev;
    mark->inode = file.st_ino;
}

void io_listen_forget(struct io_listen_mark *mark)
{
    struct stat file;
    /* While we hold the socket its inode number is not given to another file. */
    if (mark->path[0] != '\0' && lstat(mark->path, &file) == 0 && file.st_dev == mark->device &&
        file.st_ino == mark->inode)
        (void)unlink(mark->path);
    mark->path[0] = '\0';
}
