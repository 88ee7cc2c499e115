#include "h1/head.h"

#include "h1/known.h"
#include "h1/meaning.h"
#include "http/chars.h"
#include "http/scan.h"
#include "http/target.h"

#define FIELD_CHARGE 32 /* what a field costs besides its octets, as HTTP/2 counts (RFC 9113, 6.5.2) */
#define VERSION_SIZE 8

/* What a step returns besides the results of head.h: it is over, and all is well. */
#define GO_ON INT64_C(1)

/* The verdict on octets that came must not depend on where reads cut them. So each octet is judged in its order, by
 * those up to it, and no octet is looked at that a limit forbids: a longer buffer never changes what a shorter one
 * said. */
struct reader {
    char *start;
    char *bound;  /* the end of the octets, or of what the limit allows */
    size_t size;  /* of the octets that came */
    size_t limit; /* octets that the head may have, less the charge of its fields */
    const struct http_head_limits *limits;
    struct http_head *head;
    struct h1_known *known;
    struct h1_meaning meaning;
    bool lenient;
    bool unfold;
};

/* What there is to say when the bound was reached, and at least one octet more belongs to the head. */
static int64_t starved(const struct reader *r)
{
    return r->limit <= r->size ? h1_head_error(WEIR_CODE_head_too_large) : H1_HEAD_INCOMPLETE;
}

/* The same within a start line, which ends at `bound` at most. */
static int64_t line_starved(const struct reader *r, const char *line, const char *bound)
{
    if ((size_t)(bound - line) < r->limits->line_size_max)
        return starved(r);
    bool request = r->meaning.kind == H1_KIND_REQUEST;
    return h1_head_error(request ? WEIR_CODE_target_too_long : WEIR_CODE_head_too_large);
}

static char *line_bound(const struct reader *r, char *line)
{
    size_t room = (size_t)(r->bound - line);
    return room > r->limits->line_size_max ? line + r->limits->line_size_max : r->bound;
}

/* Steps over CRLF, or where it is let pass over a bare LF. `otherwise` is what it means that neither is there. */
static inline int64_t take_line_end(const struct reader *r, char **at, weir_code otherwise)
{
    char *p = *at;
    if (p == r->bound)
        return starved(r);
    if (*p == '\r') {
        if (p + 1 == r->bound)
            return starved(r);
        if (p[1] != '\n')
            return h1_head_error(WEIR_CODE_bad_line_end);
        *at = p + 2;
        return GO_ON;
    }
    if (*p != '\n')
        return h1_head_error(otherwise);
    if (!r->lenient)
        return h1_head_error(WEIR_CODE_bad_line_end);
    *at = p + 1;
    return GO_ON;
}

static bool is_line_end(char octet)
{
    return octet == '\r' || octet == '\n';
}

static void reader_init(struct reader *r, struct http_head *head, char *octets, size_t size,
                        const struct http_head_limits *limits, bool lenient, enum h1_kind kind)
{
    *r = (struct reader){
        .start = octets,
        .bound = octets + (size < limits->head_size_max ? size : limits->head_size_max),
        .size = size,
        .limit = limits->head_size_max,
        .limits = limits,
        .head = head,
        .meaning = {.kind = kind, .lenient = lenient},
        .lenient = lenient,
        /* A lenient server refuses folds all the same: no client of today folds, and what would be behind it might. */
        .unfold = lenient && kind != H1_KIND_REQUEST,
    };
}

static void head_reset(struct http_head *head)
{
    *head = (struct http_head){.fields = head->fields, .field_capacity = head->field_capacity};
}

/* --- fields ----------------------------------------------------------------------------------------------------- */

/* Makes one blank of each fold in [value, end) and of the blanks around it, and fills the room that this leaves at the
 * end with blanks. A second parse of the same octets then sees the same value. Returns the end of the new value. */
static char *undo_folds(char *value, char *end)
{
    char *to = value;
    for (char *from = value; from < end;) {
        char *run = from;
        bool folded = false;
        while (run < end && (http_char_is(*run, HTTP_CHAR_BLANK) || is_line_end(*run)))
            folded |= is_line_end(*run++);
        if (folded) {
            if (to > value)
                *to++ = ' ';
            from = run;
            continue;
        }
        do
            *to++ = *from++;
        while (from < run);
    }
    memset(to, ' ', (size_t)(end - to));
    return to;
}

/* By value, so that the place in the loop over the fields, which is hot, has no address. */
struct folds {
    int64_t result;
    char *value_end;
    char *at;
};

/* Goes on over the lines that continue a value. `at` is after its first line. */
static struct folds take_folds(const struct reader *r, char *value, char *value_end, char *at)
{
    struct folds folds = {GO_ON, value_end, at};
    while (folds.at < r->bound && http_char_is(*folds.at, HTTP_CHAR_BLANK)) {
        folds.at += http_scan_value(folds.at, r->bound) - folds.at;
        folds.value_end = folds.at;
        folds.result = take_line_end(r, &folds.at, WEIR_CODE_bad_field_value);
        if (folds.result != GO_ON)
            return folds;
    }
    if (folds.at == r->bound)
        folds.result = starved(r);
    else if (folds.at != at)
        folds.value_end = undo_folds(value, folds.value_end);
    return folds;
}

/* Charges a field that begins at `at`, and says whether there may be one more. */
static inline int64_t begin_field(struct reader *r, const char *at)
{
    struct http_head *head = r->head;
    if (http_char_is(*at, HTTP_CHAR_BLANK))
        return h1_head_error(WEIR_CODE_folded_field);
    if (head->field_count >= r->limits->field_count_max)
        return h1_head_error(WEIR_CODE_too_many_fields);
    size_t used = (size_t)(at - r->start);
    if (r->limit < FIELD_CHARGE || r->limit - FIELD_CHARGE <= used)
        return h1_head_error(WEIR_CODE_head_too_large);
    if (head->field_count >= head->field_capacity)
        return H1_HEAD_NO_ROOM;
    r->limit -= FIELD_CHARGE;
    if (r->limit < r->size)
        r->bound = r->start + r->limit;
    return GO_ON;
}

/* The name, and `*at` to after its colon. */
static inline int64_t take_name(const struct reader *r, char **at, weir_str *name)
{
    const char *start = *at;
    const char *end = http_scan_name(start, r->bound);
    if (end == r->bound)
        return starved(r);
    if (*end != ':' || end == start)
        return h1_head_error(WEIR_CODE_bad_field_name);
    *name = (weir_str){start, (size_t)(end - start)};
    *at += end + 1 - start;
    return GO_ON;
}

static inline bool is_blank(char octet)
{
    return octet == ' ' || octet == '\t';
}

/* The value, which goes on to `stop`, and its line end; blanks around it left out. */
static inline int64_t take_value(const struct reader *r, char **at, char *stop, weir_str *value)
{
    char *start = *at;
    char *end = stop;
    while (start < end && is_blank(*start))
        start++;
    *at = end;
    int64_t result = take_line_end(r, at, WEIR_CODE_bad_field_value);
    if (result != GO_ON)
        return result;
    if (r->unfold) {
        struct folds folds = take_folds(r, start, end, *at);
        if (folds.result != GO_ON)
            return folds.result;
        end = folds.value_end;
        *at = folds.at;
    }
    while (end > start && is_blank(end[-1]))
        end--;
    *value = (weir_str){start, (size_t)(end - start)};
    return GO_ON;
}

static inline int64_t take_field(struct reader *r, char **at)
{
    struct http_head *head = r->head;
    int64_t result = begin_field(r, *at);
    if (result != GO_ON)
        return result;
    weir_field *field = &head->fields[head->field_count];
    /* The end of the value is looked for from the name on, so that the search does not wait for where the name ends.
     * All octets of a name and the colon may stand in a value, so it is not before the value. */
    char *stop = *at + (http_scan_value(*at, r->bound) - *at);
    result = take_name(r, at, &field->name);
    if (result != GO_ON)
        return result;
    result = take_value(r, at, stop, &field->value);
    if (result != GO_ON)
        return result;
    head->field_count++;
    if (!h1_meaning_cares(r->meaning.kind, field->name.len))
        return GO_ON;
    weir_code code = h1_meaning_take(&r->meaning, head, field);
    return code == WEIR_OK ? GO_ON : h1_head_error(code);
}

/* What is known was let pass once; what depends on the octets before it is the size of the whole. */
static inline bool are_known(const struct reader *r, const char *at)
{
    const struct h1_known *known = r->known;
    return h1_known_are_fields(known, r->head, at, (size_t)(r->bound - at)) &&
           (size_t)(at - r->start) + known->fields_size + FIELD_CHARGE * known->head.field_count <= r->limit;
}

/* All lines up to and with the empty one. Returns as the functions of head.h do. */
static int64_t take_fields(struct reader *r, char *at)
{
    char *first = at;
    if (r->known != NULL && are_known(r, at))
        return h1_known_take_fields(r->known, r->head, at) - r->start;
    for (;;) {
        if (at == r->bound)
            return starved(r);
        if (is_line_end(*at))
            break;
        int64_t result = take_field(r, &at);
        if (result != GO_ON)
            return result;
    }
    int64_t result = take_line_end(r, &at, WEIR_CODE_bad_line_end);
    if (result != GO_ON)
        return result;
    weir_code code = h1_meaning_finish(&r->meaning, r->head);
    if (code != WEIR_OK)
        return h1_head_error(code);
    if (r->known != NULL && at < r->bound) /* others follow */
        h1_known_learn(r->known, r->head, r->start, (size_t)(first - r->start), (size_t)(at - first));
    return at - r->start;
}

/* --- start lines ------------------------------------------------------------------------------------------------ */

/* HTTP-version, octet by octet. `bad`: what one that is none means; `preface`: the line so far is HTTP/2's. */
static int64_t take_version(struct reader *r, const char *line, const char *bound, const char *p, weir_code bad,
                            bool preface)
{
    static const char form[VERSION_SIZE + 1] = "HTTP/#.#";
    for (size_t i = 0; i < VERSION_SIZE; i++) {
        if (p + i == bound)
            return line_starved(r, line, bound);
        if (form[i] == '#' ? !http_char_is(p[i], HTTP_CHAR_DIGIT) : p[i] != form[i])
            return h1_head_error(bad);
    }
    if (p[5] != '1') {
        bool http2 = preface && memcmp(p, "HTTP/2.0", VERSION_SIZE) == 0;
        return h1_head_error(http2 ? WEIR_CODE_http2_preface : WEIR_CODE_version_unsupported);
    }
    r->head->version = p[7] == '0' ? 10 : 11;
    return GO_ON;
}

static inline int64_t take_usual_version(struct reader *r, const char *line, const char *bound, char **at,
                                         weir_code bad, bool preface)
{
    const char *p = *at;
    int64_t result = GO_ON;
    if (bound - p >= VERSION_SIZE && memcmp(p, "HTTP/1.1", VERSION_SIZE) == 0)
        r->head->version = 11;
    else
        result = take_version(r, line, bound, p, bad, preface);
    if (result == GO_ON)
        *at += VERSION_SIZE;
    return result;
}

/* One empty line before a request is dropped: old clients sent one after a body (RFC 9112, 2.2). */
static inline int64_t skip_empty_line(const struct reader *r, char **at)
{
    if (*at == r->bound)
        return starved(r);
    if (!is_line_end(**at))
        return GO_ON;
    return take_line_end(r, at, WEIR_CODE_bad_line_end);
}

static inline int64_t take_method(const struct reader *r, const char *line, const char *bound, char **at)
{
    if (bound - line > 4 && memcmp(line, "GET ", 4) == 0) {
        r->head->method = (weir_str){line, 3};
        *at += 4;
        return GO_ON;
    }
    const char *end = http_chars_span(line, bound, HTTP_CHAR_TOKEN);
    if (end == bound)
        return line_starved(r, line, bound);
    if (*end != ' ' || end == line)
        return h1_head_error(is_line_end(*end) ? WEIR_CODE_bad_request_line : WEIR_CODE_bad_method);
    r->head->method = (weir_str){line, (size_t)(end - line)};
    *at += end + 1 - line;
    return GO_ON;
}

static bool text_equals(weir_str a, weir_str b)
{
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

/* The scan has refused what may stand in no target; of origin form nothing else can be wrong. */
static inline bool target_fits(weir_str method, weir_str target)
{
    struct http_target parts;
    if (target.ptr[0] == '/' && method.len != 7)
        return true;
    return http_target_parse(&parts, method, target);
}

static inline int64_t take_target(const struct reader *r, const char *line, const char *bound, char **at, bool *preface)
{
    char *start = *at;
    char *end = start + (http_scan_target(start, bound) - start);
    if (end == bound)
        return line_starved(r, line, bound);
    if (*end != ' ')
        return h1_head_error(is_line_end(*end) ? WEIR_CODE_bad_request_line : WEIR_CODE_bad_target);
    if (end == start)
        return h1_head_error(WEIR_CODE_bad_request_line);
    struct http_head *head = r->head;
    head->target = (weir_str){start, (size_t)(end - start)};
    *preface = text_equals(head->method, WEIR_STR("PRI")) && text_equals(head->target, WEIR_STR("*"));
    if (!*preface && !target_fits(head->method, head->target))
        return h1_head_error(WEIR_CODE_bad_target);
    *at = end + 1;
    return GO_ON;
}

/* `at` is left at the first field. */
static int64_t parse_request_line(struct reader *r, char **at)
{
    int64_t result = skip_empty_line(r, at);
    if (result != GO_ON)
        return result;
    const char *line = *at;
    const char *bound = line_bound(r, *at);
    bool preface;
    if ((result = take_method(r, line, bound, at)) != GO_ON)
        return result;
    if ((result = take_target(r, line, bound, at, &preface)) != GO_ON)
        return result;
    if ((result = take_usual_version(r, line, bound, at, WEIR_CODE_bad_version, preface)) != GO_ON)
        return result;
    if (preface)
        return h1_head_error(WEIR_CODE_bad_target);
    return take_line_end(r, at, WEIR_CODE_bad_version);
}

weir_str h1_head_method(const char *octets, size_t size, const struct http_head_limits *limits, bool lenient)
{
    const char *end = octets + size;
    if (size >= 2 && octets[0] == '\r' && octets[1] == '\n')
        octets += 2;
    else if (size >= 1 && octets[0] == '\n' && lenient)
        octets++;
    if ((size_t)(end - octets) > limits->line_size_max)
        end = octets + limits->line_size_max;
    const char *stop = http_chars_span(octets, end, HTTP_CHAR_TOKEN);
    if (stop == octets || stop == end || *stop != ' ')
        return (weir_str){.ptr = NULL};
    return (weir_str){octets, (size_t)(stop - octets)};
}

static int64_t take_status(struct reader *r, const char *line, const char *bound, char **at)
{
    char *p = *at;
    for (unsigned i = 0; i < 4; i++) {
        if (p + i == bound)
            return line_starved(r, line, bound);
        bool fits = i == 0 ? p[0] == ' ' : http_char_is(p[i], HTTP_CHAR_DIGIT) && !(i == 1 && p[1] == '0');
        if (!fits)
            return h1_head_error(WEIR_CODE_bad_status_line);
    }
    r->head->status = http_hex_value(p[1]) * 100 + http_hex_value(p[2]) * 10 + http_hex_value(p[3]);
    *at = p + 4;
    return GO_ON;
}

/* SP and the reason, which may be empty; lenient: the SP may be missing with it, as many servers have it. */
static int64_t take_reason(struct reader *r, const char *line, char *bound, char **at)
{
    char *p = *at;
    r->head->reason = (weir_str){p, 0};
    if (p < bound && *p == ' ') {
        char *reason = p + 1;
        p = reason + (http_scan_value(reason, bound) - reason);
        r->head->reason = (weir_str){reason, (size_t)(p - reason)};
    } else if (!r->lenient) {
        return p == bound ? line_starved(r, line, bound) : h1_head_error(WEIR_CODE_bad_status_line);
    }
    if (p == bound && p < r->bound && !is_line_end(*p))
        return line_starved(r, line, bound);
    *at = p;
    return take_line_end(r, at, WEIR_CODE_bad_status_line);
}

static int64_t parse_status_line(struct reader *r, char **at)
{
    char *line = *at;
    char *bound = line_bound(r, line);
    int64_t result = take_usual_version(r, line, bound, at, WEIR_CODE_bad_status_line, false);
    if (result != GO_ON)
        return result;
    if ((result = take_status(r, line, bound, at)) != GO_ON)
        return result;
    return take_reason(r, line, bound, at);
}

/* --- those of the header ---------------------------------------------------------------------------------------- */

int64_t h1_head_parse_request(struct http_head *head, char *octets, size_t size, const struct http_head_limits *limits,
                              bool lenient, struct h1_known *known)
{
    struct reader r;
    char *at = octets;
    if (known != NULL && h1_known_is_head(known, head, octets, size))
        return (int64_t)h1_known_take_head(known, head, octets);
    head_reset(head);
    reader_init(&r, head, octets, size, limits, lenient, H1_KIND_REQUEST);
    r.known = known;
    int64_t result = parse_request_line(&r, &at);
    return result == GO_ON ? take_fields(&r, at) : result;
}

int64_t h1_head_parse_response(struct http_head *head, char *octets, size_t size, const struct http_head_limits *limits,
                               bool lenient, struct h1_known *known)
{
    struct reader r;
    char *at = octets;
    if (known != NULL && h1_known_is_head(known, head, octets, size))
        return (int64_t)h1_known_take_head(known, head, octets);
    head_reset(head);
    reader_init(&r, head, octets, size, limits, lenient, H1_KIND_RESPONSE);
    r.known = known;
    int64_t result = parse_status_line(&r, &at);
    return result == GO_ON ? take_fields(&r, at) : result;
}

int64_t h1_head_parse_connect_response(struct http_head *head, char *octets, size_t size,
                                       const struct http_head_limits *limits, bool lenient)
{
    struct reader r;
    char *at = octets;
    head_reset(head);
    reader_init(&r, head, octets, size, limits, lenient, H1_KIND_RESPONSE);
    r.meaning.connect = true;
    int64_t result = parse_status_line(&r, &at);
    return result == GO_ON ? take_fields(&r, at) : result;
}

static void drop_forbidden(struct http_head *head)
{
    size_t kept = 0;
    for (size_t i = 0; i < head->field_count; i++) {
        if (!h1_trailer_forbidden(head->fields[i].name))
            head->fields[kept++] = head->fields[i];
    }
    head->dropped_count = head->field_count - kept;
    head->field_count = kept;
}

int64_t h1_head_parse_trailers(struct http_head *head, char *octets, size_t size, const struct http_head_limits *limits,
                               bool lenient)
{
    struct reader r;
    head_reset(head);
    reader_init(&r, head, octets, size, limits, lenient, H1_KIND_TRAILERS);
    r.lenient = false;
    int64_t result = take_fields(&r, octets);
    if (result > 0)
        drop_forbidden(head);
    if (!h1_head_is_error(result))
        return result;
    weir_code code = h1_head_code(result);
    bool size_limit = code == WEIR_CODE_head_too_large || code == WEIR_CODE_too_many_fields;
    return h1_head_error(size_limit ? WEIR_CODE_trailers_too_large : WEIR_CODE_bad_trailer);
}
