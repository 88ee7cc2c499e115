/* A turn of a connection: octets move, ends are passed on, the plan's fault acts; then what is waited for is said. */
#include <errno.h>
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "fault/conn.h"
#include "fault/proxy.h"

/* Then the other connections have their turn. */
#define STEPS_MAX     64
/* A reset takes with it what the kernel has not delivered: it waits for that, but not for who does not read. */
#define RESET_WAIT_NS WEIR_SECOND
/* The kernel does not tell when all is acknowledged: it is asked this often. */
#define RESET_POLL_NS WEIR_MS
/* For a peer to end its side after our FIN. */
#define LINGER_NS     (5 * WEIR_SECOND)

static void sooner(uint64_t *due_ns, uint64_t at_ns)
{
    if (at_ns < *due_ns)
        *due_ns = at_ns;
}

static void begin_reset(struct fault_conn *conn, uint64_t now_ns)
{
    conn->resetting = true;
    conn->until_ns = now_ns + RESET_WAIT_NS;
}

/* The receiver of `way` gets a FIN; what still comes for it is read and thrown away. */
static void half_close(struct fault_conn *conn, enum fault_way way, uint64_t now_ns)
{
    struct fault_pipe *pipe = &conn->pipes[way];
    if (!pipe->fin_sent)
        (void)shutdown(conn->sides[1 - way].watch.fd, SHUT_WR);
    pipe->fin_sent = true;
    pipe->mode = FAULT_DISCARD;
    pipe->limit = UINT64_MAX;
    if (conn->plan.kind == FAULT_FIN && conn->pipes[1 - way].fin_sent)
        conn->until_ns = now_ns + LINGER_NS;
}

static void act(struct fault_conn *conn, uint64_t now_ns)
{
    struct fault_pipe *pipe = &conn->pipes[conn->plan.way];
    conn->acted = true;
    switch (conn->plan.kind) {
    case FAULT_RESET:
        fault_conn_note(conn, FAULT_CODE_fault_reset, FAULT_BY_FAULT, 0);
        begin_reset(conn, now_ns);
        break;
    case FAULT_FIN: /* what was read before still goes out */
        fault_conn_note(conn, FAULT_CODE_fault_fin, FAULT_BY_FAULT, 0);
        conn->pipes[FAULT_UP].limit = conn->pipes[FAULT_UP].store.tail;
        conn->pipes[FAULT_DOWN].limit = conn->pipes[FAULT_DOWN].store.tail;
        break;
    case FAULT_HALF_CLOSE:
        fault_conn_note(conn, FAULT_CODE_fault_half_close, FAULT_BY_FAULT, 0);
        pipe->limit = pipe->store.tail;
        break;
    case FAULT_STALL:
        fault_conn_note(conn, FAULT_CODE_fault_stall, FAULT_BY_FAULT, 0);
        pipe->mode = FAULT_HOLD;
        break;
    default:
        break;
    }
}

/* A plan's count is reached, or a pipe that a fault closes has nothing left to forward. */
static bool at_limit(struct fault_conn *conn, enum fault_way way, uint64_t now_ns)
{
    struct fault_pipe *pipe = &conn->pipes[way];
    if (pipe->mode != FAULT_FORWARD || pipe->store.head != pipe->limit)
        return false;
    if (!conn->acted)
        act(conn, now_ns);
    if (conn->plan.kind == FAULT_FIN || conn->plan.kind == FAULT_HALF_CLOSE)
        half_close(conn, way, now_ns);
    return true;
}

/* Whom this pipe is written to has reset: whoever sent it is told so once what the receiver sent before is passed
 * on. */
static void receiver_gone(struct fault_conn *conn, enum fault_way way, int os, uint64_t now_ns)
{
    enum fault_way back = 1 - way;
    conn->sides[1 - way].gone = true;
    fault_conn_note(conn, FAULT_CODE_peer_reset, back == FAULT_UP ? FAULT_BY_CLIENT : FAULT_BY_SERVER, os);
    conn->pipes[way].mode = FAULT_DISCARD;
    conn->pipes[way].limit = UINT64_MAX;
    if (conn->pipes[back].end != FAULT_OPEN) { /* its FIN came before */
        fault_pipe_end(&conn->pipes[back], FAULT_END_RESET, os, now_ns);
        conn->pipes[back].done = false;
    }
}

static void end_read(struct fault_conn *conn, enum fault_way way, uint64_t now_ns)
{
    struct fault_pipe *pipe = &conn->pipes[way];
    /* The reset was told when the other pipe was written: after that a read says the end only. */
    if (pipe->end == FAULT_END_FIN && conn->sides[way].gone)
        fault_pipe_end(pipe, FAULT_END_RESET, conn->os, now_ns);
    fault_conn_note(conn, pipe->end == FAULT_END_FIN ? FAULT_CODE_peer_fin : FAULT_CODE_peer_reset,
                    way == FAULT_UP ? FAULT_BY_CLIENT : FAULT_BY_SERVER, pipe->end_os);
}

static void pass_end(struct fault_conn *conn, enum fault_way way, uint64_t now_ns, uint64_t *due_ns)
{
    struct fault_pipe *pipe = &conn->pipes[way];
    if (pipe->end == FAULT_OPEN || pipe->done || pipe->mode == FAULT_HOLD || !fault_pipe_empty(pipe))
        return;
    if (now_ns < pipe->end_at_ns) {
        sooner(due_ns, pipe->end_at_ns);
        return;
    }
    pipe->done = true;
    if (pipe->end == FAULT_END_RESET)
        begin_reset(conn, now_ns);
    else if (!pipe->fin_sent)
        (void)shutdown(conn->sides[1 - way].watch.fd, SHUT_WR);
    pipe->fin_sent = true;
}

/* True if something moved. */
static bool step(struct fault_conn *conn, enum fault_way way, uint64_t now_ns, uint64_t *due_ns, bool *blocked)
{
    struct fault_pipe *pipe = &conn->pipes[way];
    uint64_t early_ns;
    *blocked = false;
    enum fault_step wrote = fault_pipe_write(pipe, conn->sides[1 - way].watch.fd, now_ns, &early_ns);
    if (wrote == FAULT_BROKEN)
        receiver_gone(conn, way, errno, now_ns);
    else if (wrote == FAULT_EARLY)
        sooner(due_ns, early_ns);
    *blocked = wrote == FAULT_BLOCKED;
    if (conn->plan.kind == FAULT_DROP && pipe->discarded > 0 && conn->plan.way == way)
        fault_conn_note(conn, FAULT_CODE_fault_drop, FAULT_BY_FAULT, 0);
    if (at_limit(conn, way, now_ns))
        return true;
    enum fault_step read = fault_pipe_read(pipe, conn->sides[way].watch.fd, now_ns);
    if (read == FAULT_MOVED && pipe->end != FAULT_OPEN)
        end_read(conn, way, now_ns);
    pass_end(conn, way, now_ns, due_ns);
    return wrote == FAULT_MOVED || wrote == FAULT_BROKEN || read == FAULT_MOVED;
}

static void move(struct fault_conn *conn, uint64_t now_ns, uint64_t *due_ns, bool blocked[2])
{
    for (int i = 0; i < STEPS_MAX && !conn->resetting; i++) {
        bool moved = false;
        for (int way = FAULT_UP; way <= FAULT_DOWN && !conn->resetting; way++)
            moved |= step(conn, (enum fault_way)way, now_ns, due_ns, &blocked[way]);
        if (!moved)
            return;
    }
    if (!conn->resetting)
        *due_ns = now_ns;
}

static bool all_delivered(const struct fault_conn *conn)
{
    for (int i = 0; i < 2; i++) {
        const struct fault_side *side = &conn->sides[i];
        int left = 0;
        /* A unix socket delivers at once, and counts what the peer's program has not read. */
        bool asks = side->watch.fd >= 0 && !side->gone && conn->pipes[i].end != FAULT_END_RESET && !side->local;
        if (asks && ioctl(side->watch.fd, SIOCOUTQ, &left) == 0 && left > 0)
            return false;
    }
    return true;
}

static bool side_ended(const struct fault_conn *conn, int i)
{
    const struct fault_side *side = &conn->sides[i];
    const struct fault_pipe *pipe = &conn->pipes[i];
    if (pipe->mode == FAULT_HOLD)
        return pipe->end != FAULT_OPEN || side->ending || side->hung_up || side->gone;
    return pipe->done;
}

static uint32_t wanted(const struct fault_conn *conn, int i, const bool blocked[2])
{
    const struct fault_side *side = &conn->sides[i];
    if (conn->resetting)
        return 0;
    if (conn->plan.kind == FAULT_VANISH)
        return EPOLLRDHUP;
    if (!conn->connected)
        return i == FAULT_SERVER ? EPOLLOUT : 0;
    uint32_t events = blocked[1 - i] ? EPOLLOUT : 0;
    if (fault_pipe_room(&conn->pipes[i]) > 0)
        events |= EPOLLIN;
    if (conn->pipes[i].mode == FAULT_HOLD && !side->ending)
        events |= EPOLLRDHUP;
    return events;
}

static void wait_for_more(struct fault_conn *conn, uint64_t now_ns, uint64_t due_ns, const bool blocked[2])
{
    for (int i = 0; i < 2; i++) {
        struct fault_side *side = &conn->sides[i];
        if (side->watch.fd < 0 || side->hung_up)
            continue;
        if (!fault_watch_on(&conn->proxy->loop, &side->watch, wanted(conn, i, blocked))) {
            fault_conn_note(conn, FAULT_CODE_no_resources, FAULT_BY_KERNEL, errno);
            fault_conn_finish(conn, true, now_ns);
            return;
        }
    }
    if (due_ns == WEIR_NEVER)
        weir_timer_stop(conn->timer);
    else
        weir_timer_start(conn->timer, due_ns > now_ns ? due_ns - now_ns : 0);
}

/* The plan's fault comes by time: it acts, or when it will is in `due_ns`. */
static void act_in_time(struct fault_conn *conn, uint64_t now_ns, uint64_t *due_ns)
{
    if (!conn->plan.time || conn->acted)
        return;
    uint64_t at_ns = conn->planned_ns + conn->plan.after;
    if (now_ns >= at_ns)
        act(conn, now_ns);
    else
        sooner(due_ns, at_ns);
}

void fault_conn_turn(struct fault_conn *conn)
{
    uint64_t now_ns = fault_now_ns(), due_ns = WEIR_NEVER;
    bool blocked[2] = {false, false};
    const struct fault_side *client = &conn->sides[FAULT_CLIENT];
    if (conn->over)
        return;
    act_in_time(conn, now_ns, &due_ns);
    if (conn->connected)
        move(conn, now_ns, &due_ns, blocked);
    bool late = conn->until_ns != 0 && now_ns >= conn->until_ns;
    if (conn->resetting && (late || all_delivered(conn))) {
        fault_conn_finish(conn, true, now_ns);
    } else if (late || (conn->plan.kind == FAULT_VANISH && (client->ending || client->hung_up)) ||
               (conn->connected && !conn->resetting && side_ended(conn, 0) && side_ended(conn, 1))) {
        fault_conn_finish(conn, false, now_ns);
    } else {
        if (conn->until_ns != 0)
            sooner(&due_ns, conn->until_ns);
        if (conn->resetting)
            sooner(&due_ns, now_ns + RESET_POLL_NS);
        wait_for_more(conn, now_ns, due_ns, blocked);
    }
}
