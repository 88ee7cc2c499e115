#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "get/get.h"

/* What stands on the command line, before it is understood. */
struct given {
    const char *method, *upload, *connect_to, *proxy, *retry, *name_servers, *local;
    const char *user, *agent, *cookie, *range, *unix_socket;
    struct option_list fields, data, form;
    bool head, expect, strict, insecure;
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

static void add_field(struct get *get, const char *name, const char *value)
{
    get->fields[get->request.fields.count++] = (weir_field){weir_str_from(name), weir_str_from(value)};
}

/* "Basic " and the base64 of NAME:PASSWORD (RFC 7617). */
static char *basic(const char *user)
{
    size_t length = strlen(user), size = sizeof "Basic " + 4 * ((length + 2) / 3);
    char *field = malloc(size);
    if (field == NULL)
        return NULL;
    memcpy(field, "Basic ", sizeof "Basic ");
    (void)EVP_EncodeBlock((unsigned char *)field + 6, (const unsigned char *)user, (int)length);
    return field;
}

static char *joined(const char *before, const char *text)
{
    size_t size = strlen(before) + strlen(text) + 1;
    char *whole = malloc(size);
    if (whole != NULL)
        (void)snprintf(whole, size, "%s%s", before, text);
    return whole;
}

static int no_memory(void)
{
    (void)fputs("weir get: no memory\n", stderr);
    return 1;
}

/* The fields that have an option of their own, where -H did not decide. */
static int take_short_fields(struct get *get, const struct given *given)
{
    if (given->user != NULL && strchr(given->user, ':') == NULL)
        return wrong("-u", "***", "NAME:PASSWORD");
    if (given->agent != NULL && !weir_field_value_valid(weir_str_from(given->agent)))
        return wrong("-A", given->agent, "the value of a field");
    if (given->cookie != NULL &&
        (strchr(given->cookie, '=') == NULL || !weir_field_value_valid(weir_str_from(given->cookie))))
        return wrong("-b", given->cookie, "NAME=VALUE; NAME=VALUE");
    if (given->range != NULL &&
        (strspn(given->range, "0123456789-,") != strlen(given->range) || strchr(given->range, '-') == NULL))
        return wrong("-r", given->range, "octets as in 0-499, 500- or -500");
    if (given->user != NULL && !is_decided(get, given, "authorization")) {
        get->user_field = basic(given->user);
        if (get->user_field == NULL)
            return no_memory();
        add_field(get, "Authorization", get->user_field);
    }
    if (given->range != NULL && !is_decided(get, given, "range")) {
        get->range_field = joined("bytes=", given->range);
        if (get->range_field == NULL)
            return no_memory();
        add_field(get, "Range", get->range_field);
    }
    if (given->agent != NULL && !is_decided(get, given, "user-agent"))
        add_field(get, "User-Agent", given->agent);
    if (given->cookie != NULL && !is_decided(get, given, "cookie"))
        add_field(get, "Cookie", given->cookie);
    return -1;
}

static int take_form(struct get *get, const struct given *given)
{
    if (given->form.count == 0)
        return -1;
    int status = form_make(&get->form, &given->form);
    if (status >= 0)
        return status;
    if (!is_decided(get, given, "content-type"))
        add_field(get, "Content-Type", get->form.content_type);
    get->request.body = weir_body_sized(get->form.length);
    return -1;
}

/* The file of -O: the last piece of the URL's path, which names no folder. */
static int take_output_name(struct get *get)
{
    if (!get->named_by_url)
        return -1;
    const char *authority = strstr(get->url, "://") + 3, *path = authority + strcspn(authority, "/?#");
    size_t length = strcspn(path, "?#");
    while (length > 0 && memrchr(path, '/', length) != NULL) {
        size_t cut = (size_t)((const char *)memrchr(path, '/', length) - path) + 1;
        path += cut;
        length -= cut;
    }
    if (length == 0 || (path[0] == '.' && (length == 1 || (length == 2 && path[1] == '.'))))
        return wrong("-O", get->url, "a URL whose path ends with the name of a file");
    get->output_name = strndup(path, length);
    if (get->output_name == NULL)
        return no_memory();
    get->output = get->output_name;
    return -1;
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
    if ((given->data.count > 0) + (given->upload != NULL) + (given->form.count > 0) > 1)
        return wrong(given->upload != NULL ? "-T" : "-F", given->upload != NULL ? given->upload : given->form.values[0],
                     "no -d, -T or -F beside it: a request has one body");
    const char *unknown = get->write_out != NULL ? write_out_check(get->write_out) : NULL;
    if (unknown != NULL)
        return wrong("-w", unknown, "a variable that --help names");
    if (given->unix_socket != NULL && given->connect_to != NULL)
        return wrong("--unix-socket", given->unix_socket, "no --connect-to beside it");
    if (given->local != NULL && !is_numeric_address(given->local))
        return wrong("--local-address", given->local, "a numeric address, as in 127.0.0.1 or ::1");
    *r = (weir_request){.size = sizeof *r, .url = weir_str_from(get->url), .expect = given->expect};
    *o = (weir_client_options){.size = sizeof *o, .proxy_from_environment = given->proxy == NULL};
    bool posts = given->data.count > 0 || given->form.count > 0;
    const char *method = given->head ? "HEAD" : posts ? "POST" : given->upload != NULL ? "PUT" : "GET";
    r->method = weir_str_from(given->method != NULL ? given->method : method);
    if (given->connect_to != NULL)
        r->connect_to = weir_str_from(given->connect_to);
    if (given->unix_socket != NULL) {
        get->unix_place = joined("unix:", given->unix_socket);
        if (get->unix_place == NULL)
            return no_memory();
        r->connect_to = weir_str_from(get->unix_place);
    }
    if (given->proxy != NULL)
        o->proxy = weir_str_from(given->proxy);
    if (given->name_servers != NULL)
        o->name_servers = weir_str_from(given->name_servers);
    if (given->local != NULL)
        o->local_address = weir_str_from(given->local);
    o->strict = given->strict;
    o->retry = strcmp(given->retry, "proven") == 0       ? WEIR_RETRY_PROVEN
               : strcmp(given->retry, "idempotent") == 0 ? WEIR_RETRY_IDEMPOTENT
               : strcmp(given->retry, "never") == 0      ? WEIR_RETRY_NEVER
                                                         : WEIR_RETRY_SAFE;
    o->exchange_timeout_ns = given->timeout_ns;
    o->connect_timeout_ns = given->connect_timeout_ns;
    o->resolve_timeout_ns = given->resolve_timeout_ns;
    o->expect_timeout_ns = given->expect_timeout_ns;
    o->limits.response_timeout_ns = given->response_timeout_ns;
    int status = take_fields(get, given);
    if (status < 0)
        status = take_short_fields(get, given);
    if (status < 0)
        status = take_codings(get, given);
    if (status < 0)
        status = take_form(get, given);
    if (status < 0)
        status = take_output_name(get);
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
    struct given g = {.retry = "safe"};
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
        {.name = "form",
         .letter = 'F',
         .type = OPTION_LIST,
         .place = &g.form,
         .argument = "NAME=VALUE",
         .help = "a field of a multipart form; NAME=@FILE attaches one ([;type=T][;filename=N]), NAME=<FILE reads it"},
        {.name = "user",
         .letter = 'u',
         .type = OPTION_STRING,
         .place = &g.user,
         .argument = "NAME:PASSWORD",
         .help = "Authorization: Basic; sent to the origin of the URL alone, and not shown by -v"},
        {.name = "user-agent",
         .letter = 'A',
         .type = OPTION_STRING,
         .place = &g.agent,
         .help = "its User-Agent (none)"},
        {.name = "cookie",
         .letter = 'b',
         .type = OPTION_STRING,
         .place = &g.cookie,
         .argument = "NAME=VALUE",
         .help = "its Cookie; several with '; ' between"},
        {.name = "range",
         .letter = 'r',
         .type = OPTION_STRING,
         .place = &g.range,
         .argument = "0-499",
         .help = "only these octets of it: 0-499, 500- or -500"},
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
        {.name = "remote-name",
         .letter = 'O',
         .type = OPTION_FLAG,
         .place = &get->named_by_url,
         .help = "its body goes to a file here that is called as the URL's path ends"},
        {.name = "write-out",
         .letter = 'w',
         .type = OPTION_STRING,
         .place = &get->write_out,
         .argument = "FORMAT",
         .help = "print this to standard output at the end, such as '%{http_code} %{time_total}\\n'"},
        {.name = "silent",
         .letter = 's',
         .type = OPTION_FLAG,
         .place = &get->silent,
         .help = "no message when the transfer fails; the exit status tells"},
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
        {.name = "unix-socket",
         .type = OPTION_STRING,
         .place = &g.unix_socket,
         .argument = "PATH",
         .help = "connect to this socket, whatever the URL says"},
        {.name = "insecure",
         .letter = 'k',
         .type = OPTION_FLAG,
         .place = &g.insecure,
         .help = "for scripts of curl: this build has no TLS, and so nothing to be lenient about"},
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
         .choices = "never safe proven idempotent",
         .help = "ask again after a failure: never, safe, proven (not acted on), or idempotent methods (safe)"},
        {.type = OPTION_TITLE, .help = "Time:"},
        {.name = "timeout",
         .letter = 'm',
         .type = OPTION_TIME,
         .place = &g.timeout_ns,
         .help = "for everything (default: none)"},
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
        .notes = write_out_names,
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
    free(get->user_field);
    free(get->range_field);
    free(get->output_name);
    free(get->unix_place);
    get->user_field = get->range_field = get->output_name = get->unix_place = NULL;
    form_release(&get->form);
    text_free(&get->data);
    get->whole_url = NULL;
    if (get->upload_fd >= 0)
        close(get->upload_fd);
    get->upload_fd = -1;
}
