/* The paths that read: /echo gives back what comes as it comes, /digest reads all and tells its sum. */
#include <inttypes.h>

#include "demo/demo.h"

void demo_echo_head(struct demo *demo, weir_exchange *x, weir_str rest)
{
    (void)demo;
    (void)rest;
    (void)demo_task_new(x);
}

/* Only when the first octets are there: an answer in `head` would leave a client that waits for 100 (Continue)
 * without. */
static void echo_answer(struct demo_task *task)
{
    uint64_t length = weir_body_length(task->x);
    weir_str type = weir_fields_value(weir_exchange_fields(task->x), WEIR_STR("content-type"));
    if (type.len == 0)
        type = WEIR_STR("application/octet-stream");
    (void)demo_stream(task, WEIR_FIELDS({WEIR_STR("content-type"), type}),
                      length == WEIR_NEVER ? weir_body_stream() : weir_body_sized(length));
}

size_t demo_echo_body(struct demo_task *task, weir_str octets)
{
    if (!task->answered)
        echo_answer(task);
    return task->streams ? weir_write(task->x, octets) : octets.len;
}

void demo_echo_room(struct demo_task *task)
{
    weir_body_resume(task->x);
}

void demo_echo_end(struct demo_task *task)
{
    if (!task->answered)
        echo_answer(task);
    if (!task->streams)
        return;
    task->streams = false;
    (void)weir_finish(task->x, weir_exchange_trailers(task->x));
}

void demo_digest_head(struct demo *demo, weir_exchange *x, weir_str rest)
{
    (void)demo;
    (void)rest;
    struct demo_task *task = demo_task_new(x);
    if (task == NULL)
        return;
    task->digest = EVP_MD_CTX_new();
    if (task->digest != NULL && EVP_DigestInit_ex(task->digest, EVP_sha256(), NULL) == 1)
        return;
    weir_body_refuse(x);
    task->answered = true;
    demo_answer(x, 503, "text/plain", WEIR_STR("out of memory\n"));
}

size_t demo_digest_body(struct demo_task *task, weir_str octets)
{
    if (!task->answered)
        (void)EVP_DigestUpdate(task->digest, octets.ptr, octets.len);
    task->total += octets.len;
    return octets.len;
}

void demo_digest_end(struct demo_task *task)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    char place[160];
    struct text text = text_fixed(place, sizeof(place));
    if (task->answered)
        return;
    task->answered = true;
    (void)EVP_DigestFinal_ex(task->digest, sum, &size);
    text_printf(&text, "{\"octets\":%" PRIu64 ",\"sha256\":\"", task->total);
    for (unsigned i = 0; i < size; i++)
        text_printf(&text, "%02x", sum[i]);
    text_printf(&text, "\"}\n");
    demo_answer(task->x, 200, "application/json", text_view(&text));
}
