//! What a process takes, as Linux tells.

use std::{fs, path::Path};

use anyhow::{Context, Result};

/// In MiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// What is resident now.
    pub(crate) resident_mib: f64,
    /// The most that was ever resident.
    pub(crate) peak_mib: f64,
}

impl Memory {
    pub(crate) fn of(process: u32) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status"))
            .context("memory is told by Linux only")?;
        let mib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
            kib.map(|kib: f64| kib / 1024.0)
                .with_context(|| format!("there is no {name} in the process's status"))
        };
        Ok(Self {
            resident_mib: mib("VmRSS:")?,
            peak_mib: mib("VmHWM:")?,
        })
    }
}

/// The seconds that its threads have had the processors for; those that have ended do not count.
pub(crate) fn cpu_time(process: u32) -> Result<f64> {
    let threads = Path::new("/proc").join(process.to_string()).join("task");
    let mut nanoseconds = 0.0;
    for thread in fs::read_dir(threads).context("CPU time is told by Linux only")? {
        let times = fs::read_to_string(thread?.path().join("schedstat"))?;
        let time = times.split(' ').next().unwrap_or_default();
        nanoseconds += time.parse::<f64>().context("a thread without a time")?;
    }
    Ok(nanoseconds / 1e9)
}
