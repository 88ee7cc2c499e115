#include "conn/life.h"

#include <stdio.h>

#define SAME 0

/* A state is never entered by the table as OPEN: 0 can stand for "stays". */
static const uint8_t table[LIFE_STATE_COUNT][LIFE_EVENT_COUNT] = {
    [LIFE_OPEN] = {[LIFE_EVENT_LAST] = LIFE_FLUSHING,
                   [LIFE_EVENT_DEAD] = LIFE_CLOSING,
                   [LIFE_EVENT_EXPIRED] = LIFE_CLOSING,
                   [LIFE_EVENT_CUT] = LIFE_ABORTING,
                   [LIFE_EVENT_CLOSED] = LIFE_GONE},
    [LIFE_FLUSHING] = {[LIFE_EVENT_FLUSHED] = LIFE_ENDING,
                       [LIFE_EVENT_DEAD] = LIFE_CLOSING,
                       [LIFE_EVENT_CUT] = LIFE_ABORTING,
                       [LIFE_EVENT_CLOSED] = LIFE_GONE},
    [LIFE_ENDING] = {[LIFE_EVENT_CONFIRMED] = LIFE_CLOSING,
                     [LIFE_EVENT_UNCONFIRMED] = LIFE_SHUTTING,
                     [LIFE_EVENT_DEAD] = LIFE_CLOSING,
                     [LIFE_EVENT_CUT] = LIFE_CLOSING,
                     [LIFE_EVENT_CLOSED] = LIFE_GONE},
    [LIFE_SHUTTING] = {[LIFE_EVENT_SHUT] = LIFE_LINGERING,
                       [LIFE_EVENT_DEAD] = LIFE_CLOSING,
                       [LIFE_EVENT_CUT] = LIFE_CLOSING,
                       [LIFE_EVENT_CLOSED] = LIFE_GONE},
    [LIFE_LINGERING] = {[LIFE_EVENT_CONFIRMED] = LIFE_CLOSING,
                        [LIFE_EVENT_EXPIRED] = LIFE_CLOSING,
                        [LIFE_EVENT_DEAD] = LIFE_CLOSING,
                        [LIFE_EVENT_CUT] = LIFE_CLOSING,
                        [LIFE_EVENT_CLOSED] = LIFE_GONE},
    [LIFE_CLOSING] = {[LIFE_EVENT_CLOSED] = LIFE_GONE},
    [LIFE_ABORTING] = {[LIFE_EVENT_CLOSED] = LIFE_GONE},
};

enum life_state life_next(enum life_state state, enum life_event event)
{
    uint8_t next = table[state][event];
    return next == SAME ? state : (enum life_state)next;
}

int life_print(char *text, size_t size)
{
    static const char *const states[] = {
#define X(name) #name,
        LIFE_STATE_TABLE(X)
#undef X
    };
    static const char *const events[] = {
#define X(name) #name,
        LIFE_EVENT_TABLE(X)
#undef X
    };
    int used = snprintf(text, size, "stateDiagram-v2\n");
    for (int s = 0; s < LIFE_STATE_COUNT; s++) {
        for (int e = 0; e < LIFE_EVENT_COUNT; e++) {
            if (table[s][e] == SAME)
                continue;
            size_t at = (size_t)used < size ? (size_t)used : size;
            used += snprintf(text + at, size - at, "    %s --> %s: %s\n", states[s], states[table[s][e]], events[e]);
        }
    }
    return used;
}
