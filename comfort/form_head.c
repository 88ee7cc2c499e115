#include "form_head.h"

#include <string.h>

#include "form_param.h"

static weir_str trim(weir_str text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
        text = (weir_str){text.ptr + 1, text.len - 1};
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* A line without its end. One that begins with a blank would be a folded one: its name is no token. */
static bool parse_line(weir_field *field, weir_str line)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    if (colon == NULL)
        return false;
    size_t size = (size_t)(colon - line.ptr);
    field->name = (weir_str){line.ptr, size};
    field->value = trim((weir_str){colon + 1, line.len - size - 1});
    return weir_field_name_valid(field->name) && weir_field_value_valid(field->value);
}

/* The value of the only field of that name; false if there are two. An absent one has a null pointer. */
static bool only_value(weir_fields fields, weir_str name, weir_str *value)
{
    const weir_field *field = weir_fields_find(fields, name);
    *value = field != NULL ? field->value : (weir_str){NULL, 0};
    return field == NULL || weir_fields_find_next(fields, field) == NULL;
}

/* One value of a parameter, once. */
static bool take_value(weir_str *value, weir_str raw, char **names)
{
    if (value->ptr != NULL)
        return false;
    *value = (weir_str){*names, form_unquote(*names, raw.len, raw)};
    *names += value->len;
    return true;
}

static bool parse_disposition(weir_form_part *part, weir_str value, char *names)
{
    weir_str name, raw;
    if (!weir_str_equal_nocase(form_value_of(&value), WEIR_STR("form-data")))
        return false;
    for (;;) {
        bool right = true;
        switch (form_param_next(&value, &name, &raw)) {
        case FORM_PARAM_NONE:
            return part->name.ptr != NULL;
        case FORM_PARAM_BAD:
            return false;
        case FORM_PARAM_FOUND:
            if (weir_str_equal_nocase(name, WEIR_STR("name")))
                right = take_value(&part->name, raw, &names);
            else if (weir_str_equal_nocase(name, WEIR_STR("filename")))
                right = take_value(&part->filename, raw, &names);
            break; /* filename* has no place here (RFC 7578, 4.2) */
        }
        if (!right)
            return false;
    }
}

weir_code form_head_parse(weir_form_part *part, weir_str head, weir_field *fields, size_t fields_max, char *names)
{
    *part = (weir_form_part){.fields = {.list = fields}};
    while (head.len > 2) {
        const char *end = memchr(head.ptr, '\r', head.len);
        weir_str line = {head.ptr, (size_t)(end - head.ptr)};
        if (part->fields.count == fields_max)
            return WEIR_CODE_form_limit;
        if (!parse_line(&fields[part->fields.count++], line))
            return WEIR_CODE_bad_form;
        head = (weir_str){end + 2, head.len - line.len - 2};
    }
    weir_str disposition;
    if (!only_value(part->fields, WEIR_STR("content-disposition"), &disposition) || disposition.ptr == NULL ||
        !only_value(part->fields, WEIR_STR("content-type"), &part->content_type))
        return WEIR_CODE_bad_form;
    return parse_disposition(part, disposition, names) ? WEIR_OK : WEIR_CODE_bad_form;
}
