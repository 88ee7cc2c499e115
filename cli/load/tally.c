#include "load/tally.h"

#include <string.h>

bool load_tally_init(struct load_tally *tally)
{
    memset(tally, 0, sizeof(*tally));
    bool latency = histogram_init(&tally->latency, HISTOGRAM_LATENCY);
    bool first = histogram_init(&tally->first_octet, HISTOGRAM_LATENCY);
    bool connect = histogram_init(&tally->connect, HISTOGRAM_LATENCY);
    return latency && first && connect;
}

void load_tally_fini(struct load_tally *tally)
{
    histogram_fini(&tally->latency);
    histogram_fini(&tally->first_octet);
    histogram_fini(&tally->connect);
}

static void add_all(uint64_t *into, const uint64_t *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        into[i] += from[i];
}

#define ADD_ALL(field) add_all(into->field, from->field, sizeof(into->field) / sizeof(into->field[0]))

bool load_tally_add(struct load_tally *into, const struct load_tally *from)
{
    if (from->reason > into->reason)
        into->reason = from->reason;
    into->dialled += from->dialled;
    into->opened += from->opened;
    if (into->reason == LOAD_REASON_NO_CONNECTION && into->opened > 0) /* another thread had one */
        into->reason = LOAD_REASON_SERVER_GONE;
    ADD_ALL(failed);
    ADD_ALL(by_code);
    ADD_ALL(by_outcome);
    ADD_ALL(by_class);
    ADD_ALL(by_delivery);
    into->octets_in += from->octets_in;
    into->octets_out += from->octets_out;
    into->begun += from->begun;
    ADD_ALL(exchanges);
    ADD_ALL(status);
    into->cut_as_asked += from->cut_as_asked;
    into->not_as_expected += from->not_as_expected;
    into->planned_unsent += from->planned_unsent;
    into->measured += from->measured;
    /* Threads measure side by side. */
    if (from->measured_ns > into->measured_ns)
        into->measured_ns = from->measured_ns;
    into->measured_octets += from->measured_octets;
    ADD_ALL(errors);
    for (size_t i = 0; i < LOAD_SCENARIOS_MAX; i++) {
        into->scenarios[i].connections += from->scenarios[i].connections;
        into->scenarios[i].exchanges += from->scenarios[i].exchanges;
        into->scenarios[i].complete += from->scenarios[i].complete;
    }
    return histogram_add(&into->latency, &from->latency) && histogram_add(&into->first_octet, &from->first_octet) &&
           histogram_add(&into->connect, &from->connect);
}

static void settle(struct histogram *h, struct load_repeated *last)
{
    if (last->count > 0)
        histogram_record_many(h, last->value, last->count);
    last->count = 0;
}

void load_tally_settle(struct load_tally *tally)
{
    settle(&tally->latency, &tally->latency_last);
    settle(&tally->first_octet, &tally->first_octet_last);
}

uint64_t load_tally_errors(const struct load_tally *tally)
{
    uint64_t sum = tally->not_as_expected;
    for (size_t i = 0; i < WEIR_CODE_COUNT; i++)
        sum += tally->errors[i];
    return sum;
}

uint64_t load_tally_unsent(const struct load_tally *tally, uint64_t requests)
{
    if (requests == UINT64_MAX)
        return tally->planned_unsent;
    return requests > tally->begun ? requests - tally->begun : 0;
}

uint64_t load_tally_status_class(const struct load_tally *tally, unsigned digit)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < LOAD_STATUS_COUNT; i++)
        if ((i >= 100 && i < 600 ? i / 100 : 0) == digit)
            sum += tally->status[i];
    return sum;
}

double load_tally_rate(const struct load_tally *tally)
{
    return tally->measured_ns == 0 ? 0 : (double)tally->measured * 1e9 / (double)tally->measured_ns;
}
