/* io/dial.h, and as much of io/resolve.h and io/poll.h as it takes to link. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "io/dial.h"
#include "io/poll.h"
#include "io_sim.h"
#include "sim.h"

struct io_dial {
    weir_loop *loop;
    weir_allocator allocator;
    struct base_list node; /* in the loop's list of those that are over */
    struct io_timer timer; /* of the whole */
    struct net_end *end;
    void (*done)(void *app, const struct io_dialled *dialled);
    void *app;
    weir_code code; /* when it is over */
    int os;
    bool calling;
};

struct io_resolver {
    weir_allocator allocator;
};

static unsigned (*next_place)(uint16_t port, struct net_listener **listener);

void io_sim_dial_to(unsigned (*place)(uint16_t port, struct net_listener **listener))
{
    next_place = place;
}

weir_code io_resolver_new(struct io_resolver **out, weir_loop *loop, const weir_allocator *allocator,
                          weir_str name_servers, weir_error *error)
{
    (void)loop, (void)name_servers, (void)error;
    weir_allocator memory = base_allocator(allocator);
    *out = base_alloc(&memory, sizeof **out);
    if (*out == NULL)
        return WEIR_CODE_no_memory;
    (*out)->allocator = memory;
    return WEIR_OK;
}

void io_resolver_free(struct io_resolver *resolver)
{
    if (resolver == NULL)
        return;
    weir_allocator memory = resolver->allocator;
    base_release(&memory, resolver, sizeof *resolver);
}

/* Nobody here goes through a SOCKS proxy. */
int io_poll_open(struct io_poll *poll, weir_loop *loop, int fd, unsigned wanted)
{
    (void)poll, (void)loop, (void)fd, (void)wanted;
    return EINVAL;
}

int io_poll_want(struct io_poll *poll, unsigned wanted)
{
    (void)poll, (void)wanted;
    return EINVAL;
}

void io_poll_close(struct io_poll *poll)
{
    (void)poll;
}

/* --- dialling --------------------------------------------------------------------------------------------------- */

static void over(struct io_dial *dial, weir_code code, int os)
{
    io_timer_stop(dial->loop, &dial->timer);
    if (base_list_is_linked(&dial->node))
        return;
    dial->code = code;
    dial->os = os;
    base_list_push_back(&dial->loop->dials, &dial->node);
}

static void on_change(struct net_end *end)
{
    struct io_dial *dial = end->owner;
    if (net_is_over(end))
        over(dial, WEIR_CODE_connect_refused, ECONNREFUSED);
    else
        over(dial, WEIR_OK, 0);
}

static void on_timeout(struct io_timer *timer)
{
    struct io_dial *dial = BASE_CONTAINER(timer, struct io_dial, timer);
    over(dial, WEIR_CODE_connect_timeout, ETIMEDOUT);
}

static void drop_end(struct io_dial *dial)
{
    if (dial->end != NULL)
        dial->end->notify = NULL;
    if (dial->end != NULL && dial->end->open)
        net_close(dial->end, true);
    dial->end = NULL;
}

static void free_dial(struct io_dial *dial)
{
    io_timer_stop(dial->loop, &dial->timer);
    base_list_remove(&dial->node);
    drop_end(dial);
    weir_allocator memory = dial->allocator;
    base_release(&memory, dial, sizeof *dial);
}

weir_code io_dial_start(struct io_dial **out, weir_loop *loop, struct io_resolver *resolver,
                        const weir_allocator *allocator, const struct io_dial_options *options,
                        void (*done)(void *app, const struct io_dialled *dialled), void *app)
{
    static const weir_code failures[] = {WEIR_OK, WEIR_CODE_connect_refused, WEIR_CODE_connect_unreachable,
                                         WEIR_CODE_resolve_failed, WEIR_CODE_no_descriptors};
    (void)resolver;
    weir_allocator memory = base_allocator(allocator);
    struct io_dial *dial = base_alloc_zero(&memory, sizeof *dial);
    if (dial == NULL)
        return WEIR_CODE_no_memory;
    dial->loop = loop;
    dial->allocator = memory;
    dial->timer.fired = on_timeout;
    dial->done = done;
    dial->app = app;
    *out = dial;
    struct net_listener *listener;
    unsigned place = next_place(options->port, &listener);
    weir_code failure = failures[sim_rarely(30, sizeof failures / sizeof failures[0])];
    if (failure == WEIR_OK && place >= NET_PAIRS_MAX)
        failure = WEIR_CODE_connect_unreachable;
    if (failure != WEIR_OK) {
        over(dial, failure, 0);
        return WEIR_OK;
    }
    dial->end = net_connect(listener, place);
    dial->end->owner = dial;
    dial->end->notify = on_change;
    io_timer_start(loop, &dial->timer, net_now() + options->connect_timeout_ns);
    return WEIR_OK;
}

void io_dial_cancel(struct io_dial *dial)
{
    if (!dial->calling)
        free_dial(dial);
}

void io_sim_dials(weir_loop *loop)
{
    struct base_list batch;
    base_list_init(&batch);
    base_list_splice(&batch, &loop->dials);
    while (!base_list_is_empty(&batch)) {
        struct io_dial *dial = BASE_CONTAINER(batch.next, struct io_dial, node);
        base_list_remove(&dial->node);
        struct io_dialled dialled = {.code = dial->code,
                                     .os = dial->os,
                                     .fd = -1,
                                     .peer = {.family = AF_INET, .port = 80, .octets = {127, 0, 0, 1}},
                                     .text = "as chosen"};
        if (dial->code == WEIR_OK) {
            dialled.fd = dial->end->fd;
            dialled.text = NULL;
            dial->end->notify = NULL;
            dial->end = NULL;
        }
        dial->calling = true;
        dial->done(dial->app, &dialled);
        free_dial(dial);
    }
}
