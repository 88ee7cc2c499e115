/* What -w says after the end: curl's variables, as far as there is an answer to them, and Weir's own. */
#ifndef CLI_GET_WRITE_OUT_H
#define CLI_GET_WRITE_OUT_H

#include <stdio.h>

#include <weir/weir.h>

struct write_out {
    unsigned status, version, redirects, retries;
    const char *url, *method;
    char url_effective[2048], content_type[256], remote[128];
    uint64_t size_download, size_upload;
    weir_timings times;
    weir_exchange_ending ending;
};

/* Looks whether each %{variable} is known. Null; or where the one that is not begins. */
const char *write_out_check(const char *format);
/* Prints it to standard output, with \n, \r, \t and \\. */
void write_out_print(const char *format, const struct write_out *values);
/* The names, for --help. */
void write_out_names(FILE *out);

#endif
