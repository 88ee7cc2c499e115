#include "load/target.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static bool set_unix(struct load_target *target, const char *path, char *error, size_t error_size)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&target->address;
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof(address->sun_path)) {
        (void)snprintf(error, error_size, "the path of a unix socket has 1 to %zu octets: '%s'",
                       sizeof(address->sun_path) - 1, path);
        return false;
    }
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length + 1);
    target->address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    (void)snprintf(target->text, sizeof(target->text), "unix:%s", path);
    return true;
}

static void describe(struct load_target *target)
{
    weir_address address = {.family = (uint8_t)target->address.ss_family};
    if (address.family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&target->address;
        memcpy(address.octets, &v6->sin6_addr, 16);
        address.port = ntohs(v6->sin6_port);
    } else {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&target->address;
        memcpy(address.octets, &v4->sin_addr, 4);
        address.port = ntohs(v4->sin_port);
    }
    (void)weir_address_format(target->text, sizeof(target->text), &address);
}

static bool takes_connections(const struct addrinfo *info)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval patience = {.tv_sec = 3};
    if (fd < 0)
        return false;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    bool connected = connect(fd, info->ai_addr, info->ai_addrlen) == 0;
    (void)close(fd);
    return connected;
}

static bool resolve(struct load_target *target, const char *host, const char *port, char *error, size_t error_size)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int result = getaddrinfo(host, port, &hints, &found);
    if (result != 0) {
        (void)snprintf(error, error_size, "'%s' was not resolved: %s", host,
                       result == EAI_SYSTEM ? strerror(errno) : gai_strerror(result));
        return false;
    }
    const struct addrinfo *pick = found;
    /* One address needs no trial: its connections are the run's only ones, as the server counts them. */
    for (const struct addrinfo *each = found; found->ai_next != NULL && each != NULL; each = each->ai_next) {
        if (!takes_connections(each))
            continue;
        pick = each;
        break;
    }
    memcpy(&target->address, pick->ai_addr, pick->ai_addrlen);
    target->address_size = pick->ai_addrlen;
    freeaddrinfo(found);
    describe(target);
    return true;
}

/* Takes "HOST[:PORT]" or "[v6][:PORT]" apart, in place. False: it is neither. */
static bool split_authority(char *authority, char **host, char **port)
{
    static char http[] = "80";
    char *end;
    *host = authority;
    *port = http;
    if (authority[0] == '[') {
        *host = authority + 1;
        end = strchr(authority, ']');
        if (end == NULL)
            return false;
        *end++ = '\0';
    } else {
        end = authority + strcspn(authority, ":");
    }
    if (*end == ':') {
        *end = '\0';
        *port = end + 1;
        size_t digits = strspn(*port, "0123456789");
        if (digits == 0 || digits > 5 || (*port)[digits] != '\0' || atoi(*port) > 65535 || atoi(*port) == 0)
            return false;
    } else if (*end != '\0') {
        return false;
    }
    return **host != '\0';
}

static bool set_path(struct load_target *target, const char *rest)
{
    size_t length = strcspn(rest, "#");
    target->path = malloc(length + 2);
    if (target->path == NULL)
        return false;
    size_t slash = rest[0] == '/' ? 0 : 1;
    target->path[0] = '/';
    memcpy(target->path + slash, rest, length);
    target->path[slash + length] = '\0';
    return true;
}

static bool init_unix_url(struct load_target *target, const char *path, char *error, size_t error_size, bool *usage)
{
    target->path = strdup("/");
    target->host = strdup("localhost");
    if (target->path != NULL && target->host != NULL)
        return set_unix(target, path, error, error_size);
    *usage = false;
    (void)snprintf(error, error_size, "out of memory");
    return false;
}

static bool init_http(struct load_target *target, const char *rest, const char *unix_path, char *error,
                      size_t error_size, bool *usage)
{
    size_t length = strcspn(rest, "/?#");
    char *host, *port;
    target->host = strndup(rest, length);
    char *authority = strndup(rest, length);
    bool done = target->host != NULL && authority != NULL && set_path(target, rest + length);
    if (!done) {
        *usage = false;
        (void)snprintf(error, error_size, "out of memory");
    } else if (strchr(authority, '@') != NULL) {
        (void)snprintf(error, error_size, "the URL has a user in it: expected -H 'Authorization: Basic ...' instead");
        done = false;
    } else if (!split_authority(authority, &host, &port)) {
        (void)snprintf(error, error_size, "the URL is '%s': expected http://HOST[:PORT]/path?query or unix:PATH",
                       target->url);
        done = false;
    } else if (unix_path != NULL) {
        done = set_unix(target, unix_path, error, error_size);
    } else {
        *usage = false;
        done = resolve(target, host, port, error, error_size);
    }
    free(authority);
    return done;
}

bool load_target_init(struct load_target *target, const char *url, const char *unix_path, char *error,
                      size_t error_size, bool *usage)
{
    *target = (struct load_target){.url = url};
    *usage = true;
    if (strncmp(url, "unix:", 5) == 0 && unix_path == NULL)
        return init_unix_url(target, url + 5, error, error_size, usage);
    if (strncasecmp(url, "https://", 8) == 0)
        (void)snprintf(error, error_size,
                       "the URL is '%s': https needs TLS, which is not in this build; expected http://", url);
    else if (strncasecmp(url, "http://", 7) == 0)
        return init_http(target, url + 7, unix_path, error, error_size, usage);
    else if (strstr(url, "://") == NULL && url[0] != '\0') /* as people type it: HOST:PORT/path */
        return init_http(target, url, unix_path, error, error_size, usage);
    else
        (void)snprintf(error, error_size, "the URL is '%s': expected http://HOST[:PORT]/path?query or unix:PATH", url);
    return false;
}

void load_target_fini(struct load_target *target)
{
    free(target->path);
    free(target->host);
}
