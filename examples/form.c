/* Forms: what a browser sends, a file among it, is told as JSON. A form with files (multipart/form-data) is read as it
 * comes and never kept; a plain one (application/x-www-form-urlencoded) is small, and is collected. Needs
 * -lweir-comfort.
 *
 *     build/examples/form
 *     curl -F comment=hello -F file=@some-file http://127.0.0.1:8080/
 *     curl -d 'comment=hello&to=you' http://127.0.0.1:8080/
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/form.h>
#include <weir/weir.h>

#define UPLOAD_MAX (UINT64_C(1) << 30) /* of a form with files */
#define PLAIN_MAX  65536               /* of one without, and of the value of one field */
#define PAIRS_MAX  100

struct reply {
    weir_form *form;
    FILE *json;
    char *text; /* what was written to `json`, once it is closed */
    size_t size;
    unsigned parts;
    uint64_t part_size;
};

static weir_server *server;

/* Octets above ASCII are shown as the Latin-1 letters of that number: any octets make valid JSON. */
static void put_json(FILE *json, weir_str octets)
{
    for (size_t i = 0; i < octets.len; i++) {
        unsigned char c = (unsigned char)octets.ptr[i];
        if (c < ' ' || c >= 0x7f || c == '"' || c == '\\')
            fprintf(json, "\\u%04x", c);
        else
            fputc(c, json);
    }
}

static void put_member(FILE *json, const char *name, weir_str value)
{
    fprintf(json, "\"%s\":\"", name);
    put_json(json, value);
    fputs("\"", json);
}

static void refuse(weir_exchange *x, unsigned status, const char *why)
{
    weir_body_refuse(x);
    weir_respond(x, status, WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("text/plain")}),
                 weir_body_copy(weir_str_from(why)));
}

static void refuse_code(weir_exchange *x, weir_code code)
{
    refuse(x, weir_code_status(code), weir_code_text(code));
}

/* Closes the list and answers with it; `text` lives until `done`. */
static void answer(struct reply *reply, weir_exchange *x)
{
    fputs("]\n", reply->json);
    bool written = fclose(reply->json) == 0;
    reply->json = NULL;
    if (written)
        weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("application/json")}),
                     weir_body_borrow((weir_str){reply->text, reply->size}));
    else
        refuse_code(x, WEIR_CODE_no_memory);
}

static void collected(void *app, weir_exchange *x, weir_str content)
{
    struct reply *reply = app;
    weir_field pairs[PAIRS_MAX];
    size_t count = PAIRS_MAX;
    char *place = weir_exchange_alloc(x, content.len + 1);
    weir_code code = place != NULL ? weir_form_decode(content, place, content.len, pairs, &count) : WEIR_CODE_no_memory;
    if (code != WEIR_OK) {
        refuse_code(x, code);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        fputs(i > 0 ? ",{" : "{", reply->json);
        put_member(reply->json, "name", pairs[i].name);
        fputs(",", reply->json);
        put_member(reply->json, "value", pairs[i].value);
        fputs("}", reply->json);
    }
    answer(reply, x);
}

static void begin_part(struct reply *reply, const weir_form_part *part)
{
    fputs(reply->parts++ > 0 ? ",{" : "{", reply->json);
    put_member(reply->json, "name", part->name);
    if (part->filename.ptr != NULL) {
        fputs(",", reply->json);
        put_member(reply->json, "filename", part->filename);
    }
    fputs(part->filename.ptr != NULL ? ",\"size\":" : ",\"value\":\"", reply->json);
    reply->part_size = 0;
}

/* Of a file the octets are counted only: a program would write them to a file of its own choice of name here. */
static bool take_data(struct reply *reply, weir_str octets)
{
    reply->part_size += octets.len;
    if (weir_form_part_of(reply->form)->filename.ptr != NULL)
        return true;
    put_json(reply->json, octets);
    return reply->part_size <= PLAIN_MAX;
}

static void end_part(struct reply *reply)
{
    if (weir_form_part_of(reply->form)->filename.ptr != NULL)
        fprintf(reply->json, "%" PRIu64 "}", reply->part_size);
    else
        fputs("\"}", reply->json);
}

static size_t body(void *app, weir_exchange *x, weir_str octets)
{
    (void)app;
    struct reply *reply = weir_exchange_user(x);
    weir_str rest = octets;
    for (;;) {
        switch (weir_form_next(reply->form, &rest)) {
        case WEIR_FORM_PART:
            begin_part(reply, weir_form_part_of(reply->form));
            break;
        case WEIR_FORM_DATA:
            if (take_data(reply, weir_form_data(reply->form)))
                break;
            refuse_code(x, WEIR_CODE_form_limit);
            return octets.len;
        case WEIR_FORM_PART_END:
            end_part(reply);
            break;
        case WEIR_FORM_END:
            break;
        case WEIR_FORM_MORE:
            return octets.len;
        case WEIR_FORM_WRONG:
            refuse_code(x, weir_form_wrong(reply->form));
            return octets.len;
        }
    }
}

static void end(void *app, weir_exchange *x)
{
    (void)app;
    struct reply *reply = weir_exchange_user(x);
    if (reply == NULL || reply->form == NULL)
        return;
    weir_code code = weir_form_finish(reply->form);
    if (code == WEIR_OK)
        answer(reply, x);
    else
        refuse_code(x, code);
}

static void show_page(weir_exchange *x)
{
    static const char page[] = "<!doctype html><form method=post enctype=multipart/form-data>"
                               "<input name=comment> <input name=file type=file> <button>Send</button></form>\n";
    weir_body_refuse(x);
    weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("text/html; charset=utf-8")}),
                 weir_body_borrow(weir_str_from(page)));
}

static weir_code take_form(struct reply *reply, weir_exchange *x, weir_str type)
{
    reply->json = open_memstream(&reply->text, &reply->size);
    if (reply->json == NULL)
        return WEIR_CODE_no_memory;
    fputs("[", reply->json);
    if (weir_form_type_of(type) == WEIR_FORM_URLENCODED)
        return weir_collect(x, PLAIN_MAX, collected, reply);
    weir_body_limit(x, UPLOAD_MAX);
    return weir_form_new(&reply->form, type, NULL);
}

static void head(void *app, weir_exchange *x)
{
    (void)app;
    weir_str type = weir_fields_value(weir_exchange_fields(x), WEIR_STR("content-type"));
    if (!weir_str_equal(weir_request_method(x), WEIR_STR("POST"))) {
        show_page(x);
        return;
    }
    if (weir_form_type_of(type) == WEIR_FORM_OTHER) {
        refuse(x, 415, "a form was expected\n");
        return;
    }
    struct reply *reply = calloc(1, sizeof(*reply));
    weir_exchange_set_user(x, reply);
    weir_code code = reply != NULL ? take_form(reply, x, type) : WEIR_CODE_no_memory;
    if (code != WEIR_OK)
        refuse_code(x, code);
}

static void done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)app;
    (void)ending;
    struct reply *reply = weir_exchange_user(x);
    if (reply == NULL)
        return;
    weir_form_free(reply->form);
    if (reply->json != NULL)
        fclose(reply->json);
    free(reply->text);
    free(reply);
}

static void on_sigterm(int number)
{
    (void)number;
    weir_server_drain(server);
}

int main(int argc, char **argv)
{
    static const weir_handler handler = WEIR_HANDLER(.head = head, .body = body, .end = end, .done = done);
    weir_str listen = weir_str_from(argc > 1 ? argv[1] : "127.0.0.1:8080");
    weir_error error;
    char address[128];
    if (weir_server_new(&server, WEIR_SERVER(.listen = listen, .handler = &handler), &error) != WEIR_OK) {
        fprintf(stderr, "form: %s\n", error.text);
        return 1;
    }
    signal(SIGTERM, on_sigterm);
    weir_server_address(server, 0, address, sizeof(address));
    fprintf(stderr, "listening on %s\n", address);
    weir_code code = weir_server_run(server, &error);
    if (code != WEIR_OK)
        fprintf(stderr, "form: %s\n", error.text);
    signal(SIGTERM, SIG_DFL); /* there is nothing left to drain */
    weir_server_free(server);
    return code == WEIR_OK ? 0 : 1;
}
