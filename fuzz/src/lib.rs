#![doc = include_str!("../README.md")]

mod cached_sessions;
mod json;
mod request_bodies;
mod requests;
mod stored_records;
#[cfg(test)]
mod tests;
mod tokens;
mod user_server_answers;
mod user_server_requests;
mod world;

use std::{fs, io, path::PathBuf};

/// Runs one input, and panics if a property does not hold.
pub type Run = Box<dyn FnMut(&[u8])>;

/// A reader of untrusted bytes, with the properties that hold for all bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name, which is also that of the folder in the corpus.
    pub name: &'static str,
    start: fn() -> Run,
}

/// All targets.
pub const TARGETS: [Target; 6] = [
    Target {
        name: "cached_sessions",
        start: cached_sessions::start,
    },
    Target {
        name: "request_bodies",
        start: request_bodies::start,
    },
    Target {
        name: "stored_records",
        start: stored_records::start,
    },
    Target {
        name: "tokens",
        start: tokens::start,
    },
    Target {
        name: "user_server_answers",
        start: user_server_answers::start,
    },
    Target {
        name: "user_server_requests",
        start: user_server_requests::start,
    },
];

impl Target {
    /// Returns the target with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Prepares the target. Every input finds the same world, whatever inputs came before.
    pub fn start(&self) -> Run {
        (self.start)()
    }

    /// Returns the inputs of the committed corpus and those on which `cargo xtask fuzz` failed, each with its path.
    ///
    /// # Errors
    ///
    /// If a file cannot be read.
    pub fn inputs(&self) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
        let mut inputs = Vec::new();
        for folder in ["corpus", "artifacts"] {
            let folder = PathBuf::from_iter([env!("CARGO_MANIFEST_DIR"), folder, self.name]);
            let files = match fs::read_dir(folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                files => files?,
            };
            for file in files {
                let path = file?.path();
                let input = fs::read(&path)?;
                inputs.push((path, input));
            }
        }
        inputs.sort();
        Ok(inputs)
    }
}
