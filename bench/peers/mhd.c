// libmicrohttpd as a peer in the benchmark: one internal thread on epoll, one response made ahead and queued for every
// request, its per-connection pool left at the default.   Usage: mhd PORT
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static enum MHD_Result answer(void *app, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *body, size_t *body_size, void **exchange)
{
    (void)url, (void)method, (void)version, (void)body, (void)body_size;
    if (!*exchange) { // an answer in the first call, before the body, would close the connection
        *exchange = app;
        return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, app);
}

int main(int argc, char **argv)
{
    static char hello[] = "Hello, World!";
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((in_port_t)atoi(argc > 1 ? argv[1] : "8080"))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct MHD_Response *response = MHD_create_response_from_buffer(sizeof hello - 1, hello, MHD_RESPMEM_PERSISTENT);
    if (!response || !MHD_add_response_header(response, "Content-Type", "text/plain"))
        return fprintf(stderr, "mhd: no memory\n"), 1;
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO, 0, NULL, NULL, answer, response,
                         MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_CONNECTION_LIMIT, 20000u,
                         MHD_OPTION_CONNECTION_TIMEOUT, 600u, MHD_OPTION_LISTEN_BACKLOG_SIZE, 4096u, MHD_OPTION_END);
    if (!daemon)
        return fprintf(stderr, "mhd: could not start on port %s\n", argc > 1 ? argv[1] : "8080"), 1;
    for (;;)
        pause();
}
