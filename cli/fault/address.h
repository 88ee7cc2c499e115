/* Addresses of `weir fault`: HOST:PORT, [v6]:PORT, unix:PATH; for listening :PORT too, which is every address. */
#ifndef CLI_FAULT_ADDRESS_H
#define CLI_FAULT_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define FAULT_ADDRESS_TEXT 160
#define FAULT_ADDRESSES    8 /* of a name with more, the first ones are tried */

struct fault_address {
    struct sockaddr_storage place;
    socklen_t size;
};

struct fault_addresses {
    struct fault_address all[FAULT_ADDRESSES];
    size_t count;
};

/* Names are looked up, which may take a while. On failure `why` says so: FAULT_ADDRESS_BAD for what is no address. */
enum fault_address_result { FAULT_ADDRESS_OK, FAULT_ADDRESS_BAD, FAULT_ADDRESS_UNKNOWN };
enum fault_address_result fault_address_find(struct fault_addresses *out, const char *text, bool listens, char *why,
                                             size_t size);

/* A socket that listens, non-blocking, or -1 with errno. The file of a unix socket that nobody listens on is
 * replaced. */
int fault_address_listen(const struct fault_address *address);
/* Takes the file of a unix socket away. */
void fault_address_unlisten(const struct fault_address *address);
/* A socket on its way, non-blocking, or -1 with errno. */
int fault_address_dial(const struct fault_address *address);

/* "127.0.0.1:80", "[::1]:80", "unix:/path", or "unix:" for a peer without a name. */
void fault_address_text(const struct fault_address *address, char text[FAULT_ADDRESS_TEXT]);
/* Of the socket itself, or of its peer. */
void fault_address_of(int fd, bool peer, char text[FAULT_ADDRESS_TEXT]);

#endif
