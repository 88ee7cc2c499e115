#include <stdio.h>
#include <string.h>

#include <weir/weir.h>

#include "commands.h"
#include "options.h"

static void explain(weir_code code)
{
    (void)printf("%s: %s\n", weir_code_name(code), weir_code_text(code));
    if (weir_code_advice(code)[0] != '\0')
        (void)printf("  %-10s%s\n", "advice", weir_code_advice(code));
    (void)printf("  %-10s%s\n", "how", weir_how_name(weir_code_how(code)));
    (void)printf("  %-10s%s\n", "by", weir_by_name(weir_code_by(code)));
    (void)printf("  %-10s%s (what was owed and delivered may make it graver)\n", "class",
                 weir_class_name(weir_code_class(code)));
    if (weir_code_status(code) != 0)
        (void)printf("  %-10s%u, when a request is answered so\n", "status", weir_code_status(code));
}

int command_explain(int argc, char **argv)
{
    int at = 0;
    struct option_command command = {
        .name = "weir explain",
        .summary = "What an ending's code means, who did it, and whether it matters. Without a code: lists them all.",
        .operands = "[CODE...]",
        .examples = "  weir explain peer_reset_idle\n  weir explain bad_chunk head_timeout\n",
    };
    enum option_result result = options_parse(&command, argc, argv, &at);
    if (result != OPTIONS_RUN)
        return result == OPTIONS_DONE ? 0 : 2;
    if (at == argc)
        for (unsigned i = 0; i < WEIR_CODE_COUNT; i++)
            (void)printf("%-28s %-8s %s\n", weir_code_name((weir_code)i),
                         weir_class_name(weir_code_class((weir_code)i)), weir_code_text((weir_code)i));
    for (; at < argc; at++) {
        weir_code code = weir_code_find(weir_str_from(argv[at]));
        if (code == WEIR_CODE_COUNT) {
            (void)fprintf(stderr, "weir explain: '%s' is no code: expected one that `weir explain` lists\n", argv[at]);
            return 2;
        }
        explain(code);
    }
    return 0;
}
