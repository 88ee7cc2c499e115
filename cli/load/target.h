/* Where `weir load` connects to: a URL, taken apart and resolved before the run. */
#ifndef CLI_LOAD_TARGET_H
#define CLI_LOAD_TARGET_H

#include <stdio.h>
#include <sys/socket.h>

#include <weir/weir.h>

struct load_target {
    const char *url;     /* as it was given; kept */
    char *path;          /* origin-form: "/path?query"; owned */
    char *host;          /* the Host field; owned */
    struct sockaddr_storage address;
    socklen_t address_size;
    char text[160];      /* the address, for people */
};

/* `url`: http://HOST[:PORT][/PATH][?QUERY] or unix:PATH; `unix_path`: connect there, whatever the host is, or null.
 * Names are resolved with getaddrinfo; of several addresses the first that takes a connection is used. False: `error`
 * has one sentence, and `usage` says whether the URL was wrong (or else the name or the host). */
WEIR_MUST_USE bool load_target_init(struct load_target *target, const char *url, const char *unix_path, char *error,
                                    size_t error_size, bool *usage);
void load_target_fini(struct load_target *target);

#endif
