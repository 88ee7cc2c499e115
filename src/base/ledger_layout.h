/* A ledger as the program has it, by its size: today's, or that of 0.1, whose arrays have no spare room. */
#ifndef BASE_LEDGER_LAYOUT_H
#define BASE_LEDGER_LAYOUT_H

#include <weir/ledger.h>

/* Fills a program's ledger; its `size` says which one it is. Values that it has no place for are counted elsewhere
 * in the same array (weir/ledger.h says where), so that its sums hold. */
void base_ledger_give(weir_ledger *theirs, const weir_ledger *ours);
/* Reads a program's ledger. What is behind its end is zero. */
void base_ledger_take(weir_ledger *ours, const weir_ledger *theirs);

#endif
