#include "fault/pipe.h"

#include <errno.h>
#include <sys/socket.h>

/* Numbers that belong to a direction alone: fault/plan.c has 0. */
#define STREAM_OF(way) (1 + (uint64_t)(way))

#define SECOND_NS    UINT64_C(1000000000)
/* A delay needs pieces when slices were not asked for; those of Ethernet's size are what jitter meets in a network. */
#define SEGMENT_SIZE 1460
/* What the rate owes may be this old: timers are late by a millisecond or two, and a busy machine is later. */
#define RATE_LAG_NS  (20 * UINT64_C(1000000))
#define RATE_TICK_NS (10 * UINT64_C(1000000))

static uint64_t less(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t draw_delay(struct fault_pipe *pipe)
{
    return pipe->shaped ? fault_random_draw(&pipe->random, pipe->plan->latency_ns) : 0;
}

/* What is on its way at once: with a rate no more than the rate lets through in the delay. */
static uint64_t size_of(const struct fault_plan *plan, bool shaped)
{
    if (!shaped || plan->latency_ns.max == 0)
        return FAULT_PIPE_SIZE;
    double line = plan->rate == 0 ? (double)FAULT_LINE_SIZE
                                  : (double)plan->rate * (double)plan->latency_ns.max / (double)SECOND_NS;
    return line > (double)(FAULT_LINE_SIZE - FAULT_PIPE_SIZE) ? FAULT_LINE_SIZE : FAULT_PIPE_SIZE + (uint64_t)line;
}

static bool counts(const struct fault_plan *plan)
{
    return !plan->time && (plan->kind == FAULT_RESET || plan->kind == FAULT_FIN || plan->kind == FAULT_HALF_CLOSE ||
                           plan->kind == FAULT_STALL);
}

/* What the plan says of this direction, from the octet at `tail` on. */
static void take_plan(struct fault_pipe *pipe, enum fault_way way)
{
    const struct fault_plan *plan = pipe->plan;
    uint64_t tail = pipe->store.tail;
    pipe->shaped = plan->shaped[way];
    pipe->size = size_of(plan, pipe->shaped);
    pipe->limit = UINT64_MAX;
    if (plan->way != way)
        return;
    if (plan->kind == FAULT_DROP)
        pipe->mode = FAULT_DISCARD;
    else if (counts(plan))
        pipe->limit = plan->after < UINT64_MAX - tail ? tail + plan->after : UINT64_MAX;
}

void fault_pipe_init(struct fault_pipe *pipe, const struct fault_plan *plan, enum fault_way way, uint64_t seed,
                     uint64_t connection)
{
    *pipe = (struct fault_pipe){.plan = plan};
    pipe->random = fault_random_stream(seed, connection, STREAM_OF(way));
    take_plan(pipe, way);
    /* The end is often read before the last pieces are drawn, and sometimes after: so its delay is drawn before all. */
    pipe->end_delay_ns = draw_delay(pipe);
}

void fault_pipe_replan(struct fault_pipe *pipe, enum fault_way way, uint64_t now_ns)
{
    take_plan(pipe, way);
    pipe->end_delay_ns = draw_delay(pipe);
    pipe->piece_end = pipe->store.head; /* the next piece is drawn anew */
    pipe->left_ns = pipe->rate_ns = 0;
    if (pipe->end != FAULT_OPEN)
        pipe->end_at_ns = less(pipe->end_at_ns, now_ns + pipe->end_delay_ns);
}

bool fault_pipe_open(struct fault_pipe *pipe, struct fault_account *account)
{
    return fault_store_open(&pipe->store, account);
}

void fault_pipe_fini(struct fault_pipe *pipe)
{
    fault_store_fini(&pipe->store);
}

bool fault_pipe_empty(const struct fault_pipe *pipe)
{
    return pipe->store.head == pipe->store.tail;
}

size_t fault_pipe_room(const struct fault_pipe *pipe)
{
    const struct fault_store *store = &pipe->store;
    if (pipe->end != FAULT_OPEN || pipe->mode == FAULT_HOLD || store->starved)
        return 0;
    uint64_t held = store->tail - store->head;
    return held >= pipe->size ? 0 : (size_t)less(pipe->size - held, pipe->limit - store->tail);
}

void fault_pipe_end(struct fault_pipe *pipe, enum fault_end end, int os, uint64_t now_ns)
{
    uint64_t due_ns = now_ns + (pipe->end == FAULT_OPEN ? pipe->end_delay_ns : 0);
    pipe->end = end;
    pipe->end_os = os;
    pipe->end_at_ns = due_ns > pipe->left_ns ? due_ns : pipe->left_ns;
}

enum fault_step fault_pipe_read(struct fault_pipe *pipe, int fd, uint64_t now_ns)
{
    size_t size, room = fault_pipe_room(pipe);
    char *space = room > 0 ? fault_store_space(&pipe->store, &size) : NULL;
    if (space == NULL)
        return FAULT_IDLE;
    ssize_t got = recv(fd, space, less(room, size), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return FAULT_IDLE;
    if (got <= 0) {
        fault_pipe_end(pipe, got == 0 ? FAULT_END_FIN : FAULT_END_RESET, got == 0 ? 0 : errno, now_ns);
        return FAULT_MOVED;
    }
    fault_store_put(&pipe->store, (size_t)got, now_ns);
    return FAULT_MOVED;
}

static void next_piece(struct fault_pipe *pipe)
{
    uint64_t length = UINT64_MAX - pipe->store.head;
    if (pipe->shaped && pipe->plan->slice.max > 0)
        length = fault_random_draw(&pipe->random, pipe->plan->slice);
    else if (pipe->shaped && pipe->plan->latency_ns.min != pipe->plan->latency_ns.max)
        length = SEGMENT_SIZE;
    pipe->piece_end = pipe->store.head + length;
    pipe->piece_delay_ns = draw_delay(pipe);
}

/* Of the octet at `head`. */
static uint64_t due_of(struct fault_pipe *pipe, uint64_t arrived_ns)
{
    uint64_t due = arrived_ns + pipe->piece_delay_ns;
    if (due < pipe->left_ns)
        due = pipe->left_ns;
    pipe->left_ns = due;
    return due > pipe->rate_ns ? due : pipe->rate_ns;
}

static void pay_rate(struct fault_pipe *pipe, size_t octets, uint64_t now_ns)
{
    if (!pipe->shaped || pipe->plan->rate == 0)
        return;
    uint64_t floor_ns = now_ns - less(now_ns, RATE_LAG_NS);
    if (pipe->rate_ns < floor_ns)
        pipe->rate_ns = floor_ns;
    pipe->rate_ns += (uint64_t)((double)octets * (double)SECOND_NS / (double)pipe->plan->rate);
}

/* So much at once as the rate gives in a tick, so that what is slow is slow evenly. */
static uint64_t rate_share(const struct fault_pipe *pipe)
{
    if (!pipe->shaped || pipe->plan->rate == 0)
        return UINT64_MAX;
    uint64_t share = pipe->plan->rate / (SECOND_NS / RATE_TICK_NS);
    return share > 0 ? share : 1;
}

/* How far the piece at `head` goes whose first octet is due: what came later in it goes along if it is due too, so that
 * a piece is cut by the reads as seldom as can be. */
static uint64_t due_end(const struct fault_pipe *pipe, uint64_t now_ns)
{
    uint64_t upto = pipe->store.head, end = less(pipe->piece_end, upto + FAULT_BLOCK_SIZE);
    for (size_t i = 0; upto < end; i++) {
        const struct fault_arrival *arrival = fault_store_arrival(&pipe->store, i);
        if (arrival == NULL || (i > 0 && arrival->at_ns + pipe->piece_delay_ns > now_ns))
            break;
        upto = arrival->upto;
    }
    return less(upto, end);
}

/* `octets` are at most a block's, so they lie in two pieces at most. */
static ssize_t send_front(struct fault_pipe *pipe, int fd, size_t octets)
{
    struct iovec pieces[2];
    struct msghdr message = {.msg_iov = pieces};
    int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    if (pipe->shaped && pipe->plan->slice.max > 0)
        flags |= MSG_EOR; /* else the kernel appends a slice to the last one while that waits for the peer's window */
    message.msg_iovlen = (size_t)fault_store_front(&pipe->store, octets, pieces);
    return sendmsg(fd, &message, flags);
}

enum fault_step fault_pipe_write(struct fault_pipe *pipe, int fd, uint64_t now_ns, uint64_t *due_ns)
{
    if (pipe->mode == FAULT_HOLD || fault_pipe_empty(pipe))
        return FAULT_IDLE;
    if (pipe->mode == FAULT_DISCARD) {
        uint64_t held = pipe->store.tail - pipe->store.head;
        pipe->discarded += held;
        fault_store_take(&pipe->store, (size_t)held);
        return FAULT_MOVED;
    }
    if (pipe->store.head == pipe->piece_end)
        next_piece(pipe);
    uint64_t due = due_of(pipe, fault_store_arrival(&pipe->store, 0)->at_ns);
    if (due > now_ns) {
        *due_ns = due;
        return FAULT_EARLY;
    }
    uint64_t octets = less(due_end(pipe, now_ns) - pipe->store.head, rate_share(pipe));
    ssize_t sent = send_front(pipe, fd, (size_t)octets);
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR ? FAULT_BLOCKED : FAULT_BROKEN;
    pipe->forwarded += (uint64_t)sent;
    fault_store_take(&pipe->store, (size_t)sent);
    pay_rate(pipe, (size_t)sent, now_ns);
    return FAULT_MOVED;
}
