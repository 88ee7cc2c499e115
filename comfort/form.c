/* multipart/form-data: from octets, in any pieces, to events.
 *
 * A delimiter is CRLF, two dashes and the boundary, in which no CR can be. So a search that fails within a delimiter
 * goes on at the octet where it failed, and what was held back until then is a part of the delimiter itself. */
#include <weir/form.h>

#include <string.h>

#include "form_head.h"
#include "form_param.h"
#include "memory.h"

#define BOUNDARY_MAX 70 /* RFC 2046, 5.1.1 */

#define PARTS_DEFAULT     1000
#define HEAD_SIZE_DEFAULT 4096
#define FIELDS_DEFAULT    16
#define OPTION_MAX        ((size_t)1 << 24) /* of sizes that memory is allocated for */

enum state {
    PREAMBLE,    /* before the first boundary */
    CONTENT,     /* of a part */
    BEHIND,      /* right behind a boundary */
    BEHIND_DASH, /* one dash behind it */
    BEHIND_PAD,  /* blanks behind it */
    BEHIND_CR,   /* its line ends */
    HEAD,        /* of a part */
    DONE,
    WRONG
};

struct weir_form {
    weir_form_options options;
    size_t memory_size;
    enum state state;
    weir_code wrong;
    char delimiter[4 + BOUNDARY_MAX];
    size_t delimiter_size;
    size_t matched; /* octets of the delimiter that the last octets were */
    size_t given;   /* of those, the ones that are no content, or were told as such */
    size_t parts;
    uint64_t form_size, part_size;
    weir_form_part part;
    weir_str data;
    size_t head_size, line_at, pad_size;
    weir_field *fields; /* fields_max of them */
    char *head;         /* head_size_max octets */
    char *names;        /* as many */
};

/* --- making it --------------------------------------------------------------------------------------------------- */

weir_form_type weir_form_type_of(weir_str content_type)
{
    weir_str type = form_value_of(&content_type);
    if (weir_str_equal_nocase(type, WEIR_STR("multipart/form-data")))
        return WEIR_FORM_MULTIPART;
    if (weir_str_equal_nocase(type, WEIR_STR("application/x-www-form-urlencoded")))
        return WEIR_FORM_URLENCODED;
    return WEIR_FORM_OTHER;
}

static bool is_boundary_octet(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("'()+_,-./:=? ", c) != NULL);
}

static bool take_boundary(struct weir_form *form, weir_str raw)
{
    char *boundary = form->delimiter + 4;
    size_t size = form_unquote(boundary, BOUNDARY_MAX, raw);
    if (form->delimiter_size > 0 || size == 0 || size > BOUNDARY_MAX || boundary[size - 1] == ' ')
        return false;
    for (size_t i = 0; i < size; i++)
        if (!is_boundary_octet(boundary[i]))
            return false;
    memcpy(form->delimiter, "\r\n--", 4);
    form->delimiter_size = 4 + size;
    return true;
}

static bool find_boundary(struct weir_form *form, weir_str content_type)
{
    weir_str name, raw;
    if (weir_form_type_of(content_type) != WEIR_FORM_MULTIPART)
        return false;
    (void)form_value_of(&content_type);
    for (;;) {
        switch (form_param_next(&content_type, &name, &raw)) {
        case FORM_PARAM_NONE:
            return form->delimiter_size > 0;
        case FORM_PARAM_BAD:
            return false;
        case FORM_PARAM_FOUND:
            if (weir_str_equal_nocase(name, WEIR_STR("boundary")) && !take_boundary(form, raw))
                return false;
        }
    }
}

static weir_form_options whole_options(const weir_form_options *given)
{
    weir_form_options o = {.size = sizeof o};
    if (given != NULL)
        memcpy(&o, given, given->size < sizeof o ? given->size : sizeof o);
    o.parts_max = o.parts_max > 0 ? o.parts_max : PARTS_DEFAULT;
    o.head_size_max = o.head_size_max > 0 ? o.head_size_max : HEAD_SIZE_DEFAULT;
    o.fields_max = o.fields_max > 0 ? o.fields_max : FIELDS_DEFAULT;
    o.part_size_max = o.part_size_max > 0 ? o.part_size_max : UINT64_MAX;
    o.form_size_max = o.form_size_max > 0 ? o.form_size_max : UINT64_MAX;
    return o;
}

weir_code weir_form_new(weir_form **out, weir_str content_type, const weir_form_options *options)
{
    weir_form_options o = whole_options(options);
    *out = NULL;
    if (o.head_size_max > OPTION_MAX || o.fields_max > OPTION_MAX)
        return WEIR_CODE_bad_option;
    size_t fields_size = o.fields_max * sizeof(weir_field);
    size_t size = sizeof(struct weir_form) + fields_size + 2 * o.head_size_max;
    struct weir_form *form = memory_resize(&o.allocator, NULL, 0, size);
    if (form == NULL)
        return WEIR_CODE_no_memory;
    *form = (struct weir_form){.options = o, .memory_size = size, .matched = 2, .given = 2}; /* a line begins here */
    form->fields = (weir_field *)(form + 1);
    form->head = (char *)form->fields + fields_size;
    form->names = form->head + o.head_size_max;
    if (!find_boundary(form, content_type)) {
        weir_form_free(form);
        return WEIR_CODE_bad_form;
    }
    *out = form;
    return WEIR_OK;
}

void weir_form_free(weir_form *form)
{
    if (form == NULL)
        return;
    weir_allocator allocator = form->options.allocator;
    memory_free(&allocator, form, form->memory_size);
}

/* --- the steps --------------------------------------------------------------------------------------------------- */

static void move_on(weir_str *octets, size_t n)
{
    octets->ptr += n;
    octets->len -= n;
}

static weir_form_event refuse(struct weir_form *form, weir_code code)
{
    form->state = WRONG;
    form->wrong = code;
    return WEIR_FORM_WRONG;
}

/* Octets before the first place where a delimiter begins, or may begin at the end of what is there. */
static size_t content_before(const struct weir_form *form, weir_str octets)
{
    size_t at = 0;
    while (at < octets.len) {
        const char *cr = memchr(octets.ptr + at, '\r', octets.len - at);
        if (cr == NULL)
            break;
        at = (size_t)(cr - octets.ptr);
        size_t left = octets.len - at;
        if (memcmp(cr, form->delimiter, left < form->delimiter_size ? left : form->delimiter_size) == 0)
            return at;
        at++;
    }
    return octets.len;
}

/* Gives as much of `octets` as the part may have; how many is in `*given`. In the preamble they are dropped: MORE. */
static weir_form_event give(struct weir_form *form, weir_str octets, size_t *given)
{
    *given = octets.len;
    if (form->state == PREAMBLE || octets.len == 0)
        return WEIR_FORM_MORE;
    uint64_t left = form->options.part_size_max - form->part_size;
    if (left == 0)
        return refuse(form, WEIR_CODE_form_limit);
    if (*given > left)
        *given = (size_t)left;
    form->part_size += *given;
    form->data = (weir_str){octets.ptr, *given};
    return WEIR_FORM_DATA;
}

/* What was held back turned out to be content. */
static weir_form_event give_held(struct weir_form *form)
{
    size_t given;
    weir_str held = {form->delimiter + form->given, form->matched - form->given};
    weir_form_event event = give(form, held, &given);
    form->given += given;
    if (form->given == form->matched)
        form->given = form->matched = 0;
    return event;
}

static weir_form_event end_content(struct weir_form *form)
{
    bool in_part = form->state == CONTENT;
    form->state = BEHIND;
    form->matched = form->given = form->pad_size = 0;
    return in_part ? WEIR_FORM_PART_END : WEIR_FORM_MORE;
}

static weir_form_event step_content(struct weir_form *form, weir_str *octets)
{
    if (form->matched == 0) {
        size_t given, n = content_before(form, *octets);
        if (n > 0) {
            weir_form_event event = give(form, (weir_str){octets->ptr, n}, &given);
            move_on(octets, given);
            return event;
        }
    }
    if (octets->ptr[0] != form->delimiter[form->matched])
        return give_held(form);
    move_on(octets, 1);
    form->matched++;
    return form->matched == form->delimiter_size ? end_content(form) : WEIR_FORM_MORE;
}

static weir_form_event begin_head(struct weir_form *form)
{
    if (form->parts == form->options.parts_max)
        return refuse(form, WEIR_CODE_form_limit);
    form->parts++;
    form->state = HEAD;
    form->head_size = form->line_at = 0;
    return WEIR_FORM_MORE;
}

/* Behind a boundary are two dashes, which end the form, or blanks and the line's end (RFC 2046, 5.1.1). */
static weir_form_event step_behind(struct weir_form *form, char octet)
{
    if (form->state == BEHIND && octet == '-') {
        form->state = BEHIND_DASH;
    } else if (form->state == BEHIND_DASH && octet == '-') {
        form->state = DONE;
        return WEIR_FORM_END;
    } else if (form->state <= BEHIND_PAD && form->state != BEHIND_DASH && octet == '\r') {
        form->state = BEHIND_CR;
    } else if (form->state <= BEHIND_PAD && form->state != BEHIND_DASH && (octet == ' ' || octet == '\t')) {
        form->state = BEHIND_PAD;
        if (++form->pad_size > form->options.head_size_max)
            return refuse(form, WEIR_CODE_form_limit);
    } else if (form->state == BEHIND_CR && octet == '\n') {
        return begin_head(form);
    } else {
        return refuse(form, WEIR_CODE_bad_form);
    }
    return WEIR_FORM_MORE;
}

static weir_form_event end_head(struct weir_form *form)
{
    weir_str head = {form->head, form->head_size};
    weir_code code = form_head_parse(&form->part, head, form->fields, form->options.fields_max, form->names);
    if (code != WEIR_OK)
        return refuse(form, code);
    form->state = CONTENT;
    form->part_size = 0;
    form->matched = form->given = 2; /* the empty line's end is a delimiter's beginning: an empty part has no other */
    return WEIR_FORM_PART;
}

static weir_form_event step_head(struct weir_form *form, char octet)
{
    bool behind_cr = form->head_size > form->line_at && form->head[form->head_size - 1] == '\r';
    if (form->head_size == form->options.head_size_max)
        return refuse(form, WEIR_CODE_form_limit);
    if ((octet == '\n') != behind_cr)
        return refuse(form, WEIR_CODE_bad_form);
    form->head[form->head_size++] = octet;
    if (octet != '\n')
        return WEIR_FORM_MORE;
    if (form->head_size - form->line_at == 2)
        return end_head(form);
    form->line_at = form->head_size;
    return WEIR_FORM_MORE;
}

static weir_form_event step(struct weir_form *form, weir_str *octets)
{
    char octet = octets->ptr[0];
    switch (form->state) {
    case PREAMBLE:
    case CONTENT:
        return step_content(form, octets);
    case BEHIND:
    case BEHIND_DASH:
    case BEHIND_PAD:
    case BEHIND_CR:
        move_on(octets, 1);
        return step_behind(form, octet);
    case HEAD:
        move_on(octets, 1);
        return step_head(form, octet);
    case DONE:
        move_on(octets, octets->len);
        return WEIR_FORM_MORE;
    case WRONG:
        break;
    }
    return WEIR_FORM_WRONG;
}

weir_form_event weir_form_next(weir_form *form, weir_str *octets)
{
    weir_form_event event = form->state == WRONG ? WEIR_FORM_WRONG : WEIR_FORM_MORE;
    uint64_t left = form->options.form_size_max - form->form_size;
    weir_str allowed = {octets->ptr, octets->len < left ? octets->len : (size_t)left};
    while (event == WEIR_FORM_MORE && allowed.len > 0)
        event = step(form, &allowed);
    size_t used = (size_t)(allowed.ptr - octets->ptr);
    form->form_size += used;
    move_on(octets, used);
    if (event == WEIR_FORM_MORE && octets->len > 0)
        event = refuse(form, WEIR_CODE_form_limit);
    return event;
}

/* --- what is there ----------------------------------------------------------------------------------------------- */

const weir_form_part *weir_form_part_of(const weir_form *form)
{
    return &form->part;
}

weir_str weir_form_data(const weir_form *form)
{
    return form->data;
}

weir_code weir_form_wrong(const weir_form *form)
{
    return form->wrong;
}

weir_code weir_form_finish(weir_form *form)
{
    if (form->state != DONE && form->state != WRONG)
        (void)refuse(form, WEIR_CODE_bad_form);
    return form->wrong;
}
