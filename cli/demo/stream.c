/* The paths that write by the clock: /stream/N and /events. A reader too slow for the clock gets its next piece when it
 * has made room: pieces are never queued up for it. */
#include <inttypes.h>

#include "demo/demo.h"

#define STREAM_MAX (UINT64_C(1) << 40)

static void no_memory(struct demo_task *task)
{
    task->streams = false;
    weir_exchange_abort(task->x);
}

/* One piece, if there is room for all of it. */
static bool write_piece(struct demo_task *task, const struct text *piece)
{
    if (weir_write_room(task->x) < piece->len)
        return false;
    (void)weir_write(task->x, text_view(piece));
    task->offset++;
    return true;
}

static bool stream_piece(struct demo_task *task)
{
    char place[32];
    struct text piece = text_fixed(place, sizeof(place));
    text_printf(&piece, "%" PRIu64 "\n", task->offset + 1);
    return write_piece(task, &piece);
}

static bool stream_finished(struct demo_task *task)
{
    if (task->offset < task->total)
        return false;
    task->streams = false;
    (void)weir_finish(task->x, WEIR_NO_FIELDS);
    return true;
}

static void stream_due(void *app)
{
    struct demo_task *task = app;
    if (!task->streams)
        return;
    task->due = !stream_piece(task);
    if (!task->due && !stream_finished(task) && !demo_task_after(task, task->every_ns, stream_due))
        no_memory(task);
}

void demo_stream_room(struct demo_task *task)
{
    if (!task->streams)
        return;
    if (task->every_ns > 0) {
        if (task->due)
            stream_due(task);
        return;
    }
    while (!stream_finished(task))
        if (!stream_piece(task))
            return;
}

void demo_stream_head(struct demo *demo, weir_exchange *x, weir_str rest)
{
    uint64_t total, every_ns;
    (void)demo;
    if (!demo_number(rest, STREAM_MAX, &total)) {
        demo_answer_wrong(x, "/stream/N?every=MS, N from 0 to 1099511627776 (2^40)");
        return;
    }
    if (!demo_every(x, 100, &every_ns))
        return;
    struct demo_task *task = demo_task_new(x);
    if (task == NULL)
        return;
    task->total = total;
    task->every_ns = every_ns;
    if (!demo_stream(task, WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("text/plain")}), weir_body_stream()))
        return;
    task->due = true;
    if (total == 0)
        (void)stream_finished(task);
    else
        demo_stream_room(task);
}

static bool events_piece(struct demo_task *task)
{
    char place[128];
    struct text piece = text_fixed(place, sizeof(place));
    text_printf(&piece, "id: %" PRIu64 "\ndata: {\"n\":%" PRIu64 ",\"time\":\"", task->offset + 1, task->offset + 1);
    text_time(&piece);
    text_printf(&piece, "\"}\n\n");
    return write_piece(task, &piece);
}

static void events_due(void *app)
{
    struct demo_task *task = app;
    if (!task->streams)
        return;
    task->due = !events_piece(task);
    if (!task->due && !demo_task_after(task, task->every_ns, events_due))
        no_memory(task);
}

void demo_events_room(struct demo_task *task)
{
    if (task->due)
        events_due(task);
}

/* A FIN means that the client has left (browsers do not half-close); a drain, that it should come again elsewhere. */
void demo_events_event(struct demo_task *task, weir_event event)
{
    if (!task->streams)
        return;
    const weir_str farewell = WEIR_STR("event: drain\ndata: {}\n\n");
    if (event == WEIR_EVENT_DRAIN && weir_write_room(task->x) >= farewell.len)
        (void)weir_write(task->x, farewell);
    task->streams = false;
    (void)weir_finish(task->x, WEIR_NO_FIELDS);
}

void demo_events_head(struct demo *demo, weir_exchange *x, weir_str rest)
{
    uint64_t every_ns;
    (void)rest;
    if (!demo_every(x, 1000, &every_ns))
        return;
    struct demo_task *task = demo_task_new(x);
    if (task == NULL)
        return;
    /* Nothing between two events would let one client take a whole thread. */
    task->every_ns = every_ns > 0 ? every_ns : WEIR_MS;
    if (!demo_stream(task,
                     WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("text/event-stream")},
                                 {WEIR_STR("cache-control"), WEIR_STR("no-store")}),
                     weir_body_stream()))
        return;
    task->due = true;
    events_due(task);
    if (atomic_load(&demo->draining))
        demo_events_event(task, WEIR_EVENT_DRAIN);
}
