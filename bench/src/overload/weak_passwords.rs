//! Weak passwords on forty connections, and passwords that are verified meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time};

use crate::{
    backend::Backend,
    connection::Connection,
    faroe::{self, PASSWORD, User},
    report::{Bar, Report, Unit},
};

const CONNECTIONS: usize = 40;
const CHECKS: usize = 12;
const REFUSED_BAR: Bar = Bar::AtMost(1.0);
/// A password that no checker lets pass, and that takes it a while.
const WEAK: &str =
    "password password password password password password password password password";

/// One password is hashed at once. The emails of a server would soon end the attack, so they have no limit.
const SETTINGS: &str = "
[hashing]
permits = 1
[rate_limits.emails_per_server]
capacity = 2147483647
interval = \"1ms\"
";

/// Returns whether the bar was met.
pub(super) async fn run() -> Result<bool> {
    let about = format!(
        "{CONNECTIONS} connections with sign-ups that send nothing but weak passwords, and {CHECKS} users who sign in meanwhile."
    );
    let mut report = Report::new("overload-weak-passwords", &about);
    let folder = tempfile::tempdir()?;
    let faroe = faroe::start(folder.path(), Backend::Memory, SETTINGS).await?;
    let address = faroe.address;
    let mut users = Vec::new();
    for _ in 0..CHECKS {
        users.push(User::sign_up(address).await?);
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let answers = Arc::new(AtomicU32::new(0));
    let mut strangers = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (is_over, answers) = (Arc::clone(&is_over), Arc::clone(&answers));
        strangers.spawn(async move {
            let mut connection = Connection::open(address).await?;
            while !is_over.load(Ordering::Relaxed) {
                let email_address = faroe::new_email_address();
                let token = faroe::verified_signup(&mut connection, &email_address).await?;
                let weak = json!({"signup_token": token, "password": WEAK});
                let weak = faroe::request("set_signup_password", &weak);
                while !is_over.load(Ordering::Relaxed) {
                    let answer = connection.request(&weak).await?;
                    if answer.status == 200 {
                        let answer: Value = serde_json::from_slice(answer.body)?;
                        if answer["error_code"] == "invalid_signup_token" {
                            break;
                        }
                        ensure!(answer["error_code"] == "weak_password", "{answer}");
                        answers.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            anyhow::Ok(())
        });
    }
    // Every connection is busy by then.
    while answers.load(Ordering::Relaxed) < 2 * u32::try_from(CONNECTIONS)? && !strangers.is_empty()
    {
        time::sleep(Duration::from_millis(10)).await;
    }
    let (begun, before) = (Instant::now(), answers.load(Ordering::Relaxed));
    let mut connection = Connection::open(address).await?;
    let (mut refused, mut latencies) = (0, Vec::new());
    for user in &users {
        let create = json!({"user_email_address": user.email_address});
        let signin = faroe::invoke(&mut connection, "create_signin", create).await?;
        let verify = json!({"signin_token": signin["signin_token"], "password": PASSWORD});
        let verify = faroe::request("verify_signin_user_password", &verify);
        let asked = Instant::now();
        let answer = connection.request(&verify).await?;
        match answer.status {
            200 => {
                let answer: Value = serde_json::from_slice(answer.body)?;
                ensure!(answer["ok"] == true, "{answer}");
                latencies.push(asked.elapsed().as_secs_f64());
            }
            _ => refused += 1,
        }
    }
    let weak = f64::from(answers.load(Ordering::Relaxed) - before) / begun.elapsed().as_secs_f64();
    is_over.store(true, Ordering::Relaxed);
    while let Some(stranger) = strangers.join_next().await {
        stranger??;
    }
    report.measure("weak passwords checked", Unit::PerSecond, &[weak], None);
    report.measure("passwords verified", Unit::Seconds, &latencies, None);
    report.measure(
        &format!("passwords refused, of {CHECKS}"),
        Unit::Count,
        &[f64::from(refused)],
        Some(REFUSED_BAR),
    );
    report.finish()
}
