#include "engine/verdict.h"

struct row {
    uint8_t how, by, usual;
};

static const struct row rows[] = {
#define X(name, how, by, judged, status, h2, text, advice) {WEIR_HOW_##how, WEIR_BY_##by, WEIR_CLASS_##judged},
    WEIR_CODE_TABLE(X)
#undef X
};

weir_how verdict_how(weir_code code)
{
    return (weir_how)rows[code].how;
}

weir_by verdict_by(weir_code code)
{
    return (weir_by)rows[code].by;
}

weir_class verdict_class(weir_code code, weir_delivery delivery)
{
    const struct row *row = &rows[code];
    if (row->usual != WEIR_CLASS_ROUTINE)
        return (weir_class)row->usual;
    if (delivery != WEIR_DELIVERY_PARTIAL && delivery != WEIR_DELIVERY_LOST)
        return WEIR_CLASS_ROUTINE;
    /* An expected end, but an owed answer did not arrive: by the peer's leaving, or by our doing. */
    return row->by == WEIR_BY_PEER ? WEIR_CLASS_NOTABLE : WEIR_CLASS_FAULT;
}
