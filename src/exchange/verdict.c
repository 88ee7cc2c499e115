#include "exchange/verdict.h"

weir_class verdict_class(weir_code code, weir_delivery delivery)
{
    weir_class usual = weir_code_class(code);
    if (usual != WEIR_CLASS_ROUTINE)
        return usual;
    if (delivery != WEIR_DELIVERY_PARTIAL && delivery != WEIR_DELIVERY_LOST)
        return WEIR_CLASS_ROUTINE;
    /* An expected end, but an owed answer did not arrive: by the peer's leaving, or by our doing. */
    return weir_code_by(code) == WEIR_BY_PEER ? WEIR_CLASS_NOTABLE : WEIR_CLASS_FAULT;
}
