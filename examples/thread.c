/* Answers computed by a pool of threads of the user's. The loops' threads, two workers here, hand jobs over and go
 * on serving; a client may leave while its job is being worked at, and so may the server. So a job belongs to nobody
 * but itself:
 *
 *     the exchange points to its job, the job to its exchange, and `done` cuts the tie;
 *     a thread of the pool touches only the numbers of the job, never the exchange;
 *     the post in the job brings it back to the loop of its exchange, which answers if there is still somebody, and frees it;
 *     if that loop has ended, the post is dropped, and that frees the job.
 *
 * A FIN does not cancel a job: it may be a half-close, and the answer still wanted. A reset does, or the drain's
 * end.
 *
 *     build/examples/thread
 *     curl http://127.0.0.1:8080/42            the 42nd Fibonacci number, the slow way
 *     curl http://127.0.0.1:8080/jobs          how many jobs are out */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define N_MAX   45
#define WORKERS 2
#define THREADS 2

struct job {
    struct job *next;
    weir_post post;   /* the way back */
    weir_exchange *x; /* null when it has ended; only its loop's thread looks */
    unsigned n;
    uint64_t result;
};

/* What all threads touch. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct job *first, **last = &first;
static unsigned jobs_out; /* handed over, and not freed */
static bool closing;

static void free_job(struct job *job)
{
    pthread_mutex_lock(&lock);
    jobs_out--;
    pthread_mutex_unlock(&lock);
    free(job);
}

/* --- the pool --------------------------------------------------------------------------------------------------- */

static uint64_t fibonacci(unsigned n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

/* The next job; null when there will be none. */
static struct job *take(void)
{
    pthread_mutex_lock(&lock);
    while (first == NULL && !closing)
        pthread_cond_wait(&changed, &lock);
    struct job *job = first;
    if (job != NULL)
        first = job->next;
    if (first == NULL)
        last = &first;
    pthread_mutex_unlock(&lock);
    return job;
}

static void *work(void *app)
{
    (void)app;
    struct job *job;
    while ((job = take()) != NULL) {
        job->result = fibonacci(job->n);
        weir_post_send(&job->post);
    }
    return NULL;
}

static void hand_over(struct job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&lock);
    jobs_out++;
    *last = job;
    last = &job->next;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

/* The server is gone: jobs that nobody has begun are not begun. */
static void end_pool(const pthread_t *threads, unsigned count)
{
    pthread_mutex_lock(&lock);
    closing = true;
    struct job *left = first;
    first = NULL;
    last = &first;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    while (left != NULL) {
        struct job *next = left->next;
        weir_post_fini(&left->post);
        free_job(left);
        left = next;
    }
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

/* --- a loop's thread -------------------------------------------------------------------------------------------- */

static void respond_text(weir_exchange *x, unsigned status, const char *text)
{
    weir_respond(x, status, WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("text/plain")}),
                 weir_body_copy(weir_str_from(text)));
}

/* The path is /N; N_MAX + 1 if it is anything else. */
static unsigned number_of(weir_str path)
{
    unsigned n = 0;
    for (size_t i = 1; i < path.len && n <= N_MAX; i++)
        n = path.ptr[i] >= '0' && path.ptr[i] <= '9' ? n * 10 + (unsigned)(path.ptr[i] - '0') : N_MAX + 1;
    return path.len > 1 ? n : N_MAX + 1;
}

/* A job has come back. */
static void finish(void *app)
{
    struct job *job = app;
    if (job->x != NULL) {
        char text[32];
        snprintf(text, sizeof(text), "%" PRIu64 "\n", job->result);
        weir_exchange_set_user(job->x, NULL);
        respond_text(job->x, 200, text);
    } else {
        fprintf(stderr, "job %u: nobody waits for it any more\n", job->n);
    }
    free_job(job);
}

/* Or its loop has ended, on whatever thread finds that out. All exchanges had ended before. */
static void drop(void *app)
{
    struct job *job = app;
    fprintf(stderr, "job %u: the server is gone\n", job->n);
    free_job(job);
}

static void tell_jobs(weir_exchange *x)
{
    char text[32];
    pthread_mutex_lock(&lock);
    snprintf(text, sizeof(text), "%u\n", jobs_out);
    pthread_mutex_unlock(&lock);
    respond_text(x, 200, text);
}

static void head(void *app, weir_exchange *x)
{
    (void)app;
    if (weir_str_equal(weir_request_path(x), WEIR_STR("/jobs"))) {
        tell_jobs(x);
        return;
    }
    unsigned n = number_of(weir_request_path(x));
    struct job *job = n <= N_MAX ? malloc(sizeof(*job)) : NULL;
    if (job == NULL) {
        respond_text(x, n > N_MAX ? 404 : 503, n > N_MAX ? "try /N with N from 0 to 45\n" : "out of memory\n");
        return;
    }
    job->x = x;
    job->n = n;
    weir_post_init(&job->post, weir_exchange_loop(x), finish, drop, job);
    weir_exchange_set_user(x, job);
    hand_over(job);
}

/* Answered, or the client has left first: the job may then still be worked at, and finds out when it comes back. */
static void done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)app;
    (void)ending;
    struct job *job = weir_exchange_user(x);
    if (job != NULL)
        job->x = NULL;
}

/* --- start and end ---------------------------------------------------------------------------------------------- */

static void on_started(void *app, weir_server *server)
{
    char address[128];
    (void)app;
    weir_server_address(server, 0, address, sizeof(address));
    fprintf(stderr, "listening on %s\n", address);
}

int main(int argc, char **argv)
{
    static const weir_handler handler = WEIR_HANDLER(.head = head, .done = done);
    weir_str listen = weir_str_from(argc > 1 ? argv[1] : "127.0.0.1:8080");
    pthread_t threads[THREADS];
    unsigned count = 0;
    while (count < THREADS && pthread_create(&threads[count], NULL, work, NULL) == 0)
        count++;
    if (count == 0) {
        fprintf(stderr, "thread: no thread can be started\n");
        return 1;
    }
    int status = weir_serve(WEIR_SERVER(.listen = listen, .handler = &handler, .workers = WORKERS,
                                        .started = on_started, .drain_on_signals = true));
    end_pool(threads, count);
    return status;
}
