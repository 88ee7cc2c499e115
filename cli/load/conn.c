#include "load/conn.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "load/close.h"
#include "load/socket.h"

#define PIECES_MAX       64
/* What a dial gets that is under way when the run is stopped: nothing is owed yet on a connection that is not there. */
#define DIAL_PATIENCE_NS WEIR_SECOND

static const struct load_scenario *scenario_of(const struct load_conn *c)
{
    return &c->worker->options->mix.list[c->scenario];
}

static void fill(struct load_conn *c);

/* --- dialling --------------------------------------------------------------------------------------------------- */

/* `os`: 0, or how the server ended the connection before it was looked at. */
static void opened(struct load_conn *c, int os)
{
    struct load_worker *w = c->worker;
    uint64_t now_ns = load_now();
    w->now_ns = now_ns;
    w->dialling--;
    w->dial_pause_ns = 0;
    c->state = LOAD_OPEN;
    if (weir_conn_new(&c->engine, w->config, c, now_ns) != WEIR_OK) {
        c->engine = NULL;
        load_close_undialled(c, WEIR_CODE_no_memory);
        return;
    }
    load_gone_opened(&w->gone);
    w->tally.opened++;
    w->tally.scenarios[c->scenario].connections++;
    histogram_record(&w->tally.connect, now_ns - c->began_ns);
    c->began_ns = now_ns;
    if (os == 0) {
        load_conn_ask(c);
        return;
    }
    /* What would have been asked is: or a number of requests would never be sent to who resets each connection. */
    fill(c);
    weir_conn_failed(c->engine, WEIR_DIRECTION_IN, os, now_ns);
    load_close_step(c);
}

bool load_conn_dial(struct load_conn *c, uint64_t number)
{
    struct load_worker *w = c->worker;
    bool connected;
    w->now_ns = load_now();
    int fd = load_socket_dial(&w->options->target, &connected);
    if (fd < 0)
        return false;
    /* A unix socket tells each time the peer has read that it can be written to: it is asked only where it matters. */
    uint32_t interest = EPOLLIN | EPOLLRDHUP | EPOLLET | (connected ? 0 : (uint32_t)EPOLLOUT);
    struct epoll_event event = {.events = interest, .data.ptr = c};
    if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        int os = errno;
        load_socket_close(fd, false);
        errno = os;
        return false;
    }
    *c = (struct load_conn){
        .worker = w, .ring = c->ring, .fd = fd, .state = LOAD_DIALLING, .began_ns = w->now_ns, .number = number};
    c->scenario = (uint8_t)load_mix_draw(&w->options->mix, number);
    c->life = scenario_of(c)->life;
    c->reserved = load_plan_reserve(&w->plan, c->life.exchanges_max);
    w->dialling++;
    w->tally.dialled++;
    if (connected)
        opened(c, 0);
    return true;
}

/* --- exchanges -------------------------------------------------------------------------------------------------- */

static bool is_unexpected(const struct load_worker *w, unsigned status)
{
    return w->options->expect_status != 0 && status != w->options->expect_status;
}

void load_conn_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    struct load_worker *w = app;
    struct load_asked *asked = weir_exchange_user(x);
    struct load_conn *c = asked->conn;
    struct load_tally *tally = &w->tally;
    c->ring_head = c->ring_head + 1 == w->options->pipeline ? 0 : c->ring_head + 1;
    c->under_way--;
    tally->exchanges[ending->code]++;
    if (ending->code != WEIR_CODE_complete) {
        if (c->cutting) {
            tally->cut_as_asked++;
        } else {
            tally->errors[ending->code]++;
            c->broken = true;
            if (ending->code == WEIR_CODE_exchange_timeout)
                load_gone_unanswered(&w->gone);
        }
        return;
    }
    unsigned status = weir_response_status(x);
    tally->status[status < LOAD_STATUS_COUNT ? status : 0]++;
    tally->scenarios[c->scenario].complete++;
    if (is_unexpected(w, status))
        tally->not_as_expected++;
    w->last_done_ns = w->now_ns;
    if (asked->start_ns < w->measure_ns || asked->start_ns >= w->over_ns)
        return;
    uint64_t first_ns = asked->first_ns != 0 ? asked->first_ns : w->now_ns;
    load_tally_record(&tally->latency, &tally->latency_last, w->now_ns - asked->start_ns);
    load_tally_record(&tally->first_octet, &tally->first_octet_last, first_ns - asked->start_ns);
    tally->measured++;
}

/* Would the next request be the last? */
static bool is_last(const struct load_conn *c)
{
    return c->asked + 1 >= c->life.exchanges_max || load_plan_is_last(&c->worker->plan, c->reserved) ||
           (c->life.age_max_ns != UINT64_MAX && c->worker->now_ns - c->began_ns >= c->life.age_max_ns);
}

/* False: the connection takes no more. */
static bool ask_one(struct load_conn *c, bool last)
{
    struct load_worker *w = c->worker;
    uint32_t at = c->ring_head + c->under_way;
    struct load_asked *asked = &c->ring[at < w->options->pipeline ? at : at - (uint32_t)w->options->pipeline];
    weir_exchange *x;
    size_t which = load_mix_draw_request(&w->options->mix, c->scenario, c->number, c->asked);
    if (weir_conn_request_prepared(c->engine, w->prepared[c->scenario][which], asked, &x, w->now_ns) != WEIR_OK)
        return false;
    *asked = (struct load_asked){.conn = c, .sent_ns = w->now_ns};
    asked->start_ns = load_plan_take(&w->plan, &c->reserved, w->now_ns);
    if (last)
        load_plan_give_back(&w->plan, &c->reserved);
    c->asked++;
    c->under_way++;
    c->last_asked = last;
    w->tally.begun++;
    w->tally.scenarios[c->scenario].exchanges++;
    return true;
}

/* Queues the requests that are due. */
static void fill(struct load_conn *c)
{
    struct load_worker *w = c->worker;
    while (!c->last_asked && c->under_way < w->options->pipeline && load_plan_due(&w->plan) <= w->now_ns) {
        bool with_request = load_end_is_with_request(c->life.end), last = is_last(c);
        if (w->plan.ending && !with_request) {
            c->last_asked = true;
            load_plan_give_back(&w->plan, &c->reserved);
            return;
        }
        /* An end that begins with a request has it alone on the connection, so that it is known what it leaves. */
        if (last && with_request && c->under_way > 0)
            return;
        if (!ask_one(c, last)) {
            c->refused = c->last_asked = true;
            load_plan_give_back(&w->plan, &c->reserved);
            return;
        }
        if (w->plan.rate != 0) /* the next one may be another connection's turn */
            return;
    }
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

/* The FIN goes into the same segment as the last octets. */
static bool holds_for_fin(const struct load_conn *c)
{
    return c->last_asked && (c->life.end == LOAD_END_HALF || c->life.end == LOAD_END_LEAVE);
}

static ssize_t write_pieces(int fd, const weir_output *pieces, size_t count, int flags)
{
    struct iovec vector[PIECES_MAX];
    if (count == 1)
        return send(fd, pieces[0].ptr, pieces[0].len, flags);
    for (size_t i = 0; i < count; i++)
        vector[i] = (struct iovec){.iov_base = (void *)(uintptr_t)pieces[i].ptr, .iov_len = pieces[i].len};
    const struct msghdr message = {.msg_iov = vector, .msg_iovlen = count};
    return sendmsg(fd, &message, flags);
}

static void watch_for_room(struct load_conn *c)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    c->full = true;
    if (c->worker->options->target.address.ss_family == AF_UNIX)
        (void)epoll_ctl(c->worker->epoll, EPOLL_CTL_MOD, c->fd, &event);
}

void load_close_write(struct load_conn *c)
{
    weir_output pieces[PIECES_MAX];
    size_t count;
    while (!c->full && (count = weir_conn_output(c->engine, pieces, PIECES_MAX)) > 0) {
        ssize_t n = write_pieces(c->fd, pieces, count, MSG_NOSIGNAL | (holds_for_fin(c) ? MSG_MORE : 0));
        if (n >= 0) {
            c->octets_out += (uint64_t)n;
            weir_conn_sent(c->engine, (size_t)n, c->worker->now_ns);
        } else if (errno == EAGAIN) {
            watch_for_room(c);
        } else if (errno != EINTR) {
            weir_conn_failed(c->engine, WEIR_DIRECTION_OUT, errno, c->worker->now_ns);
            return;
        }
    }
}

void load_conn_ask(struct load_conn *c)
{
    if (c->state != LOAD_OPEN)
        return;
    if (!c->at_end)
        fill(c);
    load_close_step(c);
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

/* What is read of the last answer before the reset. */
static size_t bound_of(const struct load_conn *c, size_t size)
{
    bool bounded = c->at_end && c->life.end == LOAD_END_RST_AFTER;
    return bounded && c->until_reset < size ? (size_t)c->until_reset : size;
}

static void ask_later(struct load_conn *c)
{
    struct load_worker *w = c->worker;
    if (c->queued)
        return;
    if (w->answered_count == LOAD_BURST_MAX)
        load_worker_burst(w);
    c->queued = true;
    w->answered[w->answered_count++] = c;
}

/* Octets came. False: the connection is gone. */
static bool take_in(struct load_conn *c, size_t n)
{
    struct load_worker *w = c->worker;
    load_gone_heard(&w->gone, w->now_ns);
    w->tally.octets_in += n;
    if (!w->over && w->now_ns >= w->measure_ns)
        w->tally.measured_octets += n;
    if (c->under_way > 0 && c->ring[c->ring_head].first_ns == 0)
        c->ring[c->ring_head].first_ns = w->now_ns;
    weir_conn_received(c->engine, n, w->now_ns);
    if (c->at_end && c->life.end == LOAD_END_RST_AFTER) {
        c->until_reset -= n < c->until_reset ? n : c->until_reset;
        if (c->until_reset == 0 || c->under_way == 0) {
            load_close_reset(c);
            return false;
        }
    }
    ask_later(c);
    return c->state == LOAD_OPEN;
}

static void read_failed(struct load_conn *c, ssize_t n, int os)
{
    weir_conn_received(c->engine, 0, c->worker->now_ns);
    if (n == 0)
        weir_conn_received_fin(c->engine, c->worker->now_ns);
    else if (os != EAGAIN)
        weir_conn_failed(c->engine, WEIR_DIRECTION_IN, os, c->worker->now_ns);
    else
        return;
    load_close_step(c);
}

static void read_all(struct load_conn *c)
{
    while ((weir_conn_wants(c->engine) & WEIR_WANT_READ) != 0) {
        size_t size;
        char *space = weir_conn_reserve(c->engine, &size);
        if (space == NULL) {
            load_conn_cut(c, WEIR_CODE_no_memory);
            return;
        }
        size = bound_of(c, size);
        ssize_t n = recv(c->fd, space, size, 0);
        int os = errno;
        c->worker->now_ns = load_now();
        if (n < 0 && os == EINTR)
            continue;
        if (n <= 0) {
            read_failed(c, n, os);
            return;
        }
        /* A short read has emptied the socket, but for a FIN that epoll has told of already. */
        if (!take_in(c, (size_t)n) || ((size_t)n < size && !c->hung_up))
            return;
    }
}

void load_conn_event(struct load_conn *c, uint32_t events)
{
    if (c->state == LOAD_DIALLING) {
        int os = load_socket_dialled(c->fd);
        if (os != 0 && !load_socket_was_open(os))
            load_close_undialled(c, load_socket_dial_code(os));
        else if (os != 0 || (events & EPOLLOUT))
            opened(c, os);
        return;
    }
    if (c->state != LOAD_OPEN)
        return;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        c->hung_up = true;
        c->stalled = false; /* the server has given up */
    }
    if ((events & EPOLLOUT) && c->full) {
        c->full = false;
        load_conn_ask(c);
    }
    if (c->state == LOAD_OPEN && !c->stalled)
        read_all(c);
}

/* --- from outside ----------------------------------------------------------------------------------------------- */

void load_conn_over(struct load_conn *c)
{
    if (c->state == LOAD_OPEN && !c->last_asked)
        load_conn_ask(c);
}

void load_conn_tick(struct load_conn *c)
{
    struct load_worker *w = c->worker;
    uint64_t timeout_ns = w->options->timeout_ns;
    uint64_t waited_ns = w->now_ns - c->began_ns;
    if (c->state == LOAD_DIALLING && waited_ns >= timeout_ns)
        load_close_undialled(c, WEIR_CODE_connect_timeout);
    else if (c->state == LOAD_DIALLING && waited_ns >= DIAL_PATIENCE_NS && load_worker_is_stopped(w))
        load_close_undialled(c, WEIR_CODE_stopped);
    if (c->state != LOAD_OPEN)
        return;
    if (c->under_way > 0 && w->now_ns - c->ring[c->ring_head].sent_ns >= timeout_ns) {
        load_conn_cut(c, WEIR_CODE_exchange_timeout);
    } else if (c->under_way == 0 && c->at_end_ns != 0 && w->now_ns - c->at_end_ns >= timeout_ns) {
        load_conn_cut(c, WEIR_CODE_linger_timeout); /* answered, and the server does not close (half) */
    } else if (weir_conn_deadline(c->engine) <= w->now_ns) {
        weir_conn_tick(c->engine, w->now_ns);
        load_close_step(c);
    }
}

void load_conn_cut(struct load_conn *c, weir_code code)
{
    if (c->state == LOAD_DIALLING)
        load_close_undialled(c, code);
    if (c->state != LOAD_OPEN)
        return;
    weir_conn_stop(c->engine, code, c->worker->now_ns);
    load_close_step(c);
}
