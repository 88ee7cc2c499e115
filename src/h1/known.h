/* The start line and the fields of a head that came before and come again, each octet for octet: what they say is known
 * then, and they are not parsed once more. On one connection heads mostly differ in their start line alone, and those of a
 * batch (pipelining) often in nothing.
 *
 * What is known points into the octets where it came first. Whoever owns those forgets it before they go, or change.
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
    struct h1_head head; /* what was parsed there; its fields are these: */
    weir_field fields[H1_KNOWN_FIELDS_MAX];
};

static inline void h1_known_forget(struct h1_known *known)
{
    known->octets = NULL;
}
/* `head`, which is whole, was parsed of these octets. */
void h1_known_learn(struct h1_known *known, const struct h1_head *head, const char *octets, size_t line_size,
                    size_t fields_size);

/* The octets begin with the start line that is known. It is taken: the head says the same, and its end is returned. */
static inline bool h1_known_is_line(const struct h1_known *known, const char *octets, size_t size)
{
    return known->octets != NULL && size >= known->line_size && memcmp(octets, known->octets, known->line_size) == 0;
}
char *h1_known_take_line(const struct h1_known *known, struct h1_head *head, char *octets);

/* The same of the fields. The version must be that of the other, as it decides what some fields mean. */
static inline bool h1_known_are_fields(const struct h1_known *known, const struct h1_head *head, const char *octets,
                                       size_t size)
{
    return known->octets != NULL && size >= known->fields_size && head->version == known->head.version &&
           head->field_capacity >= known->head.field_count &&
           memcmp(octets, known->octets + known->line_size, known->fields_size) == 0;
}
char *h1_known_take_fields(const struct h1_known *known, struct h1_head *head, char *octets);

#endif
