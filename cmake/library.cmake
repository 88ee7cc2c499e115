# The library: compiled once, position-independent, and made into both libweir.a and libweir.so.

file(GLOB weir_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*/*.c)
list(FILTER weir_sources EXCLUDE REGEX "_(test|fuzz)\\.c$")
file(GLOB weir_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/weir/*.h)

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

add_library(weir_objects OBJECT ${weir_sources})
set_target_properties(weir_objects PROPERTIES POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)
target_compile_definitions(weir_objects PRIVATE WEIR_BUILDING)
target_include_directories(weir_objects PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(weir_objects PRIVATE weir_flags Threads::Threads)

# A request passes a dozen small functions in as many files; seen together by the compiler it costs about a third less.
# They are optimised together here, into one ordinary object, so that whoever links the static library has the same speed
# and needs neither our compiler nor its link-time plugin.
set(weir_linked $<TARGET_OBJECTS:weir_objects>)
if(WEIR_TOGETHER)
    target_compile_options(weir_objects PRIVATE -flto=auto -fno-fat-lto-objects)
    set(weir_linked ${PROJECT_BINARY_DIR}/weir_together.o)
    separate_arguments(together_flags UNIX_COMMAND "${CMAKE_C_FLAGS} ${CMAKE_C_FLAGS_${weir_build_type}}")
    add_custom_command(OUTPUT ${weir_linked}
        COMMAND ${CMAKE_C_COMPILER} ${together_flags} -fPIC -flto=auto -r -flinker-output=nolto-rel -nostdlib
                -o ${weir_linked} $<TARGET_OBJECTS:weir_objects>
        DEPENDS weir_objects $<TARGET_OBJECTS:weir_objects> COMMAND_EXPAND_LISTS VERBATIM
        COMMENT "Optimising the library as a whole")
    add_custom_target(weir_together DEPENDS ${weir_linked})
    set_source_files_properties(${weir_linked} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
endif()

add_library(weir_static STATIC ${weir_linked})
add_library(weir_shared SHARED ${weir_linked})
if(WEIR_TOGETHER)
    add_dependencies(weir_static weir_together)
    add_dependencies(weir_shared weir_together)
endif()
set_target_properties(weir_static PROPERTIES EXPORT_NAME weir_static)
set_target_properties(weir_shared PROPERTIES EXPORT_NAME weir VERSION ${PROJECT_VERSION} SOVERSION 0
                                             LINK_DEPENDS ${PROJECT_SOURCE_DIR}/src/weir.map)
target_link_options(weir_shared PRIVATE -Wl,--version-script=${PROJECT_SOURCE_DIR}/src/weir.map)
# The sanitizers' runtimes must be named when the shared library is linked; the warnings need not be.
target_link_libraries(weir_shared PRIVATE $<BUILD_INTERFACE:weir_flags> Threads::Threads)
target_link_libraries(weir_static PUBLIC Threads::Threads)

foreach(target weir_static weir_shared)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME weir LINKER_LANGUAGE C
                          ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR} LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
    target_include_directories(${target} INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                                   $<INSTALL_INTERFACE:include>)
endforeach()
add_library(weir::weir ALIAS weir_shared)
add_library(weir::weir_static ALIAS weir_static)
