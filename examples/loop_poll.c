/* The user's own loop: poll() waits for Weir's loop and for a descriptor of the user's, here standard input, of which
 * each line becomes the answer that the server gives from then on.
 *
 *     build/examples/loop_poll            and type lines
 *     curl http://127.0.0.1:8080/
 *     curl http://127.0.0.1:8080/never    is not answered: 503 after 0.3 s, a deadline of Weir's that poll waits for
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <weir/weir.h>

static weir_server *server;
static char answer[256] = "nothing was typed yet\n";
static size_t answer_len;

static void head(void *app, weir_exchange *x)
{
    (void)app;
    if (weir_str_equal(weir_request_path(x), WEIR_STR("/never")))
        return;
    weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("text/plain")}),
                 weir_body_copy((weir_str){answer, answer_len}));
}

/* False when nothing more will come. A line that is longer than the answer may be is several. */
static bool read_line(int fd)
{
    ssize_t n = read(fd, answer, sizeof(answer));
    if (n > 0)
        answer_len = (size_t)n;
    return n > 0 || (n < 0 && errno == EINTR);
}

/* In poll's unit, rounded up so that it does not wake in vain. */
static int time_to_wait(const weir_loop *loop)
{
    uint64_t timeout_ns = weir_loop_timeout(loop);
    if (timeout_ns == WEIR_NEVER)
        return -1;
    uint64_t ms = timeout_ns / WEIR_MS + (timeout_ns % WEIR_MS > 0);
    return ms < INT_MAX ? (int)ms : INT_MAX;
}

static void run(weir_loop *loop)
{
    struct pollfd watched[2] = {
        {.fd = weir_loop_fd(loop), .events = POLLIN},
        {.fd = STDIN_FILENO, .events = POLLIN},
    };
    while (!weir_server_is_stopped(server)) {
        int n = poll(watched, 2, time_to_wait(loop));
        if (n > 0 && watched[1].revents != 0 && !read_line(STDIN_FILENO))
            watched[1].fd = -1; /* poll leaves it out */
        weir_loop_step(loop, 0);
    }
}

static void on_sigterm(int number)
{
    (void)number;
    weir_server_drain(server); /* makes weir_loop_fd readable: poll wakes even if the signal came just before it */
}

int main(int argc, char **argv)
{
    static const weir_handler handler = WEIR_HANDLER(.head = head);
    weir_str listen = weir_str_from(argc > 1 ? argv[1] : "127.0.0.1:8080");
    weir_loop *loop = NULL;
    weir_error error;
    char address[128];
    answer_len = strlen(answer);
    /* Run returns at once on a loop of ours: it only begins to accept. */
    if (weir_loop_new(&loop, NULL, &error) != WEIR_OK ||
        weir_server_new(&server,
                        WEIR_SERVER(.listen = listen, .handler = &handler, .loop = loop,
                                    .limits.handler_timeout_ns = 300 * WEIR_MS),
                        &error) != WEIR_OK ||
        weir_server_run(server, &error) != WEIR_OK) {
        fprintf(stderr, "loop_poll: %s\n", error.text);
        weir_server_free(server);
        weir_loop_free(loop);
        return 1;
    }
    signal(SIGTERM, on_sigterm);
    weir_server_address(server, 0, address, sizeof(address));
    fprintf(stderr, "listening on %s\n", address);
    run(loop);
    signal(SIGTERM, SIG_DFL); /* there is nothing left to drain */
    weir_server_free(server);
    weir_loop_free(loop);
    return 0;
}
