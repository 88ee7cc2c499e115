/* weir/url.h: what a client needs to know of URLs besides asking for them: where a Location leads (RFC 3986, 5). */
#ifndef WEIR_URL_H
#define WEIR_URL_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The URL that `reference`, found at the http URL `base`, stands for, without its fragment: RFC 3986, 5.2.
 * Terminated, cut at `size`; what snprintf would return; -1 when either is malformed, or the reference has userinfo
 * (RFC 9110, 4.2.4). */
WEIR_API int weir_url_resolve(char *text, size_t size, weir_str base, weir_str reference);
/* Both are URLs of one origin: scheme, host and port (RFC 9110, 4.3.1), whatever the letters' case. */
WEIR_API bool weir_url_same_origin(weir_str a, weir_str b);

#ifdef __cplusplus
}
#endif
#endif
