#include "get/write_out.h"

#include <inttypes.h>
#include <string.h>

#include "common/terminal.h"

static void put(weir_str text)
{
    (void)terminal_write(stdout, terminal_is(stdout), text);
}

static void put_seconds(uint64_t ns)
{
    (void)printf("%" PRIu64 ".%06" PRIu64, ns / WEIR_SECOND, ns % WEIR_SECOND / 1000);
}

static void http_code(const struct write_out *v)
{
    (void)printf("%03u", v->status);
}
static void http_version(const struct write_out *v)
{
    (void)printf(v->version % 10 != 0 || v->version == 10 ? "%u.%u" : "%u", v->version / 10, v->version % 10);
}
static void method(const struct write_out *v)
{
    put(weir_str_from(v->method));
}
static void url(const struct write_out *v)
{
    put(weir_str_from(v->url));
}
static void url_effective(const struct write_out *v)
{
    put(weir_str_from(v->url_effective));
}
static void content_type(const struct write_out *v)
{
    put(weir_str_from(v->content_type));
}
static void remote(const struct write_out *v)
{
    put(weir_str_from(v->remote));
}
static void num_redirects(const struct write_out *v)
{
    (void)printf("%u", v->redirects);
}
static void size_download(const struct write_out *v)
{
    (void)printf("%" PRIu64, v->size_download);
}
static void size_upload(const struct write_out *v)
{
    (void)printf("%" PRIu64, v->size_upload);
}
static void time_connect(const struct write_out *v)
{
    put_seconds(v->times.dial_ns);
}
static void time_starttransfer(const struct write_out *v)
{
    put_seconds(v->times.first_octet_ns > 0 ? v->times.waited_ns + v->times.first_octet_ns : 0);
}
static void time_total(const struct write_out *v)
{
    put_seconds(v->times.lived_ns);
}
static void weir_code_of(const struct write_out *v)
{
    (void)fputs(weir_code_name(v->ending.code), stdout);
}
static void weir_retry_of(const struct write_out *v)
{
    (void)fputs(weir_retry_name(v->ending.retry), stdout);
}
static void weir_stage_of(const struct write_out *v)
{
    (void)fputs(weir_stage_name(v->ending.stage), stdout);
}
static void weir_delivery_of(const struct write_out *v)
{
    (void)fputs(weir_delivery_name(v->ending.delivery), stdout);
}
static void weir_retries_of(const struct write_out *v)
{
    (void)printf("%u", v->retries);
}

static const struct variable {
    const char *name;
    void (*print)(const struct write_out *values);
} variables[] = {
    {"content_type", content_type},
    {"http_code", http_code},
    {"http_version", http_version},
    {"method", method},
    {"num_redirects", num_redirects},
    {"remote_address", remote},
    {"response_code", http_code},
    {"size_download", size_download},
    {"size_upload", size_upload},
    {"time_connect", time_connect},
    {"time_total", time_total},
    {"time_starttransfer", time_starttransfer},
    {"url", url},
    {"url_effective", url_effective},
    {"weir_code", weir_code_of},
    {"weir_delivery", weir_delivery_of},
    {"weir_retries", weir_retries_of},
    {"weir_retry", weir_retry_of},
    {"weir_stage", weir_stage_of},
};

/* The variable whose "%{name}" begins at `at`, null if it is none; `size` is the size of that. */
static const struct variable *variable_at(const char *at, size_t *size)
{
    size_t length = strcspn(at + 2, "}");
    *size = length + 3;
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        if (at[2 + length] == '}' && strlen(variables[i].name) == length &&
            memcmp(variables[i].name, at + 2, length) == 0)
            return &variables[i];
    return NULL;
}

const char *write_out_check(const char *format)
{
    size_t size;
    for (const char *at = format; (at = strstr(at, "%{")) != NULL; at += size)
        if (variable_at(at, &size) == NULL)
            return at;
    return NULL;
}

/* One octet, or what an escape or a variable stands for; returns its size in the format. */
static size_t print_one(const char *at, const struct write_out *values)
{
    static const char escapes[] = "n\nr\rt\t\\\\";
    size_t size;
    if (at[0] == '%' && at[1] == '{') {
        variable_at(at, &size)->print(values);
        return size;
    }
    if (at[0] == '%' && at[1] == '%') {
        (void)fputc('%', stdout);
        return 2;
    }
    for (size_t i = 0; at[0] == '\\' && i < sizeof escapes - 1; i += 2)
        if (at[1] == escapes[i]) {
            (void)fputc(escapes[i + 1], stdout);
            return 2;
        }
    (void)fputc(at[0], stdout);
    return 1;
}

void write_out_print(const char *format, const struct write_out *values)
{
    while (*format != '\0')
        format += print_one(format, values);
}

void write_out_names(FILE *out)
{
    (void)fputs("\nVariables of -w (%{NAME}):\n ", out);
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        (void)fprintf(out, " %s%s", variables[i].name, i % 6 == 5 ? "\n " : "");
    (void)fputc('\n', out);
}
