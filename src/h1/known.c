#include "h1/known.h"

void h1_known_learn(struct h1_known *known, const struct http_head *head, const char *octets, size_t line_size,
                    size_t fields_size)
{
    h1_known_forget(known);
    if (head->field_count > H1_KNOWN_FIELDS_MAX)
        return;
    known->octets = octets;
    known->line_size = line_size;
    known->fields_size = fields_size;
    known->head = *head;
    memcpy(known->fields, head->fields, head->field_count * sizeof *head->fields);
}

/* The same view as far into other octets; of none, none. */
static inline weir_str moved(weir_str view, ptrdiff_t by)
{
    return (weir_str){view.ptr != NULL ? view.ptr + by : NULL, view.len};
}

static void take_fields(const struct h1_known *known, struct http_head *head, ptrdiff_t by)
{
    for (size_t i = 0; i < known->head.field_count; i++) {
        const weir_field *field = &known->fields[i];
        head->fields[i] = (weir_field){.name = moved(field->name, by), .value = moved(field->value, by)};
    }
}

size_t h1_known_take_head(const struct h1_known *known, struct http_head *head, char *octets)
{
    ptrdiff_t by = octets - known->octets;
    weir_field *fields = head->fields;
    size_t capacity = head->field_capacity;
    *head = known->head;
    head->fields = fields;
    head->field_capacity = capacity;
    head->method = moved(head->method, by);
    head->target = moved(head->target, by);
    head->reason = moved(head->reason, by);
    head->host = moved(head->host, by);
    take_fields(known, head, by);
    return known->line_size + known->fields_size;
}

char *h1_known_take_fields(const struct h1_known *known, struct http_head *head, char *octets)
{
    const struct http_head *from = &known->head;
    ptrdiff_t by = octets - (known->octets + known->line_size);
    take_fields(known, head, by);
    head->field_count = from->field_count;
    head->has_length = from->has_length;
    head->length = from->length;
    head->chunked = from->chunked;
    head->close = from->close;
    head->keep_alive = from->keep_alive;
    head->upgrade = from->upgrade;
    head->expect_continue = from->expect_continue;
    head->te_trailers = from->te_trailers;
    head->host = moved(from->host, by);
    return octets + known->fields_size;
}
