/* A case at work: its octets go through an engine, cut as is said, and what happens is written down. */
#ifndef CASES_SCRIPT_H
#define CASES_SCRIPT_H

#include "page.h"

/* How octets are cut. */
struct cut {
    size_t block; /* the IN block that is cut at `at`, counted among the blocks of the case; the others come whole */
    size_t at;    /* 0: whole */
    bool every_octet; /* all blocks, each octet by itself */
};

/* Adds the log of one run. False, with a line that says why, for a case that is wrong in itself. */
bool script_run(const struct page_case *c, struct cut cut, struct text *log);

#endif
