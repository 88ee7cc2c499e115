/* Goal: what a client says of a failed request (`retry`) is true, and what it sends again was never processed.
 * Method: many requests, each with a number, through the pool to a server that leaves, resets, swallows and answers
 * early by a seed (server.h); when all is over, what the client said of each is held against what the server did
 * with it.
 *
 * Not among them is a server that ends its own side and then processes what still comes, without an answer, and
 * resets: to the client that is a server which had closed before the request came.
 *
 *     retry_truth [SEED]        RETRY_REQUESTS=N: of all scenes together; default 100000 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/weir.h>

#include "server.h"

#define REQUESTS_DEFAULT 100000
#define COMPLAINTS_MAX   10
#define BIG_SIZE         (256 * 1024)

struct scene {
    const char *name;
    struct server_plan plan;
    weir_retry_policy retry;
    const char *method;
    unsigned share;     /* of 100 requests */
    unsigned at_once;   /* requests under way */
    unsigned links_max; /* connections */
    unsigned big;       /* of 1000 requests: those with a large body */
    bool pauses;        /* all that are under way end, and after a while as many follow: connections lie idle */
    bool fails_never;   /* no request may fail at all */
    bool fails_last;    /* only one that was sent again as often as is allowed may fail */
};

/* What the client said of a request. */
struct saying {
    uint8_t code;
    uint8_t retry;
    uint8_t retries;
    uint8_t done;  /* times */
    bool answered; /* a final head came */
    bool wrong;    /* an answer that is not the one to this request */
};

struct run {
    const struct scene *scene;
    weir_loop *loop;
    weir_client *client;
    weir_timer *pause;
    weir_str address;
    struct saying *sayings;
    uint32_t total, sent, done;
    uint64_t random;
    uint64_t endings;
    bool drained;
    unsigned complaints;
};

static char big_body[BIG_SIZE];

/* --- asking ----------------------------------------------------------------------------------------------------- */

static void send_next(struct run *r);

static uint32_t id_of(const weir_exchange *x)
{
    return (uint32_t)(uintptr_t)weir_exchange_user(x);
}

static struct saying *saying_of(struct run *r, const weir_exchange *x)
{
    return &r->sayings[id_of(x)];
}

static void on_head(void *app, weir_exchange *x)
{
    if (!weir_response_is_interim(x))
        saying_of(app, x)->answered = true;
}

static size_t on_body(void *app, weir_exchange *x, weir_str octets)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%010" PRIu32, id_of(x));
    if (octets.len == 10 && memcmp(octets.ptr, text, 10) != 0)
        saying_of(app, x)->wrong = true;
    return octets.len;
}

static void on_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    struct run *r = app;
    struct saying *s = saying_of(r, x);
    s->code = (uint8_t)ending->code;
    s->retry = (uint8_t)ending->retry;
    s->retries = (uint8_t)weir_exchange_retries(x);
    s->done++;
    r->done++;
    if (r->done == r->total)
        weir_client_drain(r->client);
    else if (r->scene->pauses && r->done == r->sent)
        weir_timer_start(r->pause, server_random(&r->random) % (2 * WEIR_MS));
    else if (!r->scene->pauses && r->sent < r->total)
        send_next(r);
}

static const weir_handler handler = WEIR_HANDLER(.head = on_head, .body = on_body, .done = on_done);

static void send_next(struct run *r)
{
    char target[16], small[16];
    uint32_t id = r->sent++;
    (void)snprintf(target, sizeof target, "/%" PRIu32, id);
    (void)snprintf(small, sizeof small, "%" PRIu32, id);
    weir_request request = {.size = sizeof request,
                            .method = weir_str_from(r->scene->method),
                            .target = weir_str_from(target),
                            .host = WEIR_STR("localhost"),
                            .connect_to = r->address,
                            .handler = &handler,
                            .app = r,
                            .user = (void *)(uintptr_t)id};
    if (server_random(&r->random) % 1000 < r->scene->big)
        request.body = weir_body_borrow((weir_str){big_body, sizeof big_body});
    else if (strcmp(r->scene->method, "POST") == 0)
        request.body = weir_body_copy(weir_str_from(small));
    weir_error error;
    if (weir_client_send(r->client, &request, NULL, &error) == WEIR_OK)
        return;
    (void)fprintf(stderr, "%s: not sent: %s\n", r->scene->name, error.text);
    exit(1);
}

static void send_some(void *app)
{
    struct run *r = app;
    for (unsigned i = 0; i < r->scene->at_once && r->sent < r->total; i++)
        send_next(r);
}

static void on_ending(void *app, const weir_ending *ending)
{
    struct run *r = app;
    (void)ending;
    r->endings++;
}

static void on_drained(void *app)
{
    struct run *r = app;
    r->drained = true;
    weir_loop_stop(r->loop);
}

/* --- judging ---------------------------------------------------------------------------------------------------- */

static void complain(struct run *r, uint32_t id, const struct server_record *did, const char *what)
{
    const struct saying *s = &r->sayings[id];
    if (r->complaints++ < COMPLAINTS_MAX)
        (void)printf("  request %" PRIu32
                     ": %s: the client says %s, retry %s, sent again %u times; the server touched it "
                     "%u times, processed it %u times, answered it %u times\n",
                     id, what, weir_code_name((weir_code)s->code), weir_retry_name((weir_retry)s->retry), s->retries,
                     did->touched, did->processed, did->begun);
}

static bool is_reset(unsigned code)
{
    return weir_code_how((weir_code)code) == WEIR_HOW_RESET;
}

static bool is_fin(unsigned code)
{
    return weir_code_how((weir_code)code) == WEIR_HOW_FIN;
}

/* A failed request: what is wrong with what was said of it; null: nothing. */
static const char *judge_failure(const struct scene *scene, const struct saying *s, const struct server_record *did)
{
    if (scene->fails_never)
        return "no request may fail here";
    /* The worst that is known of all attempts is told: then the last one alone does not say what it must be. */
    bool repeats = scene->retry == WEIR_RETRY_IDEMPOTENT || scene->retry == WEIR_RETRY_SAFE;
    bool alone = !repeats || s->retries == 0;
    /* Accepted, and reset before we knew: dials are not repeated. */
    if (s->code == WEIR_CODE_connect_refused && scene->plan.resets)
        return alone && (s->retry != WEIR_RETRY_NOT_SENT || did->touched > 0) ? "it had no connection" : NULL;
    if (scene->fails_last && s->retries < 3)
        return "it should have been sent again";
    if (!is_fin(s->code) && !is_reset(s->code))
        return "the server has closed, and nothing else is wrong";
    switch ((weir_retry)s->retry) {
    case WEIR_RETRY_NOT_SENT:
    case WEIR_RETRY_NOT_PROCESSED:
        if (did->processed > 0)
            return "it was processed";
        if (s->retry == WEIR_RETRY_NOT_SENT && did->touched > 0)
            return "it was read";
        return scene->retry != WEIR_RETRY_NEVER && !repeats && s->retries < 3 ? "it should have been sent again" : NULL;
    case WEIR_RETRY_MAYBE_PROCESSED:
        if (s->answered)
            return "its response had begun";
        return alone && is_fin(s->code) && did->touched == 0
                   ? "a FIN came before it: that it was not processed is proved"
                   : NULL;
    default:
        return did->begun == 0 ? "it was not answered" : NULL;
    }
}

static const char *judge(const struct scene *scene, const struct saying *s, const struct server_record *did)
{
    if (s->done != 1)
        return "not one `done`";
    if (s->wrong)
        return "another request's answer";
    bool once_more = scene->retry == WEIR_RETRY_SAFE && s->retries == 1 && did->processed == 2;
    if (scene->retry != WEIR_RETRY_IDEMPOTENT && did->processed > 1 && !once_more)
        return "processed twice";
    if (scene->retry == WEIR_RETRY_SAFE && s->retries > 1)
        return "sent again more than once";
    if (s->code != WEIR_CODE_complete)
        return judge_failure(scene, s, did);
    if (did->processed == 0 || !s->answered)
        return "complete, and not processed";
    return s->retry != WEIR_RETRY_PROCESSED ? "complete, and not `processed`" : NULL;
}

static void judge_ledger(struct run *r, const weir_ledger *ledger)
{
    uint64_t ended = 0;
    for (int i = 0; i < WEIR_CODE_COUNT; i++)
        ended += ledger->ended_by_code[i];
    uint64_t octets = ledger->octets_acked + ledger->octets_unacked + ledger->octets_unsent + ledger->octets_in_flight;
    if (ledger->accepted == ended && ended == r->endings && ledger->alive == 0 &&
        ledger->exchanges_begun == ledger->exchanges_done && ledger->octets_queued == octets && r->drained)
        return;
    r->complaints++;
    (void)printf("  the ledger: %" PRIu64 " dialled, %" PRIu64 " ended, %" PRIu64 " told, %" PRIu64
                 " exchanges begun, %" PRIu64 " done, %" PRIu64 " octets queued, %" PRIu64 " accounted for\n",
                 ledger->accepted, ended, r->endings, ledger->exchanges_begun, ledger->exchanges_done,
                 ledger->octets_queued, octets);
}

/* What the server kept for itself must be what failed here, one by one: nothing but a FIN parts them. */
static void judge_counts(struct run *r, const struct server_counts *did, const uint64_t failed[WEIR_RETRY_COUNT],
                         uint64_t unread)
{
    const struct scene *scene = r->scene;
    uint64_t maybe = failed[WEIR_RETRY_MAYBE_PROCESSED] - unread;
    if (scene->plan.resets || scene->retry == WEIR_RETRY_IDEMPOTENT || scene->retry == WEIR_RETRY_SAFE ||
        maybe + failed[WEIR_RETRY_PROCESSED] == did->swallowed + did->cut)
        return;
    r->complaints++;
    (void)printf("  %" PRIu64 " maybe processed, %" PRIu64 " processed; the server swallowed %" PRIu64
                 " and cut %" PRIu64 "\n",
                 maybe, failed[WEIR_RETRY_PROCESSED], did->swallowed, did->cut);
}

static void report(const struct run *r, const struct server_counts *did, const weir_pool_counts *pool,
                   const uint64_t failed[WEIR_RETRY_COUNT], uint64_t unread, double seconds)
{
    (void)printf("%s %s: %" PRIu32 " requests in %.1f s on %" PRIu64 " connections; reused %" PRIu64 ", stale %" PRIu64
                 ", sent again %" PRIu64 "; failed: not_sent %" PRIu64 ", not_processed %" PRIu64
                 ", maybe_processed %" PRIu64 " (refused unread %" PRIu64 "), processed %" PRIu64
                 "; the server left %" PRIu64 " times, swallowed %" PRIu64 ", cut %" PRIu64 ", reset %" PRIu64 "\n",
                 r->complaints == 0 ? "ok  " : "FAIL", r->scene->name, r->total, seconds, did->accepted, pool->reused,
                 pool->stale, pool->retried, failed[WEIR_RETRY_NOT_SENT], failed[WEIR_RETRY_NOT_PROCESSED],
                 failed[WEIR_RETRY_MAYBE_PROCESSED], unread, failed[WEIR_RETRY_PROCESSED], did->left, did->swallowed,
                 did->cut, did->reset);
}

static void judge_all(struct run *r, const struct server *server, const weir_ledger *ledger,
                      const weir_pool_counts *pool, double seconds)
{
    const struct server_counts did = server_counts_of(server);
    uint64_t failed[WEIR_RETRY_COUNT] = {0}, unread = 0;
    for (uint32_t id = 0; id < r->total; id++) {
        const struct saying *s = &r->sayings[id];
        const struct server_record *record = server_record_of(server, id);
        const char *what = judge(r->scene, s, record);
        if (what != NULL)
            complain(r, id, record, what);
        if (s->code == WEIR_CODE_complete)
            continue;
        failed[s->retry]++;
        unread += s->retry == WEIR_RETRY_MAYBE_PROCESSED && record->touched == 0;
    }
    judge_counts(r, &did, failed, unread);
    judge_ledger(r, ledger);
    report(r, &did, pool, failed, unread, seconds);
}

/* --- a scene ---------------------------------------------------------------------------------------------------- */

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool open_client(struct run *r)
{
    weir_error error;
    const struct scene *scene = r->scene;
    const weir_client_options options = {.size = sizeof options,
                                         .loop = r->loop,
                                         .retry = scene->retry,
                                         .connections_max = scene->links_max,
                                         .connections_per_origin = scene->links_max,
                                         .acquire_timeout_ns = WEIR_UNLIMITED,
                                         .limits = {.response_timeout_ns = WEIR_UNLIMITED},
                                         .ending = on_ending,
                                         .drained = on_drained,
                                         .app = r};
    if (weir_client_new(&r->client, &options, &error) == WEIR_OK)
        return true;
    (void)fprintf(stderr, "no client: %s\n", error.text);
    return false;
}

static void work(struct run *r, weir_ledger *ledger, weir_pool_counts *pool)
{
    send_some(r);
    weir_loop_run(r->loop);
    weir_client_ledger(r->client, ledger);
    weir_client_counts(r->client, pool);
    weir_timer_free(r->pause);
    weir_client_free(r->client);
}

static bool play(const struct scene *scene, uint32_t total, uint64_t seed)
{
    char address[128];
    struct server *server = server_start(&scene->plan, total, seed, address);
    struct run r = {.scene = scene, .total = total, .random = seed ^ UINT64_C(0x9e3779b97f4a7c15)};
    weir_ledger ledger = {.size = sizeof ledger};
    weir_pool_counts pool = {.size = sizeof pool};
    double began = seconds_now();
    r.sayings = calloc(total, sizeof *r.sayings);
    r.address = weir_str_from(address);
    if (server == NULL || r.sayings == NULL || weir_loop_new(&r.loop, NULL, NULL) != WEIR_OK || !open_client(&r))
        exit(1);
    r.pause = weir_timer_new(r.loop, send_some, &r);
    if (r.pause == NULL)
        exit(1);
    work(&r, &ledger, &pool);
    weir_loop_free(r.loop);
    server_stop(server);
    judge_all(&r, server, &ledger, &pool, seconds_now() - began);
    server_free(server);
    free(r.sayings);
    (void)fflush(stdout);
    return r.complaints == 0;
}

/* --- the scenes ------------------------------------------------------------------------------------------------- */

#define TELLS_NOTHING .retry = WEIR_RETRY_NEVER, .method = "POST"
#define SAFE          .retry = WEIR_RETRY_SAFE, .method = "GET"
#define PROVEN        .retry = WEIR_RETRY_PROVEN, .method = "POST"

static const struct scene scenes[] = {
    {"leaves by FIN, nothing is sent again",
     {.leave = 300, .refuse = 100, .swallow = 5, .cut = 5, .interim = 20},
     TELLS_NOTHING,
     .share = 15,
     .at_once = 96,
     .links_max = 32},
    {"leaves by FIN, sent again if proved",
     {.leave = 300, .refuse = 100, .swallow = 5, .cut = 5, .interim = 20},
     PROVEN,
     .share = 20,
     .at_once = 96,
     .links_max = 32},
    {"leaves idle connections, nothing is sent again",
     {.leave = 500, .swallow = 5, .cut = 5},
     TELLS_NOTHING,
     .share = 10,
     .at_once = 250,
     .links_max = 250,
     .pauses = true},
    {"leaves idle connections, sent again if proved",
     {.leave = 500, .swallow = 5, .cut = 5},
     PROVEN,
     .share = 10,
     .at_once = 250,
     .links_max = 250,
     .pauses = true},
    {"leaves by FIN, large bodies too",
     {.leave = 300, .swallow = 5},
     PROVEN,
     .share = 4,
     .at_once = 48,
     .links_max = 48,
     .big = 100},
    {"resets, sent again if proved",
     {.leave = 200, .refuse = 100, .swallow = 5, .cut = 5, .resets = true},
     PROVEN,
     .share = 15,
     .at_once = 64,
     .links_max = 32},
    {"resets, and GET is sent again",
     {.leave = 200, .refuse = 50, .swallow = 10, .resets = true},
     .retry = WEIR_RETRY_IDEMPOTENT,
     .method = "GET",
     .share = 10,
     .at_once = 64,
     .links_max = 32,
     .fails_last = true},
    {"leaves kept connections, and GET is sent again by default",
     {.leave = 500, .resets = true},
     SAFE,
     .share = 8,
     .at_once = 96,
     .links_max = 32,
     .fails_never = true},
    {"leaves idle connections with a 408, and GET is sent again by default",
     {.leave = 500, .says_late = 500},
     SAFE,
     .share = 8,
     .at_once = 200,
     .links_max = 200,
     .pauses = true,
     .fails_never = true},
    {"leaves and swallows, and GET is sent again once by default",
     {.leave = 300, .swallow = 20, .cut = 10, .interim = 20, .resets = true, .says_late = 500},
     SAFE,
     .share = 8,
     .at_once = 64,
     .links_max = 32},
    {"says Connection: close",
     {.last = 300, .interim = 20},
     TELLS_NOTHING,
     .share = 4,
     .at_once = 64,
     .links_max = 16,
     .fails_never = true},
    {"answers early, and closes",
     {.early = 200, .last = 20},
     TELLS_NOTHING,
     .share = 3,
     .at_once = 32,
     .links_max = 16,
     .big = 300,
     .fails_never = true},
    {"answers early, and resets",
     {.early = 50, .early_reset = 100},
     TELLS_NOTHING,
     .share = 3,
     .at_once = 32,
     .links_max = 16,
     .big = 300,
     .fails_never = true},
    {"leaves a unix socket",
     {.leave = 300, .refuse = 100, .swallow = 5, .cut = 5, .is_unix = true},
     PROVEN,
     .share = 6,
     .at_once = 64,
     .links_max = 32},
};

int main(int argc, char **argv)
{
    const char *requests = getenv("RETRY_REQUESTS"), *only = getenv("RETRY_SCENE");
    uint64_t total = requests != NULL ? strtoull(requests, NULL, 10) : REQUESTS_DEFAULT;
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL);
    unsigned passed = 0, failed = 0;
    (void)printf("seed %" PRIu64 "\n", seed);
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
        if (only != NULL && strtoul(only, NULL, 10) != i)
            continue;
        if (play(&scenes[i], (uint32_t)(total * scenes[i].share / 100), seed * 31 + i))
            passed++;
        else
            failed++;
    }
    (void)printf("%u passed, %u failed\n", passed, failed);
    return failed > 0;
}
