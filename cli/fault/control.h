/* The control of a running `weir fault`: a small HTTP API, on the loop of the proxy.
 *
 *     GET    /                   what is: seed, routes with their faults, endings by code
 *     GET    /routes/N           one route, from 1 on
 *     PUT    /faults             sets the faults of all routes: {"latency":"50ms","refuse":true}
 *     DELETE /faults             clears them
 *     PUT, DELETE /routes/N/faults   the same for one
 *
 * Who reaches it may do all of that. It listens on a loopback address or a unix socket, unless it is told otherwise;
 * and a page in a browser here does not reach it by a name that it made point here: the Host of a request has to be an
 * address, or localhost. */
#ifndef CLI_FAULT_CONTROL_H
#define CLI_FAULT_CONTROL_H

#include "fault/proxy.h"

struct fault_control;

/* Whether only this host reaches the address. */
bool fault_control_is_local(const struct fault_address *address);
/* Listens. Null: `error` says why not. `listen` is not kept. */
struct fault_control *fault_control_open(struct fault_proxy *proxy, const char *listen, bool remote, weir_error *error);
/* "http://127.0.0.1:80/", or "unix:PATH". */
void fault_control_url(const struct fault_control *control, char *text, size_t size);
/* The proxy is about to end: true once the control has ended too. Null has. */
bool fault_control_ends(struct fault_control *control);
void fault_control_close(struct fault_control *control);

/* Reads faults by words from a document. False: `error` says what is wrong. */
bool fault_control_read(struct fault_wish *wish, const json_t *faults, char *error, size_t size);
/* Whether a request with such a Host is answered: `remote` as --control-remote. */
bool fault_control_host_fits(weir_str authority, bool remote);

#endif
