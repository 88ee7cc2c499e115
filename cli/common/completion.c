#include "common/completion.h"

#include <string.h>

bool completion_is_known(const char *shell)
{
    return strcmp(shell, "bash") == 0 || strcmp(shell, "zsh") == 0 || strcmp(shell, "fish") == 0;
}

bool completion_is_asked(int argc, char **argv)
{
    return argc == 3 && strcmp(argv[1], COMPLETION_WORD) == 0 && completion_is_known(argv[2]);
}

/* "demo" of "weir demo". */
static const char *word_of(const struct option_command *command)
{
    const char *blank = strrchr(command->name, ' ');
    return blank != NULL ? blank + 1 : command->name;
}

/* Help as a shell's quoted word: an apostrophe ends it, and zsh gives a bracket and a colon a meaning. */
static void put_help(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            (void)fputs("'\\''", out);
        else if (*text == '[' || *text == ']' || *text == ':' || *text == '\\')
            (void)fprintf(out, "\\%c", *text);
        else
            (void)fputc(*text, out);
    }
}

/* fish gives only the apostrophe and the backslash a meaning. */
static void put_fish_help(FILE *out, const char *text)
{
    for (; *text != '\0'; text++)
        (void)fprintf(out, *text == '\'' || *text == '\\' ? "\\%c" : "%c", *text);
}

/* --- bash ------------------------------------------------------------------------------------------------------- */

static void bash_begin(const char *commands, FILE *out)
{
    (void)fprintf(out,
                  "# bash completion of weir: made by `weir completion bash`.\n"
                  "_weir()\n{\n"
                  "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} options= choices=\n"
                  "    COMPREPLY=()\n"
                  "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
                  "        COMPREPLY=($(compgen -W '%s --help --version' -- \"$word\"))\n"
                  "        return\n    fi\n"
                  "    case ${COMP_WORDS[1]} in\n",
                  commands);
}

static void bash_part(const struct option_command *command, FILE *out)
{
    (void)fprintf(out, "    %s)\n        options='--help --version", word_of(command));
    for (size_t i = 0; i < command->count; i++)
        if (command->specs[i].type != OPTION_TITLE)
            (void)fprintf(out, " --%s", command->specs[i].name);
    (void)fputs("'\n        case $before in\n", out);
    for (size_t i = 0; i < command->count; i++) {
        const struct option_spec *spec = &command->specs[i];
        if (spec->type == OPTION_CHOICE)
            (void)fprintf(out, "        --%s) choices='%s' ;;\n", spec->name, spec->choices);
    }
    (void)fputs("        esac ;;\n", out);
}

static void bash_end(FILE *out)
{
    (void)fputs("    esac\n"
                "    case $word in\n"
                "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
                "    *)\n"
                "        if [ -n \"$choices\" ]; then\n"
                "            COMPREPLY=($(compgen -W \"$choices\" -- \"$word\"))\n"
                "        else\n"
                "            COMPREPLY=($(compgen -f -- \"$word\"))\n"
                "        fi ;;\n"
                "    esac\n}\ncomplete -o filenames -F _weir weir\n",
                out);
}

/* --- zsh -------------------------------------------------------------------------------------------------------- */

static void zsh_begin(const char *commands, FILE *out)
{
    (void)fprintf(out,
                  "#compdef weir\n# zsh completion of weir: made by `weir completion zsh`.\n"
                  "_weir() {\n"
                  "    if (( CURRENT == 2 )); then\n        compadd -- %s --help --version\n        return\n    fi\n"
                  "    shift words\n    (( CURRENT-- ))\n    case $words[1] in\n",
                  commands);
}

static void zsh_part(const struct option_command *command, FILE *out)
{
    (void)fprintf(out, "    %s) _arguments '--help[this page]' '--version[the version]'", word_of(command));
    for (size_t i = 0; i < command->count; i++) {
        const struct option_spec *spec = &command->specs[i];
        if (spec->type == OPTION_TITLE)
            continue;
        (void)fprintf(out, " \\\n        '%s--%s%s[", spec->type == OPTION_LIST ? "*" : "", spec->name,
                      spec->type == OPTION_FLAG ? "" : "=");
        put_help(out, spec->help);
        (void)fputc(']', out);
        if (spec->type == OPTION_CHOICE)
            (void)fprintf(out, ":value:(%s)", spec->choices);
        else if (spec->type != OPTION_FLAG)
            (void)fputs(":value:_files", out);
        (void)fputc('\'', out);
    }
    (void)fputs(" \\\n        '*:operand:_files' ;;\n", out);
}

static void zsh_end(FILE *out)
{
    (void)fputs("    esac\n}\n_weir \"$@\"\n", out);
}

/* --- fish ------------------------------------------------------------------------------------------------------- */

static void fish_begin(const char *commands, FILE *out)
{
    (void)fprintf(out,
                  "# fish completion of weir: made by `weir completion fish`.\n"
                  "complete -c weir -n __fish_use_subcommand -f -a '%s'\n",
                  commands);
}

static void fish_part(const struct option_command *command, FILE *out)
{
    for (size_t i = 0; i < command->count; i++) {
        const struct option_spec *spec = &command->specs[i];
        if (spec->type == OPTION_TITLE)
            continue;
        (void)fprintf(out, "complete -c weir -n '__fish_seen_subcommand_from %s' -l %s", word_of(command), spec->name);
        if (spec->letter != 0)
            (void)fprintf(out, " -s %c", spec->letter);
        if (spec->type == OPTION_CHOICE)
            (void)fprintf(out, " -x -a '%s'", spec->choices);
        else if (spec->type != OPTION_FLAG)
            (void)fputs(" -r", out);
        (void)fputs(" -d '", out);
        put_fish_help(out, spec->help);
        (void)fputs("'\n", out);
    }
}

/* --- all -------------------------------------------------------------------------------------------------------- */

void completion_begin(const char *shell, const char *commands, FILE *out)
{
    if (strcmp(shell, "bash") == 0)
        bash_begin(commands, out);
    else if (strcmp(shell, "zsh") == 0)
        zsh_begin(commands, out);
    else
        fish_begin(commands, out);
}

void completion_print(const struct option_command *command, const char *shell, FILE *out)
{
    if (strcmp(shell, "bash") == 0)
        bash_part(command, out);
    else if (strcmp(shell, "zsh") == 0)
        zsh_part(command, out);
    else
        fish_part(command, out);
}

void completion_end(const char *shell, FILE *out)
{
    if (strcmp(shell, "bash") == 0)
        bash_end(out);
    else if (strcmp(shell, "zsh") == 0)
        zsh_end(out);
}
