#include "io/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_FD 3

/* A whole positive number, or -1. */
static int number(const char *text)
{
    char *end;
    if (text == NULL || text[0] < '0' || text[0] > '9')
        return -1;
    errno = 0;
    long value = strtol(text, &end, 10);
    return errno == 0 && *end == '\0' && value <= INT_MAX - FIRST_FD ? (int)value : -1;
}

/* How many descriptors are ours; 0 where they are another process's, that started us without clearing its
 * environment. */
static int handed_over(void)
{
    int count = number(getenv("LISTEN_FDS"));
    return number(getenv("LISTEN_PID")) == (int)getpid() && count > 0 ? count : 0;
}

static bool is_listening_stream(int fd)
{
    int type = 0;
    int listens = 0;
    socklen_t size = sizeof(int);
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM)
        return false;
    size = sizeof(int);
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0;
}

/* The socket at `index`, and how many there are. */
static int find(size_t index, size_t *count)
{
    int found = -1;
    int end = FIRST_FD + handed_over();
    *count = 0;
    for (int fd = FIRST_FD; fd < end; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (flags < 0)
            break; /* fewer than was said */
        (void)fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
        if (!is_listening_stream(fd))
            continue;
        if (*count == index)
            found = fd;
        (*count)++;
    }
    return found;
}

int io_systemd_socket(size_t index)
{
    size_t count;
    return find(index, &count);
}

size_t io_systemd_count(void)
{
    size_t count;
    (void)find(0, &count);
    return count;
}

const char *io_systemd_trouble(void)
{
    if (getenv("LISTEN_FDS") == NULL)
        return "no sockets were handed over: LISTEN_FDS is not set";
    if (handed_over() == 0)
        return "no sockets were handed over to this process: LISTEN_PID is not its, or LISTEN_FDS no number";
    return "none of the descriptors handed over is that listening stream socket";
}
