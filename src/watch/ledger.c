#include "watch/ledger.h"

static const char *code_name(unsigned value)
{
    return weir_code_name((weir_code)value);
}

static const char *stage_name(unsigned value)
{
    return weir_stage_name((weir_stage)value);
}

static const char *how_name(unsigned value)
{
    return weir_how_name((weir_how)value);
}

static const char *by_name(unsigned value)
{
    return weir_by_name((weir_by)value);
}

static const char *delivery_name(unsigned value)
{
    return weir_delivery_name((weir_delivery)value);
}

static const char *class_name(unsigned value)
{
    return weir_class_name((weir_class)value);
}

void watch_ledger_ended(struct watch_tally tallies[WATCH_ENDED_TALLIES], const weir_ledger *l)
{
    tallies[0] = (struct watch_tally){"code", "ended by code", l->ended_by_code, WEIR_CODE_MAX, code_name};
    tallies[1] = (struct watch_tally){"stage", "ended in stage", l->ended_by_stage, WEIR_STAGE_COUNT, stage_name};
    tallies[2] = (struct watch_tally){"how", "ended how", l->ended_by_how, WEIR_HOW_COUNT, how_name};
    tallies[3] = (struct watch_tally){"by", "ended by", l->ended_by_by, WEIR_BY_COUNT, by_name};
    tallies[4] = (struct watch_tally){"delivery", "delivery", l->ended_by_delivery, WEIR_DELIVERY_COUNT, delivery_name};
    tallies[5] = (struct watch_tally){"class", "class", l->ended_by_class, WEIR_CLASS_COUNT, class_name};
}

void watch_ledger_exchanges(struct watch_tally tallies[WATCH_EXCHANGE_TALLIES], const weir_ledger *l)
{
    tallies[0] = (struct watch_tally){"code", "exchanges by code", l->exchanges_by_code, WEIR_CODE_MAX, code_name};
    tallies[1] = (struct watch_tally){"delivery", "exchanges by delivery", l->exchanges_by_delivery,
                                      WEIR_DELIVERY_COUNT, delivery_name};
}

uint64_t watch_tally_sum(const struct watch_tally *tally)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < tally->count; i++)
        sum += tally->counts[i];
    return sum;
}

uint64_t watch_ledger_ended_sum(const weir_ledger *ledger)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < WEIR_CODE_MAX; i++)
        sum += ledger->ended_by_code[i];
    return sum;
}

const char *watch_ledger_imbalance(const weir_ledger *l)
{
    struct watch_tally tallies[WATCH_ENDED_TALLIES];
    uint64_t ended = watch_ledger_ended_sum(l);
    if (l->accepted != l->alive + ended)
        return "accepted is not alive + ended";
    watch_ledger_ended(tallies, l);
    for (size_t i = 0; i < WATCH_ENDED_TALLIES; i++)
        if (watch_tally_sum(&tallies[i]) != ended)
            return "the tables of endings do not have the same sum";
    if (l->exchanges_done > l->exchanges_begun)
        return "more exchanges done than begun";
    if (l->alive == 0 && l->exchanges_done != l->exchanges_begun)
        return "no connection is alive, and not all exchanges are done";
    if (l->octets_queued != l->octets_acked + l->octets_unacked + l->octets_unsent + l->octets_in_flight)
        return "octets queued are not acknowledged + unacknowledged + unsent + in flight";
    return NULL;
}
