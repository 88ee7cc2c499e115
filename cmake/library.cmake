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

add_library(weir_static STATIC $<TARGET_OBJECTS:weir_objects>)
add_library(weir_shared SHARED $<TARGET_OBJECTS:weir_objects>)
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
