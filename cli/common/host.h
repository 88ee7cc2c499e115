/* The host that a request names. A stranger's page can give a name of its own the address of this machine (DNS rebinding),
 * and then read what is answered here. It cannot make a browser send an address, or localhost, in place of that name. */
#ifndef CLI_COMMON_HOST_H
#define CLI_COMMON_HOST_H

#include <weir/base.h>

#define HOST_TEXT 64

/* The host of an authority without its port and brackets. False: there is none, or it does not fit in. */
bool host_of(weir_str authority, char host[HOST_TEXT]);
/* An address in numbers, or localhost: no name that somebody else can point here. */
bool host_is_literal(const char *host);

#endif
