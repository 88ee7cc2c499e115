/* The class of an ending by expectation: what its cause usually is, and what the peer got; never errno alone. */
#ifndef EXCHANGE_VERDICT_H
#define EXCHANGE_VERDICT_H

#include <weir/ending.h>

weir_class verdict_class(weir_code code, weir_delivery delivery);

#endif
