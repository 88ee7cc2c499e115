/* What the server of this suite answers: every kind of body, from every place that may answer. */
#ifndef FAILING_HANDLER_H
#define FAILING_HANDLER_H

#include <weir/weir.h>

#define FILE_SIZE   200000
#define BIG_SIZE    3000000
#define STREAM_SIZE 150000
#define SMALL_SIZE  40

struct handler_app {
    int file;             /* FILE_SIZE octets of the pattern */
    const char *octets;   /* BIG_SIZE of it */
    unsigned begun, done; /* exchanges */
};

extern const weir_handler handler_table;

#endif
