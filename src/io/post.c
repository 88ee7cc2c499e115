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

/* Stands in the list when the loop has ended: nothing can be pushed any more. */
static weir_post ended;

/* False: the loop has ended. Once it is in the list a post is the loop's, and not touched here. */
static bool push(weir_loop *loop, weir_post *post)
{
    weir_post *last = atomic_load_explicit(&loop->posts, memory_order_acquire);
    do {
        if (last == &ended)
            return false;
        post->next = last;
    } while (
        !atomic_compare_exchange_weak_explicit(&loop->posts, &last, post, memory_order_acq_rel, memory_order_acquire));
    /* The first one signals for all: the loop takes them in the round that the signal starts. */
    if (last == NULL)
        io_loop_signal(loop);
    return true;
}

void weir_post_init(weir_post *post, weir_loop *loop, weir_loop_fn *fn, weir_loop_fn *dropped, void *app)
{
    *post = (weir_post){.loop = loop, .fn = fn, .dropped = dropped, .app = app};
    weir_loop_ref(loop);
}

void weir_post_fini(weir_post *post)
{
    weir_loop_unref(post->loop);
    post->loop = NULL;
}

static void drop(const weir_post *post)
{
    if (post->dropped != NULL)
        post->dropped(post->app);
}

/* The hold is given back last: the loop may run the post, and end, before this thread has signalled. */
void weir_post_send(weir_post *post)
{
    weir_loop *loop = post->loop;
    if (!push(loop, post))
        drop(post);
    weir_loop_unref(loop);
}

/* --- posts that Weir has the place of --------------------------------------------------------------------------- */

struct kept_post {
    weir_post post;
    weir_loop_fn *fn;
    void *app;
};

static void free_kept(void *app)
{
    struct kept_post *kept = app;
    base_release(&kept->post.loop->allocator, kept, sizeof(*kept));
}

static void run_kept(void *app)
{
    const struct kept_post kept = *(struct kept_post *)app;
    free_kept(app);
    kept.fn(kept.app);
}

weir_code weir_loop_post(weir_loop *loop, weir_loop_fn *fn, void *app)
{
    struct kept_post *kept = base_alloc(&loop->allocator, sizeof(*kept));
    if (kept == NULL)
        return WEIR_CODE_no_memory;
    *kept = (struct kept_post){.fn = fn, .app = app};
    weir_post_init(&kept->post, loop, run_kept, free_kept, kept);
    bool pushed = push(loop, &kept->post);
    if (!pushed)
        free_kept(kept);
    weir_loop_unref(loop);
    return pushed ? WEIR_OK : WEIR_CODE_stopped;
}

/* --- the loop's side -------------------------------------------------------------------------------------------- */

static weir_post *first_of(weir_post *last)
{
    weir_post *first = NULL;
    while (last != NULL) {
        weir_post *before = last->next;
        last->next = first;
        first = last;
        last = before;
    }
    return first;
}

/* First one first. */
static weir_post *take_posts(weir_loop *loop)
{
    if (atomic_load_explicit(&loop->posts, memory_order_relaxed) == NULL)
        return NULL;
    return first_of(atomic_exchange_explicit(&loop->posts, NULL, memory_order_acq_rel));
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
    weir_post *post = take_posts(loop);
    while (post != NULL) {
        const weir_post taken = *post; /* `fn` may free it, or send it again */
        taken.fn(taken.app);
        post = taken.next;
    }
}

void io_post_end(weir_loop *loop)
{
    weir_post *post = first_of(atomic_exchange_explicit(&loop->posts, &ended, memory_order_acq_rel));
    while (post != NULL) {
        const weir_post taken = *post;
        drop(&taken);
        post = taken.next;
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
