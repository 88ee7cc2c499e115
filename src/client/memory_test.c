/* Goal: a client without memory says so, and nothing is lost or leaked. Method: one scene over and over, in which
 * the n-th allocation fails, for every n until none is left; and one in which many fail by chance. Each request is
 * refused by its call, or has its one `done`. */
#include "client/scene.h"

#define CALLS 8

/* Answers everything that comes, on the test's own thread, between the steps of the loop. */
struct answering {
    struct served *peers[64];
    unsigned count;
};

static void answer_all(struct answering *a, struct scene *s)
{
    static struct served next;
    while (a->count < 64 && served_try(&next, s, s->listener)) {
        a->peers[a->count] = malloc(sizeof next);
        assert_non_null(a->peers[a->count]);
        memcpy(a->peers[a->count++], &next, sizeof next);
    }
    for (unsigned i = 0; i < a->count; i++) {
        struct served *v = a->peers[i];
        if (v->fd < 0 || served_take(v) == -1)
            continue;
        char *end;
        while ((end = strstr(v->octets, "\r\n\r\n")) != NULL) {
            const char *answer =
                strstr(v->octets, "GET /last") != NULL
                    ? "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
                    : "HTTP/1.1 103 Hints\r\nLink: a\r\n\r\n"
                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n";
            (void)!send(v->fd, answer, strlen(answer), MSG_NOSIGNAL);
            v->size -= (size_t)(end + 4 - v->octets);
            memmove(v->octets, end + 4, v->size + 1);
        }
        if (served_take(v) == 0 || served_take(v) == -2)
            served_close(v);
    }
}

static void stop_answering(struct answering *a)
{
    for (unsigned i = 0; i < a->count; i++) {
        if (a->peers[i]->fd >= 0)
            served_close(a->peers[i]);
        free(a->peers[i]);
    }
}

/* Of a program built before there were events: it is copied, which takes memory. */
static const weir_handler old_handler = {.size = offsetof(weir_handler, event),
                                         .head = call_head,
                                         .body = call_body,
                                         .end = call_end,
                                         .room = call_room,
                                         .done = call_done,
                                         .event = (void (*)(void *, weir_exchange *, weir_event))1};

/* A failed one is asked again, within `done`, up to a few times. */
static void once_more(struct call *call)
{
    unsigned *times = call->app;
    if (call->ending.code == WEIR_CODE_complete || ++*times > 3)
        return;
    call->used = 0;
    if (call_try(call->scene, call, WEIR_REQUEST(.target = WEIR_STR("/again"))) == WEIR_OK)
        call->done--;
}

static unsigned finished(const struct call calls[CALLS], const bool taken[CALLS])
{
    unsigned n = 0;
    for (int i = 0; i < CALLS; i++)
        n += taken[i] ? calls[i].done : 1;
    return n;
}

/* Seven requests of several kinds to one origin over two connections, and one that is refused there. True: all went
 * well. */
static bool play(struct scene *s)
{
    struct answering server = {.count = 0};
    struct call calls[CALLS];
    bool taken[CALLS];
    unsigned times[CALLS] = {0};
    bool well = true;
    char content[3000];
    memset(calls, 0, sizeof calls);
    memset(content, 'c', sizeof content);
    for (unsigned i = 0; i < CALLS; i++) {
        weir_request request = {.size = sizeof request, .target = WEIR_STR("/"), .timeout_ns = 20 * WEIR_SECOND};
        if (i == 1)
            request.target = WEIR_STR("/last");
        if (i % 3 == 2)
            request.body = weir_body_copy((weir_str){content, i == 2 ? 10 : sizeof content});
        if (i == 5)
            request.expect = true;
        if (i == CALLS - 1)
            request.url = WEIR_STR("http://user:word@127.0.0.1:1?query");
        calls[i].on_done = once_more;
        calls[i].app = &times[i];
        calls[i].handler = i % 2 == 0 ? &old_handler : NULL;
        taken[i] = call_try(s, &calls[i], &request) == WEIR_OK;
        well &= taken[i];
    }
    double end = scene_seconds() + SCENE_PATIENCE_S;
    while (finished(calls, taken) < CALLS) {
        weir_loop_step(s->loop, WEIR_MS);
        answer_all(&server, s);
        if (scene_seconds() > end)
            fail_msg("not all came to an end");
    }
    for (int i = 0; i < CALLS; i++) {
        if (taken[i])
            assert_int_equal(calls[i].done, 1);
        well &= i == CALLS - 1 || (taken[i] && calls[i].ending.code == WEIR_CODE_complete && times[i] == 0);
    }
    weir_client_drain(s->client);
    while (s->drained == 0) {
        weir_loop_step(s->loop, WEIR_MS);
        answer_all(&server, s);
        if (scene_seconds() > end)
            fail_msg("it does not drain");
    }
    assert_int_equal(s->drained, 1);
    stop_answering(&server);
    return well;
}

static void open_scene(struct scene *s)
{
    scene_init(s);
    s->options.connections_per_origin = 2;
    s->options.limits.idle_timeout_ns = 5 * WEIR_SECOND;
    s->options.name_servers = WEIR_STR("127.0.0.1:53");
}

static void test_nth_fails(void **state)
{
    bool well = false;
    size_t n;
    (void)state;
    for (n = 1; !well; n++) {
        struct scene s;
        weir_error error;
        open_scene(&s);
        size_t before = s.memory.live;
        s.memory.calls = 0;
        s.memory.fail_at = n;
        if (weir_client_new(&s.client, &s.options, &error) == WEIR_OK) {
            well = play(&s) && s.memory.calls < n;
            s.memory.fail_at = 0;
        } else {
            assert_int_equal(error.code, WEIR_CODE_no_memory);
            assert_null(s.client);
            assert_int_equal(s.memory.live, before);
        }
        scene_close(&s);
    }
    assert_true(n > 30);
}

static void test_many_fail(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 60; seed++) {
        struct scene s;
        open_scene(&s);
        scene_start(&s);
        s.memory.chance = seed * 7919;
        s.memory.fail_one_in = 3 + seed % 9;
        (void)play(&s);
        s.memory.fail_one_in = 0;
        scene_close(&s);
    }
}

/* It was dialled, and the server has seen it: so it has its ending, though it never held a request. */
static void test_no_memory_for_a_connection(void **state)
{
    struct scene s;
    struct served v;
    struct call call = {.done = 0};
    (void)state;
    scene_open(&s);
    call_get(&s, &call);
    SCENE_UNTIL(&s, scene_counts(&s).dialling == 1);
    s.memory.calls = 0;
    s.memory.fail_at = 1;
    call_wait(&s, &call);
    CALL_EXPECT(&call, "done no_memory dial not_sent");
    assert_int_equal(s.endings, 1);
    assert_int_equal(s.last.code, WEIR_CODE_no_memory);
    assert_int_equal(s.last.stage, WEIR_STAGE_DIAL);
    assert_int_equal(s.last.peer.family, AF_INET);
    served_accept(&v, &s);
    served_fin(&v);
    served_close(&v);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_memory_for_a_connection),
        cmocka_unit_test(test_nth_fails),
        cmocka_unit_test(test_many_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
