/* weir get: one request, shown. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weir/weir.h>

#include "common/commands.h"
#include "common/whole_file.h"
#include "get/get.h"

#define MS 1e6

/* --- what is shown ---------------------------------------------------------------------------------------------- */

/* A line; what came from a peer, or is sent, may have octets in it that a terminal obeys. */
static void show(FILE *out, const char *mark, weir_str line)
{
    (void)fputs(mark, out);
    (void)terminal_write(out, terminal_is(out), line);
    (void)fputc('\n', out);
}

static void show_lines(const char *mark, weir_str head)
{
    while (head.len > 0) {
        const char *end = memchr(head.ptr, '\r', head.len);
        size_t n = end != NULL ? (size_t)(end - head.ptr) : head.len;
        static const weir_str secret = WEIR_STR_INIT("authorization:");
        bool is_secret = n > secret.len && weir_str_equal_nocase((weir_str){head.ptr, secret.len}, secret);
        show(stderr, mark, is_secret ? WEIR_STR("Authorization: ***") : (weir_str){head.ptr, n});
        n += n + 2 <= head.len ? 2 : head.len - n;
        head = (weir_str){head.ptr + n, head.len - n};
    }
}

static void show_fields(FILE *out, const char *mark, weir_fields fields)
{
    for (size_t i = 0; i < fields.count; i++) {
        const weir_field *f = &fields.list[i];
        (void)fprintf(out, "%s%.*s: ", mark, (int)f->name.len, f->name.ptr);
        show(out, "", f->value);
    }
}

static void show_answer_head(FILE *out, const char *mark, const weir_exchange *x)
{
    weir_str reason = weir_response_reason(x);
    unsigned version = weir_exchange_version(x);
    (void)fprintf(out, "%sHTTP/%u.%u %03u", mark, version / 10, version % 10, weir_response_status(x));
    show(out, reason.len > 0 ? " " : "", reason);
    show_fields(out, mark, weir_exchange_fields(x));
}

static void show_request_once(struct get *get, weir_exchange *x)
{
    char peer[128];
    weir_address address = weir_exchange_peer(x);
    if (!get->verbose || get->request_shown)
        return;
    get->request_shown = true;
    (void)weir_address_format(peer, sizeof peer, &address);
    (void)fprintf(stderr, "* connected to %s\n", peer);
    show_lines("> ", weir_request_head(x));
}

static void show_end(const struct get *get, const weir_exchange *x, const weir_exchange_ending *ending)
{
    weir_timings t = {.size = sizeof t};
    weir_exchange_timings(x, &t);
    (void)fprintf(stderr, "* exchange: %s (%s), stage %s, retry %s\n", weir_code_name(ending->code),
                  weir_code_text(ending->code), weir_stage_name(ending->stage), weir_retry_name(ending->retry));
    (void)fprintf(stderr,
                  "* times: resolve and connect %.3f ms, first octet %.3f ms, the rest %.3f ms, in all %.3f ms\n",
                  (double)t.dial_ns / MS, (double)t.first_octet_ns / MS,
                  t.first_octet_ns > 0 ? (double)(t.lived_ns - t.waited_ns - t.first_octet_ns) / MS : 0.0,
                  (double)t.lived_ns / MS);
    (void)fprintf(stderr, "* body: %" PRIu64 " octets out, %" PRIu64 " in\n", ending->body_out, ending->body_in);
    if (get->following != NULL && weir_follow_count(get->following) > 0) {
        (void)fprintf(stderr, "* %u redirects followed", weir_follow_count(get->following));
        show(stderr, ", to ", weir_follow_url(get->following));
    }
    if (weir_exchange_retries(x) > 0)
        (void)fprintf(stderr, "* sent again %u times\n", weir_exchange_retries(x));
}

/* --- the handler ------------------------------------------------------------------------------------------------ */

/* By -f. */
static bool is_dropped(const struct get *get)
{
    return get->fail && get->status >= 400;
}

/* Only now, so that a request that comes to nothing leaves what the file held. */
static bool open_output(struct get *get)
{
    if (get->out == NULL)
        get->out = strcmp(get->output, "-") == 0 ? stdout : fopen(get->output, "wbe");
    if (get->out == NULL)
        get->out_errno = errno;
    else
        get->out_shown = terminal_is(get->out);
    return get->out != NULL;
}

static void on_head(void *app, weir_exchange *x)
{
    struct get *get = app;
    show_request_once(get, x);
    if (get->verbose) {
        show_answer_head(stderr, "< ", x);
        (void)fputs("<\n", stderr);
    }
    if (weir_response_is_interim(x))
        return;
    get->status = weir_response_status(x);
    if (is_dropped(get))
        return;
    if (!open_output(get)) {
        weir_exchange_abort(x);
    } else if (get->include) {
        show_answer_head(get->out, "", x);
        (void)fputs("\n", get->out);
    }
}

static size_t on_body(void *app, weir_exchange *x, weir_str octets)
{
    struct get *get = app;
    if (is_dropped(get) || get->out == NULL) /* the latter: it could not be opened, and was given up */
        return octets.len;
    /* Flushed: who asks for a stream of events sees each when it comes. */
    if (terminal_write(get->out, get->out_shown, octets) && fflush(get->out) == 0)
        return octets.len;
    get->out_errno = errno;
    weir_exchange_abort(x);
    return octets.len;
}

static void on_end(void *app, weir_exchange *x)
{
    struct get *get = app;
    if (get->verbose && weir_exchange_trailers(x).count > 0) {
        (void)fputs("< (trailers)\n", stderr);
        show_fields(stderr, "< ", weir_exchange_trailers(x));
    }
}

/* What is uploaded comes from a file or a pipe: read when there is room for it. */
static void on_room(void *app, weir_exchange *x)
{
    struct get *get = app;
    if (get->form.count > 0) {
        if (form_write(&get->form, x))
            return;
        get->upload = "-F";
        get->in_errno = errno;
        weir_exchange_abort(x);
        return;
    }
    char octets[16384];
    while (get->upload_fd >= 0) {
        size_t room = weir_write_room(x);
        if (room == 0)
            return;
        ssize_t n = read(get->upload_fd, octets, room < sizeof octets ? room : sizeof octets);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            get->in_errno = errno;
            weir_exchange_abort(x);
            return;
        }
        if (n == 0) {
            (void)weir_finish(x, WEIR_NO_FIELDS);
            return;
        }
        (void)weir_write(x, (weir_str){octets, (size_t)n}); /* no more than there was room for */
    }
}

static void copy_view(char *to, size_t size, weir_str text)
{
    (void)snprintf(to, size, "%.*s", (int)text.len, text.len > 0 ? text.ptr : "");
}

/* For -w, while the exchange has it. */
static void note_told(struct get *get, const weir_exchange *x, const weir_exchange_ending *ending)
{
    struct write_out *told = &get->told;
    weir_address peer = weir_exchange_peer(x);
    weir_fields fields = weir_exchange_fields(x);
    told->status = get->status;
    told->version = weir_exchange_version(x);
    told->retries = weir_exchange_retries(x);
    told->redirects = get->following != NULL ? weir_follow_count(get->following) : 0;
    told->size_download = ending->body_in;
    told->size_upload = ending->body_out;
    told->ending = *ending;
    told->times.size = sizeof told->times;
    weir_exchange_timings(x, &told->times);
    copy_view(told->url_effective, sizeof told->url_effective,
              told->redirects > 0 ? weir_follow_url(get->following) : weir_str_from(get->url));
    copy_view(told->content_type, sizeof told->content_type, weir_fields_value(fields, WEIR_STR("content-type")));
    if (peer.family != 0)
        (void)weir_address_format(told->remote, sizeof told->remote, &peer);
}

static void on_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    struct get *get = app;
    show_request_once(get, x);
    if (get->verbose)
        show_end(get, x, ending);
    get->code = ending->code;
    get->retry = ending->retry;
    if (get->write_out != NULL)
        note_told(get, x, ending);
    weir_client_drain(get->client);
}

static void on_ending(void *app, const weir_ending *ending)
{
    const struct get *get = app;
    char text[WEIR_ENDING_TEXT_MAX];
    if (!get->verbose)
        return;
    (void)weir_ending_logfmt(text, ending);
    (void)fprintf(stderr, "* connection: %s\n", text);
}

static void on_drained(void *app)
{
    struct get *get = app;
    weir_loop_stop(get->loop);
}

/* --- the run ---------------------------------------------------------------------------------------------------- */

static int complain(const char *what, const char *text)
{
    (void)fprintf(stderr, "weir get: %s: %s\n", what, text);
    return 1;
}

/* The URL without the password that may be in it. */
static const char *rest_shown(const struct get *get)
{
    const char *authority = strstr(get->url, "://") + 3;
    const char *at = memrchr(authority, '@', strcspn(authority, "/?#"));
    return at != NULL ? at + 1 : get->url;
}

static const char *scheme_shown(const struct get *get)
{
    return rest_shown(get) == get->url ? "" : "http://***@";
}

static int verdict(const struct get *get)
{
    bool failed = get->in_errno != 0 || get->out_errno != 0 || get->code != WEIR_CODE_complete ||
                  (get->fail && get->status >= 400);
    if (failed && get->silent)
        return 1;
    if (get->in_errno != 0)
        return complain(get->upload, strerror(get->in_errno));
    if (get->out_errno != 0)
        return complain(get->output, strerror(get->out_errno));
    if (get->code != WEIR_CODE_complete) {
        (void)fprintf(stderr, "weir get: %s%s: %s: %s (retry: %s)\n", scheme_shown(get), rest_shown(get),
                      weir_code_name(get->code), weir_code_text(get->code), weir_retry_name(get->retry));
        return 1;
    }
    if (get->fail && get->status >= 400) {
        (void)fprintf(stderr, "weir get: %s%s: the answer is %u\n", scheme_shown(get), rest_shown(get), get->status);
        return 1;
    }
    return 0;
}

static const weir_handler handler =
    WEIR_HANDLER(.head = on_head, .body = on_body, .end = on_end, .room = on_room, .done = on_done);

/* With or without the comforts: each is a handler between. */
static weir_code send_request(struct get *get, weir_request *request, weir_error *error)
{
    weir_decoder *decoder = NULL;
    if (get->compressed) {
        weir_code code = weir_decoder_new(&decoder, &handler, get, NULL);
        if (code != WEIR_OK) {
            *error = (weir_error){.code = code};
            return code;
        }
        request->handler = weir_decoder_handler();
        request->app = decoder;
    }
    weir_code code = get->follow ? weir_follow_send(&get->following, get->client, request, NULL, error)
                                 : weir_client_send(get->client, request, NULL, error);
    if (code != WEIR_OK)
        weir_decoder_free(decoder);
    return code;
}

/* What a refusal is about: the client looks at the name servers, the request at where it is to connect. */
static const char *refused_option(const struct get *get, weir_code code)
{
    if (code != WEIR_CODE_bad_address)
        return weir_code_name(code);
    return get->client == NULL ? "--name-servers" : "--connect-to";
}

static int ask(struct get *get)
{
    weir_error error;
    weir_request request = get->request;
    request.handler = &handler;
    request.app = get;
    weir_client_options options = get->options;
    options.loop = get->loop;
    options.ending = on_ending;
    options.drained = on_drained;
    options.app = get;
    weir_code code = weir_client_new(&get->client, &options, &error);
    if (code == WEIR_OK)
        code = send_request(get, &request, &error);
    if (code == WEIR_OK)
        weir_loop_run(get->loop);
    else
        (void)complain(refused_option(get, code), error.text);
    weir_client_free(get->client);
    if (code != WEIR_OK)
        return weir_code_by(code) == WEIR_BY_KERNEL ? 1 : 2; /* what was asked for is wrong, or cannot be had */
    return verdict(get);
}

int command_get(int argc, char **argv)
{
    struct get get = {.upload_fd = -1, .output = "-", .retry = WEIR_RETRY_NOT_SENT};
    weir_error error;
    int status = get_options(&get, argc, argv);
    if (status >= 0)
        return status;
    if (strcmp(get.output, "-") != 0 && !whole_file_check(get.output)) {
        status = complain(get.output, strerror(errno));
        get_release(&get);
        return status;
    }
    if (weir_loop_new(&get.loop, NULL, &error) != WEIR_OK) {
        status = complain(weir_code_name(error.code), error.text);
    } else {
        status = ask(&get);
        weir_loop_free(get.loop);
    }
    if (get.write_out != NULL && get.told.times.size != 0) {
        get.told.url = get.url;
        get.told.method = get.request.method.ptr;
        write_out_print(get.write_out, &get.told);
    }
    bool closed = fflush(stdout) == 0 && (get.out == NULL || get.out == stdout || fclose(get.out) == 0);
    if (!closed && status == 0)
        status = complain(get.output, strerror(errno));
    get_release(&get);
    return status;
}
