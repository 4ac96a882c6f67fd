//! Memory and CPU time of a process, from Linux's `/proc`.

use std::{fs, path::Path};

use anyhow::{Context, Result};

/// The memory of a process, in MiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// The memory that is resident now.
    pub(crate) resident_mib: f64,
    /// The peak of resident memory.
    pub(crate) peak_mib: f64,
}

impl Memory {
    pub(crate) fn of(process: u32) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status"))
            .context("read the memory of a process; this takes Linux")?;
        let mib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
            kib.map(|kib: f64| kib / 1024.0)
                .with_context(|| format!("find {name} in the status of a process"))
        };
        Ok(Self {
            resident_mib: mib("VmRSS:")?,
            peak_mib: mib("VmHWM:")?,
        })
    }
}

/// Returns the seconds of CPU time of a process's threads, without those that have ended.
pub(crate) fn cpu_time(process: u32) -> Result<f64> {
    let threads = Path::new("/proc").join(process.to_string()).join("task");
    let mut nanoseconds = 0.0;
    for thread in
        fs::read_dir(threads).context("read the CPU time of a process; this takes Linux")?
    {
        let times = fs::read_to_string(thread?.path().join("schedstat"))?;
        let time = times.split(' ').next().unwrap_or_default();
        nanoseconds += time
            .parse::<f64>()
            .context("parse the CPU time of a thread")?;
    }
    Ok(nanoseconds / 1e9)
}
