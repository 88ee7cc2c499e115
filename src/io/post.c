#include <errno.h>
#include <unistd.h>

#include "base/alloc.h"
#include "io/loop_internal.h"

/* Posts are a stack that any thread pushes on and only the loop takes, whole: no lock, and no ABA, since nothing is
 * popped singly. Turned round when taken, so each thread's come in its order. */

void io_loop_signal(weir_loop *loop)
{
    int saved = errno; /* may run in a signal handler */
    uint64_t one = 1;
    /* Nobody reads the counter: the eventfd is watched by edges. Full (EAGAIN) is readable too. */
    ssize_t n;
    do
        n = write(loop->wake_fd, &one, sizeof(one));
    while (n < 0 && errno == EINTR); /* a wake-up that is lost is a drain that never begins */
    errno = saved;
}

weir_code weir_loop_post(weir_loop *loop, weir_loop_fn *fn, void *app)
{
    struct io_post *post = base_alloc(&loop->allocator, sizeof(*post));
    if (post == NULL)
        return WEIR_CODE_no_memory;
    post->fn = fn;
    post->app = app;
    struct io_post *last = atomic_load_explicit(&loop->posts, memory_order_relaxed);
    do {
        post->next = last;
    } while (
        !atomic_compare_exchange_weak_explicit(&loop->posts, &last, post, memory_order_acq_rel, memory_order_relaxed));
    /* The first one signals for all: the loop takes them in the round that the signal starts. */
    if (last == NULL)
        io_loop_signal(loop);
    return WEIR_OK;
}

/* First one first. */
static struct io_post *take_posts(weir_loop *loop)
{
    if (atomic_load_explicit(&loop->posts, memory_order_relaxed) == NULL)
        return NULL;
    struct io_post *post = atomic_exchange_explicit(&loop->posts, NULL, memory_order_acq_rel);
    struct io_post *first = NULL;
    while (post != NULL) {
        struct io_post *next = post->next;
        post->next = first;
        first = post;
        post = next;
    }
    return first;
}

/* One by one back into the list before it is called: a call may take any of them out. */
static void call_poked(weir_loop *loop)
{
    struct base_list all;
    base_list_init(&all);
    base_list_splice(&all, &loop->pokes);
    while (!base_list_is_empty(&all)) {
        struct io_poke *poke = BASE_CONTAINER(all.next, struct io_poke, node);
        base_list_remove(&poke->node);
        base_list_push_back(&loop->pokes, &poke->node);
        poke->fn(poke->app);
    }
}

void io_post_run(weir_loop *loop)
{
    if (atomic_load_explicit(&loop->poked, memory_order_relaxed) && atomic_exchange(&loop->poked, false))
        call_poked(loop);
    struct io_post *post = take_posts(loop);
    while (post != NULL) {
        struct io_post taken = *post;
        base_release(&loop->allocator, post, sizeof(*post));
        taken.fn(taken.app);
        post = taken.next;
    }
}

void io_post_drop(weir_loop *loop)
{
    struct io_post *post = take_posts(loop);
    while (post != NULL) {
        struct io_post *next = post->next;
        base_release(&loop->allocator, post, sizeof(*post));
        post = next;
    }
}

void io_loop_poke(weir_loop *loop)
{
    if (!atomic_exchange(&loop->poked, true))
        io_loop_signal(loop);
}

void io_loop_on_poke(weir_loop *loop, struct io_poke *poke)
{
    base_list_push_back(&loop->pokes, &poke->node);
}

void io_loop_off_poke(struct io_poke *poke)
{
    base_list_remove(&poke->node);
}
