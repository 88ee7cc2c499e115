#include "load/histogram_log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND_NS   UINT64_C(1000000000)
#define YEAR_NS     (UINT64_C(365) * 24 * 3600 * SECOND_NS)
/* Of a time in a log: the sum of three of them fits. It is the year 2128. */
#define SECONDS_MAX UINT64_C(5000000000)

/* --- writing ---------------------------------------------------------------------------------------------------- */

static void add_seconds(struct text *text, uint64_t ns)
{
    uint64_t ms = ns / 1000000;
    text_printf(text, "%llu.%03llu", (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000));
}

static void add_comment(struct text *text, const char *comment)
{
    text_printf(text, "#[");
    for (const char *c = comment; *c != '\0'; c++)
        text_add(text, (unsigned char)*c < ' ' || *c == '[' || *c == ']' ? " " : c, 1);
    text_printf(text, "]\n");
}

/* In one piece, so that a log that two write to has whole lines. Frees the text. */
static bool put(FILE *out, struct text *text)
{
    bool done = !text->cut;
    if (!done)
        errno = ENOMEM;
    done = done && fwrite(text->ptr, 1, text->len, out) == text->len && fflush(out) == 0;
    text_free(text);
    return done;
}

bool histogram_log_open(FILE *out, const char *comment, uint64_t start_ns)
{
    struct text text = text_growing();
    if (comment != NULL)
        add_comment(&text, comment);
    text_printf(&text, "#[Histogram log format version 1.3]\n#[StartTime: ");
    add_seconds(&text, start_ns);
    char date[64] = "";
    struct tm tm;
    time_t seconds = (time_t)(start_ns / SECOND_NS);
    if (gmtime_r(&seconds, &tm) != NULL)
        (void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
    text_printf(&text, " (seconds since epoch), %s]\n", date);
    text_printf(&text, "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n");
    return put(out, &text);
}

static bool tag_fits(weir_str tag)
{
    if (tag.len == 0 || tag.len > HISTOGRAM_LOG_TAG_MAX)
        return false;
    for (size_t i = 0; i < tag.len; i++)
        if ((unsigned char)tag.ptr[i] <= ' ' || tag.ptr[i] == ',' || tag.ptr[i] == 0x7f)
            return false;
    return true;
}

bool histogram_log_write(FILE *out, const char *tag, uint64_t start_ns, uint64_t length_ns, const struct histogram *h)
{
    if (tag != NULL && !tag_fits(weir_str_from(tag))) {
        errno = EINVAL;
        return false;
    }
    struct text text = text_growing();
    if (tag != NULL)
        text_printf(&text, "Tag=%s,", tag);
    add_seconds(&text, start_ns);
    text_add(&text, ",", 1);
    add_seconds(&text, length_ns);
    text_printf(&text, ",%.3f,", (double)histogram_max(h) / 1e6);
    if (!histogram_encode(h, &text))
        text.cut = true;
    text_add(&text, "\n", 1);
    return put(out, &text);
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

void histogram_log_reader_init(struct histogram_log_reader *reader, FILE *file, const char *name)
{
    *reader = (struct histogram_log_reader){.file = file, .name = name};
}

void histogram_log_reader_fini(struct histogram_log_reader *reader)
{
    histogram_fini(&reader->histogram);
    free(reader->line);
    reader->line = NULL;
    reader->line_size = 0;
}

static enum histogram_log_result wrong(struct histogram_log_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum histogram_log_result wrong(struct histogram_log_reader *reader, const char *format, ...)
{
    struct text text = text_fixed(reader->error, sizeof(reader->error));
    /* A long name must not push the reason out. */
    text_printf(&text, "%.160s:%zu: ", reader->name, reader->line_number);
    char reason[HISTOGRAM_LOG_ERROR_MAX / 2];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    text_printf(&text, "%s", reason);
    return HISTOGRAM_LOG_WRONG;
}

static bool room_for(struct histogram_log_reader *reader, size_t need)
{
    if (need <= reader->line_size)
        return true;
    size_t size = reader->line_size == 0 ? 4096 : reader->line_size * 2;
    char *grown = realloc(reader->line, size);
    if (grown == NULL)
        return false;
    reader->line = grown;
    reader->line_size = size;
    return true;
}

/* The next line without its end, LF or CRLF. HISTOGRAM_LOG_INTERVAL: there is one. */
static enum histogram_log_result read_line(struct histogram_log_reader *reader, weir_str *line)
{
    size_t len = 0;
    int c;
    reader->line_number++;
    while ((c = getc_unlocked(reader->file)) != EOF && c != '\n') {
        if (len == HISTOGRAM_LOG_LINE_MAX)
            return wrong(reader, "the line is longer than %zu octets", HISTOGRAM_LOG_LINE_MAX);
        if (!room_for(reader, len + 1))
            return wrong(reader, "there is no memory for the line");
        reader->line[len++] = (char)c;
    }
    if (c == EOF && ferror(reader->file))
        return wrong(reader, "it cannot be read: %s", strerror(errno));
    if (c == EOF && len == 0)
        return HISTOGRAM_LOG_END;
    if (len > 0 && reader->line[len - 1] == '\r')
        len--;
    *line = (weir_str){reader->line, len};
    return HISTOGRAM_LOG_INTERVAL;
}

static bool take_prefix(weir_str *text, weir_str prefix)
{
    if (text->len < prefix.len || memcmp(text->ptr, prefix.ptr, prefix.len) != 0)
        return false;
    text->ptr += prefix.len;
    text->len -= prefix.len;
    return true;
}

/* A number of seconds such as 1700000000.123, up to a character that is not of it; digits past nanoseconds are dropped.
 * False: there is none, or it is above SECONDS_MAX. */
static bool take_seconds(weir_str *text, uint64_t *ns)
{
    uint64_t whole = 0, part = 0, unit = SECOND_NS;
    size_t i = 0, digits = 0;
    for (; i < text->len && text->ptr[i] >= '0' && text->ptr[i] <= '9'; i++, digits++) {
        whole = whole * 10 + (uint64_t)(text->ptr[i] - '0');
        if (whole > SECONDS_MAX)
            return false;
    }
    if (i < text->len && text->ptr[i] == '.')
        for (i++; i < text->len && text->ptr[i] >= '0' && text->ptr[i] <= '9'; i++, digits++) {
            unit /= 10;
            part += unit * (uint64_t)(text->ptr[i] - '0');
        }
    text->ptr += i;
    text->len -= i;
    *ns = whole * SECOND_NS + part;
    return digits > 0;
}

/* Up to the next comma, which is taken too. False: there is none. */
static bool take_field(weir_str *line, weir_str *field)
{
    const char *comma = line->len == 0 ? NULL : memchr(line->ptr, ',', line->len);
    if (comma == NULL)
        return false;
    *field = (weir_str){line->ptr, (size_t)(comma - line->ptr)};
    line->len -= field->len + 1;
    line->ptr = comma + 1;
    return true;
}

static enum histogram_log_result read_comment(struct histogram_log_reader *reader, weir_str line)
{
    if (take_prefix(&line, WEIR_STR("#[StartTime:"))) {
        (void)take_prefix(&line, WEIR_STR(" "));
        reader->start_said = take_seconds(&line, &reader->said_start_ns);
        return reader->start_said ? HISTOGRAM_LOG_INTERVAL : wrong(reader, "StartTime is not a number of seconds");
    }
    if (take_prefix(&line, WEIR_STR("#[BaseTime:"))) {
        (void)take_prefix(&line, WEIR_STR(" "));
        reader->base_said = take_seconds(&line, &reader->base_ns);
        return reader->base_said ? HISTOGRAM_LOG_INTERVAL : wrong(reader, "BaseTime is not a number of seconds");
    }
    return HISTOGRAM_LOG_INTERVAL;
}

/* What the times of the lines count from. As the Java reader has it: BaseTime; else StartTime, when the first interval
 * is more than a year before it and thus no time since the epoch; else the epoch. */
static void settle_base(struct histogram_log_reader *reader, uint64_t first_ns)
{
    if (reader->base_said)
        return;
    bool relative = reader->start_said && reader->said_start_ns > YEAR_NS && first_ns < reader->said_start_ns - YEAR_NS;
    reader->base_ns = relative ? reader->said_start_ns : 0;
    reader->base_said = true;
}

static enum histogram_log_result read_interval(struct histogram_log_reader *reader, weir_str line)
{
    struct histogram_log_interval *interval = &reader->interval;
    weir_str field;
    *interval = (struct histogram_log_interval){.tag = ""};
    if (take_prefix(&line, WEIR_STR("Tag="))) {
        if (!take_field(&line, &field) || !tag_fits(field))
            return wrong(reader, "the tag is empty, longer than %d, or does not end", HISTOGRAM_LOG_TAG_MAX);
        memcpy(interval->tag, field.ptr, field.len);
    }
    uint64_t start_ns;
    if (!take_field(&line, &field) || !take_seconds(&field, &start_ns) || field.len > 0)
        return wrong(reader, "the start is not a number of seconds before a comma");
    if (!take_field(&line, &field) || !take_seconds(&field, &interval->length_ns) || field.len > 0)
        return wrong(reader, "the length is not a number of seconds before a comma");
    settle_base(reader, start_ns);
    interval->start_ns = reader->base_ns + start_ns;
    /* The maximum is in the histogram too. */
    if (!take_field(&line, &field))
        return wrong(reader, "the line ends before its histogram");
    const char *why = histogram_decode(&reader->histogram, line);
    return why == NULL ? HISTOGRAM_LOG_INTERVAL : wrong(reader, "the histogram is refused: %s", why);
}

enum histogram_log_result histogram_log_next(struct histogram_log_reader *reader)
{
    enum histogram_log_result result;
    weir_str line;
    while ((result = read_line(reader, &line)) == HISTOGRAM_LOG_INTERVAL) {
        if (line.len == 0 || line.ptr[0] == '"')
            continue;
        if (line.ptr[0] != '#')
            return read_interval(reader, line);
        result = read_comment(reader, line);
        if (result != HISTOGRAM_LOG_INTERVAL)
            return result;
    }
    return result;
}

/* --- summing ---------------------------------------------------------------------------------------------------- */

static bool add_interval(struct histogram_log_sum *sum, const struct histogram_log_reader *reader)
{
    const struct histogram_log_interval *interval = &reader->interval;
    if (sum->histogram.counts == NULL && !histogram_init(&sum->histogram, reader->histogram.shape))
        return false;
    if (!histogram_add_widening(&sum->histogram, &reader->histogram))
        return false;
    uint64_t end_ns = interval->start_ns + interval->length_ns;
    if (sum->intervals == 0 || interval->start_ns < sum->first_ns)
        sum->first_ns = interval->start_ns;
    if (sum->intervals == 0 || end_ns > sum->last_ns)
        sum->last_ns = end_ns;
    bool fits = interval->length_ns <= UINT64_MAX - sum->length_ns;
    sum->length_ns = fits ? sum->length_ns + interval->length_ns : UINT64_MAX;
    sum->intervals++;
    return true;
}

static enum histogram_log_result sum_all(struct histogram_log_sum *sum, struct histogram_log_reader *reader,
                                         const char *tag)
{
    enum histogram_log_result result;
    bool any = false;
    while ((result = histogram_log_next(reader)) == HISTOGRAM_LOG_INTERVAL) {
        any = true;
        if (strcmp(reader->interval.tag, tag == NULL ? "" : tag) != 0)
            sum->others++;
        else if (!add_interval(sum, reader))
            return wrong(reader, "there is no memory for the sum, or its counts are more than 2^63 together");
    }
    if (result == HISTOGRAM_LOG_END && !any)
        return wrong(reader, "the file ends without one interval: is it a histogram log?");
    return result;
}

bool histogram_log_sum_file(struct histogram_log_sum *sum, const char *path, const char *tag, char *error)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "rb");
    if (file == NULL) {
        (void)snprintf(error, HISTOGRAM_LOG_ERROR_MAX, "%.160s: %s", path, strerror(errno));
        return false;
    }
    struct histogram_log_reader reader;
    histogram_log_reader_init(&reader, file, standard ? "standard input" : path);
    bool done = sum_all(sum, &reader, tag) == HISTOGRAM_LOG_END;
    if (!done)
        memcpy(error, reader.error, sizeof(reader.error));
    histogram_log_reader_fini(&reader);
    if (!standard)
        (void)fclose(file);
    return done;
}

void histogram_log_sum_fini(struct histogram_log_sum *sum)
{
    histogram_fini(&sum->histogram);
    *sum = (struct histogram_log_sum){.intervals = 0};
}
