#include "load/gone.h"

static const struct {
    const char *name, *text;
} reasons[LOAD_REASON_COUNT] = {
#define X(identifier, name, text) {name, text},
    LOAD_REASON_TABLE(X)
#undef X
};

const char *load_reason_name(enum load_reason reason)
{
    return reasons[reason].name;
}

const char *load_reason_text(enum load_reason reason)
{
    return reasons[reason].text;
}

bool load_reason_is_failure(enum load_reason reason)
{
    return reason >= LOAD_REASON_NO_ANSWER;
}

void load_gone_start(struct load_gone *gone, uint64_t now_ns)
{
    *gone = (struct load_gone){.started_ns = now_ns, .open_ns = now_ns, .heard_ns = now_ns};
}

void load_gone_opened(struct load_gone *gone)
{
    gone->opened = true;
    gone->dials_failed = 0;
}

void load_gone_dial_failed(struct load_gone *gone)
{
    gone->dials_failed++;
}

void load_gone_unanswered(struct load_gone *gone)
{
    gone->unanswered++;
}

bool load_gone_judge(struct load_gone *gone, const struct load_gone_view *view, enum load_reason *reason)
{
    uint64_t patience_ns = view->timeout_ns < LOAD_GONE_NS ? view->timeout_ns : LOAD_GONE_NS;
    if (view->open > 0)
        gone->open_ns = view->now_ns;
    if (!gone->opened) {
        /* Dials under way may still succeed, but they fail one by one for ever where others follow them. */
        bool settled = view->dialling == 0 || view->now_ns - gone->started_ns >= view->timeout_ns;
        *reason = LOAD_REASON_NO_CONNECTION;
        return settled && gone->dials_failed >= LOAD_GONE_FAILURES;
    }
    if (!view->counted)
        return false;
    if (gone->dials_failed >= LOAD_GONE_FAILURES && view->now_ns - gone->open_ns >= patience_ns) {
        *reason = LOAD_REASON_SERVER_GONE;
        return true;
    }
    *reason = LOAD_REASON_NO_ANSWER;
    return gone->unanswered >= LOAD_GONE_FAILURES &&
           view->now_ns - gone->heard_ns >= LOAD_GONE_FAILURES * view->timeout_ns;
}
