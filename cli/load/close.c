#include "load/close.h"

#include <errno.h>
#include <sys/socket.h>

#include "load/socket.h"

static void leave_room_list(struct load_conn *c)
{
    struct load_worker *w = c->worker;
    if (c->previous == NULL && w->room != c)
        return;
    *(c->previous != NULL ? &c->previous->next : &w->room) = c->next;
    *(c->next != NULL ? &c->next->previous : &w->room_last) = c->previous;
    c->next = c->previous = NULL;
}

static void join_room_list(struct load_conn *c)
{
    struct load_worker *w = c->worker;
    c->previous = w->room_last;
    *(w->room_last != NULL ? &w->room_last->next : &w->room) = c;
    w->room_last = c;
}

void load_close_to_back(struct load_conn *c)
{
    leave_room_list(c);
    join_room_list(c);
}

static void keep_room_list(struct load_conn *c)
{
    struct load_worker *w = c->worker;
    bool listed = c->previous != NULL || w->room == c;
    bool has_room = !c->last_asked && c->under_way < w->options->pipeline;
    if (listed && !has_room)
        leave_room_list(c);
    else if (!listed && has_room)
        join_room_list(c);
}

static void vacate(struct load_conn *c)
{
    struct load_worker *w = c->worker;
    leave_room_list(c);
    load_plan_give_back(&w->plan, &c->reserved);
    c->state = LOAD_EMPTY;
    w->empty[w->empty_count++] = (uint32_t)(c - w->conns);
}

/* --- the end of a connection ------------------------------------------------------------------------------------ */

static enum load_outcome outcome_of(const struct load_conn *c, const weir_ending *ending)
{
    if (ending->code == WEIR_CODE_stopped)
        return LOAD_OUTCOME_STOPPED;
    if (c->broken)
        return LOAD_OUTCOME_FAILED;
    if (c->at_end)
        return c->asked == 0 ? LOAD_OUTCOME_UNUSED : (enum load_outcome)c->life.end;
    return ending->judged == WEIR_CLASS_ROUTINE ? LOAD_OUTCOME_BY_SERVER : LOAD_OUTCOME_FAILED;
}

static void count(struct load_conn *c, const weir_ending *ending)
{
    struct load_tally *tally = &c->worker->tally;
    enum load_outcome outcome = outcome_of(c, ending);
    tally->by_code[ending->code]++;
    tally->by_class[ending->judged]++;
    tally->by_delivery[ending->delivery]++;
    tally->by_outcome[outcome]++;
    tally->octets_out += c->octets_out;
    /* One that broke an exchange is counted as that exchange's error. */
    if (outcome == LOAD_OUTCOME_FAILED && !c->broken)
        tally->errors[ending->code]++;
}

/* Each failure doubles the pause before the next dial, so that a server that is gone is not hammered. */
static void back_off(struct load_worker *w)
{
    w->dial_pause_ns = w->dial_pause_ns == 0 ? WEIR_MS : w->dial_pause_ns * 2;
    if (w->dial_pause_ns > 100 * WEIR_MS)
        w->dial_pause_ns = 100 * WEIR_MS;
    w->dial_after_ns = load_now() + w->dial_pause_ns;
}

/* Closes the socket, and takes the ending down. */
static void finish(struct load_conn *c, bool reset)
{
    struct load_worker *w = c->worker;
    weir_ending ending;
    weir_receipt receipt = load_socket_receipt(c->fd, c->octets_out);
    weir_conn_closed(c->engine, &receipt, w->now_ns, &ending);
    load_socket_close(c->fd, reset);
    count(c, &ending);
    weir_conn_free(c->engine);
    c->engine = NULL;
    if (w->began_ns == 0) /* it will not stand when the plan starts */
        back_off(w);
    vacate(c);
}

void load_close_undialled(struct load_conn *c, weir_code code)
{
    struct load_worker *w = c->worker;
    if (c->state == LOAD_DIALLING)
        w->dialling--;
    load_socket_close(c->fd, false);
    w->tally.failed[code]++;
    if (code != WEIR_CODE_stopped)
        w->tally.errors[code]++;
    load_gone_dial_failed(&w->gone);
    back_off(w);
    vacate(c);
}

void load_close_reset(struct load_conn *c)
{
    c->cutting = true;
    weir_conn_stop(c->engine, WEIR_CODE_aborted, c->worker->now_ns);
    finish(c, true);
}

/* --- ends that were asked for ----------------------------------------------------------------------------------- */

/* The last request is with the kernel. False: the connection is gone. */
static bool begin_with_request(struct load_conn *c)
{
    c->at_end = true;
    c->at_end_ns = c->worker->now_ns;
    switch (c->life.end) {
    case LOAD_END_HALF:
        /* The engine is not told: it would then take no answer. Its own close comes with the server's FIN. */
        (void)shutdown(c->fd, SHUT_WR);
        return true;
    case LOAD_END_RST_AFTER:
        c->until_reset = c->life.octets;
        if (c->until_reset > 0)
            return true;
        load_close_reset(c);
        return false;
    case LOAD_END_STALL:
        c->cutting = true;
        c->stalled = !c->hung_up;
        return true;
    default: /* leave */
        c->cutting = true;
        weir_conn_stop(c->engine, WEIR_CODE_aborted, c->worker->now_ns);
        finish(c, false);
        return false;
    }
}

/* The last answer is taken, or nothing was asked. False: the connection is gone. */
static bool begin_after_answer(struct load_conn *c)
{
    c->at_end = true;
    switch (c->life.end) {
    case LOAD_END_FIN:
        weir_conn_stop(c->engine, WEIR_CODE_close_by_application, c->worker->now_ns);
        finish(c, false);
        return false;
    case LOAD_END_RST:
        load_close_reset(c);
        return false;
    default:
        weir_conn_drain(c->engine, c->worker->now_ns);
        return true;
    }
}

/* False: the connection is gone. */
static bool begin_end(struct load_conn *c)
{
    if (c->at_end || c->refused || !c->last_asked || (weir_conn_wants(c->engine) & WEIR_WANT_WRITE) != 0)
        return true;
    if (load_end_is_with_request(c->life.end))
        return begin_with_request(c);
    return !weir_conn_is_idle(c->engine) || c->under_way > 0 || begin_after_answer(c);
}

/* --- the step --------------------------------------------------------------------------------------------------- */

static void look(struct load_conn *c)
{
    weir_receipt receipt = load_socket_receipt(c->fd, c->octets_out);
    weir_conn_receipt(c->engine, &receipt, c->worker->now_ns);
}

static void shut(struct load_conn *c)
{
    bool was_gone = shutdown(c->fd, SHUT_WR) != 0 && errno == ENOTCONN;
    weir_conn_shut(c->engine, c->worker->now_ns);
    if (was_gone)
        look(c);
}

void load_close_step(struct load_conn *c)
{
    for (;;) {
        unsigned wants = weir_conn_wants(c->engine);
        if (wants & (WEIR_WANT_CLOSE | WEIR_WANT_ABORT)) {
            finish(c, (wants & WEIR_WANT_ABORT) != 0);
            return;
        }
        if ((wants & WEIR_WANT_WRITE) && !c->full) {
            load_close_write(c);
            continue;
        }
        if (wants & WEIR_WANT_RECEIPT) {
            look(c);
            continue;
        }
        if (wants & WEIR_WANT_SHUTDOWN) {
            shut(c);
            continue;
        }
        bool begun = c->at_end;
        if (!begin_end(c))
            return;
        if (begun == c->at_end)
            break;
    }
    if (c->worker->options->rate != 0)
        keep_room_list(c);
}
