#!/bin/sh
# Compiles the project's own crates, and not what they depend on, with their known defects inside: cargo's
# RUSTC_WORKSPACE_WRAPPER, for the step `defects` of `cargo xtask test-all`.
exec "$@" --cfg faroe_defects
