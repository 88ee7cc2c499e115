/* The paths below /.weir/: the server about itself. */
#include "demo/demo.h"

#include <stdlib.h>

static void answer_fresh(weir_exchange *x, unsigned status, const char *content_type, weir_body body)
{
    (void)weir_respond(x, status,
                       WEIR_FIELDS({WEIR_STR("content-type"), weir_str_from(content_type)},
                                   {WEIR_STR("cache-control"), WEIR_STR("no-store")},
                                   {WEIR_STR("x-content-type-options"), WEIR_STR("nosniff")}),
                       body);
}

void demo_page(struct demo *demo, weir_exchange *x, weir_str rest)
{
    (void)demo;
    (void)rest;
    answer_fresh(x, 200, "text/html; charset=utf-8", weir_body_borrow(demo_page_html()));
}

typedef int ledger_writer(const weir_ledger *ledger, char *text, size_t size);

static void answer_ledger(struct demo *demo, weir_exchange *x, ledger_writer *writer, const char *content_type)
{
    weir_ledger *ledger = calloc(1, sizeof(*ledger)); /* several kilobytes: too much for a callback's stack */
    struct demo_task *task = demo_task_new(x);
    if (task == NULL) {
        free(ledger);
        return;
    }
    if (ledger != NULL) {
        ledger->size = sizeof(*ledger);
        weir_server_ledger(demo->server, ledger);
        size_t size = (size_t)writer(ledger, NULL, 0) + 1;
        task->text.ptr = malloc(size);
        if (task->text.ptr != NULL)
            task->text.len = (size_t)writer(ledger, task->text.ptr, size);
    }
    free(ledger);
    if (task->text.ptr == NULL)
        demo_answer(x, 503, "text/plain", WEIR_STR("out of memory\n"));
    else
        answer_fresh(x, 200, content_type, weir_body_borrow(text_view(&task->text)));
}

void demo_metrics(struct demo *demo, weir_exchange *x, weir_str rest)
{
    (void)rest;
    answer_ledger(demo, x, weir_ledger_metrics, "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

void demo_endings(struct demo *demo, weir_exchange *x, weir_str rest)
{
    (void)rest;
    answer_ledger(demo, x, weir_ledger_json, "application/json");
}

void demo_health(struct demo *demo, weir_exchange *x, weir_str rest)
{
    (void)demo;
    (void)rest;
    answer_fresh(x, 200, "text/plain", weir_body_borrow(WEIR_STR("healthy\n")));
}

void demo_ready(struct demo *demo, weir_exchange *x, weir_str rest)
{
    (void)rest;
    bool draining = atomic_load(&demo->draining);
    answer_fresh(x, draining ? 503 : 200, "text/plain",
                 weir_body_borrow(draining ? WEIR_STR("draining\n") : WEIR_STR("ready\n")));
}
