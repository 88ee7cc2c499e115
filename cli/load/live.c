#include "load/live.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define EVERY_NS (500 * WEIR_MS)

/* What was shown last. */
struct shown {
    uint64_t done, at_ns;
};

/* Within the 80 columns that a terminal has at least: a longer line would be wrapped, and never cleared. */
static void show(const struct load_live *live, uint64_t elapsed_ns, struct shown *last)
{
    uint64_t done = 0, alive = 0, errors = 0;
    for (size_t i = 0; i < live->count; i++) {
        done += atomic_load_explicit(&live->workers[i].shown_done, memory_order_relaxed);
        alive += atomic_load_explicit(&live->workers[i].shown_alive, memory_order_relaxed);
        errors += atomic_load_explicit(&live->workers[i].shown_errors, memory_order_relaxed);
    }
    (void)fprintf(stderr, "\r%6.1f s %11" PRIu64 " answers %8.0f/s %7" PRIu64 " connections %7" PRIu64 " errors ",
                  (double)elapsed_ns / 1e9, done,
                  (double)(done - last->done) * 1e9 / (double)(elapsed_ns - last->at_ns), alive, errors);
    *last = (struct shown){done, elapsed_ns};
}

static void *run(void *app)
{
    struct load_live *live = app;
    struct timespec next;
    uint64_t began_ns = load_now();
    struct shown last = {0, 0};
    (void)clock_gettime(CLOCK_REALTIME, &next);
    (void)pthread_mutex_lock(&live->lock);
    while (!live->stop) {
        next.tv_nsec += (long)EVERY_NS;
        next.tv_sec += next.tv_nsec / (long)WEIR_SECOND;
        next.tv_nsec %= (long)WEIR_SECOND;
        while (!live->stop && pthread_cond_timedwait(&live->changed, &live->lock, &next) == 0)
            ;
        if (!live->stop)
            show(live, load_now() - began_ns, &last);
    }
    (void)pthread_mutex_unlock(&live->lock);
    return NULL;
}

void load_live_start(struct load_live *live, struct load_worker *workers, size_t count)
{
    *live = (struct load_live){.workers = workers, .count = count};
    if (isatty(STDERR_FILENO) == 0)
        return;
    (void)pthread_mutex_init(&live->lock, NULL);
    (void)pthread_cond_init(&live->changed, NULL);
    live->runs = pthread_create(&live->thread, NULL, run, live) == 0;
}

void load_live_stop(struct load_live *live)
{
    if (!live->runs)
        return;
    (void)pthread_mutex_lock(&live->lock);
    live->stop = true;
    (void)pthread_cond_signal(&live->changed);
    (void)pthread_mutex_unlock(&live->lock);
    (void)pthread_join(live->thread, NULL);
    (void)fputs("\r\033[K", stderr);
}

void load_live_say(const char *sentence)
{
    (void)fprintf(stderr, "%s%s\n", isatty(STDERR_FILENO) != 0 ? "\r\033[K" : "", sentence);
}
