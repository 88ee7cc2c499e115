#include "common/sink_queue.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define QUEUE_SIZE (256U << 10)
/* What is written at once: as much as a pipe takes whole or not at all, so that lines of several processes stay
 * whole. */
#define PIECE_SIZE 4096

struct sink_queue {
    int fd;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    pthread_cond_t emptied;
    char *ring;     /* QUEUE_SIZE octets */
    uint64_t put;   /* octets, since the start */
    uint64_t taken; /* of them: written or lost; what is being written is not yet */
    bool ending;
    uint64_t lost; /* lines that could not be written */
    int os;        /* of the first of them */
};

/* --- the writer ------------------------------------------------------------------------------------------------- */

static size_t copy_out(const struct sink_queue *queue, char *piece, size_t most)
{
    uint64_t size = queue->put - queue->taken;
    if (size > most)
        size = most;
    for (size_t i = 0; i < size; i++)
        piece[i] = queue->ring[(queue->taken + i) % QUEUE_SIZE];
    return (size_t)size;
}

/* Whole lines, as many as fit; of one that is longer than all a part. */
static size_t whole_lines(const char *piece, size_t size)
{
    const char *last = memrchr(piece, '\n', size);
    return last != NULL ? (size_t)(last - piece) + 1 : size;
}

static uint64_t count_lines(const char *octets, size_t size)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < size; i++)
        lines += octets[i] == '\n';
    return lines;
}

/* 0 or an errno. Somebody else may have made the pipe non-blocking: that is waited out. */
static int write_all(int fd, const char *octets, size_t size, size_t *wrote)
{
    *wrote = 0;
    while (*wrote < size) {
        ssize_t n = write(fd, octets + *wrote, size - *wrote);
        struct pollfd room = {.fd = fd, .events = POLLOUT};
        if (n >= 0)
            *wrote += (size_t)n;
        else if (errno == EAGAIN)
            (void)poll(&room, 1, -1);
        else if (errno != EINTR)
            return errno;
    }
    return 0;
}

static void note_failure(struct sink_queue *queue, const char *octets, size_t size, size_t wrote, int os)
{
    queue->lost += count_lines(octets + wrote, size - wrote);
    if (queue->os == 0)
        queue->os = os;
}

/* The end of the process does not wait for a reader that has stopped: only while it writes may this thread be ended. */
static int write_cancellable(int fd, const char *octets, size_t size, size_t *wrote)
{
    int before;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
    int os = write_all(fd, octets, size, wrote);
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return os;
}

static void *run(void *app)
{
    struct sink_queue *queue = app;
    char piece[PIECE_SIZE];
    int before;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    (void)pthread_mutex_lock(&queue->mutex);
    for (;;) {
        while (queue->put == queue->taken && !queue->ending)
            (void)pthread_cond_wait(&queue->filled, &queue->mutex);
        if (queue->put == queue->taken)
            break;
        size_t wrote, size = whole_lines(piece, copy_out(queue, piece, sizeof(piece)));
        (void)pthread_mutex_unlock(&queue->mutex);
        int os = write_cancellable(queue->fd, piece, size, &wrote);
        (void)pthread_mutex_lock(&queue->mutex);
        queue->taken += size;
        if (os != 0)
            note_failure(queue, piece, size, wrote, os);
        (void)pthread_cond_signal(&queue->emptied);
    }
    (void)pthread_mutex_unlock(&queue->mutex);
    return NULL;
}

/* --- those who write lines -------------------------------------------------------------------------------------- */

bool sink_queue_put(struct sink_queue *queue, const char *line, size_t size)
{
    (void)pthread_mutex_lock(&queue->mutex);
    bool fits = size <= QUEUE_SIZE - (queue->put - queue->taken);
    if (fits) {
        size_t at = (size_t)(queue->put % QUEUE_SIZE);
        size_t first = size < QUEUE_SIZE - at ? size : QUEUE_SIZE - at;
        memcpy(queue->ring + at, line, first);
        memcpy(queue->ring, line + first, size - first);
        queue->put += size;
        (void)pthread_cond_signal(&queue->filled);
    }
    (void)pthread_mutex_unlock(&queue->mutex);
    return fits;
}

static struct timespec in_a_second(void)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    return until;
}

void sink_queue_flush(struct sink_queue *queue)
{
    (void)pthread_mutex_lock(&queue->mutex);
    struct timespec until = in_a_second();
    uint64_t taken = queue->taken;
    while (queue->put != queue->taken) {
        if (taken != queue->taken)
            until = in_a_second();
        taken = queue->taken;
        if (pthread_cond_timedwait(&queue->emptied, &queue->mutex, &until) == ETIMEDOUT && taken == queue->taken)
            break;
    }
    (void)pthread_mutex_unlock(&queue->mutex);
}

/* --- making and freeing ----------------------------------------------------------------------------------------- */

/* Signals are for the threads that serve. */
static int start_thread(struct sink_queue *queue)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int os = pthread_create(&queue->thread, NULL, run, queue);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return os;
}

static void release(struct sink_queue *queue)
{
    (void)pthread_cond_destroy(&queue->emptied);
    (void)pthread_cond_destroy(&queue->filled);
    (void)pthread_mutex_destroy(&queue->mutex);
    free(queue->ring);
    free(queue);
}

struct sink_queue *sink_queue_new(int fd)
{
    struct sink_queue *queue = calloc(1, sizeof(*queue));
    char *ring = malloc(QUEUE_SIZE);
    if (queue == NULL || ring == NULL) {
        free(queue);
        free(ring);
        return NULL;
    }
    queue->fd = fd;
    queue->ring = ring;
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&queue->mutex, NULL);
    (void)pthread_cond_init(&queue->filled, NULL);
    (void)pthread_cond_init(&queue->emptied, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    if (start_thread(queue) != 0) {
        release(queue);
        return NULL;
    }
    return queue;
}

uint64_t sink_queue_free(struct sink_queue *queue, int *os)
{
    (void)pthread_mutex_lock(&queue->mutex);
    queue->ending = true;
    bool stuck = queue->put != queue->taken;
    (void)pthread_cond_signal(&queue->filled);
    (void)pthread_mutex_unlock(&queue->mutex);
    if (stuck)
        (void)pthread_cancel(queue->thread);
    (void)pthread_join(queue->thread, NULL);
    uint64_t lost = queue->lost;
    for (uint64_t at = queue->taken; at < queue->put; at++)
        lost += queue->ring[at % QUEUE_SIZE] == '\n';
    *os = queue->os != 0 ? queue->os : EAGAIN;
    release(queue);
    return lost;
}
