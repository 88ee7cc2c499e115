#include "form_param.h"

#include <string.h>

#include <weir/field.h>

static weir_str behind(weir_str text, size_t n)
{
    return (weir_str){text.ptr + n, text.len - n};
}

static weir_str skip_blanks(weir_str text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
        text = behind(text, 1);
    return text;
}

static size_t until(weir_str text, const char *ends)
{
    size_t n = 0;
    while (n < text.len && (text.ptr[n] == '\0' || strchr(ends, text.ptr[n]) == NULL))
        n++;
    return n;
}

weir_str form_value_of(weir_str *value)
{
    weir_str text = skip_blanks(*value);
    if (text.len == 0) /* an absent field has a null pointer, on which no arithmetic is defined */
        return text;
    weir_str first = {text.ptr, until(text, "; \t")};
    *value = behind(text, first.len);
    return first;
}

/* The octets of a quoted string up to its closing quote, after the opening one; false: it is not closed. */
static bool quoted_size(weir_str text, size_t *size)
{
    size_t n = 0;
    while (n < text.len && text.ptr[n] != '"')
        n += text.ptr[n] == '\\' && n + 1 < text.len && (text.ptr[n + 1] == '"' || text.ptr[n + 1] == '\\') ? 2 : 1;
    *size = n;
    return n < text.len;
}

enum form_param form_param_next(weir_str *rest, weir_str *name, weir_str *raw)
{
    do {
        *rest = skip_blanks(*rest);
        if (rest->len == 0)
            return FORM_PARAM_NONE;
        if (rest->ptr[0] != ';')
            return FORM_PARAM_BAD;
        *rest = skip_blanks(behind(*rest, 1));
    } while (rest->len == 0 || rest->ptr[0] == ';'); /* an empty parameter (RFC 9110, 5.6.6) */
    *name = (weir_str){rest->ptr, until(*rest, "=; \t\"")};
    *rest = behind(*rest, name->len);
    if (!weir_field_name_valid(*name) || rest->len < 2 || rest->ptr[0] != '=')
        return FORM_PARAM_BAD;
    *rest = behind(*rest, 1);
    bool quoted = rest->ptr[0] == '"';
    if (quoted)
        *rest = behind(*rest, 1);
    size_t size = until(*rest, "; \t");
    if (quoted && !quoted_size(*rest, &size))
        return FORM_PARAM_BAD;
    *raw = (weir_str){rest->ptr, size};
    *rest = behind(*rest, size + quoted);
    return quoted || weir_field_name_valid(*raw) ? FORM_PARAM_FOUND : FORM_PARAM_BAD;
}

size_t form_unquote(char *place, size_t size, weir_str raw)
{
    size_t put = 0;
    for (size_t i = 0; i < raw.len; i++, put++) {
        if (raw.ptr[i] == '\\' && i + 1 < raw.len && (raw.ptr[i + 1] == '"' || raw.ptr[i + 1] == '\\'))
            i++;
        if (put < size)
            place[put] = raw.ptr[i];
    }
    return put;
}
