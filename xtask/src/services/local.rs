//! Services from programs of this machine, each in a temporary folder.

use std::{
    env,
    ffi::OsString,
    fs::{self, DirBuilder},
    os::unix::fs::{DirBuilderExt, chown},
    path::PathBuf,
    process,
};

use anyhow::{Context, Result};

use super::{Service, tools::Tools};
use crate::{
    guard::{Charge, EndSignal},
    workspace::find_program,
};

// A script may find the folder of a server that was killed. With a key in the environment, the server speaks TLS too.

const POSTGRES: &str = r#"
[ -e "$FOLDER/data" ] ||
    "$INITIALIZE" --pgdata="$FOLDER/data" --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync
set -- -D "$FOLDER/data" -h 127.0.0.1 -p "$PORT" -k "" -c fsync=off -c max_connections=300
[ -z "$FAROE_TLS_KEY" ] || set -- "$@" -c ssl=on -c ssl_cert_file="$FOLDER/certificate" -c ssl_key_file="$FOLDER/key"
exec "$SERVER" "$@"
"#;

const MARIADB: &str = r#"
[ -e "$FOLDER/data" ] ||
    "$INITIALIZE" --no-defaults --datadir="$FOLDER/data" --auth-root-authentication-method=normal --skip-test-db
echo "CREATE DATABASE IF NOT EXISTS faroe;" > "$FOLDER/start.sql"
set -- --no-defaults --datadir="$FOLDER/data" --bind-address=127.0.0.1 --port="$PORT" \
    --socket="$FOLDER/socket" --pid-file="$FOLDER/pid" --init-file="$FOLDER/start.sql" \
    --innodb-flush-log-at-trx-commit=2 --max-connections=500
[ -z "$FAROE_TLS_KEY" ] || set -- "$@" --ssl-cert="$FOLDER/certificate" --ssl-key="$FOLDER/key"
exec "$SERVER" "$@"
"#;

const REDIS: &str = r#"
set -- --bind 127.0.0.1 --port "$PORT" --dir "$FOLDER" --save "" --appendonly no
[ -z "$FAROE_TLS_KEY" ] || set -- "$@" --tls-port "$TLS_PORT" --tls-auth-clients no \
    --tls-cert-file "$FOLDER/certificate" --tls-key-file "$FOLDER/key" --tls-ca-cert-file "$FOLDER/certificate"
exec "$SERVER" "$@"
"#;

const REDIS_CLUSTER: &str = r#"
exec "$SERVER" --bind 127.0.0.1 --port "$PORT" --dir "$FOLDER" --save "" --appendonly no --cluster-enabled yes
"#;

/// Before each script.
const TLS: &str = r#"
if [ -n "$FAROE_TLS_KEY" ]; then
    umask 077
    printf %s "$FAROE_TLS_CERTIFICATE" > "$FOLDER/certificate"
    printf %s "$FAROE_TLS_KEY" > "$FOLDER/key"
fi
"#;

/// The programs of a service.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) server: PathBuf,
    /// The program that fills the folder in which the server works, if the server does not do so itself.
    initialize: Option<PathBuf>,
    /// The program that tells whether the server is ready.
    client: PathBuf,
}

impl Programs {
    pub(super) fn find(service: Service) -> Option<Self> {
        let find = |name: &str| find_program(name, &["/usr/lib/postgresql/*/bin", "/usr/sbin"]);
        let (server, initialize, client) = match service {
            Service::Postgres => (
                find("postgres")?,
                Some(find("initdb")?),
                find("pg_isready")?,
            ),
            Service::MariaDb => (
                find("mariadbd")?,
                Some(find("mariadb-install-db")?),
                find("mariadb-admin")?,
            ),
            Service::Redis | Service::RedisCluster => {
                let find = |name| {
                    Some((
                        find(&format!("{name}-server"))?,
                        find(&format!("{name}-cli"))?,
                    ))
                };
                let (server, client) = find("redis").or_else(|| find("valkey"))?;
                (server, None, client)
            }
        };
        Some(Self {
            server,
            initialize,
            client,
        })
    }

    /// Returns the tools for a service on these ports.
    pub(super) fn tools(&self, ports: &[u16]) -> Tools {
        Tools {
            prefix: Vec::new(),
            server: self.server.display().to_string(),
            client: self.client.display().to_string(),
            ports: ports.iter().map(ToString::to_string).collect(),
        }
    }

    /// Prepares one node of a service, which will listen on a port.
    pub(super) fn node(&self, service: Service, port: u16) -> Result<Node> {
        let (script, signal) = match service {
            // On a request to terminate it waits for its clients.
            Service::Postgres => (POSTGRES, EndSignal::Quit),
            Service::MariaDb => (MARIADB, EndSignal::Terminate),
            Service::Redis => (REDIS, EndSignal::Terminate),
            Service::RedisCluster => (REDIS_CLUSTER, EndSignal::Terminate),
        };
        let name = format!("faroe-{}-{}-{port}", service.name(), process::id());
        let folder = env::temp_dir().join(name);
        let created = DirBuilder::new().mode(0o700).create(&folder);
        created.with_context(|| format!("create {}", folder.display()))?;
        let mut charge = Charge::new(["sh", "-ec", &[TLS, script].concat()]);
        charge.signal = signal;
        // PostgreSQL refuses to run as root.
        if rustix::process::geteuid().is_root() {
            let (user, group) = nobody()?;
            chown(&folder, Some(user), Some(group)).context("give a folder to another user")?;
            charge.user = vec![user, group];
        }
        charge.remove = Some(folder.clone());
        let mut environment: Vec<(&str, OsString)> = vec![
            ("SERVER", self.server.clone().into()),
            ("FOLDER", folder.clone().into()),
            ("PORT", port.to_string().into()),
        ];
        environment.extend(
            self.initialize
                .clone()
                .map(|program| ("INITIALIZE", program.into())),
        );
        Ok(Node {
            charge,
            folder,
            environment,
        })
    }
}

/// A node that is ready to start.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) charge: Charge,
    pub(super) folder: PathBuf,
    pub(super) environment: Vec<(&'static str, OsString)>,
}

/// Returns the IDs of the user and group without rights.
fn nobody() -> Result<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").context("read /etc/passwd")?;
    let line = users
        .lines()
        .find(|line| line.starts_with("nobody:"))
        .context("there is no user `nobody`")?;
    let mut fields = line.split(':').skip(2).map(str::parse);
    match (fields.next(), fields.next()) {
        (Some(Ok(user)), Some(Ok(group))) => Ok((user, group)),
        _ => anyhow::bail!("the user `nobody` has no IDs"),
    }
}
