#include "get/form.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOUNDARY_OCTETS 16

static int wrong(const char *field, const char *expected)
{
    (void)fprintf(stderr, "weir get: -F is '%s': expected %s\n", field, expected);
    return 2;
}

/* A name within quotes, as browsers write it (RFC 7578, 2): what would end it is percent-encoded. */
static void put_quoted(struct text *text, const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (name[i] == '"' || name[i] == '\r' || name[i] == '\n')
            text_printf(text, "%%%02X", (unsigned)(unsigned char)name[i]);
        else
            text_add(text, name + i, 1);
}

/* What stands behind ";NAME=" in the rest of a field; null: nothing. */
static const char *attribute(const char *rest, const char *name, size_t *length)
{
    size_t size = strlen(name);
    for (const char *at = strchr(rest, ';'); at != NULL; at = strchr(at + 1, ';'))
        if (strncmp(at + 1, name, size) == 0 && at[1 + size] == '=') {
            *length = strcspn(at + size + 2, ";");
            return at + size + 2;
        }
    return NULL;
}

static int open_file(struct form_piece *piece, const char *path)
{
    struct stat about;
    piece->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (piece->fd >= 0 && fstat(piece->fd, &about) == 0 && S_ISREG(about.st_mode)) {
        piece->file_left = (uint64_t)about.st_size;
        return -1;
    }
    (void)fprintf(stderr, "weir get: -F: %s: %s\n", path,
                  piece->fd < 0 || errno != 0 ? strerror(errno)
                                              : "it is no regular file, and its length is to be known");
    return 1;
}

static int put_file(struct form_piece *piece, const char *value, bool attached)
{
    size_t length, path_length = strcspn(value, ";");
    char path[4096];
    if (path_length == 0 || path_length >= sizeof path)
        return wrong(value, "the path of a file behind @ or <");
    memcpy(path, value, path_length);
    path[path_length] = '\0';
    if (attached) {
        const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
        const char *name = attribute(value, "filename", &length);
        text_printf(&piece->text, "; filename=\"");
        put_quoted(&piece->text, name != NULL ? name : base, name != NULL ? length : strlen(base));
        text_printf(&piece->text, "\"");
    }
    const char *type = attribute(value, "type", &length);
    if (type != NULL && !weir_field_value_valid((weir_str){type, length}))
        return wrong(value, "a content type behind ;type=");
    if (type != NULL)
        text_printf(&piece->text, "\r\nContent-Type: %.*s", (int)length, type);
    else if (attached)
        text_printf(&piece->text, "\r\nContent-Type: application/octet-stream");
    text_printf(&piece->text, "\r\n\r\n");
    errno = 0;
    return open_file(piece, path);
}

static int put_field(struct form_piece *piece, const char *boundary, const char *field)
{
    const char *equals = strchr(field, '=');
    if (equals == NULL || equals == field)
        return wrong(field, "NAME=VALUE, NAME=@FILE or NAME=<FILE");
    text_printf(&piece->text, "--%s\r\nContent-Disposition: form-data; name=\"", boundary);
    put_quoted(&piece->text, field, (size_t)(equals - field));
    text_printf(&piece->text, "\"");
    if (equals[1] == '@' || equals[1] == '<')
        return put_file(piece, equals + 2, equals[1] == '@');
    text_printf(&piece->text, "\r\n\r\n%s", equals + 1);
    return -1;
}

static struct form_piece *next_piece(struct form *form)
{
    struct form_piece *piece = &form->pieces[form->count++];
    *piece = (struct form_piece){.text = text_growing(), .fd = -1};
    return piece;
}

int form_make(struct form *form, const struct option_list *fields)
{
    unsigned char chance[BOUNDARY_OCTETS];
    char boundary[2 * BOUNDARY_OCTETS + 1];
    if (RAND_bytes(chance, sizeof chance) != 1) {
        (void)fputs("weir get: -F: there is no randomness for a boundary\n", stderr);
        return 1;
    }
    for (size_t i = 0; i < sizeof chance; i++)
        (void)snprintf(boundary + 2 * i, 3, "%02x", chance[i]);
    (void)snprintf(form->content_type, sizeof form->content_type, "multipart/form-data; boundary=%s", boundary);
    for (size_t i = 0; i < fields->count; i++) {
        struct form_piece *piece = next_piece(form);
        if (i > 0)
            text_printf(&piece->text, "\r\n");
        int status = put_field(piece, boundary, fields->values[i]);
        if (status >= 0)
            return status;
    }
    text_printf(&next_piece(form)->text, "\r\n--%s--\r\n", boundary);
    for (size_t i = 0; i < form->count; i++) {
        form->length += form->pieces[i].text.len + form->pieces[i].file_left;
        if (form->pieces[i].text.cut) {
            (void)fputs("weir get: no memory\n", stderr);
            return 1;
        }
    }
    return -1;
}

/* Octets of the present piece: how many were written, 0 where there is no room, below zero with errno set. */
static ssize_t write_piece(struct form_piece *piece, size_t text_at, weir_exchange *x)
{
    char octets[16384];
    if (text_at < piece->text.len)
        return (ssize_t)weir_write(x, (weir_str){piece->text.ptr + text_at, piece->text.len - text_at});
    size_t room = weir_write_room(x);
    size_t most = room < sizeof octets ? room : sizeof octets;
    if (most > piece->file_left)
        most = (size_t)piece->file_left;
    if (most == 0)
        return 0;
    ssize_t n = read(piece->fd, octets, most);
    if (n == 0)
        errno = ENODATA; /* the file is shorter than it was */
    return n > 0 ? (ssize_t)weir_write(x, (weir_str){octets, (size_t)n}) : -1;
}

bool form_write(struct form *form, weir_exchange *x)
{
    while (form->at < form->count) {
        struct form_piece *piece = &form->pieces[form->at];
        if (form->text_at == piece->text.len && piece->file_left == 0) {
            form->at++;
            form->text_at = 0;
            continue;
        }
        ssize_t n = write_piece(piece, form->text_at, x);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        if (form->text_at < piece->text.len)
            form->text_at += (size_t)n;
        else
            piece->file_left -= (size_t)n; /* all that was read: there was room for it */
    }
    (void)weir_finish(x, WEIR_NO_FIELDS);
    return true;
}

void form_release(struct form *form)
{
    for (size_t i = 0; i < form->count; i++) {
        text_free(&form->pieces[i].text);
        if (form->pieces[i].fd >= 0)
            (void)close(form->pieces[i].fd);
    }
    form->count = 0;
}
