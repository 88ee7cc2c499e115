# make install: headers, both libraries, weir.pc, the CMake package, the program, the man pages.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/weir DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
install(TARGETS weir_static weir_shared EXPORT weirTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(TARGET weir_comfort_static)
    install(TARGETS weir_comfort_static weir_comfort_shared EXPORT weirTargets
            ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
            INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endif()
if(TARGET weir_program)
    install(TARGETS weir_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
# docs/man/<name>.<section>.scd; without scdoc they are left out, and nothing else is.
file(GLOB man_pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/man/*.scd)
find_program(SCDOC scdoc)
mark_as_advanced(SCDOC)
if(SCDOC)
    file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/man)
    foreach(source IN LISTS man_pages)
        get_filename_component(page ${source} NAME_WLE)
        string(REGEX REPLACE ".*\\." "" section ${page})
        set(made ${PROJECT_BINARY_DIR}/man/${page})
        add_custom_command(OUTPUT ${made} COMMAND ${SCDOC} < ${source} > ${made} DEPENDS ${source} VERBATIM)
        list(APPEND man_made ${made})
        install(FILES ${made} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
    endforeach()
    # Section 3: a page for each public header, and a name for each function.
    find_package(Python3 QUIET COMPONENTS Interpreter)
    if(Python3_Interpreter_FOUND)
        set(man3 ${PROJECT_BINARY_DIR}/man3)
        add_custom_command(OUTPUT ${man3}/made DEPENDS ${weir_headers} ${PROJECT_SOURCE_DIR}/tools/man3 VERBATIM
                           COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/man3 --scdoc ${SCDOC} ${man3}
                                   ${weir_headers}
                           COMMAND ${CMAKE_COMMAND} -E touch ${man3}/made)
        list(APPEND man_made ${man3}/made)
        install(DIRECTORY ${man3}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man3 FILES_MATCHING PATTERN "*.3")
    else()
        message(STATUS "the manual pages of section 3 are left out: python3 was not found")
    endif()
    add_custom_target(weir_man ALL DEPENDS ${man_made})
else()
    message(STATUS "the man pages are left out: scdoc was not found")
endif()

# For reading: the pages, and the examples to copy from.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/examples DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.c")

# Completion in a shell, printed by the program itself.
if(TARGET weir_program AND NOT CMAKE_CROSSCOMPILING)
    set(completions ${PROJECT_BINARY_DIR}/completions)
    file(MAKE_DIRECTORY ${completions})
    foreach(shell bash zsh fish)
        add_custom_command(OUTPUT ${completions}/weir.${shell} DEPENDS weir_program VERBATIM
                           COMMAND $<TARGET_FILE:weir_program> completion ${shell} > ${completions}/weir.${shell})
        list(APPEND completions_made ${completions}/weir.${shell})
    endforeach()
    add_custom_target(weir_completions ALL DEPENDS ${completions_made})
    install(FILES ${completions}/weir.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME weir)
    install(FILES ${completions}/weir.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions RENAME _weir)
    install(FILES ${completions}/weir.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/weirConfig.cmake.in ${PROJECT_BINARY_DIR}/weirConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/weir)
# Before 1.0 a minor version may break what was: 0.1 does not stand in for 0.2.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/weirConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/weirConfig.cmake ${PROJECT_BINARY_DIR}/weirConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/weir)
install(EXPORT weirTargets NAMESPACE weir:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/weir)

# weir.pc finds itself by its own place, so that a tree installed under DESTDIR can be used before it is moved.
file(RELATIVE_PATH pc_up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR} OR IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
    set(pc_prefix ${CMAKE_INSTALL_PREFIX})
else()
    string(REGEX REPLACE "/$" "" pc_up "${pc_up}")
    set(pc_prefix "\${pcfiledir}/${pc_up}")
endif()
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
    set(pc_libdir ${CMAKE_INSTALL_LIBDIR})
else()
    set(pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
if(IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
    set(pc_includedir ${CMAKE_INSTALL_INCLUDEDIR})
else()
    set(pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/weir.pc.in ${PROJECT_BINARY_DIR}/weir.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/weir.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(TARGET weir_comfort_static)
    list(TRANSFORM comfort_needs_static PREPEND -l OUTPUT_VARIABLE comfort_needs_flags)
    list(JOIN comfort_needs_flags " " comfort_needs_flags)
    configure_file(${PROJECT_SOURCE_DIR}/cmake/weir-comfort.pc.in ${PROJECT_BINARY_DIR}/weir-comfort.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/weir-comfort.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()
