/* The head of one part of a form: lines to fields, and what Content-Disposition says (RFC 7578, 4.2). Pure. */
#ifndef COMFORT_FORM_HEAD_H
#define COMFORT_FORM_HEAD_H

#include <weir/form.h>

/* `head` is whole lines that end in CRLF, with the empty one. `fields` has room for `fields_max`, `names` for
 * head.len octets: what `part` shows is in these three. `bad_form`, `form_limit`. */
weir_code form_head_parse(weir_form_part *part, weir_str head, weir_field *fields, size_t fields_max, char *names);

#endif
