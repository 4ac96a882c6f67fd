//! A flood of flows at one address and at addresses that are made up, and the actions of others meanwhile.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{self, MissedTickBehavior},
};

use crate::{
    backend::Backend,
    connection::Connection,
    faroe::{self, PASSWORD, User},
    report::{Bar, Report, Unit},
    rounds::quantile,
};

/// Connections that begin sign-ins of one user, and as many that begin sign-ups.
const CONNECTIONS: usize = 8;
/// Users whose actions must be answered. Each signs in once a minute.
const USERS: usize = 12;
const UNANSWERED_BAR: Bar = Bar::AtMost(0.0);
/// The most that the process may hold besides what it held before: a hash of 64 MiB and the flood.
const MEMORY_MIB: f64 = 64.0 + 64.0;
const DISK_MIB: f64 = 32.0;
const LOG_MIB: f64 = 1.0;

/// Returns whether every bar was met.
pub(super) async fn run(flood: Duration) -> Result<bool> {
    let about = format!(
        "{CONNECTIONS} connections that begin sign-ins of one user and {CONNECTIONS} that begin sign-ups of others, for \
         {flood:?}, and {USERS} users who do everything else meanwhile."
    );
    let mut report = Report::new("overload-flood", &about);
    for backend in [Backend::Memory, Backend::Sqlite] {
        measure(&mut report, backend, flood).await?;
    }
    report.finish()
}

async fn measure(report: &mut Report, backend: Backend, flood: Duration) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let settings = "[hashing]\npermits = 1\n";
    let faroe = faroe::start_with_log(folder.path(), backend, settings).await?;
    let victim = User::sign_up(faroe.address).await?;
    let mut others = Others {
        connection: Connection::open(faroe.address).await?,
        users: Vec::new(),
        latencies: Vec::new(),
        unanswered: Vec::new(),
    };
    for _ in 0..USERS {
        others.users.push(User::sign_up(faroe.address).await?);
    }
    let at_rest = faroe.memory()?.resident_mib;

    let is_over = Arc::new(AtomicBool::new(false));
    let begun = Arc::new(AtomicU32::new(0));
    let requests = Arc::new(AtomicU32::new(0));
    let mut strangers = JoinSet::new();
    for stranger in 0..2 * CONNECTIONS {
        let create_signin = (stranger % 2 == 0).then(|| victim.create_signin());
        let (is_over, begun, requests) = (
            Arc::clone(&is_over),
            Arc::clone(&begun),
            Arc::clone(&requests),
        );
        let mut connection = Connection::open(faroe.address).await?;
        strangers.spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                let request = create_signin.clone().unwrap_or_else(|| {
                    let address = json!({"email_address": faroe::new_email_address()});
                    faroe::request("create_signup", &address)
                });
                let answer = connection.request(&request).await?;
                requests.fetch_add(1, Ordering::Relaxed);
                if answer.status == 200 {
                    let answer: Value = serde_json::from_slice(answer.body)?;
                    begun.fetch_add(u32::from(answer["ok"] == true), Ordering::Relaxed);
                }
            }
            anyhow::Ok(())
        });
    }
    let start = Instant::now();
    let mut disk = 0.0_f64;
    let mut steps = time::interval(Duration::from_secs(1));
    steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for step in 0.. {
        steps.tick().await;
        if start.elapsed() >= flood {
            break;
        }
        others.act(step).await?;
        disk = disk.max(size_mib(folder.path())?);
    }
    let seconds = start.elapsed().as_secs_f64();
    is_over.store(true, Ordering::Relaxed);
    while let Some(stranger) = strangers.join_next().await {
        stranger??;
    }
    // Emails come back one by one.
    time::sleep(Duration::from_secs(2)).await;
    for user in 0..USERS {
        others.check_session(user).await?;
    }
    let is_signed_up = User::sign_up(faroe.address).await;
    if let Err(error) = is_signed_up {
        others
            .unanswered
            .push(format!("sign-up afterwards: {error:#}"));
    }

    let name = backend.name();
    let per_second = f64::from(requests.load(Ordering::Relaxed)) / seconds;
    let row = |what: &str| format!("{name}: {what}");
    report.measure(
        &row("requests of the flood"),
        Unit::PerSecond,
        &[per_second],
        None,
    );
    let begun = f64::from(begun.load(Ordering::Relaxed));
    report.measure(&row("flows that it began"), Unit::Count, &[begun], None);
    let actions = others.latencies.len() as f64;
    report.measure(&row("actions of others"), Unit::Count, &[actions], None);
    let slowest = quantile(&others.latencies, 0.99);
    report.measure(
        &row("their time, 99th percentile"),
        Unit::Seconds,
        &[slowest],
        None,
    );
    for unanswered in &others.unanswered {
        eprintln!("not answered: {unanswered}");
    }
    let unanswered = others.unanswered.len() as f64;
    report.measure(
        &row("actions of others not answered"),
        Unit::Count,
        &[unanswered],
        Some(UNANSWERED_BAR),
    );
    let memory = Some(Bar::AtMost(at_rest + MEMORY_MIB));
    report.measure(
        &row("peak memory"),
        Unit::Mib,
        &[faroe.memory()?.peak_mib],
        memory,
    );
    report.measure(
        &row("disk"),
        Unit::Mib,
        &[disk],
        Some(Bar::AtMost(DISK_MIB)),
    );
    let log = fs::metadata(folder.path().join("log"))?.len() as f64 / 1024.0 / 1024.0;
    report.measure(&row("log"), Unit::Mib, &[log], Some(Bar::AtMost(LOG_MIB)));
    Ok(())
}

/// Returns the size of a folder's files.
fn size_mib(folder: &Path) -> Result<f64> {
    let mut bytes = 0;
    for file in fs::read_dir(folder)? {
        // The server may remove a file meanwhile.
        bytes += file?.metadata().map_or(0, |metadata| metadata.len());
    }
    Ok(bytes as f64 / 1024.0 / 1024.0)
}

/// Users who are not the target of the flood.
struct Others {
    connection: Connection,
    users: Vec<User>,
    /// The seconds that each action took.
    latencies: Vec<f64>,
    unanswered: Vec<String>,
}

impl Others {
    /// Takes the actions of one second.
    async fn act(&mut self, second: usize) -> Result<()> {
        let user = second / 5 % USERS;
        match second % 5 {
            0 => self.sign_in(user).await?,
            1 => {
                let session = json!({"session_token": self.users[user].session_token});
                self.invoke("create_user_password_update", &session).await?;
            }
            // Each user has five emails, and one more every half an hour.
            2 if second.is_multiple_of(3) => {
                let address =
                    json!({"user_email_address": self.users[second / 15 % USERS].email_address});
                self.invoke("create_user_password_reset", &address).await?;
            }
            _ => {}
        }
        self.check_session(user).await
    }

    async fn sign_in(&mut self, user: usize) -> Result<()> {
        let address = json!({"user_email_address": self.users[user].email_address});
        let Some(signin) = self.invoke("create_signin", &address).await? else {
            return Ok(());
        };
        let token = &signin["signin_token"];
        let password = json!({"signin_token": token, "password": PASSWORD});
        self.invoke("verify_signin_user_password", &password)
            .await?;
        let complete = json!({"signin_token": token});
        self.invoke("complete_signin", &complete).await?;
        Ok(())
    }

    async fn check_session(&mut self, user: usize) -> Result<()> {
        let session = json!({"session_token": self.users[user].session_token});
        self.invoke("get_session", &session).await?;
        Ok(())
    }

    /// Invokes an action, and returns its values unless it is not answered or fails.
    async fn invoke(&mut self, action: &str, arguments: &Value) -> Result<Option<Value>> {
        let asked = Instant::now();
        let answer = self
            .connection
            .request(&faroe::request(action, arguments))
            .await?;
        self.latencies.push(asked.elapsed().as_secs_f64());
        let mut code = format!("status {}", answer.status);
        if answer.status == 200 {
            let mut answer: Value = serde_json::from_slice(answer.body)?;
            if answer["ok"] == true {
                return Ok(Some(answer["values"].take()));
            }
            code = answer["error_code"].to_string();
        }
        self.unanswered.push(format!("{action}: {code}"));
        Ok(None)
    }
}
