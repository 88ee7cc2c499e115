/* The trace of a connection: its first four events that are not plain progress, by layer, an octet each in one word. */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include <stdint.h>

/* X(identifier, "layer:event") */
#define BASE_TRACE_TABLE(X)                                                                                            \
    X(FD_FIN, "fd:fin")                                                                                                \
    X(FD_RCV_ERR, "fd:rcv_err")                                                                                        \
    X(FD_SND_ERR, "fd:snd_err")                                                                                        \
    X(FD_HUP, "fd:hup")                                                                                                \
    X(FD_REFUSED, "fd:refused") /* the peer's reset answered our octets: seen in a receipt */                          \
    X(FD_SHUT, "fd:shut")       /* our FIN */                                                                          \
    X(H1_TRUNCATED, "h1:truncated")                                                                                    \
    X(H1_MALFORMED, "h1:malformed")                                                                                    \
    X(H1_LIMIT, "h1:limit")                                                                                            \
    X(H1_LAST, "h1:last") /* the message said that it is the last */                                                   \
    X(APP_ABORT, "app:abort")                                                                                          \
    X(APP_CLOSE, "app:close")                                                                                          \
    X(APP_WRONG, "app:wrong")                                                                                          \
    X(CLOCK_DEADLINE, "clock:deadline")                                                                                \
    X(OP_DRAIN, "op:drain")                                                                                            \
    X(OP_STOP, "op:stop")                                                                                              \
    X(MEM_NONE, "mem:none")                                                                                            \
    X(LIFE_POLICY, "life:policy") /* age, number of exchanges, pressure */                                             \
    X(H1_DROPPED, "h1:dropped")   /* a field where none of that name may stand */

enum base_trace_event {
    BASE_TRACE_NONE = 0,
#define X(identifier, text) BASE_TRACE_##identifier,
    BASE_TRACE_TABLE(X)
#undef X
        BASE_TRACE_COUNT
};

/* Adds an event if there is room and it is not the last one again. */
static inline void base_trace_add(uint32_t *trace, enum base_trace_event event)
{
    uint32_t shift = *trace == 0 ? 0 : *trace < 0x100 ? 8 : *trace < 0x10000 ? 16 : 24;
    if (*trace >= 0x1000000)
        return;
    if (shift > 0 && ((*trace >> (shift - 8)) & 0xff) == (uint32_t)event)
        return;
    *trace |= (uint32_t)event << shift;
}

#endif
