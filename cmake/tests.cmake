# Unit tests and fuzz targets. Those of src/ see it, and link the static library, where hidden symbols are in reach;
# those of cli/ link the program's parts, and see what these may see.
# tools/run-tests runs them (`make test`); ctest does too.

find_path(CMOCKA_INCLUDE cmocka.h)
find_library(CMOCKA_LIBRARY cmocka)
mark_as_advanced(CMOCKA_INCLUDE CMOCKA_LIBRARY)

# The parser that ours is compared with (docs/fuzzing.md).
find_library(HTTP_PARSER_LIBRARY http_parser)
mark_as_advanced(HTTP_PARSER_LIBRARY)
if(NOT HTTP_PARSER_LIBRARY)
    message(WARNING "http-parser was not found: nothing is compared with it (Debian: libhttp-parser-dev)")
endif()

# What a file of src/ or cli/ is called as a target: src/h1/chunked_test.c is h1_chunked, cli/load/plan_test.c is
# cli_load_plan.
function(weir_name_of out file suffix)
    file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR} ${file})
    string(REGEX REPLACE "${suffix}\\.c$" "" path ${path})
    string(REGEX REPLACE "^src/" "" path ${path})
    string(REPLACE "/" "_" path ${path})
    set(${out} ${path} PARENT_SCOPE)
endfunction()

# One unit test. Further arguments are what it links.
function(weir_unit_test file include_folder)
    weir_name_of(name ${file} _test)
    add_executable(test_${name} ${file})
    set_target_properties(test_${name} PROPERTIES OUTPUT_NAME ${name}
                          RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    target_include_directories(test_${name} PRIVATE ${include_folder} ${CMOCKA_INCLUDE})
    target_link_libraries(test_${name} PRIVATE weir_flags ${ARGN} ${CMOCKA_LIBRARY})
    add_test(NAME unit.${name} COMMAND test_${name})
    set_tests_properties(unit.${name} PROPERTIES TIMEOUT 120)
endfunction()

file(GLOB_RECURSE test_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*_test.c)
file(GLOB_RECURSE cli_test_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cli/*_test.c)
if(NOT HTTP_PARSER_LIBRARY)
    list(FILTER test_sources EXCLUDE REGEX "/other_parser_test\\.c$")
endif()
if(WEIR_LIBFUZZER)
    # A build to search with, not to test with.
elseif(CMOCKA_INCLUDE AND CMOCKA_LIBRARY)
    foreach(file IN LISTS test_sources)
        weir_unit_test(${file} ${PROJECT_SOURCE_DIR}/src weir_static)
    endforeach()
    if(TARGET weir_cli)
        foreach(file IN LISTS cli_test_sources)
            weir_unit_test(${file} ${PROJECT_SOURCE_DIR}/cli weir_cli)
        endforeach()
    endif()
    if(TARGET weir_comfort_static)
        file(GLOB comfort_test_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/comfort/*_test.c)
        if(NOT (brotlidec_FOUND AND zstd_FOUND)) # it encodes in each coding that it decodes
            list(FILTER comfort_test_sources EXCLUDE REGEX "/decode_test\\.c$")
        else()
            set(comfort_encoders brotlienc zstd z)
        endif()
        foreach(file IN LISTS comfort_test_sources)
            weir_unit_test(${file} ${PROJECT_SOURCE_DIR}/comfort weir_comfort_static ${comfort_encoders})
        endforeach()
    endif()
else()
    message(WARNING "cmocka was not found: the unit tests are left out (Debian: libcmocka-dev)")
endif()

# What a script suite needs in C: test/<suite>/<name>.c, linked with the program's parts.
file(GLOB suite_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/test/*/*.c)
list(FILTER suite_sources EXCLUDE REGEX "/test/cases/") # one program of several files, below
if(TARGET weir_cli AND NOT WEIR_LIBFUZZER)
    foreach(file IN LISTS suite_sources)
        file(RELATIVE_PATH name ${PROJECT_SOURCE_DIR}/test ${file})
        string(REGEX REPLACE "\\.c$" "" name ${name})
        string(REPLACE "/" "_" name ${name})
        add_executable(suite_${name} ${file})
        set_target_properties(suite_${name} PROPERTIES OUTPUT_NAME ${name}
                              RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/test)
        target_include_directories(suite_${name} PRIVATE ${PROJECT_SOURCE_DIR}/cli)
        target_link_libraries(suite_${name} PRIVATE weir_flags weir_cli)
    endforeach()
endif()

# With libFuzzer they search; without it they replay fuzz/corpus/<name>, under any compiler.
function(weir_fuzz_target file include_folder)
    weir_name_of(name ${file} _fuzz)
    add_executable(fuzz_${name} ${file})
    set_target_properties(fuzz_${name} PROPERTIES OUTPUT_NAME ${name}
                          RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/fuzz)
    target_include_directories(fuzz_${name} PRIVATE ${include_folder})
    target_link_libraries(fuzz_${name} PRIVATE weir_flags ${ARGN})
    if(WEIR_LIBFUZZER)
        target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    else()
        target_sources(fuzz_${name} PRIVATE ${PROJECT_SOURCE_DIR}/fuzz/standalone_main.c)
        add_test(NAME fuzz.${name} COMMAND fuzz_${name} ${PROJECT_SOURCE_DIR}/fuzz/corpus/${name})
    endif()
endfunction()

file(GLOB_RECURSE fuzz_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*_fuzz.c)
if(NOT HTTP_PARSER_LIBRARY)
    list(FILTER fuzz_sources EXCLUDE REGEX "/other_parser_fuzz\\.c$")
endif()
foreach(file IN LISTS fuzz_sources)
    weir_fuzz_target(${file} ${PROJECT_SOURCE_DIR}/src weir_static)
endforeach()
foreach(target fuzz_h1_other_parser test_h1_other_parser)
    if(TARGET ${target})
        target_link_libraries(${target} PRIVATE ${HTTP_PARSER_LIBRARY})
    endif()
endforeach()
if(TARGET weir_comfort_static)
    file(GLOB comfort_fuzz_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/comfort/*_fuzz.c)
    foreach(file IN LISTS comfort_fuzz_sources)
        weir_fuzz_target(${file} ${PROJECT_SOURCE_DIR}/comfort weir_comfort_static)
    endforeach()
endif()
if(TARGET weir_cli)
    file(GLOB_RECURSE cli_fuzz_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cli/*_fuzz.c)
    foreach(file IN LISTS cli_fuzz_sources)
        weir_fuzz_target(${file} ${PROJECT_SOURCE_DIR}/cli weir_cli)
    endforeach()
endif()

# The cases of test/cases, which are pages: a program like any user's, with the public headers alone.
if(NOT WEIR_LIBFUZZER)
    add_executable(cases_runner test/cases/runner.c test/cases/page.c test/cases/profile.c
                                test/cases/script.c)
    set_target_properties(cases_runner PROPERTIES OUTPUT_NAME runner RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/cases)
    target_link_libraries(cases_runner PRIVATE weir_flags weir_static)
    file(GLOB case_pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/test/cases/[a-z]*.md)
    add_test(NAME cases COMMAND cases_runner ${case_pages})
endif()
