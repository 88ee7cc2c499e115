/* Goal: what is asked after the loop has rested is timed from the call, not from the last round. Method: real rests
 * that are longer than the timeouts; a timeout may not come early, and no time that is told may be longer than the
 * whole took. Nobody answers in time here, so that a busy machine changes nothing. */
#include "client/scene.h"

#define REST_S    0.3
#define TIMEOUT_S 0.2

static void rest(double seconds)
{
    const struct timespec pause = {.tv_nsec = (long)(seconds * 1e9)};
    nanosleep(&pause, NULL);
}

static void expect_timeout(struct scene *s, const weir_request *request, const char *log)
{
    struct call a = {.done = 0};
    scene_settle(s);
    rest(REST_S);
    double began = scene_seconds();
    call_send(s, &a, request);
    call_wait(s, &a);
    double took = scene_seconds() - began;
    CALL_EXPECT(&a, log);
    assert_true(took >= TIMEOUT_S);
    assert_true((double)a.ending.lived_ns / 1e9 >= TIMEOUT_S - 0.002);
    assert_true((double)a.ending.lived_ns / 1e9 <= took);
}

/* The listener accepts in the kernel, and never answers. */
static void test_exchange_timeout(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s);
    expect_timeout(&s, WEIR_REQUEST(.method = WEIR_STR("GET"), .timeout_ns = (uint64_t)(TIMEOUT_S * 1e9)),
                   "done exchange_timeout handler maybe_processed");
    scene_close(&s);
}

static void test_acquire_timeout(void **state)
{
    struct scene s;
    struct call first = {.done = 0};
    (void)state;
    scene_init(&s);
    s.options.acquire_timeout_ns = (uint64_t)(TIMEOUT_S * 1e9);
    s.options.connections_max = s.options.connections_per_origin = 1;
    scene_start(&s);
    call_get(&s, &first); /* has the only connection */
    SCENE_UNTIL(&s, scene_counts(&s).busy == 1);
    expect_timeout(&s, WEIR_REQUEST(.method = WEIR_STR("GET")), "done acquire_timeout dial not_sent");
    assert_int_equal(first.done, 0);
    scene_close(&s);
}

/* A dial that lasts, begun after a rest. */
static void test_connect_timeout(void **state)
{
    struct scene s;
    int fillers[4];
    char address[64];
    (void)state;
    scene_init(&s);
    int full = scene_listen_full(address, fillers);
    (void)snprintf(s.url, sizeof s.url, "http://%s/", address);
    s.options.connect_timeout_ns = (uint64_t)(TIMEOUT_S * 1e9);
    scene_start(&s);
    expect_timeout(&s, WEIR_REQUEST(.method = WEIR_STR("GET")), "done connect_timeout dial not_sent");
    scene_close(&s);
    for (int i = 0; i < 4; i++)
        close(fillers[i]);
    close(full);
}

/* Asked between two rounds what the time is; and ended between two rounds, by the end of the client. */
static void test_times_that_are_told(void **state)
{
    struct scene s;
    struct call a = {.done = 0};
    weir_timings timings = {.size = sizeof timings};
    (void)state;
    scene_open(&s);
    rest(REST_S);
    double began = scene_seconds();
    call_get(&s, &a);
    weir_exchange_timings(a.x, &timings);
    assert_true((double)timings.lived_ns / 1e9 <= scene_seconds() - began);
    SCENE_UNTIL(&s, scene_counts(&s).busy == 1);
    rest(REST_S);
    weir_exchange_timings(a.x, &timings);
    assert_true((double)timings.lived_ns / 1e9 >= REST_S);
    weir_client_free(s.client);
    s.client = NULL;
    assert_int_equal(a.done, 1);
    assert_true((double)a.ending.lived_ns / 1e9 >= REST_S);
    assert_true((double)s.last.lived_ns / 1e9 >= REST_S);
    assert_true((double)a.ending.lived_ns / 1e9 <= scene_seconds() - began);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exchange_timeout),
        cmocka_unit_test(test_acquire_timeout),
        cmocka_unit_test(test_connect_timeout),
        cmocka_unit_test(test_times_that_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
