#include "fault/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "fault/proxy.h"

void fault_conn_note(struct fault_conn *conn, enum fault_code code, enum fault_by by, int os)
{
    if (conn->code != FAULT_CODE_NONE)
        return;
    conn->code = code;
    conn->by = by;
    conn->os = os;
}

void fault_conn_finish(struct fault_conn *conn, bool hard, uint64_t now_ns)
{
    const struct linger none = {.l_onoff = 1, .l_linger = 0};
    for (int i = 0; i < 2; i++) {
        struct fault_side *side = &conn->sides[i];
        if (hard && side->watch.fd >= 0)
            (void)setsockopt(side->watch.fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
        fault_watch_close(&conn->proxy->loop, &side->watch);
    }
    weir_timer_stop(conn->timer);
    conn->over = true;
    fault_proxy_ended(conn->proxy, conn, now_ns);
}

void fault_conn_stop(struct fault_conn *conn)
{
    fault_conn_note(conn, FAULT_CODE_stopped, FAULT_BY_OPERATOR, 0);
    fault_conn_finish(conn, true, fault_now_ns());
}

static void dial(struct fault_conn *conn)
{
    const struct fault_addresses *to = &conn->route->to;
    struct fault_side *server = &conn->sides[FAULT_SERVER];
    int os = 0;
    while (server->watch.fd < 0 && conn->dialled < to->count) {
        const struct fault_address *address = &to->all[conn->dialled++];
        fault_address_text(address, server->address);
        server->watch.fd = fault_address_dial(address);
        server->local = address->place.ss_family == AF_UNIX;
        os = errno;
    }
    if (server->watch.fd >= 0)
        return;
    bool ours = os == EMFILE || os == ENFILE || os == ENOMEM || os == ENOBUFS;
    if (ours)
        fault_conn_note(conn, FAULT_CODE_no_resources, FAULT_BY_KERNEL, os);
    else
        fault_conn_note(conn, FAULT_CODE_dial_failed, FAULT_BY_NETWORK, conn->dial_os != 0 ? conn->dial_os : os);
    fault_conn_finish(conn, true, fault_now_ns());
}

static void no_delay(const struct fault_side *side)
{
    int one = 1;
    if (!side->local) /* a slice is a segment */
        (void)setsockopt(side->watch.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* The server's first word was a reset. */
static void reset_at_once(struct fault_conn *conn, int os)
{
    conn->sides[FAULT_SERVER].gone = true;
    fault_conn_note(conn, FAULT_CODE_peer_reset, FAULT_BY_SERVER, os);
    fault_pipe_end(&conn->pipes[FAULT_DOWN], FAULT_END_RESET, os, fault_now_ns());
}

/* The server's socket is writable, or has failed. */
static void dial_done(struct fault_conn *conn)
{
    struct fault_side *server = &conn->sides[FAULT_SERVER];
    int os = 0;
    socklen_t size = sizeof(os);
    (void)getsockopt(server->watch.fd, SOL_SOCKET, SO_ERROR, &os, &size);
    bool was_open = os == ECONNRESET || os == EPIPE; /* accepted, and reset before we looked: no failed dial */
    if (os != 0 && !was_open) {
        conn->dial_os = os;
        fault_watch_close(&conn->proxy->loop, &server->watch);
        dial(conn);
        return;
    }
    conn->connected = true;
    no_delay(server);
    struct fault_account *account = &conn->proxy->account;
    if (fault_pipe_open(&conn->pipes[FAULT_UP], account) && fault_pipe_open(&conn->pipes[FAULT_DOWN], account)) {
        if (was_open)
            reset_at_once(conn, os);
        return;
    }
    fault_conn_note(conn, FAULT_CODE_no_resources, FAULT_BY_KERNEL, ENOMEM);
    fault_conn_finish(conn, true, fault_now_ns());
}

static void on_ready(struct fault_watch *watch, uint32_t events)
{
    struct fault_side *side = (struct fault_side *)watch;
    struct fault_conn *conn = side->conn;
    bool dialling = side == &conn->sides[FAULT_SERVER] && !conn->connected;
    if (dialling) {
        dial_done(conn);
    } else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        side->hung_up = true; /* it would be told again and again */
        fault_watch_off(&conn->proxy->loop, watch);
    } else if ((events & EPOLLRDHUP) != 0) {
        side->ending = true;
    }
    fault_conn_turn(conn);
}

static void on_timer(void *app)
{
    fault_conn_turn(app);
}

static void begin(struct fault_conn *conn)
{
    switch (conn->plan.kind) {
    case FAULT_REFUSE:
        fault_conn_note(conn, FAULT_CODE_fault_refuse, FAULT_BY_FAULT, 0);
        fault_conn_finish(conn, true, conn->accepted_ns);
        return;
    case FAULT_VANISH:
        fault_conn_note(conn, FAULT_CODE_fault_vanish, FAULT_BY_FAULT, 0);
        break;
    default:
        dial(conn);
        break;
    }
    fault_conn_turn(conn);
}

struct fault_conn *fault_conn_open(struct fault_route *route, int client, uint64_t number)
{
    struct fault_proxy *proxy = route->proxy;
    struct fault_conn *conn = calloc(1, sizeof(*conn));
    weir_timer *timer = conn != NULL ? weir_timer_new(proxy->loop.timers, on_timer, conn) : NULL;
    if (timer == NULL) {
        free(conn);
        (void)close(client);
        return NULL;
    }
    conn->proxy = proxy;
    conn->route = route;
    conn->number = number;
    conn->accepted_ns = conn->planned_ns = fault_now_ns();
    conn->timer = timer;
    conn->code = FAULT_CODE_NONE;
    conn->plan = fault_plan_draw(&route->plans, number);
    for (int i = 0; i < 2; i++) {
        conn->sides[i].watch = (struct fault_watch){.fd = i == FAULT_CLIENT ? client : -1, .ready = on_ready};
        conn->sides[i].conn = conn;
        fault_pipe_init(&conn->pipes[i], &conn->plan, (enum fault_way)i, proxy->plans.seed, number);
    }
    struct fault_side *side = &conn->sides[FAULT_CLIENT];
    side->local = route->listen.place.ss_family == AF_UNIX;
    fault_address_of(client, true, side->address);
    no_delay(side);
    route->alive++;
    conn->link = &proxy->alive;
    conn->next = proxy->alive;
    if (conn->next != NULL)
        conn->next->link = &conn->next;
    proxy->alive = conn;
    begin(conn);
    return conn;
}

/* What the old plan did and the new one does not: a stall goes on, a drop ends. */
static void undo(struct fault_conn *conn, enum fault_way way)
{
    struct fault_pipe *pipe = &conn->pipes[way];
    bool dropped = conn->plan.kind == FAULT_DROP && conn->plan.way == way && !conn->sides[1 - way].gone;
    if (pipe->mode == FAULT_HOLD || dropped)
        pipe->mode = FAULT_FORWARD;
}

void fault_conn_replan(struct fault_conn *conn)
{
    bool ends = conn->acted && conn->plan.kind != FAULT_STALL;
    if (conn->over || conn->resetting || ends || conn->plan.kind == FAULT_VANISH)
        return;
    undo(conn, FAULT_UP);
    undo(conn, FAULT_DOWN);
    conn->plan = fault_plan_draw(&conn->route->plans, conn->number);
    if (conn->plan.kind == FAULT_REFUSE || conn->plan.kind == FAULT_VANISH)
        conn->plan.kind = FAULT_NONE;
    conn->acted = false;
    conn->planned_ns = fault_now_ns();
    fault_pipe_replan(&conn->pipes[FAULT_UP], FAULT_UP, conn->planned_ns);
    fault_pipe_replan(&conn->pipes[FAULT_DOWN], FAULT_DOWN, conn->planned_ns);
    fault_conn_turn(conn);
}

void fault_conn_free(struct fault_conn *conn)
{
    weir_timer_free(conn->timer);
    fault_pipe_fini(&conn->pipes[FAULT_UP]);
    fault_pipe_fini(&conn->pipes[FAULT_DOWN]);
    free(conn);
}
