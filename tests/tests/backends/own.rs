//! A database of one test, which the test can kill. `cargo xtask` starts it, in a container or from programs of this
//! machine.

use std::{
    env,
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::backend::Kind;

/// The environment variable that names the program that starts databases.
pub(crate) const VARIABLE: &str = "FAROE_TEST_XTASK";

/// A database that ends when this is dropped, and when this process ends.
#[derive(Debug)]
pub(crate) struct Own {
    kind: Kind,
    exported: Vec<(String, String)>,
    orders: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
    process: Child,
}

/// A certificate and its key, as PEM.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Kind {
    /// Returns the name that `cargo xtask services` uses.
    fn service(self) -> &'static str {
        match self {
            Self::Sqlite => unreachable!("SQLite is no service"),
            Self::Postgres => "postgres",
            Self::Mysql => "mariadb",
            Self::Redis => "redis",
            Self::RedisCluster => "redis-cluster",
        }
    }
}

impl Own {
    /// Starts a database, and blocks until it is ready. With an identity it speaks TLS too.
    pub(crate) fn start(kind: Kind, test: &str, identity: Option<&Identity>) -> Self {
        let mut command = Command::new(env::var_os(VARIABLE).unwrap());
        command.args(["services", "--no-install", "--for", test, kind.service()]);
        for kind in ["POSTGRES", "MYSQL", "REDIS", "REDIS_CLUSTER"] {
            command.env_remove(format!("FAROE_TEST_{kind}_URL"));
        }
        if let Some(Identity { certificate, key }) = identity {
            command.env("FAROE_TLS_CERTIFICATE", certificate);
            command.env("FAROE_TLS_KEY", key);
        }
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut own = Self {
            kind,
            exported: Vec::new(),
            orders: process.stdin.take(),
            answers: BufReader::new(process.stdout.take().unwrap()).lines(),
            process,
        };
        loop {
            let line = own.answers.next();
            let line =
                line.expect("this test needs a database of its own, to kill it or to speak TLS");
            let line = line.unwrap();
            if line == "ready" {
                return own;
            }
            if let Some((name, value)) = line
                .strip_prefix("export ")
                .and_then(|it| it.split_once('='))
            {
                let value = value.split(' ').next().unwrap_or_default();
                own.exported.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    fn exported(&self, name: &str) -> &str {
        let exported = self.exported.iter().find(|(exported, _)| exported == name);
        &exported.unwrap().1
    }

    /// Returns the URL.
    pub(crate) fn url(&self) -> String {
        let name = format!("FAROE_TEST_{}_URL", self.kind.name().to_uppercase());
        self.kind.for_program(self.exported(&name))
    }

    /// Returns the port at which Redis speaks TLS.
    pub(crate) fn redis_tls_port(&self) -> &str {
        self.exported("FAROE_TEST_REDIS_TLS_PORT")
    }

    /// Kills the database, or one node of a cluster (in a container, all nodes), and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.order("kill");
    }

    /// Starts the database again with the same data at the same place, and waits until it is ready.
    pub(crate) fn restart(&mut self) {
        self.order("start");
    }

    fn order(&mut self, order: &str) {
        let line = format!("{order} {}\n", self.kind.service());
        let orders = self.orders.as_mut().unwrap();
        orders.write_all(line.as_bytes()).unwrap();
        let answer = self.answers.next().expect("it goes on").unwrap();
        assert_eq!(answer, "done");
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        drop(self.orders.take());
        // Nothing can be done about a database that does not end.
        let _ended = self.process.wait();
    }
}
