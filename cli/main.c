#include <stdio.h>
#include <string.h>

#include <weir/weir.h>

#include "common/commands.h"
#include "common/completion.h"
#include "common/version.h"

static int command_completion(int argc, char **argv);

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"demo", command_demo, "a server whose answers you shape, for trying things out"},
    {"explain", command_explain, "what an ending, an errno or a line of a log means, and whether it matters"},
    {"get", command_get, "one request, shown"},
    {"fault", command_fault, "a TCP proxy that breaks things, by a seed"},
    {"load", command_load, "a load generator that ends its connections as you say"},
    {"completion", command_completion, "what bash, zsh or fish reads to complete the options"},
};

static void usage(FILE *out)
{
    (void)fputs("Weir: HTTP servers whose every connection ends once, for a known reason.\n\n"
                "  weir COMMAND [options]\n\nCommands:\n",
                out);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        (void)fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    (void)fputs("\nExamples:\n"
                "  weir demo --listen 127.0.0.1:8080\n"
                "  weir demo --help\n"
                "  weir explain peer_reset_idle\n"
                "  weir load -c 100 -d 10s http://127.0.0.1:8080/\n"
                "\n  --help     this page\n  --version  the version, and what it was built with\n",
                out);
}

/* `weir completion SHELL`: each command prints its part. */
static int command_completion(int argc, char **argv)
{
    char names[200] = "", word[] = COMPLETION_WORD;
    if (argc != 2 || !completion_is_known(argv[1])) {
        (void)fputs("weir completion: expected one of: bash, zsh, fish\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        size_t used = strlen(names);
        (void)snprintf(names + used, sizeof(names) - used, "%s%s", i > 0 ? " " : "", commands[i].name);
    }
    completion_begin(argv[1], names, stdout);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (commands[i].run == command_completion)
            continue;
        char name[32];
        (void)snprintf(name, sizeof(name), "%s", commands[i].name);
        char *part[] = {name, word, argv[1], NULL};
        (void)commands[i].run(3, part);
    }
    completion_end(argv[1], stdout);
    return fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return 2;
    }
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "help") == 0) {
        usage(stdout);
        return 0;
    }
    if (strcmp(word, "--version") == 0) {
        version_print(stdout);
        return 0;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(word, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    (void)fprintf(stderr, "weir: there is no command '%s': expected one of:", word);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        (void)fprintf(stderr, " %s", commands[i].name);
    (void)fputs("; see weir --help\n", stderr);
    return 2;
}
