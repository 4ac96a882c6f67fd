//! The pages that users see, in Chromium.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{
    Outcome, Surroundings,
    node::{self, Program},
    version,
};
use crate::{
    services::install,
    workspace::{self, find_program},
};

/// The programs whose pages the tests visit.
const PROGRAMS: [Program; 2] = [
    ("faroe-server", "FAROE_SERVER_BINARY"),
    ("example-web-app", "FAROE_WEB_APP_BINARY"),
];

/// The names of Chromium, and its folders on macOS. The headless shell takes a third of the time.
const NAMES: [&str; 6] = [
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "Google Chrome",
    "Chromium",
];
const FOLDERS: [&str; 2] = [
    "/Applications/Google Chrome.app/Contents/MacOS",
    "/Applications/Chromium.app/Contents/MacOS",
];

pub(super) fn run(surroundings: &Surroundings<'_>, outcome: &mut Outcome) -> Result<()> {
    let chromium = install::provide(
        find_chromium,
        &["chromium-headless-shell", "fonts-dejavu-core"],
        !surroundings.options.no_install,
        "Chromium is missing; run `sudo apt-get install chromium-headless-shell`, or install Google Chrome",
    )?;
    install::provide(
        || find_program("python3", &[]),
        &["python3"],
        !surroundings.options.no_install,
        "Python is missing; run `sudo apt-get install python3`",
    )?;
    let name = chromium
        .to_str()
        .context("the path of Chromium is not UTF-8")?;
    outcome.against.push(version(name, &["--version"])?);
    let screenshots = workspace::target_directory()?.join("screenshots");
    println!("screenshots are in {}", screenshots.display());
    let environment = [
        ("FAROE_CHROMIUM", chromium),
        ("FAROE_SCREENSHOTS", screenshots),
    ];
    node::test(
        surroundings,
        outcome,
        "tests/browser",
        &PROGRAMS,
        &environment,
    )
}

fn find_chromium() -> Option<PathBuf> {
    NAMES.iter().find_map(|name| find_program(name, &FOLDERS))
}
