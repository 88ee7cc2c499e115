/* Goal: what is written is read as it was, and what is no log is refused, by file and line, without taking the
 * memory that it asks for. Method: random histograms there and back; each prefix and each flipped bit of a good line;
 * lines made to lie about each of their lengths. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <zlib.h>

#include "load/histogram_log.h"

#define START_NS  UINT64_C(1700000000123000000)
#define SECOND_NS UINT64_C(1000000000)

static uint64_t chance = 5;

static uint64_t random_bits(void)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return chance;
}

static void fill(struct histogram *h, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value = (random_bits() >> (random_bits() % 63)) % (h->shape.highest + 1);
        histogram_record_many(h, value, 1 + (random_bits() >> 20) % (UINT64_C(1) << random_bits() % 40));
    }
}

static void assert_same(const struct histogram *a, const struct histogram *b)
{
    assert_true(a->shape.lowest == b->shape.lowest && a->shape.highest == b->shape.highest);
    assert_int_equal(a->shape.digits, b->shape.digits);
    assert_true(a->total == b->total);
    assert_true(histogram_min(a) == histogram_min(b) && histogram_max(a) == histogram_max(b));
    assert_memory_equal(a->counts, b->counts, a->counts_len * sizeof(a->counts[0]));
}

static void test_there_and_back(void **state)
{
    (void)state;
    struct histogram back = {.total = 0};
    for (int round = 0; round < 200; round++) {
        struct histogram_shape shape = {.lowest = 1 + random_bits() % 2000, .digits = 1 + (unsigned)round % 4};
        shape.highest = 2 * shape.lowest + (random_bits() >> (1 + random_bits() % 60)) / 2;
        struct histogram h;
        struct text text = text_growing();
        assert_true(histogram_init(&h, shape));
        fill(&h, round % 10 == 0 ? 0 : random_bits() % 2000);
        assert_true(histogram_encode(&h, &text));
        assert_null(histogram_decode(&back, text_view(&text)));
        assert_same(&h, &back);
        text_free(&text);
        histogram_fini(&h);
    }
    histogram_fini(&back);
}

static void test_counts_of_any_size(void **state)
{
    (void)state;
    struct histogram h, back = {.total = 0};
    assert_true(histogram_init(&h, HISTOGRAM_LATENCY));
    for (unsigned bits = 0; bits < 62; bits++)
        assert_true(histogram_count_at(&h, bits * 3, UINT64_C(1) << bits));
    assert_true(histogram_count_at(&h, h.counts_len - 1, HISTOGRAM_TOTAL_MAX - h.total));
    struct text text = text_growing();
    assert_true(histogram_encode(&h, &text));
    assert_null(histogram_decode(&back, text_view(&text)));
    assert_same(&h, &back);
    text_free(&text);
    histogram_fini(&h);
    histogram_fini(&back);
}

/* --- logs ------------------------------------------------------------------------------------------------------- */

static FILE *log_of(const char *content, size_t size)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, size, file), size);
    rewind(file);
    return file;
}

static void test_a_log(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    struct histogram h[3];
    static const char *const tags[] = {NULL, "errors", NULL};
    assert_non_null(file);
    assert_true(histogram_log_open(file, "weir load [x]\nhttp://localhost/", START_NS));
    for (size_t i = 0; i < 3; i++) {
        assert_true(histogram_init(&h[i], HISTOGRAM_LATENCY));
        fill(&h[i], 100 * i);
        assert_true(histogram_log_write(file, tags[i], START_NS + i * SECOND_NS, SECOND_NS, &h[i]));
    }
    static const char *const wrong_tags[] = {"", "a,b", "a b", "a\nb"};
    for (size_t i = 0; i < 4; i++) {
        errno = 0;
        assert_false(histogram_log_write(file, wrong_tags[i], START_NS, SECOND_NS, &h[0]));
        assert_int_equal(errno, EINVAL);
    }
    rewind(file);
    char first[80];
    assert_non_null(fgets(first, sizeof(first), file));
    assert_string_equal(first, "#[weir load  x  http://localhost/]\n");
    rewind(file);
    struct histogram_log_reader reader;
    histogram_log_reader_init(&reader, file, "log");
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(histogram_log_next(&reader), HISTOGRAM_LOG_INTERVAL);
        assert_int_equal(reader.line_number, 5 + i);
        assert_string_equal(reader.interval.tag, tags[i] == NULL ? "" : tags[i]);
        assert_true(reader.interval.start_ns == START_NS + i * SECOND_NS);
        assert_true(reader.interval.length_ns == SECOND_NS);
        assert_same(&reader.histogram, &h[i]);
        histogram_fini(&h[i]);
    }
    assert_int_equal(histogram_log_next(&reader), HISTOGRAM_LOG_END);
    assert_string_equal(reader.error, "");
    histogram_log_reader_fini(&reader);
    (void)fclose(file);
}

/* One histogram with a few counts, in base64. */
static struct text a_histogram(struct histogram *h)
{
    struct text text = text_growing();
    assert_true(histogram_init(h, (struct histogram_shape){1, 100000, 2}));
    histogram_record_many(h, 5, 3);
    histogram_record_many(h, 77777, 200);
    assert_true(histogram_encode(h, &text));
    return text;
}

static void test_times(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        const char *start;
        uint64_t expected_ns;
    } rows[] = {
        {"", "12.5", 12500000000},
        {"#[StartTime: 1700000000.5 (seconds since epoch), x]\n", "12.5", 1700000013000000000},
        {"#[StartTime: 1700000000.5 (seconds since epoch), x]\n", "1700000012.5", 1700000012500000000},
        {"#[StartTime: 1700000000.5 x]\n#[BaseTime: 1000 x]\n", "12.0000000019", 1012000000001},
        {"#[StartTime: 100 x]\r\n\r\n\"Start\"\r\n", "12", 12000000000},
    };
    struct histogram h;
    struct text base64 = a_histogram(&h);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct text text = text_growing();
        text_printf(&text, "%s%s,1,0,%s", rows[i].head, rows[i].start, base64.ptr);
        FILE *file = log_of(text.ptr, text.len);
        struct histogram_log_reader reader;
        histogram_log_reader_init(&reader, file, "log");
        assert_int_equal(histogram_log_next(&reader), HISTOGRAM_LOG_INTERVAL);
        assert_true(reader.interval.start_ns == rows[i].expected_ns);
        assert_int_equal(histogram_log_next(&reader), HISTOGRAM_LOG_END);
        histogram_log_reader_fini(&reader);
        (void)fclose(file);
        text_free(&text);
    }
    text_free(&base64);
    histogram_fini(&h);
}

static void expect_refused(const char *content, size_t size, const char *error)
{
    FILE *file = log_of(content, size);
    struct histogram_log_reader reader;
    histogram_log_reader_init(&reader, file, "log");
    enum histogram_log_result result = histogram_log_next(&reader);
    if (result != HISTOGRAM_LOG_WRONG || strncmp(reader.error, error, strlen(error)) != 0)
        fail_msg("%.80s: result %d, '%s' is not '%s'", content, result, reader.error, error);
    histogram_log_reader_fini(&reader);
    (void)fclose(file);
}

static void test_lines_that_are_none(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"hello\n", "log:1: the start is not a number of seconds before a comma"},
        {"#x\n\n,1,1,AAAA\n", "log:3: the start is not a number"},
        {"1.0\n", "log:1: the start is not"},
        {"1.0.0,1,1,AAAA\n", "log:1: the start is not"},
        {"-1,1,1,AAAA\n", "log:1: the start is not"},
        {"5000000001,1,1,AAAA\n", "log:1: the start is not"},
        {"99999999999999999999999999999999999,1,1,AAAA\n", "log:1: the start is not"},
        {"1,nan,1,AAAA\n", "log:1: the length is not"},
        {"1,2\n", "log:1: the length is not"},
        {"1,2,3\n", "log:1: the line ends before its histogram"},
        {"1,2,3,\n", "log:1: the histogram is refused: it is not base64"},
        {"1,2,3,AAA\n", "log:1: the histogram is refused: it is not base64"},
        {"1,2,3,AAA!\n", "log:1: the histogram is refused: it is not base64"},
        {"1,2,3,A=AA\n", "log:1: the histogram is refused: it is not base64"},
        {"1,2,3,A===\n", "log:1: the histogram is refused: it is not base64"},
        {"1,2,3, AAAA   \n", "log:1: the histogram is refused: it is not base64"},
        {"1,2,3,AAAA\n", "log:1: the histogram is refused: it is too short"},
        {"1,2,3,AAAAAAAAAAAA\n", "log:1: the histogram is refused: it is not a compressed histogram"},
        {"1,2,3,HISTAgAAAAAA\n", "log:1: the histogram is refused: it is a histogram of version 0 or 1"},
        {"1,2,3,DHISTwAAAAAA\n", "log:1: the histogram is refused: it is a histogram of doubles"},
        {"1,2,3,HISTFAAAAAEA\n", "log:1: the histogram is refused: its compressed octets end too early"},
        {"1,2,3,HISTFAAAAAIA\n", "log:1: the histogram is refused: it is longer or shorter than it says"},
        {"1,2,3,HISTFP////8A\n", "log:1: the histogram is refused: it is longer or shorter than it says"},
        {"Tag=\n", "log:1: the tag is empty"},
        {"Tag=,1,2,3,AAAA\n", "log:1: the tag is empty"},
        {"Tag=a b,1,2,3,AAAA\n", "log:1: the tag is empty"},
        {"#[StartTime: soon]\n", "log:1: StartTime is not a number"},
        {"#[BaseTime: ]\n", "log:1: BaseTime is not a number"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_refused(rows[i][0], strlen(rows[i][0]), rows[i][1]);
    expect_refused("1,2,3,\0AAA", 10, "log:1: the histogram is refused: it is not base64");
    char long_tag[200] = "Tag=";
    memset(long_tag + 4, 'a', HISTOGRAM_LOG_TAG_MAX + 1);
    strcat(long_tag, ",1,2,3,AAAA");
    expect_refused(long_tag, strlen(long_tag), "log:1: the tag is empty, longer");
}

static void test_long_line(void **state)
{
    (void)state;
    size_t size = HISTOGRAM_LOG_LINE_MAX + 2;
    char *line = malloc(size);
    assert_non_null(line);
    memset(line, '\n', 2);
    memset(line + 1, 'A', size - 1);
    expect_refused(line, size, "log:2: the line is longer than 16777216 octets");
    free(line);
}

static void test_each_prefix(void **state)
{
    (void)state;
    struct histogram h;
    struct text base64 = a_histogram(&h), line = text_growing();
    text_printf(&line, "Tag=a,1.000,1.000,0.078,%s", base64.ptr);
    for (size_t size = 1; size < line.len; size++)
        expect_refused(line.ptr, size, "log:1: ");
    text_free(&base64);
    text_free(&line);
    histogram_fini(&h);
}

/* Checksums find all but what is no part of the histogram: the width of counts in memory. */
static void test_each_flipped_bit(void **state)
{
    (void)state;
    struct histogram h, back = {.total = 0};
    struct text base64 = a_histogram(&h);
    unsigned char packed[512], again[1024];
    int size = EVP_DecodeBlock(packed, (const unsigned char *)base64.ptr, (int)base64.len), accepted = 0;
    while (base64.ptr[--base64.len] == '=')
        size--;
    for (int bit = 0; bit < size * 8; bit++) {
        packed[bit / 8] ^= (unsigned char)(1U << bit % 8);
        int len = EVP_EncodeBlock(again, packed, size);
        packed[bit / 8] ^= (unsigned char)(1U << bit % 8);
        if (histogram_decode(&back, (weir_str){(const char *)again, (size_t)len}) == NULL) {
            assert_same(&h, &back);
            accepted++;
        }
    }
    /* Four bits of the cookie, and the less than eight that fill the last octet of what is compressed. */
    assert_in_range(accepted, 4, 11);
    text_free(&base64);
    histogram_fini(&h);
    histogram_fini(&back);
}

/* --- histograms that lie ---------------------------------------------------------------------------------------- */

struct lie {
    uint32_t cookie, counts_size, shift, digits;
    uint64_t lowest, highest;
    const char *counts;
    size_t counts_len; /* as sent */
    size_t zeros;      /* that follow, as sent */
    const char *error;
};

static void put_be(unsigned char *at, uint64_t value, size_t size)
{
    while (size-- > 0) {
        at[size] = (unsigned char)value;
        value >>= 8;
    }
}

static const char *tell(const struct lie *lie)
{
    size_t plain_size = 40 + lie->counts_len + lie->zeros;
    unsigned char *plain = calloc(plain_size, 1);
    uLongf size = compressBound((uLong)plain_size);
    unsigned char *packed = malloc(size + 8), *base64 = malloc(size * 2 + 16);
    assert_true(plain != NULL && packed != NULL && base64 != NULL);
    put_be(plain, lie->cookie, 4);
    put_be(plain + 4, lie->counts_size, 4);
    put_be(plain + 8, lie->shift, 4);
    put_be(plain + 12, lie->digits, 4);
    put_be(plain + 16, lie->lowest, 8);
    put_be(plain + 24, lie->highest, 8);
    memcpy(plain + 40, lie->counts, lie->counts_len);
    assert_int_equal(compress(packed + 8, &size, plain, (uLong)plain_size), Z_OK);
    put_be(packed, 0x1c849314, 4);
    put_be(packed + 4, size, 4);
    int len = EVP_EncodeBlock(base64, packed, (int)size + 8);
    struct histogram h = {.total = 0};
    const char *wrong = histogram_decode(&h, (weir_str){(const char *)base64, (size_t)len});
    histogram_fini(&h);
    free(plain);
    free(packed);
    free(base64);
    return wrong;
}

#define COOKIE 0x1c849313
#define SHAPE  3, 1, 100000

static void test_lies(void **state)
{
    (void)state;
    static const struct lie lies[] = {
        {COOKIE, 1, 0, SHAPE, "\x02", 1, 0, NULL},
        {COOKIE, 0, 0, SHAPE, "", 0, 0, NULL},
        {COOKIE, 2, 0, SHAPE, "\x02", 1, 0, "its compressed octets end too early"},
        {COOKIE, 1, 0, SHAPE, "\x02\x02", 2, 0, "it holds more octets than it says"},
        /* The bomb: 50 MB of zeros in 50 kB, of which one octet is unpacked. */
        {COOKIE, 1, 0, SHAPE, "\x02", 1, 50000000, "it holds more octets than it says"},
        {COOKIE, 50000000, 0, SHAPE, "", 0, 50000000, "it says that it has more octets than its range"},
        {COOKIE, UINT32_MAX, 0, SHAPE, "\x02", 1, 0, "it says that it has more octets than its range"},
        {COOKIE, 9000, 0, SHAPE, "", 0, 9000, "it has more counts than its range and digits have"},
        {0x1c849304, 1, 0, SHAPE, "\x02", 1, 0, "what it compresses is not a histogram of version 2"},
        {COOKIE, 1, 7, SHAPE, "\x02", 1, 0, "its counts are shifted"},
        {COOKIE, 1, 0, 0, 1, 1000, "\x02", 1, 0, "its range or its digits are impossible"},
        {COOKIE, 1, 0, 6, 1, 1000, "\x02", 1, 0, "its range or its digits are impossible"},
        {COOKIE, 1, 0, UINT32_MAX, 1, 1000, "\x02", 1, 0, "its range or its digits are impossible"},
        {COOKIE, 1, 0, 3, 0, 1000, "\x02", 1, 0, "its range or its digits are impossible"},
        {COOKIE, 1, 0, 3, 1, UINT64_MAX, "\x02", 1, 0, "its range or its digits are impossible"},
        {COOKIE, 1, 0, 3, 1000, 1, "\x02", 1, 0, "its range or its digits are impossible"},
        {COOKIE, 1, 0, SHAPE, "\x80", 1, 0, "its counts end within a number"},
        {COOKIE, 8, 0, SHAPE, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, 0, "its counts end within a number"},
        /* A run of 2^63 zeros, one of exactly all counts, and one more. */
        {COOKIE, 9, 0, SHAPE, "\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9, 0, "it has more counts than its range"},
        {COOKIE, 2, 0, SHAPE, "\xff\x7f", 2, 0, NULL},
        {COOKIE, 3, 0, SHAPE, "\xff\x7f\x02", 3, 0, "it has more counts than its range"},
        {COOKIE, 3, 0, SHAPE, "\xff\x7f\x01", 3, 0, "it has more counts than its range"},
        {COOKIE, 3, 0, SHAPE, "\x81\x80\x01", 3, 0, "it has more counts than its range"},
        {COOKIE, 9, 0, SHAPE, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff", 9, 0, NULL},
        {COOKIE, 10, 0, SHAPE, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, 0, "its counts are more than 2^63"},
    };
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        const char *wrong = tell(&lies[i]), *error = lies[i].error;
        if ((wrong == NULL) != (error == NULL) || (wrong != NULL && strncmp(wrong, error, strlen(error)) != 0))
            fail_msg("lie %zu: '%s' is not '%s'", i, wrong == NULL ? "(fine)" : wrong,
                     error == NULL ? "(fine)" : error);
    }
}

/* --- sums ------------------------------------------------------------------------------------------------------- */

static void write_log(const char *path, struct histogram_shape shape, uint64_t start_ns, uint64_t value)
{
    FILE *file = fopen(path, "wb");
    struct histogram h;
    assert_non_null(file);
    assert_true(histogram_init(&h, shape));
    histogram_record_many(&h, value, 10);
    assert_true(histogram_log_open(file, NULL, start_ns));
    assert_true(histogram_log_write(file, NULL, start_ns, SECOND_NS, &h));
    assert_true(histogram_log_write(file, "errors", start_ns, SECOND_NS, &h));
    assert_true(histogram_log_write(file, NULL, start_ns + SECOND_NS, SECOND_NS, &h));
    histogram_fini(&h);
    assert_int_equal(fclose(file), 0);
}

static void test_sums(void **state)
{
    (void)state;
    char folder[] = "/tmp/weir-histogram-XXXXXX", one[64], two[64], error[HISTOGRAM_LOG_ERROR_MAX] = "";
    assert_non_null(mkdtemp(folder));
    (void)snprintf(one, sizeof(one), "%s/one", folder);
    (void)snprintf(two, sizeof(two), "%s/two", folder);
    write_log(one, (struct histogram_shape){10, 100000, 2}, START_NS, 5000);
    write_log(two, (struct histogram_shape){1, 100000000, 3}, START_NS - SECOND_NS, 70000000);
    struct histogram_log_sum sum = {.intervals = 0};
    assert_true(histogram_log_sum_file(&sum, one, NULL, error) && histogram_log_sum_file(&sum, two, NULL, error));
    assert_int_equal(sum.intervals, 4);
    assert_int_equal(sum.others, 2);
    assert_int_equal(sum.histogram.total, 40);
    assert_int_equal(sum.histogram.shape.lowest, 1);
    assert_int_equal(sum.histogram.shape.highest, 100000000);
    assert_int_equal(histogram_count_to(&sum.histogram, 5050), 20);
    assert_true(histogram_max(&sum.histogram) == histogram_highest_like(&sum.histogram, 70000000));
    assert_true(sum.first_ns == START_NS - SECOND_NS && sum.last_ns == START_NS + 2 * SECOND_NS);
    assert_true(sum.length_ns == 4 * SECOND_NS);
    histogram_log_sum_fini(&sum);
    assert_true(histogram_log_sum_file(&sum, one, "errors", error));
    assert_int_equal(sum.histogram.total, 10);
    histogram_log_sum_fini(&sum);

    FILE *file = fopen(two, "wb");
    assert_non_null(file);
    (void)fputs("#[nothing]\n", file);
    (void)fclose(file);
    assert_false(histogram_log_sum_file(&sum, two, NULL, error));
    assert_non_null(strstr(error, "/two:2: the file ends without one interval"));
    (void)unlink(two);
    assert_false(histogram_log_sum_file(&sum, two, NULL, error));
    assert_non_null(strstr(error, "/two: No such file"));
    assert_false(histogram_log_sum_file(&sum, folder, NULL, error));
    assert_non_null(strstr(error, "cannot be read: Is a directory"));
    histogram_log_sum_fini(&sum);
    (void)unlink(one);
    (void)rmdir(folder);
}

static void test_a_full_disk(void **state)
{
    (void)state;
    FILE *full = fopen("/dev/full", "wb");
    if (full == NULL)
        skip();
    struct histogram h;
    assert_true(histogram_init(&h, HISTOGRAM_LATENCY));
    assert_false(histogram_log_open(full, NULL, START_NS));
    assert_int_equal(errno, ENOSPC);
    assert_false(histogram_log_write(full, NULL, START_NS, SECOND_NS, &h));
    assert_int_equal(errno, ENOSPC);
    histogram_fini(&h);
    (void)fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_counts_of_any_size),
        cmocka_unit_test(test_a_log),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_lines_that_are_none),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_each_prefix),
        cmocka_unit_test(test_each_flipped_bit),
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_a_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
