#include "load/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool load_request_init(struct load_request *request, const char *path)
{
    *request = (struct load_request){.path = strdup(path)};
    return request->path != NULL;
}

static void drop_body(struct load_request *request)
{
    if (request->body_owned)
        free((char *)(uintptr_t)request->body.ptr);
    request->body = (weir_str){NULL, 0};
    request->body_owned = false;
}

void load_request_fini(struct load_request *request)
{
    free(request->method);
    free(request->path);
    drop_body(request);
    for (size_t i = 0; i < request->field_count; i++)
        free(request->lines[i]);
    free(request->lines);
    free(request->fields);
    *request = (struct load_request){0};
}

static bool copy_body(struct load_request *to, const struct load_request *from, bool share)
{
    if (from->body.ptr == NULL)
        return true;
    char *octets = share ? NULL : malloc(from->body.len + 1);
    if (!share && octets == NULL)
        return false;
    if (octets != NULL)
        memcpy(octets, from->body.ptr, from->body.len);
    to->body = share ? from->body : (weir_str){octets, from->body.len};
    to->body_owned = !share;
    return true;
}

bool load_request_copy(struct load_request *to, const struct load_request *from, bool share)
{
    if ((from->method != NULL && !load_request_method(to, from->method)) || !copy_body(to, from, share))
        return false;
    for (size_t i = 0; i < from->field_count; i++)
        if (!load_request_field(to, from->lines[i]))
            return false;
    return true;
}

static bool set_text(char **place, const char *value)
{
    char *copy = strdup(value);
    if (copy == NULL)
        return false;
    free(*place);
    *place = copy;
    return true;
}

bool load_request_method(struct load_request *request, const char *method)
{
    return weir_field_name_valid(weir_str_from(method)) && set_text(&request->method, method);
}

bool load_request_path(struct load_request *request, const char *path)
{
    return path[0] == '/' && set_text(&request->path, path);
}

static bool add_field(struct load_request *request, char *copy, weir_str name, weir_str value)
{
    size_t count = request->field_count + 1;
    weir_field *fields = realloc(request->fields, count * sizeof(*fields));
    if (fields != NULL)
        request->fields = fields;
    char **lines = realloc(request->lines, count * sizeof(*lines));
    if (lines != NULL)
        request->lines = lines;
    if (fields == NULL || lines == NULL)
        return false;
    lines[count - 1] = copy;
    fields[count - 1] = (weir_field){.name = name, .value = value};
    request->field_count = count;
    return true;
}

bool load_request_field(struct load_request *request, const char *line)
{
    size_t name = strcspn(line, ":");
    if (request->field_count == LOAD_FIELDS_MAX || line[name] != ':' || !weir_field_name_valid((weir_str){line, name}))
        return false;
    size_t from = name + 1 + strspn(line + name + 1, " \t"), to = strlen(line);
    while (to > from && (line[to - 1] == ' ' || line[to - 1] == '\t'))
        to--;
    if (!weir_field_value_valid((weir_str){line + from, to - from}))
        return false;
    char *copy = strdup(line);
    if (copy == NULL)
        return false;
    if (add_field(request, copy, (weir_str){copy, name}, (weir_str){copy + from, to - from}))
        return true;
    free(copy);
    return false;
}

bool load_request_body(struct load_request *request, const char *file)
{
    FILE *in = fopen(file, "rb");
    char *octets = NULL;
    size_t size = 0, length = 0;
    if (in == NULL)
        return false;
    do {
        size = size == 0 ? 4096 : size * 2;
        char *grown = realloc(octets, size);
        if (grown == NULL) {
            free(octets);
            (void)fclose(in);
            return false;
        }
        octets = grown;
        length += fread(octets + length, 1, size - length, in);
    } while (length == size);
    bool done = ferror(in) == 0;
    (void)fclose(in);
    drop_body(request);
    request->body = (weir_str){octets, length};
    request->body_owned = true;
    return done;
}

static weir_str method_of(const struct load_request *request)
{
    if (request->method != NULL)
        return weir_str_from(request->method);
    return request->body.ptr != NULL ? WEIR_STR("POST") : WEIR_STR("GET");
}

weir_request load_request_of(const struct load_request *request, const char *host)
{
    return (weir_request){
        .size = sizeof(weir_request),
        .method = method_of(request),
        .target = weir_str_from(request->path),
        .host = weir_str_from(host),
        .fields = {request->fields, request->field_count},
        .body = request->body.ptr != NULL ? weir_body_borrow(request->body) : weir_body_none(),
    };
}

bool load_request_check(const struct load_request *request, const char *host, char *error, size_t error_size)
{
    const weir_handler handler = WEIR_HANDLER(.done = NULL);
    const weir_conn_options options = WEIR_CONN_OPTIONS(.role = WEIR_ROLE_CLIENT, .handler = &handler);
    const weir_request asked = load_request_of(request, host);
    weir_error why = {.text = "out of memory"};
    weir_conn_config *config = NULL;
    weir_prepared *prepared = NULL;
    weir_code code = weir_conn_config_new(&config, &options, &why);
    if (code == WEIR_OK)
        code = weir_prepare(&prepared, config, &asked);
    if (code == WEIR_CODE_bad_target)
        (void)snprintf(error, error_size, "the path is '%s': expected /path?query, in which a blank is %%20",
                       request->path);
    else if (code != WEIR_OK)
        (void)snprintf(error, error_size, "the request may not be sent: %s: %s", weir_code_name(code),
                       weir_code_text(code));
    weir_prepared_free(prepared);
    if (config != NULL)
        weir_conn_config_free(config);
    errno = code == WEIR_CODE_no_memory ? ENOMEM : EINVAL;
    return code == WEIR_OK;
}
