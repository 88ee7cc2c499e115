/* What must hold when all is over: of peers that kept to the rules, of answers that are said to be lost, of the
 * ledger. */
#include <errno.h>
#include <inttypes.h>

#include "sim.h"
#include "world.h"

/* --- who stayed and read ---------------------------------------------------------------------------------------- */

/* What the server or its application did on purpose, or could not help. */
static bool is_excuse(const weir_ending *e)
{
    switch (e->code) {
    case WEIR_CODE_stopped:
    case WEIR_CODE_drain_timeout:
    case WEIR_CODE_aborted:
    case WEIR_CODE_body_underrun:
    case WEIR_CODE_no_memory:
    case WEIR_CODE_system_error:
        return true;
    default:
        return e->os == ENOMEM || e->os == ENOSPC; /* the kernel would not watch it */
    }
}

/* A window a round trip: what was written takes so long that the time of a linger may not be enough for it. */
static bool is_narrow(const struct world *w, const struct peer *peer)
{
    const uint64_t round_trip_ns = 50 * WEIR_MS; /* as it is on the whole in the weather where it counts */
    uint64_t rounds = peer->end->in->written / peer->end->receive_size;
    return peer->end->pair->weather == 2 && rounds * round_trip_ns > w->server->options.limits.linger_timeout_ns / 2;
}

/* A deadline had a part in the end, and the peer, the network or a process that stood still in that. */
static bool is_late(const struct world *w, const struct peer *peer, const weir_ending *e)
{
    const struct net_pair *pair = peer->end->pair;
    bool slow = w->leaps || pair->stalled || pair->weather == 3 || peer->reading == PEER_READS_SLOWLY ||
                peer->hesitates || is_narrow(w, peer);
    return slow && truth_was_timed(e);
}

/* By its code it closed in a moment when a request may have been on its way, or after an answer that did not say so. */
static bool may_cross(weir_code code)
{
    switch (code) {
    case WEIR_CODE_idle_timeout:
    case WEIR_CODE_first_octet_timeout:
    case WEIR_CODE_age_limit:
    case WEIR_CODE_drained:
    case WEIR_CODE_idle_reclaimed:
    case WEIR_CODE_body_too_large:
        return true;
    default:
        return false;
    }
}

/* A peer that stayed and read gets every octet that was queued for it, the end after it, and an answer to each request
 * that it sent whole. */
static void check_good(struct world *w, const struct world_connection *c)
{
    const struct peer *peer = truth_peer(w, c);
    const struct net_pair *pair = peer->end->pair;
    const struct net_flow *flow = &pair->flows[1];
    const weir_ending *e = &c->ending;
    sim_record->totals.accepted += c->ended;
    if (!c->ended || !peer_is_good(peer) || is_excuse(e) || truth_is_cut(e->trace) || is_late(w, peer, e))
        return;
    if (peer->script_size > w->server->options.limits.linger_size_max && e->octets_in < peer->script_size)
        return; /* nobody waits for one that goes on sending */
    bool left = peer->leaving == PEER_CLOSES_ANSWERED && !peer->got_reset && !peer->got_fin;
    if (left && peer->garbage)
        return; /* it does not know what it is owed */
    if (e->octets_unsent != 0)
        sim_fail("no octet is lost", "%s: %" PRIu64 " were never sent", pair->name, e->octets_unsent);
    if (!left && peer->received != flow->written)
        sim_fail("no octet is lost", "%s read %" PRIu64 " of %" PRIu64 " octets", pair->name, peer->received,
                 flow->written);
    if (!reader_is_between(&peer->reader))
        sim_fail("no octet is lost", "%s has half an answer", pair->name);
    bool told = peer->reader.count > 0 && peer->reader.answers[peer->reader.count - 1].last;
    if (!told && peer->reader.count < peer_owed(peer) && !may_cross(e->code))
        sim_fail("what was asked is answered", "%s has %u answers to %u requests: %s", pair->name, peer->reader.count,
                 peer_owed(peer), weir_code_name(e->code));
    sim_record->totals.judged++;
}

/* --- what is said to be lost ------------------------------------------------------------------------------------ */

/* How many whole requests of a connection the application took, at most: of one that it refused it is not told. */
static unsigned requests_taken(const struct world *w, uint16_t port)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < APP_NUMBERS_MAX; i++) {
        const struct app_exchange *x = &w->app.exchanges[i];
        if (x->begun && x->port == port)
            taken += x->whole || x->kind == APP_REFUSE || x->kind == APP_EARLY || x->code == WEIR_CODE_no_memory;
    }
    return taken;
}

/* An answer that is said to be lost did not arrive whole. */
static void check_lost(struct world *w, const struct world_connection *c, const struct net_pair *pair)
{
    static struct account a;
    const struct net_flow *flow = &pair->flows[1];
    if (!c->ended || (c->ending.delivery != WEIR_DELIVERY_LOST && c->ending.delivery != WEIR_DELIVERY_PARTIAL))
        return;
    if (pair->spoilt)
        return; /* nobody knows what it asked */
    truth_read_account(w, pair, &a);
    if (flow->arrived >= flow->written && c->ending.octets_unsent == 0 && reader_is_between(&a.reader) &&
        a.reader.count >= requests_taken(w, pair->port))
        sim_fail("lost is lost", "%s has all %" PRIu64 " octets, and it says %s", pair->name, flow->arrived,
                 weir_delivery_name(c->ending.delivery));
}

/* --- the ledger ------------------------------------------------------------------------------------------------- */

static void check_ledger(const struct world *w)
{
    weir_ledger l = {.size = sizeof l};
    uint64_t ended = 0, done = 0;
    weir_server_ledger(w->server, &l);
    for (size_t i = 0; i < WEIR_CODE_COUNT; i++) {
        ended += l.ended_by_code[i];
        done += l.exchanges_by_code[i];
    }
    if (l.accepted != ended || ended != w->endings || l.alive != 0 || l.idle != 0)
        sim_fail("ledger", "%" PRIu64 " accepted, %" PRIu64 " ended, %u endings, %" PRIu64 " idle", l.accepted, ended,
                 w->endings, l.idle);
    if (l.exchanges_begun != l.exchanges_done || done != l.exchanges_done)
        sim_fail("ledger", "%" PRIu64 " exchanges begun, %" PRIu64 " done, %" PRIu64 " by code", l.exchanges_begun,
                 l.exchanges_done, done);
    if (l.octets_queued != l.octets_acked + l.octets_unacked + l.octets_unsent || l.octets_in_flight != 0)
        sim_fail("ledger", "%" PRIu64 " octets queued, %" PRIu64 " acknowledged, %" PRIu64 " not, %" PRIu64 " unsent",
                 l.octets_queued, l.octets_acked, l.octets_unacked, l.octets_unsent);
    /* What is derived in it balances by itself: these are counted elsewhere. */
    if (w->server->workers[0].home.alive != 0 || l.exchanges_done != w->exchanges)
        sim_fail("ledger", "%" PRIu64 " alive, %" PRIu64 " exchanges done, %" PRIu64 " by the endings",
                 w->server->workers[0].home.alive, l.exchanges_done, w->exchanges);
    if (l.octets_in != w->octets_in || l.octets_queued != w->octets_queued || l.octets_acked != w->octets_acked)
        sim_fail("ledger",
                 "octets in, queued, acknowledged: %" PRIu64 ", %" PRIu64 ", %" PRIu64 "; by the endings %" PRIu64
                 ", %" PRIu64 ", %" PRIu64,
                 l.octets_in, l.octets_queued, l.octets_acked, w->octets_in, w->octets_queued, w->octets_acked);
    uint64_t delivered = l.exchanges_by_delivery[WEIR_DELIVERY_DELIVERED];
    if (delivered < w->delivered_least || delivered > w->delivered_most)
        sim_fail("delivered is acknowledged", "%" PRIu64 " answers in the ledger, and %u to %u are", delivered,
                 w->delivered_least, w->delivered_most);
}

void truth_at_end(struct world *w)
{
    check_ledger(w);
    for (unsigned i = 0; i < NET_PAIRS_MAX; i++) {
        const struct net_pair *pair = net_pair_of_port((uint16_t)(NET_PORT_BASE + i));
        if (pair == NULL)
            continue;
        if (!w->with_client && pair->ends[1].open)
            sim_fail("one ending a connection", "%s is still open", pair->name);
        if (!w->with_client)
            check_good(w, &w->connections[i]);
        check_lost(w, &w->connections[i], pair);
    }
}
