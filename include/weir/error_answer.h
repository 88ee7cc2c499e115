/* weir/error_answer.h: what a server answers by itself, in the words of the application.
 *
 * A request that is malformed, over a limit or too slow is answered without its handler: 400, 408, 413, 431, 500,
 * 501, 503, 505, ... with one line of text. An API that promises another form of errors gives it with `error_answer`
 * of the options:
 *
 *     static void in_json(void *app, const weir_error_info *info, weir_error_answer *answer)
 *     {
 *         char text[128];
 *         int n = snprintf(text, sizeof(text), "{\"error\":\"%s\"}\n", weir_code_name(info->code));
 *         weir_error_answer_give(answer, WEIR_FIELDS({WEIR_STR("Content-Type"), WEIR_STR("application/json")}),
 *                                (weir_str){text, (size_t)n});
 *     }
 *
 * The status is Weir's. So are Content-Length, Connection, Date and Server, and that an answer to HEAD has no
 * content. */
#ifndef WEIR_ERROR_ANSWER_H
#define WEIR_ERROR_ANSWER_H

#include <weir/exchange.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The most that an answer takes. */
#define WEIR_ERROR_ANSWER_CONTENT_MAX 65536
#define WEIR_ERROR_ANSWER_FIELDS_MAX 32
#define WEIR_ERROR_ANSWER_FIELDS_SIZE_MAX 8192

/* Borrowed for the call. */
typedef struct weir_error_info {
    size_t size;
    weir_code code;
    unsigned status;
    /* The exchange: its request can be looked at; null if it did not come so far, as its head was malformed or not
     * whole. */
    const weir_exchange *exchange;
    weir_str method;     /* as far as it was read; empty: not even that */
    uint64_t connection; /* its number, as of weir_exchange_connection */
} weir_error_info;

/* The answer that is to be given; lives for the call. */
typedef struct weir_error_answer weir_error_answer;

/* Gives the answer, once, from within `error_answer`. All is copied before the call returns. `misuse`: one was
 * given. `bad_response`: there is more than the above, or something in it that may not be sent, or Content-Length,
 * Transfer-Encoding, Connection, Upgrade, Trailer or the like is among the fields. `no_memory`. After an error
 * another can be given; if none is, Weir's own text is sent. */
WEIR_API weir_code weir_error_answer_give(weir_error_answer *answer, weir_fields fields, weir_str content);

#ifdef __cplusplus
}
#endif
#endif
