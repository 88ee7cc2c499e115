/* The smallest server: every request gets the same answer, and SIGTERM and ctrl-C drain it.
 *
 *     build/examples/hello
 *     curl http://127.0.0.1:8080/
 */
#include <weir/weir.h>

static void hello(void *app, weir_exchange *x)
{
    (void)app;
    weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("text/plain")}),
                 weir_body_borrow(WEIR_STR("hello\n")));
}

int main(int argc, char **argv)
{
    static const weir_handler handler = WEIR_HANDLER(.head = hello);
    weir_str listen = weir_str_from(argc > 1 ? argv[1] : "127.0.0.1:8080");
    return weir_serve(WEIR_SERVER(.listen = listen, .handler = &handler, .drain_on_signals = true));
}
