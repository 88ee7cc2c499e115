/* weir/form.h: the contents of forms, as browsers and curl send them. Above the library, on its public pages only, in a
 * library of its own: -lweir-comfort. Nothing here does I/O or needs a connection.
 *
 * application/x-www-form-urlencoded is small and is decoded whole: keep it with weir_collect, then weir_form_decode.
 *
 * multipart/form-data (RFC 7578; RFC 2046, 5.1) may hold files and is read as it comes, in memory of a fixed size. A
 * `body` callback asks for one event after another until its octets are used up:
 *
 *     size_t body(void *app, weir_exchange *x, weir_str octets)
 *     {
 *         weir_str rest = octets;
 *         for (;;)
 *             switch (weir_form_next(form, &rest)) {
 *             case WEIR_FORM_MORE: return octets.len;
 *             case WEIR_FORM_PART: open(weir_form_part_of(form)); break;
 *             case WEIR_FORM_DATA: append(weir_form_data(form)); break;
 *             case WEIR_FORM_PART_END: shut(); break;
 *             case WEIR_FORM_END: break;
 *             case WEIR_FORM_WRONG: refuse(weir_form_wrong(form)); return octets.len;
 *             }
 *     }
 *
 * It may stop after any event and say that it took octets.len - rest.len. `end` calls weir_form_finish, which tells
 * whether the form was whole.
 *
 * Read strictly: lines end in CRLF, a head is not folded, what follows a boundary is its line end. Octets before the
 * first boundary and after the last one are dropped (RFC 2046, 5.1.1). A part without a name is refused, and so is a
 * name or file name that is given twice.
 */
#ifndef WEIR_FORM_H
#define WEIR_FORM_H

#include <weir/base.h>
#include <weir/code.h>
#include <weir/field.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum weir_form_type { WEIR_FORM_OTHER = 0, WEIR_FORM_URLENCODED = 1, WEIR_FORM_MULTIPART = 2 } weir_form_type;

/* What a Content-Type announces. */
WEIR_API weir_form_type weir_form_type_of(weir_str content_type);

/* --- application/x-www-form-urlencoded ---------------------------------------------------------------------------- */

/* Decodes all pairs: percent-encoding is undone and `+` is a blank. The octets go to `place`, of at least content.len
 * octets, which may be the memory of `content` itself, and `pairs` views them. `*count` is how many `pairs` has room
 * for before, and how many there are after. A pair without `=` has an empty value. `bad_escape` for malformed
 * percent-encoding and %00; `form_limit` for more pairs than there is room for, or a `place` that is too small. */
WEIR_API WEIR_MUST_USE weir_code weir_form_decode(weir_str content, char *place, size_t size, weir_field *pairs,
                                                  size_t *count);

/* --- multipart/form-data ------------------------------------------------------------------------------------------ */

typedef struct weir_form weir_form;

/* Zero is the default of each field. More than a limit is `form_limit`. */
typedef struct weir_form_options {
    size_t size;
    size_t parts_max;       /* parts of the form; default 1000 */
    size_t head_size_max;   /* octets of the head of a part, with its line ends; default 4096 */
    size_t fields_max;      /* fields of such a head; default 16 */
    uint64_t part_size_max; /* octets of the content of a part; default: no limit */
    uint64_t form_size_max; /* octets of all; default: no limit (weir_body_limit is another one) */
    weir_allocator allocator;
} weir_form_options;

typedef enum weir_form_event {
    WEIR_FORM_MORE = 0,     /* the octets are used up */
    WEIR_FORM_PART = 1,     /* a part begins: weir_form_part_of */
    WEIR_FORM_DATA = 2,     /* octets of its content: weir_form_data */
    WEIR_FORM_PART_END = 3, /* the part is whole */
    WEIR_FORM_END = 4,      /* the form is whole; what still comes is dropped */
    WEIR_FORM_WRONG = 5     /* weir_form_wrong says why; from then on it is the answer to each call */
} weir_form_event;

/* The head of a part; it lives until weir_form_next is called after the PART_END of this part. */
typedef struct weir_form_part {
    weir_str name; /* of the form's field; any octets but controls */
    /* As the sender wrote it; null pointer: the part is no file; empty: no file was chosen. It is no path to be
     * trusted: it may hold `/`, `\` and `..`. */
    weir_str filename;
    weir_str content_type; /* null pointer: none, which means text/plain (RFC 7578, 4.4) */
    weir_fields fields;    /* all of the head */
} weir_form_part;

/* Reads a content of that Content-Type. `bad_form`: it is not multipart/form-data, or its boundary is malformed;
 * `no_memory`; `bad_option`. `options` may be null. All memory that the form ever needs is allocated here. */
WEIR_API WEIR_MUST_USE weir_code weir_form_new(weir_form **out, weir_str content_type,
                                                 const weir_form_options *options);
WEIR_API void weir_form_free(weir_form *form);
/* The next event of `octets`, which is moved on past what was used. */
WEIR_API WEIR_MUST_USE weir_form_event weir_form_next(weir_form *form, weir_str *octets);
/* After WEIR_FORM_PART. In a quoted name \" and \\ stand for `"` and `\`; another `\` stands for itself,
 * and the %22, %0D and %0A of browsers stay as they are. */
WEIR_API const weir_form_part *weir_form_part_of(const weir_form *form);
/* After WEIR_FORM_DATA: a view of `octets` or of the form, which lives until the next call. Never empty. */
WEIR_API weir_str weir_form_data(const weir_form *form);
/* `bad_form`, `form_limit`, or `ok` before anything is wrong. */
WEIR_API weir_code weir_form_wrong(const weir_form *form);
/* No more octets come. `ok` if WEIR_FORM_END was told; `bad_form` if the form is cut; what was wrong before. */
WEIR_API WEIR_MUST_USE weir_code weir_form_finish(weir_form *form);

#ifdef __cplusplus
}
#endif
#endif
