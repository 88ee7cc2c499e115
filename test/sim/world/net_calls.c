/* The system calls of a socket: what they say, and once, is Linux' (tcp_recvmsg, tcp_sendmsg, inet_shutdown, tcp_close,
 * tcp_poll). */
#include "net_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define SEND_LATER_NS (500 * NET_US)

static void check_open(const struct net_end *end, const char *call)
{
    if (!end->open)
        sim_fail("descriptor", "%s on descriptor %d, which is closed", call, end->fd);
}

int net_take_error(struct net_end *end)
{
    int error = end->error;
    end->error = 0;
    return error;
}

ssize_t net_recv(struct net_end *end, char *space, size_t size)
{
    struct net_flow *in = end->in;
    check_open(end, "recv");
    net_moment();
    uint64_t n = net_unread(end);
    if (n == 0) {
        if (in->fin_arrived)
            return 0;
        if (end->error != 0)
            return -net_take_error(end);
        return end->dead ? 0 : -EAGAIN;
    }
    if (n > size)
        n = size;
    memcpy(space, in->octets + in->read, n);
    uint64_t before = in->read + end->receive_size - in->arrived;
    in->read += n;
    /* A window that was nearly shut is opened by an acknowledgement of its own. */
    if (before < end->receive_size / 2)
        net_acknowledge(end);
    return (ssize_t)n;
}

static void append(struct net_flow *flow, const char *octets, size_t size)
{
    if (flow->written + size > flow->capacity) {
        flow->capacity = (flow->written + size) * 2 + 1024;
        flow->octets = realloc(flow->octets, flow->capacity);
        if (flow->octets == NULL)
            abort();
    }
    memcpy(flow->octets + flow->written, octets, size);
    flow->written += size;
}

ssize_t net_send(struct net_end *end, const char *octets, size_t size)
{
    net_moment();
    return net_send_on(end, octets, size);
}

ssize_t net_send_on(struct net_end *end, const char *octets, size_t size)
{
    struct net_flow *out = end->out;
    check_open(end, "send");
    if (net_is_over(end)) {
        int error = net_take_error(end);
        return error != 0 ? -error : -EPIPE;
    }
    if (out->fin_queued)
        sim_fail("nothing after our FIN", "send of %zu octets on descriptor %d", size, end->fd);
    uint64_t held = out->written - out->acked;
    size_t room = held < end->send_size ? end->send_size - (size_t)held : 0;
    size_t n = size < room ? size : room;
    if (n > 1 && end->pair->weather != 0 && sim_is(16))
        n = 1 + sim_choose((uint32_t)n);
    if (n < size)
        end->nospace = true;
    if (n == 0)
        return -EAGAIN;
    append(out, octets, n);
    if (out->pump_is_due)
        return (ssize_t)n;
    if (end->pair->weather != 0 && sim_is(8)) {
        out->pump_is_due = true;
        net_push((struct net_event){.ns = net_now() + SEND_LATER_NS, .kind = NET_PUMP, .to = end});
    } else {
        net_pump(end);
    }
    return (ssize_t)n;
}

int net_shutdown(struct net_end *end)
{
    check_open(end, "shutdown");
    net_moment();
    if (net_is_over(end))
        return -ENOTCONN;
    end->out->fin_queued = true;
    net_pump(end);
    return 0;
}

void net_deafen(struct net_end *end)
{
    check_open(end, "setsockopt");
    net_moment();
    end->deaf = true;
}

void net_disconnect(struct net_end *end)
{
    check_open(end, "connect");
    net_moment();
    if (!net_is_over(end))
        net_abort(end);
}

void net_close(struct net_end *end, bool reset)
{
    check_open(end, "close");
    net_moment();
    end->open = false;
    end->notify = NULL;
    base_list_remove(&end->epoll);
    if (net_is_over(end))
        return;
    if (reset || net_unread(end) > 0) {
        net_abort(end);
        return;
    }
    end->out->fin_queued = true;
    net_pump(end);
}

unsigned net_poll(struct net_end *end)
{
    unsigned ready = 0;
    bool shut_in = end->in->fin_arrived || net_is_over(end);
    bool shut_out = end->out->fin_queued || net_is_over(end);
    if (shut_in && shut_out)
        ready |= NET_HUP;
    if (shut_in)
        ready |= NET_IN | NET_RDHUP;
    if (net_unread(end) > 0)
        ready |= NET_IN;
    if (shut_out || end->out->written - end->out->acked <= end->send_size * 2 / 3)
        ready |= NET_OUT;
    else
        end->nospace = true;
    if (end->error != 0)
        ready |= NET_ERR;
    return ready;
}

void net_vanish(struct net_end *end)
{
    end->vanished = true;
    SIM_TELL(end->pair->name, "vanishes");
    net_push((struct net_event){.ns = net_now() + 20 * NET_S, .kind = NET_GIVE_UP, .to = end->other});
}
