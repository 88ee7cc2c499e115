/* The engine alone: HTTP without Weir's loop, sockets or threads. `serve` is the whole adapter: it moves octets
 * between a descriptor and an engine with poll(), and does what the engine wants. The descriptor is one end of a
 * socketpair; at the other a forked child is the client, which prints what it gets.
 *
 *     build/examples/engine_alone */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <weir/conn.h>

static void head(void *app, weir_exchange *x)
{
    (void)app;
    weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("text/plain")}),
                 weir_body_borrow(WEIR_STR("hello from an engine\n")));
}

/* --- the adapter ------------------------------------------------------------------------------------------------ */

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * WEIR_SECOND + (uint64_t)time.tv_nsec;
}

static void read_some(weir_conn *engine, int fd)
{
    size_t size;
    char *space = weir_conn_reserve(engine, &size);
    ssize_t n = size > 0 ? read(fd, space, size) : -1;
    int os = size > 0 ? errno : EAGAIN;
    weir_conn_received(engine, n > 0 ? (size_t)n : 0, now());
    if (n == 0)
        weir_conn_received_fin(engine, now());
    else if (n < 0 && os != EAGAIN && os != EINTR)
        weir_conn_failed(engine, WEIR_DIRECTION_IN, os, now());
}

/* False when the transport takes no more now. This handler never sends a file, so each piece is octets in memory. */
static bool write_some(weir_conn *engine, int fd, uint64_t *sent)
{
    weir_output piece;
    if (weir_conn_output(engine, &piece, 1) == 0)
        return false;
    ssize_t n = send(fd, piece.ptr, piece.len, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n < 0) {
        weir_conn_failed(engine, WEIR_DIRECTION_OUT, errno, now());
        return true;
    }
    *sent += (uint64_t)n;
    weir_conn_sent(engine, (size_t)n, now());
    return true;
}

/* What the peer has read. A socketpair counts more than the octets in its queue, so only an empty one is sure; of a TCP
 * socket TCP_INFO tells what was acknowledged, to the octet. */
static weir_receipt receipt_of(int fd, uint64_t sent)
{
    int queued, unread;
    if (ioctl(fd, SIOCOUTQ, &queued) != 0 || queued != 0 || ioctl(fd, SIOCINQ, &unread) != 0)
        return (weir_receipt){.known = false};
    return (weir_receipt){.known = true, .left = sent, .acked = sent, .unread = (uint64_t)unread};
}

static int time_to_wait(const weir_conn *engine)
{
    uint64_t due_ns = weir_conn_deadline(engine), now_ns = now();
    if (due_ns == WEIR_NEVER)
        return -1;
    return due_ns > now_ns ? (int)((due_ns - now_ns) / WEIR_MS) + 1 : 0;
}

/* One connection, from its first octet to its ending. */
static void serve(weir_conn *engine, int fd, weir_ending *ending)
{
    uint64_t sent = 0;
    bool full = false;
    unsigned wants;
    while (((wants = weir_conn_wants(engine)) & (WEIR_WANT_CLOSE | WEIR_WANT_ABORT)) == 0) {
        if ((wants & WEIR_WANT_WRITE) && !full) {
            full = !write_some(engine, fd, &sent);
        } else if (wants & WEIR_WANT_RECEIPT) {
            weir_receipt receipt = receipt_of(fd, sent);
            weir_conn_receipt(engine, &receipt, now());
        } else if (wants & WEIR_WANT_SHUTDOWN) {
            shutdown(fd, SHUT_WR);
            weir_conn_shut(engine, now());
        } else {
            bool reads = (wants & WEIR_WANT_READ) != 0;
            struct pollfd watched = {.fd = fd, .events = (short)((reads ? POLLIN : 0) | (full ? POLLOUT : 0))};
            poll(&watched, 1, time_to_wait(engine));
            full = full && (watched.revents & POLLOUT) == 0;
            if (reads && watched.revents != 0)
                read_some(engine, fd);
            else if (watched.revents & (POLLHUP | POLLERR)) /* there is nobody left to write to */
                weir_conn_failed(engine, WEIR_DIRECTION_OUT, EPIPE, now());
            weir_conn_tick(engine, now());
        }
    }
    weir_receipt last = receipt_of(fd, sent);
    if (wants & WEIR_WANT_ABORT) /* of TCP: a reset */
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    close(fd);
    weir_conn_closed(engine, &last, now(), ending);
}

/* --- both ends -------------------------------------------------------------------------------------------------- */

static int ask(int fd)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n";
    char octets[1024];
    ssize_t n;
    if (write(fd, request, sizeof(request) - 1) != (ssize_t)sizeof(request) - 1)
        return 1;
    while ((n = read(fd, octets, sizeof(octets))) > 0)
        fwrite(octets, 1, (size_t)n, stdout);
    return n == 0 ? 0 : 1;
}

static int answer(int fd)
{
    static const weir_handler handler = WEIR_HANDLER(.head = head);
    const weir_conn_options options = WEIR_CONN_OPTIONS(.role = WEIR_ROLE_SERVER, .handler = &handler);
    weir_conn_config *config;
    weir_conn *engine;
    weir_error error = {.text = "out of memory"};
    weir_ending ending;
    char text[WEIR_ENDING_TEXT_MAX];
    if (weir_conn_config_new(&config, &options, &error) != WEIR_OK) {
        fprintf(stderr, "engine_alone: %s\n", error.text);
        return 1;
    }
    if (weir_conn_new(&engine, config, NULL, now()) == WEIR_OK) {
        serve(engine, fd, &ending);
        weir_conn_free(engine);
        weir_ending_logfmt(text, &ending);
        fprintf(stderr, "%s\n", text);
    }
    weir_conn_config_free(config);
    return 0;
}

int main(void)
{
    int ends[2], status = 1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
        return 1;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        return ask(ends[1]);
    }
    close(ends[1]);
    if (child < 0 || answer(ends[0]) != 0)
        return 1;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
