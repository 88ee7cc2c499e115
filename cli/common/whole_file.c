#include "common/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool whole_file_check(const char *path)
{
    struct stat about;
    if (stat(path, &about) == 0) {
        errno = EISDIR;
        return !S_ISDIR(about.st_mode) && access(path, W_OK) == 0;
    }
    const char *slash = strrchr(path, '/');
    char *folder = errno != ENOENT ? NULL : slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    bool right = folder != NULL && stat(folder, &about) == 0 && access(folder, W_OK | X_OK) == 0;
    int os = errno;
    free(folder);
    errno = os;
    return right;
}

/* With the mode that the file has, or that a new one would have. */
static bool open_part(struct whole_file *file, const struct stat *about)
{
    mode_t mask = umask(0);
    (void)umask(mask);
    if (asprintf(&file->part, "%s.XXXXXX", file->path) < 0) {
        file->part = NULL;
        return false;
    }
    int fd = mkostemp(file->part, O_CLOEXEC);
    if (fd < 0)
        return false;
    (void)fchmod(fd, about != NULL ? about->st_mode & 0777 : 0666 & ~mask);
    file->out = fdopen(fd, "w");
    if (file->out != NULL)
        return true;
    (void)close(fd);
    (void)unlink(file->part);
    return false;
}

bool whole_file_open(struct whole_file *file, const char *path)
{
    struct stat about;
    bool is_there = stat(path, &about) == 0;
    /* A link is followed: what it leads to is replaced, not the link. */
    *file = (struct whole_file){.path = is_there ? realpath(path, NULL) : strdup(path)};
    if (file->path == NULL)
        return false;
    if (is_there && !S_ISREG(about.st_mode))
        file->out = fopen(path, "we");
    else if (!open_part(file, is_there ? &about : NULL) && is_there && file->part != NULL) {
        /* A folder that is not ours, with a file that is. */
        free(file->part);
        file->part = NULL;
        file->out = fopen(path, "we");
    }
    if (file->out != NULL)
        return true;
    int os = errno;
    free(file->path);
    free(file->part);
    errno = os;
    return false;
}

bool whole_file_close(struct whole_file *file, bool whole)
{
    int os = errno;
    whole = ferror(file->out) == 0 && whole;
    if (fclose(file->out) != 0 && whole) {
        os = errno;
        whole = false;
    }
    if (whole && file->part != NULL && rename(file->part, file->path) != 0) {
        os = errno;
        whole = false;
    }
    if (!whole && file->part != NULL)
        (void)unlink(file->part);
    free(file->path);
    free(file->part);
    errno = os;
    return whole;
}
