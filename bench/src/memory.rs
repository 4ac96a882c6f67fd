//! The memory of a process, as Linux tells.

use std::{fs, process};

use anyhow::{Context, Result};

/// In MiB, rounded up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// What is resident now.
    pub(crate) resident_mib: usize,
    /// The most that was ever resident.
    pub(crate) peak_mib: usize,
}

impl Memory {
    pub(crate) fn of_this_process() -> Result<Self> {
        Self::of(process::id())
    }

    pub(crate) fn of(process: u32) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status"))
            .context("memory is told by Linux only")?;
        let mib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
            kib.map(|kib: usize| kib.div_ceil(1024))
                .with_context(|| format!("there is no {name} in the process's status"))
        };
        Ok(Self {
            resident_mib: mib("VmRSS:")?,
            peak_mib: mib("VmHWM:")?,
        })
    }
}
