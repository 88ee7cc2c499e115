#include "clients.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TRIES_MAX 40

static char *all_octets;

const char *body_octets(size_t from)
{
    return all_octets + from;
}

void body_init(void)
{
    all_octets = malloc(BODY_SIZE_MAX);
    if (all_octets == NULL)
        exit(2);
    for (size_t i = 0; i < BODY_SIZE_MAX; i++)
        all_octets[i] = (char)((i * 31 + (i >> 8)) & 0xff);
}

void body_fini(void)
{
    free(all_octets);
}

/* --- connecting and leaving ------------------------------------------------------------------------------------- */

static void leave(struct client *client, bool reset)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    if (reset)
        (void)setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    (void)close(client->fd);
    client->fd = -1;
    client->done = true;
}

void client_end(struct client *client)
{
    if (client->fd >= 0)
        leave(client, false);
}

/* Forgets what was under way: what was answered stays answered. */
static void dial(struct client *client, const struct client_target *target)
{
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    bool is_unix = client->script->is_unix;
    client->tries++;
    client->asked = client->answered_before = client->answered;
    client->request_size = client->sent = 0;
    client->head_size = client->body_got = 0;
    client->in_body = false;
    client->fd = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    (void)snprintf(path.sun_path, sizeof(path.sun_path), "%s", target->unix_path);
    const void *to = is_unix ? (const void *)&path : (const void *)&target->tcp;
    if (client->fd >= 0 &&
        (connect(client->fd, to, is_unix ? sizeof(path) : sizeof(target->tcp)) == 0 || errno == EINPROGRESS))
        return;
    client_end(client);
    client->cheated = client->done = true;
}

void client_begin(struct client *client, const struct client_script *script, const struct client_target *target)
{
    *client = (struct client){.script = script};
    dial(client, target);
}

bool client_is_content(const struct client *client)
{
    return client->answered == client->script->times && !client->script->rude;
}

/* --- asking ----------------------------------------------------------------------------------------------------- */

static size_t size_of_one(const struct client_script *script)
{
    return strlen(script->request) + script->body_size;
}

static void ask_more(struct client *client)
{
    const struct client_script *script = client->script;
    while (client->asked < script->times && (script->pipelined || client->asked == client->answered)) {
        client->asked++;
        client->request_size += size_of_one(script);
    }
}

static size_t fill(const struct client_script *script, size_t at, char *place, size_t size)
{
    size_t head = strlen(script->request), one = size_of_one(script);
    at %= one;
    if (size > one - at)
        size = one - at;
    if (at < head && size > head - at)
        size = head - at;
    memcpy(place, at < head ? script->request + at : body_octets(at - head), size);
    return size;
}

/* An error of sending is no news: what was answered is still to be read. */
static void send_some(struct client *client)
{
    char piece[16384];
    while (client->sent < client->request_size) {
        size_t size = client->request_size - client->sent;
        size = fill(client->script, client->sent, piece, size < sizeof(piece) ? size : sizeof(piece));
        ssize_t n = send(client->fd, piece, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN)
            client->request_size = client->sent;
        if (n < 0)
            return;
        client->sent += (size_t)n;
    }
}

/* --- being answered --------------------------------------------------------------------------------------------- */

static void end_answer(struct client *client)
{
    client->answered++;
    client->head_size = client->body_got = 0;
    client->in_body = false;
}

static void end_head(struct client *client)
{
    const struct client_script *script = client->script;
    char expected[32];
    (void)snprintf(expected, sizeof(expected), "HTTP/1.1 %u ", script->status);
    const char *length = strcasestr(client->head, "\r\ncontent-length:");
    if (strncmp(client->head, expected, strlen(expected)) != 0 || length == NULL ||
        strtoul(length + strlen("\r\ncontent-length:"), NULL, 10) != script->answer_size) {
        client->cheated = true;
        return;
    }
    client->in_body = true;
    if (script->answer_size == 0)
        end_answer(client);
}

static size_t take_body(struct client *client, const char *octets, size_t size)
{
    size_t left = client->script->answer_size - client->body_got;
    if (size > left)
        size = left;
    if (memcmp(octets, body_octets(client->body_got), size) != 0)
        client->cheated = true;
    client->body_got += size;
    if (client->body_got == client->script->answer_size)
        end_answer(client);
    return size;
}

static void take_octet(struct client *client, char c)
{
    if (client->answered == client->script->times || client->head_size + 1 == sizeof(client->head)) {
        client->cheated = true;
        return;
    }
    client->head[client->head_size++] = c;
    client->head[client->head_size] = '\0';
    if (client->head_size >= 4 && memcmp(client->head + client->head_size - 4, "\r\n\r\n", 4) == 0)
        end_head(client);
}

/* The connection is at its end. One that ends between two exchanges owes nothing, even if the next request was on
 * its way: who has more to ask asks again, as any client does. */
static void ended(struct client *client, const struct client_target *target)
{
    bool content = client_is_content(client);
    bool between = !client->in_body && client->head_size == 0 && client->answered > client->answered_before;
    leave(client, false);
    if (content || client->script->rude)
        return;
    if (between && !client->script->pipelined && client->tries < TRIES_MAX) {
        client->done = false;
        dial(client, target);
        return;
    }
    client->cheated = true;
}

static void receive(struct client *client, const struct client_target *target)
{
    char piece[65536];
    ssize_t n = recv(client->fd, piece, sizeof(piece), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        ended(client, target);
        return;
    }
    for (size_t at = 0; at < (size_t)n && !client->cheated;) {
        if (client->in_body)
            at += take_body(client, piece + at, (size_t)n - at);
        else
            take_octet(client, piece[at++]);
    }
    if (client->cheated)
        leave(client, true);
    else if (client->script->rude && client->head_size + client->body_got >= client->script->leave_after)
        leave(client, true);
}

struct pollfd client_wants(const struct client *client)
{
    return (struct pollfd){.fd = client->fd,
                           .events = (short)(POLLIN | (client->sent < client->request_size ? POLLOUT : 0))};
}

void client_turn(struct client *client, const struct client_target *target)
{
    const struct client_script *script = client->script;
    if (client->fd < 0)
        return;
    ask_more(client);
    send_some(client);
    if (script->rude && script->leave_after == 0 && client->sent == client->request_size) {
        leave(client, false);
        return;
    }
    receive(client, target);
    if (client->fd < 0)
        return;
    ask_more(client);
    if (client_is_content(client) && !script->stays && !script->server_closes)
        leave(client, false);
}
