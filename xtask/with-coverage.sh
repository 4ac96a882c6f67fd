#!/bin/sh
# Compiles the project's own crates, and not what they depend on, so that libFuzzer sees which code an input reaches: cargo's
# RUSTC_WORKSPACE_WRAPPER, for `cargo xtask fuzz`. Panics and overflows are found without a sanitizer: the code is safe Rust.
exec "$@" -C opt-level=1 -C passes=sancov-module \
    -C llvm-args=-sanitizer-coverage-level=4 -C llvm-args=-sanitizer-coverage-inline-8bit-counters \
    -C llvm-args=-sanitizer-coverage-pc-table -C llvm-args=-sanitizer-coverage-trace-compares
