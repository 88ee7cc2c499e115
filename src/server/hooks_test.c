/* Goal: what a program hears of workers, exchanges and connections, and a handler that changes while the server runs.
 * Method: real sockets on loopback; a loop that is stepped here, or workers with threads of their own. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "server/scene.h"

static weir_loop *loop;
static weir_server *server;

static void open_server(weir_server_options *options)
{
    assert_int_equal(weir_loop_new(&loop, &allocator, NULL), WEIR_OK);
    options->allocator = allocator;
    options->listen = WEIR_STR("127.0.0.1:0");
    options->loop = loop;
    server = make(options);
}

static void run_server(void)
{
    assert_int_equal(weir_server_run(server, NULL), WEIR_OK);
}

static void close_server(void)
{
    weir_server_stop(server);
    while (!weir_server_is_stopped(server))
        weir_loop_step(loop, 10 * WEIR_MS);
    weir_server_free(server);
    weir_loop_free(loop);
    assert_int_equal(held, 0);
}

static void say(int fd, const char *request)
{
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
}

/* Steps the loop until `text` has come. */
static void expect_text(int fd, const char *text)
{
    char octets[2048] = "";
    size_t size = 0;
    while (strstr(octets, text) == NULL) {
        weir_loop_step(loop, WEIR_MS);
        ssize_t n = recv(fd, octets + size, sizeof octets - 1 - size, MSG_DONTWAIT);
        assert_true(n != 0);
        size += n > 0 ? (size_t)n : 0;
        octets[size] = '\0';
    }
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* --- workers
 * ---------------------------------------------------------------------------------------------------------- */

struct crew {
    unsigned started, stopped, served, wrong; /* atomic */
};

static void on_worker_started(void *app, weir_loop *worker)
{
    pthread_t *self = malloc(sizeof *self);
    assert_non_null(self);
    *self = pthread_self();
    weir_loop_set_user(worker, self);
    __atomic_add_fetch(&((struct crew *)app)->started, 1, __ATOMIC_RELAXED);
}

static void on_worker_stopped(void *app, weir_loop *worker)
{
    struct crew *crew = app;
    pthread_t *self = weir_loop_user(worker);
    if (!pthread_equal(*self, pthread_self()))
        __atomic_add_fetch(&crew->wrong, 1, __ATOMIC_RELAXED);
    free(self);
    __atomic_add_fetch(&crew->stopped, 1, __ATOMIC_RELAXED);
}

/* What a worker has is found from each of its exchanges, and is of that thread. */
static void serve_by_crew(void *app, weir_exchange *x)
{
    struct crew *crew = app;
    const pthread_t *self = weir_loop_user(weir_exchange_loop(x));
    if (self == NULL || !pthread_equal(*self, pthread_self()))
        __atomic_add_fetch(&crew->wrong, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&crew->served, 1, __ATOMIC_RELAXED);
    hello(app, x);
}

static const weir_handler crew_handler = WEIR_HANDLER(.head = serve_by_crew);

static void *run_thread(void *app)
{
    assert_int_equal(weir_server_run(app, NULL), WEIR_OK);
    return NULL;
}

static void test_workers_have_things_of_their_own(void **state)
{
    struct crew crew = {0};
    pthread_t thread;
    (void)state;
    server = make(WEIR_SERVER(.allocator = allocator, .listen = WEIR_STR("127.0.0.1:0"), .handler = &crew_handler,
                              .workers = 3, .app = &crew, .worker_started = on_worker_started,
                              .worker_stopped = on_worker_stopped));
    assert_int_equal(pthread_create(&thread, NULL, run_thread, server), 0);
    for (int i = 0; i < 20; i++) {
        int fd = dial(server);
        ask(fd);
        expect_answer(fd);
        close(fd);
    }
    weir_server_drain(server);
    pthread_join(thread, NULL);
    assert_int_equal(crew.started, 3);
    assert_int_equal(crew.stopped, 3);
    assert_int_equal(crew.served, 20);
    assert_int_equal(crew.wrong, 0);
    weir_server_free(server);
    assert_int_equal(held, 0);
}

static void test_worker_on_a_loop_of_the_callers(void **state)
{
    struct crew crew = {0};
    (void)state;
    open_server(WEIR_SERVER(.handler = &crew_handler, .app = &crew, .worker_started = on_worker_started,
                            .worker_stopped = on_worker_stopped));
    assert_int_equal(crew.started, 0);
    run_server();
    assert_int_equal(crew.started, 1);
    close_server();
    assert_int_equal(crew.stopped, 1);
}

/* Never run: nobody began, so nobody ends. */
static void test_worker_that_never_ran(void **state)
{
    struct crew crew = {0};
    (void)state;
    open_server(WEIR_SERVER(.handler = &crew_handler, .app = &crew, .worker_started = on_worker_started,
                            .worker_stopped = on_worker_stopped));
    weir_server_free(server);
    weir_loop_free(loop);
    assert_int_equal(crew.started + crew.stopped, 0);
    assert_int_equal(held, 0);
}

/* --- exchanges and connections
 * ------------------------------------------------------------------------------------------ */

struct access_log {
    char lines[1024];
    size_t used;
    void *freed;
    unsigned freed_count;
};

static void log_line(struct access_log *log, const char *kind, weir_exchange *x, const weir_exchange_ending *ending)
{
    weir_str path = weir_request_path(x);
    log->used += (size_t)snprintf(log->lines + log->used, sizeof log->lines - log->used, "%s %.*s %u %s\n", kind,
                                  (int)path.len, path.ptr, weir_response_status(x), weir_code_name(ending->code));
}

static void on_exchange_ended(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    log_line(app, "ended", x, ending);
}

static void on_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    log_line(app, "done", x, ending);
}

static void on_connection_ended(void *app, void *user, const weir_ending *ending)
{
    struct access_log *log = app;
    assert_true(ending->exchanges_begun > 0);
    log->freed = user;
    log->freed_count++;
}

/* /first sets what /second finds; /odd may not be sent; /never is not answered. */
static void serve_paths(void *app, weir_exchange *x)
{
    weir_str path = weir_request_path(x);
    assert_int_equal(weir_response_status(x), 0);
    if (weir_str_equal(path, WEIR_STR("/first"))) {
        assert_null(weir_exchange_connection_user(x));
        weir_exchange_set_connection_user(x, app);
    } else if (weir_str_equal(path, WEIR_STR("/second"))) {
        assert_ptr_equal(weir_exchange_connection_user(x), app);
    }
    if (weir_str_equal(path, WEIR_STR("/odd")))
        (void)weir_respond(x, 5, WEIR_NO_FIELDS, weir_body_none());
    else if (!weir_str_equal(path, WEIR_STR("/never")))
        (void)weir_respond(x, weir_str_equal(path, WEIR_STR("/second")) ? 404 : 200, WEIR_NO_FIELDS, weir_body_none());
}

static void test_exchange_ended(void **state)
{
    static const weir_handler with_done = WEIR_HANDLER(.head = serve_paths, .done = on_done);
    static const weir_handler without = WEIR_HANDLER(.head = serve_paths);
    static struct access_log log;
    (void)state;
    open_server(WEIR_SERVER(.handler = &with_done, .app = &log, .exchange_ended = on_exchange_ended,
                            .limits.handler_timeout_ns = 20 * WEIR_MS));
    run_server();
    int fd = dial(server);
    say(fd, GET("/first") GET("/second"));
    expect_text(fd, " 404 ");
    assert_int_equal(weir_server_set_handler(server, &without, NULL), WEIR_OK);
    weir_loop_step(loop, 0);
    say(fd, GET("/odd"));
    expect_text(fd, " 500 ");
    close(fd);
    fd = dial(server);
    say(fd, GET("/never"));
    expect_text(fd, " 503 ");
    close(fd);
    close_server();
    assert_string_equal(log.lines, "ended /first 200 complete\ndone /first 200 complete\n"
                                   "ended /second 404 complete\ndone /second 404 complete\n"
                                   "ended /odd 500 bad_response\nended /never 503 handler_timeout\n");
}

static void test_connection_user(void **state)
{
    static const weir_handler paths = WEIR_HANDLER(.head = serve_paths);
    struct access_log log = {.used = 0};
    (void)state;
    open_server(WEIR_SERVER(.handler = &paths, .app = &log, .connection_ended = on_connection_ended));
    run_server();
    int with = dial(server), without = dial(server);
    say(with, GET("/first"));
    expect_text(with, " 200 ");
    say(without, GET("/"));
    expect_text(without, " 200 ");
    say(with, GET("/second"));
    expect_text(with, " 404 ");
    close(without);
    while (ledger_of(server).alive == 2)
        weir_loop_step(loop, WEIR_MS);
    assert_int_equal(log.freed_count, 0);
    close(with);
    while (ledger_of(server).alive == 1)
        weir_loop_step(loop, WEIR_MS);
    assert_int_equal(log.freed_count, 1);
    assert_ptr_equal(log.freed, &log);
    close_server();
}

/* --- another handler
 * ---------------------------------------------------------------------------------------------------- */

static weir_exchange *waiting;
static unsigned old_done;

static void old_head(void *app, weir_exchange *x)
{
    (void)app;
    if (weir_str_equal(weir_request_path(x), WEIR_STR("/wait")))
        waiting = x;
    else
        (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_borrow(WEIR_STR("old.")));
}

static void count_old(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)app, (void)x, (void)ending;
    old_done++;
}

static void new_head(void *app, weir_exchange *x)
{
    (void)app;
    (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_borrow(WEIR_STR("new.")));
}

static void test_handler_is_changed(void **state)
{
    static const weir_handler empty = WEIR_HANDLER(.end = NULL);
    weir_handler old = WEIR_HANDLER(.head = old_head, .done = count_old), new = WEIR_HANDLER(.head = new_head);
    weir_error error;
    (void)state;
    old_done = 0;
    waiting = NULL;
    open_server(WEIR_SERVER(.handler = &new));
    assert_int_equal(weir_server_set_handler(server, &old, NULL), WEIR_OK); /* before it runs */
    memset(&old, 0, sizeof old);                                            /* it was copied */
    run_server();
    int fd = dial(server), other = dial(server);
    say(fd, GET("/wait"));
    while (waiting == NULL)
        weir_loop_step(loop, WEIR_MS);
    assert_int_equal(weir_server_set_handler(server, &empty, &error), WEIR_CODE_bad_option);
    assert_int_equal(weir_server_set_handler(server, NULL, &error), WEIR_CODE_bad_option);
    say(other, GET("/"));
    expect_text(other, "old.");

    assert_int_equal(weir_server_set_handler(server, &new, &error), WEIR_OK);
    weir_loop_step(loop, 0);
    say(other, GET("/"));
    expect_text(other, "new.");
    unsigned before = old_done;
    assert_int_equal(weir_respond(waiting, 200, WEIR_NO_FIELDS, weir_body_borrow(WEIR_STR("late."))), WEIR_OK);
    expect_text(fd, "late.");
    assert_int_equal(old_done, before + 1);
    say(fd, GET("/wait"));
    expect_text(fd, "new.");

    /* To and fro takes no memory. */
    size_t held_before = held;
    old = (weir_handler)WEIR_HANDLER(.head = old_head, .done = count_old);
    for (int i = 0; i < 100; i++)
        assert_int_equal(weir_server_set_handler(server, i % 2 == 0 ? &old : &new, NULL), WEIR_OK);
    assert_int_equal(held, held_before);
    close(fd);
    close(other);
    close_server();
}

struct changer {
    weir_server *server;
    bool over; /* atomic */
};

static void *change_always(void *app)
{
    static const weir_handler old = WEIR_HANDLER(.head = old_head), new = WEIR_HANDLER(.head = new_head);
    struct changer *changer = app;
    for (unsigned i = 0; !__atomic_load_n(&changer->over, __ATOMIC_ACQUIRE); i++)
        assert_int_equal(weir_server_set_handler(changer->server, i % 2 == 0 ? &old : &new, NULL), WEIR_OK);
    return NULL;
}

/* From a thread of its own, while two workers serve: each request has one of the two answers. */
static void test_handler_is_changed_by_a_thread(void **state)
{
    static const weir_handler old = WEIR_HANDLER(.head = old_head);
    pthread_t runs, changes;
    (void)state;
    server =
        make(WEIR_SERVER(.allocator = allocator, .listen = WEIR_STR("127.0.0.1:0"), .handler = &old, .workers = 2));
    struct changer changer = {.server = server};
    assert_int_equal(pthread_create(&runs, NULL, run_thread, server), 0);
    assert_int_equal(pthread_create(&changes, NULL, change_always, &changer), 0);
    for (int i = 0; i < 200; i++) {
        char octets[512] = "";
        size_t size = 0;
        int fd = dial(server);
        ask(fd);
        while (strstr(octets, "old.") == NULL && strstr(octets, "new.") == NULL) {
            ssize_t n = recv(fd, octets + size, sizeof octets - 1 - size, 0);
            assert_true(n > 0);
            size += (size_t)n;
        }
        close(fd);
    }
    __atomic_store_n(&changer.over, true, __ATOMIC_RELEASE);
    pthread_join(changes, NULL);
    weir_server_drain(server);
    pthread_join(runs, NULL);
    weir_server_free(server);
    assert_int_equal(held, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workers_have_things_of_their_own),
        cmocka_unit_test(test_worker_on_a_loop_of_the_callers),
        cmocka_unit_test(test_worker_that_never_ran),
        cmocka_unit_test(test_exchange_ended),
        cmocka_unit_test(test_connection_user),
        cmocka_unit_test(test_handler_is_changed),
        cmocka_unit_test(test_handler_is_changed_by_a_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
