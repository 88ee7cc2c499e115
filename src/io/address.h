/* Addresses: from the kernel's form, to text, and the text of an address to listen on taken apart. */
#ifndef IO_ADDRESS_H
#define IO_ADDRESS_H

#include <sys/socket.h>
#include <weir/code.h>
#include <weir/ending.h>

/* An IPv4 address mapped into IPv6, as a dual-stack listener sees it, becomes the IPv4 one. */
void io_address_from(weir_address *address, const struct sockaddr_storage *from, socklen_t size);

enum io_place_kind { IO_PLACE_TCP, IO_PLACE_UNIX, IO_PLACE_SYSTEMD };

/* Views into the text that was taken apart. */
struct io_place {
    enum io_place_kind kind;
    weir_str host; /* of TCP; empty: all addresses */
    bool is_ipv6;  /* the host stood in brackets */
    uint16_t port;
    weir_str path; /* of a unix socket */
};

/* HOST:PORT, [v6]:PORT, :PORT, unix:PATH, systemd. bad_address if it is none of them. */
WEIR_MUST_USE weir_code io_place_parse(struct io_place *place, weir_str text, weir_error *error);

/* Fills in `error`, which may be null, and returns `code`. */
weir_code io_fail(weir_error *error, weir_code code, int os, const char *format, ...) WEIR_PRINTF(4, 5);
/* The code for an errno of opening, binding or watching a socket. */
weir_code io_code_of_errno(int os);

#endif
