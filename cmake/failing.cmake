# Programs whose calls of the system can be made to fail (test/failing): each call that calls.h lists is wrapped by the
# linker, in the library too. It works the same under the sanitizers, which intercept what the wrapper then calls.

set(failing ${PROJECT_SOURCE_DIR}/test/failing/play)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${failing}/calls.h)
# Not file(STRINGS): the backslashes at the ends of its lines would escape what separates a list.
file(READ ${failing}/calls.h failing_text)
string(REGEX MATCHALL "\n    CALL\\([a-zA-Z0-9_]+," failing_rows "${failing_text}")
string(REGEX REPLACE "\n    CALL\\(([a-zA-Z0-9_]+)," "-Wl,--wrap=\\1" failing_wraps "${failing_rows}")

function(weir_failing name)
    add_executable(failing_${name} ${failing}/inject.c ${ARGN})
    set_target_properties(failing_${name} PROPERTIES OUTPUT_NAME ${name}
                          RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/failing)
    target_link_libraries(failing_${name} PRIVATE weir_flags weir_static)
    target_link_options(failing_${name} PRIVATE ${failing_wraps})
endfunction()

if(NOT WEIR_LIBFUZZER)
    weir_failing(server_test ${failing}/server_test.c ${failing}/sweep.c ${failing}/scene.c ${failing}/workers.c ${failing}/handler.c
                 ${failing}/clients.c)
    weir_failing(client_test ${failing}/client_test.c ${failing}/sweep.c ${failing}/client_scene.c ${failing}/asks.c
                 ${failing}/raw.c ${failing}/clients.c)
    if(TARGET weir_program)
        get_target_property(weir_program_sources weir_program SOURCES)
        get_target_property(weir_program_libraries weir_program LINK_LIBRARIES)
        weir_failing(weir ${weir_program_sources})
        target_include_directories(failing_weir PRIVATE ${PROJECT_SOURCE_DIR}/cli)
        target_link_libraries(failing_weir PRIVATE ${weir_program_libraries})
    endif()
endif()
