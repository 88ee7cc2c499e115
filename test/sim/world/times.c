#include "times.h"

#include <inttypes.h>
#include <string.h>

#include "io_sim.h"
#include "net.h"
#include "sim.h"

/* A timer may be this late by itself: a wait for memory is 10 ms. */
#define SLACK_NS (20 * NET_MS)

static struct times all[NET_PAIRS_MAX][2]; /* by place; of who connected, of who accepted */

void times_begin(void)
{
    memset(all, 0, sizeof all);
}

struct times *times_of(uint16_t port, bool client)
{
    return &all[port - NET_PORT_BASE][client ? 0 : 1];
}

static struct stamp now_of(const struct times *t)
{
    return (struct stamp){.ns = t->loop->now_ns, .late_ns = net_late()};
}

static struct stamp later(struct stamp a, struct stamp b)
{
    return a.ns > b.ns ? a : b;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t ms_since(const struct times *t, struct stamp since)
{
    return (t->loop->now_ns - since.ns) / NET_MS;
}

static const char *who(const struct times *t)
{
    return t->client ? "a client" : "the server";
}

/* At least so much time has passed. */
static void not_early(const struct times *t, struct stamp since, uint64_t limit_ns, const char *what)
{
    if (since.ns != 0 && t->loop->now_ns - since.ns < limit_ns)
        sim_fail("no deadline is early", "%s: %s after %" PRIu64 " ms, and the limit is %" PRIu64 " ms", who(t), what,
                 ms_since(t, since), limit_ns / NET_MS);
}

/* And at most so much, but for the time in which the process could not look. */
static void not_late(const struct times *t, struct stamp since, uint64_t limit_ns, const char *what)
{
    if (since.ns == 0 || since.ns > t->loop->now_ns || limit_ns == WEIR_UNLIMITED)
        return;
    uint64_t passed_ns = t->loop->now_ns - since.ns, late_ns = net_late() - since.late_ns;
    if (passed_ns > SLACK_NS + late_ns && passed_ns - late_ns - SLACK_NS > limit_ns)
        sim_fail("no deadline is late", "%s: %s after %" PRIu64 " ms, and the limit is %" PRIu64 " ms", who(t), what,
                 ms_since(t, since), limit_ns / NET_MS);
}

static void between(const struct times *t, struct stamp since, uint64_t limit_ns, weir_code code)
{
    not_early(t, since, limit_ns, weir_code_name(code));
    not_late(t, since, limit_ns, weir_code_name(code));
}

/* --- since when ------------------------------------------------------------------------------------------------- */

/* A read of this round may have come after its timers. */
static struct stamp read_before(const struct times *t)
{
    const struct stamp none = {.ns = 0};
    return t->at[TIMES_READ].ns == t->loop->now_ns ? none : t->at[TIMES_READ];
}

static struct stamp idle_since(const struct times *t)
{
    struct stamp octets = later(read_before(t), t->at[TIMES_WROTE]);
    return later(later(t->at[TIMES_OPENED], octets), t->at[TIMES_DONE]);
}

/* The head that is waited for: since its first octet was there to be looked at. Zero if that is not known. */
static struct stamp head_since(const struct times *t)
{
    const struct stamp none = {.ns = 0};
    if (t->peer == NULL || t->peer->garbage || t->begun != t->done || t->begun >= t->peer->asked_count ||
        t->heads[t->begun].ns == 0)
        return none;
    return later(t->heads[t->begun], t->at[TIMES_DONE]);
}

static struct stamp body_since(const struct times *t)
{
    return later(later(t->at[TIMES_READ], t->at[TIMES_HEAD]), t->at[TIMES_RESUMED]);
}

/* The time that the content which came since pays for, at the least. */
static uint64_t paid_ns(const struct times *t)
{
    uint64_t octets = t->octets_in - t->in_at_head;
    return octets * NET_S / t->limits->body_rate_min;
}

static uint64_t rate_limit_ns(const struct times *t)
{
    uint64_t paid = paid_ns(t);
    return paid > t->limits->body_rate_grace_ns ? paid : t->limits->body_rate_grace_ns;
}

static bool reads_body(const struct times *t)
{
    return t->current != NULL && !t->held && !t->whole && !t->answered;
}

static struct stamp write_since(const struct times *t, const struct stamp *progress)
{
    return later(later(t->at[TIMES_WROTE], t->at[TIMES_BLOCKED]), *progress);
}

/* --- what happens ----------------------------------------------------------------------------------------------- */

void times_open(struct times *t, const weir_loop *loop, const weir_limits *limits, const struct peer *peer, bool client)
{
    *t = (struct times){.loop = loop, .limits = limits, .peer = peer, .client = client};
    times_tell(t, TIMES_OPENED, 0, NULL);
}

/* What comes now shows that a deadline before it was missed, if it was. */
static void check_read(const struct times *t)
{
    if (t->client || t->at[TIMES_SHUT].ns != 0)
        return;
    if (t->at[TIMES_READ].ns == 0)
        not_late(t, t->at[TIMES_OPENED], t->limits->first_octet_timeout_ns, "the first octet is taken");
    else if (reads_body(t))
        not_late(t, body_since(t), t->limits->body_timeout_ns, "more of a content is taken");
}

static void note_heads(struct times *t, size_t n, struct stamp now)
{
    for (unsigned i = 0; t->peer != NULL && i < t->peer->asked_count; i++) {
        uint64_t begin = t->peer->asked[i].begin;
        if (t->octets_in <= begin && begin < t->octets_in + n)
            t->heads[i] = now;
    }
    t->octets_in += n;
}

void times_tell(struct times *t, enum times_what what, size_t n, const void *x)
{
    if (t->loop == NULL)
        return;
    struct stamp now = now_of(t);
    switch (what) {
    case TIMES_READ:
        check_read(t);
        note_heads(t, n, now);
        break;
    case TIMES_BLOCKED:
        if (t->at[TIMES_BLOCKED].ns > t->at[TIMES_WROTE].ns)
            return;
        break;
    case TIMES_HEAD:
        not_late(t, head_since(t), t->limits->head_timeout_ns, "a head is taken");
        t->begun++;
        t->current = x;
        t->held = t->whole = t->answered = false;
        t->in_at_head = t->octets_in;
        break;
    case TIMES_WHOLE:
        t->whole = true;
        break;
    case TIMES_ANSWERED:
        t->answered = true;
        break;
    case TIMES_RESUMED:
        t->held = false;
        t->in_at_head = t->octets_in;
        break;
    case TIMES_DONE:
        t->done++;
        if (t->current == x)
            t->current = NULL;
        break;
    case TIMES_SHUT:
        t->in_at_shut = t->octets_in;
        break;
    default:
        break;
    }
    t->at[what] = now;
}

/* --- endings ---------------------------------------------------------------------------------------------------- */

static void cause_of_write(const struct times *t, const struct stamp *progress)
{
    uint64_t limit_ns = t->limits->write_timeout_ns;
    const char *name = weir_code_name(WEIR_CODE_write_timeout);
    not_early(t, t->at[TIMES_WROTE], limit_ns, name);
    /* What a slow peer has acknowledged is looked at after a quarter of the time, and again at its end; what comes
     * within this round may be too late for that. */
    if (progress->ns < t->loop->now_ns &&
        progress->ns + limit_ns / 4 * 3 > net_now() + (net_late() - progress->late_ns))
        sim_fail("no deadline is early", "%s: %s, and the peer took octets %" PRIu64 " ms ago", who(t), name,
                 (net_now() - progress->ns) / NET_MS);
    not_late(t, write_since(t, progress), limit_ns / 4 * 7, name);
}

static void cause_of_age(const struct times *t, weir_stage stage)
{
    uint64_t limit_ns = t->limits->age_max_ns;
    struct stamp idle = idle_since(t);
    not_early(t, t->at[TIMES_OPENED], limit_ns - limit_ns / 10, weir_code_name(WEIR_CODE_age_limit));
    if (stage != WEIR_STAGE_IDLE)
        return;
    struct stamp old = t->at[TIMES_OPENED];
    old.ns += limit_ns;
    idle.ns += 250 * NET_MS;
    not_late(t, later(old, idle), 0, weir_code_name(WEIR_CODE_age_limit));
}

void times_cause(const struct times *t, weir_code code, weir_stage stage, const struct stamp *progress)
{
    const weir_limits *l = t->limits;
    if (t->loop == NULL)
        return;
    switch (code) {
    case WEIR_CODE_first_octet_timeout:
        if (t->octets_in > 0)
            sim_fail("codes are true", "first_octet_timeout after %" PRIu64 " octets", t->octets_in);
        between(t, t->at[TIMES_OPENED], l->first_octet_timeout_ns, code);
        break;
    case WEIR_CODE_idle_timeout:
        between(t, idle_since(t), l->idle_timeout_ns, code);
        break;
    case WEIR_CODE_age_limit:
        cause_of_age(t, stage);
        break;
    case WEIR_CODE_head_timeout:
        if (!t->client)
            between(t, head_since(t), l->head_timeout_ns, code);
        break;
    case WEIR_CODE_body_timeout:
        not_early(t, later(read_before(t), t->at[TIMES_HEAD]), l->body_timeout_ns, weir_code_name(code));
        if (!t->client && !t->held)
            not_late(t, body_since(t), l->body_timeout_ns, weir_code_name(code));
        break;
    case WEIR_CODE_body_too_slow:
        if (!t->client && !t->held)
            between(t, later(t->at[TIMES_HEAD], t->at[TIMES_RESUMED]), rate_limit_ns(t), code);
        break;
    case WEIR_CODE_handler_timeout:
        if (t->whole)
            between(t, t->at[TIMES_WHOLE], l->handler_timeout_ns, code);
        break;
    case WEIR_CODE_response_timeout:
        not_early(t, t->at[TIMES_WROTE], l->response_timeout_ns, weir_code_name(code));
        not_late(t, idle_since(t), l->response_timeout_ns, weir_code_name(code));
        break;
    case WEIR_CODE_write_timeout:
        cause_of_write(t, progress);
        break;
    default:
        break;
    }
}

/* The shortest silence that a lingering connection may end after. */
static uint64_t silence_min_ns(const struct times *t, weir_stage stage)
{
    uint64_t silence_ns = t->limits->linger_silence_ns;
    if (stage == WEIR_STAGE_IDLE || t->client)
        silence_ns = least(silence_ns, NET_S);
    if (t->octets_in >= t->limits->linger_size_max)
        silence_ns = least(silence_ns, NET_S / 2);
    return silence_ns;
}

void times_close(const struct times *t, weir_stage stage, bool confirmed, bool fin_read)
{
    if (t->loop == NULL || t->at[TIMES_SHUT].ns == 0)
        return;
    struct stamp shut = t->at[TIMES_SHUT], last = later(shut, t->at[TIMES_READ]);
    not_late(t, shut, t->limits->linger_timeout_ns, "the end of a linger");
    if (!fin_read)
        not_late(t, last, t->limits->linger_silence_ns, "the end of a silent linger");
    if (!confirmed && t->loop->now_ns - shut.ns < t->limits->linger_timeout_ns)
        not_early(t, last, silence_min_ns(t, stage), "the end of a linger");
}
