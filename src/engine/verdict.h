/* What a code says by itself, and the class of an ending by expectation: role, stage and delivery, never errno alone. */
#ifndef ENGINE_VERDICT_H
#define ENGINE_VERDICT_H

#include <weir/ending.h>

weir_how verdict_how(weir_code code);
weir_by verdict_by(weir_code code);
weir_class verdict_class(weir_code code, weir_delivery delivery);

#endif
