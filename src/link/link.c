#include "link/link.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#define PIECES_MAX     64
#define LINKS_KEEP_MAX 1024
/* Idle links looked at to find one that may be closed: few enough to be done per accept. */
#define RECLAIM_LOOKS  32

/* An idle connection is no more than this: docs/architecture.md. */
_Static_assert(sizeof(struct link) <= 256, "an idle connection has at most 256 octets");

static struct link *link_of_conn(const struct weir_conn *conn)
{
    return BASE_CONTAINER(conn, struct link, conn);
}

struct link_home *link_home_of(const struct link *link)
{
    return BASE_CONTAINER(link->conn.config, struct link_home, config);
}

struct link *link_of_exchange(const weir_exchange *x)
{
    struct engine_facts *facts = x->engine->facts;
    return link_of_conn(BASE_CONTAINER(facts, struct weir_conn, facts));
}

void link_peer(const struct link *link, weir_address *peer)
{
    peer->family = link->peer_family;
    peer->port = link->peer_port;
    memcpy(peer->octets, link->peer_octets, sizeof peer->octets);
}

static uint64_t now_of(const struct link *link)
{
    return weir_loop_now(link->sock.loop);
}

/* --- idle ones, counted and in order ---------------------------------------------------------------------------- */

/* Between exchanges. One that has not been used yet is not: its first request may be on its way, or in the kernel. */
static bool is_idle(const struct link *link)
{
    bool used = link->conn.facts.octets_in > 0 || link->conn.config->options.role == WEIR_ROLE_CLIENT;
    return used && weir_conn_is_idle(&link->conn);
}

static void move_to_end(struct link *link, struct base_list *list)
{
    if (list->prev == &link->node)
        return;
    base_list_remove(&link->node);
    base_list_push_back(list, &link->node);
}

/* True: it has become idle, and was not before. One that was used meanwhile and is idle again goes to the end: for this
 * nothing of its neighbours in the list is read, only written. */
static bool set_idle(struct link *link, bool idle)
{
    struct link_home *home = link_home_of(link);
    if (idle == link->counted_idle) {
        if (idle && link->conn.since_ns == now_of(link))
            move_to_end(link, &home->idle_links);
        return false;
    }
    link->counted_idle = idle;
    move_to_end(link, idle ? &home->idle_links : &home->links);
    uint64_t before = home->idle;
    __atomic_store_n(&home->idle, before + (idle ? 1 : (uint64_t)-1), __ATOMIC_RELAXED);
    if (before + home->idle == 1 && home->idle_changed != NULL)
        home->idle_changed(home);
    return idle;
}

/* --- the end ---------------------------------------------------------------------------------------------------- */

uint64_t link_unix_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * WEIR_SECOND + (uint64_t)now.tv_nsec;
}

static struct io_passed passed_of(const struct link *link)
{
    return (struct io_passed){
        .written = link->conn.facts.octets_sent,
        .read = link->conn.facts.octets_in,
        .dialled = link->conn.config->options.role == WEIR_ROLE_CLIENT,
    };
}

static weir_receipt receipt_of(const struct io_acks *acks)
{
    return (weir_receipt){
        .known = acks->known, .reset = acks->dead, .left = acks->left, .acked = acks->acked, .unread = acks->unread};
}

static weir_receipt ask(const struct link *link)
{
    const struct io_passed passed = passed_of(link);
    struct io_acks acks;
    io_sock_acks(&link->sock, &passed, &acks);
    return receipt_of(&acks);
}

static weir_receipt reset(struct link *link)
{
    const struct io_passed passed = passed_of(link);
    struct io_acks acks;
    io_sock_reset(&link->sock, &passed, &acks);
    return receipt_of(&acks);
}

/* The close will be a reset, that of a close over unread octets, and not all has left: it is better made by us, who
 * then know what did. */
static bool is_better_reset(const struct link *link, const weir_receipt *last)
{
    return last->unread > 0 && !last->reset && last->left < link->conn.facts.octets_sent;
}

/* Closes the socket, tells the ending, frees the link. `last`: what the kernel said in this step, null if it was not
 * asked. A reset goes first, so that the ending tells what left until then. */
static void finish(struct link *link, bool aborts, const weir_receipt *last)
{
    struct link_home *home = link_home_of(link);
    weir_address local;
    weir_ending ending;
    uint64_t now_ns = now_of(link);
    io_sock_local(&link->sock, &local);
    weir_receipt receipt = aborts ? reset(link) : last != NULL ? *last : ask(link);
    if (!aborts && is_better_reset(link, &receipt))
        receipt = reset(link);
    weir_conn_closed(&link->conn, &receipt, now_ns, &ending);
    link_peer(link, &ending.peer);
    ending.local = local;
    ending.began_unix_ns = link_unix_now_ns() - ending.lived_ns;

    io_timer_stop(home->loop, &link->timer);
    io_sock_close(&link->sock);
    home->alive--;
    set_idle(link, false);
    base_list_remove(&link->node);
    conn_fini(&link->conn);
    link_home_count(home, &ending);
    home->ended(home, link, &ending);
    base_slab_put(&home->slab, link);
    link_home_look_at_slack(home);
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

static void write_failed(struct link *link, int os)
{
    weir_conn_failed(&link->conn, WEIR_DIRECTION_OUT, os, now_of(link));
}

/* The file, not the socket: its data is shorter than was said, or cannot be read. */
static bool is_file_error(ssize_t n)
{
    return n == 0 || n == -EIO || n == -EBADF || n == -EISDIR || n == -EINVAL;
}

/* Gives the transport what is pending; false when it takes no more now. */
static bool write_out(struct link *link)
{
    weir_output output[PIECES_MAX];
    struct io_piece pieces[PIECES_MAX];
    size_t count = weir_conn_output(&link->conn, output, PIECES_MAX);
    size_t memory = 0;
    while (memory < count && output[memory].fd < 0) {
        pieces[memory] = (struct io_piece){.ptr = output[memory].ptr, .len = output[memory].len};
        memory++;
    }
    ssize_t n;
    if (memory > 0) {
        n = io_sock_write(&link->sock, pieces, memory, memory < count);
    } else {
        n = io_sock_write_file(&link->sock, output[0].fd, output[0].offset, output[0].len);
        if (is_file_error(n)) {
            weir_conn_output_failed(&link->conn, (int)-n, now_of(link));
            return true;
        }
    }
    if (n == -EAGAIN) {
        link->write_pending = true;
        return false;
    }
    if (n < 0)
        write_failed(link, (int)-n);
    else
        weir_conn_sent(&link->conn, (size_t)n, now_of(link));
    return true;
}

/* --- the step --------------------------------------------------------------------------------------------------- */

static void shut(struct link *link)
{
    int result = io_sock_shutdown(&link->sock);
    /* ENOTCONN: the peer was faster. The receipt that is asked for next says what it got. */
    weir_conn_shut(&link->conn, now_of(link));
    if (result == -ENOTCONN) {
        weir_receipt receipt = ask(link);
        weir_conn_receipt(&link->conn, &receipt, now_of(link));
    }
}

/* The timer is moved only to an earlier time: when it fires too early it is set again, so that a busy connection
 * does not touch it for each octet. */
static void arm(struct link *link)
{
    uint64_t due_ns = weir_conn_deadline(&link->conn);
    if (due_ns == WEIR_NEVER)
        return;
    if (!io_timer_is_running(&link->timer) || due_ns < io_timer_due(&link->timer))
        io_timer_start(link->sock.loop, &link->timer, due_ns);
}

/* Does what the connection wants. False: the link is gone. `more`: another read follows at once; what it brings goes
 * out in the same write. */
static bool step(struct link *link, bool more)
{
    weir_receipt receipt = {.known = false};
    bool asked = false;
    for (;;) {
#ifdef WEIR_CHECK
        conn_check(&link->conn);
#endif
        unsigned wants = weir_conn_wants(&link->conn);
        if (wants & (WEIR_WANT_CLOSE | WEIR_WANT_ABORT)) {
            finish(link, (wants & WEIR_WANT_ABORT) != 0, asked ? &receipt : NULL);
            return false;
        }
        /* Before the next answers leave: what came last mostly acknowledges those before, and a unix socket tells
         * nothing while any octet is on its way. */
        if (wants & WEIR_WANT_RECEIPT) {
            receipt = ask(link);
            asked = true;
            weir_conn_receipt(&link->conn, &receipt, now_of(link));
            continue;
        }
        if ((wants & WEIR_WANT_WRITE) && !link->write_pending && !(more && (wants & WEIR_WANT_READ))) {
            asked = false;
            if (write_out(link))
                continue;
        }
        if (wants & WEIR_WANT_SHUTDOWN) {
            asked = false;
            shut(link);
            continue;
        }
        io_sock_read(&link->sock, (wants & WEIR_WANT_READ) != 0);
        break;
    }
    bool rests = set_idle(link, is_idle(link));
    arm(link);
    struct link_home *home = link_home_of(link);
    if (rests)
        link_home_look_at_slack(home);
    if (rests && home->became_idle != NULL)
        home->became_idle(home, link);
    return true;
}

/* The same after something came to it or left it: what all hold may have grown. */
static void turn(struct link *link, bool more)
{
    struct link_home *home = link_home_of(link);
    if (link_home_is_short(home))
        (void)link_make_room(home, link);
    step(link, more);
}

/* --- what the socket says --------------------------------------------------------------------------------------- */

static struct link *link_of_sock(struct io_sock *sock)
{
    return BASE_CONTAINER(sock, struct link, sock);
}

/* No memory for a buffer now: the connection waits for its next deadline, and others may give some back. */
static char *no_space(struct link *link)
{
    io_timer_start(link->sock.loop, &link->timer, now_of(link) + 10 * WEIR_MS);
    return NULL;
}

static char *on_space(struct io_sock *sock, size_t *size)
{
    struct link *link = link_of_sock(sock);
    struct link_home *home = link_home_of(link);
    if (link_home_is_short(home)) {
        if (link_make_room(home, link))
            return step(link, false) ? no_space(link) : NULL;
        /* What a client holds may be its application's, and only what it reads can free that. */
        if (link_home_is_short(home) && home->config.options.role == WEIR_ROLE_SERVER)
            return no_space(link);
    }
    char *space = weir_conn_reserve(&link->conn, size);
    return space != NULL ? space : no_space(link);
}

static void on_read(struct io_sock *sock, ssize_t n, bool more)
{
    struct link *link = link_of_sock(sock);
    uint64_t now_ns = now_of(link);
    if (n > 0) {
        weir_conn_received(&link->conn, (size_t)n, now_ns);
    } else {
        weir_conn_received(&link->conn, 0, now_ns);
        if (n == 0)
            weir_conn_received_fin(&link->conn, now_ns);
        else
            weir_conn_failed(&link->conn, WEIR_DIRECTION_IN, (int)-n, now_ns);
    }
    turn(link, more);
}

static void on_unused(struct io_sock *sock)
{
    struct link *link = link_of_sock(sock);
    weir_conn_received(&link->conn, 0, now_of(link));
    step(link, false);
}

static void on_written(struct io_sock *sock, ssize_t n)
{
    struct link *link = link_of_sock(sock);
    link->write_pending = false;
    if (n < 0)
        write_failed(link, (int)-n);
    else if (n > 0)
        weir_conn_sent(&link->conn, (size_t)n, now_of(link));
    turn(link, false);
}

static void on_hangup(struct io_sock *sock, int os)
{
    struct link *link = link_of_sock(sock);
    weir_conn_failed(&link->conn, WEIR_DIRECTION_IN, os, now_of(link));
    step(link, false);
}

static void on_woken(struct io_sock *sock)
{
    struct link *link = link_of_sock(sock);
    weir_conn_tick(&link->conn, now_of(link));
    turn(link, false);
}

static const struct io_sock_ops sock_ops = {
    .space = on_space,
    .read = on_read,
    .unused = on_unused,
    .written = on_written,
    .hangup = on_hangup,
    .woken = on_woken,
};

static void on_timer(struct io_timer *timer)
{
    struct link *link = BASE_CONTAINER(timer, struct link, timer);
    weir_conn_tick(&link->conn, now_of(link));
    turn(link, false);
}

static void on_wake(struct weir_conn *conn)
{
    io_sock_wake(&link_of_conn(conn)->sock);
}

static int64_t unix_time_of(void *loop)
{
    return io_loop_unix_time(loop);
}

/* --- the home --------------------------------------------------------------------------------------------------- */

weir_code link_home_init(struct link_home *home, weir_loop *loop, const struct link_home_options *options,
                         weir_error *error)
{
    size_t link_size = options->link_size > 0 ? options->link_size : sizeof(struct link);
    weir_code code = conn_config_init(&home->config, options->engine, options->exchange_size, error);
    if (code != WEIR_OK)
        return code;
    home->config.wake = on_wake;
    home->config.unix_time = unix_time_of;
    home->config.unix_time_app = loop;
    home->loop = loop;
    home->last_id = options->first_id - options->id_step;
    home->id_step = options->id_step;
    base_list_init(&home->links);
    base_list_init(&home->idle_links);
    base_slab_init(&home->slab, &home->config.options.allocator, link_size, LINKS_KEEP_MAX);
    link_memory_init(home, options->memory_max);
    return WEIR_OK;
}

void link_home_fini(struct link_home *home)
{
    assert(base_list_is_empty(&home->links) && base_list_is_empty(&home->idle_links));
    link_memory_fini(home);
    base_slab_fini(&home->slab);
    conn_config_fini(&home->config);
}

uint64_t link_home_next_id(struct link_home *home)
{
    engine_count(&home->totals.opened, 1);
    return home->last_id += home->id_step;
}

weir_code link_open(struct link **out, struct link_home *home, int fd, const weir_address *peer)
{
    struct link *link = base_slab_get(&home->slab);
    bool accepted = home->config.options.role == WEIR_ROLE_SERVER;
    *out = NULL;
    if (link == NULL)
        return WEIR_CODE_no_memory;
    memset(link, 0, sizeof *link);
    weir_code code = io_sock_open(&link->sock, home->loop, fd, &sock_ops, accepted);
    if (code != WEIR_OK) {
        base_slab_put(&home->slab, link);
        return code;
    }
    conn_init(&link->conn, &home->config, link_home_next_id(home), weir_loop_now(home->loop));
    link->timer.fired = on_timer;
    link->peer_family = peer->family;
    link->peer_port = peer->port;
    memcpy(link->peer_octets, peer->octets, sizeof link->peer_octets);
    base_list_push_back(&home->links, &link->node);
    home->alive++;
    io_sock_read(&link->sock, true);
    set_idle(link, is_idle(link));
    arm(link);
    *out = link;
    return WEIR_OK;
}

/* --- a client's ------------------------------------------------------------------------------------------------- */

weir_code link_request(struct link *link, const weir_prepared *prepared, struct weir_exchange *x)
{
    weir_exchange *ours;
    weir_code code = conn_request(&link->conn, prepared, x, &ours, now_of(link));
    if (code == WEIR_OK)
        set_idle(link, false);
    /* After a failure too: the connection may have to end. */
    io_sock_wake(&link->sock);
    return code;
}

bool link_is_usable(struct link *link)
{
    const struct engine_facts *facts = &link->conn.facts;
    return link->counted_idle && facts->last_code == 0 && !facts->fin_seen && io_sock_is_quiet(&link->sock);
}

/* Nothing is under way in either direction: a close takes nothing from the peer. */
static bool is_settled(const struct link *link)
{
    weir_receipt receipt = ask(link);
    return receipt.unread == 0 && (!receipt.known || receipt.acked >= link->conn.facts.octets_sent);
}

/* The first of the list, which goes to its end. */
static struct link *next_link(struct base_list *list)
{
    struct link *link = BASE_CONTAINER(list->next, struct link, node);
    move_to_end(link, list);
    return link;
}

void link_reclaim(struct link *link)
{
    weir_conn_stop(&link->conn, WEIR_CODE_idle_reclaimed, now_of(link));
    step(link, false);
}

bool link_reclaim_idle(struct link_home *home)
{
    uint64_t most = home->idle < RECLAIM_LOOKS ? home->idle : RECLAIM_LOOKS;
    for (uint64_t looks = 0; looks < most; looks++) {
        struct link *link = next_link(&home->idle_links);
        home->reclaim_looks++;
        if (!is_idle(link) || !is_settled(link))
            continue;
        link_reclaim(link);
        return true;
    }
    return false;
}

void link_drain(struct link *link)
{
    bool waits = weir_conn_wants(&link->conn) & WEIR_WANT_READ && ask(link).unread > 0;
    conn_drain(&link->conn, waits, now_of(link));
    step(link, false);
}

static void drain_one(struct link *link, weir_code code)
{
    (void)code;
    link_drain(link);
}

void link_refuse(struct link *link, weir_code code)
{
    conn_refuse(&link->conn, code, now_of(link));
    step(link, false);
}

static void stop_one(struct link *link, weir_code code)
{
    weir_conn_stop(&link->conn, code, now_of(link));
    step(link, false);
}

static void each(struct base_list *list, uint64_t count, void (*fn)(struct link *link, weir_code code), weir_code code)
{
    for (; count > 0 && !base_list_is_empty(list); count--)
        fn(next_link(list), code);
}

/* Those that are idle first: one that ceases to be so meanwhile is met among the others. */
void link_drain_all(struct link_home *home)
{
    each(&home->idle_links, home->idle, drain_one, WEIR_OK);
    each(&home->links, home->alive - home->idle, drain_one, WEIR_OK);
}

void link_stop_all(struct link_home *home, weir_code code)
{
    each(&home->idle_links, home->idle, stop_one, code);
    each(&home->links, home->alive - home->idle, stop_one, code);
}
