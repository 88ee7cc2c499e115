/* The application of the server: a handler that answers by the number of a request, and remembers what it was given and
 * what it was told. A target is /NUMBER/KIND/SIZE/DELAY: the kind of answer, its octets, and how many milliseconds it
 * takes to begin. */
#ifndef SIM_APP_H
#define SIM_APP_H

#include <weir/server.h>

enum app_kind {
    APP_COPY,
    APP_BORROW,
    APP_STREAM,
    APP_SIZED,
    APP_CLOSE,   /* says that the connection closes after it */
    APP_INTERIM, /* 103 first */
    APP_EMPTY,   /* 204 */
    APP_EARLY,   /* answers without waiting for the content */
    APP_REFUSE,  /* and does not want it */
    APP_SLOW,    /* pauses the content now and then */
    APP_HEAD_CLOSE, /* a Connection: close field of its own */
    APP_FILE, /* from a file with the pattern in it */
    /* From here on the application itself does not keep its word. */
    APP_ABORT,
    APP_ABORT_LATER, /* within the answer */
    APP_UNDERRUN,
    APP_KINDS
};

#define APP_NUMBERS_MAX 512
/* Content is this pattern from a place that the number decides. */
#define APP_SIZE_MAX 400000
const char *app_pattern(unsigned number);

struct app_exchange {
    unsigned number;
    enum app_kind kind;
    uint64_t connection;
    uint16_t port;
    uint64_t size;
    uint64_t content; /* octets of the request's body that came */
    uint64_t written;
    weir_exchange *x; /* while it lives */
    weir_timer *timer;
    bool head; /* a HEAD */
    bool spoilt; /* of a peer whose octets are garbage */
    bool begun, whole, answered, aborted, done;
    weir_code code;
    weir_delivery delivery;
};

struct app {
    struct app_exchange exchanges[APP_NUMBERS_MAX];
    weir_loop *loop;
    unsigned *seen; /* with a client: how often each of its requests was taken; exchanges are in order, not by number */
    unsigned taken;
    uint64_t unnumbered; /* exchanges whose target is none of ours */
    uint64_t living;
};

extern const weir_handler app_handler;
void app_begin(struct app *app, weir_loop *loop);
/* Nothing of an exchange may be left. */
void app_check_over(const struct app *app);

#endif
