/* Upgrade: after `Upgrade: echo` the connection is no longer HTTP but a tunnel, whose octets are sent back as they
 * come, and no faster than the peer takes them. Any other request is told to upgrade (426).
 *
 *     build/examples/upgrade
 *     curl -i http://127.0.0.1:8080/
 *     printf 'GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nraw octets\n' | nc -N 127.0.0.1 8080 */
#include <signal.h>
#include <stdio.h>
#include <weir/weir.h>

static weir_server *server;

static bool lists(const weir_exchange *x, weir_str name, weir_str wanted)
{
    weir_fields fields = weir_exchange_fields(x);
    for (const weir_field *field = weir_fields_find(fields, name); field != NULL;
         field = weir_fields_find_next(fields, field)) {
        weir_str rest = field->value, member;
        while (weir_list_next(&rest, &member))
            if (weir_str_equal_nocase(member, wanted))
                return true;
    }
    return false;
}

/* RFC 9110, 7.8: Upgrade counts only where Connection names it too, and not in HTTP/1.0. A request with a body would
 * have to be read to its end first: this server does not. */
static bool asks_for_echo(const weir_exchange *x)
{
    return weir_exchange_version(x) >= 11 && weir_str_equal(weir_request_method(x), WEIR_STR("GET")) &&
           weir_body_length(x) == 0 && lists(x, WEIR_STR("connection"), WEIR_STR("upgrade")) &&
           lists(x, WEIR_STR("upgrade"), WEIR_STR("echo"));
}

static void head(void *app, weir_exchange *x)
{
    (void)app;
    const weir_fields fields =
        WEIR_FIELDS({WEIR_STR("upgrade"), WEIR_STR("echo")}, {WEIR_STR("connection"), WEIR_STR("upgrade")});
    if (asks_for_echo(x)) {
        weir_respond(x, 101, fields, weir_body_tunnel());
        return;
    }
    weir_body_refuse(x);
    weir_respond(x, 426, fields, weir_body_borrow(WEIR_STR("this server speaks nothing but echo\n")));
}

/* What the tunnel's other direction does not take is not taken from this one either. After our FIN it is dropped. */
static size_t body(void *app, weir_exchange *x, weir_str octets)
{
    (void)app;
    return weir_exchange_user(x) == NULL ? weir_write(x, octets) : octets.len;
}

static void room(void *app, weir_exchange *x)
{
    (void)app;
    weir_body_resume(x);
}

/* In a tunnel: the peer's FIN, after its last octet. Ours follows what is still to be echoed. */
static void end(void *app, weir_exchange *x)
{
    (void)app;
    weir_finish(x, WEIR_NO_FIELDS);
}

/* A tunnel has no end of its own: a drain gives it one. */
static void on_event(void *app, weir_exchange *x, weir_event event)
{
    static char finished;
    (void)app;
    if (event != WEIR_EVENT_DRAIN)
        return;
    weir_exchange_set_user(x, &finished);
    weir_finish(x, WEIR_NO_FIELDS);
    weir_body_resume(x);
}

static void on_sigterm(int number)
{
    (void)number;
    weir_server_drain(server);
}

int main(int argc, char **argv)
{
    static const weir_handler handler =
        WEIR_HANDLER(.head = head, .body = body, .room = room, .end = end, .event = on_event);
    weir_str listen = weir_str_from(argc > 1 ? argv[1] : "127.0.0.1:8080");
    weir_error error;
    char address[128];
    if (weir_server_new(&server, WEIR_SERVER(.listen = listen, .handler = &handler), &error) != WEIR_OK) {
        fprintf(stderr, "upgrade: %s\n", error.text);
        return 1;
    }
    signal(SIGTERM, on_sigterm);
    weir_server_address(server, 0, address, sizeof(address));
    fprintf(stderr, "listening on %s\n", address);
    weir_code code = weir_server_run(server, &error);
    if (code != WEIR_OK)
        fprintf(stderr, "upgrade: %s\n", error.text);
    signal(SIGTERM, SIG_DFL); /* there is nothing left to drain */
    weir_server_free(server);
    return code == WEIR_OK ? 0 : 1;
}
