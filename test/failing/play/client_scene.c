#include "client_scene.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "../../../src/base/failing_memory.h"
#include "asks.h"
#include "clients.h"

#define PATIENCE_NS  (UINT64_C(8) * 1000000000)
#define ROUND_NS     (UINT64_C(30) * 1000000)
/* A scene has less than a thousand turns; a third of a second takes many more of a loop that does not wait. */
#define TURNS_MAX    3000
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A client, and what it has told. */
struct told {
    weir_client *client;
    uint64_t endings;
    uint64_t dead; /* of those: where nobody listens */
    uint16_t dead_port;
    unsigned drained;
};

struct scene {
    const struct scene_plan *plan;
    struct scene_result *result;
    struct failing_memory memory;
    weir_loop *loop;
    struct told told[ASK_CLIENTS];
    struct raw raw;
    struct ask_place place;
    struct ask asks[ASKS_MAX];
    size_t ask_count;
    unsigned turns;
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

static uint64_t patient(uint64_t time_ns)
{
    return (uint64_t)(patience * (double)time_ns);
}

__attribute__((format(printf, 2, 3))) static void fail(struct scene *scene, const char *format, ...)
{
    struct scene_result *result = scene->result;
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

/* --- when things fail ------------------------------------------------------------------------------------------- */

/* The next descriptor that is opened is the lowest free one: so many more, and those that are free below. */
static void limit_descriptors(unsigned left)
{
    struct rlimit limit;
    int next = dup(0);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = (rlim_t)next + left;
    (void)close(next);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        exit(2);
}

static void lift_limit(void)
{
    struct rlimit limit;
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < 1024 ? limit.rlim_max : 1024;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        exit(2);
}

static void begin_failing(struct scene *scene)
{
    const struct scene_plan *plan = scene->plan;
    inject(&plan->inject);
    if (plan->is_short)
        limit_descriptors(plan->descriptors);
}

static void end_failing(struct scene *scene)
{
    inject_nothing();
    scene->memory.fail_at = 0;
    scene->memory.fails_on = false;
    scene->memory.fail_one_in = 0;
    if (scene->plan->is_short)
        lift_limit();
}

/* How many requests may have suffered: each failure ends one connection at most, and with it one request. */
static unsigned suffering_max(const struct scene *scene)
{
    const struct scene_plan *plan = scene->plan;
    if (plan->harmless)
        return 0;
    return plan->until_witness || plan->allocation > 0 || plan->random > 0 ? ASKS_MAX : inject_hits();
}

/* --- the clients ------------------------------------------------------------------------------------------------ */

static void on_ending(void *app, const weir_ending *ending)
{
    struct told *told = app;
    told->endings++;
    told->dead += ending->peer.port == told->dead_port;
}

static void on_drained(void *app)
{
    struct told *told = app;
    told->drained++;
}

static weir_code start_client(struct scene *scene, enum ask_client which, weir_error *error)
{
    char proxy[80], servers[40];
    (void)snprintf(proxy, sizeof(proxy), "socks5://user:word@127.0.0.1:%u", scene->raw.port);
    (void)snprintf(servers, sizeof(servers), "127.0.0.1:%u", scene->raw.dns_port);
    bool proxied = which == ASK_PROXIED;
    scene->told[which].dead_port = scene->place.dead_port;
    weir_client_options options = {
        .size = sizeof(options),
        .loop = scene->loop,
        .allocator = failing_memory_allocator(&scene->memory),
        .connections_per_origin = 1,
        .resolve_timeout_ns = patient(WEIR_SECOND),
        .connect_timeout_ns = patient(2 * WEIR_SECOND),
        .limits = {.response_timeout_ns = patient(3 * WEIR_SECOND),
                   .write_timeout_ns = patient(3 * WEIR_SECOND),
                   .linger_silence_ns = 50 * WEIR_MS,
                   .linger_timeout_ns = 200 * WEIR_MS},
        .name_servers = weir_str_from(servers),
        .proxy = weir_str_from(proxied ? proxy : ""),
        .local_address = weir_str_from(proxied ? "127.0.0.1" : ""),
        .keepalive_ns = proxied ? 30 * WEIR_SECOND : 0,
        .ending = on_ending,
        .drained = on_drained,
        .app = &scene->told[which],
    };
    return weir_client_new(&scene->told[which].client, &options, error);
}

static weir_code start(struct scene *scene, weir_error *error)
{
    weir_allocator allocator = failing_memory_allocator(&scene->memory);
    weir_code code = weir_loop_new(&scene->loop, &allocator, error);
    for (enum ask_client i = 0; code == WEIR_OK && i < ASK_CLIENTS; i++)
        code = start_client(scene, i, error);
    return code;
}

/* What could not start says so, and names what and why. */
static void check_refusal(struct scene *scene, weir_code code, const weir_error *error)
{
    if (error->code != code || error->text[0] == '\0')
        fail(scene, "refused as %s, and the error says %s: \"%s\"", weir_code_name(code), weir_code_name(error->code),
             error->text);
    if (inject_hits() == 0 && scene->plan->allocation == 0 && scene->plan->random == 0 && !scene->plan->is_short)
        fail(scene, "refused for nothing: %s: \"%s\"", weir_code_name(code), error->text);
}

/* --- one thread, two sides -------------------------------------------------------------------------------------- */

/* A turn of each side, after a wait for either. The library has its turn as the contract for nested loops says
 * (weir/loop.h): a wake-up that is lost is a scene that is stuck. */
static void turn(struct scene *scene, uint64_t until_ns)
{
    struct pollfd fds[1 + RAW_SOCKETS_MAX];
    uint64_t now = now_ns(), due = weir_loop_deadline(scene->loop);
    fds[0] = (struct pollfd){.fd = weir_loop_fd(scene->loop), .events = POLLIN};
    size_t count = 1 + raw_wants(&scene->raw, fds + 1);
    if (due > until_ns)
        due = until_ns;
    int ms = due <= now ? 0 : (int)((due - now) / 1000000 + 1);
    (void)poll(fds, count, ms);
    if (fds[0].revents != 0 || weir_loop_deadline(scene->loop) <= now_ns()) {
        scene->turns++;
        inject_spare(false);
        weir_loop_step(scene->loop, 0);
        inject_spare(true);
    }
    raw_turn(&scene->raw);
}

static bool are_over(const struct scene *scene)
{
    for (size_t i = 0; i < scene->ask_count; i++)
        if (!ask_is_over(&scene->asks[i]))
            return false;
    return true;
}

static void play_for(struct scene *scene, uint64_t time_ns)
{
    uint64_t until = now_ns() + time_ns;
    while (!are_over(scene) && now_ns() < until)
        turn(scene, until);
}

static void ask_all(struct scene *scene, enum ask_when when)
{
    for (size_t i = 0; i < ask_script_count; i++) {
        const struct ask_script *script = &ask_scripts[i];
        for (size_t time = 0; script->when == when && time < script->times; time++) {
            inject_spare(false);
            ask_send(&scene->asks[scene->ask_count++], script, scene->told[script->client].client, &scene->place);
            inject_spare(true);
        }
    }
}

/* Of those from that one on: each has ended as it may, and few have suffered. */
static void check_asks(struct scene *scene, size_t from, unsigned suffering_most)
{
    unsigned suffering = 0;
    const struct ask *last = NULL;
    for (size_t i = from; i < scene->ask_count; i++) {
        const struct ask *ask = &scene->asks[i];
        const char *complaint = ask_complaint(ask);
        if (complaint != NULL)
            fail(scene, "\"%s\": %s; %s, status %u, %zu octets", ask->script->name, complaint,
                 weir_code_name(ask->ending.code), ask->status, ask->got);
        if (ask_is_content(ask))
            continue;
        suffering++;
        last = ask;
    }
    if (suffering > suffering_most)
        fail(scene, "%u requests failed, \"%s\" among them, with %s; %u may", suffering, last->script->name,
             weir_code_name(last->refused != WEIR_OK ? last->refused : last->ending.code), suffering_most);
}

/* --- the story -------------------------------------------------------------------------------------------------- */

static void play_requests(struct scene *scene)
{
    ask_all(scene, ASK_FIRST);
    if (scene->plan->until_witness) {
        play_for(scene, ROUND_NS);
        ask_all(scene, ASK_STALE);
        play_for(scene, ROUND_NS);
        end_failing(scene);
        play_for(scene, patient(PATIENCE_NS));
    } else {
        play_for(scene, patient(PATIENCE_NS));
        raw_close_idle(&scene->raw);
        ask_all(scene, ASK_STALE);
        play_for(scene, patient(PATIENCE_NS));
    }
    check_asks(scene, 0, suffering_max(scene));
}

static void play_witnesses(struct scene *scene)
{
    size_t first = scene->ask_count;
    unsigned before = inject_hits();
    ask_all(scene, ASK_WITNESS);
    play_for(scene, patient(PATIENCE_NS));
    bool has_trouble = scene->plan->allocation > 0 || scene->plan->random > 0 || inject_hits() > before;
    check_asks(scene, first, scene->plan->until_witness ? 0 : has_trouble ? suffering_max(scene) : 0);
}

/* Freed at once with all that it has under way. */
static void play_doomed(struct scene *scene)
{
    struct told *doomed = &scene->told[ASK_DOOMED];
    size_t first = scene->ask_count;
    uint64_t until = now_ns() + patient(PATIENCE_NS);
    weir_ledger l = {.size = sizeof(l)};
    ask_all(scene, ASK_LAST);
    for (unsigned i = 0; i < 4 && !are_over(scene); i++)
        turn(scene, until);
    inject_spare(false);
    weir_client_free(doomed->client);
    inject_spare(true);
    doomed->client = NULL;
    check_asks(scene, first, suffering_max(scene));
}

static bool are_drained(const struct scene *scene)
{
    return scene->told[ASK_PLAIN].drained > 0 && scene->told[ASK_PROXIED].drained > 0;
}

static void play_drain(struct scene *scene)
{
    uint64_t until = now_ns() + patient(PATIENCE_NS);
    inject_spare(false);
    for (enum ask_client i = ASK_PLAIN; i < ASK_DOOMED; i++)
        weir_client_drain(scene->told[i].client);
    inject_spare(true);
    while (!are_drained(scene) && now_ns() < until)
        turn(scene, until);
    for (enum ask_client i = ASK_PLAIN; i < ASK_DOOMED; i++)
        if (scene->told[i].drained != 1)
            fail(scene, "client %d was drained %u times", (int)i, scene->told[i].drained);
}

/* --- the books -------------------------------------------------------------------------------------------------- */

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
        fail(scene, "the ledger does not balance: %s: %" PRIu64 " and %" PRIu64, what, a, b);
}

static void check_books(struct scene *scene, const struct told *told)
{
    weir_ledger l = {.size = sizeof(l)};
    weir_pool_counts c = {.size = sizeof(c)};
    weir_client_ledger(told->client, &l);
    weir_client_counts(told->client, &c);
    check_equal(scene, "accepted, ended by code", l.accepted, sum(l.ended_by_code, COUNT(l.ended_by_code)));
    check_equal(scene, "accepted, ended by stage", l.accepted, sum(l.ended_by_stage, COUNT(l.ended_by_stage)));
    check_equal(scene, "accepted, ended by class", l.accepted, sum(l.ended_by_class, COUNT(l.ended_by_class)));
    check_equal(scene, "accepted, endings told", l.accepted, told->endings);
    check_equal(scene, "alive", l.alive, 0);
    check_equal(scene, "idle", l.idle, 0);
    check_equal(scene, "exchanges begun and done", l.exchanges_begun, l.exchanges_done);
    check_equal(scene, "exchanges done, by code", l.exchanges_done,
                sum(l.exchanges_by_code, COUNT(l.exchanges_by_code)));
    check_equal(scene, "octets in flight", l.octets_in_flight, 0);
    check_equal(scene, "octets queued", l.octets_queued, l.octets_acked + l.octets_unacked + l.octets_unsent);
    if (!scene->plan->may_be_bug)
        check_equal(scene, "bugs", l.ended_by_class[WEIR_CLASS_BUG], 0);
    check_equal(scene, "left in the pool", c.dialling + c.busy + c.idle + c.closing + c.waiting + c.origins, 0);
}

/* Each connection that a server saw has its ending. */
static void check_endings(struct scene *scene)
{
    uint64_t endings = 0;
    raw_turn(&scene->raw);
    for (size_t i = 0; i < ASK_CLIENTS; i++)
        endings += scene->told[i].endings - scene->told[i].dead;
    if (scene->raw.accepted > endings)
        fail(scene, "%u connections, and %" PRIu64 " endings", scene->raw.accepted, endings);
}

static void play_started(struct scene *scene)
{
    if (scene->plan->after_start)
        begin_failing(scene);
    play_requests(scene);
    play_witnesses(scene);
    play_doomed(scene);
    play_drain(scene);
    for (enum ask_client i = ASK_PLAIN; i < ASK_DOOMED; i++)
        check_books(scene, &scene->told[i]);
    check_endings(scene);
    if (scene->turns > TURNS_MAX)
        fail(scene, "it spins: %u turns of the loop", scene->turns);
}

static void free_all(struct scene *scene)
{
    inject_spare(false);
    for (size_t i = 0; i < ASK_CLIENTS; i++)
        weir_client_free(scene->told[i].client);
    weir_loop_free(scene->loop);
    inject_spare(true);
}

static void play_all(struct scene *scene)
{
    weir_error error = {.code = WEIR_OK};
    if (scene->plan->after_start)
        inject_nothing();
    else
        begin_failing(scene);
    inject_spare(false);
    weir_code code = start(scene, &error);
    inject_spare(true);
    scene->result->started = code == WEIR_OK;
    if (code == WEIR_OK)
        play_started(scene);
    else
        check_refusal(scene, code, &error);
    free_all(scene);
    scene->result->reached = inject_hits() > 0;
    scene->result->allocations = scene->memory.calls;
    end_failing(scene);
}

void client_scene_play(const struct scene_plan *plan, struct scene_result *result)
{
    static struct scene scene;
    *result = (struct scene_result){.ok = true};
    scene = (struct scene){.plan = plan, .result = result};
    scene.memory = (struct failing_memory){.fail_at = plan->allocation,
                                           .fails_on = plan->allocations_after,
                                           .fail_one_in = plan->random > 0 ? 40 : 0,
                                           .chance = plan->random};
    scene.place = (struct ask_place){.raw = &scene.raw, .unix_path = unix_path, .file = file};
    int descriptors = open_descriptors();
    int dead = raw_dead_port(&scene.place.dead_port);
    raw_open(&scene.raw, unix_path);
    play_all(&scene);
    raw_close(&scene.raw);
    (void)close(dead);
    int now = open_descriptors();
    if (now != descriptors)
        fail(&scene, "%d descriptors before, %d after", descriptors, now);
    if (scene.memory.live != 0)
        fail(&scene, "%zu octets are not given back", scene.memory.live);
}

/* --- before and after all --------------------------------------------------------------------------------------- */

void client_scene_init(const char *folder, double factor)
{
    char path[160];
    patience = factor;
    inject_spare(true);
    inject_nothing();
    body_init();
    (void)snprintf(unix_path, sizeof(unix_path), "%s/socket", folder);
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || write(file, body_octets(0), RAW_FILE_SIZE) != RAW_FILE_SIZE) {
        perror(path);
        exit(2);
    }
}

void client_scene_fini(void)
{
    (void)close(file);
    (void)unlink(unix_path);
    body_fini();
}
