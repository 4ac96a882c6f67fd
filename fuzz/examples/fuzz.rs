//! The target in `FAROE_FUZZ_TARGET` under libFuzzer; `cargo xtask fuzz` starts it.
#![no_main]

use std::{cell::RefCell, env};

use faroe_fuzz::{Run, Target};

thread_local! {
    // libFuzzer calls from one thread only.
    static RUN: RefCell<Run> = RefCell::new(chosen().start());
}

fn chosen() -> &'static Target {
    let name = env::var("FAROE_FUZZ_TARGET").expect("FAROE_FUZZ_TARGET names a target");
    Target::named(&name).expect("FAROE_FUZZ_TARGET names a target that exists")
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| RUN.with_borrow_mut(|run| run(input)));
