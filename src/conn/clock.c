/* What time does to a connection: when it must next be looked at, and what happens if nothing came until then. */
#include "conn/conn.h"

/* After our FIN a peer that had nothing under way needs no long wait: a request that crossed our FIN gets no answer,
 * and the wait only spares it the sight of a reset. A server needs none either: it is owed nothing. Nor does one
 * that went on sending until we stopped reading: if it does not read by now it will not before its own sending
 * fails. */
#define LINGER_IDLE_NS (1 * WEIR_SECOND)
#define LINGER_FULL_NS (500 * WEIR_MS)
/* A connection that is old is closed when it has been idle for this long; before, its next answer says close. */
#define AGE_IDLE_NS    (250 * WEIR_MS)

/* The age at which this connection is old: less than the limit by up to a tenth, so that those accepted together do not
 * go together. A function of its number: nothing to remember. */
static uint64_t age_limit_ns(const struct weir_conn *conn)
{
    uint64_t limit = conn->config->options.limits.age_max_ns;
    if (limit == WEIR_UNLIMITED)
        return WEIR_NEVER;
    uint64_t mixed = (conn->facts.id ^ conn->config->seed) * UINT64_C(0x9e3779b97f4a7c15);
    mixed ^= mixed >> 32; /* fold: the low bits are poorly mixed, and the high 32 alone span 4 s */
    return deadlines_add(conn->began_ns, limit - mixed % (limit / 10 + 1));
}

bool conn_is_old(const struct weir_conn *conn, uint64_t now_ns)
{
    return conn->config->options.limits.age_max_ns != WEIR_UNLIMITED && now_ns >= age_limit_ns(conn);
}

static struct deadlines_due due_while_idle(const struct weir_conn *conn)
{
    const weir_limits *limits = &conn->config->options.limits;
    struct deadlines_due due;
    if (conn_stage(conn) == WEIR_STAGE_UNUSED && conn->config->options.role == WEIR_ROLE_SERVER)
        due = (struct deadlines_due){deadlines_add(conn->began_ns, limits->first_octet_timeout_ns),
                                     WEIR_CODE_first_octet_timeout};
    else
        due = (struct deadlines_due){deadlines_add(conn->since_ns, limits->idle_timeout_ns), WEIR_CODE_idle_timeout};
    uint64_t old = age_limit_ns(conn);
    if (old < deadlines_add(conn->since_ns, AGE_IDLE_NS))
        old = deadlines_add(conn->since_ns, AGE_IDLE_NS);
    if (old < due.ns)
        due = (struct deadlines_due){old, WEIR_CODE_age_limit};
    return due;
}

static struct deadlines_due due_while_lingering(const struct weir_conn *conn)
{
    const weir_limits *limits = &conn->config->options.limits;
    struct deadlines_due due = {deadlines_add(conn->since_ns, limits->linger_timeout_ns), WEIR_CODE_linger_timeout};
    if (conn->work == NULL)
        return due;
    uint64_t silence_ns = limits->linger_silence_ns;
    bool idle = conn->facts.cause_stage == WEIR_STAGE_IDLE || conn->config->options.role == WEIR_ROLE_CLIENT;
    if (idle && silence_ns > LINGER_IDLE_NS)
        silence_ns = LINGER_IDLE_NS;
    if (!conn_lingers_for_input(conn) && !conn->facts.fin_seen && silence_ns > LINGER_FULL_NS)
        silence_ns = LINGER_FULL_NS;
    uint64_t silent = deadlines_add(conn->work->deadlines.in_ns, silence_ns);
    if (silent < due.ns)
        due.ns = silent;
    if (conn->work->look_ns < due.ns)
        due = (struct deadlines_due){conn->work->look_ns, WEIR_OK};
    return due;
}

/* How long output waits before what the peer had acknowledged is marked. */
static uint64_t mark_after(uint64_t timeout_ns)
{
    return timeout_ns / 4;
}

/* The kernel holds much, and takes more only when a good part of it has gone: a slow peer may read for longer than
 * the timeout without our hearing of it. So what it has acknowledged is asked for while most of the time is left,
 * and again when it is over. */
static uint64_t mark_due(const struct weir_conn *conn)
{
    const struct conn_work *work = conn->work;
    const struct deadlines *d = &work->deadlines;
    uint64_t timeout_ns = conn->config->options.limits.write_timeout_ns;
    if (!d->writing || timeout_ns == WEIR_UNLIMITED || work->marked_since_ns == d->out_ns)
        return WEIR_NEVER;
    return deadlines_add(d->out_ns, mark_after(timeout_ns));
}

static void ask(struct weir_conn *conn, enum conn_asking asking)
{
    conn->work->asking = (uint8_t)asking;
    conn->look = true;
}

/* The peer reads nothing. A server that has answered does not want the rest, and its answer may be still on its way. */
static void write_timed_out(struct weir_conn *conn, uint64_t now_ns)
{
    struct engine *engine = conn->work->engine;
    conn_trace(conn, BASE_TRACE_CLOCK_DEADLINE);
    if (conn->life == LIFE_OPEN && engine->ops->may_cease(engine, true)) {
        engine->ops->cease(engine, now_ns);
        conn_settle(conn, now_ns);
        return;
    }
    conn_note(conn, WEIR_CODE_write_timeout, conn_stage(conn));
    conn_life(conn, LIFE_EVENT_CUT);
}

void conn_answered(struct weir_conn *conn, const weir_receipt *receipt, uint64_t now_ns)
{
    struct conn_work *work = conn->work;
    enum conn_asking asking = work != NULL ? (enum conn_asking)work->asking : CONN_ASKING_NOTHING;
    if (asking == CONN_ASKING_NOTHING)
        return;
    work->asking = CONN_ASKING_NOTHING;
    uint64_t acked = receipt->known ? receipt->acked : 0;
    if (asking == CONN_ASKING_MARK) {
        work->marked_acked = acked;
        work->marked_since_ns = work->deadlines.out_ns;
        /* Late, if we were stopped meanwhile; the peer has the rest of the time in any case. */
        work->deadlines.watch_ns = now_ns - mark_after(conn->config->options.limits.write_timeout_ns);
    } else if (acked > work->marked_acked) {
        deadlines_sent(&work->deadlines, now_ns);
    } else {
        write_timed_out(conn, now_ns);
    }
}

static struct deadlines_due due_while_open(const struct weir_conn *conn)
{
    struct deadlines_due due =
        deadlines_next(&conn->work->deadlines, &conn->config->options.limits, conn->config->options.role);
    uint64_t run_ns = engine_due(conn->work->engine);
    if (run_ns < due.ns)
        due = (struct deadlines_due){run_ns, WEIR_OK};
    uint64_t mark_ns = mark_due(conn);
    if (mark_ns < due.ns)
        due = (struct deadlines_due){mark_ns, WEIR_OK};
    return due;
}

static struct deadlines_due next_due(const struct weir_conn *conn)
{
    switch ((enum life_state)conn->life) {
    case LIFE_OPEN:
    case LIFE_FLUSHING:
        if (conn->work == NULL || conn_stage(conn) == WEIR_STAGE_UNUSED)
            return due_while_idle(conn);
        return due_while_open(conn);
    case LIFE_LINGERING:
        return due_while_lingering(conn);
    default:
        return (struct deadlines_due){WEIR_NEVER, WEIR_OK};
    }
}

uint64_t weir_conn_deadline(const weir_conn *conn)
{
    return next_due(conn).ns;
}

static void expire(struct weir_conn *conn, weir_code code, uint64_t now_ns)
{
    struct conn_work *work = conn->work;
    if (code == WEIR_CODE_write_timeout && work != NULL && work->marked_since_ns == work->deadlines.out_ns) {
        ask(conn, CONN_ASKING_PROGRESS);
        return;
    }
    if (code != WEIR_OK)
        conn_trace(conn, BASE_TRACE_CLOCK_DEADLINE);
    switch (code) {
    case WEIR_OK: /* only another look */
        if (conn->life <= LIFE_FLUSHING && work != NULL && mark_due(conn) <= now_ns)
            ask(conn, CONN_ASKING_MARK);
        if (conn->life != LIFE_LINGERING)
            return;
        conn->work->look_ns = WEIR_NEVER;
        conn->look = true;
        return;
    case WEIR_CODE_linger_timeout:
        conn_life(conn, LIFE_EVENT_EXPIRED);
        return;
    case WEIR_CODE_first_octet_timeout:
        conn_note(conn, code, WEIR_STAGE_UNUSED);
        conn_life(conn, LIFE_EVENT_EXPIRED);
        return;
    case WEIR_CODE_idle_timeout:
    case WEIR_CODE_age_limit:
        if (conn_stage(conn) == WEIR_STAGE_TUNNEL)
            break;
        conn_close_idle(conn, code, now_ns);
        return;
    case WEIR_CODE_head_timeout:
    case WEIR_CODE_body_timeout:
    case WEIR_CODE_body_too_slow:
    case WEIR_CODE_handler_timeout:
    case WEIR_CODE_response_timeout:
        if (conn->life == LIFE_OPEN && conn->work != NULL) {
            conn->work->engine->ops->expire(conn->work->engine, code, now_ns);
            conn_settle(conn, now_ns);
            return;
        }
        break;
    default:
        break;
    }
    conn_note(conn, code, conn_stage(conn));
    conn_life(conn, LIFE_EVENT_CUT);
}

/* Waiting for the last receipt is for what its owner may still want to know. */
static bool is_given_up(const struct weir_conn *conn)
{
    return conn->work != NULL && conn->work->engine->ops->is_given_up(conn->work->engine);
}

void weir_conn_tick(weir_conn *conn, uint64_t now_ns)
{
    if (conn->life > LIFE_OPEN && is_given_up(conn))
        conn_life(conn, LIFE_EVENT_CUT);
    if (conn->life <= LIFE_FLUSHING && conn->work != NULL) {
        if (conn->life == LIFE_OPEN)
            engine_run(conn->work->engine, now_ns);
        conn_settle(conn, now_ns);
    }
    struct deadlines_due due = next_due(conn);
    if (due.ns <= now_ns)
        expire(conn, due.code, now_ns);
}
