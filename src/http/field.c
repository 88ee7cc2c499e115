#include <weir/field.h>

#include "http/chars.h"
#include "http/scan.h"

static const weir_field *find_from(weir_fields fields, size_t index, weir_str name)
{
    for (; index < fields.count; index++) {
        if (weir_str_equal_nocase(fields.list[index].name, name))
            return &fields.list[index];
    }
    return NULL;
}

const weir_field *weir_fields_find(weir_fields fields, weir_str name)
{
    return find_from(fields, 0, name);
}

const weir_field *weir_fields_find_next(weir_fields fields, const weir_field *after)
{
    return find_from(fields, (size_t)(after - fields.list) + 1, after->name);
}

weir_str weir_fields_value(weir_fields fields, weir_str name)
{
    const weir_field *field = weir_fields_find(fields, name);
    if (field == NULL)
        return (weir_str){NULL, 0};
    /* Null means absent, so that a value that is there and empty must have a pointer. */
    return field->value.ptr != NULL ? field->value : WEIR_STR("");
}

/* Octets of the first member, up to a comma that is not within a quoted string. One that is not closed reaches to the
 * end: a comma in it is never taken for a separator. */
static size_t member_size(weir_str list)
{
    bool quoted = false;
    size_t i = 0;
    for (; i < list.len; i++) {
        char c = list.ptr[i];
        if (c == '"')
            quoted = !quoted;
        else if (quoted && c == '\\')
            i++;
        else if (!quoted && c == ',')
            break;
    }
    return i < list.len ? i : list.len;
}

bool weir_list_next(weir_str *rest, weir_str *member)
{
    while (rest->len > 0) {
        size_t size = member_size(*rest);
        *member = http_trim((weir_str){rest->ptr, size});
        if (size < rest->len)
            size++; /* the comma */
        rest->ptr += size;
        rest->len -= size;
        if (member->len > 0)
            return true;
    }
    *member = (weir_str){NULL, 0};
    return false;
}

bool weir_field_name_valid(weir_str name)
{
    return name.len > 0 && http_scan_name(name.ptr, name.ptr + name.len) == name.ptr + name.len;
}

bool weir_field_value_valid(weir_str value)
{
    if (value.len == 0)
        return true;
    if (http_char_is(value.ptr[0], HTTP_CHAR_BLANK) || http_char_is(value.ptr[value.len - 1], HTTP_CHAR_BLANK))
        return false;
    return http_scan_value(value.ptr, value.ptr + value.len) == value.ptr + value.len;
}
