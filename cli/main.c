#include <stdio.h>
#include <string.h>

#include <weir/weir.h>

#include "commands.h"

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
        (void)printf("weir %s\n", weir_version());
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
