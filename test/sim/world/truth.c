/* What must hold: the server's word against what the network and the peers know. */
#include "world.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/client_internal.h"
#include "sim.h"

static struct world_connection *connection_of(struct world *w, uint16_t port, struct net_pair **pair)
{
    *pair = net_pair_of_port(port);
    if (*pair == NULL)
        sim_fail("endings are of connections", "port %u", port);
    return &w->connections[port - NET_PORT_BASE];
}

/* Null: the client is there. */
static struct peer *peer_of(struct world *w, const struct world_connection *c)
{
    return w->with_client ? NULL : &w->peers[c - w->connections];
}

/* --- the living -------------------------------------------------------------------------------------------------------- */

static void check_timer(const struct link *link)
{
    uint64_t due_ns = weir_conn_deadline(&link->conn);
    if (due_ns == WEIR_NEVER)
        return;
    if (!io_timer_is_running(&link->timer))
        sim_fail("no deadline missed", "connection %" PRIu64 " has a deadline and no timer", link->conn.facts.id);
    /* A wait for memory is 10 ms, whatever the deadline. */
    uint64_t now_ns = weir_loop_now(link->sock.loop);
    if (io_timer_due(&link->timer) > (due_ns > now_ns ? due_ns : now_ns) + 10 * WEIR_MS)
        sim_fail("no deadline missed", "the timer of connection %" PRIu64 " is late", link->conn.facts.id);
}

/* Nobody who speaks is called silent, at the moment when that is found: but for what came while the loop was busy elsewhere. */
static void check_silence(const struct world *w, weir_code code, const struct net_end *end)
{
    const uint64_t busy_ns = 500 * WEIR_MS;
    const weir_limits *limits = &w->server->options.limits;
    uint64_t silent_ns = net_now() - end->in->arrival_ns;
    uint64_t due_ns = code == WEIR_CODE_first_octet_timeout ? limits->first_octet_timeout_ns
                      : code == WEIR_CODE_idle_timeout      ? limits->idle_timeout_ns
                      : code == WEIR_CODE_body_timeout      ? limits->body_timeout_ns
                                                            : 0;
    if (w->leaps || io_sim_faults || net_unread(end) == 0 || silent_ns <= busy_ns || due_ns == 0)
        return;
    sim_fail("who speaks is not silent", "%s, and octets are there for %" PRIu64 " ms", weir_code_name(code),
             silent_ns / WEIR_MS);
}

static void check_cause(struct world *w, const struct link *link)
{
    struct net_pair *pair;
    struct world_connection *c = connection_of(w, link->peer_port, &pair);
    weir_code cause = (weir_code)link->conn.facts.cause;
    if (c->first_cause != WEIR_OK && cause != c->first_cause)
        sim_fail("the first cause is kept", "%s became %s", weir_code_name(c->first_cause), weir_code_name(cause));
    if (c->first_cause == WEIR_OK)
        check_silence(w, cause, &pair->ends[1]);
    c->first_cause = cause;
}

static uint64_t check_links(struct world *w, const struct base_list *list, bool idle)
{
    uint64_t count = 0;
    for (const struct base_list *node = list->next; node != list; node = node->next) {
        const struct link *link = BASE_CONTAINER(node, struct link, node);
        check_timer(link);
        check_cause(w, link);
        if (link->counted_idle != idle)
            sim_fail("idle", "a link is in the wrong list");
        count++;
    }
    return count;
}

void truth_of_living(struct world *w)
{
    const struct link_home *home = &w->server->workers[0].home;
    uint64_t busy = check_links(w, &home->links, false), idle = check_links(w, &home->idle_links, true);
    if (busy + idle != home->alive || idle != home->idle)
        sim_fail("ledger", "%" PRIu64 " links, %" PRIu64 " idle; counted %" PRIu64 ", %" PRIu64, busy + idle, idle,
                 home->alive, home->idle);
    if (!w->with_client || w->asker.freed)
        return;
    home = &w->asker.client->home;
    bool asked = io_sim_is_ready(w->client_loop); /* a link that was asked sets its timer in its turn */
    const struct base_list *const lists[] = {&home->links, &home->idle_links};
    for (size_t i = 0; i < 2 && !asked; i++)
        for (const struct base_list *node = lists[i]->next; node != lists[i]; node = node->next)
            check_timer(BASE_CONTAINER(node, struct link, node));
    asker_check(&w->asker);
}

/* --- closing ------------------------------------------------------------------------------------------------------------ */

static uint64_t pending_of(const struct link *link)
{
    return link->conn.facts.octets_queued - link->conn.facts.octets_sent;
}

/* What a client has not sent of a request whose answer is here is of no use any more. */
static bool is_client(const struct link *link)
{
    return link->conn.config->options.role == WEIR_ROLE_CLIENT;
}

void truth_before_shutdown(struct io_sock *sock)
{
    const struct link *link = BASE_CONTAINER(sock, struct link, sock);
    if (!is_client(link) && pending_of(link) > 0)
        sim_fail("no shutdown with output pending", "%" PRIu64 " octets are", pending_of(link));
}

void truth_before_close(struct io_sock *sock, bool reset)
{
    const struct link *link = BASE_CONTAINER(sock, struct link, sock);
    if (!is_client(link) && !reset && pending_of(link) > 0 && !net_is_over(net_end_of_fd(sock->fd)))
        sim_fail("no close in order with output pending", "%" PRIu64 " octets are", pending_of(link));
}

/* --- endings ------------------------------------------------------------------------------------------------------------ */

static void check_code(struct world *w, const weir_ending *e, const struct net_end *end)
{
    const struct net_flow *in = end->in;
    bool ok = true;
    switch (e->code) {
    case WEIR_CODE_peer_reset_unused:
    case WEIR_CODE_peer_reset_idle:
    case WEIR_CODE_peer_reset_in_head:
    case WEIR_CODE_peer_reset_in_body:
    case WEIR_CODE_peer_reset_in_handler:
    case WEIR_CODE_peer_reset_closing:
        ok = end->was_reset;
        break;
    case WEIR_CODE_peer_reset_in_response:
        ok = end->was_reset || (end->dead && e->os == 0); /* nobody told how it died */
        break;
    case WEIR_CODE_peer_fin_unused:
    case WEIR_CODE_peer_fin_idle:
    case WEIR_CODE_peer_fin_in_head:
    case WEIR_CODE_peer_fin_in_body:
    case WEIR_CODE_peer_fin_in_handler:
    case WEIR_CODE_peer_fin_in_response:
    case WEIR_CODE_peer_half_close:
        ok = in->fin_arrived;
        break;
    case WEIR_CODE_network_lost:
        ok = end->dead && !end->was_reset;
        break;
    case WEIR_CODE_drained:
    case WEIR_CODE_drain_timeout:
        ok = w->drains;
        break;
    case WEIR_CODE_stopped:
        ok = w->stops;
        break;
    case WEIR_CODE_no_memory:
    case WEIR_CODE_system_error:
        ok = io_sim_faults;
        break;
    case WEIR_CODE_internal_error:
    case WEIR_CODE_misuse:
    case WEIR_CODE_ok:
        ok = false;
        break;
    default:
        break;
    }
    if (!ok)
        sim_fail("codes are true", "%s, but it was not so", weir_code_name(e->code));
    if (e->judged == WEIR_CLASS_BUG)
        sim_fail("no bug", "%s", weir_code_name(e->code));
}

/* The first cause, or what it turned out to be when the peer did not have its answer. */
static void check_first(const struct world_connection *c, const weir_ending *e)
{
    if (c->first_cause == WEIR_OK || c->first_cause == e->code)
        return;
    bool corrected = e->code == WEIR_CODE_peer_fin_in_handler || e->code == WEIR_CODE_peer_fin_in_response ||
                     e->code == WEIR_CODE_peer_reset_in_response || e->code == WEIR_CODE_network_lost;
    bool bad = e->delivery == WEIR_DELIVERY_PARTIAL || e->delivery == WEIR_DELIVERY_LOST;
    if (!corrected || !bad)
        sim_fail("the first cause is kept", "%s ended as %s", weir_code_name(c->first_cause), weir_code_name(e->code));
}

static void check_counts(const weir_ending *e, const struct net_end *end)
{
    const struct net_flow *out = end->out;
    if (e->octets_out != out->written || e->octets_in != end->in->read)
        sim_fail("octets counted",
                 "%" PRIu64 " out and %" PRIu64 " in by the ending, %" PRIu64 " and %" PRIu64 " by the kernel",
                 e->octets_out, e->octets_in, out->written, end->in->read);
    if (e->octets_acked > out->acked)
        sim_fail("octets counted", "acknowledged: %" PRIu64 ", but %" PRIu64, e->octets_acked, out->acked);
    if (e->exchanges_begun != e->exchanges_done)
        sim_fail("one done an exchange", "%" PRIu64 " begun, %" PRIu64 " done", e->exchanges_begun, e->exchanges_done);
    if (e->lived_ns > net_now() - NET_EPOCH_NS)
        sim_fail("time", "it lived longer than the world");
}

/* A deadline had a part in the end, if not the first: of writing, or of lingering. */
static bool was_timed(const weir_ending *ending)
{
    char text[128];
    weir_trace_format(text, sizeof text, ending->trace);
    return strstr(text, "clock:deadline") != NULL;
}

/* The answers in what the server wrote so far. */
static void read_written(const struct peer *peer, struct reader *r)
{
    const struct net_flow *flow = peer->end->in;
    reader_init(r, peer->asked, peer->asked_count, peer->garbage);
    if (flow->written > 0)
        reader_feed(r, flow->octets, flow->written);
    if (flow->fin_queued)
        reader_end(r);
}

/* The end of the last whole answer to a whole request, or 0: to one that is not whole none is owed. */
static uint64_t owed_end(const struct world *w, const struct reader *r)
{
    uint64_t end = 0;
    for (unsigned i = 0; i < r->count && !r->any; i++)
        if (w->app.exchanges[r->asked[i].number].whole)
            end = r->answers[i].end;
    return end;
}

static void check_delivered(struct world *w, const weir_ending *e, const struct net_end *end, const struct reader *r)
{
    const struct net_flow *out = end->out;
    if (e->delivery != WEIR_DELIVERY_DELIVERED)
        return;
    if (out->acked < owed_end(w, r))
        sim_fail("delivered is acknowledged", "%" PRIu64 " of %" PRIu64 " octets are", out->acked, owed_end(w, r));
    if (!reader_is_between(r) && r->has_number && (r->has_length || r->chunked) && w->app.exchanges[r->number].whole)
        sim_fail("delivered is acknowledged", "the answer to %u is not whole", r->number);
}

static void check_unconfirmed(struct world *w, const weir_ending *e, const struct net_end *end, const struct reader *r)
{
    const struct net_flow *out = end->out;
    if (e->delivery != WEIR_DELIVERY_UNCONFIRMED)
        return;
    if (!end->dead)
        return; /* closed in order: the kernel goes on */
    if ((end->was_reset || end->gave_up) && !end->known_dead)
        return; /* the network or the peer ended it when the kernel had been asked */
    if (net_unread(end) > 0 && e->octets_unread == 0)
        return; /* octets came when the kernel had been asked, and made a reset of the close */
    if (out->sent < owed_end(w, r))
        sim_fail("unconfirmed has left", "%" PRIu64 " of %" PRIu64 " octets have, and the connection is dead",
                 out->sent, owed_end(w, r));
}

static void check_none_owed(struct world *w, const weir_ending *e, uint16_t port)
{
    if (e->delivery != WEIR_DELIVERY_NONE_OWED)
        return;
    for (unsigned i = 0; i < APP_NUMBERS_MAX; i++) {
        const struct app_exchange *x = &w->app.exchanges[i];
        if (x->begun && x->whole && x->port == port)
            sim_fail("none_owed is none owed", "request %u is whole", i);
    }
}

void truth_of_ending(struct world *w, const weir_ending *ending)
{
    struct net_pair *pair;
    struct world_connection *c = connection_of(w, ending->peer.port, &pair);
    const struct net_end *end = &pair->ends[1];
    struct reader r;
    if (sim_tells) {
        char text[WEIR_ENDING_TEXT_MAX];
        weir_ending_logfmt(text, ending);
        sim_tell("server", "ENDING of %s: %s", pair->name, text);
    }
    if (c->ended)
        sim_fail("one ending a connection", "%s has two", pair->name);
    c->ended = true;
    c->ended_ns = net_now();
    c->ending = *ending;
    w->endings++;
    sim_record->totals.by_code[ending->code]++;
    sim_record->totals.by_delivery[ending->delivery]++;
    if (ending->delivery == WEIR_DELIVERY_UNKNOWN)
        sim_fail("delivery is known", "it says unknown");
    if (ending->judged == WEIR_CLASS_ROUTINE &&
        (ending->delivery == WEIR_DELIVERY_PARTIAL || ending->delivery == WEIR_DELIVERY_LOST))
        sim_fail("a lost answer is not routine", "%s", weir_code_name(ending->code));
    check_counts(ending, end);
    check_first(c, ending);
    check_code(w, ending, end);
    if (c->first_cause == WEIR_OK)
        check_silence(w, ending->code, end);
    if (was_timed(ending))
        w->asker.plain = false;
    if (!w->with_client) {
        read_written(peer_of(w, c), &r);
        check_delivered(w, ending, end, &r);
        check_unconfirmed(w, ending, end, &r);
    }
    check_none_owed(w, ending, pair->port);
}

/* --- at the end --------------------------------------------------------------------------------------------------------- */

/* What the server did may be the reason that a peer that kept to the rules did not get all. */
static bool is_excuse(weir_code code)
{
    switch (code) {
    case WEIR_CODE_stopped:
    case WEIR_CODE_drain_timeout:
    case WEIR_CODE_aborted:
    case WEIR_CODE_body_underrun:
    case WEIR_CODE_no_memory:
    case WEIR_CODE_system_error:
    case WEIR_CODE_write_timeout:
        return true;
    default:
        return false;
    }
}

/* By its code all went well, or the peer heard that its answer is the last. */
static bool says_well(weir_code code)
{
    return code == WEIR_CODE_peer_half_close || code == WEIR_CODE_peer_fin_idle || code == WEIR_CODE_close_requested ||
           code == WEIR_CODE_close_by_application || code == WEIR_CODE_close_after_response;
}

/* A window a round trip: what was written takes so long that the time of a linger may not be enough for it. */
static bool is_narrow(const struct world *w, const struct peer *peer)
{
    const uint64_t round_trip_ns = 50 * WEIR_MS; /* as it is on the whole in the weather where it counts */
    uint64_t rounds = peer->end->in->written / peer->end->receive_size;
    return peer->end->pair->weather == 2 && rounds * round_trip_ns > w->server->options.limits.linger_timeout_ns / 2;
}

/* A peer that stayed and read gets every octet that was queued for it, and the end after it. */
static void check_good(struct world *w, const struct world_connection *c)
{
    const struct peer *peer = peer_of(w, c);
    const struct net_pair *pair = peer->end->pair;
    const struct net_flow *flow = &pair->flows[1];
    if (!peer_is_good(peer) || !c->ended || is_excuse(c->ending.code) || w->leaps || pair->stalled)
        return;
    if (c->ending.os == ENOMEM || c->ending.os == ENOSPC)
        return; /* the kernel would not watch it */
    /* It may have been cut while it lingered; by the clock of the round, which is a little behind. */
    if (w->drains && c->ended_ns + WEIR_SECOND / 2 >= w->cut_ns)
        return;
    /* A deadline of writing or lingering had a part in it, and the peer in that. */
    bool slow =
        c->ending.octets_unsent > 0 || pair->weather == 3 || peer->reading == PEER_READS_SLOWLY || is_narrow(w, peer);
    if (slow && was_timed(&c->ending))
        return;
    if (peer->script_size > w->server->options.limits.linger_size_max)
        return; /* nobody waits for one that goes on sending */
    if (c->ending.octets_unsent != 0)
        sim_fail("no octet is lost", "%s: %" PRIu64 " were never sent", pair->name, c->ending.octets_unsent);
    if (peer->leaving == PEER_CLOSES_ANSWERED && !peer->got_reset && !peer->got_fin)
        return;
    if (peer->received != flow->written)
        sim_fail("no octet is lost", "%s read %" PRIu64 " of %" PRIu64 " octets", pair->name, peer->received,
                 flow->written);
    if (!reader_is_between(&peer->reader))
        sim_fail("no octet is lost", "%s has half an answer", pair->name);
    bool told = peer->reader.count > 0 && peer->reader.answers[peer->reader.count - 1].last;
    if (!told && peer->reader.count < peer->asked_count && says_well(c->ending.code))
        sim_fail("what was asked is answered", "%s has %u answers to %u requests, and no reason", pair->name,
                 peer->reader.count, peer->asked_count);
}

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
static void check_lost(struct world *w, const struct world_connection *c)
{
    const struct peer *peer = peer_of(w, c);
    const struct net_flow *flow = peer->end->in;
    struct reader r;
    if (!c->ended || (c->ending.delivery != WEIR_DELIVERY_LOST && c->ending.delivery != WEIR_DELIVERY_PARTIAL))
        return;
    if (peer->garbage)
        return; /* nobody knows what it asked */
    read_written(peer, &r);
    if (flow->arrived >= flow->written && c->ending.octets_unsent == 0 && reader_is_between(&r) &&
        r.count >= requests_taken(w, peer->end->pair->port))
        sim_fail("lost is lost", "%s has all %" PRIu64 " octets, and it says %s", peer->end->pair->name, flow->arrived,
                 weir_delivery_name(c->ending.delivery));
}

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
}

void truth_at_end(struct world *w)
{
    check_ledger(w);
    if (w->with_client)
        return;
    for (unsigned i = 0; i < WORLD_PEERS_MAX; i++) {
        const struct peer *peer = &w->peers[i];
        if (peer->end == NULL)
            continue;
        if (peer->end->other->open)
            sim_fail("one ending a connection", "%s is still open", peer->end->pair->name);
        check_good(w, &w->connections[i]);
        check_lost(w, &w->connections[i]);
    }
}
