# The library: compiled once, position-independent, and made into both libweir.a and libweir.so.

file(GLOB weir_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*/*.c)
list(FILTER weir_sources EXCLUDE REGEX "_(test|fuzz)\\.c$")
file(GLOB weir_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/weir/*.h)

# Who asks name servers. `auto` takes c-ares where pkg-config finds it; `none` resolves numeric hosts and localhost only.
set_property(CACHE WEIR_RESOLVER PROPERTY STRINGS auto c-ares none)
if(NOT WEIR_RESOLVER MATCHES "^(auto|c-ares|none)$")
    message(FATAL_ERROR "WEIR_RESOLVER is ${WEIR_RESOLVER}: auto, c-ares or none was expected")
endif()
set(weir_resolver none)
if(NOT WEIR_RESOLVER STREQUAL "none")
    find_package(PkgConfig QUIET)
    if(PKG_CONFIG_FOUND)
        pkg_check_modules(libcares QUIET libcares>=1.16)
    endif()
    if(libcares_FOUND)
        set(weir_resolver c-ares)
    elseif(WEIR_RESOLVER STREQUAL "c-ares")
        message(FATAL_ERROR "WEIR_RESOLVER is c-ares, and pkg-config does not find libcares (Debian: libc-ares-dev)")
    else()
        message(WARNING "c-ares was not found: names other than localhost will not be resolved (Debian: libc-ares-dev)")
    endif()
endif()
if(weir_resolver STREQUAL "c-ares")
    list(FILTER weir_sources EXCLUDE REGEX "/lookup_none\\.c$")
else()
    list(FILTER weir_sources EXCLUDE REGEX "/lookup_ares\\.c$")
endif()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

add_library(weir_objects OBJECT ${weir_sources})
set_target_properties(weir_objects PROPERTIES POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)
target_compile_definitions(weir_objects PRIVATE WEIR_BUILDING)
target_include_directories(weir_objects PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(weir_objects PRIVATE weir_flags Threads::Threads)
if(weir_resolver STREQUAL "c-ares")
    set_source_files_properties(${PROJECT_SOURCE_DIR}/src/base/str.c PROPERTIES
                                COMPILE_DEFINITIONS "WEIR_RESOLVER_TEXT=\", c-ares\"")
    target_include_directories(weir_objects SYSTEM PRIVATE ${libcares_INCLUDE_DIRS})
    # By name (cares), so that what is installed remembers no path of this machine's, and that whoever links the shared
    # library needs nothing of c-ares's to build with.
    set(weir_needs ${libcares_LIBRARIES})
    set(weir_needs_dirs $<BUILD_INTERFACE:${libcares_LIBRARY_DIRS}>)
    list(JOIN libcares_LDFLAGS " " weir_needs_flags)
endif()

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
target_link_libraries(weir_shared PRIVATE $<BUILD_INTERFACE:weir_flags> Threads::Threads ${weir_needs})
target_link_libraries(weir_static PUBLIC Threads::Threads PRIVATE ${weir_needs})

foreach(target weir_static weir_shared)
    target_link_directories(${target} PUBLIC ${weir_needs_dirs})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME weir LINKER_LANGUAGE C
                          ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR} LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
    target_include_directories(${target} INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                                   $<INSTALL_INTERFACE:include>)
endforeach()
add_library(weir::weir ALIAS weir_shared)
add_library(weir::weir_static ALIAS weir_static)
