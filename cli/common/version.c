#include "common/version.h"

#include <weir/weir.h>

/* Made by the build (cmake/version.cmake): BUILD_COMMIT and BUILD_OPTIONS. */
#include <build_info.h>

void version_print(FILE *out)
{
    (void)fprintf(out, "weir %s\ncommit %s\n%s\n", weir_version(), BUILD_COMMIT, BUILD_OPTIONS);
}
