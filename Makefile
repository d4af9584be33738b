# anysock: two commands do everything on a fresh machine, `make demo` and `make test`.
# `make help` lists the rest. Needs cargo, a C compiler and python3.

CARGO    ?= cargo
CC       ?= cc
PYTHON   ?= python3

TARGET   := $(or $(CARGO_TARGET_DIR),target)
RELEASE  := $(TARGET)/release
EXAMPLES := $(TARGET)/examples-c
CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -pedantic -Werror
LINK     := -Iinclude -L$(RELEASE) -Wl,-rpath,$(abspath $(RELEASE)) -lanysock

export ANYSOCK_LIBRARY := $(abspath $(RELEASE))/libanysock.so
export CARGO CC PYTHON RELEASE EXAMPLES CFLAGS

.PHONY: test-bindings help build header examples demo test test-rust test-loom test-c test-python test-languages test-cpython test-pythons test-hooks windows test-windows \
	test-machines test-kqueue test-sanitizers test-packaging campaign test-campaign lint bench bench-languages man docs install uninstall dist test-dist release-check clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' $(MAKEFILE_LIST)

build: ## the library: target/release/libanysock.so and libanysock.a
	@packaging/build

header: ## include/anysock.h, include/anysock.json and the manual's tables, from the source
	ANYSOCK_BLESS=1 $(CARGO) test --locked --test generated

examples: build ## the C examples, into target/examples-c
	@mkdir -p $(EXAMPLES)
	@for source in examples/c/*.c; do \
		$(CC) $(CFLAGS) $(WARNINGS) -std=c11 -o $(EXAMPLES)/$$(basename $$source .c) $$source $(LINK) || exit 1; \
	done

demo: examples ## a C server and C and Python clients talk to each other
	@examples/demo

test: ## everything that is promised, with a summary at the end
	@tests/run

test-rust: ## unit and contract tests
	$(CARGO) test --locked

test-loom: ## what is lock-free, in every order in which threads can come
	CARGO_TARGET_DIR=$(TARGET)/loom RUSTFLAGS="--cfg loom" $(CARGO) test --locked --lib models \
		--config profile.dev.package.loom.opt-level=3 -- --test-threads=1

test-c: examples ## C programs against the library, each also under valgrind
	@tests/c/run

test-python: build ## the Python package
	@tests/python/run

windows: ## anysock.dll and the C programs for Windows, into target/windows (needs Debian's packages)
	@.ci/build-windows

test-windows: build windows ## the same tests on Windows, under Wine
	@tests/windows/run

test-machines: ## unit and contract tests and C programs for musl and other processors, also under qemu-user; MACHINES="musl i686 ..."
	@tests/machines/run $(MACHINES)

test-kqueue: ## unit and contract tests with the readiness of macOS and the BSDs, over a model of kqueue
	@tests/kqueue/run

test-sanitizers: ## unit and contract tests, chaos and C programs under ThreadSanitizer and AddressSanitizer; SANITIZERS=thread
	@tests/sanitizers/run $(SANITIZERS)

test-pythons: build ## the same with every supported version of Python that the machine has
	@tests/python/versions

test-bindings: build ## the layers of other languages, each where its tools are
	@bindings/test

test-languages: build ## every language talks to every other, in one grid
	@tests/languages/run $(LANGUAGES)

test-cpython: build ## CPython's own tests, with its modules and with ours
	@$(PYTHON) tests/python/cpython/run.py

test-packaging: build ## what is shipped: install, archive, reproducible build
	@tests/packaging/run

campaign: build ## an hour of trying to bring the library down, and a table of what was found
	@tests/campaign/run

test-campaign: build ## a short piece of the same
	@tests/campaign/run --seconds 240

lint: ## formatting and lints
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings

bench: build ## against raw POSIX C, side by side in one run
	@benches/run

bench-languages: build ## each language: echo servers on the queue against its own sockets, a call, an event
	@benches/languages/servers.py $(LANGUAGES)
	@benches/languages/calls.py $(LANGUAGES)

man: ## the manual pages, into target/man: section 3 for each function, 7 for the overview
	@$(PYTHON) packaging/man.py $(TARGET)/man

docs: build man ## the manual as a site with search, into docs/book; its links, code and programs checked (fetches mdbook)
	@$(PYTHON) packaging/check_docs.py
	@command -v mdbook >/dev/null || $(CARGO) install --quiet --locked --root $(TARGET)/tools mdbook
	@PATH="$$PATH:$(abspath $(TARGET))/tools/bin" mdbook build docs
	@$(PYTHON) packaging/site.py docs/book

install: build man ## into $(DESTDIR)$(prefix), /usr/local; packaging/install lists what else can be chosen
	@packaging/install from=$(RELEASE) man=$(TARGET)/man

uninstall: ## takes away what `make install` with the same folders has put there
	@packaging/install --uninstall from=$(RELEASE)

dist: ## what is released: every system's archive, the source, wheels, into target/dist (needs Debian)
	@packaging/dist
	@packaging/wheels

test-dist: build ## what `make dist` has made, at work: here, under qemu-user, under Wine
	@tests/packaging/dist
	@tests/packaging/wheels
	@tests/packaging/recipes/run

release-check: ## whether this checkout can be released as it is
	@packaging/release-check

clean: ## what was built
	$(CARGO) clean
