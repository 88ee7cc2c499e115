#include "base/alloc.h"
#include "io/loop_internal.h"

void io_timer_start(weir_loop *loop, struct io_timer *timer, uint64_t due_ns)
{
    base_wheel_start(&loop->wheel, &timer->timer, due_ns);
}

void io_timer_stop(weir_loop *loop, struct io_timer *timer)
{
    base_wheel_stop(&loop->wheel, &timer->timer);
}

void io_timer_expire(weir_loop *loop)
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
    weir_timer *timer = base_alloc_zero(&loop->allocator, sizeof(*timer));
    if (timer == NULL)
        return NULL;
    timer->timer.fired = fired;
    timer->loop = loop;
    timer->fn = fn;
    timer->app = app;
    return timer;
}

void weir_timer_start(weir_timer *timer, uint64_t delay_ns)
{
    /* Not the round's clock, which may be old: never early is the promise. */
    io_timer_start(timer->loop, &timer->timer, io_clock_after(delay_ns));
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
    base_release(&timer->loop->allocator, timer, sizeof(*timer));
}
