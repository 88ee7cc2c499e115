/* The client of test/chaos: requests of every kind through a pool, by a seed, and what was said of each.
 *
 *     chaos_client ADDRESS SEED REQUESTS never|proven|idempotent SIZE_MAX
 *
 * On standard output a line `request JSON` for each `done`, a line `ending JSON` for each connection, and at the end a line
 * `pool JSON`. Exit status 1: the ledger does not balance, or something is left behind.
 */
#include <string.h>

#include "common.h"

#define DELAY_MS_MAX 40

struct request {
    uint64_t id, body_size, expected; /* octets of its content, and of its answer's */
    uint64_t got, written, leave_at;  /* given up when so much of the answer is here; WEIR_NEVER: not */
    unsigned status, heads;
    bool marked, wrong, ended;
    const char *method, *action;
    char *body; /* borrowed while it is under way, when it is not a stream */
};

struct run {
    weir_loop *loop;
    weir_client *client;
    const char *address;
    weir_retry_policy retry;
    uint64_t random, sent, done, total, told, size_max;
    bool drained;
};

static uint64_t draw(struct run *run, uint64_t below)
{
    run->random ^= run->random >> 12;
    run->random ^= run->random << 25;
    run->random ^= run->random >> 27;
    return (run->random * UINT64_C(2685821657736338717) >> 32) % below;
}

static uint64_t draw_size(struct run *run)
{
    uint64_t bound = draw(run, 3) == 0 ? run->size_max : 2000;
    return draw(run, bound < run->size_max ? bound : run->size_max);
}

/* --- the answer ------------------------------------------------------------------------------------------------- */

static void leave_if_due(const struct request *r, weir_exchange *x)
{
    if (r->got >= r->leave_at)
        weir_exchange_abort(x);
}

static void on_head(void *app, weir_exchange *x)
{
    struct request *r = weir_exchange_user(x);
    char id[24];
    (void)app;
    if (weir_response_is_interim(x))
        return;
    (void)snprintf(id, sizeof id, "%" PRIu64, r->id);
    weir_str mark = weir_fields_value(weir_exchange_fields(x), WEIR_STR("x-id"));
    r->heads++;
    r->status = weir_response_status(x);
    r->marked = mark.len > 0;
    r->wrong |= r->marked && !weir_str_equal(mark, weir_str_from(id));
    leave_if_due(r, x);
}

static size_t on_body(void *app, weir_exchange *x, weir_str octets)
{
    struct request *r = weir_exchange_user(x);
    (void)app;
    bool answer = strcmp(r->action, "echo") != 0;
    if (r->marked) /* not an error answer of the server itself */
        r->wrong |= r->ended || !chaos_is(octets, r->id, answer, r->got);
    r->got += octets.len;
    leave_if_due(r, x);
    return octets.len;
}

static void on_end(void *app, weir_exchange *x)
{
    struct request *r = weir_exchange_user(x);
    (void)app;
    r->ended = true;
}

/* --- the request ------------------------------------------------------------------------------------------------ */

static void on_room(void *app, weir_exchange *x)
{
    struct request *r = weir_exchange_user(x);
    char octets[4096];
    (void)app;
    while (r->written < r->body_size) {
        uint64_t left = r->body_size - r->written;
        size_t size = left < sizeof octets ? (size_t)left : sizeof octets;
        chaos_fill(octets, size, r->id, false, r->written);
        size_t taken = weir_write(x, (weir_str){octets, size});
        r->written += taken;
        if (taken < size)
            return;
    }
    (void)weir_finish(x, WEIR_NO_FIELDS);
}

static const char *truth(bool is_so)
{
    return is_so ? "true" : "false";
}

static void send_next(struct run *run);

static void on_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    struct run *run = app;
    struct request *r = weir_exchange_user(x);
    (void)printf("request {\"id\":%" PRIu64 ",\"conn\":%" PRIu64 ",\"method\":\"%s\",\"action\":\"%s\","
                 "\"body\":%" PRIu64 ",\"expected\":%" PRIu64 ",\"got\":%" PRIu64 ",\"status\":%u,\"heads\":%u,"
                 "\"marked\":%s,\"wrong\":%s,\"ended\":%s,\"leaves\":%s,\"code\":\"%s\",\"stage\":\"%s\","
                 "\"retry\":\"%s\",\"retries\":%u,\"body_in\":%" PRIu64 ",\"body_out\":%" PRIu64 "}\n",
                 r->id, weir_exchange_connection(x), r->method, r->action, r->body_size, r->expected, r->got, r->status,
                 r->heads, truth(r->marked), truth(r->wrong), truth(r->ended), truth(r->leave_at != WEIR_NEVER),
                 weir_code_name(ending->code), weir_stage_name(ending->stage), weir_retry_name(ending->retry),
                 weir_exchange_retries(x), ending->body_in, ending->body_out);
    free(r->body);
    free(r);
    run->done++;
    if (run->sent < run->total)
        send_next(run);
    else if (run->done == run->total)
        weir_client_drain(run->client);
}

static const weir_handler handler =
    WEIR_HANDLER(.head = on_head, .body = on_body, .end = on_end, .room = on_room, .done = on_done);

/* What it asks for: the action, how its content goes out, how much is to come. Returns the number in its path. */
static uint64_t choose(struct run *run, struct request *r)
{
    static const char *const actions[] = {"copy", "sized", "stream", "delay", "echo", "sink", "early"};
    uint64_t kind = draw(run, sizeof actions / sizeof actions[0]);
    uint64_t number = draw_size(run);
    r->action = actions[kind];
    r->method = kind < 4 ? "GET" : kind == 4 ? "POST" : draw(run, 2) == 0 ? "PUT" : "POST";
    r->body_size = kind < 4 ? 0 : draw_size(run);
    r->expected = number;
    if (strcmp(r->action, "delay") == 0) {
        number = draw(run, DELAY_MS_MAX);
        r->expected = 100;
    } else if (strcmp(r->action, "echo") == 0) {
        number = 0;
        r->expected = r->body_size;
    }
    r->leave_at = draw(run, 20) == 0 ? draw(run, r->expected + 1) : WEIR_NEVER;
    return number;
}

static weir_body content(struct run *run, struct request *r)
{
    switch (r->body_size == 0 ? 0 : draw(run, 4)) {
    case 1:
        return weir_body_stream();
    case 2:
        return weir_body_sized(r->body_size);
    default:
        break;
    }
    if (r->body_size == 0)
        return weir_body_none();
    r->body = malloc(r->body_size);
    if (r->body == NULL)
        abort();
    chaos_fill(r->body, r->body_size, r->id, false, 0);
    return weir_body_borrow((weir_str){r->body, r->body_size});
}

static void send_next(struct run *run)
{
    struct request *r = calloc(1, sizeof *r);
    char target[64];
    weir_error error;
    if (r == NULL)
        abort();
    r->id = ++run->sent;
    uint64_t number = choose(run, r);
    (void)snprintf(target, sizeof target, "/%" PRIu64 "/%s/%" PRIu64, r->id, r->action, number);
    const weir_request request = {.size = sizeof request,
                                  .method = weir_str_from(r->method),
                                  .target = weir_str_from(target),
                                  .host = WEIR_STR("chaos"),
                                  .connect_to = weir_str_from(run->address),
                                  .body = content(run, r),
                                  .expect = r->body_size > 0 && draw(run, 4) == 0,
                                  .expect_timeout_ns = 50 * WEIR_MS,
                                  .user = r,
                                  .handler = &handler,
                                  .app = run};
    if (weir_client_send(run->client, &request, NULL, &error) == WEIR_OK)
        return;
    (void)fprintf(stderr, "not sent: %s\n", error.text);
    exit(2);
}

/* --- the run ---------------------------------------------------------------------------------------------------- */

static void on_ending(void *app, const weir_ending *ending)
{
    struct run *run = app;
    char text[WEIR_ENDING_TEXT_MAX];
    run->told++;
    (void)weir_ending_json(text, ending);
    (void)printf("ending %s\n", text);
}

static void on_drained(void *app)
{
    struct run *run = app;
    run->drained = true;
    weir_loop_stop(run->loop);
}

static bool judge(const struct run *run)
{
    weir_ledger ledger = {.size = sizeof ledger};
    weir_pool_counts pool = {.size = sizeof pool};
    weir_client_ledger(run->client, &ledger);
    weir_client_counts(run->client, &pool);
    (void)printf("pool {\"reused\":%" PRIu64 ",\"stale\":%" PRIu64 ",\"retried\":%" PRIu64 "}\n", pool.reused,
                 pool.stale, pool.retried);
    bool empty = pool.dialling + pool.busy + pool.idle + pool.closing + pool.waiting == 0;
    if (!empty || !run->drained)
        (void)fprintf(stderr, "the pool is not empty at the end\n");
    return chaos_balances(&ledger, run->told) && empty && run->drained;
}

static bool play(struct run *run, uint64_t *alive)
{
    uint64_t at_once = 1 + draw(run, 8);
    weir_error error;
    /* Short, so that what fault stalls ends soon. */
    const weir_client_options options = {.size = sizeof options,
                                         .loop = run->loop,
                                         .allocator = {chaos_resize, alive},
                                         .retry = run->retry,
                                         .connections_per_origin = 1 + draw(run, 6),
                                         .acquire_timeout_ns = 600 * WEIR_MS,
                                         .exchange_timeout_ns = 500 * WEIR_MS,
                                         .connect_timeout_ns = 300 * WEIR_MS,
                                         .limits = {.response_timeout_ns = 250 * WEIR_MS,
                                                    .body_timeout_ns = 150 * WEIR_MS,
                                                    .write_timeout_ns = 250 * WEIR_MS,
                                                    .linger_silence_ns = 50 * WEIR_MS,
                                                    .linger_timeout_ns = 200 * WEIR_MS},
                                         .ending = on_ending,
                                         .drained = on_drained,
                                         .app = run};
    if (weir_client_new(&run->client, &options, &error) != WEIR_OK) {
        (void)fprintf(stderr, "chaos_client: %s\n", error.text);
        return false;
    }
    while (run->sent < run->total && run->sent < at_once)
        send_next(run);
    weir_loop_run(run->loop);
    bool good = judge(run);
    weir_client_free(run->client);
    return good;
}

static weir_retry_policy policy_of(const char *name)
{
    return strcmp(name, "idempotent") == 0 ? WEIR_RETRY_IDEMPOTENT
           : strcmp(name, "proven") == 0   ? WEIR_RETRY_PROVEN
                                           : WEIR_RETRY_NEVER;
}

int main(int argc, char **argv)
{
    uint64_t alive = 0;
    unsigned descriptors = chaos_descriptors();
    const weir_allocator allocator = {chaos_resize, &alive};
    if (argc != 6) {
        (void)fprintf(stderr, "usage: chaos_client ADDRESS SEED REQUESTS never|proven|idempotent SIZE_MAX\n");
        return 2;
    }
    struct run run = {.address = argv[1],
                      .random = (strtoull(argv[2], NULL, 10) + 1) * UINT64_C(0x9e3779b97f4a7c15),
                      .total = strtoull(argv[3], NULL, 10),
                      .retry = policy_of(argv[4]),
                      .size_max = strtoull(argv[5], NULL, 10)};
    if (weir_loop_new(&run.loop, &allocator, NULL) != WEIR_OK)
        return 2;
    bool good = play(&run, &alive);
    weir_loop_free(run.loop);
    return chaos_left_nothing(alive, descriptors) && good ? 0 : 1;
}
