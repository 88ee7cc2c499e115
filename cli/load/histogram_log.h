/* HdrHistogram's interval log: what its tools, in any language, read and draw. One line an interval:
 *
 *     #[comment]
 *     #[StartTime: 1700000000.000 (seconds since epoch), ...]
 *     "StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"
 *     Tag=errors,1700000000.000,1.000,12.345,HISTFAAA...
 *
 * Times are seconds, Interval_Max is in milliseconds when the values are nanoseconds, the histogram is in the V2
 * encoding: counts as ZigZag LEB128, runs of zeros as negative numbers, then zlib, then base64. `Tag=` is optional.
 *
 * A log comes from elsewhere: everything in it is checked before it is believed, no line makes the reader hold more
 * than HISTOGRAM_LOG_LINE_MAX for the line, its largest shape's counts (load/histogram.h) and nine octets for each of
 * them. Of V2, what shifts its counts (a normalising index offset) is refused; V0, V1 and histograms of doubles are
 * too. */
#ifndef CLI_LOAD_HISTOGRAM_LOG_H
#define CLI_LOAD_HISTOGRAM_LOG_H

#include <stdio.h>

#include "load/histogram.h"
#include "common/text.h"

#define HISTOGRAM_LOG_LINE_MAX ((size_t)16 << 20)
/* A tag ends at a comma, so it has none; nor line ends or blanks. */
#define HISTOGRAM_LOG_TAG_MAX 64
#define HISTOGRAM_LOG_ERROR_MAX 320

/* --- writing ---------------------------------------------------------------------------------------------------- */

/* The lines that open a log. `comment` is one line, such as the command that was run, or null; what would end its line
 * or its brackets is written as blanks. `start_ns`: since the epoch, UTC. False with errno: the file took it not. */
WEIR_MUST_USE bool histogram_log_open(FILE *out, const char *comment, uint64_t start_ns);
/* One interval. `tag` may be null: the untagged ones are the main ones. False with errno: EINVAL for a tag that a log
 * cannot hold, ENOMEM, or as the file says. Flushes, so that a run that is stopped has its intervals. */
WEIR_MUST_USE bool histogram_log_write(FILE *out, const char *tag, uint64_t start_ns, uint64_t length_ns,
                                       const struct histogram *h);

/* --- reading ---------------------------------------------------------------------------------------------------- */

struct histogram_log_interval {
    char tag[HISTOGRAM_LOG_TAG_MAX + 1]; /* "": none */
    uint64_t start_ns;                   /* since the epoch if the log says when it started, else since its own zero */
    uint64_t length_ns;
};

struct histogram_log_reader {
    FILE *file;         /* the caller's */
    const char *name;   /* for messages; kept */
    size_t line_number; /* of the line that was read last, from 1 */
    struct histogram_log_interval interval; /* of the last line */
    struct histogram histogram;             /* of the last line; owned, and used again for the next */
    char error[HISTOGRAM_LOG_ERROR_MAX];    /* "FILE:LINE: what is wrong"; "": nothing */

    /* The inside. */
    char *line;
    size_t line_size;
    uint64_t said_start_ns, base_ns;
    bool start_said, base_said;
};

enum histogram_log_result {
    HISTOGRAM_LOG_INTERVAL, /* `interval` and `histogram` are those of the next line */
    HISTOGRAM_LOG_END,
    HISTOGRAM_LOG_WRONG /* `error` says what; reading ends here */
};

void histogram_log_reader_init(struct histogram_log_reader *reader, FILE *file, const char *name);
void histogram_log_reader_fini(struct histogram_log_reader *reader);
WEIR_MUST_USE enum histogram_log_result histogram_log_next(struct histogram_log_reader *reader);

/* What `weir load --merge FILE...` sums: all intervals of one tag, of as many files as it is called for. Begin with
 *     struct histogram_log_sum sum = {0};
 * and end with histogram_log_sum_fini. */
struct histogram_log_sum {
    struct histogram histogram; /* all of it, in a shape that holds each; without counts while `intervals` is 0 */
    uint64_t intervals;
    uint64_t others;            /* intervals of other tags, passed over */
    uint64_t length_ns;         /* of all intervals together; no more than UINT64_MAX */
    uint64_t first_ns, last_ns; /* start of the first, end of the last */
};

/* Adds the intervals of `path` (`-`: standard input) whose tag is `tag` (null: those without). False, with one line in
 * `error` (HISTOGRAM_LOG_ERROR_MAX octets), which names the file and the line: `sum` then holds what came before. A
 * file without a single interval is an error too: it was not what the caller thought. */
WEIR_MUST_USE bool histogram_log_sum_file(struct histogram_log_sum *sum, const char *path, const char *tag,
                                          char *error);
void histogram_log_sum_fini(struct histogram_log_sum *sum);

/* --- one histogram ---------------------------------------------------------------------------------------------- */

/* Appends the compressed encoding in base64 to `text`, which grows. False: no memory. */
WEIR_MUST_USE bool histogram_encode(const struct histogram *h, struct text *text);
/* Reads one into `h`, which is an initialised histogram or all zeros; its memory is used again when the shape is the
 * same. Null, or what is wrong with it in a few words (static storage); then `h` may hold anything, and fini is due. */
WEIR_MUST_USE const char *histogram_decode(struct histogram *h, weir_str base64);

#endif
