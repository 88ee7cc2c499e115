/* io/loop.h and weir/loop.h. */
#include <string.h>

#include "base/alloc.h"
#include "io_sim.h"
#include "sim.h"

bool io_sim_faults;

weir_code weir_loop_new(weir_loop **out, const weir_allocator *allocator, weir_error *error)
{
    (void)error;
    weir_allocator memory = base_allocator(allocator);
    weir_loop *loop = base_alloc_zero(&memory, sizeof *loop);
    if (loop == NULL)
        return WEIR_CODE_no_memory;
    loop->allocator = memory;
    loop->now_ns = net_now();
    base_list_init(&loop->kernel);
    base_list_init(&loop->ready);
    base_list_init(&loop->later);
    base_list_init(&loop->listeners);
    base_list_init(&loop->pokes);
    base_list_init(&loop->lates);
    base_list_init(&loop->dials);
    base_wheel_init(&loop->wheel, loop->now_ns);
    loop->last_post = &loop->posts;
    *out = loop;
    return WEIR_OK;
}

static struct io_sim_post take_post(weir_loop *loop)
{
    struct io_sim_post *first = loop->posts;
    struct io_sim_post taken = *first;
    loop->posts = first->next;
    if (loop->posts == NULL)
        loop->last_post = &loop->posts;
    base_release(&loop->allocator, first, sizeof *first);
    return taken;
}

void weir_loop_free(weir_loop *loop)
{
    if (loop == NULL)
        return;
    while (loop->posts != NULL)
        (void)take_post(loop);
    if (loop->wheel.count != 0)
        sim_fail("timers", "%zu timers run when their loop is freed", loop->wheel.count);
    if (!base_list_is_empty(&loop->ready) || !base_list_is_empty(&loop->later) || !base_list_is_empty(&loop->listeners))
        sim_fail("loop", "something is still open on a loop that is freed");
    weir_allocator memory = loop->allocator;
    base_release(&memory, loop, sizeof *loop);
}

bool io_sim_is_ready(const weir_loop *loop)
{
    return !base_list_is_empty(&loop->kernel) || !base_list_is_empty(&loop->ready) ||
           !base_list_is_empty(&loop->later) || !base_list_is_empty(&loop->listeners) || loop->posts != NULL ||
           !base_list_is_empty(&loop->lates) || !base_list_is_empty(&loop->dials) || loop->poked;
}

void io_sim_ready(weir_loop *loop, struct io_sock *sock)
{
    if (!base_list_is_linked(&sock->ready))
        base_list_push_back(&loop->ready, &sock->ready);
}

/* What epoll_wait tells: of each end that has an edge, all that it is ready for now. One in a while is left for the
 * next round, and they come in another order than the edges did. */
static void wait_for_events(weir_loop *loop)
{
    struct base_list all;
    base_list_init(&all);
    base_list_splice(&loop->ready, &loop->later);
    base_list_splice(&all, &loop->kernel);
    while (!base_list_is_empty(&all)) {
        struct base_list *node = sim_is(8) ? all.prev : all.next;
        struct net_end *end = BASE_CONTAINER(node, struct net_end, epoll);
        base_list_remove(node);
        if (sim_is(50)) {
            base_list_push_back(&loop->kernel, node);
            continue;
        }
        unsigned ready = net_poll(end);
        if (ready != 0)
            io_sim_event(end->owner, ready);
    }
}

static void turn_socks(weir_loop *loop)
{
    struct base_list batch;
    base_list_init(&batch);
    base_list_splice(&batch, &loop->ready);
    while (!base_list_is_empty(&batch)) {
        struct io_sock *sock = BASE_CONTAINER(batch.next, struct io_sock, ready);
        base_list_remove(&sock->ready);
        io_sim_turn(sock);
    }
}

static void expire_timers(weir_loop *loop)
{
    struct base_list due;
    base_list_init(&due);
    base_wheel_expire(&loop->wheel, loop->now_ns, &due);
    while (!base_list_is_empty(&due)) {
        struct base_timer *timer = BASE_CONTAINER(due.next, struct base_timer, node);
        base_wheel_stop(&loop->wheel, timer);
        struct io_timer *outer = BASE_CONTAINER(timer, struct io_timer, timer);
        outer->fired(outer);
    }
}

static void run_posts(weir_loop *loop)
{
    if (loop->poked) {
        struct base_list all;
        base_list_init(&all);
        base_list_splice(&all, &loop->pokes);
        loop->poked = false;
        while (!base_list_is_empty(&all)) {
            struct io_poke *poke = BASE_CONTAINER(all.next, struct io_poke, node);
            base_list_remove(&poke->node);
            base_list_push_back(&loop->pokes, &poke->node);
            poke->fn(poke->app);
        }
    }
    struct io_sim_post **end = loop->last_post;
    for (bool last = loop->posts == NULL; !last;) {
        last = &loop->posts->next == end;
        struct io_sim_post post = take_post(loop);
        post.fn(post.app);
    }
}

/* Only those that are in the list now. */
static void call_lates(weir_loop *loop)
{
    struct base_list batch;
    base_list_init(&batch);
    base_list_splice(&batch, &loop->lates);
    while (!base_list_is_empty(&batch)) {
        struct io_late *late = BASE_CONTAINER(batch.next, struct io_late, node);
        base_list_remove(&late->node);
        late->fn(late);
    }
}

void weir_loop_step(weir_loop *loop, uint64_t timeout_ns)
{
    (void)timeout_ns;
    loop->in_round = true;
    loop->rounds++;
    wait_for_events(loop);
    loop->now_ns = net_now();
    turn_socks(loop);
    io_sim_listeners(loop);
    io_sim_dials(loop);
    expire_timers(loop);
    run_posts(loop);
    call_lates(loop);
    loop->late = true;
    turn_socks(loop);
    loop->late = false;
    loop->in_round = false;
}

void weir_loop_run(weir_loop *loop)
{
    (void)loop;
    sim_fail("loop", "nothing here may run a loop");
}

void weir_loop_stop(weir_loop *loop)
{
    (void)loop;
}

int weir_loop_fd(const weir_loop *loop)
{
    (void)loop;
    return -1;
}

uint64_t weir_loop_deadline(const weir_loop *loop)
{
    return io_sim_is_ready(loop) ? weir_loop_now(loop) : base_wheel_next(&loop->wheel);
}

uint64_t weir_loop_now(const weir_loop *loop)
{
    return loop->in_round ? loop->now_ns : net_now();
}

int64_t io_loop_unix_time(weir_loop *loop)
{
    (void)loop;
    return net_wall();
}

weir_code weir_loop_post(weir_loop *loop, weir_loop_fn *fn, void *app)
{
    struct io_sim_post *post = base_alloc(&loop->allocator, sizeof *post);
    if (post == NULL)
        return WEIR_CODE_no_memory;
    *post = (struct io_sim_post){.fn = fn, .app = app};
    *loop->last_post = post;
    loop->last_post = &post->next;
    return WEIR_OK;
}

void io_loop_poke(weir_loop *loop)
{
    loop->poked = true;
}

void io_loop_on_poke(weir_loop *loop, struct io_poke *poke)
{
    base_list_push_back(&loop->pokes, &poke->node);
}

void io_loop_off_poke(struct io_poke *poke)
{
    base_list_remove(&poke->node);
}

void io_loop_late(weir_loop *loop, struct io_late *late)
{
    if (!base_list_is_linked(&late->node))
        base_list_push_back(&loop->lates, &late->node);
}

void io_loop_off_late(struct io_late *late)
{
    base_list_remove(&late->node);
}

/* --- timers ----------------------------------------------------------------------------------------------------- */

void io_timer_start(weir_loop *loop, struct io_timer *timer, uint64_t due_ns)
{
    base_wheel_start(&loop->wheel, &timer->timer, due_ns);
}

void io_timer_stop(weir_loop *loop, struct io_timer *timer)
{
    base_wheel_stop(&loop->wheel, &timer->timer);
}

struct weir_timer {
    struct io_timer timer;
    weir_loop *loop;
    weir_loop_fn *fn;
    void *app;
};

static void fired(struct io_timer *inner)
{
    weir_timer *timer = BASE_CONTAINER(inner, weir_timer, timer);
    timer->fn(timer->app);
}

weir_timer *weir_timer_new(weir_loop *loop, weir_loop_fn *fn, void *app)
{
    weir_timer *timer = base_alloc_zero(&loop->allocator, sizeof *timer);
    if (timer == NULL)
        return NULL;
    *timer = (weir_timer){.timer.fired = fired, .loop = loop, .fn = fn, .app = app};
    return timer;
}

void weir_timer_start(weir_timer *timer, uint64_t delay_ns)
{
    uint64_t now_ns = net_now();
    io_timer_start(timer->loop, &timer->timer, delay_ns > WEIR_NEVER - now_ns ? WEIR_NEVER : now_ns + delay_ns);
}

void weir_timer_stop(weir_timer *timer)
{
    io_timer_stop(timer->loop, &timer->timer);
}

void weir_timer_free(weir_timer *timer)
{
    if (timer == NULL)
        return;
    weir_timer_stop(timer);
    base_release(&timer->loop->allocator, timer, sizeof *timer);
}
