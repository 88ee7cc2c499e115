# Build types, warnings, sanitizers.

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "RelWithDebInfo, Release or Debug" FORCE)
endif()

# Assertions stay on in every build type, and -O2 is the level that is tested: an assertion guards against our mistake
# or the caller's, never against the peer, and a process that is wrong about its own state had better stop. What is
# measured by `make bench` is measured with them. Who wants them gone adds -DNDEBUG to CMAKE_C_FLAGS.
foreach(type RELWITHDEBINFO RELEASE MINSIZEREL)
    string(REGEX REPLACE "(^| )[-/]DNDEBUG" "" CMAKE_C_FLAGS_${type} "${CMAKE_C_FLAGS_${type}}")
    string(REPLACE "-O3" "-O2" CMAKE_C_FLAGS_${type} "${CMAKE_C_FLAGS_${type}}")
endforeach()

string(TOUPPER "${CMAKE_BUILD_TYPE}" weir_build_type)

# Only where it is sure to work, and where it would not hide what a sanitizer or a debugger is to see.
set(together_default OFF)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND weir_build_type MATCHES "^REL" AND NOT WEIR_SANITIZE)
    set(together_default ON)
endif()
option(WEIR_TOGETHER "Optimise the library as a whole (GCC)" ${together_default})

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Of everything that is compiled here; not of those who use the library.
add_library(weir_flags INTERFACE)
target_compile_definitions(weir_flags INTERFACE _GNU_SOURCE)
target_compile_options(weir_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow)
if(WEIR_WERROR)
    target_compile_options(weir_flags INTERFACE -Werror)
endif()

# After each event of a connection what its state says is asserted (src/conn/check.c).
if(WEIR_SANITIZE OR weir_build_type STREQUAL "DEBUG")
    target_compile_definitions(weir_flags INTERFACE WEIR_CHECK)
endif()

if(WEIR_LIBFUZZER)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "WEIR_LIBFUZZER needs clang, and the C compiler is ${CMAKE_C_COMPILER_ID}: "
                            "use `cmake --preset fuzz`, or set CC=clang")
    endif()
    target_compile_options(weir_flags INTERFACE -fsanitize=fuzzer-no-link)
    target_link_options(weir_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(WEIR_SANITIZE)
    target_compile_options(weir_flags INTERFACE -fsanitize=${WEIR_SANITIZE} -fno-sanitize-recover=all
                                                -fno-omit-frame-pointer)
    target_link_options(weir_flags INTERFACE -fsanitize=${WEIR_SANITIZE})
endif()

# Hardening, as Debian builds its packages (dpkg-buildflags with hardening=+all): a canary in functions that have arrays,
# checked calls of libc, relocations that are read-only once the program runs, position-independent programs. A sanitizer
# checks more than these, and fortified calls would hide from it; without optimisation there are no fortified calls.
option(WEIR_HARDEN "Compile and link with the hardening flags that Debian uses" ON)
if(WEIR_HARDEN AND NOT WEIR_SANITIZE AND CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
    include(CheckPIESupported)
    check_pie_supported(LANGUAGES C)
    set(CMAKE_POSITION_INDEPENDENT_CODE ON)
    target_compile_options(weir_flags INTERFACE -fstack-protector-strong -Wformat -Werror=format-security)
    if(weir_build_type MATCHES "^REL|^MINSIZEREL")
        target_compile_options(weir_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
    endif()
    if(CMAKE_EXECUTABLE_FORMAT STREQUAL "ELF" OR CMAKE_SYSTEM_NAME STREQUAL "Linux")
        target_link_options(weir_flags INTERFACE -Wl,-z,relro -Wl,-z,now)
    endif()
endif()
