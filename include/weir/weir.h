/* weir/weir.h: all of Weir. */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include <weir/base.h>
#include <weir/client.h>
#include <weir/code.h>
#include <weir/conn.h>
#include <weir/ending.h>
#include <weir/error_answer.h>
#include <weir/engine.h>
#include <weir/exchange.h>
#include <weir/field.h>
#include <weir/ledger.h>
#include <weir/limits.h>
#include <weir/loop.h>
#include <weir/policy.h>
#include <weir/server.h>
#include <weir/uri.h>
#include <weir/url.h>

#endif
