# anysock: two commands do everything on a fresh machine, `make demo` and `make test`.
# `make help` lists the rest. Needs cargo, a C compiler and python3.

CARGO    ?= cargo
CC       ?= cc
PYTHON   ?= python3
PREFIX   ?= /usr/local
DESTDIR  ?=

TARGET   := $(or $(CARGO_TARGET_DIR),target)
LIBDIR   := $(TARGET)/release
EXAMPLES := $(TARGET)/examples-c
CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -pedantic -Werror
LINK     := -Iinclude -L$(LIBDIR) -Wl,-rpath,$(abspath $(LIBDIR)) -lanysock

export ANYSOCK_LIBRARY := $(abspath $(LIBDIR))/libanysock.so
export CARGO CC PYTHON LIBDIR EXAMPLES CFLAGS

.PHONY: help build header examples demo test test-rust test-c test-python test-cpython test-pythons test-hooks windows test-windows \
	test-aarch64 lint bench docs install clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' $(MAKEFILE_LIST)

build: ## the library: target/release/libanysock.so and libanysock.a
	@# Only what is shipped: with the rlib that tests link, cargo would leave out the link-time optimisation.
	$(CARGO) rustc --release --locked --lib --crate-type cdylib,staticlib
	@ln -sf libanysock.so $(LIBDIR)/libanysock.so.0

header: ## include/anysock.h and the manual's option page, from the source
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

test-c: examples ## C programs against the library, each also under valgrind
	@tests/c/run

test-python: build ## the Python package
	@tests/python/run

windows: ## anysock.dll and the C programs for Windows, into target/windows (needs Debian's packages)
	@.ci/build-windows

test-windows: build windows ## the same tests on Windows, under Wine
	@tests/windows/run

test-aarch64: ## unit and contract tests on 64-bit ARM, under qemu-user
	@tests/aarch64/run

test-pythons: build ## the same with every supported version of Python that the machine has
	@tests/python/versions

test-cpython: build ## CPython's own tests, with its modules and with ours
	@$(PYTHON) tests/python/cpython/run.py

lint: ## formatting and lints
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings

bench: build ## against raw POSIX C, side by side in one run
	@benches/run

docs: ## the manual as a book (needs mdbook)
	mdbook build docs

install: build ## into $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include
	install -m 644 include/anysock.h $(DESTDIR)$(PREFIX)/include/
	install -m 755 $(LIBDIR)/libanysock.so $(DESTDIR)$(PREFIX)/lib/libanysock.so.0
	ln -sf libanysock.so.0 $(DESTDIR)$(PREFIX)/lib/libanysock.so
	install -m 644 $(LIBDIR)/libanysock.a $(DESTDIR)$(PREFIX)/lib/
	@version=$$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1); \
	printf '%s\n' 'prefix=$(PREFIX)' 'Name: anysock' 'Description: the same sockets for every language' \
		"Version: $$version" 'Libs: -L$${prefix}/lib -lanysock' 'Cflags: -I$${prefix}/include' \
		> $(DESTDIR)$(PREFIX)/lib/pkgconfig/anysock.pc

clean: ## what was built
	$(CARGO) clean
