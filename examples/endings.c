/* Every ending of every connection, a line each, through a callback of the user's own: who ended it, how, where it was,
 * whether the client has what it was owed, and whether anyone should care.
 *
 *     build/examples/endings
 *     curl http://127.0.0.1:8080/                        peer_fin_idle, delivered, routine
 *     nc -z 127.0.0.1 8080                               peer_fin_unused
 *     printf 'GET / HT' | nc -N 127.0.0.1 8080           peer_fin_in_head, notable
 *     printf 'nonsense\r\n\r\n' | nc -N 127.0.0.1 8080   bad_request_line
 */
#include <signal.h>
#include <stdio.h>
#include <weir/weir.h>

static weir_server *server;

static void head(void *app, weir_exchange *x)
{
    (void)app;
    weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("text/plain")}),
                 weir_body_borrow(WEIR_STR("hello\n")));
}

/* On the thread of the connection's worker; the record lives until this returns. */
static void on_ending(void *app, const weir_ending *ending)
{
    (void)app;
    char text[WEIR_ENDING_TEXT_MAX];
    weir_ending_logfmt(text, ending);
    puts(text);
    if (ending->judged != WEIR_CLASS_ROUTINE)
        printf("    %s\n", weir_code_text(ending->code));
}

static void on_sigterm(int number)
{
    (void)number;
    weir_server_drain(server);
}

int main(int argc, char **argv)
{
    static const weir_handler handler = WEIR_HANDLER(.head = head);
    weir_str listen = weir_str_from(argc > 1 ? argv[1] : "127.0.0.1:8080");
    weir_error error;
    char address[128];
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (weir_server_new(&server, WEIR_SERVER(.listen = listen, .handler = &handler, .ending = on_ending), &error) !=
        WEIR_OK) {
        fprintf(stderr, "endings: %s\n", error.text);
        return 1;
    }
    signal(SIGTERM, on_sigterm);
    weir_server_address(server, 0, address, sizeof(address));
    fprintf(stderr, "listening on %s\n", address);
    weir_code code = weir_server_run(server, &error);
    if (code != WEIR_OK)
        fprintf(stderr, "endings: %s\n", error.text);
    signal(SIGTERM, SIG_DFL); /* there is nothing left to drain */
    weir_server_free(server);
    return code == WEIR_OK ? 0 : 1;
}
