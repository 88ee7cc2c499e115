/* The verdict: who ended the connection, where it was, and what the peer got. */
#include <string.h>

#include "conn/conn.h"
#include "conn/failure.h"
#include "exchange/verdict.h"

static weir_delivery worse(weir_delivery a, weir_delivery b)
{
    return a > b ? a : b;
}

/* Judges every answer that was not seen acknowledged; returns the worst, and how many never left whole. */
static weir_delivery judge_answers(struct weir_conn *conn, const struct receipts_facts *known, uint32_t *unsent)
{
    struct engine_facts *facts = &conn->facts;
    struct exchange_totals *totals = &conn->config->totals;
    const weir_allocator *allocator = &conn->config->options.allocator;
    weir_delivery worst = facts->receipts.begin > 0 ? WEIR_DELIVERY_DELIVERED : WEIR_DELIVERY_NONE_OWED;
    uint64_t begin, end;
    uint64_t last_end = facts->receipts.begin;
    if (known->receipt != NULL && known->receipt->known) {
        uint64_t pruned = receipts_prune(&facts->receipts, allocator, known->receipt->acked);
        engine_count(&totals->exchanges_by_delivery[WEIR_DELIVERY_DELIVERED], pruned);
        if (pruned > 0)
            worst = WEIR_DELIVERY_DELIVERED;
        last_end = facts->receipts.begin;
    }
    while (receipts_shift(&facts->receipts, allocator, &begin, &end)) {
        weir_delivery delivery = receipts_judge(known, begin, end, true);
        engine_count(&totals->exchanges_by_delivery[delivery], 1);
        worst = worse(worst, delivery);
        *unsent += end > facts->octets_sent;
        last_end = end;
    }
    if (facts->answer_cut) {
        weir_delivery delivery = receipts_judge(known, last_end, facts->octets_queued, false);
        engine_count(&totals->exchanges_by_delivery[delivery], 1);
        worst = worse(worst, delivery);
    }
    receipts_fini(&facts->receipts, allocator);
    return worst;
}

/* Where the peer was when it left, if that was before it had its answer. */
static void left_within(struct engine_facts *facts, bool by_fin)
{
    if (by_fin && facts->fin_before_answer) {
        facts->cause = WEIR_CODE_peer_fin_in_handler;
        facts->cause_stage = WEIR_STAGE_HANDLER;
        return;
    }
    facts->cause = by_fin ? WEIR_CODE_peer_fin_in_response : WEIR_CODE_peer_reset_in_response;
    facts->cause_stage = WEIR_STAGE_RESPONSE;
}

/* The peer left in what looked like a quiet moment, or while we closed in order, and did not have its answer: the
 * moment was within the answer, and its leaving is the cause. */
static void correct_cause(struct engine_facts *facts, weir_delivery delivery, const struct receipts_facts *known)
{
    if (delivery != WEIR_DELIVERY_PARTIAL && delivery != WEIR_DELIVERY_LOST)
        return;
    bool dead = facts->reset_seen || (known->receipt != NULL && known->receipt->reset);
    switch ((weir_code)facts->cause) {
    case WEIR_CODE_peer_fin_idle:
    case WEIR_CODE_peer_half_close:
        left_within(facts, true);
        break;
    case WEIR_CODE_peer_reset_idle:
    case WEIR_CODE_peer_reset_closing:
        left_within(facts, false);
        break;
    case WEIR_CODE_close_requested:
    case WEIR_CODE_close_by_application:
    case WEIR_CODE_close_after_response:
    case WEIR_CODE_close_delimited:
    case WEIR_CODE_exchange_limit:
    case WEIR_CODE_age_limit:
    case WEIR_CODE_drained:
    case WEIR_CODE_idle_timeout:
    case WEIR_CODE_idle_reclaimed:
        if (dead && failure_is_of_network(facts->os)) {
            facts->cause = WEIR_CODE_network_lost;
            facts->cause_stage = WEIR_STAGE_RESPONSE;
        } else if (dead) {
            left_within(facts, known->fin_first);
        }
        break;
    default:
        break;
    }
}

static void count_octets(struct weir_conn *conn, uint64_t acked)
{
    const struct engine_facts *facts = &conn->facts;
    struct exchange_totals *totals = &conn->config->totals;
    engine_count(&totals->octets_acked, acked);
    engine_count(&totals->octets_unacked, facts->octets_sent - acked);
    engine_count(&totals->octets_unsent, facts->octets_queued - facts->octets_sent);
}

/* Exchanges that nobody was to be told of: those that left are complete, the others ended with the connection. */
static void count_untold(struct weir_conn *conn, uint32_t untold, uint32_t cut)
{
    struct exchange_totals *totals = &conn->config->totals;
    if (cut > untold)
        cut = untold;
    conn->facts.exchanges_over += untold;
    engine_count(&totals->exchanges_done, untold);
    engine_count(&totals->exchanges_by_code[WEIR_CODE_complete], untold - cut);
    engine_count(&totals->exchanges_by_code[conn->facts.cause], cut);
}

/* Those begun, less those that are not over. */
static uint64_t exchanges_done(const struct engine_facts *facts)
{
    return facts->exchanges_begun - (uint32_t)((uint32_t)facts->exchanges_begun - facts->exchanges_over);
}

/* A client owes nobody an answer: what was not sent of a request that was answered early is nobody's fault. */
static weir_class class_of(weir_role role, weir_code code, weir_delivery delivery)
{
    weir_class judged = verdict_class(code, delivery);
    bool early = role == WEIR_ROLE_CLIENT && weir_code_class(code) == WEIR_CLASS_ROUTINE;
    return early && judged == WEIR_CLASS_FAULT ? WEIR_CLASS_NOTABLE : judged;
}

void conn_judge(struct weir_conn *conn, const weir_receipt *last, uint64_t now_ns, weir_ending *ending)
{
    struct engine_facts *facts = &conn->facts;
    weir_receipt kept;
    if (last != NULL && !last->reset && last->unread == 0 && conn->life != LIFE_ABORTING) {
        /* Closed in order: the kernel goes on sending what it has taken. Over unread octets it resets instead. */
        kept = *last;
        kept.left = facts->octets_sent;
        last = &kept;
    }
    const struct receipts_facts known = {
        .receipt = last,
        .fin_first = facts->fin_seen && !facts->reset_seen && last != NULL && last->reset,
    };
    uint32_t told = 0, untold = 0, unsent = 0;
    bool unprocessed = conn->work != NULL && conn->work->engine->ops->is_unprocessed(conn->work->engine, &known);
    if (unprocessed) {
        /* The server had left before the request came: the moment was between two exchanges. */
        facts->cause = WEIR_CODE_peer_fin_idle;
        facts->cause_stage = WEIR_STAGE_IDLE;
    }
    if (conn->work != NULL) {
        struct engine *engine = conn->work->engine;
        engine->now_ns = now_ns;
        untold = engine->unsent_count;
        engine->unsent_count = 0;
        told = engine->ops->cut(engine, (weir_code)facts->cause, &known);
    }
    weir_delivery delivery = judge_answers(conn, &known, &unsent);
    if (conn->config->options.role == WEIR_ROLE_SERVER)
        correct_cause(facts, delivery, &known);
    else if (unprocessed)
        delivery = facts->receipts.begin > 0 ? WEIR_DELIVERY_DELIVERED : WEIR_DELIVERY_NONE_OWED;
    count_untold(conn, untold, unsent > told ? unsent - told : 0);
    uint64_t acked = last != NULL && last->known ? last->acked : 0;
    if (acked > facts->octets_sent)
        acked = facts->octets_sent;
    count_octets(conn, acked);

    weir_retry retry = facts->octets_sent > 0 ? WEIR_RETRY_PROCESSED : WEIR_RETRY_NOT_SENT;
    if (conn->work != NULL && conn->work->engine->cut_any)
        retry = (weir_retry)conn->work->engine->cut_retry;
    weir_code code = (weir_code)facts->cause;
    *ending = (weir_ending){
        .id = facts->id,
        .role = conn->config->options.role,
        .stage = (weir_stage)facts->cause_stage,
        .how = weir_code_how(code),
        .by = weir_code_by(code),
        .code = code,
        .delivery = delivery,
        .judged = class_of(conn->config->options.role, code, delivery),
        .retry = retry,
        .os = facts->os,
        .trace = facts->trace,
        .exchanges_begun = facts->exchanges_begun,
        .exchanges_done = exchanges_done(facts),
        .octets_in = facts->octets_in,
        .octets_out = facts->octets_sent,
        .octets_acked = acked,
        .octets_unsent = facts->octets_queued - facts->octets_sent,
        .octets_unread = last != NULL ? last->unread : 0,
        .lived_ns = now_ns - conn->began_ns,
    };
}
