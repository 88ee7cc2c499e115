/* Why a run of `weir load` ended, and when one is given up: no server is there, it is gone, or it does not answer.
 *
 * Each thread judges by its own connections. Time is an argument. */
#ifndef CLI_LOAD_GONE_H
#define CLI_LOAD_GONE_H

#include <weir/weir.h>

/*     X(identifier, name, text)
 *
 * In this order: of several threads' reasons the last one is the run's. Names are API. From NO_ANSWER on the run has
 * failed. */
#define LOAD_REASON_TABLE(X)                                                                                           \
    X(REQUESTS, "requests", "all requests were sent")                                                                  \
    X(DURATION, "duration", "the time was over")                                                                       \
    X(INTERRUPTED, "interrupted", "stopped before its time")                                                           \
    X(NO_ANSWER, "no_answer", "given up: the server does not answer")                                                  \
    X(SERVER_GONE, "server_gone", "given up: the server is gone")                                                      \
    X(NO_CONNECTION, "no_connection", "given up: no connection came to be")

enum load_reason {
#define X(identifier, name, text) LOAD_REASON_##identifier,
    LOAD_REASON_TABLE(X)
#undef X
        LOAD_REASON_COUNT
};

const char *load_reason_name(enum load_reason reason);
const char *load_reason_text(enum load_reason reason);
bool load_reason_is_failure(enum load_reason reason);

/* Without this many failures in a row nothing is given up. */
#define LOAD_GONE_FAILURES 3
/* A server may be started again meanwhile: this long no connection is open; --timeout where that is shorter. */
#define LOAD_GONE_NS (5 * WEIR_SECOND)

struct load_gone {
    uint64_t started_ns;
    uint64_t open_ns;      /* when a connection was open last */
    uint64_t heard_ns;     /* when octets came last; before any: the start */
    uint64_t dials_failed; /* since a connection was opened */
    uint64_t unanswered;   /* exchanges that timed out since octets came */
    bool opened;           /* a connection came to be */
};

/* What the thread sees now. */
struct load_gone_view {
    uint64_t now_ns;
    uint64_t timeout_ns;
    size_t open, dialling; /* connections */
    bool counted;          /* the run has a number of requests: without one, its time ends it */
};

void load_gone_start(struct load_gone *gone, uint64_t now_ns);
void load_gone_opened(struct load_gone *gone);
void load_gone_dial_failed(struct load_gone *gone);
void load_gone_unanswered(struct load_gone *gone);
/* True if the run is to be given up; *reason says why. */
bool load_gone_judge(struct load_gone *gone, const struct load_gone_view *view, enum load_reason *reason);

/* Octets came. */
static inline void load_gone_heard(struct load_gone *gone, uint64_t now_ns)
{
    gone->heard_ns = now_ns;
    gone->unanswered = 0;
}

#endif
