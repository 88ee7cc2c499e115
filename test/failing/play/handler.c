#include "handler.h"

#include <stdlib.h>

struct task {
    weir_exchange *x;
    struct handler_app *app;
    weir_timer *timer;
    size_t written;
    bool echoes;
    bool streams;
    bool gives_up;
    bool posted; /* a post is on its way: it frees the task if the exchange has ended */
    bool is_over;
};

static void answer(struct task *task)
{
    (void)weir_respond(task->x, 200, WEIR_NO_FIELDS, weir_body_copy((weir_str){task->app->octets, SMALL_SIZE}));
}

static void on_timer(void *app)
{
    answer(app);
}

static void on_post(void *app)
{
    struct task *task = app;
    task->posted = false;
    if (task->is_over)
        free(task);
    else if (task->gives_up)
        weir_exchange_abort(task->x);
    else
        answer(task);
}

static void sorry(weir_exchange *x)
{
    (void)weir_respond(x, 503, WEIR_NO_FIELDS, weir_body_none());
}

static void later(struct task *task)
{
    task->timer = weir_timer_new(weir_exchange_loop(task->x), on_timer, task);
    if (task->timer != NULL)
        weir_timer_start(task->timer, 2 * WEIR_MS);
    else
        sorry(task->x);
}

static void post(struct task *task)
{
    task->posted = weir_loop_post(weir_exchange_loop(task->x), on_post, task) == WEIR_OK;
    if (!task->posted)
        sorry(task->x);
}

/* When much of the answer is with the kernel, and before anybody can have read it. */
static void give_up(struct task *task)
{
    weir_exchange *x = task->x;
    task->streams = weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_sized(BIG_SIZE)) == WEIR_OK;
    task->gives_up = true;
    task->posted = weir_loop_post(weir_exchange_loop(x), on_post, task) == WEIR_OK;
    if (!task->posted)
        weir_exchange_abort(x);
}

static void stream(struct task *task)
{
    size_t size = task->gives_up ? BIG_SIZE - 1 : STREAM_SIZE;
    size_t left = size - task->written;
    size_t took = weir_write(task->x, (weir_str){task->app->octets + task->written, left});
    task->written += took;
    if (task->written < size)
        return;
    task->streams = false;
    if (!task->gives_up)
        (void)weir_finish(task->x, WEIR_NO_FIELDS);
}

static void route(struct task *task, weir_str path)
{
    weir_exchange *x = task->x;
    struct handler_app *app = task->app;
    if (weir_str_equal(path, WEIR_STR("/later"))) {
        later(task);
    } else if (weir_str_equal(path, WEIR_STR("/posted"))) {
        post(task);
    } else if (weir_str_equal(path, WEIR_STR("/gives-up"))) {
        give_up(task);
    } else if (weir_str_equal(path, WEIR_STR("/big"))) {
        (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_borrow((weir_str){app->octets, BIG_SIZE}));
    } else if (weir_str_equal(path, WEIR_STR("/file"))) {
        (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_file(app->file, 0, FILE_SIZE));
    } else if (weir_str_equal(path, WEIR_STR("/refuse"))) {
        weir_body_refuse(x);
        (void)weir_respond(x, 413, WEIR_NO_FIELDS, weir_body_copy((weir_str){app->octets, SMALL_SIZE}));
    } else if (weir_str_equal(path, WEIR_STR("/stream"))) {
        task->streams = weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_sized(STREAM_SIZE)) == WEIR_OK;
    } else if (weir_str_equal(path, WEIR_STR("/echo"))) {
        task->echoes = weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_sized(weir_body_length(x))) == WEIR_OK;
    } else {
        answer(task);
    }
}

static void on_head(void *app, weir_exchange *x)
{
    struct handler_app *ours = app;
    ours->begun++;
    struct task *task = calloc(1, sizeof(*task));
    weir_exchange_set_user(x, task);
    if (task == NULL) {
        sorry(x);
        return;
    }
    task->x = x;
    task->app = ours;
    route(task, weir_request_path(x));
}

static size_t on_body(void *app, weir_exchange *x, weir_str octets)
{
    (void)app;
    struct task *task = weir_exchange_user(x);
    return task != NULL && task->echoes ? weir_write(x, octets) : octets.len;
}

static void on_end(void *app, weir_exchange *x)
{
    (void)app;
    struct task *task = weir_exchange_user(x);
    if (task != NULL && task->echoes)
        (void)weir_finish(x, WEIR_NO_FIELDS);
}

static void on_room(void *app, weir_exchange *x)
{
    (void)app;
    struct task *task = weir_exchange_user(x);
    if (task != NULL && task->streams)
        stream(task);
    if (task != NULL && task->echoes)
        weir_body_resume(x);
}

static void on_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    struct handler_app *ours = app;
    struct task *task = weir_exchange_user(x);
    (void)ending;
    ours->done++;
    if (task == NULL)
        return;
    weir_timer_free(task->timer);
    task->is_over = true;
    if (!task->posted)
        free(task);
}

const weir_handler handler_table =
    WEIR_HANDLER(.head = on_head, .body = on_body, .end = on_end, .room = on_room, .done = on_done);
