/* What the system and other programs call the end of a connection, and what it is called here.
 *
 * A table holds the words of one program; a row is one word of it. explain_find looks for them in what a user typed,
 * or in a line that another program logged. The facts are the programs' own pages, sources and texts; the sentences
 * are ours. */
#ifndef CLI_EXPLAIN_EXPLAIN_H
#define CLI_EXPLAIN_EXPLAIN_H

#include <weir/weir.h>

/* How the word of a row stands in a line. */
enum explain_kind {
    EXPLAIN_ERRNO,     /* ECONNRESET, 104, "(104: ", "os error 104", or its text */
    EXPLAIN_PHRASE,    /* anywhere, whatever the case; a `*` in it stands for anything between */
    EXPLAIN_STATUS,    /* a status that only logs have: alone, or after a request in quotes */
    EXPLAIN_EXIT,      /* an exit status: "curl: (52)", "curl 52" */
    EXPLAIN_FLAGS,     /* Envoy's: UC, or UF,URX; after a status, or after response_flags */
    EXPLAIN_STATE,     /* HAProxy's: CD, or CD-- before the counts of connections; two dots: whatever has no row */
    EXPLAIN_PARAMETER, /* Proxy-Status: alone, or after error= */
};

#define EXPLAIN_CODES_MAX 8

struct explain_row {
    const char *word;
    const char *also;  /* another form of it, anywhere in a line; null: none */
    const char *who;   /* did it */
    weir_class weight; /* whether it matters, where nothing more is known */
    const char *means;
    const char *advice;
    weir_code codes[EXPLAIN_CODES_MAX]; /* ours; WEIR_CODE_ok ends them */
};

struct explain_table {
    const char *program;
    enum explain_kind kind;
    const struct explain_row *rows;
    size_t count;
};

#define EXPLAIN_TABLE(program, kind, rows)                                                                             \
    {                                                                                                                  \
        program, kind, rows, sizeof(rows) / sizeof((rows)[0])                                                          \
    }

extern const struct explain_table explain_errno, explain_hyper, explain_nginx, explain_nginx_status, explain_haproxy,
    explain_envoy, explain_proxy_status, explain_curl, explain_wget, explain_wget_exit, explain_wrk;
extern const struct explain_table *const explain_tables[];
extern const size_t explain_tables_count;

/* The number of an errno's name; 0 if it is none. */
int explain_errno_number(const char *name, size_t length);
/* What a letter of HAProxy's termination state says, the first (0) or the second (1); null if it is none. */
const char *explain_state_letter(char letter, unsigned place);

#define EXPLAIN_FOUND_MAX 8

/* What was found: a code of ours if `row` is null. */
struct explain_found {
    const struct explain_table *table;
    const struct explain_row *row;
    weir_code code;
    char text[40]; /* as it stood there, where the row does not say: a state, an errno without a row */
    int os;        /* of an errno, else 0 */
};

/* Looks for all that is known in a line, or in one word that was typed; at most EXPLAIN_FOUND_MAX are kept. Returns
 * how many. */
size_t explain_find(const char *line, struct explain_found found[EXPLAIN_FOUND_MAX]);

#endif
