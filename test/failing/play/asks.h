/* What the scenes of a client ask, and what came of each request. */
#ifndef FAILING_ASKS_H
#define FAILING_ASKS_H

#include <weir/weir.h>

#include "raw.h"

enum ask_client { ASK_PLAIN, ASK_PROXIED, ASK_DOOMED, ASK_CLIENTS };

/* When it is sent: at once; after raw servers closed what was idle; to clients that have been through it all; to the
 * one that is freed with all that it has. */
enum ask_when { ASK_FIRST, ASK_STALE, ASK_WITNESS, ASK_LAST };

struct ask_script {
    const char *name;
    enum ask_when when;
    enum ask_client client;
    const char *host; /* its port is that of the raw server, or the dead one; null: the unix socket */
    const char *target;
    weir_body_kind body;
    bool expect;   /* Expect: 100-continue */
    bool dead;     /* nobody listens there */
    bool gives_up; /* at once */
    bool leaves;   /* after the first octets of the answer */
    size_t times;
};

struct ask {
    const struct ask_script *script;
    weir_exchange *x;
    weir_code refused; /* by weir_client_send: nothing else comes */
    unsigned done;
    weir_exchange_ending ending;
    unsigned status;
    size_t got, written;
    bool cheated; /* octets that are not of the pattern, or a callback too many */
    bool whole;   /* `end` was called */
};

struct ask_place {
    const struct raw *raw;
    uint16_t dead_port;
    const char *unix_path;
    int file; /* RAW_FILE_SIZE octets of the pattern */
};

#define RAW_FILE_SIZE 200000

extern const struct ask_script ask_scripts[];
extern const size_t ask_script_count;
#define ASKS_MAX 40

void ask_send(struct ask *ask, const struct ask_script *script, weir_client *client, const struct ask_place *place);
bool ask_is_over(const struct ask *ask);
/* It came to what it should have come to. */
bool ask_is_content(const struct ask *ask);
/* Null: it is as it may be, content or not. */
const char *ask_complaint(const struct ask *ask);

#endif
