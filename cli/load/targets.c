#include "load/targets.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/options.h"

#define BLANKS " \t\r\n"

struct reading {
    struct load_targets *targets;
    const struct load_request *base;
    const char *host;
    char why[400];
};

WEIR_PRINTF(2, 3)
static bool complain(struct reading *reading, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reading->why, sizeof(reading->why), format, arguments);
    va_end(arguments);
    return false;
}

/* The next word, terminated in place; one part of it may be in quotes, in which blanks are. Null: there is none, or a
 * quote is not closed: then *open. */
static char *next_word(char **rest, bool *open)
{
    char *from = *rest + strspn(*rest, BLANKS), *to = from, *out = from;
    if (*from == '\0')
        return NULL;
    char quote = '\0';
    for (; *to != '\0' && (quote != '\0' || strchr(BLANKS, *to) == NULL); to++) {
        if (quote == '\0' && (*to == '\'' || *to == '"'))
            quote = *to;
        else if (quote != '\0' && *to == quote)
            quote = '\0';
        else
            *out++ = *to;
    }
    *rest = *to == '\0' ? to : to + 1;
    *out = '\0';
    *open = quote != '\0';
    return *open ? NULL : from;
}

/* The path of "/path" or of "http://HOST/path", null if it is neither; *there: the host is ours. */
static const char *path_of(char *url, const char *host, bool *there)
{
    *there = true;
    if (url[0] == '/')
        return url;
    if (strncasecmp(url, "http://", 7) != 0)
        return NULL;
    size_t length = strcspn(url + 7, "/?#");
    *there = strlen(host) == length && strncasecmp(url + 7, host, length) == 0;
    url[7 + length + strcspn(url + 7 + length, "#")] = '\0';
    if (url[7 + length] == '/')
        return url + 7 + length;
    if (url[7 + length] == '\0')
        return "/";
    url[6 + length] = '/'; /* "http://host?query": over the last octet of the host, which is not needed any more */
    return url + 6 + length;
}

static bool take_url(struct reading *reading, struct load_request *request, char *url)
{
    bool there;
    char shown[200];
    (void)snprintf(shown, sizeof(shown), "%s", url);
    const char *path = path_of(url, reading->host, &there);
    if (path == NULL)
        return complain(reading, "the URL is '%s': expected /path?query or http://HOST/path?query", shown);
    if (!there)
        return complain(reading, "the URL is '%s': a run loads one server, and this one is %s", shown, reading->host);
    return load_request_path(request, path) || complain(reading, "out of memory");
}

static bool take_key(struct reading *reading, struct load_request *request, char *word, uint64_t *weight)
{
    char *equals = strchr(word, '=');
    if (equals == NULL)
        return complain(reading, "'%s' is not expected: expected weight=N, body=FILE or field='NAME: VALUE'", word);
    *equals = '\0';
    const char *value = equals + 1;
    if (strcmp(word, "weight") == 0)
        return option_digits(weir_str_from(value), LOAD_WEIGHT_MAX, weight) ||
               complain(reading, "weight is '%s': expected a whole number from 0 to %d", value, LOAD_WEIGHT_MAX);
    if (strcmp(word, "body") == 0)
        return load_request_body(request, value) || complain(reading, "body is '%s': %s", value, strerror(errno));
    if (strcmp(word, "field") == 0)
        return load_request_field(request, value) || complain(reading, "field is '%s': expected NAME: VALUE", value);
    return complain(reading, "the key is '%s': expected weight, body or field", word);
}

static bool have_room(struct load_targets *targets)
{
    if (targets->count < targets->room)
        return true;
    size_t room = targets->room == 0 ? 16 : 2 * targets->room;
    struct load_request *list = realloc(targets->list, room * sizeof(*list));
    if (list != NULL)
        targets->list = list;
    uint64_t *upto = realloc(targets->upto, room * sizeof(*upto));
    if (upto != NULL)
        targets->upto = upto;
    if (list == NULL || upto == NULL)
        return false;
    targets->room = room;
    return true;
}

static bool take_words(struct reading *reading, struct load_request *request, char *line, uint64_t *weight)
{
    bool open;
    char *rest = line, *word = next_word(&rest, &open);
    if (word != NULL && strpbrk(word, "/:=") == NULL) {
        if (!load_request_method(request, word))
            return complain(reading, "the method is '%s': expected a token such as GET", word);
        word = next_word(&rest, &open);
    }
    if (word == NULL)
        return complain(reading,
                        open ? "a quote is not closed" : "there is no URL: expected [METHOD] URL [KEY=VALUE]...");
    if (!take_url(reading, request, word))
        return false;
    while ((word = next_word(&rest, &open)) != NULL)
        if (!take_key(reading, request, word, weight))
            return false;
    return !open || complain(reading, "a quote is not closed");
}

static bool take_line(struct reading *reading, char *line)
{
    struct load_targets *targets = reading->targets;
    char error[300];
    uint64_t weight = 1;
    line += strspn(line, BLANKS);
    if (line[0] == '\0' || line[0] == '#')
        return true;
    if (targets->count == LOAD_TARGETS_MAX)
        return complain(reading, "one more than the %d targets that there may be", LOAD_TARGETS_MAX);
    if (!have_room(targets))
        return complain(reading, "out of memory");
    struct load_request *request = &targets->list[targets->count];
    bool made = load_request_init(request, "/");
    targets->upto[targets->count] = 0;
    targets->count++;
    if (!made || !load_request_copy(request, reading->base, true))
        return complain(reading, "out of memory");
    if (!take_words(reading, request, line, &weight))
        return false;
    if (!load_request_check(request, reading->host, error, sizeof(error)))
        return complain(reading, "%s", error);
    uint64_t before = targets->count > 1 ? targets->upto[targets->count - 2] : 0;
    targets->upto[targets->count - 1] = before + weight;
    return true;
}

bool load_targets_read(struct load_targets *targets, const char *file, const struct load_request *base,
                       const char *host, char *error, size_t error_size)
{
    struct reading reading = {.targets = targets, .base = base, .host = host};
    *targets = (struct load_targets){.list = NULL};
    FILE *in = fopen(file, "re");
    if (in == NULL) {
        (void)snprintf(error, error_size, "%s: %s", file, strerror(errno));
        return false;
    }
    char *line = NULL;
    size_t size = 0, number = 0;
    bool right = true;
    while (right && getline(&line, &size, in) > 0) {
        number++;
        right = take_line(&reading, line);
    }
    free(line);
    for (char *at = reading.why; *at != '\0'; at++) /* the file may be anything: no escapes to the terminal */
        *at = (unsigned char)*at >= ' ' && *at != 0x7f ? *at : '?';
    bool drawn = targets->count > 0 && targets->upto[targets->count - 1] > 0;
    if (!right)
        (void)snprintf(error, error_size, "%s:%zu: %s", file, number, reading.why);
    else if (ferror(in))
        (void)snprintf(error, error_size, "%s: %s", file, strerror(errno));
    else if (!drawn)
        (void)snprintf(error, error_size, "%s: no target has a weight above 0: expected [METHOD] URL", file);
    right = right && !ferror(in) && drawn;
    (void)fclose(in);
    return right;
}

void load_targets_fini(struct load_targets *targets)
{
    for (size_t i = 0; i < targets->count; i++)
        load_request_fini(&targets->list[i]);
    free(targets->list);
    free(targets->upto);
    *targets = (struct load_targets){.list = NULL};
}

size_t load_targets_draw(const struct load_targets *targets, uint64_t number)
{
    uint64_t at = number % targets->upto[targets->count - 1];
    size_t low = 0, high = targets->count - 1; /* the first whose sum is above `at` */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (targets->upto[middle] > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}
