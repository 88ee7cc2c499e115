# Writes build_info.h: the commit, and the options that a report of a bug needs. Runs at each build, as a script:
#     cmake -DSOURCE=... -DOUT=... -DOPTIONS=... -P version.cmake
# The file is written only when it changes, so that nothing is compiled again for nothing.
set(commit "unknown: not built from a git checkout")
find_program(GIT git)
if(GIT)
    execute_process(COMMAND ${GIT} -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
                    OUTPUT_VARIABLE told OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
    if(status EQUAL 0)
        set(commit ${told})
    endif()
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "#define BUILD_COMMIT \"@commit@\"\n#define BUILD_OPTIONS \"@OPTIONS@\"\n" @ONLY)
