/* weir/field.h: fields (header and trailer lines), as they came: order, case and duplicates kept (RFC 9110, 5). */
#ifndef WEIR_FIELD_H
#define WEIR_FIELD_H

#include <weir/base.h>
#include <weir/cxx.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_field {
    weir_str name;  /* a token (RFC 9110, 5.6.2) */
    weir_str value; /* without the blanks around it */
} weir_field;

/* A borrowed array of fields. */
typedef struct weir_fields {
    const weir_field *list;
    size_t count;
} weir_fields;

#ifndef __cplusplus
/* WEIR_FIELDS({ name, value }, ...): fields for one call; they live until the end of the enclosing block. */
#define WEIR_FIELDS(...)                                                                                               \
    ((weir_fields){.list = (const weir_field[]){__VA_ARGS__},                                                          \
                   .count = sizeof((const weir_field[]){__VA_ARGS__}) / sizeof(weir_field)})
#define WEIR_NO_FIELDS ((weir_fields){.list = NULL, .count = 0})
#else
#define WEIR_FIELDS(...)                                                                                               \
    ([&]() -> weir_fields {                                                                                            \
        const weir_field weir_given[] = {__VA_ARGS__};                                                                 \
        static thread_local weir_field weir_kept[sizeof(weir_given) / sizeof(weir_given[0])];                          \
        std::memcpy(weir_kept, weir_given, sizeof(weir_given));                                                        \
        return weir_fields{weir_kept, sizeof(weir_given) / sizeof(weir_given[0])};                                     \
    }())
#define WEIR_NO_FIELDS (weir_fields{nullptr, 0})
#endif

/* The first field of that name, in any case; NULL if there is none. */
WEIR_API const weir_field *weir_fields_find(weir_fields fields, weir_str name);
/* The next one after `after`, an element of `fields`; NULL if there is none. */
WEIR_API const weir_field *weir_fields_find_next(weir_fields fields, const weir_field *after);
/* The first value of that name; an empty view with a null pointer if there is none. */
WEIR_API weir_str weir_fields_value(weir_fields fields, weir_str name);

/* One member of a comma-separated list after another (RFC 9110, 5.6.1): empty members are skipped, blanks trimmed,
 * commas within quoted strings left alone. `rest` starts as the field's value and is moved on. False at the end. */
WEIR_API bool weir_list_next(weir_str *rest, weir_str *member);

/* What may go on the wire: a field name is a token; a value holds no octet that a parser would refuse
 * (controls other than HTAB, DEL) and no blank at either end. */
WEIR_API bool weir_field_name_valid(weir_str name);
WEIR_API bool weir_field_value_valid(weir_str value);

/* The usual reason phrase of a status code; an empty view for one that has none (RFC 9110, 15). */
WEIR_API weir_str weir_status_reason(unsigned status);

#ifdef __cplusplus
}
#endif
#endif
