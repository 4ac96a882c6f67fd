//! Services from programs of this machine, each in a temporary folder and for nobody else.

use std::{ffi::OsString, fs, os::unix::fs::chown, path::PathBuf};

use anyhow::{Context, Result};

use super::Service;
use crate::{
    guard::{Charge, EndSignal},
    workspace::find_program,
};

// Each script may find the folder of a server that was killed. With a key in the environment, the server speaks TLS too.

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
    /// What makes the folder that the server works in, if that takes a program.
    initialize: Option<PathBuf>,
}

impl Programs {
    pub(super) fn find(service: Service) -> Option<Self> {
        let find = |name| find_program(name, &["/usr/lib/postgresql/*/bin", "/usr/sbin"]);
        let (server, initialize) = match service {
            Service::Postgres => (find("postgres")?, Some(find("initdb")?)),
            Service::MariaDb => (find("mariadbd")?, Some(find("mariadb-install-db")?)),
            Service::Redis | Service::RedisCluster => (
                find("redis-server").or_else(|| find("valkey-server"))?,
                None,
            ),
        };
        Some(Self { server, initialize })
    }

    /// What starts one node of the service, on the port in `PORT`.
    pub(super) fn node(&self, service: Service) -> Result<Node> {
        let (script, signal) = match service {
            // It would wait for its clients if it were asked to terminate.
            Service::Postgres => (POSTGRES, EndSignal::Quit),
            Service::MariaDb => (MARIADB, EndSignal::Terminate),
            Service::Redis => (REDIS, EndSignal::Terminate),
            Service::RedisCluster => (REDIS_CLUSTER, EndSignal::Terminate),
        };
        let folder = tempfile::Builder::new()
            .prefix("faroe-")
            .tempdir()
            .context("could not make a folder")?;
        let mut charge = Charge::new(["sh", "-ec", &[TLS, script].concat()]);
        charge.signal = signal;
        // PostgreSQL refuses to run as root.
        if rustix::process::geteuid().is_root() {
            let (user, group) = nobody()?;
            chown(folder.path(), Some(user), Some(group))
                .context("could not give a folder away")?;
            charge.user = vec![user, group];
        }
        let folder = folder.keep();
        charge.remove = Some(folder.clone());
        let mut environment: Vec<(&str, OsString)> = vec![
            ("SERVER", self.server.clone().into()),
            ("FOLDER", folder.clone().into()),
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

/// What starts one node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) charge: Charge,
    pub(super) folder: PathBuf,
    pub(super) environment: Vec<(&'static str, OsString)>,
}

/// The user and group of those who have no rights.
fn nobody() -> Result<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").context("could not read the list of users")?;
    let line = users
        .lines()
        .find(|line| line.starts_with("nobody:"))
        .context("there is no user nobody")?;
    let mut fields = line.split(':').skip(2).map(str::parse);
    match (fields.next(), fields.next()) {
        (Some(Ok(user)), Some(Ok(group))) => Ok((user, group)),
        _ => anyhow::bail!("the user nobody has no IDs"),
    }
}
