/* A head that came before and comes again, octet for octet, or its fields do: what it says is known then, and it is not
 * parsed once more. On one connection heads mostly differ in their start line alone, and those of a batch (pipelining)
 * often in nothing.
 *
 * What is known points into the octets where it came first. Whoever owns those forgets it before they go, or change, or
 * other limits hold.
 */
#ifndef H1_KNOWN_H
#define H1_KNOWN_H

#include <string.h>

#include "h1/head.h"

#define H1_KNOWN_FIELDS_MAX 16

struct h1_known {
    const char *octets;  /* null: nothing is known */
    size_t line_size;    /* the start line, with its line end and what was let pass before it */
    size_t fields_size;  /* behind it, up to and with the empty line */
    struct http_head head; /* what was parsed there; its fields are these: */
    weir_field fields[H1_KNOWN_FIELDS_MAX];
};

static inline void h1_known_forget(struct h1_known *known)
{
    known->octets = NULL;
}
/* `head`, which is whole, was parsed of these octets. */
void h1_known_learn(struct h1_known *known, const struct http_head *head, const char *octets, size_t line_size,
                    size_t fields_size);

/* The octets begin with the whole head that is known. */
static inline bool h1_known_is_head(const struct h1_known *known, const struct http_head *head, const char *octets,
                                    size_t size)
{
    size_t whole = known->line_size + known->fields_size;
    return known->octets != NULL && size >= whole && head->field_capacity >= known->head.field_count &&
           memcmp(octets, known->octets, whole) == 0;
}
/* The head is the same, of these octets; its size is returned. */
size_t h1_known_take_head(const struct h1_known *known, struct http_head *head, char *octets);

/* The same of the fields, behind another start line; their end is returned. The version must be that of the other,
 * as it decides what some fields mean. */
static inline bool h1_known_are_fields(const struct h1_known *known, const struct http_head *head, const char *octets,
                                       size_t size)
{
    return known->octets != NULL && size >= known->fields_size && head->version == known->head.version &&
           head->field_capacity >= known->head.field_count &&
           memcmp(octets, known->octets + known->line_size, known->fields_size) == 0;
}
char *h1_known_take_fields(const struct h1_known *known, struct http_head *head, char *octets);

#endif
