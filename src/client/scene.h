/* For tests of the client: a loop, a client and its servers, all on one thread. The servers are plain sockets that
 * the test itself speaks by; whatever it waits for, it waits for by stepping the loop until that is so. Each request
 * writes a log of its callbacks. The memory is of base/failing_memory.h. */
#ifndef CLIENT_SCENE_H
#define CLIENT_SCENE_H

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <weir/weir.h>

#include "base/failing_memory.h"
#include "io/loop.h"

#define SCENE_PATIENCE_S 30 /* far more than anything takes that is waited for */

struct scene {
    struct failing_memory memory;
    weir_allocator allocator;
    weir_loop *loop;
    weir_client *client;
    weir_client_options options;
    int listener;
    char address[64]; /* of the listener, as connect_to takes it */
    char url[128];    /* and as a URL, with a slash at its end */
    unsigned endings; /* connections that ended */
    weir_ending last;
    unsigned drained;
};

/* One request and what came of it. */
struct call {
    const weir_handler *handler; /* null: call_handler */
    struct scene *scene;
    weir_exchange *x;
    char log[2048];
    size_t used;
    bool in_body; /* the last entry of the log is content that goes on */
    unsigned done;
    weir_exchange_ending ending;
    unsigned status;
    unsigned retries;
    uint64_t connection;
    size_t body_octets;
    bool quiet; /* content is counted only */
    /* What a test does in its callbacks; any may be null. */
    void (*on_head)(struct call *call);
    void (*on_body)(struct call *call);
    void (*on_end)(struct call *call);
    void (*on_room)(struct call *call);
    void (*on_done)(struct call *call);
    void *app;
};

/* --- the log ---------------------------------------------------------------------------------------------------- */

static inline void call_note(struct call *call, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(call->log + call->used, sizeof call->log - call->used, format, args);
    va_end(args);
    call->used += (size_t)n < sizeof call->log - call->used ? (size_t)n : 0;
    call->in_body = false;
}

static inline void call_head(void *app, weir_exchange *x)
{
    struct call *call = app;
    call->status = weir_response_status(x);
    call->connection = weir_exchange_connection(x);
    call_note(call, "%s%u ", weir_response_is_interim(x) ? "interim " : "", call->status);
    if (call->on_head != NULL)
        call->on_head(call);
}

static inline size_t call_body(void *app, weir_exchange *x, weir_str octets)
{
    struct call *call = app;
    (void)x;
    call->body_octets += octets.len;
    if (!call->quiet) {
        if (call->in_body)
            call->used--; /* its blank */
        call_note(call, "%s%.*s ", call->in_body ? "" : "=", (int)octets.len, octets.ptr);
        call->in_body = true;
    }
    if (call->on_body != NULL)
        call->on_body(call);
    return octets.len;
}

static inline void call_end(void *app, weir_exchange *x)
{
    struct call *call = app;
    weir_fields trailers = weir_exchange_trailers(x);
    call_note(call, "end ");
    for (size_t i = 0; i < trailers.count; i++)
        call_note(call, "%.*s:%.*s ", (int)trailers.list[i].name.len, trailers.list[i].name.ptr,
                  (int)trailers.list[i].value.len, trailers.list[i].value.ptr);
    if (call->on_end != NULL)
        call->on_end(call);
}

static inline void call_room(void *app, weir_exchange *x)
{
    struct call *call = app;
    (void)x;
    if (call->on_room != NULL)
        call->on_room(call);
}

static inline void call_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    struct call *call = app;
    call->done++;
    call->ending = *ending;
    call->retries = weir_exchange_retries(x);
    call_note(call, "done %s", weir_code_name(ending->code));
    if (ending->code != WEIR_CODE_complete)
        call_note(call, " %s %s", weir_stage_name(ending->stage), weir_retry_name(ending->retry));
    if (call->on_done != NULL)
        call->on_done(call);
    call->x = NULL;
}

static const weir_handler call_handler =
    WEIR_HANDLER(.head = call_head, .body = call_body, .end = call_end, .room = call_room, .done = call_done);

/* --- the scene -------------------------------------------------------------------------------------------------- */

static inline void scene_on_ending(void *app, const weir_ending *ending)
{
    struct scene *s = app;
    s->endings++;
    s->last = *ending;
}

static inline void scene_on_drained(void *app)
{
    struct scene *s = app;
    s->drained++;
}

/* A listener on a free port of loopback. */
static inline int scene_listen(char address[64])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 128), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    (void)snprintf(address, 64, "127.0.0.1:%u", (unsigned)ntohs(at.sin_port));
    return fd;
}

/* A listener whose queue is full: a dial lasts. */
static inline int scene_listen_full(char address[64], int fillers[4])
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    int fd = scene_listen(address);
    socklen_t size = sizeof at;
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    for (int i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fillers[i], (struct sockaddr *)&at, sizeof at);
    }
    return fd;
}

/* Everything but the client: its options can be changed before scene_start. */
static inline void scene_init(struct scene *s)
{
    *s = (struct scene){.listener = -1};
    s->allocator = failing_memory_allocator(&s->memory);
    s->listener = scene_listen(s->address);
    (void)snprintf(s->url, sizeof s->url, "http://%s/", s->address);
    assert_int_equal(weir_loop_new(&s->loop, &s->allocator, NULL), WEIR_OK);
    s->options = (weir_client_options){.size = sizeof s->options,
                                       .loop = s->loop,
                                       .allocator = s->allocator,
                                       .ending = scene_on_ending,
                                       .drained = scene_on_drained,
                                       .app = s};
}

static inline void scene_start(struct scene *s)
{
    weir_error error;
    weir_code code = weir_client_new(&s->client, &s->options, &error);
    if (code != WEIR_OK)
        fail_msg("%s: %s", weir_code_name(code), error.text);
}

static inline void scene_open(struct scene *s)
{
    scene_init(s);
    scene_start(s);
}

static inline weir_ledger scene_ledger(const struct scene *s)
{
    weir_ledger ledger = {.size = sizeof ledger};
    weir_client_ledger(s->client, &ledger);
    return ledger;
}

static inline weir_pool_counts scene_counts(const struct scene *s)
{
    weir_pool_counts counts = {.size = sizeof counts};
    weir_client_counts(s->client, &counts);
    return counts;
}

static inline void scene_check_ledger(const struct scene *s)
{
    weir_ledger l = scene_ledger(s);
    weir_pool_counts c = scene_counts(s);
    uint64_t ended = 0;
    for (int i = 0; i < WEIR_CODE_COUNT; i++)
        ended += l.ended_by_code[i];
    assert_int_equal(l.accepted, ended + l.alive);
    assert_int_equal(ended, s->endings);
    assert_int_equal(c.busy + c.idle + c.closing, l.alive);
    assert_int_equal(l.octets_queued, l.octets_acked + l.octets_unacked + l.octets_unsent + l.octets_in_flight);
    assert_true(l.exchanges_done <= l.exchanges_begun);
}

static inline void scene_close_client(struct scene *s)
{
    if (s->client != NULL)
        scene_check_ledger(s);
    weir_client_free(s->client);
    s->client = NULL;
}

/* The client ends with all it has; nothing may be left. */
static inline void scene_close(struct scene *s)
{
    scene_close_client(s);
    weir_loop_free(s->loop);
    if (s->listener >= 0)
        close(s->listener);
    assert_int_equal(s->memory.live, 0);
}

static inline double scene_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Steps the loop until `condition` holds. */
#define SCENE_UNTIL(s, condition)                                                                                      \
    do {                                                                                                               \
        double scene_end = scene_seconds() + SCENE_PATIENCE_S;                                                         \
        while (!(condition)) {                                                                                         \
            weir_loop_step((s)->loop, WEIR_MS);                                                                        \
            if (scene_seconds() > scene_end)                                                                           \
                fail_msg("waited too long for: %s", #condition);                                                       \
        }                                                                                                              \
    } while (0)

/* Lets what is under way happen: for tests that something does not. */
static inline void scene_settle(struct scene *s)
{
    for (int i = 0; i < 20; i++)
        weir_loop_step(s->loop, WEIR_MS);
}

/* --- asking ----------------------------------------------------------------------------------------------------- */

static inline weir_code call_try(struct scene *s, struct call *call, const weir_request *request)
{
    weir_request ours = *request;
    call->scene = s;
    ours.handler = call->handler != NULL ? call->handler : &call_handler;
    ours.app = call;
    if (ours.url.len == 0 && ours.connect_to.len == 0)
        ours.url = weir_str_from(s->url);
    return weir_client_send(s->client, &ours, &call->x, NULL);
}

static inline void call_send(struct scene *s, struct call *call, const weir_request *request)
{
    assert_int_equal(call_try(s, call, request), WEIR_OK);
    assert_non_null(call->x);
    assert_int_equal(call->done, 0);
}

static inline void call_get(struct scene *s, struct call *call)
{
    call_send(s, call, WEIR_REQUEST(.method = WEIR_STR("GET")));
}

static inline void call_wait(struct scene *s, struct call *call)
{
    SCENE_UNTIL(s, call->done > 0);
    assert_int_equal(call->done, 1);
}

#define CALL_EXPECT(call, text) assert_string_equal((call)->log, text)

/* --- a server's side -------------------------------------------------------------------------------------------- */

struct served {
    struct scene *scene;
    int fd;
    char octets[65536]; /* what came and was not dropped, terminated */
    size_t size;
    size_t in_all;
};

static inline bool served_try(struct served *v, struct scene *s, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return false;
    v->scene = s;
    v->fd = fd;
    v->size = v->in_all = 0;
    v->octets[0] = '\0';
    return true;
}

static inline void served_accept(struct served *v, struct scene *s)
{
    SCENE_UNTIL(s, served_try(v, s, s->listener));
}

/* Takes what is there: its size; 0 at the end, -1 if nothing is there now, -2 after a reset. */
static inline ssize_t served_take(struct served *v)
{
    ssize_t n = recv(v->fd, v->octets + v->size, sizeof v->octets - 1 - v->size, 0);
    if (n < 0)
        return errno == EAGAIN ? -1 : -2;
    v->size += (size_t)n;
    v->in_all += (size_t)n;
    v->octets[v->size] = '\0';
    return n;
}

static inline bool served_has(struct served *v, const char *text)
{
    (void)served_take(v);
    return strstr(v->octets, text) != NULL;
}

/* Waits for that text. */
static inline void served_read(struct served *v, const char *text)
{
    SCENE_UNTIL(v->scene, served_has(v, text));
}

/* Waits for a head without content, and drops it. */
static inline void served_request(struct served *v)
{
    served_read(v, "\r\n\r\n");
    v->size = 0;
    v->octets[0] = '\0';
}

static inline bool served_drop(struct served *v, size_t least)
{
    do {
        v->size = 0;
        v->octets[0] = '\0';
    } while (served_take(v) > 0);
    return v->in_all >= least;
}

/* Waits until so many octets came in all, and drops them. */
static inline void served_swallow(struct served *v, size_t least)
{
    SCENE_UNTIL(v->scene, served_drop(v, least));
}

static inline void served_say(struct served *v, const char *text)
{
    assert_int_equal(send(v->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Until the client's end has had the time to read what was said. */
static inline void served_is_heard(struct served *v)
{
    int left = -1;
    SCENE_UNTIL(v->scene, ioctl(v->fd, TIOCOUTQ, &left) == 0 && left == 0);
    scene_settle(v->scene);
}

static inline bool served_at(struct served *v, ssize_t end)
{
    ssize_t n;
    do {
        v->size = 0;
        v->octets[0] = '\0';
        n = served_take(v);
    } while (n > 0);
    return n == end;
}

/* Waits for the client's FIN, or its reset. */
static inline void served_fin(struct served *v)
{
    SCENE_UNTIL(v->scene, served_at(v, 0));
}

static inline void served_reset(struct served *v)
{
    SCENE_UNTIL(v->scene, served_at(v, -2));
}

static inline void served_close(struct served *v)
{
    close(v->fd);
    v->fd = -1;
}

static inline void served_abort(struct served *v)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(v->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    served_close(v);
}

#define ANSWER(text_size, text) "HTTP/1.1 200 OK\r\nContent-Length: " #text_size "\r\n\r\n" text
#define OK                      "200 =ok end done complete"

/* Answers whatever is asked on that connection next, and waits until the client has it. */
static inline void served_answer(struct served *v, struct call *call)
{
    served_request(v);
    served_say(v, ANSWER(2, "ok"));
    call_wait(v->scene, call);
    CALL_EXPECT(call, OK);
}

#endif
