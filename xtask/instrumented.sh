#!/bin/sh
# Compiles the crates of an instrumented copy of the sources: cargo's RUSTC_WORKSPACE_WRAPPER there. Cargo names its results after
# the wrapper, so that nothing in `target` is overwritten.
exec "$@"
