#include "fault_proxy.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ACCEPT_ROUND    64
/* Without descriptors the kernel keeps who waits; accepting is tried again this often. */
#define ACCEPT_PAUSE_NS (50 * WEIR_MS)
#define ENDING_SIZE     2048

static struct fault_proxy *of_listener(struct fault_watch *watch)
{
    return (struct fault_proxy *)((char *)watch - offsetof(struct fault_proxy, listener));
}

static struct fault_proxy *of_signals(struct fault_watch *watch)
{
    return (struct fault_proxy *)((char *)watch - offsetof(struct fault_proxy, signals));
}

void fault_proxy_ended(struct fault_proxy *proxy, struct fault_conn *conn, uint64_t now_ns)
{
    *conn->link = conn->next;
    if (conn->next != NULL)
        conn->next->link = conn->link;
    conn->next = proxy->dead;
    proxy->dead = conn;
    proxy->ended[conn->code]++;
    if (proxy->endings.fd < 0)
        return;
    char place[ENDING_SIZE];
    struct text line = text_fixed(place, sizeof(place));
    fault_conn_json(&line, conn, now_ns);
    sink_line(&proxy->endings, &line);
}

static void accept_again(void *app)
{
    struct fault_proxy *proxy = app;
    if (proxy->listener.fd >= 0)
        (void)fault_watch_on(&proxy->loop, &proxy->listener, EPOLLIN);
}

static void on_listener(struct fault_watch *watch, uint32_t events)
{
    struct fault_proxy *proxy = of_listener(watch);
    (void)events;
    for (int i = 0; i < ACCEPT_ROUND; i++) {
        int client = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client >= 0) {
            if (fault_conn_open(proxy, client, ++proxy->accepted) == NULL)
                proxy->ended[FAULT_CODE_no_resources]++;
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            fault_watch_off(&proxy->loop, watch);
            weir_timer_start(proxy->pause, ACCEPT_PAUSE_NS);
        } else if (errno == ECONNABORTED || errno == EINTR) {
            continue;
        }
        return;
    }
}

static void close_listener(struct fault_proxy *proxy)
{
    if (proxy->listener.fd >= 0)
        fault_address_unlisten(&proxy->listen);
    fault_watch_close(&proxy->loop, &proxy->listener);
}

static void stop(void *app)
{
    struct fault_proxy *proxy = app;
    while (proxy->alive != NULL)
        fault_conn_stop(proxy->alive);
}

static void on_signal(struct fault_watch *watch, uint32_t events)
{
    struct fault_proxy *proxy = of_signals(watch);
    struct signalfd_siginfo told;
    (void)events;
    while (read(watch->fd, &told, sizeof(told)) == (ssize_t)sizeof(told)) {
        if (proxy->draining) {
            stop(proxy);
            continue;
        }
        proxy->draining = true;
        close_listener(proxy);
        if (proxy->drain_ns != WEIR_NEVER)
            weir_timer_start(proxy->deadline, proxy->drain_ns);
    }
}

static void after_round(void *app)
{
    struct fault_proxy *proxy = app;
    while (proxy->dead != NULL) {
        struct fault_conn *conn = proxy->dead;
        proxy->dead = conn->next;
        fault_conn_free(conn);
    }
    if (proxy->draining && proxy->alive == NULL)
        proxy->loop.ended = true;
}

static bool open_signals(struct fault_proxy *proxy)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return false;
    proxy->signals = (struct fault_watch){.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), .ready = on_signal};
    return proxy->signals.fd >= 0 && fault_watch_on(&proxy->loop, &proxy->signals, EPOLLIN);
}

/* The port that was given may be 0. */
static bool open_listener(struct fault_proxy *proxy)
{
    proxy->listener = (struct fault_watch){.fd = fault_address_listen(&proxy->listen), .ready = on_listener};
    if (proxy->listener.fd < 0)
        return false;
    proxy->listen.size = sizeof(proxy->listen.place);
    (void)getsockname(proxy->listener.fd, (struct sockaddr *)&proxy->listen.place, &proxy->listen.size);
    return fault_watch_on(&proxy->loop, &proxy->listener, EPOLLIN);
}

bool fault_proxy_open(struct fault_proxy *proxy, const char **what)
{
    proxy->listener.fd = proxy->signals.fd = proxy->loop.epoll = -1;
    proxy->account = (struct fault_account){.blocks_max = FAULT_HELD_MAX / FAULT_BLOCK_SIZE};
    *what = "cannot start";
    if (!fault_loop_open(&proxy->loop))
        return false;
    proxy->deadline = weir_timer_new(proxy->loop.timers, stop, proxy);
    proxy->pause = weir_timer_new(proxy->loop.timers, accept_again, proxy);
    errno = ENOMEM;
    if (proxy->deadline == NULL || proxy->pause == NULL || !open_signals(proxy))
        return false;
    *what = "cannot listen";
    return open_listener(proxy);
}

void fault_proxy_run(struct fault_proxy *proxy)
{
    fault_loop_run(&proxy->loop, after_round, proxy);
}

void fault_proxy_close(struct fault_proxy *proxy)
{
    close_listener(proxy);
    fault_watch_close(&proxy->loop, &proxy->signals);
    if (proxy->deadline != NULL)
        weir_timer_free(proxy->deadline);
    if (proxy->pause != NULL)
        weir_timer_free(proxy->pause);
    fault_loop_close(&proxy->loop);
}
