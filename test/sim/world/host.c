#include "host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app.h"
#include "sim.h"

/* --- answering -------------------------------------------------------------------------------------------------- */

static void put(struct host_connection *c, const char *octets, size_t size)
{
    c->out = realloc(c->out, c->out_size + size + 1);
    if (c->out == NULL)
        abort();
    memcpy(c->out + c->out_size, octets, size);
    c->out_size += size;
}

static void put_body(struct host_connection *c, unsigned how)
{
    char line[64];
    uint64_t half = c->size / 2;
    if (how != 1) {
        put(c, app_pattern(c->number), c->size);
        return;
    }
    for (int i = 0; i < 2; i++) {
        uint64_t from = i == 0 ? 0 : half, size = i == 0 ? half : c->size - half;
        if (size == 0)
            continue;
        put(c, line, (size_t)snprintf(line, sizeof line, "%llx\r\n", (unsigned long long)size));
        put(c, app_pattern(c->number) + from, size);
        put(c, "\r\n", 2);
    }
    put(c, "0\r\n\r\n", 5);
}

/* 0: with a length, 1: in chunks, 2: until it closes. */
static void answer(struct host_connection *c)
{
    char head[256];
    unsigned how = sim_choose(3);
    bool closes = how == 2 || c->asked_close || sim_is(6);
    size_t begin = c->out_size;
    bool interim = sim_is(8);
    int n = snprintf(head, sizeof head, "%sHTTP/1.1 200 OK\r\nX-Number: %u\r\n%s",
                     interim ? "HTTP/1.1 103 \r\n\r\n" : "", c->number, closes ? "Connection: close\r\n" : "");
    put(c, head, (size_t)n);
    if (how == 0)
        put(c, head, (size_t)snprintf(head, sizeof head, "Content-Length: %llu\r\n", (unsigned long long)c->size));
    else if (how == 1)
        put(c, "Transfer-Encoding: chunked\r\n", 28);
    put(c, "\r\n", 2);
    if (!c->head)
        put_body(c, how);
    c->closes |= closes;
    SIM_TELL(c->end->pair->name, "host answers %u%s", c->number, closes ? ", and will close" : "");
    if (!c->host->hostile)
        return;
    switch (sim_rarely(3, 7)) {
    case 1: /* half of it; a content that ends with the connection can only be broken off by a reset */
        c->out_size = begin + sim_choose((uint32_t)(c->out_size - begin));
        c->resets = how == 2;
        c->closes = true;
        break;
    case 2:
        c->out_size = begin + sim_choose((uint32_t)(c->out_size - begin));
        c->resets = true;
        break;
    case 3: /* nothing at all */
        c->out_size = begin;
        break;
    case 4: /* closes without a word of it */
        c->closes = true;
        break;
    case 5: /* and something that nobody asked for */
        c->makes_up = true;
        if (how != 2)
            put(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 38);
        break;
    case 6:
        c->resets = true;
        break;
    default:
        break;
    }
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

enum { HEAD, CONTENT, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILERS };

static void begin_head(struct host_connection *c)
{
    c->state = HEAD;
    c->had_line = c->chunked = c->expects = c->asked_close = c->head = false;
    c->content_left = 0;
}

static void whole(struct host_connection *c)
{
    answer(c);
    begin_head(c);
}

static void after_head(struct host_connection *c)
{
    SIM_TELL(c->end->pair->name, "host takes %u", c->number);
    c->host->seen[c->number]++;
    if (c->expects && sim_choose(2) == 0)
        put(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    c->state = c->chunked ? CHUNK_SIZE : CONTENT;
    if (!c->chunked && c->content_left == 0)
        whole(c);
}

static void request_line(struct host_connection *c)
{
    unsigned long long size;
    char method[16];
    if (sscanf(c->line, "%15s /%u/%u/%llu/", method, &c->number, &c->kind, &size) != 4 || c->number >= ASKER_MAX)
        sim_fail("requests are well-formed", "\"%s\"", c->line);
    c->size = size;
    c->head = strcmp(method, "HEAD") == 0;
    c->had_line = true;
}

static void head_line(struct host_connection *c)
{
    if (!c->had_line)
        request_line(c);
    else if (c->line_length == 0)
        after_head(c);
    else if (strncasecmp(c->line, "Content-Length: ", 16) == 0)
        c->content_left = strtoull(c->line + 16, NULL, 10);
    else if (strcasecmp(c->line, "Transfer-Encoding: chunked") == 0)
        c->chunked = true;
    else if (strcasecmp(c->line, "Connection: close") == 0)
        c->asked_close = true;
    else if (strncasecmp(c->line, "Expect: ", 8) == 0)
        c->expects = true;
}

static void take_line(struct host_connection *c)
{
    c->line[c->line_length] = '\0';
    switch (c->state) {
    case HEAD:
        head_line(c);
        break;
    case CHUNK_SIZE:
        c->content_left = strtoull(c->line, NULL, 16);
        c->state = c->content_left == 0 ? TRAILERS : CHUNK;
        break;
    case CHUNK_END:
        c->state = CHUNK_SIZE;
        break;
    default:
        if (c->line_length == 0)
            whole(c);
        break;
    }
    c->line_length = 0;
}

static void take(struct host_connection *c, const char *octets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (c->state == CONTENT || c->state == CHUNK) {
            if (--c->content_left > 0)
                continue;
            if (c->state == CONTENT)
                whole(c);
            else
                c->state = CHUNK_END;
        } else if (octets[i] == '\n' && c->line_length > 0 && c->line[c->line_length - 1] == '\r') {
            c->line_length--;
            take_line(c);
        } else if (c->line_length + 1 < sizeof c->line) {
            c->line[c->line_length++] = octets[i];
        } else {
            sim_fail("requests are well-formed", "a long line");
        }
    }
}

/* --- what it does ----------------------------------------------------------------------------------------------- */

static void leave(struct host_connection *c, bool reset)
{
    SIM_TELL(c->end->pair->name, "host %s", reset ? "resets" : "closes");
    c->gone = true;
    net_close(c->end, reset);
}

static void write_some(struct host_connection *c)
{
    while (c->out_sent < c->out_size) {
        ssize_t n = net_send(c->end, c->out + c->out_sent, c->out_size - c->out_sent);
        if (n == -EAGAIN)
            return;
        if (n < 0) {
            leave(c, false);
            return;
        }
        c->out_sent += (size_t)n;
    }
    if (c->resets || c->closes)
        leave(c, c->resets);
}

static void act(void *app)
{
    struct host_connection *c = app;
    char space[8192];
    if (c->gone)
        return;
    unsigned list = sim_list(c->end->pair->list);
    for (;;) {
        ssize_t n = c->closes || c->resets ? -EAGAIN : net_recv(c->end, space, sizeof space);
        if (n <= 0) {
            if (n != -EAGAIN)
                leave(c, false);
            break;
        }
        take(c, space, (size_t)n);
    }
    if (!c->gone)
        write_some(c);
    (void)sim_list(list);
}

/* Leaves in the middle of whatever it is; of an answer by a reset, as it may be one that ends with the connection. */
static void fail(void *app)
{
    struct host_connection *c = app;
    if (!c->gone)
        leave(c, sim_choose(2) != 0 || c->out_sent < c->out_size);
}

static void on_change(struct net_end *end)
{
    static const uint64_t whiles[] = {10 * NET_US, 0, 1 * NET_MS, 30 * NET_MS, 1500 * NET_MS};
    unsigned list = sim_list(end->pair->list);
    net_call_at(net_now() + whiles[end->pair->weather == 0 ? 0 : sim_choose(5)], act, end->owner);
    (void)sim_list(list);
}

static void on_waiting(struct net_listener *listener)
{
    struct host *host = listener->owner;
    struct net_end *end = net_accept(listener);
    if (end == NULL || host->count == HOST_CONNECTIONS_MAX)
        return;
    struct host_connection *c = &host->connections[host->count++];
    unsigned list = sim_list(end->pair->list);
    *c = (struct host_connection){.host = host, .end = end};
    begin_head(c);
    end->owner = c;
    end->notify = on_change;
    on_change(end);
    if (host->hostile && sim_is(3))
        net_call_at(net_now() + sim_choose(3000) * NET_MS, fail, c);
    if (host->hostile && sim_is(20))
        net_vanish(end);
    (void)sim_list(list);
}

void host_begin(struct host *host, bool hostile, unsigned *seen)
{
    memset(host, 0, sizeof *host);
    host->listener = net_listen();
    host->listener->owner = host;
    host->listener->notify = on_waiting;
    host->hostile = hostile;
    host->seen = seen;
}

bool host_makes_up(const struct host *host, uint16_t port)
{
    for (unsigned i = 0; i < host->count; i++)
        if (host->connections[i].end->pair->port == port)
            return host->connections[i].makes_up;
    return false;
}

void host_fini(struct host *host)
{
    for (unsigned i = 0; i < host->count; i++)
        free(host->connections[i].out);
}
