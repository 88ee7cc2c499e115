#include <stdio.h>
#include <string.h>

#include <weir/weir.h>

#include "commands.h"
#include "options.h"

/* What the table says of a code besides what has a function: its usual ending. */
static const struct usual {
    const char *how;
    const char *by;
    weir_class judged;
} usuals[WEIR_CODE_COUNT] = {
#define X(name, how, by, class, status, h2, text, advice) {#how, #by, WEIR_CLASS_##class},
    WEIR_CODE_TABLE(X)
#undef X
};

static void print_lower(const char *label, const char *upper)
{
    (void)printf("  %-10s", label);
    for (; *upper != '\0'; upper++)
        (void)putchar(*upper >= 'A' && *upper <= 'Z' ? *upper - 'A' + 'a' : *upper);
    (void)putchar('\n');
}

static void explain(weir_code code)
{
    (void)printf("%s: %s\n", weir_code_name(code), weir_code_text(code));
    if (weir_code_advice(code)[0] != '\0')
        (void)printf("  %-10s%s\n", "advice", weir_code_advice(code));
    print_lower("how", usuals[code].how);
    print_lower("by", usuals[code].by);
    (void)printf("  %-10s%s (what was owed and delivered may make it graver)\n", "class",
                 weir_class_name(usuals[code].judged));
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
            (void)printf("%-28s %-8s %s\n", weir_code_name((weir_code)i), weir_class_name(usuals[i].judged),
                         weir_code_text((weir_code)i));
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
