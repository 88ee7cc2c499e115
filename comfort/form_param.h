/* The parameters of a Content-Type or a Content-Disposition (RFC 9110, 5.6.6; RFC 7578, 4.2). */
#ifndef COMFORT_FORM_PARAM_H
#define COMFORT_FORM_PARAM_H

#include <weir/base.h>

/* The value before the first `;`, without blanks around it; `value` is moved on to that `;`. */
weir_str form_value_of(weir_str *value);

enum form_param { FORM_PARAM_NONE, FORM_PARAM_FOUND, FORM_PARAM_BAD };

/* The next `; NAME=VALUE`. `raw` is the value between its quotes, or a token. */
enum form_param form_param_next(weir_str *rest, weir_str *name, weir_str *raw);
/* `raw` with \" and \\ undone: at most `size` octets to `place`; returns how many there are. */
size_t form_unquote(char *place, size_t size, weir_str raw);

#endif
