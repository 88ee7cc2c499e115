/* Segments: what leaves, what arrives, what that changes. The words are those of Linux' TCP. */
#include "net_internal.h"

#include <errno.h>

#include "sim.h"

/* After so many segments a flow has large ones, so that a history stays short. */
#define SMALL_SEGMENTS_MAX 100
#define ACK_DELAY_NS       (40 * NET_MS)

static const char *who(const struct net_end *end)
{
    return end == &end->pair->ends[0] ? end->pair->name : "kernel";
}

void net_notify(struct net_end *end)
{
    if (end->notify != NULL)
        end->notify(end);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t window_edge(const struct net_end *end)
{
    return end->in->read + end->receive_size;
}

/* In order, as the receiving TCP sees them. */
static void send_segment(struct net_end *from, enum net_kind kind, uint64_t octets)
{
    if (from->vanished)
        return;
    struct net_flow *out = from->out;
    uint64_t ns = net_now() + net_delay(from->pair);
    if (ns < out->last_arrival_ns)
        ns = out->last_arrival_ns;
    if (kind != NET_ACK)
        out->last_arrival_ns = ns;
    from->in->owed_acks = 0;
    net_push((struct net_event){.ns = ns,
                                .kind = kind,
                                .to = from->other,
                                .octets = octets,
                                .acked = from->in->arrived,
                                .edge = window_edge(from),
                                .fin_acked = from->in->fin_arrived});
}

static uint64_t segment_size(struct net_end *end)
{
    static const uint64_t sizes[] = {65536, 1460, 536, 100, 3, 1};
    if (end->pair->weather < 2 || end->out->segments++ > SMALL_SEGMENTS_MAX)
        return 65536;
    return sizes[sim_choose(sizeof sizes / sizeof sizes[0])];
}

static void expect_death(struct net_end *end)
{
    if (end->other->vanished)
        net_push((struct net_event){.ns = net_now() + 20 * NET_S, .kind = NET_GIVE_UP, .to = end});
}

void net_pump(struct net_end *end)
{
    struct net_flow *out = end->out;
    if (end->dead || end->vanished)
        return;
    bool sent = false;
    while (out->sent < out->written && out->sent < out->edge) {
        uint64_t n = least(segment_size(end), least(out->written, out->edge) - out->sent);
        out->sent += n;
        sent = true;
        send_segment(end, NET_DATA, n);
    }
    if (out->fin_queued && !out->fin_sent && out->sent == out->written) {
        out->fin_sent = true;
        sent = true;
        send_segment(end, NET_FIN, 0);
    }
    if (sent)
        expect_death(end);
}

static void die(struct net_end *end)
{
    end->dead = true;
    end->dead_ns = net_now();
}

void net_abort(struct net_end *end)
{
    if (!end->dead)
        die(end);
    /* What is under way may be lost with nobody left to send it again. */
    struct net_flow *out = end->out;
    if (out->sent > out->arrived && out->lost_from == WEIR_NEVER && sim_is(3))
        out->lost_from = out->arrived + sim_choose((uint32_t)least(out->sent - out->arrived, 65536));
    SIM_TELL(who(end), "sends RST to %s", who(end->other));
    send_segment(end, NET_RST, 0);
}

void net_acknowledge(struct net_end *end)
{
    if (!end->dead)
        send_segment(end, NET_ACK, 0);
}

/* --- what arrives ----------------------------------------------------------------------------------------------- */

static void owe_ack(struct net_end *end)
{
    struct net_flow *in = end->in;
    in->owed_acks++;
    unsigned how = end->pair->acks == 2 ? sim_choose(2) : end->pair->acks;
    /* Every second segment is acknowledged at once, and the first ones of a connection. */
    if (how == 0 || in->owed_acks >= 2 || (in->arrived < 200 && end->pair->acks == 1)) {
        net_acknowledge(end);
    } else if (!in->ack_is_due) {
        in->ack_is_due = true;
        net_push((struct net_event){.ns = net_now() + ACK_DELAY_NS, .kind = NET_ACK_DUE, .to = end});
    }
}

static void take_ack(struct net_end *end, const struct net_event *event)
{
    struct net_flow *out = end->out;
    if (event->acked > out->acked) {
        out->acked = event->acked;
        out->progress_ns = net_now();
        out->progress_late_ns = net_late();
    }
    if (event->edge > out->edge)
        out->edge = event->edge;
    out->fin_acked |= event->fin_acked && out->fin_sent;
    if (!end->finished && out->fin_acked && end->in->fin_arrived) {
        end->finished = true;
        net_notify(end);
    }
    if (end->nospace && out->written - out->acked <= end->send_size * 2 / 3) {
        end->nospace = false;
        net_notify(end);
    }
    net_pump(end);
}

static void arrive_data(struct net_end *to, uint64_t n)
{
    struct net_flow *in = to->in;
    if (in->arrived + n > in->lost_from)
        return;
    if (to->dead || !to->open) {
        /* For a socket that is gone, or that nobody will read. */
        SIM_TELL(who(to), "refuses %llu octets", (unsigned long long)n);
        net_abort(to);
        return;
    }
    in->arrived += n;
    in->arrival_ns = net_now();
    net_notify(to);
    owe_ack(to);
}

static void arrive_fin(struct net_end *to)
{
    struct net_flow *in = to->in;
    if (to->dead || in->arrived != to->other->out->sent)
        return; /* behind octets that were lost */
    in->fin_arrived = true;
    SIM_TELL(who(to), "gets the FIN of %s", who(to->other));
    net_acknowledge(to);
    if (to->out->fin_acked)
        to->finished = true;
    net_notify(to);
}

static void arrive_reset(struct net_end *to)
{
    if (net_is_over(to))
        return;
    die(to);
    to->was_reset = true;
    to->error = to->in->fin_arrived && !to->out->fin_queued ? EPIPE : ECONNRESET;
    if (to->destroys) {
        to->in->destroyed = to->in->arrived - to->in->read;
        to->in->read = to->in->arrived;
    }
    SIM_TELL(who(to), "gets a RST of %s", who(to->other));
    net_notify(to);
}

static void give_up(struct net_end *end)
{
    struct net_flow *out = end->out;
    if (net_is_over(end) || (out->acked == out->sent && out->fin_acked == out->fin_sent))
        return;
    die(end);
    end->gave_up = true;
    end->error = ETIMEDOUT;
    SIM_TELL(who(end), "gives up: nobody answers");
    net_notify(end);
}

static void arrive_syn(struct net_end *to, struct net_listener *listener)
{
    if (!listener->open) {
        to->open = false;
        net_abort(to);
        return;
    }
    net_push((struct net_event){.ns = net_now() + net_delay(to->pair), .kind = NET_CONNECTED, .to = to->other});
    base_list_push_back(&listener->waiting, &to->pair->waiting);
    if (listener->notify != NULL)
        listener->notify(listener);
}

static bool is_segment(enum net_kind kind)
{
    return kind == NET_SYN || kind == NET_CONNECTED || kind == NET_DATA || kind == NET_FIN || kind == NET_ACK ||
           kind == NET_RST;
}

void net_happen(const struct net_event *event)
{
    struct net_end *to = event->to;
    if (event->kind == NET_TOP) {
        net_push_top(event);
        return;
    }
    if (event->kind == NET_CALL) {
        event->fn(event->app);
        return;
    }
    if (to->vanished || (to->deaf && is_segment(event->kind)))
        return;
    unsigned list = sim_list(to->pair->list);
    if (event->kind == NET_DATA || event->kind == NET_FIN || event->kind == NET_ACK)
        if (!to->dead)
            take_ack(to, event);
    switch (event->kind) {
    case NET_SYN:
        arrive_syn(to, event->app);
        break;
    case NET_CONNECTED:
        net_notify(to);
        break;
    case NET_DATA:
        arrive_data(to, event->octets);
        break;
    case NET_FIN:
        arrive_fin(to);
        break;
    case NET_RST:
        arrive_reset(to);
        break;
    case NET_PUMP:
        to->out->pump_is_due = false;
        net_pump(to);
        break;
    case NET_ACK_DUE:
        to->in->ack_is_due = false;
        if (to->in->owed_acks > 0)
            net_acknowledge(to);
        break;
    case NET_GIVE_UP:
        give_up(to);
        break;
    default:
        break;
    }
    (void)sim_list(list);
}
