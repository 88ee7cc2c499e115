/* A program outside the tree: serves on a free port, asks itself for `/`, drains, and is content with the answer. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/weir.h>

static void hello(void *app, weir_exchange *x)
{
    (void)app;
    weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("text/plain")}),
                 weir_body_borrow(WEIR_STR("hello\n")));
}

static void *serve(void *server)
{
    weir_code code = weir_server_run(server, NULL);
    return code == WEIR_OK ? server : NULL;
}

/* The whole answer, terminated; false when it does not come. */
static bool ask(const char *address, char *answer, size_t size)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    to.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    size_t got = 0;
    ssize_t n = -1;
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
        send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == sizeof request - 1) {
        while (got + 1 < size && (n = recv(fd, answer + got, size - 1 - got, 0)) > 0)
            got += (size_t)n;
    }
    answer[got] = '\0';
    if (fd >= 0)
        close(fd);
    return n == 0;
}

int main(void)
{
    static const weir_handler handler = WEIR_HANDLER(.head = hello);
    weir_server *server;
    char address[128];
    char answer[1024];
    pthread_t thread;
    void *served = NULL;
    if (strncmp(weir_version(), WEIR_VERSION, strlen(WEIR_VERSION)) != 0)
        return 2;
    if (weir_server_new(&server, WEIR_SERVER(.listen = WEIR_STR("127.0.0.1:0"), .handler = &handler), NULL) != WEIR_OK)
        return 3;
    if (!weir_server_address(server, 0, address, sizeof address) || pthread_create(&thread, NULL, serve, server) != 0)
        return 4;
    bool answered = ask(address, answer, sizeof answer) && strstr(answer, "\r\n\r\nhello\n");
    weir_server_drain(server);
    pthread_join(thread, &served);
    weir_server_free(server);
    if (!answered || !served)
        return 5;
    puts(weir_version());
    return 0;
}
