//! Every sentence of the contract, as a test of its own.

use std::process::ExitCode;

use example_custom_storage::MapStorage;
use faroe_testkit::conformance;

fn main() -> ExitCode {
    conformance::run([conformance::storage("map", async || MapStorage::default())])
}
