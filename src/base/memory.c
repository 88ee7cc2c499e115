#include "base/memory.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/limits.h>

#include "base/alloc.h"

#define CONNECTION_DEFAULT 65536
#define CONNECTION_MIN     4096
#define MEMORY_MIN         65536
#define FINITE_MAX         (UINT64_C(1) << 50)
/* When neither the machine nor a group says how much there is. */
#define MACHINE_UNKNOWN    (UINT64_C(1) << 30)

/* --- the meter -------------------------------------------------------------------------------------------------- */

static void *metered_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct base_meter *meter = ctx;
    void *given = meter->allocator.resize(meter->allocator.ctx, ptr, old_size, new_size);
    if (given == NULL && new_size > 0)
        return NULL;
    meter->held += new_size - old_size;
    if (meter->held > meter->peak)
        meter->peak = meter->held;
    return given;
}

weir_allocator base_meter_init(struct base_meter *meter, const weir_allocator *given)
{
    *meter = (struct base_meter){.allocator = base_allocator(given)};
    return (weir_allocator){.resize = metered_resize, .ctx = meter};
}

void base_meter_tidy(struct base_meter *meter)
{
    meter->peak = meter->held;
#ifdef __GLIBC__
    if (base_allocator_is_libc(&meter->allocator))
        (void)malloc_trim(0);
#endif
}

/* --- the options ------------------------------------------------------------------------------------------------ */

static weir_code resolve(uint64_t *octets, const char *name, uint64_t min, weir_error *error)
{
    if (*octets == WEIR_UNLIMITED || (*octets >= min && *octets <= FINITE_MAX))
        return WEIR_OK;
    if (error != NULL) {
        *error = (weir_error){.code = WEIR_CODE_bad_option};
        (void)snprintf(error->text, sizeof error->text,
                       "%s is %" PRIu64 ": expected %" PRIu64 " to %" PRIu64 ", or unlimited", name, *octets, min,
                       FINITE_MAX);
    }
    return WEIR_CODE_bad_option;
}

weir_code base_connection_memory_resolve(uint64_t *octets, weir_error *error)
{
    if (*octets == 0)
        *octets = CONNECTION_DEFAULT;
    return resolve(octets, "connection_memory_max", CONNECTION_MIN, error);
}

weir_code base_memory_resolve(uint64_t *octets, weir_error *error)
{
    if (*octets == 0)
        *octets = base_machine_memory() / 2;
    return resolve(octets, "memory_max", MEMORY_MIN, error);
}

/* --- what there is ---------------------------------------------------------------------------------------------- */

/* The number in the file DIR/NAME; UINT64_MAX if there is none, as where it says "max". */
static uint64_t number_in(const char *dir, const char *name)
{
    char path[4096], text[32] = "";
    int length = snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = length > 0 && (size_t)length < sizeof path ? fopen(path, "re") : NULL;
    if (file == NULL)
        return UINT64_MAX;
    char *end = text;
    uint64_t number = UINT64_MAX;
    if (fgets(text, sizeof text, file) != NULL)
        number = strtoull(text, &end, 10);
    (void)fclose(file);
    return end == text || number == 0 ? UINT64_MAX : number;
}

/* The least limit of the group and of those that it is in; `dir` is the group's directory, and is cut. The tree's
 * own is at `root_size`. */
static uint64_t least_upwards(char *dir, size_t root_size, const char *name)
{
    uint64_t least = UINT64_MAX;
    for (;;) {
        uint64_t limit = number_in(dir, name);
        least = limit < least ? limit : least;
        char *slash = strrchr(dir + root_size, '/');
        if (slash == NULL)
            return least;
        *slash = '\0';
    }
}

/* A line of /proc/self/cgroup is ID:CONTROLLERS:PATH; version 2 has no controllers there (cgroups(7)). */
static uint64_t limit_of_line(char *line, const char *root)
{
    char dir[4096];
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
    if (path == NULL)
        return UINT64_MAX;
    *path++ = '\0';
    controllers++;
    bool second = controllers[0] == '\0';
    if (!second && strcmp(controllers, "memory") != 0)
        return UINT64_MAX;
    const char *tree = second ? "" : "/memory";
    int length = snprintf(dir, sizeof dir, "%s%s%s", root, tree, path);
    if (length < 0 || (size_t)length >= sizeof dir)
        return UINT64_MAX;
    return least_upwards(dir, strlen(root) + strlen(tree), second ? "memory.max" : "memory.limit_in_bytes");
}

uint64_t base_group_memory(const char *groups_path, const char *root, uint64_t machine)
{
    char line[4096];
    FILE *file = fopen(groups_path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        uint64_t limit = limit_of_line(line, root);
        machine = limit < machine ? limit : machine;
    }
    if (file != NULL)
        (void)fclose(file);
    return machine;
}

uint64_t base_machine_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    uint64_t machine = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : MACHINE_UNKNOWN;
    return base_group_memory("/proc/self/cgroup", "/sys/fs/cgroup", machine);
}
