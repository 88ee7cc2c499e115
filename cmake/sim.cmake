# The simulation (test/sim): the library without src/io, compiled as it is, over a network that is a part of the test.
# src/io/address.c stays: it asks no kernel.

file(GLOB sim_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/test/sim/world/*.c)
set(sim_library ${weir_sources})
list(FILTER sim_library EXCLUDE REGEX "/src/io/")
list(APPEND sim_library ${PROJECT_SOURCE_DIR}/src/io/address.c)

add_executable(test_sim ${sim_sources} ${sim_library})
set_target_properties(test_sim PROPERTIES OUTPUT_NAME sim RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
target_include_directories(test_sim PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src
                                            ${PROJECT_SOURCE_DIR}/test/sim/world)
target_compile_definitions(test_sim PRIVATE WEIR_CHECK)
target_link_libraries(test_sim PRIVATE weir_flags Threads::Threads)
# The server closes descriptors by itself, and an assertion that fails is to be told with its seed.
target_link_options(test_sim PRIVATE -Wl,--wrap=close,--wrap=__assert_fail)
