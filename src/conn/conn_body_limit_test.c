/* Goal: an exchange may have another limit of its body than the options say, and what is over it is refused before
 * it is read. Method: tables of limits and bodies, of a server and of a client. */
#include "conn/conn_drive.h"

#define KEEP UINT64_MAX - 1 /* the limit of the options holds */

static uint64_t limit_in_head;

static void limit(struct drive *d, weir_exchange *x)
{
    (void)d;
    if (limit_in_head != KEEP)
        weir_body_limit(x, limit_in_head);
}

static const struct row {
    uint64_t options, in_head, size;
    bool fits;
} rows[] = {
    {0, KEEP, 6, true},   {5, KEEP, 5, true},        {5, KEEP, 6, false}, {5, 6, 6, true},
    {5, 4, 5, false},     {5, WEIR_NEVER, 60, true}, {0, 5, 6, false},    {0, 5, 5, true},
    {5, 100, 101, false}, {5, 0, 1, false},          {5, 0, 0, true},
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

/* The head with a length, or one chunk, and its content. */
static void message(char *text, size_t room, const char *start, size_t size, bool chunked, bool content)
{
    char octets[128];
    memset(octets, 'a', sizeof octets);
    int n = snprintf(text, room, chunked ? "%sTransfer-Encoding: chunked\r\n\r\n" : "%sContent-Length: %zu\r\n\r\n",
                     start, size);
    if (!content)
        return;
    if (!chunked)
        snprintf(text + n, room - (size_t)n, "%.*s", (int)size, octets);
    else if (size == 0)
        snprintf(text + n, room - (size_t)n, "0\r\n\r\n");
    else
        snprintf(text + n, room - (size_t)n, "%zx\r\n%.*s\r\n0\r\n\r\n", size, (int)size, octets);
}

static struct drive *opened(const struct row *row, weir_role role, size_t read_max)
{
    struct drive *d = drive_new();
    limit_in_head = row->in_head;
    d->seed = (uint64_t)(row - rows);
    d->options.role = role;
    d->options.limits.body_size_max = row->options;
    d->script.head = limit;
    d->read_max = read_max;
    drive_open(d);
    return d;
}

static void of_requests(void **state)
{
    (void)state;
    char text[400];
    for (size_t i = 0; i < ROW_COUNT * 4; i++) {
        const struct row *row = &rows[i / 4];
        struct drive *d = opened(row, WEIR_ROLE_SERVER, i % 2);
        d->script.end = drive_answer;
        message(text, sizeof text, "POST / HTTP/1.1\r\nHost: a\r\n", row->size, i / 2 % 2, true);
        drive_send(d, text);
        DRIVE_MUST(d, drive_got(d, row->fits ? "HTTP/1.1 200" : "HTTP/1.1 413") && drive_count(d, "HTTP/1.1") == 1);
        DRIVE_MUST(d, d->begun == 1 && drive_logged(d, row->fits ? "done complete" : "done body_too_large"));
        drive_free(d);
    }
}

/* Of a length that is over, nothing is waited for, and no 100 is sent. */
static void before_the_body(void **state)
{
    (void)state;
    char text[400];
    for (size_t i = 0; i < ROW_COUNT * 2; i++) {
        const struct row *row = &rows[i / 2];
        struct drive *d = opened(row, WEIR_ROLE_SERVER, 0);
        message(text, sizeof text,
                i % 2 ? "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n" : "PUT / HTTP/1.1\r\nHost: a\r\n",
                row->size, false, false);
        drive_send(d, text);
        DRIVE_MUST(d, drive_got(d, "HTTP/1.1 413") == !row->fits);
        DRIVE_MUST(d, drive_got(d, "HTTP/1.1 100") == (i % 2 && row->fits && row->size > 0));
        drive_free(d);
    }
}

static void of_responses(void **state)
{
    (void)state;
    char text[400];
    for (size_t i = 0; i < ROW_COUNT * 4; i++) {
        const struct row *row = &rows[i / 4];
        struct drive *d = opened(row, WEIR_ROLE_CLIENT, i % 2);
        assert_int_equal(drive_ask(d, WEIR_REQUEST(.target = WEIR_STR("/"), .host = WEIR_STR("a")), NULL), WEIR_OK);
        drive_step(d);
        message(text, sizeof text, "HTTP/1.1 200 OK\r\n", row->size, i / 2 % 2, true);
        drive_send(d, text);
        DRIVE_MUST(d, drive_logged(d, row->fits ? "done complete" : "done body_too_large"));
        drive_free(d);
    }
}

/* It is looked at when the content is wanted: who paused in `head` may still decide. */
static void wait_for_it(struct drive *d, weir_exchange *x)
{
    (void)d;
    weir_body_pause(x);
}

static void decided_later(void **state)
{
    (void)state;
    for (int raised = 0; raised <= 1; raised++) {
        struct drive *d = opened(&rows[2], WEIR_ROLE_SERVER, 0);
        d->script.head = wait_for_it;
        d->script.end = drive_answer;
        drive_send(d, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\naaaaaa");
        DRIVE_MUST(d, d->out.size == 0 && d->dones == 0);
        if (raised)
            weir_body_limit(d->x, 6);
        weir_body_resume(d->x);
        drive_step(d);
        DRIVE_MUST(d, drive_got(d, raised ? "HTTP/1.1 200" : "HTTP/1.1 413"));
        drive_free(d);
    }
}

/* Below what came already: the next octet is too many. */
static size_t lower(struct drive *d, weir_exchange *x, weir_str octets)
{
    (void)d;
    weir_body_limit(x, 2);
    return octets.len;
}

static void lowered_within(void **state)
{
    (void)state;
    struct drive *d = opened(&rows[0], WEIR_ROLE_SERVER, 0);
    d->script.body = lower;
    drive_send(d, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\naaa\r\n");
    DRIVE_MUST(d, d->out.size == 0);
    drive_send(d, "1\r\na\r\n");
    DRIVE_MUST(d, drive_got(d, "HTTP/1.1 413"));
    drive_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_requests),   cmocka_unit_test(before_the_body), cmocka_unit_test(of_responses),
        cmocka_unit_test(decided_later), cmocka_unit_test(lowered_within),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
