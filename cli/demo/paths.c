/* The paths that answer from memory: / /delay /status /hints /headers /refuse. */
#include "demo/demo.h"

static void answer_hello(weir_exchange *x)
{
    (void)weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("text/plain")}),
                       weir_body_borrow(WEIR_STR("Hello, World!")));
}

void demo_hello(struct demo *demo, weir_exchange *x, weir_str rest)
{
    (void)demo;
    (void)rest;
    answer_hello(x);
}

static void delay_over(void *app)
{
    struct demo_task *task = app;
    answer_hello(task->x);
}

void demo_delay(struct demo *demo, weir_exchange *x, weir_str rest)
{
    uint64_t ms;
    (void)demo;
    if (!demo_number(rest, 3600000, &ms)) {
        demo_answer_wrong(x, "/delay/MS, milliseconds from 0 to 3600000");
        return;
    }
    struct demo_task *task = demo_task_new(x);
    if (task != NULL && !demo_task_after(task, ms * WEIR_MS, delay_over))
        demo_answer(x, 503, "text/plain", WEIR_STR("out of memory\n"));
}

void demo_status(struct demo *demo, weir_exchange *x, weir_str rest)
{
    uint64_t status;
    char place[64];
    struct text text = text_fixed(place, sizeof(place));
    (void)demo;
    if (rest.len != 3 || !demo_number(rest, 599, &status) || status < 200) {
        demo_answer_wrong(x, "/status/CODE, a final status from 200 to 599");
        return;
    }
    if (status == 204 || status == 205 || status == 304) {
        (void)weir_respond(x, (unsigned)status, WEIR_NO_FIELDS, weir_body_none());
        return;
    }
    weir_str reason = weir_status_reason((unsigned)status);
    text_printf(&text, "%u%s%.*s\n", (unsigned)status, reason.len > 0 ? " " : "", (int)reason.len,
                reason.len > 0 ? reason.ptr : "");
    demo_answer(x, (unsigned)status, "text/plain", text_view(&text));
}

void demo_hints(struct demo *demo, weir_exchange *x, weir_str rest)
{
    (void)demo;
    (void)rest;
    (void)weir_respond_interim(x, 103,
                               WEIR_FIELDS({WEIR_STR("link"), WEIR_STR("</style.css>; rel=preload; as=style")}));
    answer_hello(x);
}

void demo_refuse(struct demo *demo, weir_exchange *x, weir_str rest)
{
    (void)demo;
    (void)rest;
    weir_body_refuse(x);
    demo_answer(x, 413, "text/plain", WEIR_STR("refused before it was read\n"));
}

static void describe_request(struct text *text, const weir_exchange *x)
{
    weir_fields fields = weir_exchange_fields(x);
    text_printf(text, "{\"method\":");
    text_json(text, weir_request_method(x));
    text_printf(text, ",\"target\":");
    text_json(text, weir_request_target(x));
    text_printf(text, ",\"version\":\"%u.%u\",\"authority\":", weir_exchange_version(x) / 10,
                weir_exchange_version(x) % 10);
    text_json(text, weir_request_authority(x));
    text_printf(text, ",\"fields\":[");
    for (size_t i = 0; i < fields.count; i++) {
        text_printf(text, i == 0 ? "[" : ",[");
        text_json(text, fields.list[i].name);
        text_printf(text, ",");
        text_json(text, fields.list[i].value);
        text_printf(text, "]");
    }
    text_printf(text, "]}\n");
}

void demo_headers(struct demo *demo, weir_exchange *x, weir_str rest)
{
    (void)demo;
    (void)rest;
    struct demo_task *task = demo_task_new(x);
    if (task == NULL)
        return;
    describe_request(&task->text, x);
    if (task->text.cut) {
        demo_answer(x, 503, "text/plain", WEIR_STR("out of memory\n"));
        return;
    }
    (void)weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("application/json")}),
                       weir_body_borrow(text_view(&task->text)));
}
