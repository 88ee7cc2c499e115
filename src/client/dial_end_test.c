/* Goal: a dial that no request waits for ends: with the request that ends while it waits, and with a drain. Method:
 * dials that never come to an end by themselves, each in another phase: a name server that is silent, a server whose
 * queue is full, a SOCKS proxy that says nothing; no time of the client's own is shorter than the patience of the
 * test. */
#include "client/scene.h"

#include "io/fake_dns.h"

#define FOREVER (10 * SCENE_PATIENCE_S * WEIR_SECOND)

enum phase { RESOLVES, CONNECTS, ASKS_PROXY, PHASES };

/* A client whose dials are stuck in one phase. */
struct stuck {
    struct scene scene;
    struct fake_dns dns;
    struct served proxy;
    char proxy_text[96];
    char url[96];
    enum phase phase;
    int listener;
    int fillers[4];
};

static bool resolves_names(void)
{
    return strstr(weir_version(), "c-ares") != NULL;
}

/* False: this build cannot be stuck there. */
static bool stuck_open(struct stuck *k, enum phase phase)
{
    static const struct fake_name names[] = {{.name = "silent.test", .silent = true}, {.name = NULL}};
    struct scene *s = &k->scene;
    char address[64];
    *k = (struct stuck){.phase = phase, .listener = -1};
    if (phase == RESOLVES && !resolves_names())
        return false;
    scene_init(s);
    s->options.resolve_timeout_ns = s->options.connect_timeout_ns = s->options.acquire_timeout_ns = FOREVER;
    (void)snprintf(k->url, sizeof k->url, "http://far.test/");
    if (phase == RESOLVES) {
        assert_true(fake_dns_open(&k->dns, s->loop, names));
        s->options.name_servers = weir_str_from(k->dns.address);
        (void)snprintf(k->url, sizeof k->url, "http://silent.test/");
    } else if (phase == CONNECTS) {
        k->listener = scene_listen_full(address, k->fillers);
        (void)snprintf(k->url, sizeof k->url, "http://%s/", address);
    } else {
        (void)snprintf(k->proxy_text, sizeof k->proxy_text, "socks5://%s", s->address);
        s->options.proxy = weir_str_from(k->proxy_text);
    }
    scene_start(s);
    return true;
}

static void stuck_close(struct stuck *k)
{
    scene_close_client(&k->scene);
    if (k->phase == RESOLVES)
        fake_dns_close(&k->dns);
    scene_close(&k->scene);
    if (k->listener >= 0)
        close(k->listener);
    for (int i = 0; k->listener >= 0 && i < 4; i++)
        close(k->fillers[i]);
}

static void stuck_get(struct stuck *k, struct call *call, uint64_t timeout_ns)
{
    call_send(&k->scene, call, WEIR_REQUEST(.url = weir_str_from(k->url), .timeout_ns = timeout_ns));
}

/* Until the dials are where they stay. */
static void stuck_wait(struct stuck *k, unsigned dials)
{
    struct scene *s = &k->scene;
    SCENE_UNTIL(s, scene_counts(s).dialling == dials);
    if (k->phase == RESOLVES)
        SCENE_UNTIL(s, k->dns.asked >= 1);
    if (k->phase == ASKS_PROXY) {
        served_accept(&k->proxy, s);
        served_read(&k->proxy, "\x05\x01");
    }
}

static void expect_drained(struct scene *s)
{
    weir_client_drain(s->client);
    SCENE_UNTIL(s, s->drained == 1);
    assert_int_equal(scene_counts(s).origins, 0);
    assert_int_equal(scene_counts(s).dialling, 0);
}

/* The request is given up, or its time is over: its dial ends with it, whether or not the client drains. */
static void test_ends_with_its_request(void **state)
{
    (void)state;
    for (int phase = 0; phase < PHASES; phase++) {
        for (int by_time = 0; by_time <= 1; by_time++) {
            struct stuck k;
            struct call a = {.done = 0};
            if (!stuck_open(&k, (enum phase)phase))
                continue;
            struct scene *s = &k.scene;
            stuck_get(&k, &a, by_time ? 300 * WEIR_MS : 0);
            if (!by_time) {
                stuck_wait(&k, 1);
                weir_exchange_abort(a.x);
            }
            call_wait(s, &a);
            CALL_EXPECT(&a, by_time ? "done exchange_timeout dial not_sent" : "done aborted dial not_sent");
            SCENE_UNTIL(s, scene_counts(s).origins == 0);
            unsigned dials = s->endings; /* none on a machine so slow that its time was over before the dial */
            assert_true(by_time ? dials <= 1 : dials == 1);
            if (dials == 1) {
                assert_int_equal(s->last.code, WEIR_CODE_aborted);
                assert_int_equal(s->last.stage, WEIR_STAGE_DIAL);
            }
            if (!by_time && k.phase == ASKS_PROXY) {
                served_fin(&k.proxy);
                served_close(&k.proxy);
            }
            expect_drained(s);
            assert_int_equal(s->endings, dials);
            stuck_close(&k);
        }
    }
}

static void test_ends_with_acquire_timeout(void **state)
{
    struct stuck k;
    struct call a = {.done = 0};
    (void)state;
    assert_true(stuck_open(&k, CONNECTS));
    scene_close_client(&k.scene);
    k.scene.options.acquire_timeout_ns = 100 * WEIR_MS;
    scene_start(&k.scene);
    stuck_get(&k, &a, 0);
    call_wait(&k.scene, &a);
    CALL_EXPECT(&a, "done acquire_timeout dial not_sent");
    SCENE_UNTIL(&k.scene, scene_counts(&k.scene).origins == 0);
    assert_true(k.scene.endings <= 1);
    stuck_close(&k);
}

/* As many dials are left as requests wait, and the connection is of whoever still does. */
static void test_others_keep_theirs(void **state)
{
    struct stuck k;
    struct call calls[4];
    (void)state;
    assert_true(stuck_open(&k, CONNECTS));
    struct scene *s = &k.scene;
    memset(calls, 0, sizeof calls);
    for (int i = 0; i < 4; i++)
        stuck_get(&k, &calls[i], 0);
    stuck_wait(&k, 4);
    weir_exchange_abort(calls[0].x);
    weir_exchange_abort(calls[2].x);
    call_wait(s, &calls[0]);
    call_wait(s, &calls[2]);
    SCENE_UNTIL(s, s->endings == 2);
    assert_int_equal(scene_counts(s).dialling, 2);
    assert_int_equal(scene_counts(s).waiting, 2);
    for (int i = 0; i < 4; i++)
        close(k.fillers[i]);
    struct served v;
    while (served_try(&v, s, k.listener))
        served_close(&v);
    for (int i = 1; i < 4; i += 2) {
        SCENE_UNTIL(s, served_try(&v, s, k.listener)); /* the kernel asks again after a second */
        served_answer(&v, &calls[i]);
        served_close(&v);
    }
    assert_int_equal(scene_ledger(s).ended_by_code[WEIR_CODE_aborted], 2);
    close(k.listener);
    k.listener = -1;
    stuck_close(&k);
}

static void send_another(struct call *call)
{
    call_get(call->scene, call->app);
}

/* A request that is sent in `done` of the one before it waits in its place: the dial goes on. */
static void test_is_taken_over(void **state)
{
    struct stuck k;
    struct call b = {.done = 0}, a = {.on_done = send_another, .app = &b};
    (void)state;
    assert_true(stuck_open(&k, CONNECTS));
    struct scene *s = &k.scene;
    (void)snprintf(s->url, sizeof s->url, "%s", k.url);
    stuck_get(&k, &a, 0);
    stuck_wait(&k, 1);
    weir_exchange_abort(a.x);
    call_wait(s, &a);
    scene_settle(s);
    assert_int_equal(scene_counts(s).dialling, 1);
    assert_int_equal(s->endings, 0);
    weir_exchange_abort(b.x);
    call_wait(s, &b);
    SCENE_UNTIL(s, scene_counts(s).origins == 0);
    stuck_close(&k);
}

static void read_socks(struct served *v)
{
    served_read(v, "\x05\x01");
    v->size = 0;
    v->octets[0] = '\0';
}

static void open_the_way(struct served *v)
{
    read_socks(v);
    assert_int_equal(send(v->fd, "\x05\x00", 2, MSG_NOSIGNAL), 2);
    read_socks(v);
    assert_int_equal(send(v->fd, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00", 10, MSG_NOSIGNAL), 10);
}

/* A request that another connection served leaves its dial, which may be of use to the next; a drain does not wait for
 * it. */
static void test_a_spare_one(void **state)
{
    struct stuck k;
    struct served v;
    struct call a = {.done = 0}, b = {.done = 0};
    (void)state;
    assert_true(stuck_open(&k, ASKS_PROXY));
    struct scene *s = &k.scene;
    stuck_get(&k, &a, 0);
    served_accept(&v, s);
    open_the_way(&v);
    served_request(&v);
    stuck_get(&k, &b, 0);
    stuck_wait(&k, 1);
    served_say(&v, ANSWER(2, "ok"));
    call_wait(s, &a);
    served_answer(&v, &b);
    scene_settle(s);
    assert_int_equal(scene_counts(s).dialling, 1);
    assert_int_equal(s->endings, 0);
    weir_client_drain(s->client);
    SCENE_UNTIL(s, s->endings >= 1);
    assert_int_equal(scene_ledger(s).ended_by_code[WEIR_CODE_drained] >= 1, true);
    served_fin(&k.proxy);
    served_fin(&v);
    served_close(&k.proxy);
    served_close(&v);
    SCENE_UNTIL(s, s->drained == 1);
    assert_int_equal(scene_ledger(s).ended_by_code[WEIR_CODE_drained], 2);
    stuck_close(&k);
}

/* A place among all connections is free with the dial: an origin that had none is dialled for. */
static void test_place_is_free(void **state)
{
    struct stuck k;
    struct served v;
    struct call a = {.done = 0}, b = {.done = 0};
    (void)state;
    assert_true(stuck_open(&k, CONNECTS));
    struct scene *s = &k.scene;
    scene_close_client(s);
    s->options.connections_max = 1;
    scene_start(s);
    stuck_get(&k, &a, 0);
    stuck_wait(&k, 1);
    call_get(s, &b);
    scene_settle(s);
    assert_int_equal(scene_counts(s).dialling, 1);
    weir_exchange_abort(a.x);
    served_accept(&v, s);
    served_answer(&v, &b);
    assert_int_equal(a.done, 1);
    served_close(&v);
    stuck_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends_with_its_request), cmocka_unit_test(test_ends_with_acquire_timeout),
        cmocka_unit_test(test_others_keep_theirs),    cmocka_unit_test(test_is_taken_over),
        cmocka_unit_test(test_a_spare_one),           cmocka_unit_test(test_place_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
