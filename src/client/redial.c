/* Dials that failed and are repeated. Under a retry policy a request that waits is as good as before when its origin
 * could not be reached: nothing of it was sent. So the origin rests, longer each time, and dials again for all that
 * still wait; each of them bears as many failures as it may be sent again. */
#include "client/client_internal.h"

#define PAUSE_FIRST_NS (100 * WEIR_MS)
#define PAUSE_MAX_NS   (2 * WEIR_SECOND)

/* It may be otherwise soon: a server that starts again, a network that comes back, descriptors that are given back.
 * Not so a name that is not known, an address that cannot be, or a proxy that says no. */
static bool may_pass(weir_code code)
{
    switch (code) {
    case WEIR_CODE_connect_refused:
    case WEIR_CODE_connect_unreachable:
    case WEIR_CODE_connect_timeout:
    case WEIR_CODE_resolve_timeout:
    case WEIR_CODE_address_unavailable:
    case WEIR_CODE_no_descriptors:
    case WEIR_CODE_no_memory:
        return true;
    default:
        return false;
    }
}

/* Less by up to a quarter: clients that lost the same server do not come back to it all at once. */
static uint64_t pause_ns(const struct client_origin *origin)
{
    uint64_t pause = PAUSE_FIRST_NS;
    for (unsigned i = 0; i < origin->failures && pause < PAUSE_MAX_NS; i++)
        pause *= 2;
    if (pause > PAUSE_MAX_NS)
        pause = PAUSE_MAX_NS;
    uint64_t mixed =
        (origin->client->home.config.seed ^ origin->hash ^ origin->failures) * UINT64_C(0x9e3779b97f4a7c15);
    return pause - (mixed >> 32) % (pause / 4);
}

static void on_rested(struct io_timer *timer)
{
    client_origin_is_due(BASE_CONTAINER(timer, struct client_origin, redial_pause));
}

bool client_redial(struct client_origin *origin, weir_code code, weir_stage stage)
{
    weir_client *client = origin->client;
    bool repeats = client->options.retry == WEIR_RETRY_PROVEN || client->options.retry == WEIR_RETRY_IDEMPOTENT;
    if (!repeats || !may_pass(code))
        return false;
    if (client_origin_rests(origin))
        return true; /* a parallel dial already failed and began the pause: count once */
    bool held = origin->held;
    origin->held = true;
    for (struct base_list *n = origin->waiting.next, *next = n->next; n != &origin->waiting; n = next) {
        struct client_call *call = BASE_CONTAINER(n, struct client_call, node);
        next = n->next;
        if (call->dials_failed++ >= client->options.retries_max)
            client_call_fail(call, code, stage);
    }
    origin->held = held; /* if nothing is left of it, it is due */
    if (!base_list_is_empty(&origin->waiting)) {
        origin->redial_pause.fired = on_rested;
        io_timer_start(client->home.loop, &origin->redial_pause,
                       deadlines_add(weir_loop_now(client->home.loop), pause_ns(origin)));
        if (origin->failures < UINT8_MAX)
            origin->failures++;
    }
    return true;
}

void client_redial_over(struct client_origin *origin)
{
    origin->failures = 0;
    io_timer_stop(origin->client->home.loop, &origin->redial_pause);
}
