#include "fault/proxy.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "fault/control.h"

#define ACCEPT_ROUND    64
/* Without descriptors the kernel keeps who waits; accepting is tried again this often. */
#define ACCEPT_PAUSE_NS (50 * WEIR_MS)
#define ENDING_SIZE     2048

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
    conn->route->alive--;
    if (proxy->endings.fd < 0)
        return;
    char place[ENDING_SIZE];
    struct text line = text_fixed(place, sizeof(place));
    fault_conn_json(&line, conn, now_ns);
    sink_line(&proxy->endings, &line);
}

static void accept_again(void *app)
{
    struct fault_route *route = app;
    if (route->listener.fd >= 0)
        (void)fault_watch_on(&route->proxy->loop, &route->listener, EPOLLIN);
}

static void on_listener(struct fault_watch *watch, uint32_t events)
{
    struct fault_route *route = (struct fault_route *)watch;
    struct fault_proxy *proxy = route->proxy;
    (void)events;
    for (int i = 0; i < ACCEPT_ROUND; i++) {
        int client = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client >= 0) {
            if (fault_conn_open(route, client, ++route->accepted) == NULL)
                proxy->ended[FAULT_CODE_no_resources]++;
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            fault_watch_off(&proxy->loop, watch);
            weir_timer_start(route->pause, ACCEPT_PAUSE_NS);
        } else if (errno == ECONNABORTED || errno == EINTR) {
            continue;
        }
        return;
    }
}

static void close_listeners(struct fault_proxy *proxy)
{
    for (size_t i = 0; i < proxy->route_count; i++) {
        struct fault_route *route = &proxy->routes[i];
        if (route->listener.fd >= 0)
            fault_address_unlisten(&route->listen);
        fault_watch_close(&proxy->loop, &route->listener);
    }
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
        close_listeners(proxy);
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
    if (proxy->draining && proxy->alive == NULL && fault_control_ends(proxy->control))
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
static bool open_listener(struct fault_route *route)
{
    route->listener = (struct fault_watch){.fd = fault_address_listen(&route->listen), .ready = on_listener};
    if (route->listener.fd < 0)
        return false;
    route->listen.size = sizeof(route->listen.place);
    (void)getsockname(route->listener.fd, (struct sockaddr *)&route->listen.place, &route->listen.size);
    return fault_watch_on(&route->proxy->loop, &route->listener, EPOLLIN);
}

static bool open_timers(struct fault_proxy *proxy)
{
    bool all = (proxy->deadline = weir_timer_new(proxy->loop.timers, stop, proxy)) != NULL;
    for (size_t i = 0; i < proxy->route_count; i++)
        all &= (proxy->routes[i].pause = weir_timer_new(proxy->loop.timers, accept_again, &proxy->routes[i])) != NULL;
    return all;
}

bool fault_proxy_open(struct fault_proxy *proxy, const char **what, const struct fault_route **route)
{
    proxy->signals.fd = proxy->loop.epoll = -1;
    *route = NULL;
    for (size_t i = 0; i < proxy->route_count; i++) {
        proxy->routes[i].proxy = proxy;
        proxy->routes[i].listener.fd = -1;
    }
    proxy->account = (struct fault_account){.blocks_max = FAULT_HELD_MAX / FAULT_BLOCK_SIZE};
    *what = "cannot start";
    if (!fault_loop_open(&proxy->loop))
        return false;
    errno = ENOMEM;
    if (!open_timers(proxy) || !open_signals(proxy))
        return false;
    *what = "cannot listen";
    for (size_t i = 0; i < proxy->route_count; i++) {
        *route = &proxy->routes[i];
        if (!open_listener(&proxy->routes[i]))
            return false;
    }
    return true;
}

void fault_proxy_run(struct fault_proxy *proxy)
{
    fault_loop_run(&proxy->loop, after_round, proxy);
}

void fault_proxy_close(struct fault_proxy *proxy)
{
    close_listeners(proxy);
    fault_watch_close(&proxy->loop, &proxy->signals);
    if (proxy->deadline != NULL)
        weir_timer_free(proxy->deadline);
    for (size_t i = 0; i < proxy->route_count; i++) {
        if (proxy->routes[i].pause != NULL)
            weir_timer_free(proxy->routes[i].pause);
        json_decref(proxy->routes[i].faults);
    }
    fault_loop_close(&proxy->loop);
}

uint64_t fault_proxy_accepted(const struct fault_proxy *proxy)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < proxy->route_count; i++)
        sum += proxy->routes[i].accepted;
    return sum;
}

void fault_route_set(struct fault_route *route, const struct fault_wish *wish, json_t *faults)
{
    struct fault_conn *next;
    route->plans.otherwise = *wish;
    route->plans.rows = NULL;
    route->plans.count = 0;
    json_decref(route->faults);
    route->faults = faults;
    for (struct fault_conn *conn = route->proxy->alive; conn != NULL; conn = next) {
        next = conn->next;
        if (conn->route == route)
            fault_conn_replan(conn);
    }
}
