# The front door. `make help` says what there is. CMake does the building (CMakeLists.txt), and packagers call it
# directly; tools/deps knows which packages are needed, tools/run-tests what the tests are.

BUILD ?= build
PREFIX ?= /usr/local
LISTEN ?= 127.0.0.1:8080
SECONDS ?= 60
CMAKE_OPTIONS ?=

.DEFAULT_GOAL := build
.PHONY: help build run test test-all quick-test strangers soak bench install asan tsan valgrind fuzz \
        soak-sim mutate clang coverage format format-check clean

help:
	@echo 'Weir: an HTTP library for C whose connections end exactly once, for a known reason.'
	@echo
	@echo '  make run           build, then serve the demo on $(LISTEN)   (make run LISTEN=:9000)'
	@echo '  make test          build, then run every test that CI runs: all builds, about a quarter of an hour'
	@echo
	@echo '  make               build into $(BUILD)/: libweir.a, libweir.so, weir, examples/, tests/'
	@echo '  make test-all      the same with every moment of test/failing, and with gcc and clang at -O2: half an hour more'
	@echo '  make quick-test    the suites against build/ only   (make quick-test ONLY=h1; KEEP_GOING=-k runs what builds)'
	@echo '  make bench         measure against a floor and against other servers'
	@echo '  make strangers     clients and proxies of others against the demo, all of them (a gigabyte of packages)'
	@echo '  make soak          connections of every end for minutes, and slow attacks   (make soak SECONDS=600; 120)'
	@echo '  make install       into PREFIX=$(PREFIX), below DESTDIR if given'
	@echo
	@echo '  make asan          all suites under AddressSanitizer and UndefinedBehaviorSanitizer, in build-asan/'
	@echo '  make tsan          all suites under ThreadSanitizer, in build-tsan/'
	@echo '  make valgrind      the unit tests under valgrind'
	@echo '  make fuzz          each fuzz target for its share of SECONDS=$(SECONDS), in build-fuzz/'
	@echo '  make soak-sim      simulated histories for SECONDS=$(SECONDS), from a seed of the clock'
	@echo '  make mutate        changes COUNT=20 lines of the library, one at a time, and tells which no test notices'
	@echo '  make clang         build with clang, warnings are errors, in build-clang/'
	@echo '  make coverage      which lines and branches the unit tests, corpora and cases reach, in build-coverage/'
	@echo '  make format        clang-format over all C files; format-check only looks'
	@echo '  make clean         remove every build directory'
	@echo
	@echo 'Missing packages are installed when you are root (Debian, Ubuntu); else the command to run is printed.'

# Configures once; later changes of the files reach CMake by the build itself.
$(BUILD)/build.ninja:
	@tools/deps build
	cmake -G Ninja -B $(BUILD) $(CMAKE_OPTIONS)

build: $(BUILD)/build.ninja
	@cmake --build $(BUILD)

# The library and the program only: examples, tests and benchmark programs are for `make` and `make test`.
run: $(BUILD)/build.ninja
	@cmake --build $(BUILD) --target weir_program weir_static weir_shared
	@echo 'The live page is at http://$(LISTEN)/.weir/ - Ctrl-C drains and stops.'
	@exec $(BUILD)/weir demo --listen $(LISTEN)

test:
	@tools/deps build test peers
	@tools/run-tests --all

test-all:
	@tools/deps build test peers
	@WEIR_ALL=1 tools/run-tests --all

quick-test:
	@tools/deps build test peers
	@tools/run-tests --plan default $(KEEP_GOING) $(if $(ONLY),--only '$(ONLY)')

strangers:
	@tools/deps build test strangers
	@tools/run-tests --plan default --only ' strangers/'

soak: SECONDS = 120
soak:
	@tools/deps build test
	@$(MAKE) --no-print-directory build
	@WEIR=$(BUILD)/weir test/soak/soak.py --seconds $(SECONDS)

bench:
	@tools/deps build bench
	@$(MAKE) --no-print-directory build
	@BUILD=$(BUILD) bench/run $(BENCH_OPTIONS)

install: build
	DESTDIR='$(DESTDIR)' cmake --install $(BUILD) --prefix "$$(realpath -m -- '$(PREFIX)')"

asan tsan:
	@tools/deps build test
	@tools/run-tests --plan $@ $(if $(ONLY),--only '$(ONLY)')

valgrind:
	@tools/deps build test
	@tools/run-tests --plan valgrind $(if $(ONLY),--only '$(ONLY)')

fuzz:
	@tools/deps build test
	@tools/run-tests --plan fuzz --fuzz-seconds $(SECONDS) $(if $(ONLY),--only '$(ONLY)')

soak-sim:
	@tools/deps build test
	@$(MAKE) --no-print-directory build
	@$(BUILD)/tests/sim --seed $$(date +%s%N) --seconds $(SECONDS)

# SECONDS here is a bound, and none by default.
mutate: SECONDS = 1e9
mutate:
	@tools/deps build test
	@tools/mutate --count $(or $(COUNT),20) --seconds $(SECONDS) $(if $(ONLY),--only '$(ONLY)') $(MUTATE_OPTIONS)

clang:
	@tools/deps build test
	cmake --preset clang && cmake --build build-clang

coverage:
	@tools/deps build test
	cmake --preset coverage && cmake --build build-coverage
	@tools/coverage build-coverage

format:
	@tools/deps build test
	git ls-files '*.c' | xargs clang-format -i

format-check:
	@tools/deps build test
	git ls-files '*.c' | xargs clang-format -n --Werror

clean:
	rm -rf build build-asan build-clang build-coverage build-dev build-fuzz build-gcc build-release build-tsan
