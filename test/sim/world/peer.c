#include "peer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "sim.h"

static void act(void *app);

/* After the pause of a slow reader. */
static void go_on(void *app)
{
    struct peer *peer = app;
    peer->pauses = false;
    act(peer);
}

static void soon(struct peer *peer, uint64_t after_ns)
{
    net_call_at(net_now() + after_ns, act, peer);
}

/* --- what it asks ----------------------------------------------------------------------------------------------- */

static void put(struct peer *peer, const char *octets, size_t size)
{
    while (peer->script_size + size > peer->script_capacity) {
        peer->script_capacity = peer->script_capacity * 2 + 1024;
        peer->script = realloc(peer->script, peer->script_capacity);
        if (peer->script == NULL)
            abort();
    }
    memcpy(peer->script + peer->script_size, octets, size);
    peer->script_size += size;
}

WEIR_PRINTF(2, 3) static void print(struct peer *peer, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put(peer, text, (size_t)n);
}

static uint64_t draw_size(bool large)
{
    static const uint32_t bounds[] = {1, 20, 300, 3000, 30000, APP_SIZE_MAX};
    return sim_choose(bounds[sim_choose(large && sim_is(4) ? 6 : 4)]);
}

static void put_chunks(struct peer *peer, unsigned number, uint64_t size)
{
    for (uint64_t at = 0; at < size;) {
        uint64_t n = size - at;
        if (n > 1 && sim_is(2))
            n = 1 + sim_choose((uint32_t)n);
        print(peer, "%llx\r\n", (unsigned long long)n);
        put(peer, app_pattern(number) + at, n);
        put(peer, "\r\n", 2);
        at += n;
    }
    print(peer, "0\r\n%s\r\n", sim_is(4) ? "X-Trailer: yes\r\n" : "");
}

/* `alike`: the same as the first, so that the answers have one size and their account is one run. `last`: others follow
 * mostly not. */
static void put_request(struct peer *peer, unsigned number, bool hostile, bool alike, bool last)
{
    struct asked *asked = &peer->asked[peer->asked_count++];
    static const unsigned delays[] = {0, 1, 50, 700, 3000};
    *asked = (struct asked){.number = number, .begin = peer->script_size};
    asked->kind = sim_choose(hostile && sim_is(4) ? APP_KINDS : APP_ABORT);
    asked->size = asked->kind == APP_EMPTY ? 0 : draw_size(!alike);
    if (alike && peer->asked_count > 1) {
        asked->kind = peer->asked[0].kind;
        asked->size = peer->asked[0].size;
    }
    unsigned delay = delays[sim_rarely(3, 5)];
    unsigned how = alike ? 0 : sim_choose(8);
    uint64_t content = how >= 4 ? draw_size(hostile) : 0;
    if (content > PEER_OCTETS_MAX)
        content = PEER_OCTETS_MAX;
    asked->head = how == 1 && !peer->garbage; /* else nobody knew what was understood */
    asked->old = how == 2;
    asked->says_close = sim_is(last ? 4 : 40);
    print(peer, "%s /%u/%u/%llu/%u HTTP/1.%d\r\nHost: a\r\n",
          asked->head ? "HEAD"
          : how >= 4  ? "POST"
                      : "GET",
          number, asked->kind, (unsigned long long)asked->size, delay, asked->old ? 0 : 1);
    if (asked->says_close)
        print(peer, "Connection: close\r\n");
    else if (asked->old && !(last || sim_is(8)))
        print(peer, "Connection: keep-alive\r\n");
    else if (asked->old)
        asked->says_close = true;
    if (how >= 4 && sim_is(6))
        print(peer, "Expect: 100-continue\r\n");
    if (how >= 6) {
        print(peer, "Transfer-Encoding: chunked\r\n\r\n");
        put_chunks(peer, number, content);
    } else if (how >= 4) {
        print(peer, "Content-Length: %llu\r\n\r\n", (unsigned long long)content);
        put(peer, app_pattern(number), content);
    } else {
        print(peer, "\r\n");
    }
    asked->end = peer->script_size;
}

/* Octets of the script are changed, taken out, or put in. */
static void spoil(struct peer *peer)
{
    for (unsigned times = 1 + sim_choose(3); times > 0 && peer->script_size > 0; times--) {
        size_t at = sim_choose((uint32_t)peer->script_size);
        switch (sim_choose(3)) {
        case 0:
            peer->script[at] = (char)sim_choose(256);
            break;
        case 1:
            memmove(peer->script + at, peer->script + at + 1, peer->script_size - at - 1);
            peer->script_size--;
            break;
        default:
            peer->script_size = at + 1;
            break;
        }
    }
}

/* --- what it does ----------------------------------------------------------------------------------------------- */

static void gone(struct peer *peer, const char *how)
{
    SIM_TELL(peer->end->pair->name, "%s, %llu of %zu octets sent, %llu received", how, (unsigned long long)peer->sent,
             peer->script_size, (unsigned long long)peer->received);
    peer->gone = true;
}

static void take(struct peer *peer, const char *octets, size_t n)
{
    peer->received += n;
    reader_feed(&peer->reader, octets, n);
}

/* True when there may be more at once. */
static bool read_some(struct peer *peer)
{
    char space[16384];
    size_t size = sizeof space;
    if (peer->got_fin || peer->got_reset || peer->reading == PEER_NEVER_READS ||
        (peer->reading == PEER_STOPS_READING && peer->received >= peer->stop_at))
        return false;
    if (peer->reading == PEER_READS_SLOWLY) {
        if (peer->pauses)
            return false;
        size = 2000 - sim_choose(2000);
    }
    ssize_t n = net_recv(peer->end, space, size);
    if (n == -EAGAIN)
        return false;
    if (n > 0) {
        SIM_TELL(peer->end->pair->name, "reads %zd", n);
        take(peer, space, (size_t)n);
        if (peer->reading == PEER_READS_SLOWLY) {
            peer->pauses = true;
            net_call_at(net_now() + (1 + sim_choose(60)) * NET_MS, go_on, peer);
        }
        return true;
    }
    /* After an error that a send was told of the end is none. */
    if (n == 0 && peer->end->in->fin_arrived && net_unread(peer->end) == 0 && peer->end->in->destroyed == 0) {
        peer->got_fin = true;
        reader_end(&peer->reader);
    } else {
        peer->got_reset = true;
    }
    SIM_TELL(peer->end->pair->name, "reads %s", n == 0 ? "the end" : "an error");
    return false;
}

/* How much of the script may go now. */
static uint64_t sendable(const struct peer *peer)
{
    if (peer->pipelines || peer->garbage)
        return peer->script_size;
    unsigned answered = peer->reader.count;
    return answered < peer->asked_count ? peer->asked[answered].end : peer->script_size;
}

static bool is_told_to_stop(const struct peer *peer)
{
    return peer->reader.count > 0 && peer->reader.answers[peer->reader.count - 1].last;
}

static void write_some(struct peer *peer)
{
    static const uint64_t pauses[] = {20 * NET_US, 1 * NET_MS, 45 * NET_MS, 300 * NET_MS};
    static const uint64_t long_pauses[] = {0, 1500 * NET_MS, 3 * NET_S, 12 * NET_S, 40 * NET_S};
    while (!peer->deaf && !peer->has_shut && peer->sent < sendable(peer) && !is_told_to_stop(peer)) {
        uint64_t n = sendable(peer) - peer->sent;
        bool cut = peer->cuts && n > 1 && sim_choose(2) != 0;
        if (cut)
            n = 1 + sim_choose(n < 3000 ? (uint32_t)n : 3000);
        ssize_t took = net_send(peer->end, peer->script + peer->sent, n);
        if (took == -EAGAIN)
            return;
        if (took < 0) {
            peer->deaf = true;
            SIM_TELL(peer->end->pair->name, "cannot send: errno %d", (int)-took);
            soon(peer, 0);
            return;
        }
        peer->sent += (uint64_t)took;
        SIM_TELL(peer->end->pair->name, "sends %zd, to octet %llu", took, (unsigned long long)peer->sent);
        if (cut) {
            uint32_t which = peer->hesitates ? sim_rarely(6, 5) : 0;
            soon(peer, which > 0 ? long_pauses[which] : pauses[sim_choose(4)]);
            return;
        }
    }
}

static bool is_time_to_leave(const struct peer *peer)
{
    if (peer->leave_by_time)
        return net_now() >= NET_EPOCH_NS + peer->leave_at * NET_MS;
    return peer->sent + peer->received >= peer->leave_at;
}

static void leave(struct peer *peer)
{
    struct net_end *end = peer->end;
    switch (peer->leaving) {
    case PEER_CLOSES:
        gone(peer, "closes");
        net_close(end, false);
        break;
    case PEER_RESETS:
        gone(peer, "resets");
        net_close(end, true);
        break;
    case PEER_VANISHES:
        gone(peer, "vanishes");
        net_vanish(end);
        break;
    default:
        SIM_TELL(end->pair->name, "shuts its side down");
        peer->has_shut = true;
        (void)net_shutdown(end);
        break;
    }
}

/* Whether it has all it waits for. */
static void leave_if_due(struct peer *peer)
{
    bool all_sent = peer->sent == peer->script_size;
    if (peer->got_fin || peer->got_reset || (peer->deaf && peer->reading >= PEER_STOPS_READING)) {
        gone(peer, peer->got_reset ? "was reset" : "closes after the server");
        net_close(peer->end, false);
        return;
    }
    if (peer->leaving >= PEER_CLOSES && !peer->has_shut && is_time_to_leave(peer)) {
        leave(peer);
    } else if (peer->leaving == PEER_HALF_CLOSES && all_sent && !peer->has_shut) {
        leave(peer);
    } else if (peer->leaving == PEER_CLOSES_ANSWERED &&
               (is_told_to_stop(peer) || (all_sent && peer->reader.count == peer->asked_count))) {
        gone(peer, "closes, having all");
        net_close(peer->end, false);
    }
}

static void act(void *app)
{
    struct peer *peer = app;
    if (peer->gone)
        return;
    unsigned list = sim_list(peer->end->pair->list);
    while (read_some(peer))
        continue;
    write_some(peer);
    leave_if_due(peer);
    (void)sim_list(list);
}

/* The program on the other side takes a while to notice. */
static void on_change(struct net_end *end)
{
    static const uint64_t whiles[] = {10 * NET_US, 0, 1 * NET_MS, 30 * NET_MS};
    unsigned list = sim_list(end->pair->list);
    soon(end->owner, whiles[end->pair->weather == 0 ? 0 : sim_choose(4)]);
    (void)sim_list(list);
}

/* --- making ----------------------------------------------------------------------------------------------------- */

static void draw_manners(struct peer *peer, bool hostile)
{
    peer->pipelines = sim_choose(2) != 0;
    peer->cuts = sim_choose(2) != 0;
    peer->leaving = sim_choose(3);
    peer->reading = sim_is(4) ? PEER_READS_SLOWLY : PEER_READS;
    if (!hostile || sim_choose(2) == 0)
        return;
    peer->hesitates = sim_is(3);
    if (sim_is(3))
        peer->reading = sim_choose(PEER_NEVER_READS + 1);
    peer->stop_at = sim_choose(20000);
    if (sim_choose(3) == 0)
        return;
    peer->leaving = sim_choose(PEER_LEAVINGS);
    peer->leave_by_time = sim_choose(2) != 0;
    peer->leave_at = peer->leave_by_time ? sim_choose(sim_is(2) ? 5000 : 100)
                                         : sim_choose((uint32_t)peer->script_size + (sim_is(3) ? 100000 : 600));
}

void peer_begin(struct peer *peer, unsigned place, struct net_listener *listener, bool hostile)
{
    *peer = (struct peer){.end = net_connect(listener, place)};
    unsigned list = sim_list(peer->end->pair->list);
    peer->garbage = peer->end->pair->spoilt = hostile && sim_is(8);
    bool alike = sim_is(6);
    unsigned count = 1 + sim_choose(alike || sim_is(3) ? PEER_REQUESTS_MAX : 3);
    if (hostile && sim_is(10))
        count = 0;
    for (unsigned i = 0; i < count && peer->script_size < PEER_OCTETS_MAX; i++)
        put_request(peer, place * PEER_REQUESTS_MAX + i, hostile, alike, i + 1 == count);
    draw_manners(peer, hostile);
    peer->pipelines |= alike;
    if (peer->garbage)
        spoil(peer);
    reader_init(&peer->reader, peer->asked, peer->asked_count, peer->garbage);
    SIM_TELL(peer->end->pair->name, "will send %zu octets, %u requests; reading %d, leaving %d at %llu%s%s%s",
             peer->script_size, peer->asked_count, (int)peer->reading, (int)peer->leaving,
             (unsigned long long)peer->leave_at, peer->leave_by_time ? " ms" : "", peer->pipelines ? ", pipelined" : "",
             peer->garbage ? ", garbage" : "");
    for (unsigned i = 0; i < peer->asked_count; i++)
        SIM_TELL(peer->end->pair->name, "  request %u: kind %u, answer of %llu octets, to octet %llu%s",
                 peer->asked[i].number, peer->asked[i].kind, (unsigned long long)peer->asked[i].size,
                 (unsigned long long)peer->asked[i].end, peer->asked[i].says_close ? ", says close" : "");
    peer->end->notify = on_change;
    peer->end->owner = peer;
    soon(peer, NET_MS * sim_choose(3));
    if (peer->leave_by_time)
        net_call_at(NET_EPOCH_NS + peer->leave_at * NET_MS, act, peer);
    (void)sim_list(list);
}

void peer_fini(struct peer *peer)
{
    free(peer->script);
}

unsigned peer_owed(const struct peer *peer)
{
    for (unsigned i = 0; i < peer->asked_count; i++) {
        if (peer->garbage || peer->asked[i].end > peer->sent)
            return i;
        if (peer->asked[i].says_close)
            return i + 1;
    }
    return peer->asked_count;
}

/* Asks again after it said that it would not (RFC 9112, 9.6): the server may close before that has come. */
static bool asks_on(const struct peer *peer)
{
    for (unsigned i = 0; i + 1 < peer->asked_count; i++)
        if (peer->asked[i].says_close && (peer->pipelines || peer->garbage))
            return true;
    return false;
}

bool peer_is_good(const struct peer *peer)
{
    bool stays = peer->leaving <= PEER_STAYS || peer->leaving == PEER_ENDS_HALF;
    return stays && !asks_on(peer) && peer->reading <= PEER_READS_SLOWLY;
}
