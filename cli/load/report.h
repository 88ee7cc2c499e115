/* What `weir load` says at its end: for people, and for programs. */
#ifndef CLI_LOAD_REPORT_H
#define CLI_LOAD_REPORT_H

#include "load/options.h"
#include "load/tally.h"
#include "common/text.h"

struct load_ledger_table;
struct load_fail_result;

/* What a run came to. */
struct load_result {
    const struct load_options *options;
    const struct load_tally *tally;
    const struct load_ledger_table *table; /* null: the server was not asked */
    const struct load_fail_result *fails; /* of --fail-if, in their order */
    uint64_t began_unix_ns;
    bool interrupted;
    size_t width; /* of the terminal that the report goes to; 0: it goes elsewhere */
};

void load_report_text(struct text *out, const struct load_result *result);
void load_report_json(struct text *out, const struct load_result *result);
/* `,"NAME":{...}`: counts, moments, percentiles and the whole of it, encoded. */
void load_report_histogram_json(struct text *out, const char *name, const struct histogram *histogram);
/* `1.23 ms`: three digits and a unit. */
void load_report_time(char text[16], uint64_t ns);

#endif
