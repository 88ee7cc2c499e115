/* The commands of the weir program. Each gets its own argv, argv[0] being its name, and returns an exit status:
 * 0 fine, 1 the run failed, 2 wrong usage. */
#ifndef CLI_COMMON_COMMANDS_H
#define CLI_COMMON_COMMANDS_H

int command_demo(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_fault(int argc, char **argv);
int command_get(int argc, char **argv);
int command_load(int argc, char **argv);

#endif
