/* weir/uri.h: percent-encoding in paths and queries (RFC 3986, 2.1), and the parameters of a query.
 *
 *     char name[256];
 *     size_t size;
 *     weir_str value;
 *     if (weir_query_find(weir_request_query(x), WEIR_STR("name"), 0, &value) &&
 *         weir_uri_decode(value, 0, name, sizeof name, &size) == WEIR_OK)
 *         use(name, size);
 *
 * Take a path or a query apart first, and decode the pieces after that: a decoded piece may hold `/`, `&` and `=`. It
 * may hold `..`, blanks and controls too: check it before it names a file. All functions are pure.
 */
#ifndef WEIR_URI_H
#define WEIR_URI_H

#include <weir/base.h>
#include <weir/code.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Options of decoding, to be added; 0 is none. */
typedef enum weir_uri_option {
    WEIR_URI_PLUS = 1, /* `+` is a blank: in forms, and in queries that a form made; never in a path */
    WEIR_URI_NUL = 2   /* %00 is decoded; default: refused, as terminated strings end there */
} weir_uri_option;

/* Undoes percent-encoding. `place` has room for `size` octets, which text.len always suffices for; it may be the
 * memory of `text` itself. `*length` is set to the octets that are in `place`, which are not terminated.
 * `bad_escape`: a `%` without two hexadecimal digits behind it, or %00; `*length` is its offset in `text`.
 * `target_too_long`: more than `size` octets. After a refusal `place` holds no octets of use. */
WEIR_API WEIR_MUST_USE weir_code weir_uri_decode(weir_str text, unsigned options, char *place, size_t size,
                                                 size_t *length);
/* The same in place: `*length` octets at `text` before, and as many as are left after. */
WEIR_API WEIR_MUST_USE weir_code weir_uri_decode_in_place(char *text, unsigned options, size_t *length);
/* `octets` as one segment of a path, or as a name or value in a query: letters, digits and `-._~` stand (RFC 3986,
 * 2.3), all others are percent-encoded, in upper case. Terminated, cut at `size` between two octets; returns the
 * whole length. */
WEIR_API size_t weir_uri_encode(char *text, size_t size, weir_str octets);

/* One parameter of a query after another: NAME=VALUE between `&`; empty ones are skipped. `rest` starts as the query
 * and is moved on. The views are not decoded. `value` has a null pointer where no `=` stands. False at the end. */
WEIR_API bool weir_query_next(weir_str *rest, weir_str *name, weir_str *value);
/* The value of the first parameter whose name is `name` once decoded with `options`. The value is not decoded; a
 * parameter without `=` has an empty one. False if there is none. */
WEIR_API bool weir_query_find(weir_str query, weir_str name, unsigned options, weir_str *value);

#ifdef __cplusplus
}
#endif
#endif
