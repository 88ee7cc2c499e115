// The floor: the least a server can do and still answer. It waits, receives, counts blank lines and sends one fixed
// answer for each: no parser, no limits, no deadlines, no orderly close. What a real server costs above it is what its
// rules cost. One thread, edge-triggered, keep-alive only, one send for all requests of a batch.   Usage: floor PORT
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER                                                                                                         \
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n" \
    "Hello, World!"
enum { ANSWER_SIZE = sizeof ANSWER - 1, INPUT_SIZE = 16384, BATCH_MAX = INPUT_SIZE / 2, FD_MAX = 65536 };

static char answers[BATCH_MAX * ANSWER_SIZE]; // the answer over and over, so that a batch is one send
static size_t line_size[FD_MAX];              // by descriptor: octets so far of the line the last read broke off in

static size_t count_blank_lines(const char *at, const char *end, size_t *line)
{
    size_t blank = 0;
    for (const char *eol; (eol = memchr(at, '\n', (size_t)(end - at))); at = eol + 1, *line = 0)
        blank += *line + (size_t)(eol - at) == 1; // nothing but the CR
    *line += (size_t)(end - at);
    return blank;
}

static void serve(int fd)
{
    static char input[INPUT_SIZE];
    ssize_t got;
    do {
        got = recv(fd, input, sizeof input, 0);
        size_t size = got > 0 ? count_blank_lines(input, input + got, &line_size[fd]) * ANSWER_SIZE : 0;
        // A short send would need an output buffer: the floor has none, so it gives the connection up.
        if (got == 0 || (got < 0 && errno != EAGAIN) ||
            (size && send(fd, answers, size, MSG_NOSIGNAL) != (ssize_t)size)) {
            close(fd);
            return;
        }
    } while (got == sizeof input); // a short read has emptied the socket
}

static void accept_all(int listener, int epoll)
{
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        struct epoll_event want = {.events = EPOLLIN | EPOLLET, .data.fd = fd};
        if (fd >= FD_MAX || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &want))
            close(fd);
        else
            line_size[fd] = 0;
    }
}

int main(int argc, char **argv)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), epoll = epoll_create1(0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((in_port_t)atoi(argc > 1 ? argv[1] : "8080"))};
    struct epoll_event want = {.events = EPOLLIN, .data.fd = listener}, ready[512];
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (size_t i = 0; i < BATCH_MAX; i++)
        memcpy(answers + i * ANSWER_SIZE, ANSWER, ANSWER_SIZE);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096) ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &want))
        return perror("floor"), 1;
    for (int count; (count = epoll_wait(epoll, ready, 512, -1)) >= 0;)
        for (int i = 0; i < count; i++)
            ready[i].data.fd == listener ? accept_all(listener, epoll) : serve(ready[i].data.fd);
    return perror("floor"), 1;
}
