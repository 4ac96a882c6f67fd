#!/bin/sh
# Instruments the project's own crates, so that libFuzzer sees the code that an input reaches: cargo's RUSTC_WORKSPACE_WRAPPER
# for `cargo xtask fuzz`. Safe Rust needs no sanitizer to find panics and overflows.
exec "$@" -C opt-level=1 -C passes=sancov-module \
    -C llvm-args=-sanitizer-coverage-level=4 -C llvm-args=-sanitizer-coverage-inline-8bit-counters \
    -C llvm-args=-sanitizer-coverage-pc-table -C llvm-args=-sanitizer-coverage-trace-compares
