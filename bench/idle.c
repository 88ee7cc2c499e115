// Opens N connections to a server, asks for `/` once on each, then leaves them all open and idle.
//
//     idle PORT N
//
// Prints "open N" once all are answered and waits for the end of standard input; then prints "still M", the connections
// that the server had neither closed nor written to meanwhile, and leaves. Exit status 1 if it could not open them all.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

static int raise_descriptor_limit(size_t needed)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return -1;
    if (limit.rlim_max < needed && limit.rlim_max != RLIM_INFINITY) {
        fprintf(stderr, "idle: %zu descriptors needed, the hard limit is %llu\n", needed,
                (unsigned long long)limit.rlim_max);
        return -1;
    }
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit);
}

// An answer is whole when as many octets as its Content-Length says follow its blank line.
static int answer_is_whole(const char *answer, size_t size)
{
    const char *blank = memmem(answer, size, "\r\n\r\n", 4), *length = strcasestr(answer, "\r\ncontent-length:");
    if (!blank || !length || length > blank)
        return 0;
    return size - (size_t)(blank + 4 - answer) >= strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
}

static int ask_once(int fd)
{
    char answer[4096];
    size_t size = 0;
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != (ssize_t)(sizeof request - 1))
        return -1;
    while (size < sizeof answer - 1) {
        ssize_t got = recv(fd, answer + size, sizeof answer - 1 - size, 0);
        if (got <= 0)
            return -1;
        size += (size_t)got;
        answer[size] = 0;
        if (answer_is_whole(answer, size))
            return 0;
    }
    return -1;
}

static int open_one(in_port_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval patience = {.tv_sec = 5};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) ||
        connect(fd, (struct sockaddr *)&address, sizeof address) || ask_once(fd)) {
        close(fd);
        return -1;
    }
    return fd;
}

static size_t count_still_open(const int *fds, size_t count)
{
    size_t still = 0;
    char octet;
    for (size_t i = 0; i < count; i++)
        still += recv(fds[i], &octet, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
    return still;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return fprintf(stderr, "usage: idle PORT N\n"), 2;
    size_t count = strtoul(argv[2], NULL, 10);
    int *fds = calloc(count + 1, sizeof *fds);
    char octet;
    if (!fds || raise_descriptor_limit(count + 16))
        return 1;
    for (size_t i = 0; i < count; i++) {
        fds[i] = open_one((in_port_t)strtoul(argv[1], NULL, 10));
        if (fds[i] < 0)
            return fprintf(stderr, "idle: connection %zu of %zu: %s\n", i + 1, count,
                           errno ? strerror(errno) : "closed before its answer was whole"),
                   1;
    }
    printf("open %zu\n", count);
    fflush(stdout);
    while (read(STDIN_FILENO, &octet, 1) > 0)
        ;
    printf("still %zu\n", count_still_open(fds, count));
    free(fds);
    return 0;
}
