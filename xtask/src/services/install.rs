//! Installation of missing programs, on Debian and Ubuntu.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

/// Returns what `find` finds, after installing packages if they are missing and may be installed.
///
/// Otherwise the error is `hint`, which says how to install them.
pub(crate) fn provide<T>(
    find: impl Fn() -> Option<T>,
    names: &[&str],
    may_install: bool,
    hint: &str,
) -> Result<T> {
    if let Some(found) = find() {
        return Ok(found);
    }
    ensure!(may_install, hint.to_owned());
    packages(names).with_context(|| hint.to_owned())?;
    find().with_context(|| hint.to_owned())
}

/// Installs packages of Debian or Ubuntu, which takes root or `sudo` without a password.
///
/// The distribution may start services of its own then; they are neither used nor touched.
fn packages(names: &[&str]) -> Result<()> {
    ensure!(
        Path::new("/etc/debian_version").exists(),
        "this is neither Debian nor Ubuntu"
    );
    println!("installing {} with apt-get", names.join(" "));
    apt_get(&["update"])?;
    apt_get(&[&["install", "-y", "--no-install-recommends"], names].concat())
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new("env")
    } else if has_sudo() {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "env"]);
        sudo
    } else {
        bail!("not root, and sudo asks for a password");
    };
    command
        .args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"])
        .args(arguments)
        .stdin(Stdio::null());
    let status = command.status().context("run apt-get")?;
    ensure!(status.success(), "apt-get failed");
    Ok(())
}

fn has_sudo() -> bool {
    let mut sudo = Command::new("sudo");
    sudo.args(["-n", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    sudo.status().is_ok_and(|status| status.success())
}
