/* Goal: a handler behind a decoder gets the content as it was before it was compressed, whatever pieces it comes in
 * and however little it takes at a time; what is cut, broken or a bomb is named. Method: a client's engine is fed
 * answers made with the encoders of the libraries; a handler that takes pieces by a seed. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <brotli/encode.h>
#include <cmocka.h>
#include <weir/conn.h>
#include <weir/decode.h>
#include <zlib.h>
#include <zstd.h>

#define PLAIN_SIZE 200000

static char plain[PLAIN_SIZE];
static unsigned char packed[PLAIN_SIZE + 1000];

static struct story {
    uint64_t state;
    bool picky;
    bool greedy;        /* says that it took more than was offered */
    unsigned refuse_at; /* at that call of `body` it refuses the rest, or gives up; 0: never */
    bool gives_up;
    unsigned bodies;
    char got[PLAIN_SIZE];
    size_t size;
    bool ended;
    weir_code code;
    unsigned dones;
    weir_exchange *x;
    uint64_t now_ns;
    weir_conn *engine;
} story;

static uint32_t below(uint32_t bound)
{
    story.state = story.state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((story.state >> 33) % bound);
}

static size_t on_body(void *app, weir_exchange *x, weir_str octets)
{
    (void)app;
    story.bodies++;
    if (story.bodies == story.refuse_at && story.gives_up)
        weir_exchange_abort(x);
    else if (story.bodies == story.refuse_at)
        weir_body_refuse(x);
    size_t n = story.picky && below(2) == 0 ? below((uint32_t)octets.len + 1) : octets.len;
    assert_true(story.size + n <= sizeof story.got);
    memcpy(story.got + story.size, octets.ptr, n);
    story.size += n;
    return story.greedy ? n + 1 : n;
}

static void on_end(void *app, weir_exchange *x)
{
    (void)app;
    (void)x;
    story.ended = true;
}

static void on_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)app;
    (void)x;
    story.dones++;
    story.code = ending->code;
    story.x = NULL;
}

static const weir_handler handler = WEIR_HANDLER(.body = on_body, .end = on_end, .done = on_done);

static size_t pack_zlib(int bits, size_t size)
{
    z_stream z = {.next_in = (Bytef *)plain, .avail_in = (uInt)size, .next_out = packed, .avail_out = sizeof packed};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t n = z.total_out;
    (void)deflateEnd(&z);
    return n;
}

static size_t pack(const char *coding, size_t size)
{
    if (strcmp(coding, "gzip") == 0)
        return pack_zlib(15 + 16, size);
    if (strcmp(coding, "deflate") == 0)
        return pack_zlib(15, size);
    size_t n = sizeof packed;
    if (strcmp(coding, "br") == 0) {
        assert_true(BrotliEncoderCompress(5, 22, BROTLI_MODE_GENERIC, size, (const uint8_t *)plain, &n, packed));
        return n;
    }
    n = ZSTD_compress(packed, sizeof packed, plain, size, 3);
    assert_false(ZSTD_isError(n));
    return n;
}

static void feed(const char *octets, size_t size)
{
    while (size > 0 && (weir_conn_wants(story.engine) & WEIR_WANT_READ)) {
        size_t room, n = size;
        char *space = weir_conn_reserve(story.engine, &room);
        assert_non_null(space);
        if (story.picky)
            n = 1 + below((uint32_t)(n < 3000 ? n : 3000));
        n = n < room ? n : room;
        memcpy(space, octets, n);
        weir_conn_received(story.engine, n, story.now_ns);
        octets += n;
        size -= n;
        for (unsigned turns = 0; story.picky && story.x != NULL && turns < 10000; turns++) {
            weir_body_resume(story.x);
            weir_conn_tick(story.engine, story.now_ns);
            if (weir_conn_wants(story.engine) & WEIR_WANT_READ)
                break;
        }
    }
}

/* One answer with that coding and those octets, from first to last. */
static void tell(const char *coding, const unsigned char *octets, size_t size, uint64_t seed,
                 const weir_decoder_options *options)
{
    weir_conn_config *config;
    weir_decoder *decoder;
    weir_ending ending;
    char head[200];
    story = (struct story){.greedy = story.greedy,
                           .state = seed,
                           .picky = seed > 0,
                           .now_ns = 1,
                           .refuse_at = story.refuse_at,
                           .gives_up = story.gives_up};
    const weir_conn_options engine_options = WEIR_CONN_OPTIONS(.role = WEIR_ROLE_CLIENT, .handler = &handler);
    assert_int_equal(weir_conn_config_new(&config, &engine_options, NULL), WEIR_OK);
    assert_int_equal(weir_conn_new(&story.engine, config, NULL, 1), WEIR_OK);
    assert_int_equal(weir_decoder_new(&decoder, &handler, NULL, options), WEIR_OK);
    const weir_request *request =
        WEIR_REQUEST(.target = WEIR_STR("/"), .host = WEIR_STR("a"), .handler = weir_decoder_handler(), .app = decoder);
    assert_int_equal(weir_conn_request(story.engine, request, &story.x, 1), WEIR_OK);
    weir_output out;
    assert_int_equal(weir_conn_output(story.engine, &out, 1), 1);
    weir_conn_sent(story.engine, out.len, 1);
    int n = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %zu\r\n\r\n",
                     coding, size);
    feed(head, (size_t)n);
    feed((const char *)octets, size);
    weir_conn_tick(story.engine, story.now_ns);
    if (story.dones == 0)
        weir_conn_stop(story.engine, WEIR_CODE_stopped, 1);
    weir_conn_closed(story.engine, NULL, 1, &ending);
    weir_conn_free(story.engine);
    weir_conn_config_free(config);
    assert_int_equal(story.dones, 1);
}

static const char *const codings[] = {"gzip", "deflate", "br", "zstd", "X-GZip"};

static void whole(void **state)
{
    static const size_t sizes[] = {0, 1, 100, 16383, 16384, 16385, 100000, PLAIN_SIZE};
    (void)state;
    for (size_t c = 0; c < 5; c++)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
            for (uint64_t seed = 0; seed < 6; seed++) {
                size_t n = pack(c == 4 ? "gzip" : codings[c], sizes[s]);
                tell(codings[c], packed, n, seed, NULL);
                assert_int_equal(story.code, WEIR_CODE_complete);
                assert_true(story.ended);
                assert_int_equal(story.size, sizes[s]);
                assert_memory_equal(story.got, plain, sizes[s]);
            }
}

static void members(void **state)
{
    (void)state;
    unsigned char two[2000];
    size_t n = pack("gzip", 500);
    memcpy(two, packed, n);
    memcpy(two + n, packed, n);
    tell("gzip", two, 2 * n, 3, NULL);
    assert_int_equal(story.code, WEIR_CODE_complete);
    assert_int_equal(story.size, 1000);
}

static void untouched(void **state)
{
    (void)state;
    static const char *const others[] = {"identity", "gzip, br", "compress"};
    for (size_t i = 0; i < 3; i++) {
        tell(others[i], (const unsigned char *)"abc", 3, 0, NULL);
        assert_int_equal(story.code, WEIR_CODE_complete);
        assert_memory_equal(story.got, "abc", 3);
    }
}

static void cut(void **state)
{
    (void)state;
    for (size_t c = 0; c < 4; c++) {
        size_t n = pack(codings[c], 3000);
        for (size_t size = 1; size < n; size += 1 + size / 8) {
            tell(codings[c], packed, size, 0, NULL);
            assert_int_equal(story.code, WEIR_CODE_bad_coding);
            assert_false(story.ended);
        }
    }
}

static void broken(void **state)
{
    (void)state;
    unsigned refused = 0;
    for (size_t c = 0; c < 4; c++) {
        size_t n = pack(codings[c], 3000);
        for (uint64_t seed = 1; seed <= 200; seed++) {
            story.state = seed;
            size_t at = below((uint32_t)n);
            unsigned char was = packed[at];
            packed[at] ^= (unsigned char)(1u << below(8));
            tell(codings[c], packed, n, seed, NULL);
            refused += story.code == WEIR_CODE_bad_coding;
            assert_true(story.code == WEIR_CODE_bad_coding || story.code == WEIR_CODE_complete);
            packed[at] = was;
        }
    }
    assert_true(refused > 400); /* zstd without a checksum and br notice less than gzip */
    tell("gzip", (const unsigned char *)"garbage", 7, 0, NULL);
    assert_int_equal(story.code, WEIR_CODE_bad_coding);
}

static void bombs(void **state)
{
    (void)state;
    const weir_decoder_options tight = {.size = sizeof tight, .ratio_max = 20, .ratio_free_size = 1000};
    const weir_decoder_options small = {.size = sizeof small, .decoded_size_max = 50000};
    static char zeros[PLAIN_SIZE];
    memcpy(zeros, plain, sizeof zeros);
    memset(plain, 0, sizeof plain);
    for (size_t c = 0; c < 4; c++) {
        size_t n = pack(codings[c], PLAIN_SIZE);
        tell(codings[c], packed, n, 0, &tight);
        assert_int_equal(story.code, WEIR_CODE_coding_ratio);
        assert_true(story.size <= 20000);
        tell(codings[c], packed, n, 7, &small);
        assert_int_equal(story.code, WEIR_CODE_coding_ratio);
        assert_true(story.size <= 50000);
    }
    memcpy(plain, zeros, sizeof zeros);
}

/* Whoever has refused, or given up, hears of no more octets: neither of those that came nor of those that are
 * decoded. */
static void refused(void **state)
{
    (void)state;
    for (size_t c = 0; c < 4; c++)
        for (uint64_t seed = 0; seed < 20; seed++)
            for (unsigned at = 1; at <= 3; at++) {
                size_t n = pack(codings[c], PLAIN_SIZE);
                story.refuse_at = at;
                story.gives_up = seed % 2 == 1;
                tell(codings[c], packed, n, seed / 2, NULL);
                assert_int_equal(story.bodies, at);
                assert_false(story.ended);
            }
    story.refuse_at = 0;
}

/* A mistake of the handler's, which the engine asserts against; what is decoded must not run over either. */
static void more_than_was_offered(void **state)
{
    (void)state;
    static const char *const all[] = {"gzip", "deflate", "br", "zstd", "identity"};
    for (size_t c = 0; c < 5; c++) {
        size_t n = c < 4 ? pack(all[c], 3000) : 3;
        int status;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)signal(SIGABRT, SIG_DFL);
            if (freopen("/dev/null", "w", stderr) == NULL)
                _exit(1);
            story.greedy = true;
            tell(all[c], packed, n, 0, NULL);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

int main(void)
{
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (char)("the quick brown fox"[(i * 7 + i / 13) % 19] ^ (i % 97 == 0));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),     cmocka_unit_test(members),
        cmocka_unit_test(untouched), cmocka_unit_test(cut),
        cmocka_unit_test(broken),    cmocka_unit_test(bombs),
        cmocka_unit_test(refused),   cmocka_unit_test(more_than_was_offered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
