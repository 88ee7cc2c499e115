/* The server of test/chaos: does what a path asks for, and records of each request how far it got and how it ended.
 *
 *     chaos_server ADDRESS
 *
 *     /ID/copy/N /ID/sized/N /ID/stream/N    N octets of answer ID, from memory, with a length, in chunks
 *     /ID/delay/MS                           100 octets of it, later
 *     /ID/echo/0                             the content of the request, while it comes
 *     /ID/sink/N                             N octets, when the content was read
 *     /ID/early/N                            N octets at once; the content is refused
 *
 * On standard output a line `exchange JSON` for each request, a line `ending JSON` for each connection. SIGTERM drains.
 * Exit status 1: the ledger does not balance, or something is left behind.
 */
#include <signal.h>
#include <string.h>

#include "common.h"

#define DELAY_ANSWER_SIZE 100

struct record {
    uint64_t id, number;
    char action[16];
    char method[8];
    uint64_t body_in; /* as the handler saw it */
    uint64_t written; /* of a stream */
    bool whole, wrong, answered;
    weir_timer *timer;
    weir_exchange *x;
};

static weir_server *server;
static uint64_t begun, done_count, told;

static bool is(const struct record *r, const char *action)
{
    return strcmp(r->action, action) == 0;
}

static void answer(struct record *r, weir_body body)
{
    char id[24];
    (void)snprintf(id, sizeof id, "%" PRIu64, r->id);
    r->answered = true;
    (void)weir_respond(r->x, 200, WEIR_FIELDS({WEIR_STR("x-id"), weir_str_from(id)}), body);
}

static void answer_copy(struct record *r, size_t size)
{
    char *octets = malloc(size + 1);
    if (octets == NULL)
        abort();
    chaos_fill(octets, size, r->id, true, 0);
    answer(r, weir_body_copy((weir_str){octets, size}));
    free(octets);
}

static void on_timer(void *app)
{
    answer_copy(app, DELAY_ANSWER_SIZE);
}

static void answer_later(struct record *r)
{
    r->timer = weir_timer_new(weir_exchange_loop(r->x), on_timer, r);
    if (r->timer == NULL)
        abort();
    weir_timer_start(r->timer, r->number * WEIR_MS);
}

static bool parse(struct record *r, weir_str path)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%.*s", (int)path.len, path.ptr);
    return sscanf(text, "/%" SCNu64 "/%15[a-z]/%" SCNu64, &r->id, r->action, &r->number) == 3;
}

static void on_head(void *app, weir_exchange *x)
{
    struct record *r = calloc(1, sizeof *r);
    weir_str method = weir_request_method(x);
    (void)app;
    begun++;
    if (r == NULL || !parse(r, weir_request_path(x)))
        abort(); /* nothing changes octets on the way */
    (void)snprintf(r->method, sizeof r->method, "%.*s", (int)method.len, method.ptr);
    r->x = x;
    weir_exchange_set_user(x, r);
    if (is(r, "copy"))
        answer_copy(r, r->number);
    else if (is(r, "sized"))
        answer(r, weir_body_sized(r->number));
    else if (is(r, "stream") || is(r, "echo"))
        answer(r, weir_body_stream());
    else if (is(r, "delay"))
        answer_later(r);
    else if (is(r, "early")) {
        answer_copy(r, r->number);
        weir_body_refuse(x);
    }
}

static size_t on_body(void *app, weir_exchange *x, weir_str octets)
{
    struct record *r = weir_exchange_user(x);
    size_t taken = octets.len;
    (void)app;
    if (is(r, "echo"))
        taken = weir_write(x, octets); /* less: room follows, and resumes */
    r->wrong |= !chaos_is((weir_str){octets.ptr, taken}, r->id, false, r->body_in);
    r->body_in += taken;
    return taken;
}

static void on_end(void *app, weir_exchange *x)
{
    struct record *r = weir_exchange_user(x);
    (void)app;
    r->whole = true;
    if (is(r, "sink"))
        answer_copy(r, r->number);
    else if (is(r, "echo"))
        (void)weir_finish(x, WEIR_NO_FIELDS);
}

static void on_room(void *app, weir_exchange *x)
{
    struct record *r = weir_exchange_user(x);
    char octets[4096];
    (void)app;
    if (is(r, "echo")) {
        weir_body_resume(x);
        return;
    }
    while (r->written < r->number) {
        uint64_t left = r->number - r->written;
        size_t size = left < sizeof octets ? (size_t)left : sizeof octets;
        chaos_fill(octets, size, r->id, true, r->written);
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

static void on_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    struct record *r = weir_exchange_user(x);
    (void)app;
    done_count++;
    (void)printf("exchange {\"id\":%" PRIu64 ",\"conn\":%" PRIu64 ",\"method\":\"%s\",\"action\":\"%s\",\"whole\":%s,"
                 "\"body_in\":%" PRIu64 ",\"wrong\":%s,\"answered\":%s,\"code\":\"%s\",\"stage\":\"%s\","
                 "\"delivery\":\"%s\"}\n",
                 r->id, weir_exchange_connection(x), r->method, r->action, truth(r->whole), r->body_in, truth(r->wrong),
                 truth(r->answered), weir_code_name(ending->code), weir_stage_name(ending->stage),
                 weir_delivery_name(ending->delivery));
    weir_timer_free(r->timer);
    free(r);
}

static void on_ending(void *app, const weir_ending *ending)
{
    char text[WEIR_ENDING_TEXT_MAX];
    (void)app;
    told++;
    (void)weir_ending_json(text, ending);
    (void)printf("ending %s\n", text);
}

static void on_sigterm(int number)
{
    (void)number;
    weir_server_drain(server);
}

static bool judge(void)
{
    weir_ledger ledger = {.size = sizeof ledger};
    weir_server_ledger(server, &ledger);
    if (begun != done_count)
        (void)fprintf(stderr, "%" PRIu64 " requests begun, %" PRIu64 " done\n", begun, done_count);
    return chaos_balances(&ledger, told) && begun == done_count;
}

int main(int argc, char **argv)
{
    static const weir_handler handler =
        WEIR_HANDLER(.head = on_head, .body = on_body, .end = on_end, .room = on_room, .done = on_done);
    uint64_t alive = 0;
    unsigned descriptors = chaos_descriptors();
    weir_error error;
    char address[128];
    /* Short, so that what fault leaves stalled ends soon; but a head has more time than any request of the client, so that
     * a 408 for a head is told apart from a request that was taken. */
    const weir_server_options options = {
        .size = sizeof options,
        .listen = weir_str_from(argc > 1 ? argv[1] : "127.0.0.1:0"),
        .handler = &handler,
        .allocator = {chaos_resize, &alive},
        .drain_timeout_ns = 2 * WEIR_SECOND,
        .limits = {.first_octet_timeout_ns = 800 * WEIR_MS,
                   .head_timeout_ns = 3 * WEIR_SECOND,
                   .idle_timeout_ns = 300 * WEIR_MS,
                   .body_timeout_ns = 500 * WEIR_MS,
                   .write_timeout_ns = 500 * WEIR_MS,
                   .linger_silence_ns = 100 * WEIR_MS,
                   .linger_timeout_ns = 400 * WEIR_MS,
                   .output_size_max = 65536},
        .ending = on_ending,
    };
    if (weir_server_new(&server, &options, &error) != WEIR_OK) {
        (void)fprintf(stderr, "chaos_server: %s\n", error.text);
        return 2;
    }
    (void)signal(SIGTERM, on_sigterm);
    (void)weir_server_address(server, 0, address, sizeof address);
    (void)fprintf(stderr, "listening on %s\n", address);
    bool good = weir_server_run(server, &error) == WEIR_OK;
    (void)signal(SIGTERM, SIG_DFL);
    good = judge() && good;
    weir_server_free(server);
    return chaos_left_nothing(alive, descriptors) && good ? 0 : 1;
}
