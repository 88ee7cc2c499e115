/* What must hold: the server's word against what the network and the peers know. */
#include "world.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/client_internal.h"
#include "sim.h"

static bool has_event(weir_trace trace, const char *event)
{
    char text[128];
    weir_trace_format(text, sizeof text, trace);
    return strstr(text, event) != NULL;
}

/* By the operator: a stop, or the end of the time to drain. A trace that is full does not tell. */
bool truth_is_cut(weir_trace trace)
{
    return has_event(trace, "op:stop") || (trace >= 0x1000000 && world.drains);
}

bool truth_was_timed(const weir_ending *ending)
{
    return weir_code_by(ending->code) == WEIR_BY_CLOCK || has_event(ending->trace, "clock:deadline");
}

static struct world_connection *connection_of(struct world *w, uint16_t port, struct net_pair **pair)
{
    *pair = net_pair_of_port(port);
    if (*pair == NULL)
        sim_fail("endings are of connections", "port %u", port);
    return &w->connections[port - NET_PORT_BASE];
}

/* --- the living ------------------------------------------------------------------------------------------------- */

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

/* Nobody who speaks is called silent, at the moment when that is found: but for what came while the loop was busy
 * elsewhere. */
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

/* --- time ------------------------------------------------------------------------------------------------------- */

static bool is_client(const struct link *link)
{
    return link->conn.config->options.role == WEIR_ROLE_CLIENT;
}

static uint16_t port_of(const struct io_sock *sock)
{
    return net_end_of_fd(sock->fd)->pair->port;
}

/* A link that has served is asked again only when the kernel said that nothing came meanwhile. */
static void check_handed_out(const struct io_sock *sock)
{
    const struct link *link = BASE_CONTAINER(sock, struct link, sock);
    struct net_end *end = net_end_of_fd(sock->fd);
    uint64_t begun = link->conn.facts.exchanges_begun;
    if (end->requests > 0 && begun > end->requests && !end->quiet)
        sim_fail("pool", "%s is asked again, and it was not seen to be quiet", end->pair->name);
    end->requests = begun;
}

void truth_happened(struct io_sock *sock, enum times_what what, size_t n)
{
    const struct net_end *end = net_end_of_fd(sock->fd);
    bool client = end == &end->pair->ends[0];
    struct times *t = times_of(end->pair->port, client);
    if (what == TIMES_READ)
        net_end_of_fd(sock->fd)->quiet = false;
    if (what == TIMES_WROTE && client)
        check_handed_out(sock);
    if (what != TIMES_OPENED) {
        times_tell(t, what, n, NULL);
        return;
    }
    const struct link_home *home = client ? &world.asker.client->home : &world.server->workers[0].home;
    const struct peer *peer = world.with_client ? NULL : &world.peers[end->pair->port - NET_PORT_BASE];
    times_open(t, sock->loop, &home->config.options.limits, peer, client);
}

static void check_time(const struct times *t, const struct net_end *end, weir_code code, weir_stage stage)
{
    const struct stamp progress = {.ns = end->out->progress_ns, .late_ns = end->out->progress_late_ns};
    times_cause(t, code, stage, &progress);
}

static void check_cause(struct world *w, const struct link *link)
{
    struct net_pair *pair;
    struct world_connection *c = connection_of(w, link->peer_port, &pair);
    weir_code cause = (weir_code)link->conn.facts.cause;
    if (c->first_cause != WEIR_OK && cause != c->first_cause)
        sim_fail("the first cause is kept", "%s became %s", weir_code_name(c->first_cause), weir_code_name(cause));
    if (c->first_cause == WEIR_OK) {
        check_silence(w, cause, &pair->ends[1]);
        check_time(times_of(pair->port, false), &pair->ends[1], cause, (weir_stage)link->conn.facts.cause_stage);
    }
    c->first_cause = cause;
}

/* The same of the client's end. */
static void check_cause_of_client(struct world *w, const struct link *link)
{
    struct net_pair *pair;
    struct world_connection *c = connection_of(w, port_of(&link->sock), &pair);
    weir_code cause = (weir_code)link->conn.facts.cause;
    if (c->client_cause != WEIR_OK && cause != c->client_cause)
        sim_fail("the first cause is kept", "%s became %s", weir_code_name(c->client_cause), weir_code_name(cause));
    if (c->client_cause == WEIR_OK)
        check_time(times_of(pair->port, true), &pair->ends[0], cause, (weir_stage)link->conn.facts.cause_stage);
    c->client_cause = cause;
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
    for (size_t i = 0; i < 2; i++) {
        for (const struct base_list *node = lists[i]->next; node != lists[i]; node = node->next) {
            const struct link *link = BASE_CONTAINER(node, struct link, node);
            if (!asked)
                check_timer(link);
            check_cause_of_client(w, link);
        }
    }
    asker_check(&w->asker, net_open_most());
}

/* --- closing ---------------------------------------------------------------------------------------------------- */

static uint64_t pending_of(const struct link *link)
{
    return link->conn.facts.octets_queued - link->conn.facts.octets_sent;
}

void truth_before_shutdown(struct io_sock *sock)
{
    const struct link *link = BASE_CONTAINER(sock, struct link, sock);
    if (!is_client(link) && pending_of(link) > 0)
        sim_fail("no shutdown with output pending", "%" PRIu64 " octets are", pending_of(link));
}

/* The peer's promise to ask nothing more counts as its FIN: whoever has all then is not waited for. */
static void check_linger(const struct link *link)
{
    const struct net_end *end = net_end_of_fd(link->sock.fd);
    const struct engine_facts *facts = &link->conn.facts;
    bool has_all = end->out->acked == end->out->written && facts->no_more_input;
    bool ended = has_all || truth_is_cut(facts->trace) || net_is_over(end) || io_sim_faults || is_client(link);
    times_close(times_of(end->pair->port, is_client(link)), (weir_stage)facts->cause_stage, ended, facts->fin_seen);
}

/* A cause that came in the round of the end. */
static void check_end_of_client(struct world *w, const struct link *link)
{
    struct net_pair *pair;
    const struct engine_facts *facts = &link->conn.facts;
    if (connection_of(w, port_of(&link->sock), &pair)->client_cause == WEIR_OK)
        check_time(times_of(pair->port, true), &pair->ends[0], (weir_code)facts->cause, (weir_stage)facts->cause_stage);
}

void truth_before_close(struct io_sock *sock, bool reset)
{
    const struct link *link = BASE_CONTAINER(sock, struct link, sock);
    if (is_client(link)) {
        check_end_of_client(&world, link);
        world.asker.closes_made_up = host_makes_up(&world.host, port_of(sock));
    }
    if (!is_client(link) && !reset && pending_of(link) > 0 && !net_is_over(net_end_of_fd(sock->fd)))
        sim_fail("no close in order with output pending", "%" PRIu64 " octets are", pending_of(link));
    check_linger(link);
}

/* --- endings ---------------------------------------------------------------------------------------------------- */

/* What is said of octets that came: only of a peer that sends garbage, or more than a limit allows. */
static bool is_bad(const struct world *w, weir_code code, const struct net_pair *pair)
{
    const weir_limits *limits = &w->server->options.limits;
    if (code == WEIR_CODE_body_too_large && limits->body_size_max != WEIR_UNLIMITED)
        return true;
    if (code == WEIR_CODE_head_too_large && limits->head_size_max < 1000)
        return true;
    return pair->spoilt;
}

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
    case WEIR_CODE_exchange_limit:
        ok = e->exchanges_begun == w->server->options.limits.exchange_count_max;
        break;
    case WEIR_CODE_idle_reclaimed:
        ok = io_sim_faults || w->server->options.connections_max < 1000;
        break;
    case WEIR_CODE_close_requested:
    case WEIR_CODE_close_by_application:
    case WEIR_CODE_close_after_response:
    case WEIR_CODE_close_delimited:
    case WEIR_CODE_aborted:
    case WEIR_CODE_body_underrun:
        ok = e->exchanges_begun > 0;
        break;
    case WEIR_CODE_first_octet_timeout:
    case WEIR_CODE_head_timeout:
    case WEIR_CODE_idle_timeout:
    case WEIR_CODE_body_timeout:
    case WEIR_CODE_body_too_slow:
    case WEIR_CODE_write_timeout:
    case WEIR_CODE_handler_timeout:
    case WEIR_CODE_age_limit:
        break; /* times.c */
    default:
        ok = e->code >= WEIR_CODE_bad_request_line && e->code <= WEIR_CODE_unexpected_upgrade &&
             is_bad(w, e->code, end->pair);
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
    if (e->octets_acked != end->told_acked || e->octets_acked > out->acked)
        sim_fail("octets counted", "acknowledged: %" PRIu64 ", and the kernel said last %" PRIu64, e->octets_acked,
                 end->told_acked);
    if (e->exchanges_begun != e->exchanges_done)
        sim_fail("one done an exchange", "%" PRIu64 " begun, %" PRIu64 " done", e->exchanges_begun, e->exchanges_done);
    if (e->lived_ns > net_now() - NET_EPOCH_NS)
        sim_fail("time", "it lived longer than the world");
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
    w->octets_in += ending->octets_in;
    w->octets_queued += ending->octets_out + ending->octets_unsent;
    w->octets_acked += ending->octets_acked;
    w->exchanges += ending->exchanges_done;
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
    if (c->first_cause == WEIR_OK) {
        check_silence(w, ending->code, end);
        check_time(times_of(pair->port, false), end, ending->code, ending->stage);
    }
    if (truth_was_timed(ending))
        w->asker.plain = false;
    truth_of_delivery(w, ending, pair);
    check_none_owed(w, ending, pair->port);
}
