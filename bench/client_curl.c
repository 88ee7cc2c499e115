// The same as bench/client_weir.c with libcurl's multi interface, the way its documentation shows it for many transfers:
// its socket and timer callbacks over one epoll, and an easy handle a transfer, used again.
#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>

#include "client_usage.h"

struct run {
    CURLM *multi;
    int epoll;
    uint64_t due_ns; // when libcurl's timer fires; UINT64_MAX: not
    uint64_t to_send, to_end, octets, failed;
};

static size_t on_body(char *ptr, size_t size, size_t count, void *app)
{
    (void)ptr;
    ((struct run *)app)->octets += size * count;
    return size * count;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *app, void *known)
{
    struct run *run = app;
    struct epoll_event want = {.data.fd = fd};
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(run->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    want.events = (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
    if (epoll_ctl(run->epoll, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &want) != 0)
        client_usage_die("epoll_ctl failed");
    curl_multi_assign(run->multi, fd, run);
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *app)
{
    struct run *run = app;
    (void)multi;
    run->due_ns = ms < 0 ? UINT64_MAX : client_usage_clock(CLOCK_MONOTONIC) + (uint64_t)ms * 1000000U;
    return 0;
}

static CURL *new_transfer(struct run *run, const char *url)
{
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        client_usage_die("curl_easy_init failed");
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, run);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    return easy;
}

// Takes what is done, and starts the next with the same handle.
static void collect(struct run *run)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(run->multi, &left)) != NULL;) {
        CURL *easy = message->easy_handle;
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        run->failed += message->data.result != CURLE_OK || status != 200;
        run->to_end--;
        curl_multi_remove_handle(run->multi, easy);
        if (run->to_send == 0) {
            curl_easy_cleanup(easy);
            continue;
        }
        run->to_send--;
        curl_multi_add_handle(run->multi, easy);
    }
}

static int wait_ms(const struct run *run)
{
    uint64_t now_ns = client_usage_clock(CLOCK_MONOTONIC);
    if (run->due_ns == UINT64_MAX)
        return -1;
    return run->due_ns <= now_ns ? 0 : (int)((run->due_ns - now_ns + 999999U) / 1000000U);
}

static void step(struct run *run)
{
    struct epoll_event ready[256];
    int running;
    int timeout_ms = wait_ms(run);
    int count = timeout_ms == 0 ? 0 : epoll_wait(run->epoll, ready, 256, timeout_ms);
    if (count < 0 && errno != EINTR)
        client_usage_die("epoll_wait failed");
    for (int i = 0; i < count; i++) {
        int what =
            (ready[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) | (ready[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0);
        curl_multi_socket_action(run->multi, ready[i].data.fd, what, &running);
    }
    if (wait_ms(run) == 0) {
        run->due_ns = UINT64_MAX;
        curl_multi_socket_action(run->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    collect(run);
}

int main(int argc, char **argv)
{
    struct client_usage usage = client_usage_start(argc, argv);
    struct run run = {.epoll = epoll_create1(EPOLL_CLOEXEC),
                      .due_ns = UINT64_MAX,
                      .to_send = usage.requests,
                      .to_end = usage.requests};
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (run.multi = curl_multi_init()) == NULL || run.epoll < 0)
        client_usage_die("no multi handle");
    curl_multi_setopt(run.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(run.multi, CURLMOPT_SOCKETDATA, &run);
    curl_multi_setopt(run.multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(run.multi, CURLMOPT_TIMERDATA, &run);
    curl_multi_setopt(run.multi, CURLMOPT_MAXCONNECTS, (long)usage.concurrency);
    for (uint64_t i = 0; i < usage.concurrency && run.to_send > 0; i++, run.to_send--)
        curl_multi_add_handle(run.multi, new_transfer(&run, usage.url));
    while (run.to_end > 0)
        step(&run);
    client_usage_tell(&usage, run.octets, run.failed);
    curl_multi_cleanup(run.multi);
    curl_global_cleanup();
    return 0;
}
