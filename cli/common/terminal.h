/* Text of a peer that goes to a terminal: control octets in it could move the cursor, set the title, or type. Shown are C0 but
 * for tab, LF and CR, DEL, and C1 (alone, and as UTF-8 has it), as \\xNN. What goes elsewhere is left as it came. */
#ifndef CLI_COMMON_TERMINAL_H
#define CLI_COMMON_TERMINAL_H

#include <stdio.h>

#include <weir/base.h>

/* Writes octets to a stream, escaped if `shown` (it is a terminal). False with errno set: a write failed. UTF-8 that an octet
 * string cuts is escaped too. */
bool terminal_write(FILE *out, bool shown, weir_str octets);
/* The stream is a terminal. */
bool terminal_is(FILE *out);

#endif
