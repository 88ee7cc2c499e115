#include "h1/state.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define NO H1_REFUSED

/* clang-format off */
const uint8_t h1_transitions[2][H1_STATE_COUNT][H1_EVENT_COUNT] = {
    [H1_CLIENT] = {
        /*                 REQUEST   INTERIM  RESPONSE  SWITCH       DATA         END       FIN        ERROR   */
        [H1_IDLE]     = { H1_SENDS, NO,      NO,       NO,          NO,          NO,       H1_CLOSED, H1_BROKEN },
        [H1_OWES]     = { NO,       NO,      NO,       NO,          NO,          NO,       NO,        NO },
        [H1_SENDS]    = { NO,       NO,      NO,       NO,          H1_SENDS,    H1_DONE,  H1_BROKEN, H1_BROKEN },
        [H1_DONE]     = { NO,       NO,      NO,       NO,          NO,          NO,       H1_CLOSED, H1_BROKEN },
        [H1_ASKS]     = { NO,       NO,      NO,       NO,          NO,          NO,       H1_CLOSED, H1_BROKEN },
        [H1_SWITCHED] = { NO,       NO,      NO,       NO,          H1_SWITCHED, NO,       H1_CLOSED, H1_BROKEN },
        [H1_LAST]     = { NO,       NO,      NO,       NO,          NO,          NO,       H1_CLOSED, H1_BROKEN },
        [H1_CLOSED]   = { NO,       NO,      NO,       NO,          NO,          NO,       H1_CLOSED, H1_BROKEN },
        [H1_BROKEN]   = { NO,       NO,      NO,       NO,          NO,          NO,       H1_BROKEN, H1_BROKEN },
    },
    [H1_SERVER] = {
        [H1_IDLE]     = { NO,       NO,      H1_SENDS, NO,          NO,          NO,       H1_CLOSED, H1_BROKEN },
        [H1_OWES]     = { NO,       H1_OWES, H1_SENDS, H1_SWITCHED, NO,          NO,       H1_BROKEN, H1_BROKEN },
        [H1_SENDS]    = { NO,       NO,      NO,       NO,          H1_SENDS,    H1_DONE,  H1_BROKEN, H1_BROKEN },
        [H1_DONE]     = { NO,       NO,      NO,       NO,          NO,          NO,       H1_CLOSED, H1_BROKEN },
        [H1_ASKS]     = { NO,       NO,      NO,       NO,          NO,          NO,       NO,        NO },
        [H1_SWITCHED] = { NO,       NO,      NO,       NO,          H1_SWITCHED, NO,       H1_CLOSED, H1_BROKEN },
        [H1_LAST]     = { NO,       NO,      NO,       NO,          NO,          NO,       H1_CLOSED, H1_BROKEN },
        [H1_CLOSED]   = { NO,       NO,      NO,       NO,          NO,          NO,       H1_CLOSED, H1_BROKEN },
        [H1_BROKEN]   = { NO,       NO,      NO,       NO,          NO,          NO,       H1_BROKEN, H1_BROKEN },
    },
};

/* When the client is in `client`, the server in `server` and the condition holds, `party` goes on to `next`. */
enum condition { ALWAYS, IF_LAST, IF_ASKS_SWITCH };
#define ANY H1_STATE_COUNT
#define ALL ((1u << H1_STATE_COUNT) - 1)
#define BIT(state) (1u << H1_##state)

static const struct coupling {
    uint8_t client, server, condition, party, next;
} couplings[] = {
    /* A request makes the server owe a response. */
    { H1_SENDS,    H1_IDLE,     ALWAYS,         H1_SERVER, H1_OWES },
    /* A whole request that asks to switch waits for what the server says; no is an ordinary response. */
    { H1_DONE,     H1_OWES,     IF_ASKS_SWITCH, H1_CLIENT, H1_ASKS },
    { H1_ASKS,     H1_SWITCHED, ALWAYS,         H1_CLIENT, H1_SWITCHED },
    { H1_ASKS,     H1_SENDS,    ALWAYS,         H1_CLIENT, H1_DONE },
    /* Nothing follows the last exchange. */
    { H1_DONE,     ANY,         IF_LAST,        H1_CLIENT, H1_LAST },
    { ANY,         H1_DONE,     IF_LAST,        H1_SERVER, H1_LAST },
    /* One end that will say no more makes the other's message the last. */
    { H1_CLOSED,   H1_DONE,     ALWAYS,         H1_SERVER, H1_LAST },
    { H1_BROKEN,   H1_DONE,     ALWAYS,         H1_SERVER, H1_LAST },
    { H1_DONE,     H1_CLOSED,   ALWAYS,         H1_CLIENT, H1_LAST },
    { H1_DONE,     H1_LAST,     ALWAYS,         H1_CLIENT, H1_LAST },
    { H1_LAST,     H1_DONE,     ALWAYS,         H1_SERVER, H1_LAST },
};

/* The same, by condition and client state: the server states that some coupling is about. Most pairs of states have
 * none, and an exchange passes several of them: without this look the table would cost as much as the parser.
 * state_test.c holds it against the table. */
const uint16_t h1_coupled[3][H1_STATE_COUNT] = {
    [ALWAYS] = {
        [H1_SENDS]  = BIT(IDLE),
        [H1_ASKS]   = BIT(SWITCHED) | BIT(SENDS),
        [H1_CLOSED] = BIT(DONE),
        [H1_BROKEN] = BIT(DONE),
        [H1_DONE]   = BIT(CLOSED) | BIT(LAST),
        [H1_LAST]   = BIT(DONE),
    },
    [IF_LAST] = {
        BIT(DONE), BIT(DONE), BIT(DONE), [H1_DONE] = ALL, BIT(DONE), BIT(DONE), BIT(DONE), BIT(DONE), BIT(DONE),
    },
    [IF_ASKS_SWITCH] = { [H1_DONE] = BIT(OWES) },
};
/* clang-format on */

static bool is_coupled(const struct h1_states *states)
{
    unsigned about = h1_coupled[ALWAYS][states->of[H1_CLIENT]];
    if (states->last)
        about |= h1_coupled[IF_LAST][states->of[H1_CLIENT]];
    if (states->asks_switch)
        about |= h1_coupled[IF_ASKS_SWITCH][states->of[H1_CLIENT]];
    return (about >> states->of[H1_SERVER] & 1) != 0;
}

static bool holds(const struct h1_states *states, const struct coupling *c)
{
    if (c->client != ANY && c->client != states->of[H1_CLIENT])
        return false;
    if (c->server != ANY && c->server != states->of[H1_SERVER])
        return false;
    return c->condition == ALWAYS || (c->condition == IF_LAST && states->last) ||
           (c->condition == IF_ASKS_SWITCH && states->asks_switch);
}

/* Ends: only ASKS to DONE goes back, and what leads to ASKS needs a server that still owes. */
void h1_states_couple(struct h1_states *states)
{
    while (is_coupled(states)) {
        size_t i = 0;
        while (i < sizeof couplings / sizeof couplings[0] && !holds(states, &couplings[i]))
            i++;
        if (i == sizeof couplings / sizeof couplings[0])
            return;
        states->of[couplings[i].party] = couplings[i].next;
    }
}

void h1_states_init(struct h1_states *states)
{
    *states = (struct h1_states){.of = {H1_IDLE, H1_IDLE}};
}

void h1_states_set_last(struct h1_states *states)
{
    states->last = true;
    h1_states_couple(states);
}

void h1_states_ask_switch(struct h1_states *states)
{
    states->asks_switch = true;
}

void h1_states_recycle(struct h1_states *states)
{
    assert(h1_states_may_recycle(states));
    h1_states_init(states);
}

/* --- printing --------------------------------------------------------------------------------------------------- */

static const char *const state_names[] = {
#define X(name) #name,
    H1_STATE_TABLE(X)
#undef X
};
static const char *const event_names[] = {
#define X(name) #name,
    H1_EVENT_TABLE(X)
#undef X
};

struct printer {
    char *text;
    size_t size;
    int used;
};

WEIR_PRINTF(2, 3) static void put(struct printer *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t at = (size_t)p->used < p->size ? (size_t)p->used : p->size;
    p->used += vsnprintf(p->text + at, p->size - at, format, args);
    va_end(args);
}

bool h1_states_check(void)
{
    for (int condition = 0; condition < 3; condition++) {
        for (int client = 0; client < H1_STATE_COUNT; client++) {
            unsigned about = 0;
            for (size_t i = 0; i < sizeof couplings / sizeof couplings[0]; i++) {
                const struct coupling *c = &couplings[i];
                if (c->condition == condition && (c->client == ANY || c->client == client))
                    about |= c->server == ANY ? ALL : 1u << c->server;
            }
            if (about != h1_coupled[condition][client])
                return false;
        }
    }
    return true;
}

int h1_states_print(char *text, size_t size)
{
    struct printer p = {.text = text, .size = size};
    static const char *const parties[] = {"client", "server"};
    static const char *const conditions[] = {"", " if last", " if it asks to switch"};
    put(&p, "stateDiagram-v2\n");
    for (int party = 0; party < 2; party++) {
        put(&p, "    state %s {\n", parties[party]);
        for (int s = 0; s < H1_STATE_COUNT; s++) {
            for (int e = 0; e < H1_EVENT_COUNT; e++) {
                uint8_t next = h1_transitions[party][s][e];
                if (next != NO && next != s && e != H1_EVENT_ERROR)
                    put(&p, "        %s_%s --> %s_%s: %s\n", parties[party], state_names[s], parties[party],
                        state_names[next], event_names[e]);
            }
        }
        for (size_t i = 0; i < sizeof couplings / sizeof couplings[0]; i++) {
            const struct coupling *c = &couplings[i];
            if (c->party != party)
                continue;
            uint8_t own = party == H1_CLIENT ? c->client : c->server;
            uint8_t other = party == H1_CLIENT ? c->server : c->client;
            put(&p, "        %s_%s --> %s_%s: (%s %s%s)\n", parties[party], own == ANY ? "any" : state_names[own],
                parties[party], state_names[c->next], parties[1 - party], other == ANY ? "any" : state_names[other],
                conditions[c->condition]);
        }
        put(&p, "    }\n");
    }
    return p.used;
}
