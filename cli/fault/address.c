#include "fault/address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <weir/base.h>

#include "common/options.h"

#define UNIX_PREFIX   "unix:"
#define BACKLOG       4096
#define UNIX_PATH_MAX sizeof(((struct sockaddr_un *)0)->sun_path)

static const char expected[] = "expected HOST:PORT, [v6]:PORT or unix:PATH";

static enum fault_address_result find_unix(struct fault_addresses *out, const char *path, char *why, size_t size)
{
    struct sockaddr_un *place = (struct sockaddr_un *)&out->all[0].place;
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof(place->sun_path)) {
        (void)snprintf(why, size, "the path of a unix socket has 1 to %zu octets", sizeof(place->sun_path) - 1);
        return FAULT_ADDRESS_BAD;
    }
    place->sun_family = AF_UNIX;
    memcpy(place->sun_path, path, length + 1);
    out->all[0].size = sizeof(*place);
    out->count = 1;
    return FAULT_ADDRESS_OK;
}

/* "HOST:PORT" or "[HOST]:PORT" in two; false if it is neither. */
static bool split(const char *text, char *host, size_t host_size, const char **port)
{
    const char *colon = strrchr(text, ':');
    uint64_t number;
    if (colon == NULL || !option_digits(weir_str_from(colon + 1), 65535, &number))
        return false;
    size_t length = (size_t)(colon - text);
    bool brackets = length >= 2 && text[0] == '[' && text[length - 1] == ']';
    if (brackets) {
        text++;
        length -= 2;
    }
    if (length >= host_size || memchr(text, brackets ? ']' : ':', length) != NULL || strcspn(text, "[ ,") < length)
        return false;
    memcpy(host, text, length);
    host[length] = '\0';
    *port = colon + 1;
    return true;
}

enum fault_address_result fault_address_find(struct fault_addresses *out, const char *text, bool listens, char *why,
                                             size_t size)
{
    char host[256];
    const char *port;
    *out = (struct fault_addresses){.count = 0};
    if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
        return find_unix(out, text + strlen(UNIX_PREFIX), why, size);
    if (!split(text, host, sizeof(host), &port) || (host[0] == '\0' && !listens)) {
        (void)snprintf(why, size, "%s", expected);
        return FAULT_ADDRESS_BAD;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | (listens ? AI_PASSIVE : 0)};
    struct addrinfo *list = NULL;
    int failure = getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &list);
    if (failure != 0) {
        (void)snprintf(why, size, "%s", gai_strerror(failure));
        return FAULT_ADDRESS_UNKNOWN;
    }
    for (struct addrinfo *one = list; one != NULL && out->count < FAULT_ADDRESSES; one = one->ai_next) {
        struct fault_address *address = &out->all[out->count++];
        memcpy(&address->place, one->ai_addr, one->ai_addrlen);
        address->size = one->ai_addrlen;
    }
    freeaddrinfo(list);
    return FAULT_ADDRESS_OK;
}

static int open_socket(const struct fault_address *address)
{
    return socket(address->place.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int fail(int fd)
{
    int os = errno;
    if (fd >= 0)
        (void)close(fd);
    errno = os;
    return -1;
}

static const char *path_of(const struct fault_address *address)
{
    return ((const struct sockaddr_un *)&address->place)->sun_path;
}

/* A socket's file outlives a process that was killed. True if this one is such a leftover, and gone now. */
static bool remove_leftover(const struct fault_address *address)
{
    struct stat file;
    if (lstat(path_of(address), &file) != 0 || !S_ISSOCK(file.st_mode))
        return false;
    int fd = open_socket(address);
    bool dead =
        fd >= 0 && connect(fd, (const struct sockaddr *)&address->place, address->size) != 0 && errno == ECONNREFUSED;
    if (fd >= 0)
        (void)close(fd);
    return dead && unlink(path_of(address)) == 0;
}

int fault_address_listen(const struct fault_address *address)
{
    const struct sockaddr *place = (const struct sockaddr *)&address->place;
    int one = 1, fd = open_socket(address);
    if (fd < 0)
        return -1;
    if (address->place.ss_family != AF_UNIX)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    int bound = bind(fd, place, address->size);
    if (bound != 0 && errno == EADDRINUSE && address->place.ss_family == AF_UNIX) {
        bound = remove_leftover(address) ? bind(fd, place, address->size) : -1;
        if (bound != 0)
            errno = EADDRINUSE;
    }
    if (bound != 0 || listen(fd, BACKLOG) != 0)
        return fail(fd);
    return fd;
}

void fault_address_unlisten(const struct fault_address *address)
{
    if (address->place.ss_family == AF_UNIX)
        (void)unlink(path_of(address));
}

int fault_address_dial(const struct fault_address *address)
{
    int fd = open_socket(address);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&address->place, address->size) != 0 && errno != EINPROGRESS)
        return fail(fd);
    return fd;
}

void fault_address_text(const struct fault_address *address, char text[FAULT_ADDRESS_TEXT])
{
    const struct sockaddr_storage *place = &address->place;
    char host[INET6_ADDRSTRLEN + 20] = "", port[8] = "";
    if (place->ss_family == AF_UNIX) {
        /* The kernel gives a peer without a name two octets of address. */
        bool named = address->size > offsetof(struct sockaddr_un, sun_path);
        (void)snprintf(text, FAULT_ADDRESS_TEXT, UNIX_PREFIX "%.*s", named ? (int)UNIX_PATH_MAX : 0,
                       named ? path_of(address) : "");
        return;
    }
    (void)getnameinfo((const struct sockaddr *)place, address->size, host, sizeof(host), port, sizeof(port),
                      NI_NUMERICHOST | NI_NUMERICSERV);
    (void)snprintf(text, FAULT_ADDRESS_TEXT, place->ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

void fault_address_of(int fd, bool peer, char text[FAULT_ADDRESS_TEXT])
{
    struct fault_address address = {.size = sizeof(address.place)};
    struct sockaddr *place = (struct sockaddr *)&address.place;
    text[0] = '\0';
    if ((peer ? getpeername(fd, place, &address.size) : getsockname(fd, place, &address.size)) == 0)
        fault_address_text(&address, text);
}
