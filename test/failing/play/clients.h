/* Raw clients that never block: each has a script, keeps count of what it was answered, and knows whether it was
 * cheated. */
#ifndef FAILING_CLIENTS_H
#define FAILING_CLIENTS_H

#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

/* What every body of this suite is made of, in both directions: the octets from `from` on, BODY_SIZE_MAX in all. */
#define BODY_SIZE_MAX 3000000
const char *body_octets(size_t from);
void body_init(void);
void body_fini(void);

struct client_script {
    const char *name;
    const char *request;   /* asked `times` times */
    size_t body_size;      /* of the request: follows its head */
    unsigned times;
    unsigned status;       /* of each answer */
    size_t answer_size;
    bool pipelined;        /* all at once; else each after the answer before */
    bool is_unix;
    bool rude;             /* leaves in the middle: with a reset after `leave_after` octets of answer */
    size_t leave_after;
    bool stays;            /* does not leave after its last answer: the server's drain must end it */
    bool server_closes;    /* its last request says close: the server's FIN is waited for */
};

struct client {
    const struct client_script *script;
    int fd; /* -1: has left */
    unsigned asked;
    unsigned answered;
    unsigned answered_before; /* on earlier connections */
    unsigned tries;      /* connections made */
    size_t request_size; /* octets to send of all that is asked so far */
    size_t sent;
    char head[1024];      /* of the answer that comes, terminated */
    size_t head_size;
    bool in_body;
    size_t body_got;
    bool cheated;         /* an answer that was due did not come whole, or is not what was asked for */
    bool done;
};

struct client_target {
    struct sockaddr_in tcp;
    const char *unix_path;
};

void client_begin(struct client *client, const struct client_script *script, const struct client_target *target);
/* What it waits for; `fd` is -1 when it has left. */
struct pollfd client_wants(const struct client *client);
void client_turn(struct client *client, const struct client_target *target);
void client_end(struct client *client);
/* It has what it came for, and only waits to be closed. */
bool client_is_content(const struct client *client);

#endif
