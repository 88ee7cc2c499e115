/* A program outside the tree that uses the comforts: follows its own redirect to a compressed content, and shows it. */
#include <stdio.h>
#include <string.h>
#include <weir/decode.h>
#include <weir/follow.h>
#include <weir/weir.h>

static const char text[] = "hello, redirected and compressed\n";
static const unsigned char gzipped[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xd7, 0x51, 0x28,
    0x4a, 0x4d, 0xc9, 0x2c, 0x4a, 0x4d, 0x2e, 0x49, 0x4d, 0x51, 0x48, 0xcc, 0x4b, 0x51, 0x48, 0xce, 0xcf, 0x2d,
    0x28, 0x4a, 0x2d, 0x2e, 0x4e, 0x4d, 0xe1, 0x02, 0x00, 0x40, 0x68, 0x45, 0x02, 0x21, 0x00, 0x00, 0x00,
};

static weir_loop *loop;
static weir_server *server;
static weir_client *client;
static char got[256];
static size_t got_size;
static bool whole;

static void answer(void *app, weir_exchange *x)
{
    (void)app;
    if (weir_str_equal(weir_request_path(x), WEIR_STR("/")))
        weir_respond(x, 302, WEIR_FIELDS({WEIR_STR("location"), WEIR_STR("/there")}), weir_body_none());
    else
        weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("content-encoding"), WEIR_STR("gzip")}),
                     weir_body_borrow((weir_str){(const char *)gzipped, sizeof gzipped}));
}

static size_t body(void *app, weir_exchange *x, weir_str octets)
{
    (void)app;
    (void)x;
    for (size_t i = 0; i < octets.len && got_size < sizeof got; i++)
        got[got_size++] = octets.ptr[i];
    return octets.len;
}

static void done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)app;
    (void)x;
    whole = ending->code == WEIR_CODE_complete;
    weir_client_drain(client);
}

static void drained(void *app)
{
    (void)app;
    weir_server_drain(server);
}

static void stopped(void *app)
{
    (void)app;
    weir_loop_stop(loop);
}

static bool ask(void)
{
    static const weir_handler handler = WEIR_HANDLER(.body = body, .done = done);
    char address[128], url[160];
    weir_decoder *decoder;
    if (!weir_server_address(server, 0, address, sizeof address) ||
        weir_decoder_new(&decoder, &handler, NULL, NULL) != WEIR_OK)
        return false;
    snprintf(url, sizeof url, "http://%s/", address);
    return weir_follow_send(NULL, client,
                            WEIR_REQUEST(.url = weir_str_from(url), .handler = weir_decoder_handler(), .app = decoder,
                                         .fields = WEIR_FIELDS({WEIR_STR("Accept-Encoding"), weir_decoder_codings()})),
                            NULL, NULL) == WEIR_OK;
}

int main(void)
{
    static const weir_handler handler = WEIR_HANDLER(.head = answer);
    if (weir_loop_new(&loop, NULL, NULL) != WEIR_OK ||
        weir_server_new(&server,
                        WEIR_SERVER(.listen = WEIR_STR("127.0.0.1:0"), .handler = &handler, .loop = loop,
                                    .stopped = stopped),
                        NULL) != WEIR_OK ||
        weir_client_new(&client, WEIR_CLIENT(.loop = loop, .drained = drained), NULL) != WEIR_OK)
        return 2;
    if (weir_server_run(server, NULL) != WEIR_OK || !ask())
        return 3;
    weir_loop_run(loop);
    weir_client_free(client);
    weir_server_free(server);
    weir_loop_free(loop);
    printf("%.*s", (int)got_size, got);
    return whole && got_size == strlen(text) && memcmp(got, text, got_size) == 0 ? 0 : 4;
}
