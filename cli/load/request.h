/* One request that `weir load` sends again and again: method, path, fields, content. */
#ifndef CLI_LOAD_REQUEST_H
#define CLI_LOAD_REQUEST_H

#include <weir/weir.h>

#define LOAD_FIELDS_MAX 64

struct load_request {
    char *method; /* null: GET, or POST with a body */
    char *path;
    weir_str body;
    bool body_owned;   /* else it is another request's, which lives longer */
    weir_field *fields; /* field_count */
    char **lines;       /* what `fields` points into */
    size_t field_count;
};

/* False: no memory; fini is due all the same. */
WEIR_MUST_USE bool load_request_init(struct load_request *request, const char *path);
void load_request_fini(struct load_request *request);
/* All but the path; `share`: the body is not copied, and `from` lives longer. False: no memory. */
WEIR_MUST_USE bool load_request_copy(struct load_request *to, const struct load_request *from, bool share);
WEIR_MUST_USE bool load_request_method(struct load_request *request, const char *method);
WEIR_MUST_USE bool load_request_path(struct load_request *request, const char *path);
/* "Name: value". False: it is not one, or there are too many. */
WEIR_MUST_USE bool load_request_field(struct load_request *request, const char *line);
/* The octets of a file. False with errno. */
WEIR_MUST_USE bool load_request_body(struct load_request *request, const char *file);
/* Whether an engine would send it: false with a sentence, such as of a path with a blank in it, and errno: ENOMEM if it
 * could not be found out. */
WEIR_MUST_USE bool load_request_check(const struct load_request *request, const char *host, char *error,
                                      size_t error_size);
/* All but `user`; borrows from the request and `host`. */
weir_request load_request_of(const struct load_request *request, const char *host);

#endif
