/* weir get, as its files see it: the options, and one request under way. */
#ifndef CLI_GET_GET_H
#define CLI_GET_GET_H

#include <stdio.h>

#include <weir/decode.h>
#include <weir/follow.h>
#include <weir/weir.h>

#include "common/options.h"
#include "common/terminal.h"
#include "common/text.h"
#include "get/form.h"
#include "get/write_out.h"

struct get {
    /* options */
    const char *url;
    const char *output;
    const char *upload; /* the name of what is uploaded; null: nothing */
    bool verbose;
    bool fail;
    bool include; /* the head goes to the output too */
    bool follow;
    bool compressed;
    bool silent;           /* -s: no messages about what went wrong */
    bool named_by_url;     /* -O */
    const char *write_out; /* -w; null: nothing */
    char *user_field;      /* the field of -u; or null */
    char *output_name;     /* of -O */
    char *unix_place;      /* "unix:PATH" of --unix-socket */
    char *range_field;     /* of -r */
    struct form form;      /* of -F */
    weir_request request; /* all but its handler */
    weir_client_options options;
    weir_field fields[OPTION_LIST_MAX + 8];
    weir_follow *following; /* with -L */
    char *whole_url; /* where the scheme was left out; or null */
    struct text data; /* the body, of -d */
    int upload_fd;
    /* the run */
    weir_loop *loop;
    weir_client *client;
    FILE *out; /* null: not opened yet, as no answer has come */
    unsigned status;
    weir_code code;
    weir_retry retry;
    int in_errno, out_errno;
    bool request_shown;
    struct write_out told; /* for -w */
    bool out_shown; /* the output is a terminal */
};

/* Reads them. Below zero: go on; else an exit status, and what is wrong was said. */
int get_options(struct get *get, int argc, char **argv);
void get_release(struct get *get);

#endif
