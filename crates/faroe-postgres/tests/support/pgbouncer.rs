//! A PgBouncer in front of a PostgreSQL server.

use std::{
    env, fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use faroe_postgres::{Database, Options};
use tempfile::TempDir;

/// The environment variable that names the program.
pub(crate) const VARIABLE: &str = "FAROE_TEST_PGBOUNCER";

/// The most time that the program may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that ends when this is dropped.
pub(crate) struct PgBouncer {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl PgBouncer {
    /// Starts one in this mode, with the settings of a new installation, in front of the server of this URL.
    pub(crate) fn start(mode: &str, url: &str) -> Self {
        let server = Options::from_url(url).unwrap().connection;
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("pgbouncer.ini");
        let settings = format!(
            "[databases]\n* = host={} port={} user={}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = any\npool_mode = {mode}\nuser = nobody\n",
            server.get_host(),
            server.get_port(),
            server.get_username(),
        );
        fs::write(&file, settings).unwrap();
        // It reads the file after it has become another user.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let process = Command::new(env::var_os(VARIABLE).unwrap())
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            process,
            port,
            _folder: folder,
        }
    }

    /// Connects as soon as it listens.
    pub(crate) async fn connect(&self, database: &str, parameters: &str) -> Database {
        let started = Instant::now();
        let url = format!(
            "postgres://someone@127.0.0.1:{}/{database}?sslmode=disable{parameters}",
            self.port
        );
        loop {
            match Database::connect(&url).await {
                Ok(database) => return database,
                Err(error) => assert!(started.elapsed() < PATIENCE, "{error:?}"),
            }
        }
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
