#include "load/ledger.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "load/worker.h"

/* --- the ledger of the server ----------------------------------------------------------------------------------- */

static uint64_t number(const json_t *object, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value > 0 ? (uint64_t)value : 0;
}

static bool read_ledger(struct load_ledger *ledger, weir_str text)
{
    json_t *document = json_loadb(text.ptr, text.len, 0, NULL);
    json_t *codes = json_object_get(document, "by_code"), *exchanges = json_object_get(document, "exchanges"), *value;
    const char *name;
    *ledger = (struct load_ledger){.accepted = number(document, "accepted"),
                                   .alive = number(document, "alive"),
                                   .exchanges_begun = number(exchanges, "begun"),
                                   .exchanges_done = number(exchanges, "done")};
    bool right = json_is_object(codes) && json_is_object(exchanges);
    if (right) {
        json_object_foreach(codes, name, value)
        {
            weir_code code = weir_code_find(weir_str_from(name));
            *(code == WEIR_CODE_COUNT ? &ledger->unknown_codes : &ledger->by_code[code]) +=
                (uint64_t)json_integer_value(value);
        }
    }
    json_decref(document);
    return right;
}

bool load_ledger_fetch(struct load_ledger *ledger, struct load_fetch *fetch, char *error, size_t error_size)
{
    if (!load_fetch_get(fetch, error, error_size))
        return false;
    if (read_ledger(ledger, text_view(&fetch->body))) {
        ledger->fetched = fetch->fetched;
        ledger->dials = fetch->dials;
        return true;
    }
    (void)snprintf(error, error_size, "%s: not a ledger of Weir's (expected /.weir/endings of weir demo)",
                   fetch->target.url);
    return false;
}

static void subtract(struct load_ledger *ledger, const struct load_ledger *before)
{
    ledger->accepted -= before->accepted;
    ledger->alive -= before->alive;
    ledger->unknown_codes -= before->unknown_codes;
    ledger->exchanges_begun -= before->exchanges_begun;
    ledger->exchanges_done -= before->exchanges_done;
    for (size_t i = 0; i < WEIR_CODE_COUNT; i++)
        ledger->by_code[i] -= before->by_code[i];
}

bool load_ledger_after(struct load_ledger *difference, struct load_fetch *fetch, const struct load_ledger *before,
                       uint64_t opened, uint64_t patience_ns, char *error, size_t error_size)
{
    uint64_t now_ns = load_now(), until_ns = patience_ns < WEIR_NEVER - now_ns ? now_ns + patience_ns : WEIR_NEVER;
    for (;;) {
        if (!load_ledger_fetch(difference, fetch, error, error_size))
            return false;
        if ((difference->alive <= before->alive && difference->accepted - before->accepted >= opened) ||
            load_now() >= until_ns)
            break;
        (void)nanosleep(&(struct timespec){.tv_nsec = 20 * (long)WEIR_MS}, NULL);
    }
    uint64_t fetched = difference->fetched - before->fetched;
    subtract(difference, before);
    /* The one before is begun in both, and done in this one; the last is begun in this one only. */
    difference->exchanges_begun -= fetched;
    difference->exchanges_done -= fetched;
    /* Its connection was closed meanwhile: for its idleness, as it did nothing else. */
    uint64_t dials = difference->dials - before->dials, *idle = &difference->by_code[WEIR_CODE_idle_timeout];
    difference->accepted -= dials;
    *idle -= dials < *idle ? dials : *idle;
    return true;
}

/* --- both sides ------------------------------------------------------------------------------------------------- */

static void add_row(struct load_ledger_table *table, int outcome, int code, uint64_t count)
{
    table->rows[table->row_count++] = (struct load_ledger_row){count, outcome, code};
    if (outcome < 0 || code < 0)
        table->matches = false;
}

void load_ledger_match(struct load_ledger_table *table, const struct load_ledger *server,
                       const struct load_tally *tally)
{
    uint64_t left[WEIR_CODE_COUNT];
    *table = (struct load_ledger_table){.server = *server, .opened = tally->opened, .begun = tally->begun};
    table->matches = server->accepted == tally->opened;
    memcpy(left, server->by_code, sizeof(left));
    /* In the order of the outcomes: those that leave one code only come before those that leave one of several. */
    for (int outcome = 0; outcome < LOAD_OUTCOME_COUNT; outcome++) {
        uint64_t need = tally->by_outcome[outcome];
        for (int code = 0; code < WEIR_CODE_COUNT && need > 0; code++) {
            uint64_t taken = left[code] < need ? left[code] : need;
            if (taken == 0 || !load_outcome_explains((enum load_outcome)outcome, (weir_code)code))
                continue;
            add_row(table, outcome, code, taken);
            left[code] -= taken;
            need -= taken;
        }
        if (need > 0)
            add_row(table, outcome, -1, need);
    }
    for (int code = 0; code < WEIR_CODE_COUNT; code++)
        if (left[code] > 0)
            add_row(table, -1, code, left[code]);
}

static const char *outcome_name(const struct load_ledger_row *row)
{
    return row->outcome < 0 ? "-" : load_outcome_name((enum load_outcome)row->outcome);
}

static const char *code_name(const struct load_ledger_row *row)
{
    return row->code < 0 ? "-" : weir_code_name((weir_code)row->code);
}

void load_ledger_text(struct text *out, const struct load_ledger_table *table)
{
    const struct load_ledger *server = &table->server;
    text_printf(out, "\n%-14s %9s   %-26s %9s\n", "here", "", "the server", "");
    text_printf(out, "  %-12s %9" PRIu64 "   %-26s %9" PRIu64 "%s\n", "connections", table->opened, "accepted",
                server->accepted, table->opened == server->accepted ? "" : "   does not match");
    text_printf(out, "  %-12s %9" PRIu64 "   %-26s %9" PRIu64 "%s\n", "exchanges", table->begun, "exchanges",
                server->exchanges_begun, table->begun == server->exchanges_begun ? "" : "   not all arrived");
    for (size_t i = 0; i < table->row_count; i++) {
        const struct load_ledger_row *row = &table->rows[i];
        char here[24] = "-", there[24] = "-";
        if (row->outcome >= 0)
            (void)snprintf(here, sizeof(here), "%" PRIu64, row->count);
        if (row->code >= 0)
            (void)snprintf(there, sizeof(there), "%" PRIu64, row->count);
        text_printf(out, "  %-12s %9s   %-26s %9s%s\n", outcome_name(row), here, code_name(row), there,
                    row->outcome < 0 || row->code < 0 ? "   does not match" : "");
    }
    text_printf(out, "%s\n", table->matches ? "Both ends agree." : "The two ends do not agree.");
}

void load_ledger_json(struct text *out, const struct load_ledger_table *table)
{
    text_printf(out,
                "{\"matches\":%s,\"accepted\":%" PRIu64 ",\"alive\":%" PRIu64 ",\"exchanges_begun\":%" PRIu64
                ",\"exchanges_done\":%" PRIu64 ",\"by_code\":{",
                table->matches ? "true" : "false", table->server.accepted, table->server.alive,
                table->server.exchanges_begun, table->server.exchanges_done);
    const char *between = "";
    for (int code = 0; code < WEIR_CODE_COUNT; code++) {
        if (table->server.by_code[code] == 0)
            continue;
        text_printf(out, "%s\"%s\":%" PRIu64, between, weir_code_name((weir_code)code), table->server.by_code[code]);
        between = ",";
    }
    text_printf(out, "},\"rows\":[");
    for (size_t i = 0; i < table->row_count; i++) {
        const struct load_ledger_row *row = &table->rows[i];
        text_printf(out, "%s{\"count\":%" PRIu64, i == 0 ? "" : ",", row->count);
        if (row->outcome >= 0)
            text_printf(out, ",\"outcome\":\"%s\"", outcome_name(row));
        if (row->code >= 0)
            text_printf(out, ",\"code\":\"%s\"", code_name(row));
        text_printf(out, "}");
    }
    text_printf(out, "]}");
}
