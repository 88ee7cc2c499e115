/* Goal: the machines allow the exchanges of RFC 9112 and nothing else, and their couplings come to rest. Method: legal
 * sequences step by step; every pair of states that any events reach, searched whole, with each missing entry refused
 * without a trace; random walks held against rules that are told in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "h1/state.h"

static void short_cut_agrees(void **state)
{
    (void)state;
    assert_true(h1_states_check());
}

/* --- legal sequences -------------------------------------------------------------------------------------------- */

enum { LAST = 100, ASK, RECYCLE, REFUSED = 1000 }; /* beside the events; + REFUSED: must be refused */

struct move {
    int party, event, client, server; /* and the states after it */
};

static void play(const struct move *moves, size_t count)
{
    struct h1_states states;
    h1_states_init(&states);
    for (size_t i = 0; i < count; i++) {
        const struct move *m = &moves[i];
        if (m->event == LAST)
            h1_states_set_last(&states);
        else if (m->event == ASK)
            h1_states_ask_switch(&states);
        else if (m->event == RECYCLE)
            h1_states_recycle(&states);
        else if (m->event >= REFUSED)
            assert_false(h1_states_event(&states, (enum h1_party)m->party, (enum h1_event)(m->event - REFUSED)));
        else
            assert_true(h1_states_event(&states, (enum h1_party)m->party, (enum h1_event)m->event));
        assert_int_equal(states.of[H1_CLIENT], m->client);
        assert_int_equal(states.of[H1_SERVER], m->server);
    }
}
#define PLAY(moves) play(moves, sizeof(moves) / sizeof((moves)[0]))

#define C        H1_CLIENT
#define S        H1_SERVER
#define EV(name) H1_EVENT_##name

static void keep_alive(void **state)
{
    (void)state;
    static const struct move moves[] = {
        {C, EV(REQUEST), H1_SENDS, H1_OWES}, {C, EV(DATA), H1_SENDS, H1_OWES},
        {C, EV(END), H1_DONE, H1_OWES},      {S, EV(INTERIM), H1_DONE, H1_OWES},
        {S, EV(INTERIM), H1_DONE, H1_OWES},  {S, EV(RESPONSE), H1_DONE, H1_SENDS},
        {S, EV(DATA), H1_DONE, H1_SENDS},    {C, EV(REQUEST) + REFUSED, H1_DONE, H1_SENDS},
        {S, EV(END), H1_DONE, H1_DONE},      {C, EV(REQUEST) + REFUSED, H1_DONE, H1_DONE},
        {S, RECYCLE, H1_IDLE, H1_IDLE},      {C, EV(REQUEST), H1_SENDS, H1_OWES},
    };
    PLAY(moves);
}

static void early_answer(void **state)
{
    (void)state;
    static const struct move moves[] = {
        {C, EV(REQUEST), H1_SENDS, H1_OWES},
        {S, EV(RESPONSE), H1_SENDS, H1_SENDS},
        {S, EV(END), H1_SENDS, H1_DONE},
        {S, EV(RESPONSE) + REFUSED, H1_SENDS, H1_DONE},
        {S, EV(INTERIM) + REFUSED, H1_SENDS, H1_DONE},
        {C, EV(DATA), H1_SENDS, H1_DONE},
        {C, EV(END), H1_DONE, H1_DONE},
    };
    PLAY(moves);
}

static void last_exchange(void **state)
{
    (void)state;
    static const struct move moves[] = {
        {C, EV(REQUEST), H1_SENDS, H1_OWES},
        {C, LAST, H1_SENDS, H1_OWES},
        {C, EV(END), H1_LAST, H1_OWES},
        {S, EV(RESPONSE), H1_LAST, H1_SENDS},
        {S, EV(END), H1_LAST, H1_LAST},
        {C, EV(REQUEST) + REFUSED, H1_LAST, H1_LAST},
        {C, EV(FIN), H1_CLOSED, H1_LAST},
        {S, EV(FIN), H1_CLOSED, H1_CLOSED},
        {C, EV(REQUEST) + REFUSED, H1_CLOSED, H1_CLOSED},
    };
    PLAY(moves);
}

/* Told only after the answer is whole, as by a handler in its last call. */
static void last_is_told_late(void **state)
{
    (void)state;
    static const struct move moves[] = {
        {C, EV(REQUEST), H1_SENDS, H1_OWES}, {C, EV(END), H1_DONE, H1_OWES}, {S, EV(RESPONSE), H1_DONE, H1_SENDS},
        {S, EV(END), H1_DONE, H1_DONE},      {S, LAST, H1_LAST, H1_LAST},
    };
    PLAY(moves);
}

static void half_close(void **state)
{
    (void)state;
    static const struct move moves[] = {
        {C, EV(REQUEST), H1_SENDS, H1_OWES},    {C, EV(END), H1_DONE, H1_OWES},   {C, EV(FIN), H1_CLOSED, H1_OWES},
        {S, EV(RESPONSE), H1_CLOSED, H1_SENDS}, {S, EV(END), H1_CLOSED, H1_LAST}, {S, EV(FIN), H1_CLOSED, H1_CLOSED},
    };
    static const struct move within[] = {
        {C, EV(REQUEST), H1_SENDS, H1_OWES},
        {C, EV(FIN), H1_BROKEN, H1_OWES},
        {C, EV(DATA) + REFUSED, H1_BROKEN, H1_OWES},
        {S, EV(RESPONSE), H1_BROKEN, H1_SENDS},
        {S, EV(END), H1_BROKEN, H1_LAST},
    };
    PLAY(moves);
    PLAY(within);
}

static void switching(void **state)
{
    (void)state;
    static const struct move yes[] = {
        {C, EV(REQUEST), H1_SENDS, H1_OWES},
        {C, ASK, H1_SENDS, H1_OWES},
        {C, EV(END), H1_ASKS, H1_OWES},
        {C, EV(DATA) + REFUSED, H1_ASKS, H1_OWES},
        {S, EV(INTERIM), H1_ASKS, H1_OWES},
        {S, EV(SWITCH), H1_SWITCHED, H1_SWITCHED},
        {C, EV(DATA), H1_SWITCHED, H1_SWITCHED},
        {S, EV(DATA), H1_SWITCHED, H1_SWITCHED},
        {C, EV(REQUEST) + REFUSED, H1_SWITCHED, H1_SWITCHED},
        {C, EV(FIN), H1_CLOSED, H1_SWITCHED},
        {S, EV(DATA), H1_CLOSED, H1_SWITCHED},
        {S, EV(FIN), H1_CLOSED, H1_CLOSED},
    };
    static const struct move no[] = {
        {C, EV(REQUEST), H1_SENDS, H1_OWES},  {C, ASK, H1_SENDS, H1_OWES},    {C, EV(END), H1_ASKS, H1_OWES},
        {S, EV(RESPONSE), H1_DONE, H1_SENDS}, {S, EV(END), H1_DONE, H1_DONE}, {S, RECYCLE, H1_IDLE, H1_IDLE},
    };
    PLAY(yes);
    PLAY(no);
}

static void malformed_request(void **state)
{
    (void)state;
    /* A server may answer what it could not read. */
    static const struct move moves[] = {
        {S, EV(RESPONSE), H1_IDLE, H1_SENDS},
        {S, LAST, H1_IDLE, H1_SENDS},
        {S, EV(END), H1_IDLE, H1_LAST},
    };
    PLAY(moves);
}

/* --- all that can be reached ------------------------------------------------------------------------------------ */

static unsigned index_of(const struct h1_states *s)
{
    return (((unsigned)s->of[0] * H1_STATE_COUNT + s->of[1]) * 2 + s->last) * 2 + s->asks_switch;
}

#define ALL_STATES (H1_STATE_COUNT * H1_STATE_COUNT * 4)

struct search {
    struct h1_states todo[ALL_STATES];
    size_t count;
    bool seen[ALL_STATES];
};

static void found(struct search *search, const struct h1_states *states)
{
    assert_true(states->of[0] < H1_STATE_COUNT && states->of[1] < H1_STATE_COUNT);
    if (search->seen[index_of(states)])
        return;
    search->seen[index_of(states)] = true;
    search->todo[search->count++] = *states;
}

/* What no table is needed to know. */
static void check_sense(const struct h1_states *s)
{
    int client = s->of[H1_CLIENT], server = s->of[H1_SERVER];
    /* A request under way is owed an answer, or has one. */
    if (client == H1_SENDS || client == H1_ASKS)
        assert_int_not_equal(server, H1_IDLE);
    /* Switched is both, or one of them has ended since. */
    if (client == H1_SWITCHED)
        assert_true(server == H1_SWITCHED || server == H1_CLOSED || server == H1_BROKEN);
    /* After the last nobody may believe that another follows. */
    if (s->last)
        assert_true(client != H1_DONE && server != H1_DONE);
    assert_false(h1_states_may_recycle(s) && s->last);
    assert_true(client != H1_OWES && server != H1_ASKS);
}

static void every_reachable_state(void **state)
{
    (void)state;
    static struct search search;
    struct h1_states first;
    h1_states_init(&first);
    found(&search, &first);
    for (size_t i = 0; i < search.count; i++) {
        const struct h1_states from = search.todo[i];
        struct h1_states next;
        check_sense(&from);
        /* At rest: coupling once more moves nothing. */
        if (from.last) {
            next = from;
            h1_states_set_last(&next);
            assert_memory_equal(&next, &from, sizeof from);
        }
        for (int party = 0; party < 2; party++) {
            for (int event = 0; event < H1_EVENT_COUNT; event++) {
                next = from;
                bool allowed = h1_states_allow(&from, (enum h1_party)party, (enum h1_event)event);
                assert_int_equal(h1_states_event(&next, (enum h1_party)party, (enum h1_event)event), allowed);
                if (!allowed)
                    assert_memory_equal(&next, &from, sizeof from);
                found(&search, &next);
            }
        }
        next = from;
        h1_states_set_last(&next);
        found(&search, &next);
        if (from.of[H1_CLIENT] == H1_SENDS) {
            next = from;
            h1_states_ask_switch(&next);
            found(&search, &next);
        }
        if (h1_states_may_recycle(&from)) {
            next = from;
            h1_states_recycle(&next);
            found(&search, &next);
        }
    }
    assert_true(search.count > 40);
}

/* --- random walks: the words of RFC 9112 as a few counters ------------------------------------------------------ */

static void walks(void **state)
{
    (void)state;
    uint32_t chance = 1;
    for (int walk = 0; walk < 2000; walk++) {
        struct h1_states states;
        unsigned requests = 0, finals = 0;
        h1_states_init(&states);
        for (int step = 0; step < 60; step++) {
            chance = chance * 1664525U + 1013904223U;
            enum h1_party party = (enum h1_party)(chance >> 16 & 1);
            enum h1_event event = (enum h1_event)((chance >> 17) % (H1_EVENT_COUNT - 1));
            if (h1_states_may_recycle(&states)) {
                h1_states_recycle(&states);
                requests = finals = 0;
            }
            if (!h1_states_event(&states, party, event))
                continue;
            requests += party == H1_CLIENT && event == H1_EVENT_REQUEST;
            finals += party == H1_SERVER && (event == H1_EVENT_RESPONSE || event == H1_EVENT_SWITCH);
            assert_true(requests <= 1 && finals <= 1);
            if (event == H1_EVENT_INTERIM || event == H1_EVENT_SWITCH)
                assert_true(party == H1_SERVER && requests == 1);
            if (event == H1_EVENT_INTERIM)
                assert_int_equal(finals, 0);
        }
    }
}

static void prints(void **state)
{
    (void)state;
    char small[40], large[16384];
    int size = h1_states_print(large, sizeof large);
    assert_true(size > 0 && (size_t)size == strlen(large));
    assert_non_null(strstr(large, "client_IDLE --> client_SENDS: REQUEST"));
    assert_int_equal(h1_states_print(small, sizeof small), size);
    assert_int_equal(strlen(small), sizeof small - 1);
    assert_memory_equal(small, large, sizeof small - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_cut_agrees),
        cmocka_unit_test(keep_alive),
        cmocka_unit_test(early_answer),
        cmocka_unit_test(last_exchange),
        cmocka_unit_test(last_is_told_late),
        cmocka_unit_test(half_close),
        cmocka_unit_test(switching),
        cmocka_unit_test(malformed_request),
        cmocka_unit_test(every_reachable_state),
        cmocka_unit_test(walks),
        cmocka_unit_test(prints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
