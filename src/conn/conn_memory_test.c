/* Goal: what a peer can make a connection hold has a bound in every state, in octets as they were allocated, and
 * docs/security-model.md says how much it is. Method: each state is filled as far as a peer can, on a connection of
 * the default options; conn_drive.h holds what the connection says of itself against what its config took of the
 * allocator. */
#include "conn/conn.h"
#include "conn/conn_drive.h"

#define KIB   1024
#define LIMIT 65536 /* head_size_max, and connection_memory_max */

static char page[1 << 18];

static int read_page(void **state)
{
    static const char here[] = "src/conn/conn_memory_test.c";
    char path[4096] = __FILE__;
    char *tail = strstr(path, here);
    (void)state;
    if (tail == NULL)
        return -1;
    snprintf(tail, sizeof path - (size_t)(tail - path), "docs/security-model.md");
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return -1;
    size_t size = fread(page, 1, sizeof page - 1, file);
    page[size] = '\0';
    return fclose(file);
}

/* The row `| name | what fills it | N KiB | at most M KiB |`: both hold, and N is no more than a tenth from what is. */
static void held_as_in_page(const char *name, const struct drive *d)
{
    char start[80];
    unsigned said = 0, bound = 0;
    double held = (double)weir_conn_memory(d->engine) / KIB;
    snprintf(start, sizeof start, "\n| %s |", name);
    const char *row = strstr(page, start), *cell = row != NULL ? strchr(row + strlen(start), '|') : NULL;
    if (cell == NULL || sscanf(cell, "| %u KiB | %u KiB |", &said, &bound) != 2)
        fail_msg("docs/security-model.md has no row for %s, which holds %.1f KiB", name, held);
    if (held > bound)
        fail_msg("%s: %.1f KiB are held, and at most %u may be", name, held, bound);
    if (held > said * 1.1 || held + 1 < said * 0.9)
        fail_msg("%s: %.1f KiB are held, and the page says %u", name, held, said);
}

/* --- what the peer sends ---------------------------------------------------------------------------------------- */

static void ask(struct drive *d, const char *start, size_t fields, size_t value_size, const char *end)
{
    static char value[LIMIT];
    memset(value, 'x', sizeof value);
    drive_append(&d->inbox, start, strlen(start));
    for (size_t i = 0; i < fields; i++) {
        drive_append(&d->inbox, "A: ", 3);
        drive_append(&d->inbox, value, value_size);
        drive_append(&d->inbox, "\r\n", 2);
    }
    drive_append(&d->inbox, end, strlen(end));
}
static void fill(struct drive *d, size_t size)
{
    static const char octets[4096] = "x";
    for (size_t done = 0; done < size; done += sizeof octets)
        drive_append(&d->inbox, octets, sizeof octets);
}
static struct drive *opened(void (*head)(struct drive *d, weir_exchange *x))
{
    struct drive *d = drive_new();
    d->script.head = head;
    drive_open(d);
    return d;
}

/* --- answers that are not read ---------------------------------------------------------------------------------- */

static void no_content(struct drive *d, weir_exchange *x)
{
    (void)d;
    (void)weir_respond(x, 204, WEIR_NO_FIELDS, weir_body_none());
}
static void borrowed(struct drive *d, weir_exchange *x)
{
    static const char octets[4096] = "x";
    (void)d;
    (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_borrow((weir_str){octets, sizeof octets}));
}
static void with_fields(struct drive *d, weir_exchange *x)
{
    (void)d;
    (void)weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("Content-Type"), WEIR_STR("text/plain")}),
                       weir_body_copy(WEIR_STR("hello")));
}

static const struct kind {
    const char *start;
    size_t fields, value_size;
    const char *end;
    void (*answer)(struct drive *d, weir_exchange *x);
} kinds[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n", 0, 0, "\r\n", drive_answer},
    {"GET / HTTP/1.1\r\nHost: a\r\n", 0, 0, "\r\n", borrowed},
    {"GET /204 HTTP/1.1\r\nHost: a\r\n", 0, 0, "\r\n", no_content},
    {"DELETE / HTTP/1.1\r\nHost: a\r\n", 0, 0, "\r\n", with_fields},
    {"HEAD / HTTP/1.1\r\nHost: a\r\n", 0, 0, "\r\n", drive_answer},
    {"GET / HTTP/1.1\r\nHost: a\r\n", 90, 1, "\r\n", no_content},
    {"GET / HTTP/1.1\r\nHost: a\r\n", 1, 7000, "\r\n", no_content},
    {"GET / HTTP/1.1\r\nHost: a\r\n", 8, 8000, "\r\n", no_content},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n", 0, 0, "\r\nabc", no_content},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n", 0, 0, "\r\n1\r\na\r\n0\r\n\r\n", no_content},
};

/* Asked thousands of times. Behind the bound there is at most the exchange that reached it and the input that waits. */
static void pipelined_and_unread(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct kind *kind = &kinds[i];
        struct drive *d = opened(kind->answer);
        size_t head = kind->fields * (kind->value_size + 5);
        d->write_left = 0;
        for (size_t n = 0; n < 3000; n++)
            ask(d, kind->start, kind->fields, kind->value_size, kind->end);
        drive_step(d);
        size_t most = LIMIT + 32 * KIB + 2 * head + 8 * KIB;
        if (weir_conn_memory(d->engine) > most)
            fail_msg("kind %zu: %llu octets are held, at most %zu", i, (unsigned long long)weir_conn_memory(d->engine),
                     most);
        DRIVE_MUST(d, d->begun >= 1 && d->begun < 3000);
        d->write_max = 777;
        d->write_left = UINT64_MAX;
        drive_step(d);
        DRIVE_MUST(d, d->begun == 3000 && d->dones == 3000);
        DRIVE_MUST(d, weir_conn_memory(d->engine) < KIB);
        drive_free(d);
    }
}

/* The bound is what the option says: from so little that one answer is one write to none at all. */
static void as_much_as_is_allowed(void **state)
{
    static const uint64_t bounds[] = {4096, 16384, 262144, WEIR_UNLIMITED};
    unsigned before = 0;
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct drive *d = drive_new();
        d->script.head = no_content;
        d->options.connection_memory_max = bounds[i];
        drive_open(d);
        d->write_left = 0;
        for (size_t n = 0; n < 2000; n++)
            ask(d, "GET / HTTP/1.1\r\nHost: a\r\n", 0, 0, "\r\n");
        drive_step(d);
        DRIVE_MUST(d, bounds[i] == WEIR_UNLIMITED || weir_conn_memory(d->engine) < bounds[i] + 48 * KIB);
        DRIVE_MUST(d, d->begun > before && (d->begun == 2000) == (i == 3));
        before = d->begun;
        drive_free(d);
    }
}

/* A peer that reads has its batch answered in one write, however large the batch is that the bound lets be. */
static void one_write_a_batch(void **state)
{
    struct drive *d = opened(drive_answer);
    (void)state;
    for (int batch = 0; batch < 10; batch++) {
        for (int n = 0; n < 32; n++)
            drive_append(&d->inbox, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
        drive_step(d);
    }
    DRIVE_MUST(d, d->dones == 320 && d->writes == 10);
    drive_free(d);
}

/* --- the states of the page ------------------------------------------------------------------------------------- */

static void unused_and_idle(void **state)
{
    struct drive *d = opened(no_content);
    (void)state;
    held_as_in_page("unused", d);
    drive_send(d, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    DRIVE_MUST(d, d->dones == 1);
    held_as_in_page("idle", d);
    drive_free(d);
}
static void head_in_progress(void **state)
{
    struct drive *d = opened(NULL);
    (void)state;
    ask(d, "GET / HTTP/1.1\r\nHost: a\r\n", 8, 8120, "A");
    drive_step(d);
    DRIVE_MUST(d, d->begun == 0 && !d->shut && d->inbox_at == d->inbox.size);
    held_as_in_page("head in progress", d);
    drive_free(d);
}
static void pause_body(struct drive *d, weir_exchange *x)
{
    (void)d;
    weir_body_pause(x);
}
static void body_paused(void **state)
{
    struct drive *d = opened(pause_body);
    (void)state;
    ask(d, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n", 8, 8100, "\r\n");
    fill(d, 1 << 20);
    drive_step(d);
    DRIVE_MUST(d, d->begun == 1 && d->inbox_at < 200 * KIB);
    held_as_in_page("body paused", d);
    drive_free(d);
}
static void in_handler(void **state)
{
    struct drive *d = opened(NULL);
    (void)state;
    ask(d, "GET / HTTP/1.1\r\nHost: a\r\n", 8, 8100, "\r\n");
    for (int n = 0; n < 10000; n++)
        ask(d, "GET / HTTP/1.1\r\nHost: a\r\n", 0, 0, "\r\n");
    drive_step(d);
    DRIVE_MUST(d, d->begun == 1);
    held_as_in_page("handler", d);
    drive_free(d);
}
static void stream(struct drive *d, weir_exchange *x)
{
    (void)d;
    (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_stream());
}
static void write_all(struct drive *d, weir_exchange *x)
{
    static const char octets[100000] = "x";
    (void)d;
    while (weir_write(x, (weir_str){octets, sizeof octets}) > 0)
        continue;
}
static void write_octets(struct drive *d, weir_exchange *x)
{
    (void)d;
    while (weir_write(x, WEIR_STR("x")) > 0)
        continue;
}
static void response_unread(void **state)
{
    (void)state;
    for (int small = 0; small <= 1; small++) {
        struct drive *d = opened(stream);
        d->script.room = small ? write_octets : write_all;
        d->write_left = 0;
        ask(d, "GET / HTTP/1.1\r\nHost: a\r\n", 8, 8100, "\r\n");
        fill(d, 1 << 20);
        drive_step(d);
        DRIVE_MUST(d, weir_write_room(d->x) == 0);
        held_as_in_page("response unread", d);
        drive_free(d);
    }
}
static void pipelined_state(void **state)
{
    struct drive *d = opened(no_content);
    (void)state;
    d->write_left = 0;
    for (int n = 0; n < 10000; n++)
        ask(d, "GET / HTTP/1.1\r\nHost: a\r\n", 0, 0, "\r\n");
    drive_step(d);
    held_as_in_page("pipelined, unread", d);
    drive_free(d);
}
/* The worst of it: small ones up to the bound, and then the largest that there is. */
static void pipelined_and_large(void **state)
{
    struct drive *d = opened(no_content);
    (void)state;
    d->write_left = 0;
    for (int n = 0; n < 40; n++)
        ask(d, "GET / HTTP/1.1\r\nHost: a\r\n", 0, 0, "\r\n");
    drive_step(d);
    ask(d, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n", 8, 8100, "\r\n0\r\n");
    ask(d, "", 8, 8100, "\r\n");
    for (int n = 0; n < 10000; n++)
        ask(d, "GET / HTTP/1.1\r\nHost: a\r\n", 0, 0, "\r\n");
    drive_step(d);
    DRIVE_MUST(d, d->begun == 41);
    held_as_in_page("pipelined, then large", d);
    drive_free(d);
}
static void trailers(void **state)
{
    struct drive *d = opened(NULL);
    (void)state;
    ask(d, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n", 90, 600, "\r\n0\r\n");
    ask(d, "", 90, 600, "\r\n");
    drive_step(d);
    DRIVE_MUST(d, drive_logged(d, "end;"));
    held_as_in_page("trailers", d);
    drive_free(d);
}
static void tunnel(struct drive *d, weir_exchange *x)
{
    (void)d;
    (void)weir_respond(x, 101, WEIR_FIELDS({WEIR_STR("Upgrade"), WEIR_STR("echo")}), weir_body_tunnel());
    weir_body_pause(x);
}
static void in_tunnel(void **state)
{
    struct drive *d = opened(tunnel);
    (void)state;
    d->script.room = write_all;
    d->write_left = 200;
    ask(d, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n", 8, 8090, "\r\n");
    fill(d, 1 << 20);
    drive_step(d);
    DRIVE_MUST(d, drive_got(d, "101"));
    held_as_in_page("tunnel", d);
    drive_free(d);
}
static void last_answer(struct drive *d, weir_exchange *x)
{
    weir_exchange_close(x);
    no_content(d, x);
}
static void closing(void **state)
{
    struct drive *d = opened(last_answer);
    (void)state;
    ask(d, "GET / HTTP/1.1\r\nHost: a\r\n", 8, 8100, "\r\n");
    fill(d, 1 << 21);
    drive_step(d);
    DRIVE_MUST(d, d->shut && !d->closed);
    held_as_in_page("closing", d);
    drive_free(d);
}

static void of_all_sizes(struct drive *d, weir_exchange *x)
{
    static const char octets[1000] = "x";
    (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_copy((weir_str){octets, d->begun * 7 % 997}));
}
/* The kernel takes the answers, and the peer acknowledges none. */
static void unacknowledged(void **state)
{
    (void)state;
    for (int unknown = 0; unknown <= 1; unknown++) {
        struct drive *d = opened(of_all_sizes);
        d->acks = false;
        d->receipts_unknown = unknown;
        for (int n = 0; n < 20000; n++)
            ask(d, "GET / HTTP/1.1\r\nHost: a\r\n", 0, 0, "\r\n");
        drive_step(d);
        DRIVE_MUST(d, d->dones == 20000 && d->write_left > 0);
        held_as_in_page("unacknowledged", d);
        drive_free(d);
    }
}

/* --- when memory is short --------------------------------------------------------------------------------------- */

static void refuse(struct drive *d)
{
    conn_refuse(d->engine, WEIR_CODE_memory_limit, d->now_ns);
    DRIVE_MUST(d, d->engine == NULL || weir_conn_memory(d->engine) < 8 * KIB || d->write_left == 0);
    drive_step(d);
}
/* Who has been sent nothing is told, and what it sent is dropped at once. */
static void refused_with_503(void **state)
{
    static const char *const ends[] = {"A", "\r\n", "Content-Length: 100000\r\n\r\nabc"};
    (void)state;
    for (int i = 0; i < 6; i++) {
        struct drive *d = opened(i % 3 == 2 ? pause_body : NULL);
        const char *start = i < 3 ? "GET / HTTP/1.1\r\nHost: a\r\n" : "HEAD / HTTP/1.1\r\nHost: a\r\n";
        ask(d, start, 8, 8000, ends[i % 3]);
        drive_step(d);
        DRIVE_MUST(d, weir_conn_memory(d->engine) > 60 * KIB);
        refuse(d);
        DRIVE_MUST(d, drive_got(d, "HTTP/1.1 503 ") && drive_got(d, "Connection: close\r\n") && d->shut);
        DRIVE_MUST(d, drive_got(d, "memory_limit") == (i < 3));
        drive_fin(d);
        DRIVE_MUST(d, d->closed && d->ending.code == WEIR_CODE_memory_limit);
        DRIVE_MUST(d, d->ending.judged == WEIR_CLASS_NOTABLE && d->dones == d->begun);
        drive_free(d);
    }
}
/* Half an answer can only be cut. */
static void cut_within_answers(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct drive *d = opened(i == 0 ? no_content : i == 1 ? stream : tunnel);
        d->script.room = write_all;
        d->write_left = 0;
        for (int n = 0; n < 100; n++)
            ask(d, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n", 0, 0, "\r\n");
        drive_step(d);
        refuse(d);
        DRIVE_MUST(d, d->closed && d->was_abort && d->ending.code == WEIR_CODE_memory_limit && d->out.size == 0);
        drive_free(d);
    }
}

/* --- a client's ------------------------------------------------------------------------------------------------- */

static struct drive *client(void)
{
    struct drive *d = drive_new();
    d->options.role = WEIR_ROLE_CLIENT;
    drive_open(d);
    assert_int_equal(drive_ask(d, WEIR_REQUEST(.target = WEIR_STR("/"), .host = WEIR_STR("a")), NULL), WEIR_OK);
    drive_step(d);
    return d;
}
static void pause_answer(struct drive *d, weir_exchange *x)
{
    (void)d;
    if (!weir_response_is_interim(x))
        weir_body_pause(x);
}
static void of_a_client(void **state)
{
    struct drive *d = client();
    (void)state;
    d->script.head = pause_answer;
    for (int n = 0; n < 32; n++)
        ask(d, "HTTP/1.1 103 Early Hints\r\n", 8, 8100, "\r\n");
    ask(d, "HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n", 8, 8100, "\r\n");
    fill(d, 1 << 20);
    drive_step(d);
    DRIVE_MUST(d, !d->closed && drive_logged(d, "head 200"));
    held_as_in_page("of a client: response paused", d);
    drive_free(d);
}
/* What no limit lets through ends the connection, and is not kept. */
static void client_is_flooded(void **state)
{
    static const char *const starts[] = {"HTTP/1.1 103 Early Hints\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct drive *d = client();
        for (int n = 0; n < 100; n++)
            ask(d, starts[i], 8, 8100, "\r\n");
        drive_step(d);
        DRIVE_MUST(d, d->closed && d->inbox_at < 40 * LIMIT);
        drive_free(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipelined_and_unread),
        cmocka_unit_test(as_much_as_is_allowed),
        cmocka_unit_test(one_write_a_batch),
        cmocka_unit_test(unused_and_idle),
        cmocka_unit_test(head_in_progress),
        cmocka_unit_test(body_paused),
        cmocka_unit_test(in_handler),
        cmocka_unit_test(response_unread),
        cmocka_unit_test(pipelined_state),
        cmocka_unit_test(pipelined_and_large),
        cmocka_unit_test(trailers),
        cmocka_unit_test(in_tunnel),
        cmocka_unit_test(closing),
        cmocka_unit_test(of_a_client),
        cmocka_unit_test(client_is_flooded),
        cmocka_unit_test(refused_with_503),
        cmocka_unit_test(cut_within_answers),
        cmocka_unit_test(unacknowledged),
    };
    return cmocka_run_group_tests(tests, read_page, NULL);
}
