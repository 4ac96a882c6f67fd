//! The results of a benchmark: one table, shown as it grows and kept in a file.

use std::{
    env, fs,
    num::NonZeroUsize,
    path::Path,
    process::Command,
    thread,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result};
use faroe_core::time::{Clock, SystemClock};

use crate::rounds::{Rounds, median, spread};

/// The environment variables by which `cargo xtask bench` passes its own command line and the databases.
const COMMAND: &str = "FAROE_BENCH_COMMAND";
const DATABASES: &str = "FAROE_BENCH_DATABASES";

const HEADER: [&str; 7] = [
    "what",
    "measured",
    "yardstick",
    "ratio",
    "spread",
    "bar",
    "result",
];

/// The unit of a value, which decides how it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    PerSecond,
    Seconds,
    Mib,
    Instructions,
    Count,
}

/// The value that a measurement should reach.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bar {
    AtLeast(f64),
    AtMost(f64),
}

/// The table of one benchmark. Rows are printed when they are added.
#[derive(Debug)]
pub(crate) struct Report {
    name: &'static str,
    began: String,
    text: String,
    is_met: bool,
}

impl Report {
    /// Begins the report of a benchmark. `about` says what the rows have in common.
    pub(crate) fn new(name: &'static str, about: &str) -> Self {
        let mut report = Self {
            name,
            began: now(),
            text: String::new(),
            is_met: true,
        };
        report.line(&format!(
            "# {name}\n\n{about}\n\n{}",
            surroundings(&report.began)
        ));
        report.cells(HEADER.map(str::to_owned));
        report.line("|---|--:|--:|--:|--:|--:|---|");
        report
    }

    /// Adds a thing and its yardstick, measured in turns. The bar is for the ratio of their medians; the spread is where the
    /// ratios of eight of ten rounds lie.
    pub(crate) fn compare(&mut self, what: &str, unit: Unit, rounds: &Rounds, bar: Option<Bar>) {
        let (thing, yardstick) = rounds.medians();
        let ratio = thing / yardstick;
        let is_met = self.verdict(ratio, bar);
        self.cells([
            what.to_owned(),
            unit.write(thing),
            unit.write(yardstick),
            write_ratio(ratio),
            write_spread(&rounds.ratios(), write_ratio),
            write_bar(bar, write_ratio),
            is_met.to_owned(),
        ]);
    }

    /// Adds a thing without a yardstick. The bar is for the median; the spread is where eight of ten values lie.
    pub(crate) fn measure(&mut self, what: &str, unit: Unit, values: &[f64], bar: Option<Bar>) {
        let value = median(values);
        let is_met = self.verdict(value, bar);
        self.cells([
            what.to_owned(),
            unit.write(value),
            String::new(),
            String::new(),
            write_spread(values, |value| unit.write(value)),
            write_bar(bar, |bar| unit.write(bar)),
            is_met.to_owned(),
        ]);
    }

    /// Writes the table to `bench/results`, and returns whether every bar was met.
    pub(crate) fn finish(self) -> Result<bool> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
        fs::create_dir_all(&folder).context("create the folder of results")?;
        let file = folder.join(format!("{}-{}.md", self.began.replace(':', "-"), self.name));
        fs::write(&file, &self.text).context("write the results")?;
        println!("\nsaved in {}\n", file.display());
        Ok(self.is_met)
    }

    fn verdict(&mut self, value: f64, bar: Option<Bar>) -> &'static str {
        let is_met = match bar {
            None => return "",
            Some(Bar::AtLeast(bar)) => value >= bar,
            Some(Bar::AtMost(bar)) => value <= bar,
        };
        self.is_met &= is_met;
        if is_met { "met" } else { "**missed**" }
    }

    fn cells(&mut self, cells: [String; 7]) {
        let [what, rest @ ..] = cells;
        let rest: String = rest.iter().map(|cell| format!(" {cell:>12} |")).collect();
        self.line(&format!("| {what:<50} |{rest}"));
    }

    fn line(&mut self, line: &str) {
        println!("{line}");
        self.text += line;
        self.text.push('\n');
    }
}

impl Unit {
    fn write(self, value: f64) -> String {
        match self {
            Self::PerSecond if value < 100.0 => format!("{value:.2}/s"),
            Self::PerSecond => format!("{}/s", with_thousands(value)),
            Self::Seconds => format!("{:.2?}", Duration::from_secs_f64(value)),
            Self::Mib => format!("{value:.0} MiB"),
            Self::Instructions | Self::Count => with_thousands(value),
        }
    }
}

fn with_thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn write_ratio(ratio: f64) -> String {
    format!("{ratio:.3}")
}

/// Writes the spread, or nothing if there is only one value.
fn write_spread(values: &[f64], write: impl Fn(f64) -> String) -> String {
    if values.len() < 2 {
        return String::new();
    }
    let (low, high) = spread(values);
    format!("{}–{}", write(low), write(high))
}

fn write_bar(bar: Option<Bar>, write: impl Fn(f64) -> String) -> String {
    match bar {
        None => String::new(),
        Some(Bar::AtLeast(bar)) => format!("≥ {}", write(bar)),
        Some(Bar::AtMost(bar)) => format!("≤ {}", write(bar)),
    }
}

/// Describes the measurement: date, commit, machine, command and databases.
fn surroundings(began: &str) -> String {
    let command = env::var(COMMAND).unwrap_or_else(|_| env::args().collect::<Vec<_>>().join(" "));
    let databases = env::var(DATABASES).map_or(String::new(), |all| format!("- {all}\n"));
    format!(
        "- {began}, commit {}\n- {}\n- `{command}`\n{databases}",
        commit().unwrap_or_else(|| "unknown".to_owned()),
        machine(),
    )
}

fn now() -> String {
    let now =
        SystemTime::UNIX_EPOCH + Duration::from_millis(SystemClock.now().as_milliseconds() as u64);
    humantime::format_rfc3339_seconds(now).to_string()
}

fn commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments);
        let output = git.output().ok().filter(|output| output.status.success());
        Some(String::from_utf8(output?.stdout).ok()?.trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short", "HEAD"])?;
    let changes = git(&["status", "--porcelain", "--untracked-files=no"])?;
    let suffix = if changes.is_empty() {
        ""
    } else {
        " and changes"
    };
    Some(commit + suffix)
}

fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or(env::consts::ARCH, |(_, model)| model);
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{model}, {cores} cores, {} {}",
        env::consts::OS,
        kernel.trim()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_their_unit() {
        assert_eq!(Unit::PerSecond.write(75_012.4), "75,012/s");
        assert_eq!(Unit::PerSecond.write(7.0), "7.00/s");
        assert_eq!(Unit::Seconds.write(0.000_001_234), "1.23µs");
        assert_eq!(Unit::Mib.write(28.0), "28 MiB");
        assert_eq!(Unit::Instructions.write(1_234_567.0), "1,234,567");
        assert_eq!(Unit::Instructions.write(999.0), "999");
    }

    #[test]
    fn a_missed_bar_is_reported() {
        let mut report = Report::new("test", "");
        report.measure("memory", Unit::Mib, &[20.0], Some(Bar::AtMost(20.0)));
        assert!(report.is_met);
        let mut rounds = Rounds::default();
        rounds.push(7.0, 10.0);
        report.compare("speed", Unit::PerSecond, &rounds, Some(Bar::AtLeast(0.85)));
        report.compare("others", Unit::PerSecond, &rounds, None);
        assert!(!report.is_met && report.text.contains("**missed**"));
    }
}
