/* Text of a peer that goes to a terminal. Control octets in it could move the cursor, set the title, or type. They are
 * shown as \xNN: C0 but for tab, LF and CR; DEL; and C1, alone and as UTF-8 has it. Text for a file or a pipe is left as
 * it came. */
#ifndef CLI_COMMON_TERMINAL_H
#define CLI_COMMON_TERMINAL_H

#include <stdio.h>

#include <weir/base.h>

/* Writes octets to a stream, escaped if `shown` (it is a terminal). A UTF-8 sequence that `octets` cuts is escaped too.
 * False with errno set: a write failed. */
bool terminal_write(FILE *out, bool shown, weir_str octets);
/* The stream is a terminal. */
bool terminal_is(FILE *out);

#endif
