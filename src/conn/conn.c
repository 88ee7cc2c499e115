#include "conn/conn.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "conn/failure.h"

/* While lingering for an acknowledgement: the first look comes soon, as a delayed one takes about 40 ms. */
#define LOOK_FIRST_NS (2 * WEIR_MS)
#define LOOK_MAX_NS   (250 * WEIR_MS)

void conn_life(struct weir_conn *conn, enum life_event event)
{
    conn->life = (uint8_t)life_next((enum life_state)conn->life, event);
}

static struct engine *active(struct weir_conn *conn)
{
    return conn->work != NULL ? conn->work->engine : NULL;
}

weir_stage conn_stage(const struct weir_conn *conn)
{
    const struct engine_facts *facts = &conn->facts;
    if (conn->life > LIFE_FLUSHING)
        return WEIR_STAGE_CLOSING;
    if (conn->work != NULL)
        return engine_stage(conn->work->engine);
    return facts->exchanges_begun > 0 || facts->octets_in > 0 ? WEIR_STAGE_IDLE : WEIR_STAGE_UNUSED;
}

/* The first cause wins. */
void conn_note(struct weir_conn *conn, weir_code code, weir_stage stage)
{
    if (conn->facts.cause != 0)
        return;
    conn->facts.cause = (uint8_t)code;
    conn->facts.cause_stage = (uint8_t)stage;
}

void conn_trace(struct weir_conn *conn, enum base_trace_event event)
{
    base_trace_add(&conn->facts.trace, event);
}

/* --- making and freeing ----------------------------------------------------------------------------------------- */

static void engine_wakes(struct engine *engine)
{
    struct conn_work *work = (struct conn_work *)engine;
    engine->config->wake(work->conn);
}

bool conn_start_work(struct weir_conn *conn, uint64_t now_ns)
{
    struct conn_work *work = base_slab_get(&conn->config->engines);
    if (work == NULL)
        return false;
    h1_engine_init(&work->h1, conn->config, &conn->facts, engine_wakes);
    work->engine = &work->h1.base;
    work->conn = conn;
    work->dropped = 0;
    work->look_ns = WEIR_NEVER;
    work->look_after_ns = LOOK_FIRST_NS;
    work->marked_since_ns = WEIR_NEVER;
    work->asking = CONN_ASKING_NOTHING;
    deadlines_init(&work->deadlines, now_ns);
    conn->work = work;
    return true;
}

static void stop_work(struct weir_conn *conn)
{
    struct conn_work *work = conn->work;
    h1_engine_fini(&work->h1);
    base_slab_put(&conn->config->engines, work);
    conn->work = NULL;
}

weir_code conn_config_init(struct weir_conn_config *config, const weir_conn_options *options, size_t exchange_size,
                           weir_error *error)
{
    weir_code code = exchange_config_init(config, options, sizeof(struct conn_work), exchange_size, error);
    if (code != WEIR_OK)
        return code;
    /* Past the meter: it is the thread's, and no memory that a connection holds. */
    config->h1 = h1_shared_new(&config->meter.allocator);
    if (config->h1 != NULL)
        return WEIR_OK;
    exchange_config_fini(config);
    if (error != NULL)
        *error = (weir_error){.code = WEIR_CODE_no_memory, .text = "no memory for the options of connections"};
    return WEIR_CODE_no_memory;
}

void conn_config_fini(struct weir_conn_config *config)
{
    h1_shared_free(config->h1, &config->meter.allocator);
    exchange_config_fini(config);
}

void conn_init(struct weir_conn *conn, struct weir_conn_config *config, uint64_t id, uint64_t now_ns)
{
    memset(conn, 0, sizeof *conn);
    conn->config = config;
    conn->facts.id = id;
    receipts_init(&conn->facts.receipts);
    conn->began_ns = now_ns;
    conn->since_ns = now_ns;
}

void conn_fini(struct weir_conn *conn)
{
    assert(conn->life == LIFE_GONE);
    if (conn->work != NULL)
        stop_work(conn);
}

/* --- after something happened ----------------------------------------------------------------------------------- */

/* Why the connection is closed in order, now that its last answer is out. */
static void note_last(struct weir_conn *conn)
{
    if (conn->facts.cause == 0)
        conn_note(conn, conn->facts.last_code != 0 ? (weir_code)conn->facts.last_code : WEIR_CODE_internal_error,
                  WEIR_STAGE_CLOSING);
}

static void observe(struct weir_conn *conn, uint64_t now_ns)
{
    struct engine *engine = active(conn);
    struct engine_sight seen;
    engine_look(engine, &seen);
    const struct deadlines_sight sight = {
        .exchange = conn->facts.exchanges_begun,
        .stage = seen.stage,
        .held = seen.held,
        .writing = engine->output.pending > 0,
        .interims = seen.interims,
        .restarts = conn->config->options.interim_restarts_wait,
    };
    deadlines_observe(&conn->work->deadlines, &sight, now_ns);
}

/* Brings the life up to what the engine did; gives the memory of one that is idle back. */
void conn_settle(struct weir_conn *conn, uint64_t now_ns)
{
    struct engine *engine = active(conn);
    if (engine == NULL)
        return;
    if (engine->abort)
        conn_life(conn, LIFE_EVENT_CUT);
    /* A client whose connection is finished: the unsent rest of its request is dropped. */
    if (engine->finished && !engine_is_server(engine) && !conn->facts.tunnel)
        base_output_cut(&engine->output, &engine->config->blocks);
    if (conn->facts.draining && conn->life == LIFE_OPEN && engine_is_quiet(engine)) {
        conn_note(conn, WEIR_CODE_drained, conn_stage(conn));
        engine->finished = true;
    }
    if (conn->life == LIFE_OPEN && engine->finished)
        conn_life(conn, LIFE_EVENT_LAST);
    if (conn->life == LIFE_FLUSHING && engine->output.pending == 0) {
        note_last(conn);
        conn_life(conn, LIFE_EVENT_FLUSHED);
        conn->look = true;
    }
    if (conn->life == LIFE_OPEN && engine_is_quiet(engine)) {
        stop_work(conn);
        conn->since_ns = now_ns;
        return;
    }
    if (conn->life <= LIFE_FLUSHING)
        observe(conn, now_ns);
}

/* Closes a connection without an exchange, in order. */
void conn_close_idle(struct weir_conn *conn, weir_code code, uint64_t now_ns)
{
    conn_note(conn, code, conn_stage(conn));
    if (conn->work == NULL && !conn_start_work(conn, now_ns)) {
        conn_life(conn, LIFE_EVENT_EXPIRED);
        return;
    }
    conn->work->engine->finished = true;
    conn_settle(conn, now_ns);
}

/* --- octets in -------------------------------------------------------------------------------------------------- */

char *weir_conn_reserve(weir_conn *conn, size_t *size)
{
    *size = 0;
    if (conn->work == NULL && !conn_start_work(conn, conn->since_ns))
        return NULL;
    struct engine *engine = active(conn);
    bool large = engine->filled || engine_wants_much(engine);
    char *space = base_input_reserve(&engine->input, &engine->config->blocks, large, size);
    engine->filled = false;
    return space;
}

/* Nothing of it is of use any more: read so that the peer can finish, and dropped. */
static void drop(struct weir_conn *conn, size_t n, uint64_t now_ns)
{
    struct conn_work *work = conn->work;
    base_input_commit(&work->engine->input, n);
    base_input_consume(&work->engine->input, base_input_size(&work->engine->input));
    base_input_settle(&work->engine->input);
    work->dropped += n;
    deadlines_received(&work->deadlines, n, now_ns);
}

void weir_conn_received(weir_conn *conn, size_t n, uint64_t now_ns)
{
    struct engine *engine = active(conn);
    if (engine == NULL)
        return;
    conn->facts.octets_in += n;
    engine_count(&conn->config->totals.octets_in, n);
    if (conn->life != LIFE_OPEN) {
        drop(conn, n, now_ns);
        return;
    }
    base_input_commit(&engine->input, n);
    engine->filled = n > 0 && engine->input.block != NULL && engine->input.end == engine->input.block->size;
    if (n > 0)
        deadlines_received(&conn->work->deadlines, n, now_ns);
    if (conn->facts.last_code == 0 && conn_is_old(conn, now_ns)) {
        conn->facts.last_code = WEIR_CODE_age_limit;
        conn_trace(conn, BASE_TRACE_LIFE_POLICY);
    }
    uint64_t since_ns = conn->since_ns;
    engine_run(engine, now_ns);
    conn_settle(conn, now_ns);
    if (n == 0)
        conn->since_ns = since_ns;
}

void weir_conn_received_fin(weir_conn *conn, uint64_t now_ns)
{
    struct engine *engine = active(conn);
    if (conn->life == LIFE_OPEN && conn->facts.reset_seen) {
        /* A write took the error of the reset with it; what a read finds then is no FIN. */
        weir_conn_failed(conn, WEIR_DIRECTION_IN, ECONNRESET, now_ns);
        return;
    }
    if (conn->life == LIFE_OPEN && engine != NULL) {
        engine_fin(engine, now_ns);
        conn_settle(conn, now_ns);
        return;
    }
    conn->facts.fin_seen = true;
    conn->facts.no_more_input = true;
    conn_trace(conn, BASE_TRACE_FD_FIN);
    if (conn->life == LIFE_OPEN)
        conn_close_idle(conn,
                        conn_stage(conn) == WEIR_STAGE_UNUSED ? WEIR_CODE_peer_fin_unused : WEIR_CODE_peer_fin_idle,
                        now_ns);
    else
        conn->look = true;
}

/* --- octets out ------------------------------------------------------------------------------------------------- */

size_t weir_conn_output(weir_conn *conn, weir_output *pieces, size_t count)
{
    struct engine *engine = active(conn);
    if (engine == NULL)
        return 0;
    size_t n = engine->output.count < count ? engine->output.count : count;
    for (size_t i = 0; i < n; i++) {
        const struct base_piece *piece = base_output_piece(&engine->output, (uint32_t)i);
        pieces[i] = (weir_output){.ptr = piece->ptr, .len = piece->len, .fd = piece->fd, .offset = piece->offset};
    }
    return n;
}

void weir_conn_sent(weir_conn *conn, size_t n, uint64_t now_ns)
{
    struct engine *engine = active(conn);
    if (n == 0 || engine == NULL)
        return;
    deadlines_sent(&conn->work->deadlines, now_ns);
    engine_sent(engine, n, now_ns);
    if (conn->life == LIFE_OPEN && (engine_is_busy(engine) || base_input_size(&engine->input) > 0))
        engine_run(engine, now_ns);
    conn_settle(conn, now_ns);
    if (engine == active(conn))
        base_output_settle(&engine->output);
}

void weir_conn_output_failed(weir_conn *conn, int os, uint64_t now_ns)
{
    if (conn->facts.os == 0)
        conn->facts.os = (int16_t)os;
    conn_trace(conn, BASE_TRACE_APP_WRONG);
    conn_note(conn, WEIR_CODE_body_source_failed, conn_stage(conn));
    conn_life(conn, LIFE_EVENT_CUT);
    conn_settle(conn, now_ns);
}

/* --- what next -------------------------------------------------------------------------------------------------- */

bool conn_lingers_for_input(const struct weir_conn *conn)
{
    return !conn->facts.fin_seen && conn->work != NULL &&
           conn->work->dropped < conn->config->options.limits.linger_size_max;
}

unsigned weir_conn_wants(const weir_conn *conn)
{
    const struct conn_work *work = conn->work;
    unsigned wants = 0;
    switch ((enum life_state)conn->life) {
    case LIFE_OPEN:
        if (conn->look || (receipts_is_crowded(&conn->facts.receipts) && !conn->facts.looked))
            wants |= WEIR_WANT_RECEIPT;
        if (work == NULL)
            return wants | (conn->facts.fin_seen ? 0 : (unsigned)WEIR_WANT_READ);
        if (work->engine->output.pending > 0)
            wants |= WEIR_WANT_WRITE;
        else if (!conn->tunnel_shut && work->engine->ops->wants_shutdown(work->engine))
            wants |= WEIR_WANT_SHUTDOWN;
        if (engine_wants_input(work->engine))
            wants |= WEIR_WANT_READ;
        return wants;
    case LIFE_FLUSHING:
        return WEIR_WANT_WRITE | (conn->look ? (unsigned)WEIR_WANT_RECEIPT : 0) |
               (conn_lingers_for_input(conn) ? (unsigned)WEIR_WANT_READ : 0);
    case LIFE_ENDING:
        return WEIR_WANT_RECEIPT;
    case LIFE_SHUTTING:
        return WEIR_WANT_SHUTDOWN;
    case LIFE_LINGERING:
        return (conn->look ? (unsigned)WEIR_WANT_RECEIPT : 0) |
               (conn_lingers_for_input(conn) ? (unsigned)WEIR_WANT_READ : 0);
    case LIFE_CLOSING:
        return WEIR_WANT_CLOSE;
    case LIFE_ABORTING:
        return WEIR_WANT_ABORT;
    default:
        return 0;
    }
}

void weir_conn_receipt(weir_conn *conn, const weir_receipt *receipt, uint64_t now_ns)
{
    struct engine_facts *facts = &conn->facts;
    conn->look = false;
    facts->looked = true;
    uint64_t pruned =
        receipts_prune(&facts->receipts, &conn->config->options.allocator, receipt->known ? receipt->acked : 0);
    engine_count(&conn->config->totals.exchanges_by_delivery[WEIR_DELIVERY_DELIVERED], pruned);
    if (conn->life <= LIFE_FLUSHING)
        conn_answered(conn, receipt, now_ns);
    if (conn->life != LIFE_ENDING && conn->life != LIFE_LINGERING)
        return;
    if (receipt->reset) {
        if (receipt->known && receipt->acked < facts->octets_sent)
            conn_trace(conn, BASE_TRACE_FD_REFUSED);
        conn_life(conn, LIFE_EVENT_DEAD);
        return;
    }
    bool confirmed = receipt->known && receipt->acked >= facts->octets_sent;
    if (confirmed && facts->no_more_input && receipt->unread == 0) {
        conn_life(conn, LIFE_EVENT_CONFIRMED);
        return;
    }
    if (!receipt->known && facts->fin_seen && conn->life == LIFE_LINGERING) {
        conn_life(conn, LIFE_EVENT_CONFIRMED);
        return;
    }
    conn_life(conn, LIFE_EVENT_UNCONFIRMED);
    /* When nothing more can come only the acknowledgement is waited for: nobody tells us of it, so it is looked for. */
    if (conn->life == LIFE_LINGERING && facts->no_more_input) {
        struct conn_work *work = conn->work;
        work->look_ns = now_ns + work->look_after_ns;
        work->look_after_ns = work->look_after_ns * 2 < LOOK_MAX_NS ? work->look_after_ns * 2 : LOOK_MAX_NS;
    }
}

void weir_conn_shut(weir_conn *conn, uint64_t now_ns)
{
    conn->fin_sent = true;
    conn_trace(conn, BASE_TRACE_FD_SHUT);
    if (conn->life == LIFE_OPEN) {
        conn->tunnel_shut = true;
        return;
    }
    conn_life(conn, LIFE_EVENT_SHUT);
    conn->since_ns = now_ns;
    conn->look = conn->facts.no_more_input;
    if (conn->work != NULL)
        deadlines_received(&conn->work->deadlines, 0, now_ns);
}

/* --- errors of the transport ------------------------------------------------------------------------------------ */

/* A client whose request the server does not take any more: its answer may be here all the same, or on its way. */
static bool out_failed_first(struct weir_conn *conn, int os, uint64_t now_ns)
{
    struct engine *engine = active(conn);
    if (conn->life != LIFE_OPEN || engine == NULL || conn->facts.fin_seen || (os != EPIPE && os != ECONNRESET) ||
        !engine->ops->may_cease(engine, false))
        return false;
    conn_trace(conn, BASE_TRACE_FD_SND_ERR);
    conn->facts.reset_seen |= os == ECONNRESET;
    engine->ops->cease(engine, now_ns);
    return true;
}

/* The transport lives and we cannot go on: a close in order would pass half an answer off as a whole one. */
static bool is_cut_by(const struct weir_conn *conn, weir_code code)
{
    bool ours = code == WEIR_CODE_no_memory || code == WEIR_CODE_system_error || code == WEIR_CODE_internal_error;
    return ours && conn->work != NULL && (conn->work->engine->output.pending > 0 || engine_is_busy(conn->work->engine));
}

void weir_conn_failed(weir_conn *conn, weir_direction direction, int os, uint64_t now_ns)
{
    weir_stage stage = conn_stage(conn);
    if (os == 0 && conn->fin_sent) {
        /* Both FINs are sent, which is not yet the end: what we sent may still be on its way. */
        conn->look = true;
        return;
    }
    if (conn->facts.os == 0)
        conn->facts.os = (int16_t)os;
    if (direction == WEIR_DIRECTION_OUT && out_failed_first(conn, os, now_ns)) {
        conn_settle(conn, now_ns);
        return;
    }
    conn_trace(conn, os == 0                          ? BASE_TRACE_FD_HUP
                     : direction == WEIR_DIRECTION_IN ? BASE_TRACE_FD_RCV_ERR
                                                      : BASE_TRACE_FD_SND_ERR);
    if (stage == WEIR_STAGE_HEAD || stage == WEIR_STAGE_BODY)
        conn_trace(conn, BASE_TRACE_H1_TRUNCATED);
    weir_code code = failure_code(&conn->facts, os, stage);
    if (code == WEIR_CODE_peer_fin_in_handler)
        stage = WEIR_STAGE_HANDLER;
    conn_note(conn, code, stage);
    conn_life(conn, is_cut_by(conn, code) ? LIFE_EVENT_CUT : LIFE_EVENT_DEAD);
    if (conn->life == LIFE_OPEN || conn->life == LIFE_FLUSHING)
        conn_settle(conn, now_ns);
}

/* --- the end ---------------------------------------------------------------------------------------------------- */

uint64_t weir_conn_memory(const weir_conn *conn)
{
    uint64_t size = sizeof *conn + receipts_memory(&conn->facts.receipts);
    return conn->work != NULL ? size + conn->work->engine->ops->memory(conn->work->engine) : size;
}

bool weir_conn_is_idle(const weir_conn *conn)
{
    return conn->life == LIFE_OPEN && conn->work == NULL;
}

void weir_conn_drain(weir_conn *conn, uint64_t now_ns)
{
    conn_drain(conn, false, now_ns);
}

void conn_drain(struct weir_conn *conn, bool octets_wait, uint64_t now_ns)
{
    if (conn->life != LIFE_OPEN)
        return;
    conn_trace(conn, BASE_TRACE_OP_DRAIN);
    conn->facts.draining = true;
    if (conn->work == NULL && !octets_wait) {
        conn_close_idle(conn, WEIR_CODE_drained, now_ns);
        return;
    }
    if (conn->facts.last_code == 0 && !conn->facts.tunnel)
        conn->facts.last_code = WEIR_CODE_drained;
    if (conn->work == NULL)
        return;
    conn->work->engine->ops->drain(conn->work->engine, octets_wait, now_ns);
    conn_settle(conn, now_ns);
}

void weir_conn_stop(weir_conn *conn, weir_code code, uint64_t now_ns)
{
    (void)now_ns;
    bool is_policy = code == WEIR_CODE_idle_reclaimed || code == WEIR_CODE_memory_limit;
    if (conn->life >= LIFE_CLOSING)
        return;
    conn_trace(conn, is_policy ? BASE_TRACE_LIFE_POLICY : BASE_TRACE_OP_STOP);
    bool idle = weir_conn_is_idle(conn);
    conn_note(conn, code, conn_stage(conn));
    conn_life(conn, idle ? LIFE_EVENT_EXPIRED : LIFE_EVENT_CUT);
}

/* The whole of an error answer can be given, and it is all that there is to send. */
static bool may_refuse(const struct weir_conn *conn)
{
    const struct engine *engine = conn->work != NULL ? conn->work->engine : NULL;
    return conn->life == LIFE_OPEN && engine != NULL && engine_is_server(engine) && !conn->facts.tunnel &&
           engine->output.pending == 0 && !engine->ops->has_begun_answer(engine);
}

void conn_refuse(struct weir_conn *conn, weir_code code, uint64_t now_ns)
{
    if (!may_refuse(conn)) {
        weir_conn_stop(conn, code, now_ns);
        return;
    }
    conn_trace(conn, BASE_TRACE_LIFE_POLICY);
    conn->work->engine->ops->end(conn->work->engine, code);
    base_input_fini(&conn->work->engine->input);
    conn_settle(conn, now_ns);
}

void weir_conn_closed(weir_conn *conn, const weir_receipt *last, uint64_t now_ns, weir_ending *ending)
{
    assert(conn->life != LIFE_GONE);
    conn_note(conn, WEIR_CODE_stopped, conn_stage(conn));
    conn_judge(conn, last, now_ns, ending);
    conn_life(conn, LIFE_EVENT_CLOSED);
}
