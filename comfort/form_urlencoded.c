/* application/x-www-form-urlencoded (the URL standard of the WHATWG, 5.1), but strict about `%`. */
#include <weir/form.h>
#include <weir/uri.h>

/* One text, decoded to where `*at` is. */
static weir_code decode(weir_str *text, char *place, size_t size, size_t *at)
{
    size_t length;
    weir_code code = weir_uri_decode(*text, WEIR_URI_PLUS, place + *at, size - *at, &length);
    if (code != WEIR_OK)
        return code == WEIR_CODE_target_too_long ? WEIR_CODE_form_limit : code;
    *text = (weir_str){place + *at, length};
    *at += length;
    return WEIR_OK;
}

weir_code weir_form_decode(weir_str content, char *place, size_t size, weir_field *pairs, size_t *count)
{
    size_t room = *count, at = 0;
    weir_str name, value;
    *count = 0;
    while (weir_query_next(&content, &name, &value)) {
        if (*count == room)
            return WEIR_CODE_form_limit;
        weir_code code = decode(&name, place, size, &at);
        if (code == WEIR_OK)
            code = decode(&value, place, size, &at);
        if (code != WEIR_OK)
            return code;
        pairs[(*count)++] = (weir_field){name, value};
    }
    return WEIR_OK;
}
