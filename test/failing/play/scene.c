#include "scene.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <weir/weir.h>

#include "../../../src/base/failing_memory.h"
#include "clients.h"
#include "handler.h"

#define GET(path)         "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define LAST(path)        "GET " path " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
#define POST(path, n)     "POST " path " HTTP/1.1\r\nHost: a\r\nContent-Length: " #n "\r\n\r\n"
#define PATIENCE_NS       (UINT64_C(8) * 1000000000)
#define ROUND_NS          (UINT64_C(30) * 1000000)
#define SCENE_OF(pointer) ((struct scene *)(void *)((char *)(pointer)-offsetof(struct scene, app)))
_Static_assert(BIG_SIZE <= BODY_SIZE_MAX, "the longest body is made of the pattern");
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct client_script scripts[] = {
    {.name = "keep-alive", .request = GET("/"), .times = 3, .status = 200, .answer_size = SMALL_SIZE},
    {.name = "pipelined", .request = GET("/"), .times = 5, .status = 200, .answer_size = SMALL_SIZE, .pipelined = true},
    {.name = "last", .request = LAST("/"), .times = 1, .status = 200, .answer_size = SMALL_SIZE, .server_closes = true},
    {.name = "upload",
     .request = POST("/echo", 100000),
     .body_size = 100000,
     .times = 1,
     .status = 200,
     .answer_size = 100000},
    {.name = "file", .request = GET("/file"), .times = 2, .status = 200, .answer_size = FILE_SIZE},
    {.name = "stream",
     .request = LAST("/stream"),
     .times = 1,
     .status = 200,
     .answer_size = STREAM_SIZE,
     .server_closes = true},
    {.name = "big", .request = GET("/big"), .times = 1, .status = 200, .answer_size = BIG_SIZE},
    {.name = "refused",
     .request = POST("/refuse", 300000),
     .body_size = 300000,
     .times = 1,
     .status = 413,
     .answer_size = SMALL_SIZE},
    {.name = "leaves early",
     .request = GET("/big"),
     .times = 1,
     .status = 200,
     .answer_size = BIG_SIZE,
     .rude = true,
     .leave_after = 1000},
    {.name = "leaves in a body", .request = POST("/echo", 1000), .times = 1, .status = 200, .rude = true},
    {.name = "is reset",
     .request = GET("/gives-up"),
     .times = 1,
     .status = 200,
     .answer_size = BIG_SIZE,
     .rude = true,
     .leave_after = SIZE_MAX},
    {.name = "unix", .request = GET("/"), .times = 2, .status = 200, .answer_size = SMALL_SIZE, .is_unix = true},
    {.name = "unix file",
     .request = LAST("/file"),
     .times = 1,
     .status = 200,
     .answer_size = FILE_SIZE,
     .is_unix = true,
     .server_closes = true},
    {.name = "later", .request = GET("/later"), .times = 2, .status = 200, .answer_size = SMALL_SIZE},
    {.name = "posted", .request = GET("/posted"), .times = 2, .status = 200, .answer_size = SMALL_SIZE},
    {.name = "idle", .request = GET("/"), .times = 1, .status = 200, .answer_size = SMALL_SIZE, .stays = true},
    {.name = "idle unix",
     .request = GET("/"),
     .times = 1,
     .status = 200,
     .answer_size = SMALL_SIZE,
     .stays = true,
     .is_unix = true},
};

static const struct client_script witnesses[] = {
    {.name = "witness", .request = GET("/"), .times = 2, .status = 200, .answer_size = SMALL_SIZE},
    {.name = "unix witness",
     .request = GET("/"),
     .times = 2,
     .status = 200,
     .answer_size = SMALL_SIZE,
     .is_unix = true},
};

struct scene {
    const struct scene_plan *plan;
    struct scene_result *result;
    struct failing_memory memory;
    struct handler_app app;
    weir_loop *loop;
    weir_server *server;
    struct client_target target;
    struct client clients[COUNT(scripts) + COUNT(witnesses)];
    size_t client_count;
    uint64_t endings;
    unsigned stopped;
};

static char unix_path[100];
static int file = -1;
static double patience = 1;

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

__attribute__((format(printf, 2, 3))) static void fail(struct scene_result *result, const char *format, ...)
{
    va_list arguments;
    if (!result->ok)
        return;
    result->ok = false;
    va_start(arguments, format);
    (void)vsnprintf(result->why, sizeof(result->why), format, arguments);
    va_end(arguments);
}

static int open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    while (folder != NULL && readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count;
}

/* --- the server ------------------------------------------------------------------------------------------------- */

static void on_ending(void *app, const weir_ending *ending)
{
    struct scene *scene = SCENE_OF(app);
    (void)ending;
    scene->endings++;
}

static void on_stopped(void *app)
{
    struct scene *scene = SCENE_OF(app);
    scene->stopped++;
}

/* The file that a server leaves when it is killed: the next one has to find out that nobody listens. */
static void leave_dead_socket(void)
{
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    (void)snprintf(path.sun_path, sizeof(path.sun_path), "%s", unix_path);
    (void)unlink(unix_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&path, sizeof(path)) != 0) {
        perror(unix_path);
        exit(2);
    }
    (void)close(fd);
}

static weir_code start(struct scene *scene, weir_error *error)
{
    char listen[160];
    weir_allocator allocator = failing_memory_allocator(&scene->memory);
    weir_code code = weir_loop_new(&scene->loop, &allocator, error);
    if (code != WEIR_OK)
        return code;
    (void)snprintf(listen, sizeof(listen), "127.0.0.1:0,unix:%s", unix_path);
    weir_server_options options = {
        .size = sizeof(options),
        .listen = weir_str_from(listen),
        .handler = &handler_table,
        .app = &scene->app,
        .allocator = allocator,
        .loop = scene->loop,
        .connections_max = 1000,
        .drain_timeout_ns = 5 * WEIR_SECOND,
        .mode_unix_all = true,
        .limits = {.linger_silence_ns = 50 * WEIR_MS, .linger_timeout_ns = 200 * WEIR_MS},
        .ending = on_ending,
        .stopped = on_stopped,
    };
    code = weir_server_new(&scene->server, &options, error);
    return code == WEIR_OK ? weir_server_run(scene->server, error) : code;
}

static void begin_failing(const struct scene *scene)
{
    inject(&scene->plan->inject);
}

/* What could not start says so, and names what and why. */
static void check_refusal(struct scene *scene, weir_code code, const weir_error *error)
{
    if (error->code != code || error->text[0] == '\0')
        fail(scene->result, "refused as %s, and the error says %s: \"%s\"", weir_code_name(code),
             weir_code_name(error->code), error->text);
    if (!scene->result->reached)
        fail(scene->result, "refused for nothing: %s: \"%s\"", weir_code_name(code), error->text);
}

static void find_target(struct scene *scene)
{
    char address[160];
    scene->target.unix_path = unix_path;
    scene->target.tcp = (struct sockaddr_in){.sin_family = AF_INET};
    (void)inet_pton(AF_INET, "127.0.0.1", &scene->target.tcp.sin_addr);
    if (!weir_server_address(scene->server, 0, address, sizeof(address)))
        return;
    const char *port = strrchr(address, ':');
    scene->target.tcp.sin_port = htons((uint16_t)(port != NULL ? atoi(port + 1) : 0));
}

/* --- one thread, two sides -------------------------------------------------------------------------------------- */

/* A turn of each side, after a wait for either. */
static void turn(struct scene *scene, uint64_t until_ns)
{
    struct pollfd fds[1 + COUNT(scene->clients)];
    uint64_t now = now_ns(), due = weir_loop_deadline(scene->loop);
    fds[0] = (struct pollfd){.fd = weir_loop_fd(scene->loop), .events = POLLIN};
    for (size_t i = 0; i < scene->client_count; i++)
        fds[1 + i] = client_wants(&scene->clients[i]);
    if (due > until_ns)
        due = until_ns;
    int ms = due <= now ? 0 : (int)((due - now) / 1000000 + 1);
    (void)poll(fds, 1 + scene->client_count, ms);
    if (fds[0].revents != 0 || weir_loop_deadline(scene->loop) <= now_ns()) {
        inject_spare(false);
        weir_loop_step(scene->loop, 0);
        inject_spare(true);
    }
    for (size_t i = 0; i < scene->client_count; i++)
        client_turn(&scene->clients[i], &scene->target);
}

/* They have all they came for; of those that leave: they have left. */
static bool are_content(const struct scene *scene, bool gone)
{
    for (size_t i = 0; i < scene->client_count; i++) {
        const struct client *client = &scene->clients[i];
        if (!client->done && (gone || !client->script->stays || !client_is_content(client)))
            return false;
    }
    return true;
}

static bool serve_all(struct scene *scene, uint64_t patience_ns)
{
    uint64_t until = now_ns() + patience_ns;
    while (!are_content(scene, false) && now_ns() < until)
        turn(scene, until);
    return are_content(scene, false);
}

static uint64_t patience_ns(void)
{
    return (uint64_t)(patience * (double)PATIENCE_NS);
}

static void check_all_served(struct scene *scene)
{
    if (serve_all(scene, patience_ns()))
        return;
    for (size_t i = 0; i < scene->client_count; i++) {
        const struct client *client = &scene->clients[i];
        if (!client->done && !(client->script->stays && client_is_content(client)))
            fail(scene->result, "client \"%s\" waits for ever: %u of %u answered, %zu of a body", client->script->name,
                 client->answered, client->script->times, client->body_got);
    }
}

static void add_clients(struct scene *scene, const struct client_script *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        client_begin(&scene->clients[scene->client_count++], &list[i], &scene->target);
}

static void check_clients(struct scene *scene, size_t from, unsigned cheated_max)
{
    unsigned cheated = 0;
    const char *name = "";
    for (size_t i = from; i < scene->client_count; i++) {
        const struct client *client = &scene->clients[i];
        if (client->cheated) {
            cheated++;
            name = client->script->name;
        } else if (scene->plan->harmless && client->tries > 1) {
            fail(scene->result, "client \"%s\" had to connect %u times", client->script->name, client->tries);
        }
    }
    if (cheated > cheated_max)
        fail(scene->result, "%u clients lost an answer, \"%s\" among them; %u may", cheated, name, cheated_max);
}

/* --- the story -------------------------------------------------------------------------------------------------- */

static bool has_trouble(const struct scene *scene, unsigned before)
{
    return inject_hits() > before || scene->plan->allocation > 0 || scene->plan->random > 0;
}

static void play_clients(struct scene *scene)
{
    const struct scene_plan *plan = scene->plan;
    add_clients(scene, scripts, COUNT(scripts));
    if (plan->until_witness) {
        (void)serve_all(scene, ROUND_NS);
        inject_nothing();
        scene->memory.fail_at = 0;
        scene->memory.fails_on = false;
        scene->memory.fail_one_in = 0;
    }
    check_all_served(scene);
    bool without_bound = plan->until_witness || plan->allocation > 0 || plan->random > 0;
    check_clients(scene, 0, plan->harmless ? 0 : without_bound ? COUNT(scripts) : inject_hits());

    unsigned before = inject_hits();
    size_t first = scene->client_count;
    add_clients(scene, witnesses, COUNT(witnesses));
    check_all_served(scene);
    check_clients(scene, first, plan->until_witness ? 0 : has_trouble(scene, before) ? COUNT(witnesses) : 0);
}

static void play_drain(struct scene *scene)
{
    uint64_t until = now_ns() + patience_ns();
    inject_spare(false);
    weir_server_drain(scene->server);
    inject_spare(true);
    while ((!weir_server_is_stopped(scene->server) || !are_content(scene, true)) && now_ns() < until)
        turn(scene, until);
    if (!weir_server_is_stopped(scene->server)) {
        fail(scene->result, "the drain does not end");
        weir_server_stop(scene->server);
        weir_loop_step(scene->loop, 0);
    }
    if (scene->stopped != 1)
        fail(scene->result, "`stopped` was called %u times", scene->stopped);
}

static uint64_t sum(const uint64_t *of, size_t count)
{
    uint64_t all = 0;
    for (size_t i = 0; i < count; i++)
        all += of[i];
    return all;
}

static void check_equal(struct scene *scene, const char *what, uint64_t a, uint64_t b)
{
    if (a != b)
        fail(scene->result, "the ledger does not balance: %s: %" PRIu64 " and %" PRIu64, what, a, b);
}

static void check_books(struct scene *scene)
{
    weir_ledger l = {.size = sizeof(l)};
    weir_server_ledger(scene->server, &l);
    check_equal(scene, "accepted, ended by code", l.accepted, sum(l.ended_by_code, COUNT(l.ended_by_code)));
    check_equal(scene, "accepted, ended by stage", l.accepted, sum(l.ended_by_stage, COUNT(l.ended_by_stage)));
    check_equal(scene, "accepted, ended by class", l.accepted, sum(l.ended_by_class, COUNT(l.ended_by_class)));
    check_equal(scene, "accepted, endings told", l.accepted, scene->endings);
    check_equal(scene, "alive", l.alive, 0);
    check_equal(scene, "idle", l.idle, 0);
    check_equal(scene, "exchanges begun and done", l.exchanges_begun, l.exchanges_done);
    check_equal(scene, "exchanges done, by code", l.exchanges_done,
                sum(l.exchanges_by_code, COUNT(l.exchanges_by_code)));
    check_equal(scene, "octets in flight", l.octets_in_flight, 0);
    check_equal(scene, "octets queued", l.octets_queued, l.octets_acked + l.octets_unacked + l.octets_unsent);
    if (!scene->plan->may_be_bug)
        check_equal(scene, "bugs", l.ended_by_class[WEIR_CLASS_BUG], 0);
    check_equal(scene, "handler's exchanges", scene->app.begun, scene->app.done);
}

static void play_started(struct scene *scene)
{
    find_target(scene);
    if (scene->plan->after_start)
        begin_failing(scene);
    if (scene->target.tcp.sin_port != 0)
        play_clients(scene);
    play_drain(scene);
    for (size_t i = 0; i < scene->client_count; i++)
        client_end(&scene->clients[i]);
    check_books(scene);
}

static void free_all(struct scene *scene)
{
    inject_spare(false);
    if (scene->loop != NULL && scene->result->started)
        weir_loop_step(scene->loop, 0); /* posts that are left */
    weir_server_free(scene->server);
    weir_loop_free(scene->loop);
    inject_spare(true);
}

void scene_play(const struct scene_plan *plan, struct scene_result *result)
{
    static struct scene scene;
    weir_error error = {.code = WEIR_OK};
    *result = (struct scene_result){.ok = true};
    scene = (struct scene){.plan = plan, .result = result, .app = {.file = file, .octets = body_octets(0)}};
    scene.memory = (struct failing_memory){.fail_at = plan->allocation,
                                           .fails_on = plan->allocations_after,
                                           .fail_one_in = plan->random > 0 ? 40 : 0,
                                           .chance = plan->random};
    leave_dead_socket();
    int descriptors = open_descriptors();
    if (plan->after_start)
        inject_nothing();
    else
        begin_failing(&scene);
    inject_spare(false);
    weir_code code = start(&scene, &error);
    inject_spare(true);
    result->started = code == WEIR_OK;
    result->reached = inject_hits() > 0 || scene.memory.fail_at > 0 || plan->random > 0;
    if (code == WEIR_OK)
        play_started(&scene);
    else
        check_refusal(&scene, code, &error);
    free_all(&scene);
    result->reached = inject_hits() > 0;
    result->allocations = scene.memory.calls;
    inject_nothing();
    int now = open_descriptors();
    if (now != descriptors)
        fail(result, "%d descriptors before, %d after", descriptors, now);
    if (scene.memory.live != 0)
        fail(result, "%zu octets are not given back", scene.memory.live);
}

/* --- before and after all --------------------------------------------------------------------------------------- */

void scene_init(const char *folder, double factor)
{
    char path[160];
    patience = factor;
    inject_spare(true);
    inject_nothing();
    body_init();
    (void)snprintf(unix_path, sizeof(unix_path), "%s/socket", folder);
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || write(file, body_octets(0), FILE_SIZE) != FILE_SIZE) {
        perror(path);
        exit(2);
    }
}

const char *scene_unix_path(void)
{
    return unix_path;
}

void scene_fini(void)
{
    (void)close(file);
    (void)unlink(unix_path);
    body_fini();
}
