#include "conn/deadlines.h"

void deadlines_init(struct deadlines *d, uint64_t now_ns)
{
    *d = (struct deadlines){
        .since_ns = now_ns, .in_ns = now_ns, .out_ns = now_ns, .rate_since_ns = now_ns, .stage = WEIR_STAGE_COUNT};
}

void deadlines_received(struct deadlines *d, uint64_t octets, uint64_t now_ns)
{
    d->in_ns = now_ns;
    d->rate_octets += octets;
}

void deadlines_sent(struct deadlines *d, uint64_t now_ns)
{
    d->out_ns = now_ns;
}

static void restart_rate(struct deadlines *d, uint64_t now_ns)
{
    d->in_ns = now_ns;
    d->rate_since_ns = now_ns;
    d->rate_octets = 0;
}

void deadlines_observe(struct deadlines *d, const struct deadlines_sight *sight, uint64_t now_ns)
{
    bool same = sight->exchange == d->exchange;
    bool interim = same && sight->interims > d->interims;
    d->interims = sight->interims;
    if (sight->stage != d->stage || !same) {
        /* An interim response that came in pieces is no end of the wait for the final one. */
        bool waits_on =
            interim && !sight->restarts && sight->stage == WEIR_STAGE_HANDLER && d->stage == WEIR_STAGE_HEAD;
        uint64_t since_ns = waits_on ? d->wait_ns : now_ns;
        if (d->stage == WEIR_STAGE_HANDLER)
            d->wait_ns = d->since_ns;
        d->stage = (uint8_t)sight->stage;
        d->exchange = sight->exchange;
        d->since_ns = since_ns;
        restart_rate(d, now_ns);
    } else if (interim && sight->restarts) {
        d->since_ns = now_ns;
    }
    if (d->held && !sight->held)
        restart_rate(d, now_ns);
    d->held = sight->held;
    if (sight->writing && !d->writing)
        d->out_ns = now_ns;
    d->writing = sight->writing;
}

static void sooner(struct deadlines_due *due, uint64_t from_ns, uint64_t after_ns, weir_code code)
{
    uint64_t ns = deadlines_add(from_ns, after_ns);
    if (ns < due->ns)
        *due = (struct deadlines_due){.ns = ns, .code = code};
}

/* How long what came pays for, at the least rate. */
static uint64_t paid_ns(uint64_t octets, uint64_t rate)
{
    if (rate == 0 || rate == WEIR_UNLIMITED)
        return WEIR_NEVER;
    uint64_t seconds = octets / rate;
    if (seconds > WEIR_NEVER / WEIR_SECOND - 1)
        return WEIR_NEVER;
    return seconds * WEIR_SECOND + (octets % rate) * WEIR_SECOND / rate;
}

struct deadlines_due deadlines_next(const struct deadlines *d, const weir_limits *limits, weir_role role)
{
    struct deadlines_due due = {.ns = WEIR_NEVER, .code = WEIR_OK};
    if (d->writing)
        sooner(&due, d->out_ns > d->watch_ns ? d->out_ns : d->watch_ns, limits->write_timeout_ns,
               WEIR_CODE_write_timeout);
    switch ((weir_stage)d->stage) {
    case WEIR_STAGE_HEAD:
        sooner(&due, d->since_ns, limits->head_timeout_ns, WEIR_CODE_head_timeout);
        break;
    case WEIR_STAGE_BODY:
        if (d->held)
            break;
        sooner(&due, d->in_ns, limits->body_timeout_ns, WEIR_CODE_body_timeout);
        uint64_t paid = paid_ns(d->rate_octets, limits->body_rate_min);
        uint64_t grace = limits->body_rate_grace_ns;
        sooner(&due, d->rate_since_ns, paid > grace ? paid : grace, WEIR_CODE_body_too_slow);
        break;
    case WEIR_STAGE_HANDLER:
        if (role == WEIR_ROLE_SERVER)
            sooner(&due, d->since_ns, limits->handler_timeout_ns, WEIR_CODE_handler_timeout);
        else if (!d->held && !d->writing) /* of a request that is whole, and out */
            sooner(&due, d->out_ns > d->since_ns ? d->out_ns : d->since_ns, limits->response_timeout_ns,
                   WEIR_CODE_response_timeout);
        break;
    case WEIR_STAGE_TUNNEL:
        sooner(&due, d->in_ns > d->out_ns ? d->in_ns : d->out_ns, limits->tunnel_timeout_ns, WEIR_CODE_idle_timeout);
        break;
    default:
        break;
    }
    return due;
}
