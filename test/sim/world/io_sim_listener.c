/* io/listener.h, and what of io/address.h it needs. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "io_sim.h"
#include "sim.h"

#define ACCEPTS_MAX    64
#define BACKOFF_MIN_NS UINT64_C(5000000)
#define BACKOFF_MAX_NS UINT64_C(1000000000)

enum { ON = 1 << 0, WATCHED = 1 << 1 };

size_t io_listen_places(weir_str address)
{
    (void)address;
    return 1;
}

weir_code io_listen(const struct io_listen_options *options, int *fds, size_t count, weir_error *error)
{
    (void)options, (void)count;
    struct net_listener *listener = io_sim_faults && sim_is(100) ? NULL : net_listen();
    if (listener == NULL) {
        *error = (weir_error){.code = WEIR_CODE_address_in_use, .os = EADDRINUSE};
        return WEIR_CODE_address_in_use;
    }
    fds[0] = listener->fd;
    return WEIR_OK;
}

void io_listen_address(int fd, char text[IO_ADDRESS_TEXT_SIZE])
{
    (void)fd;
    snprintf(text, IO_ADDRESS_TEXT_SIZE, "127.0.0.1:80");
}

void io_listen_mark(struct io_listen_mark *mark, weir_str address)
{
    (void)address;
    mark->path[0] = '\0';
}

void io_listen_forget(struct io_listen_mark *mark)
{
    (void)mark;
}

/* By level: as long as connections wait it is looked at in every round. */
static void on_waiting(struct net_listener *net)
{
    struct io_listener *listener = net->owner;
    if ((listener->flags & WATCHED) && !base_list_is_linked(&listener->ready))
        base_list_push_back(&listener->loop->listeners, &listener->ready);
}

static void watch(struct io_listener *listener)
{
    struct net_listener *net = net_listener_of_fd(listener->fd);
    listener->flags |= WATCHED;
    if (!base_list_is_empty(&net->waiting))
        on_waiting(net);
}

static void unwatch(struct io_listener *listener)
{
    listener->flags = (uint16_t)(listener->flags & ~WATCHED);
    base_list_remove(&listener->ready);
}

static void retry(struct io_timer *timer)
{
    struct io_listener *listener = BASE_CONTAINER(timer, struct io_listener, retry);
    watch(listener);
}

weir_code io_listener_open(struct io_listener *listener, weir_loop *loop, int fd, bool shared,
                           const struct io_listener_ops *ops)
{
    (void)shared;
    *listener = (struct io_listener){.ops = ops, .loop = loop, .retry.fired = retry, .fd = fd, .flags = ON};
    struct net_listener *net = net_listener_of_fd(fd);
    net->owner = listener;
    net->notify = on_waiting;
    watch(listener);
    return WEIR_OK;
}

void io_listener_accept(struct io_listener *listener, bool on)
{
    if (on == ((listener->flags & ON) != 0))
        return;
    if (on) {
        listener->flags |= ON;
        watch(listener);
        return;
    }
    listener->flags = (uint16_t)(listener->flags & ~ON);
    io_timer_stop(listener->loop, &listener->retry);
    unwatch(listener);
}

void io_listener_close(struct io_listener *listener)
{
    if (listener->loop->current == listener)
        listener->loop->current = NULL;
    /* Who was told by the kernel that it is connected is not reset, but where accepting had to pause. */
    bool accepts = (listener->flags & WATCHED) && !io_sim_faults;
    if (accepts && !base_list_is_empty(&net_listener_of_fd(listener->fd)->waiting))
        sim_fail("who is connected is served", "a listener closes while connections wait");
    io_timer_stop(listener->loop, &listener->retry);
    unwatch(listener);
    net_unlisten(net_listener_of_fd(listener->fd));
    listener->fd = -1;
    listener->flags = 0;
}

static void pause_accepting(struct io_listener *listener, int os)
{
    bool is_new = listener->backoff_ns == 0;
    uint64_t doubled = listener->backoff_ns * 2;
    listener->backoff_ns = is_new ? BACKOFF_MIN_NS : doubled < BACKOFF_MAX_NS ? doubled : BACKOFF_MAX_NS;
    unwatch(listener);
    io_timer_start(listener->loop, &listener->retry, net_now() + listener->backoff_ns);
    SIM_TELL("kernel", "accept fails: errno %d", os);
    if (is_new)
        listener->ops->paused(listener, os);
}

/* False: none waits. */
static bool accept_one(struct io_listener *listener)
{
    static const int errors[] = {0, EMFILE, ENOMEM, ENFILE};
    struct net_listener *net = net_listener_of_fd(listener->fd);
    int os = io_sim_faults ? errors[sim_rarely(30, sizeof errors / sizeof errors[0])] : 0;
    if (os != 0) {
        pause_accepting(listener, os);
        return true;
    }
    struct net_end *end = net_accept(net);
    if (end == NULL)
        return false;
    SIM_TELL("server", "accepts %s", end->pair->name);
    weir_address peer = {.family = AF_INET, .port = end->pair->port, .octets = {127, 0, 0, 1}};
    listener->backoff_ns = 0;
    listener->ops->accepted(listener, end->fd, &peer);
    return true;
}

static void accept_some(struct io_listener *listener, unsigned most)
{
    weir_loop *loop = listener->loop;
    loop->current = listener;
    for (unsigned i = 0; i < most && (listener->flags & WATCHED); i++) {
        bool some = accept_one(listener);
        if (loop->current != listener)
            return;
        if (!some)
            break;
    }
    loop->current = NULL;
    struct net_listener *net = net_listener_of_fd(listener->fd);
    if (net != NULL && !base_list_is_empty(&net->waiting))
        on_waiting(net);
}

void io_listener_accept_waiting(struct io_listener *listener)
{
    accept_some(listener, UINT32_MAX);
}

void io_sim_listeners(weir_loop *loop)
{
    struct base_list batch;
    base_list_init(&batch);
    base_list_splice(&batch, &loop->listeners);
    while (!base_list_is_empty(&batch)) {
        struct io_listener *listener = BASE_CONTAINER(batch.next, struct io_listener, ready);
        base_list_remove(&listener->ready);
        accept_some(listener, 1 + sim_choose(ACCEPTS_MAX));
    }
}
