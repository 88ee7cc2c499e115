#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "get/get.h"

/* What stands on the command line, before it is understood. */
struct given {
    const char *method, *upload, *connect_to, *proxy, *retry, *name_servers, *local;
    struct option_list fields, data;
    bool head, expect, strict;
    uint64_t timeout_ns, connect_timeout_ns, resolve_timeout_ns, response_timeout_ns, expect_timeout_ns;
};

static int wrong(const char *option, const char *value, const char *expected)
{
    (void)fprintf(stderr, "weir get: %s is '%s': expected %s\n", option, value, expected);
    return 2;
}

/* "Name: value"; as curl has it, "Name:" is one that is not to be sent, and "Name;" one with an empty value. */
static bool parse_field(weir_field *field, const char *text)
{
    const char *colon = strchr(text, ':');
    size_t length = strlen(text);
    if (colon == NULL && length > 0 && text[length - 1] == ';')
        colon = text + length - 1;
    if (colon == NULL || colon == text)
        return false;
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    field->name = (weir_str){text, (size_t)(colon - text)};
    field->value = weir_str_from(value);
    return weir_field_name_valid(field->name) && weir_field_value_valid(field->value);
}

static bool is_unwanted(const char *text, const weir_field *field)
{
    return field->value.len == 0 && text[field->name.len] == ':';
}

/* A field of that name was given, or given without a value so that it is not sent. */
static bool is_decided(const struct get *get, const struct given *given, const char *name)
{
    if (weir_fields_find(get->request.fields, weir_str_from(name)) != NULL)
        return true;
    for (size_t i = 0; i < given->fields.count; i++)
        if (strcspn(given->fields.values[i], ":") == strlen(name) &&
            strncasecmp(given->fields.values[i], name, strlen(name)) == 0)
            return true;
    return false;
}

static int take_fields(struct get *get, const struct given *given)
{
    get->request.fields = (weir_fields){.list = get->fields};
    for (size_t i = 0; i < given->fields.count; i++) {
        const char *text = given->fields.values[i];
        weir_field *field = &get->fields[get->request.fields.count];
        if (!parse_field(field, text))
            return wrong("-H", text, "a field as in 'Name: value'");
        get->request.fields.count += !is_unwanted(text, field);
    }
    if (given->data.count > 0 && !is_decided(get, given, "content-type"))
        get->fields[get->request.fields.count++] =
            (weir_field){WEIR_STR("Content-Type"), WEIR_STR("application/x-www-form-urlencoded")};
    return -1;
}

/* The whole of a file; null with errno set. */
static char *read_whole(const char *path, size_t *size)
{
    size_t capacity = 65536;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    char *octets = file != NULL ? malloc(capacity) : NULL;
    *size = 0;
    for (size_t n; octets != NULL && (n = fread(octets + *size, 1, capacity - *size, file)) > 0;) {
        *size += n;
        if (*size < capacity)
            continue;
        char *more = realloc(octets, capacity *= 2);
        if (more == NULL)
            free(octets);
        octets = more;
    }
    if (octets != NULL && ferror(file)) {
        free(octets);
        octets = NULL;
    }
    if (file != NULL && file != stdin)
        (void)fclose(file);
    return octets;
}

/* What can be decoded is asked for. */
static int take_codings(struct get *get, const struct given *given)
{
    if (get->compressed && !is_decided(get, given, "accept-encoding"))
        get->fields[get->request.fields.count++] = (weir_field){WEIR_STR("Accept-Encoding"), weir_decoder_codings()};
    return -1;
}

static int add_data(struct get *get, const char *value)
{
    size_t size = strlen(value);
    char *octets = value[0] == '@' ? read_whole(value + 1, &size) : NULL;
    if (value[0] == '@' && octets == NULL) {
        (void)fprintf(stderr, "weir get: -d %s: %s\n", value, strerror(errno));
        return 1;
    }
    text_add(&get->data, octets != NULL ? octets : value, size);
    free(octets);
    if (get->data.cut) {
        (void)fputs("weir get: no memory\n", stderr);
        return 1;
    }
    return -1;
}

/* Several are joined as the pairs of a form are. */
static int take_data(struct get *get, const struct given *given)
{
    if (given->data.count == 0)
        return -1;
    get->data = text_growing();
    for (size_t i = 0; i < given->data.count; i++) {
        if (i > 0)
            text_add(&get->data, "&", 1);
        int status = add_data(get, given->data.values[i]);
        if (status >= 0)
            return status;
    }
    get->request.body = weir_body_borrow(text_view(&get->data));
    return -1;
}

/* A file is sent with its length; a pipe in chunks, as its length is not known. */
static int take_upload(struct get *get, const struct given *given)
{
    struct stat about;
    if (given->upload == NULL)
        return -1;
    get->upload = given->upload;
    int fd = strcmp(given->upload, "-") == 0 ? dup(STDIN_FILENO) : open(given->upload, O_RDONLY | O_CLOEXEC);
    get->upload_fd = fd;
    if (fd < 0 || fstat(fd, &about) != 0) {
        (void)fprintf(stderr, "weir get: -T %s: %s\n", given->upload, strerror(errno));
        return 1;
    }
    off_t at = S_ISREG(about.st_mode) ? lseek(fd, 0, SEEK_CUR) : -1;
    get->request.body = at >= 0 && about.st_size >= at
                            ? weir_body_file(fd, (uint64_t)at, (uint64_t)(about.st_size - at))
                            : weir_body_stream();
    return -1;
}

static bool is_numeric_address(const char *text)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    if (getaddrinfo(text, NULL, &hints, &found) != 0)
        return false;
    freeaddrinfo(found);
    return true;
}

static int take(struct get *get, const struct given *given)
{
    weir_request *r = &get->request;
    weir_client_options *o = &get->options;
    if (given->data.count > 0 && given->upload != NULL)
        return wrong("-T", given->upload, "no -d beside it: a request has one body");
    if (given->local != NULL && !is_numeric_address(given->local))
        return wrong("--local-address", given->local, "a numeric address, as in 127.0.0.1 or ::1");
    *r = (weir_request){.size = sizeof *r, .url = weir_str_from(get->url), .expect = given->expect};
    *o = (weir_client_options){.size = sizeof *o, .proxy_from_environment = given->proxy == NULL};
    const char *method = given->head ? "HEAD" : given->data.count > 0 ? "POST" : given->upload != NULL ? "PUT" : "GET";
    r->method = weir_str_from(given->method != NULL ? given->method : method);
    if (given->connect_to != NULL)
        r->connect_to = weir_str_from(given->connect_to);
    if (given->proxy != NULL)
        o->proxy = weir_str_from(given->proxy);
    if (given->name_servers != NULL)
        o->name_servers = weir_str_from(given->name_servers);
    if (given->local != NULL)
        o->local_address = weir_str_from(given->local);
    o->strict = given->strict;
    o->retry = strcmp(given->retry, "proven") == 0       ? WEIR_RETRY_PROVEN
               : strcmp(given->retry, "idempotent") == 0 ? WEIR_RETRY_IDEMPOTENT
                                                         : WEIR_RETRY_NEVER;
    o->exchange_timeout_ns = given->timeout_ns;
    o->connect_timeout_ns = given->connect_timeout_ns;
    o->resolve_timeout_ns = given->resolve_timeout_ns;
    o->expect_timeout_ns = given->expect_timeout_ns;
    o->limits.response_timeout_ns = given->response_timeout_ns;
    int status = take_fields(get, given);
    if (status < 0)
        status = take_codings(get, given);
    if (status < 0)
        status = take_data(get, given);
    return status < 0 ? take_upload(get, given) : status;
}

/* As people type it: HOST:PORT/path is http's. */
static bool take_url(struct get *get, const char *url)
{
    get->url = url;
    if (strstr(url, "://") != NULL)
        return true;
    size_t size = strlen(url) + sizeof "http://";
    get->whole_url = malloc(size);
    if (get->whole_url == NULL) {
        (void)fputs("weir get: no memory\n", stderr);
        return false;
    }
    (void)snprintf(get->whole_url, size, "http://%s", url);
    get->url = get->whole_url;
    return true;
}

int get_options(struct get *get, int argc, char **argv)
{
    struct given g = {.retry = "never"};
    int at = 0;
    struct option_spec specs[] = {
        {.type = OPTION_TITLE, .help = "The request:"},
        {.name = "method",
         .letter = 'X',
         .type = OPTION_STRING,
         .place = &g.method,
         .argument = "METHOD",
         .help = "its method (default GET; POST with -d, PUT with -T)"},
        {.name = "header",
         .letter = 'H',
         .type = OPTION_LIST,
         .place = &g.fields,
         .argument = "'NAME: VALUE'",
         .help = "a field of its head; as often as wanted"},
        {.name = "data",
         .letter = 'd',
         .type = OPTION_LIST,
         .place = &g.data,
         .argument = "TEXT|@FILE",
         .help = "its body, as it stands, or from a file (@- is standard input); several are joined by &"},
        {.name = "upload",
         .letter = 'T',
         .type = OPTION_STRING,
         .place = &g.upload,
         .argument = "FILE|-",
         .help = "its body, streamed; in chunks where the length is not known"},
        {.name = "head", .letter = 'I', .type = OPTION_FLAG, .place = &g.head, .help = "only ask for the head"},
        {.name = "expect",
         .type = OPTION_FLAG,
         .place = &g.expect,
         .help = "send the body only when the server says 100 (Continue), or is silent"},
        {.type = OPTION_TITLE, .help = "The answer:"},
        {.name = "output",
         .letter = 'o',
         .type = OPTION_STRING,
         .place = &get->output,
         .argument = "FILE|-",
         .help = "where its body goes (standard output); made when an answer comes"},
        {.name = "verbose",
         .letter = 'v',
         .type = OPTION_FLAG,
         .place = &get->verbose,
         .help = "show both heads, the times and the endings on standard error"},
        {.name = "include",
         .letter = 'i',
         .type = OPTION_FLAG,
         .place = &get->include,
         .help = "the head of the answer before its body"},
        {.name = "fail",
         .letter = 'f',
         .type = OPTION_FLAG,
         .place = &get->fail,
         .help = "exit with 1, and print no body, when its status is 400 or more"},
        {.name = "follow",
         .letter = 'L',
         .type = OPTION_FLAG,
         .place = &get->follow,
         .help = "follow redirects, 10 at most"},
        {.name = "compressed",
         .type = OPTION_FLAG,
         .place = &get->compressed,
         .help = "ask for a compressed content, and decode it"},
        {.name = "strict",
         .type = OPTION_FLAG,
         .place = &g.strict,
         .help = "refuse every breach of the grammar; default: a few that servers commit pass, as bare LF in a head"},
        {.type = OPTION_TITLE, .help = "The way:"},
        {.name = "connect-to",
         .type = OPTION_ADDRESS,
         .place = &g.connect_to,
         .help = "connect to HOST:PORT or unix:PATH, whatever the URL says"},
        {.name = "proxy",
         .letter = 'x',
         .type = OPTION_STRING,
         .place = &g.proxy,
         .argument = "URL",
         .help = "http://... or socks5://... (default: http_proxy, all_proxy, no_proxy of the environment)"},
        {.name = "name-servers",
         .type = OPTION_STRING,
         .place = &g.name_servers,
         .argument = "HOST:PORT,...",
         .help = "instead of the system's"},
        {.name = "local-address",
         .type = OPTION_STRING,
         .place = &g.local,
         .argument = "ADDRESS",
         .help = "of this end, numeric"},
        {.name = "retry",
         .type = OPTION_CHOICE,
         .place = &g.retry,
         .choices = "never proven idempotent",
         .help = "ask again after a failure: never, proven (not acted on), or idempotent methods (never)"},
        {.type = OPTION_TITLE, .help = "Time:"},
        {.name = "timeout", .type = OPTION_TIME, .place = &g.timeout_ns, .help = "for everything (default: none)"},
        {.name = "connect-timeout", .type = OPTION_TIME, .place = &g.connect_timeout_ns, .help = "to connect (10s)"},
        {.name = "resolve-timeout",
         .type = OPTION_TIME,
         .place = &g.resolve_timeout_ns,
         .help = "to resolve the name (5s)"},
        {.name = "response-timeout",
         .type = OPTION_TIME,
         .place = &g.response_timeout_ns,
         .help = "from the whole request to the first octet of the answer (60s)"},
        {.name = "expect-timeout",
         .type = OPTION_TIME,
         .place = &g.expect_timeout_ns,
         .help = "how long a body waits for 100 (1s)"},
    };
    struct option_command command = {
        .name = "weir get",
        .summary = "One request, shown: the answer on standard output; with -v both heads, the times and the endings.",
        .operands = "URL",
        .examples = "  weir get http://127.0.0.1:8080/\n"
                    "  weir get -v -d a=1 -d b=2 http://127.0.0.1:8080/echo\n"
                    "  weir get -T file --expect http://127.0.0.1:8080/digest\n"
                    "  weir get --connect-to unix:/run/weir.sock http://localhost/\n",
        .specs = specs,
        .count = sizeof specs / sizeof specs[0],
    };
    enum option_result result = options_parse(&command, argc, argv, &at);
    if (result != OPTIONS_RUN)
        return result == OPTIONS_DONE ? 0 : 2;
    if (argc - at != 1) {
        (void)fprintf(stderr, "weir get: %s; see weir get --help\n",
                      argc == at ? "a URL is missing: http://HOST[:PORT]/path"
                                 : "one URL was expected, and there are more");
        return 2;
    }
    if (!take_url(get, argv[at]))
        return 1;
    get->include |= g.head;
    int status = take(get, &g);
    if (status >= 0)
        get_release(get);
    return status;
}

void get_release(struct get *get)
{
    free(get->whole_url);
    text_free(&get->data);
    get->whole_url = NULL;
    if (get->upload_fd >= 0)
        close(get->upload_fd);
    get->upload_fd = -1;
}
