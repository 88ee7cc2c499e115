/* Invariant: in either role, strict and lenient: messages made valid are all taken, and the handler sees exactly
 * what they mean; and whatever the octets are - valid, valid but for one mutation, or any at all - what the handler
 * sees, what goes out and how the connection ends are the same whole, octet by octet and cut by chance.
 *
 * The input: one octet of options, one that says how many messages; then choices (h1/message_maker.h), or, if the
 * options say so, the octets themselves. */
#define CONN_DRIVE_FUZZES

#include <strings.h>

#include "conn/conn_drive.h"
#include "h1/message_maker.h"

#define MESSAGES_MAX 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    OPTION_CLIENT = 1,
    OPTION_LENIENT = 2,
    OPTION_RAW = 4,
    OPTION_MUTATED = 8,
    OPTION_STRICT = 16,
    OPTION_LIMITS = 32
};

/* What one run came to. */
struct outcome {
    struct drive_buffer seen; /* by the handler, in the words of a meaning */
    struct drive_buffer out;
    weir_code code;
    unsigned begun;
};

static struct made made;
static bool heads[MESSAGES_MAX]; /* of the requests asked: HEAD */
static struct outcome *now;

/* --- the handler ------------------------------------------------------------------------------------------------ */

WEIR_PRINTF(1, 2) static void saw(const char *format, ...)
{
    static char text[1 << 17];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    FUZZ_MUST(size >= 0 && (size_t)size < sizeof text);
    drive_append(&now->seen, text, (size_t)size);
}

static void saw_fields(weir_fields fields)
{
    for (size_t i = 0; i < fields.count; i++) {
        weir_str name = fields.list[i].name, value = fields.list[i].value;
        saw("%.*s=%.*s\n", (int)name.len, name.ptr, (int)value.len, value.ptr);
    }
}

static void on_head(struct drive *d, weir_exchange *x)
{
    weir_str method = weir_request_method(x), target = weir_request_target(x), reason = weir_response_reason(x);
    (void)d;
    if (weir_exchange_role(x) == WEIR_ROLE_SERVER)
        saw("%.*s %.*s %u\n", (int)method.len, method.ptr, (int)target.len, target.ptr, weir_exchange_version(x));
    else
        saw("%u %.*s %u\n", weir_response_status(x), (int)reason.len, reason.ptr, weir_exchange_version(x));
    saw_fields(weir_exchange_fields(x));
    drive_append(&now->seen, "\x01", 1);
}

static size_t on_body(struct drive *d, weir_exchange *x, weir_str octets)
{
    (void)d;
    (void)x;
    drive_append(&now->seen, octets.ptr, octets.len);
    return octets.len;
}

static void on_end(struct drive *d, weir_exchange *x)
{
    (void)d;
    drive_append(&now->seen, "\x01", 1);
    saw_fields(weir_exchange_trailers(x));
    drive_append(&now->seen, "\x02", 1);
    if (weir_exchange_role(x) == WEIR_ROLE_SERVER)
        (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_copy(WEIR_STR("answer")));
}

static void on_done(struct drive *d, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)d;
    (void)x;
    if (ending->code != WEIR_CODE_complete)
        saw("(%s)", weir_code_name(ending->code));
}

/* --- one run ---------------------------------------------------------------------------------------------------- */

static void set_options(struct drive *d, uint8_t options)
{
    d->script = (struct drive_script){.head = on_head, .body = on_body, .end = on_end, .done = on_done};
    d->options.role = options & OPTION_CLIENT ? WEIR_ROLE_CLIENT : WEIR_ROLE_SERVER;
    d->options.lenient = (options & OPTION_LENIENT) != 0;
    d->options.strict = (options & OPTION_STRICT) != 0;
    if (options & OPTION_LIMITS)
        d->options.limits = (weir_limits){.request_line_size_max = 30,
                                          .head_size_max = 300,
                                          .field_count_max = 4,
                                          .body_size_max = 50,
                                          .chunk_extension_size_max = 6,
                                          .interim_count_max = 1};
}

static struct outcome run(uint8_t options, size_t read_max, unsigned asked)
{
    struct outcome outcome = {.begun = 0};
    struct drive *d = drive_new();
    now = &outcome;
    set_options(d, options);
    d->read_max = read_max;
    drive_open(d);
    for (unsigned i = 0; i < asked && d->options.role == WEIR_ROLE_CLIENT; i++)
        (void)drive_ask(d,
                        WEIR_REQUEST(.method = heads[i] ? WEIR_STR("HEAD") : WEIR_STR("GET"), .target = WEIR_STR("/"),
                                     .host = WEIR_STR("a")),
                        NULL);
    drive_step(d);
    drive_send_octets(d, made.octets, made.size);
    if (d->engine != NULL)
        drive_fin(d);
    if (d->engine != NULL)
        drive_sleep(d, 200 * WEIR_SECOND);
    DRIVE_MUST(d, d->closed && d->ending.code != WEIR_CODE_internal_error);
    outcome.code = d->ending.code;
    outcome.begun = d->begun;
    outcome.out = d->out;
    d->out = (struct drive_buffer){.size = 0};
    drive_free(d);
    return outcome;
}

static void outcome_free(struct outcome *outcome)
{
    free(outcome->seen.octets);
    free(outcome->out.octets);
}

static bool same(const struct drive_buffer *a, const struct drive_buffer *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->octets, b->octets, a->size) == 0);
}

static void show(const char *what, const struct outcome *outcome)
{
    fprintf(stderr, "--- %s: %s\n%.*s\n--- out\n%.*s\n", what, weir_code_name(outcome->code), (int)outcome->seen.size,
            outcome->seen.octets, (int)outcome->out.size, outcome->out.octets);
}

/* Then a 100 may have been sent, and is not where the content was there already. */
static bool expects(void)
{
    for (size_t i = 0; i + 6 <= made.size; i++)
        if (strncasecmp(made.octets + i, "expect", 6) == 0)
            return true;
    return false;
}

static void check_cut(uint8_t options, const struct outcome *whole, size_t read_max, unsigned asked)
{
    struct outcome cut = run(options, read_max, asked);
    /* How much of a content is offered before the octet that is too many, the reads decide. */
    bool seen = same(&whole->seen, &cut.seen) || whole->code == WEIR_CODE_body_too_large;
    bool fine =
        seen && whole->code == cut.code && whole->begun == cut.begun && (same(&whole->out, &cut.out) || expects());
    if (!fine) {
        show("whole", whole);
        show("cut", &cut);
        fprintf(stderr, "--- octets, cut at %zu\n%.*s\n", read_max, (int)made.size, made.octets);
    }
    FUZZ_MUST(fine);
    outcome_free(&cut);
}

static void check_meaning(const struct outcome *whole)
{
    bool fine = whole->seen.size >= made.meaning_size &&
                (made.meaning_size == 0 || memcmp(whole->seen.octets, made.meaning, made.meaning_size) == 0);
    if (!fine) {
        show("whole", whole);
        fprintf(stderr, "--- octets\n%.*s\n--- meant\n%.*s\n", (int)made.size, made.octets, (int)made.meaning_size,
                made.meaning);
    }
    FUZZ_MUST(fine);
}

/* Returns how many there are. */
static unsigned make(uint8_t options, struct fuzz_choices *from)
{
    unsigned count = 0, most = 1 + fuzz_take(from) % MESSAGES_MAX;
    made.size = made.meaning_size = 0;
    made.ends_connection = false;
    for (unsigned i = 0; i < MESSAGES_MAX; i++)
        heads[i] = false;
    if (options & OPTION_RAW) {
        made.size = from->left < MADE_SIZE_MAX ? from->left : MADE_SIZE_MAX;
        if (made.size > 0)
            memcpy(made.octets, from->at, made.size);
        heads[0] = most == 3;
        return most;
    }
    for (; count < most && !made.ends_connection; count++) {
        heads[count] = fuzz_take(from) % 4 == 3;
        if (options & OPTION_CLIENT)
            made_response(&made, from, heads[count]);
        else
            made_request(&made, from);
    }
    if (options & OPTION_MUTATED)
        made_mutate(&made, from);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_choices from = {data, size};
    uint8_t options = fuzz_take(&from);
    unsigned asked = make(options, &from);
    struct outcome whole = run(options, 0, asked);
    if (!(options & (OPTION_RAW | OPTION_MUTATED | OPTION_LIMITS)))
        check_meaning(&whole);
    check_cut(options, &whole, 1, asked);
    check_cut(options, &whole, 2 + size % 13, asked);
    outcome_free(&whole);
    return 0;
}
