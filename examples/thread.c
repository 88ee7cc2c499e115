/* An answer computed on a thread of the user's and posted back. The loop's thread hands jobs over and goes on serving;
 * the client may leave while its job is being worked at, so a job belongs to nobody but itself:
 *
 *     the exchange points to its job, the job to its exchange, and `done` cuts the tie;
 *     the thread touches only the numbers of the job, never the exchange;
 *     the post brings the job back to the loop's thread, which answers if there is still somebody, and frees it.
 *
 * A FIN does not cancel a job: it may be a half-close, and the answer still wanted. A reset does, or the drain's end.
 *
 *     build/examples/thread
 *     curl http://127.0.0.1:8080/42            the 42nd Fibonacci number, the slow way
 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <weir/weir.h>

#define N_MAX 45

struct job {
    struct job *next;
    weir_exchange *x; /* null when it has ended; only the loop's thread looks */
    unsigned n;
    uint64_t result;
};

static weir_server *server;
static weir_loop *loop;
static unsigned jobs_open; /* handed over and not come back; only the loop's thread counts */

/* What both threads touch. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct job *first, **last = &first;
static bool closing;

/* --- the thread of the user's --------------------------------------------------------------------------------------- */

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

static void finish(void *app);

static void *work(void *app)
{
    (void)app;
    struct job *job;
    while ((job = take()) != NULL) {
        job->result = fibonacci(job->n);
        /* A post that finds no memory was not made. The client waits for this one: tried again until it is. */
        while (weir_loop_post(loop, finish, job) != WEIR_OK)
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return NULL;
}

/* --- the loop's thread ---------------------------------------------------------------------------------------------- */

static void hand_over(struct job *job)
{
    jobs_open++;
    pthread_mutex_lock(&lock);
    *last = job;
    last = &job->next;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

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

static void head(void *app, weir_exchange *x)
{
    (void)app;
    unsigned n = number_of(weir_request_path(x));
    struct job *job = n <= N_MAX ? malloc(sizeof(*job)) : NULL;
    if (job == NULL) {
        respond_text(x, n > N_MAX ? 404 : 503, n > N_MAX ? "try /N with N from 0 to 45\n" : "out of memory\n");
        return;
    }
    *job = (struct job){.x = x, .n = n};
    weir_exchange_set_user(x, job);
    hand_over(job);
}

/* A job has come back. */
static void finish(void *app)
{
    struct job *job = app;
    jobs_open--;
    if (job->x != NULL) {
        char text[32];
        snprintf(text, sizeof(text), "%" PRIu64 "\n", job->result);
        weir_exchange_set_user(job->x, NULL);
        respond_text(job->x, 200, text);
    } else {
        fprintf(stderr, "job %u: nobody waits for it any more\n", job->n);
    }
    free(job);
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

/* --- start and end ---------------------------------------------------------------------------------------------------- */

static void on_sigterm(int number)
{
    (void)number;
    weir_server_drain(server);
}

static void on_stopped(void *app)
{
    (void)app;
    weir_loop_stop(loop);
}

/* The server has stopped, but jobs whose clients are gone may still be out: the loop is theirs to come back to. */
static void end_thread(pthread_t thread)
{
    while (jobs_open > 0)
        weir_loop_step(loop, WEIR_NEVER);
    pthread_mutex_lock(&lock);
    closing = true;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
}

static int serve(void)
{
    weir_error error;
    char address[128];
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, NULL) != 0) {
        fprintf(stderr, "thread: a thread cannot be started\n");
        return 1;
    }
    weir_code code = weir_server_run(server, &error); /* on a loop of ours: begins to accept, and returns */
    if (code == WEIR_OK) {
        signal(SIGTERM, on_sigterm);
        weir_server_address(server, 0, address, sizeof(address));
        fprintf(stderr, "listening on %s\n", address);
        weir_loop_run(loop);
        signal(SIGTERM, SIG_DFL); /* there is nothing left to drain */
    } else {
        fprintf(stderr, "thread: %s\n", error.text);
    }
    end_thread(thread);
    return code == WEIR_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    static const weir_handler handler = WEIR_HANDLER(.head = head, .done = done);
    weir_str listen = weir_str_from(argc > 1 ? argv[1] : "127.0.0.1:8080");
    weir_error error;
    if (weir_loop_new(&loop, NULL, &error) != WEIR_OK ||
        weir_server_new(&server,
                        WEIR_SERVER(.listen = listen, .handler = &handler, .loop = loop, .stopped = on_stopped),
                        &error) != WEIR_OK) {
        fprintf(stderr, "thread: %s\n", error.text);
        weir_loop_free(loop);
        return 1;
    }
    int status = serve();
    weir_server_free(server);
    weir_loop_free(loop);
    return status;
}
