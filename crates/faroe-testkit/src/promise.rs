//! Reports of proved promises.

use std::{env, fmt::Display, fs::OpenOptions, io::Write};

/// The environment variable that names the file in which proved promises are gathered.
pub const PROMISES_FILE: &str = "FAROE_TEST_PROMISES";

/// Reports that a promise was proved, and the extent of the proof: prints `promise P24: 91 cells, 0 violations`, and
/// appends the same line to the file that [`PROMISES_FILE`] names, if any, since `cargo test` hides the output of passing
/// tests.
///
/// It is the last line of a test that is named after its promise, `p24_…`: a test that fails does not get there. Any number
/// of tests, processes and threads may report at once.
///
/// # Panics
///
/// When the file cannot be written.
pub fn report(promise: &str, covered: impl Display) {
    let line = format!("promise {promise}: {covered}\n");
    print!("{line}");
    if let Some(path) = env::var_os(PROMISES_FILE) {
        let file = OpenOptions::new().append(true).create(true).open(&path);
        // One write for the line, so that lines of other tests do not come between.
        file.and_then(|mut file| file.write_all(line.as_bytes()))
            .unwrap_or_else(|error| panic!("write to {}: {error}", path.display()));
    }
}
