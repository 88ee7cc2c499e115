/* Goal: what a log says is found and nothing else is; each row can be found, and says all that a reader wants. Method:
 * lines as the programs write them; every row of every table, put as its program puts it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "explain/explain.h"

/* "nginx/upstream timed out EMFILE HAProxy/CD-- head_timeout": what is found, in its order. */
static const char *names(const char *line)
{
    static char all[1000];
    struct explain_found found[EXPLAIN_FOUND_MAX];
    size_t length = 0, count = explain_find(line, found);
    all[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const struct explain_found *f = &found[i];
        const char *word = f->table == NULL     ? weir_code_name(f->code)
                           : f->text[0] != '\0' ? f->text
                           : f->row != NULL     ? f->row->word
                                                : "?";
        bool plain = f->table == NULL || f->table->kind == EXPLAIN_ERRNO;
        length += (size_t)snprintf(all + length, sizeof(all) - length, "%s%s%s%s", i > 0 ? " " : "",
                                   plain ? "" : f->table->program, plain ? "" : "/", word);
    }
    return all;
}

#define FINDS(line, expected) assert_string_equal(names(line), expected)

static void test_lines_of_logs(void **state)
{
    (void)state;
    FINDS("Error serving connection: hyper::Error(Shutdown, Os { code: 107, kind: NotConnected, message: \"Transport "
          "endpoint is not connected\" })",
          "hyper/error shutting down connection ENOTCONN");
    FINDS("error sending request: connection closed before message completed",
          "hyper/connection closed before message completed");
    FINDS("hyper::Error(Parse(VersionH2))", "hyper/invalid HTTP version parsed (found HTTP2 preface)");
    FINDS("failed: Connection reset by peer (os error 104)", "ECONNRESET");
    FINDS("ConnectionResetError: [Errno 104]", "ECONNRESET");
    FINDS("2026/01/01 [info] 7#7: *1 client prematurely closed connection, client: 10.0.0.1",
          "nginx/client prematurely closed connection");
    FINDS("2026/01/01 [error] 7#7: *1 upstream timed out (110: Connection timed out) while connecting to upstream",
          "nginx/upstream timed out*while connecting to upstream ETIMEDOUT");
    FINDS("2026/01/01 [error] 7#7: *1 recv() failed (104: Connection reset by peer) while reading response header from "
          "upstream, client: 10.0.0.1",
          "nginx/reset by peer) while reading response header from upstream ECONNRESET");
    FINDS("2026/01/01 [crit] 7#7: accept4() failed (24: Too many open files)", "EMFILE");
    FINDS("accept() failed (23: Too many open files in system)", "ENFILE");
    FINDS("10.0.0.1 - - [01/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 499 0 \"-\" \"a\"", "nginx/499");
    FINDS("10.0.0.1 - - [01/Jan/2026:00:00:00 +0000] \"GET /499 HTTP/1.1\" 200 499 \"-\" \"a\"", "");
    FINDS(
        "haproxy[7]: 10.0.0.1:33317 [01/Jan/2026:00:00:00.655] in b/s 10/0/30/-1/109 502 2750 - - SH-- 1/1/1/1/+0 0/0 "
        "\"GET /CD-- HTTP/1.1\"",
        "HAProxy/SH--");
    FINDS("haproxy[7]: 10.0.0.1:33313 [01/Jan/2026:00:00:00.443] fnt bck/srv1 0/0/5007 212 -- 0/0/0/0/3 0/0",
          "HAProxy/--");
    FINDS("[2026-01-01T00:00:00.310Z] \"GET / HTTP/2\" 503 UF,URX 154 0 226", "Envoy/UF Envoy/URX");
    FINDS("{\"response_code\":503,\"response_flags\":\"UC\"}", "Envoy/UC");
    FINDS("Proxy-Status: cache.example; error=connection_terminated; next-hop=a", "RFC 9209/connection_terminated");
    FINDS("curl: (52) Empty reply from server", "curl/52");
    FINDS("CURLE_RECV_ERROR", "curl/56");
    FINDS("Read error (Connection timed out) in headers.", "wget/Read error (*) in headers. ETIMEDOUT");
    FINDS("  Socket errors: connect 0, read 12, write 0, timeout 3", "wrk/Socket errors: connect");
}

static void test_lines_of_ours(void **state)
{
    (void)state;
    FINDS("time=x level=info msg=\"connection ended\" code=stopped stage=idle os=ECONNRESET", "stopped ECONNRESET");
    FINDS("{\"code\":\"drained\",\"os\":\"0\"}", "drained");
    FINDS("weir get: http://a/: exchange_timeout: the exchange did not end in time (retry: maybe_processed)",
          "exchange_timeout");
    FINDS("it stopped, aborted and was drained: all ok", "");
}

static void test_words_alone(void **state)
{
    (void)state;
    FINDS("stopped", "stopped");
    FINDS("EPIPE", "EPIPE");
    FINDS("epipe", "EPIPE");
    FINDS("32", "EPIPE");
    FINDS("EXDEV", "?"); /* known to the system, and no end of a connection */
    FINDS("18", "?");
    FINDS("0", "");
    FINDS("134", "");
    FINDS("99999999999999999999", "");
    FINDS("499", "nginx/499");
    FINDS("CD", "HAProxy/CD");
    FINDS("cD--", "HAProxy/cD--");
    FINDS("KD", "HAProxy/KD"); /* two letters that have no row */
    FINDS("UC", "Envoy/UC");   /* which are those of HAProxy too */
    FINDS("LH", "Envoy/LH HAProxy/LH");
    FINDS("UC,URX", "Envoy/URX Envoy/UC");
    FINDS("XX", "");
    FINDS("CDXX", "");
    FINDS("dns_error", "RFC 9209/dns_error");
    FINDS("curl 52", "curl/52");
    FINDS("curl 520", "");
    FINDS("wget 4", "wget/4");
    FINDS("", "");
    FINDS("no such word", "");
}

static void test_more_than_is_kept(void **state)
{
    (void)state;
    struct explain_found found[EXPLAIN_FOUND_MAX];
    assert_int_equal(
        explain_find("EPIPE ECONNRESET ENOTCONN ECONNREFUSED ETIMEDOUT EMFILE EBADF EFAULT EIO EPERM EACCES", found),
        EXPLAIN_FOUND_MAX);
}

/* As the program writes it. */
static void put(char line[300], const struct explain_table *table, const struct explain_row *row)
{
    static const char *const forms[] = {
        [EXPLAIN_ERRNO] = "os=%s",
        [EXPLAIN_PHRASE] = "x %s y",
        [EXPLAIN_STATUS] = "\"GET / HTTP/1.1\" %s 0",
        [EXPLAIN_EXIT] = "(%s) x",
        [EXPLAIN_FLAGS] = "response_flags=%s",
        [EXPLAIN_STATE] = "- %sVN 1/1/1/1/0 0/0",
        [EXPLAIN_PARAMETER] = "p; error=%s",
    };
    char form[40];
    (void)snprintf(form, sizeof(form), "%s%s%s", table->kind == EXPLAIN_EXIT ? table->program : "",
                   table->kind == EXPLAIN_EXIT ? ": " : "", forms[table->kind]);
    const char *percent = strstr(form, "%s");
    (void)snprintf(line, 300, "%.*s%s%s", (int)(percent - form), form, row->word, percent + 2);
}

static bool finds(const char *line, const struct explain_row *row)
{
    struct explain_found found[EXPLAIN_FOUND_MAX];
    size_t count = explain_find(line, found);
    for (size_t i = 0; i < count; i++)
        if (found[i].row == row)
            return true;
    return false;
}

static void check_row(const struct explain_table *table, const struct explain_row *row)
{
    char line[300];
    put(line, table, row);
    if (strcmp(row->word, "..") != 0 && !finds(line, row))
        fail_msg("%s '%s' is not found in '%s'", table->program, row->word, line);
    if (row->also != NULL && !finds(row->also, row))
        fail_msg("%s '%s' is not found by '%s'", table->program, row->word, row->also);
    if (row->who[0] == '\0' || row->means[0] == '\0' || row->advice[0] == '\0' || row->weight >= WEIR_CLASS_COUNT)
        fail_msg("%s '%s' does not say all", table->program, row->word);
    if (table->kind == EXPLAIN_ERRNO && explain_errno_number(row->word, strlen(row->word)) == 0)
        fail_msg("'%s' is no errno", row->word);
    for (size_t i = 0; i < EXPLAIN_CODES_MAX && row->codes[i] != WEIR_CODE_ok; i++)
        for (size_t j = 0; j < i; j++)
            if (row->codes[i] == row->codes[j])
                fail_msg("%s '%s' names %s twice", table->program, row->word, weir_code_name(row->codes[i]));
}

static void test_every_row(void **state)
{
    (void)state;
    for (size_t t = 0; t < explain_tables_count; t++)
        for (size_t i = 0; i < explain_tables[t]->count; i++)
            check_row(explain_tables[t], &explain_tables[t]->rows[i]);
}

/* Each text of an errno is the system's. */
static void test_texts_of_errno(void **state)
{
    (void)state;
    for (size_t i = 0; i < explain_errno.count; i++) {
        const struct explain_row *row = &explain_errno.rows[i];
        assert_string_equal(row->also, strerrordesc_np(explain_errno_number(row->word, strlen(row->word))));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_of_logs), cmocka_unit_test(test_lines_of_ours),
        cmocka_unit_test(test_words_alone),   cmocka_unit_test(test_more_than_is_kept),
        cmocka_unit_test(test_every_row),     cmocka_unit_test(test_texts_of_errno),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
