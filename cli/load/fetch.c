#include "load/fetch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load/socket.h"
#include "load/worker.h"

#define PATIENCE_NS (10 * WEIR_SECOND)

static size_t on_body(void *app, weir_exchange *x, weir_str octets)
{
    struct load_fetch *f = app;
    (void)x;
    text_add(&f->body, octets.ptr, octets.len);
    return octets.len;
}

static void on_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    struct load_fetch *f = app;
    f->status = weir_response_status(x);
    f->whole = ending->code == WEIR_CODE_complete;
    f->done = true;
}

bool load_fetch_init(struct load_fetch *f, const char *url, char *error, size_t error_size, bool *usage)
{
    const weir_handler handler = WEIR_HANDLER(.body = on_body, .done = on_done);
    weir_error why = {.text = "out of memory"};
    *f = (struct load_fetch){.fd = -1, .body = text_growing()};
    if (!load_target_init(&f->target, url, NULL, error, error_size, usage))
        return false;
    weir_conn_options options = WEIR_CONN_OPTIONS(.role = WEIR_ROLE_CLIENT, .handler = &handler, .app = f);
    *usage = false;
    options.limits.idle_timeout_ns = WEIR_UNLIMITED;
    if (weir_conn_config_new(&f->config, &options, &why) == WEIR_OK)
        return true;
    (void)snprintf(error, error_size, "%s", why.text);
    return false;
}

static void disconnect(struct load_fetch *f)
{
    weir_ending ending;
    if (f->engine == NULL)
        return;
    weir_conn_closed(f->engine, NULL, load_now(), &ending);
    weir_conn_free(f->engine);
    f->engine = NULL;
    load_socket_close(f->fd, false);
}

static bool connect_now(struct load_fetch *f)
{
    bool connected;
    f->fd = load_socket_dial(&f->target, &connected);
    if (f->fd < 0)
        return false;
    struct pollfd watched = {.fd = f->fd, .events = POLLOUT};
    int os = 0;
    if (!connected)
        os = poll(&watched, 1, (int)(PATIENCE_NS / WEIR_MS)) == 1 ? load_socket_dialled(f->fd) : ETIMEDOUT;
    if (os == 0 && weir_conn_new(&f->engine, f->config, f, load_now()) != WEIR_OK)
        os = ENOMEM;
    if (os != 0) {
        f->engine = NULL;
        load_socket_close(f->fd, false);
        errno = os;
        return false;
    }
    errno = 0; /* the dial was under way, which is no error */
    f->dials++;
    f->octets_out = 0;
    return true;
}

static void read_some(struct load_fetch *f)
{
    size_t size;
    char *space = weir_conn_reserve(f->engine, &size);
    ssize_t n = space != NULL ? recv(f->fd, space, size, 0) : -1;
    int os = space != NULL ? errno : EAGAIN;
    weir_conn_received(f->engine, n > 0 ? (size_t)n : 0, load_now());
    if (n == 0)
        weir_conn_received_fin(f->engine, load_now());
    else if (n < 0 && os != EAGAIN && os != EINTR)
        weir_conn_failed(f->engine, WEIR_DIRECTION_IN, os, load_now());
}

static void write_some(struct load_fetch *f)
{
    weir_output piece;
    if (weir_conn_output(f->engine, &piece, 1) == 0)
        return;
    ssize_t n = send(f->fd, piece.ptr, piece.len, MSG_NOSIGNAL);
    if (n > 0)
        weir_conn_sent(f->engine, (size_t)n, load_now());
    else if (errno != EAGAIN && errno != EINTR)
        weir_conn_failed(f->engine, WEIR_DIRECTION_OUT, errno, load_now());
    f->octets_out += n > 0 ? (uint64_t)n : 0;
}

/* Until the answer is whole, or the connection is to be given up: whatever the engine wants beyond octets ends it
 * here. */
static void converse(struct load_fetch *f)
{
    const unsigned last = WEIR_WANT_CLOSE | WEIR_WANT_ABORT | WEIR_WANT_SHUTDOWN;
    uint64_t until_ns = load_now() + PATIENCE_NS;
    while (!f->done && load_now() < until_ns) {
        unsigned wants = weir_conn_wants(f->engine);
        if (wants & last)
            break;
        if (wants & WEIR_WANT_RECEIPT) {
            weir_receipt receipt = load_socket_receipt(f->fd, f->octets_out);
            weir_conn_receipt(f->engine, &receipt, load_now());
            continue;
        }
        bool writes = (wants & WEIR_WANT_WRITE) != 0;
        struct pollfd watched = {.fd = f->fd, .events = (short)(writes ? POLLOUT | POLLIN : POLLIN)};
        if (poll(&watched, 1, 1000) <= 0)
            continue;
        if (writes && (watched.revents & POLLOUT))
            write_some(f);
        if (watched.revents & (POLLIN | POLLHUP | POLLERR))
            read_some(f);
    }
    if (!f->done || !weir_conn_is_idle(f->engine))
        disconnect(f);
}

static bool try_once(struct load_fetch *f)
{
    weir_exchange *x;
    const weir_request request = {.size = sizeof(request),
                                  .target = weir_str_from(f->target.path),
                                  .host = weir_str_from(f->target.host)};
    if (f->engine == NULL && !connect_now(f))
        return false;
    text_free(&f->body);
    f->done = f->whole = false;
    f->status = 0;
    if (weir_conn_request(f->engine, &request, &x, load_now()) != WEIR_OK) {
        disconnect(f);
        return false;
    }
    converse(f);
    return f->done && f->whole;
}

bool load_fetch_get(struct load_fetch *f, char *error, size_t error_size)
{
    bool kept = f->engine != NULL;
    errno = 0;
    /* One that was idle may have been closed meanwhile: then once more. */
    if (!try_once(f) && !(kept && try_once(f))) {
        (void)snprintf(error, error_size, "%s: no answer%s%s", f->target.url, errno != 0 ? ": " : "",
                       errno != 0 ? strerror(errno) : "");
        return false;
    }
    f->fetched++;
    if (f->status == 200)
        return true;
    (void)snprintf(error, error_size, "%s: status %u, expected 200", f->target.url, f->status);
    return false;
}

void load_fetch_fini(struct load_fetch *f)
{
    disconnect(f);
    if (f->config != NULL)
        weir_conn_config_free(f->config);
    load_target_fini(&f->target);
    text_free(&f->body);
}
