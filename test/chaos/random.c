/* Everything that exchange.h has is called at random, from every callback of a server and of a client and between them,
 * over real sockets, while raw peers misbehave, memory fails, files are sent and SIGPIPE is as it is by default.
 *
 *     chaos_random FIRST COUNT    the seeds FIRST to FIRST + COUNT - 1
 *     chaos_random --calls        the names of the functions that are called
 *
 * Of each seed: every exchange that began is done exactly once, nothing is called after that, both ledgers balance, no
 * memory and no descriptor is left. One seed in four has a server of two workers on threads of their own; else all
 * share a loop.
 * Exit status 1: something was wrong, which standard error says.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/un.h>

#include "random_peers.h"

#define SEATS_MAX   4096
#define STAGES_MAX  3
#define STEPS       2000
#define REQUESTS    250
#define END_SECONDS 60 /* many times what the timeouts below add up to */

/* What one thread has: its exchanges that live, and its dice. */
struct stage {
    struct dice dice;
    struct seat {
        weir_exchange *x;
        bool server;
    } seats[SEATS_MAX];
    size_t live;
    uint64_t begun, done;
};

static struct play {
    uint64_t seed, told[2]; /* endings of the server, of the client */
    weir_loop *loop;
    weir_server *server;
    weir_client *client;
    char addresses[2][128];
    int listener; /* of raw peers that serve */
    bool threaded, ending;
    uint64_t requests;
    struct peer peers[PEERS_MAX];
    struct stage *stages[STAGES_MAX];
    int stage_count;
    uint64_t memory;       /* octets that are out */
    uint64_t memory_fails; /* one in so many allocations; 0: none */
    uint64_t allocations;
} play;

static _Thread_local struct stage *stage;
static uint64_t called[RANDOM_CALL_COUNT][2][PLACE_COUNT]; /* by server, by place */

static void fail(const char *what)
{
    (void)fprintf(stderr, "seed %" PRIu64 " fails: %s\n", play.seed, what);
    abort();
}

/* --- memory ----------------------------------------------------------------------------------------------------- */

static void *resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    void *made = NULL;
    (void)ctx;
    uint64_t fails = __atomic_load_n(&play.memory_fails, __ATOMIC_RELAXED);
    uint64_t number = __atomic_add_fetch(&play.allocations, 1, __ATOMIC_RELAXED);
    if (new_size > old_size && fails > 0 && (number * UINT64_C(0x9e3779b97f4a7c15) >> 32) % fails == 0)
        return NULL;
    if (new_size == 0)
        free(ptr);
    else if ((made = realloc(ptr, new_size)) == NULL)
        return NULL;
    (void)__atomic_add_fetch(&play.memory, new_size - old_size, __ATOMIC_RELAXED);
    return made;
}

/* --- stages ----------------------------------------------------------------------------------------------------- */

static struct stage *here(void)
{
    if (stage != NULL)
        return stage;
    int number = __atomic_fetch_add(&play.stage_count, 1, __ATOMIC_RELAXED);
    if (number >= STAGES_MAX || (stage = calloc(1, sizeof *stage)) == NULL)
        fail("a thread too many");
    stage->dice.state = (play.seed * STAGES_MAX + (uint64_t)number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    play.stages[number] = stage;
    return stage;
}

static struct seat *seat_of(const weir_exchange *x)
{
    struct stage *s = here();
    for (size_t i = s->live; i > 0; i--)
        if (s->seats[i - 1].x == x)
            return &s->seats[i - 1];
    return NULL;
}

static void sit(weir_exchange *x, bool server)
{
    struct stage *s = here();
    if (s->live == SEATS_MAX)
        fail("too many exchanges at once");
    s->seats[s->live++] = (struct seat){x, server};
    s->begun++;
}

/* --- calls ------------------------------------------------------------------------------------------------------ */

static void call_one(weir_exchange *x, bool server, enum place place)
{
    struct dice *dice = &here()->dice;
    size_t which = roll(dice, RANDOM_CALL_COUNT);
    if (random_calls[which].ends && !one_in(dice, 6))
        return;
    random_calls[which].fn(dice, x);
    (void)__atomic_add_fetch(&called[which][server][place], 1, __ATOMIC_RELAXED);
}

/* Mostly to the exchange that is called back, now and then to another. */
static void act(weir_exchange *x, bool server, enum place place)
{
    struct stage *s = here();
    for (uint64_t count = roll(&s->dice, 5); count > 0; count--) {
        const struct seat *other = s->live > 0 && one_in(&s->dice, 8) ? &s->seats[roll(&s->dice, s->live)] : NULL;
        if (other != NULL)
            call_one(other->x, other->server, BETWEEN);
        else
            call_one(x, server, place);
    }
}

static void act_called(weir_exchange *x, enum place place)
{
    const struct seat *seat = seat_of(x);
    if (seat == NULL)
        fail("a callback after `done`");
    act(x, seat->server, place);
}

static void answer(weir_exchange *x)
{
    struct dice *dice = &here()->dice;
    unsigned status = one_in(dice, 8) ? random_status(dice) : 200;
    (void)weir_respond(x, status, one_in(dice, 4) ? random_fields(dice) : WEIR_NO_FIELDS, random_body(dice));
}

static void send_request(void);

static void on_head(void *app, weir_exchange *x)
{
    if (app == &play.server) /* which says that it is a server's */
        sit(x, true);
    act_called(x, HEAD);
    if (app == &play.server && !one_in(&here()->dice, 3))
        answer(x);
}

static size_t on_body(void *app, weir_exchange *x, weir_str octets)
{
    (void)app;
    touch(octets);
    act_called(x, BODY);
    return one_in(&here()->dice, 6) ? roll(&here()->dice, octets.len + 1) : octets.len;
}

static void on_end(void *app, weir_exchange *x)
{
    act_called(x, END);
    if (app == &play.server && !one_in(&here()->dice, 8))
        answer(x);
}

static void on_room(void *app, weir_exchange *x)
{
    (void)app;
    act_called(x, ROOM);
    if (one_in(&here()->dice, 2))
        (void)weir_write(x, random_octets(&here()->dice));
    else
        (void)weir_finish(x, WEIR_NO_FIELDS);
}

static void on_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    if (ending->code == WEIR_OK)
        fail("`done` with no code");
    act_called(x, DONE);
    struct stage *s = here();
    struct seat *seat = seat_of(x);
    *seat = s->seats[--s->live];
    s->done++;
    if (app != &play.server && one_in(&s->dice, 2))
        send_request();
}

static void on_event(void *app, weir_exchange *x, weir_event event)
{
    (void)app;
    (void)event;
    act_called(x, EVENT);
}

static const weir_handler handler =
    WEIR_HANDLER(.head = on_head, .body = on_body, .end = on_end, .room = on_room, .done = on_done, .event = on_event);

/* --- requests --------------------------------------------------------------------------------------------------- */

static void send_request(void)
{
    static const char *const methods[] = {"GET", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS"};
    struct dice *dice = &here()->dice;
    char raw[64];
    struct sockaddr_in at;
    socklen_t size = sizeof at;
    if (play.ending || play.requests == 0)
        return;
    play.requests--;
    (void)getsockname(play.listener, (struct sockaddr *)&at, &size);
    (void)snprintf(raw, sizeof raw, "127.0.0.1:%u", one_in(dice, 10) ? 1U : (unsigned)ntohs(at.sin_port));
    const char *to = one_in(dice, 2) ? raw : play.addresses[roll(dice, 2)];
    const char *method = methods[roll(dice, 8)];
    const weir_request request = {.size = sizeof request,
                                  .method = weir_str_from(method),
                                  .target = WEIR_STR("/a?b"),
                                  .host = WEIR_STR("a"),
                                  .connect_to = weir_str_from(to),
                                  .fields = one_in(dice, 4) ? random_fields(dice) : WEIR_NO_FIELDS,
                                  .body = one_in(dice, 2) ? random_body(dice) : weir_body_none(),
                                  .expect = one_in(dice, 5),
                                  .expect_timeout_ns = 5 * WEIR_MS,
                                  .handler = &handler,
                                  .app = &play.client};
    weir_exchange *x;
    if (weir_client_send(play.client, &request, &x, NULL) == WEIR_OK)
        sit(x, false);
}

/* --- the scene -------------------------------------------------------------------------------------------------- */

static void on_ending(void *app, const weir_ending *ending)
{
    char text[WEIR_ENDING_TEXT_MAX];
    (void)weir_ending_json(text, ending);
    (void)__atomic_add_fetch(&play.told[app != &play.server], 1, __ATOMIC_RELAXED);
}

static weir_limits short_limits(struct dice *dice)
{
    return (weir_limits){.first_octet_timeout_ns = 200 * WEIR_MS,
                         .head_timeout_ns = 50 * WEIR_MS,
                         .idle_timeout_ns = (1 + roll(dice, 50)) * WEIR_MS,
                         .body_timeout_ns = 50 * WEIR_MS,
                         .write_timeout_ns = 50 * WEIR_MS,
                         .handler_timeout_ns = (1 + roll(dice, 50)) * WEIR_MS,
                         .response_timeout_ns = 50 * WEIR_MS,
                         .tunnel_timeout_ns = 50 * WEIR_MS,
                         .linger_silence_ns = 10 * WEIR_MS,
                         .linger_timeout_ns = 50 * WEIR_MS,
                         .output_size_max = one_in(dice, 2) ? 4096 : 65536,
                         .discard_size_max = one_in(dice, 2) ? 1000 : 65536,
                         .exchange_count_max = one_in(dice, 4) ? 2 : 0};
}

static void open_server(struct dice *dice, const char *folder)
{
    char listen[200];
    (void)snprintf(listen, sizeof listen, "127.0.0.1:0,unix:%s/s", folder);
    const weir_server_options options = {.size = sizeof options,
                                         .listen = weir_str_from(listen),
                                         .handler = &handler,
                                         .app = &play.server,
                                         .loop = play.threaded ? NULL : play.loop,
                                         .workers = play.threaded ? 2 : 1,
                                         .lenient = one_in(dice, 4),
                                         .limits = short_limits(dice),
                                         .connections_max = one_in(dice, 4) ? 6 : 0,
                                         .drain_timeout_ns = 20 * WEIR_MS,
                                         .allocator = {resize, NULL},
                                         .ending = on_ending};
    if (weir_server_new(&play.server, &options, NULL) != WEIR_OK)
        fail("no server");
    for (size_t i = 0; i < 2; i++) /* each worker has listeners of both */
        (void)weir_server_address(play.server, i, play.addresses[i], sizeof play.addresses[i]);
}

static void open_client(struct dice *dice)
{
    uint64_t connections = 1 + roll(dice, 10);
    const weir_client_options options = {.size = sizeof options,
                                         .loop = play.loop,
                                         .allocator = {resize, NULL},
                                         .limits = short_limits(dice),
                                         .strict = one_in(dice, 2),
                                         .retry = (weir_retry_policy)roll(dice, 3),
                                         .connections_max = connections,
                                         .connections_per_origin = 1 + roll(dice, connections),
                                         .acquire_timeout_ns = 50 * WEIR_MS,
                                         .exchange_timeout_ns =
                                             (one_in(dice, 2) ? 20 : 200) * WEIR_MS, /* who stops writing ends too */
                                         .connect_timeout_ns = 50 * WEIR_MS,
                                         .ending = on_ending,
                                         .app = &play.client};
    if (weir_client_new(&play.client, &options, NULL) != WEIR_OK)
        fail("no client");
}

static void open_listener(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    play.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (play.listener < 0 || bind(play.listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(play.listener, 64) != 0)
        fail("no listener");
}

static struct peer *free_peer(void)
{
    for (size_t i = 0; i < PEERS_MAX; i++)
        if (play.peers[i].fd < 0)
            return &play.peers[i];
    return NULL;
}

static void dial_server(struct peer *p, struct dice *dice, bool by_unix, const char *folder)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (size_t i = 0; i < 2; i++)
        if (strncmp(play.addresses[i], "unix:", 5) != 0)
            in.sin_port = htons((uint16_t)atoi(strrchr(play.addresses[i], ':') + 1));
    (void)snprintf(un.sun_path, sizeof un.sun_path, "%s/s", folder);
    int fd = socket(by_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int os = by_unix ? connect(fd, (struct sockaddr *)&un, sizeof un) : connect(fd, (struct sockaddr *)&in, sizeof in);
    if (os == 0 || errno == EINPROGRESS)
        peer_open(p, fd, false, dice);
    else
        (void)close(fd);
}

static void one_step(struct stage *s, const char *folder)
{
    struct dice *dice = &s->dice;
    struct peer *p;
    uint64_t what = roll(dice, 16);
    if (what == 0 && (p = free_peer()) != NULL)
        dial_server(p, dice, one_in(dice, 2), folder);
    else if (what == 1 && (p = free_peer()) != NULL) {
        int fd = accept4(play.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            peer_open(p, fd, true, dice);
    } else if (what == 2)
        send_request();
    else if (what == 3 && s->live > 0) {
        const struct seat *seat = &s->seats[roll(dice, s->live)];
        act(seat->x, seat->server, BETWEEN);
    } else if (what < 11)
        peer_act(&play.peers[roll(dice, PEERS_MAX)], dice);
    else
        weir_loop_step(play.loop, one_in(dice, 8) ? WEIR_MS : 0);
}

/* --- the end ---------------------------------------------------------------------------------------------------- */

static void *run_server(void *app)
{
    (void)app;
    if (weir_server_run(play.server, NULL) != WEIR_OK)
        fail("the server does not run");
    return NULL;
}

static bool is_client_empty(void)
{
    weir_pool_counts c = {.size = sizeof c};
    weir_client_counts(play.client, &c);
    return c.dialling + c.busy + c.idle + c.closing + c.waiting == 0;
}

static void step_until_over(bool client_drains)
{
    uint64_t begun_ns = weir_loop_now(play.loop);
    while (!weir_server_is_stopped(play.server) || (client_drains && !is_client_empty())) {
        weir_loop_step(play.loop, WEIR_MS);
        if (weir_loop_now(play.loop) - begun_ns > END_SECONDS * WEIR_SECOND)
            fail(weir_server_is_stopped(play.server) ? "the client does not end" : "the server does not end");
    }
}

static void end_client(bool drained)
{
    weir_ledger ledger = {.size = sizeof ledger};
    weir_client_ledger(play.client, &ledger);
    weir_client_free(play.client);
    if (drained && !chaos_balances(&ledger, play.told[1]))
        fail("the client's ledger");
}

static void end_server(const pthread_t *thread)
{
    weir_ledger ledger = {.size = sizeof ledger};
    if (play.threaded)
        pthread_join(*thread, NULL);
    weir_server_ledger(play.server, &ledger);
    weir_server_free(play.server);
    if (!chaos_balances(&ledger, play.told[0]))
        fail("the server's ledger");
}

static void judge_stages(void)
{
    for (int i = 0; i < play.stage_count; i++) {
        if (play.stages[i]->live > 0 || play.stages[i]->begun != play.stages[i]->done)
            fail("an exchange that began has no `done`");
        free(play.stages[i]);
    }
    stage = NULL;
}

static void end(const pthread_t *thread)
{
    struct dice *dice = &here()->dice;
    bool client_drains = one_in(dice, 2);
    play.ending = true;
    for (size_t i = 0; i < PEERS_MAX; i++)
        peer_close(&play.peers[i], one_in(dice, 2));
    if (client_drains)
        weir_client_drain(play.client);
    if (one_in(dice, 2))
        weir_server_drain(play.server);
    else
        weir_server_stop(play.server);
    step_until_over(client_drains);
    end_client(client_drains);
    end_server(thread);
    weir_loop_free(play.loop);
    (void)close(play.listener);
    judge_stages();
}

static void play_seed(uint64_t seed, const char *folder)
{
    static const uint64_t fails[] = {0, 0, 300, 30};
    unsigned descriptors = chaos_descriptors();
    pthread_t thread;
    const weir_allocator allocator = {resize, NULL};
    play = (struct play){.seed = seed, .requests = REQUESTS};
    for (size_t i = 0; i < PEERS_MAX; i++)
        play.peers[i].fd = -1;
    struct stage *s = here();
    play.threaded = one_in(&s->dice, 4);
    if (weir_loop_new(&play.loop, &allocator, NULL) != WEIR_OK)
        fail("no loop");
    open_listener();
    open_server(&s->dice, folder);
    open_client(&s->dice);
    if (!play.threaded)
        (void)run_server(NULL);
    else if (pthread_create(&thread, NULL, run_server, NULL) != 0)
        fail("no thread");
    __atomic_store_n(&play.memory_fails, fails[roll(&s->dice, 4)], __ATOMIC_RELAXED);
    for (int i = 0; i < STEPS; i++)
        one_step(s, folder);
    end(&thread);
    if (loans.lent != loans.released)
        fail("not as many loans went back as were given");
    if (!chaos_left_nothing(play.memory, descriptors))
        fail("something is left");
}

/* --- all -------------------------------------------------------------------------------------------------------- */

/* Each function was called in each place, once there were so many calls there that a miss is no chance. Clients have no
 * events today. */
static bool judge_calls(void)
{
    bool good = true;
    for (int at = 0; at < 2 * PLACE_COUNT; at++) {
        const char *role = at % 2 ? "server" : "client";
        uint64_t all = 0;
        for (size_t i = 0; i < RANDOM_CALL_COUNT; i++)
            all += called[i][at % 2][at / 2];
        (void)printf("%s at place %d: %" PRIu64 " calls\n", role, at / 2, all);
        bool must = at / 2 != EVENT || at % 2;
        for (size_t i = 0; i < RANDOM_CALL_COUNT; i++)
            if (called[i][at % 2][at / 2] == 0 && (all > 20 * 6 * RANDOM_CALL_COUNT || (all == 0 && must))) {
                good = false;
                (void)fprintf(stderr, "never called: %s of a %s, at place %d\n", random_calls[i].name, role, at / 2);
            }
    }
    return good;
}

static void open_bulk(const char *folder)
{
    for (size_t i = 0; i < BULK_SIZE; i++)
        bulk.octets[i] = (char)('a' + i % 26);
    char path[200];
    (void)snprintf(path, sizeof path, "%s/f", folder);
    bulk.file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bulk.folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (bulk.file < 0 || bulk.folder < 0 || write(bulk.file, bulk.octets, BULK_SIZE) != BULK_SIZE || unlink(path) != 0)
        fail("no file");
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/weir-random-XXXXXX";
    sigset_t pipe_only;
    if (argc == 2 && strcmp(argv[1], "--calls") == 0) {
        for (size_t i = 0; i < RANDOM_CALL_COUNT; i++)
            (void)printf("%s\n", random_calls[i].name);
        return 0;
    }
    if (argc != 3 || mkdtemp(folder) == NULL)
        return 2;
    (void)signal(SIGPIPE, SIG_DFL);
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    (void)pthread_sigmask(SIG_UNBLOCK, &pipe_only, NULL);
    open_bulk(folder);
    uint64_t first = strtoull(argv[1], NULL, 10), count = strtoull(argv[2], NULL, 10);
    for (uint64_t seed = first; seed < first + count; seed++) {
        (void)printf("seed %" PRIu64 "\n", seed);
        (void)fflush(stdout);
        play_seed(seed, folder);
    }
    (void)rmdir(folder);
    return count < 50 || judge_calls() ? 0 : 1;
}
