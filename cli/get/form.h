/* The body of -F: multipart/form-data (RFC 7578), written as it is sent. Files are read as they are sent, and are never
 * whole in memory. */
#ifndef CLI_GET_FORM_H
#define CLI_GET_FORM_H

#include <weir/weir.h>

#include "common/options.h"
#include "common/text.h"

/* A piece of the body: text, and then what a file holds. */
struct form_piece {
    struct text text;
    int fd;            /* -1: none */
    uint64_t file_left; /* octets of the file that are to come; at first its size */
};

struct form {
    struct form_piece pieces[OPTION_LIST_MAX + 1];
    size_t count;
    size_t at;      /* the piece that is written now, */
    size_t text_at; /* and how much of its text was */
    uint64_t length;
    char content_type[80];
};

/* Takes "NAME=VALUE", "NAME=@FILE" and "NAME=<FILE"; ";type=" and ";filename=" may stand behind a file. Below zero: the form
 * is made. Else an exit status: what is wrong was said. */
int form_make(struct form *form, const struct option_list *fields);
/* Writes what there is room for, and finishes the body. False with errno set: a file cannot be read, or is shorter
 * than it was. */
bool form_write(struct form *form, weir_exchange *x);
void form_release(struct form *form);

#endif
