//! The program on every backend: that it starts, that several of it are one, what it says when a database is not there,
//! and what it does while one is away. And the examples, which are run as a reader would.
//!
//! `FAROE_TEST_POSTGRES_URL` and the like say where the databases are.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backend;
mod examples;
#[path = "../../../crates/faroe-storage-redis/tests/without_redis/fake_redis.rs"]
#[expect(dead_code, reason = "this test needs a part of it")]
mod fake_redis;
mod outages;
#[path = "../../../crates/faroe-storage-redis/tests/with_redis/proxy.rs"]
mod proxy;
mod several;
mod start;

use std::{pin::Pin, process::ExitCode};

use faroe_testkit::conformance::Suite;
use libtest_mimic::{Arguments, Trial};
use tokio::runtime;

use crate::backend::{Backend, Kind};

type Case = (
    &'static str,
    fn(Backend) -> Pin<Box<dyn Future<Output = ()> + Send>>,
);

macro_rules! cases {
    ($($module:ident::$case:ident,)*) => {
        &[$((stringify!($case), |backend| Box::pin($module::$case(backend)))),*]
    };
}

const EVERYWHERE: &[Case] = cases![
    start::a_user_signs_up_and_in,
    start::every_role_can_have_a_place_of_its_own,
    several::three_servers_let_exactly_five_attempts_through,
    several::three_servers_make_one_session_of_one_signin,
];

const WITH_AN_EXAMPLE: &[Case] = cases![examples::the_example_signs_a_user_up,];

const WITH_A_SERVER: &[Case] = cases![
    start::wrong_credentials_are_refused_in_one_line,
    start::a_server_that_is_down_is_told_in_one_line,
    start::a_wrong_url_is_refused_in_one_line,
];

const WITH_A_TABLE: &[Case] = cases![start::a_missing_table_is_told_in_one_line,];

/// A proxy in front of a node of a cluster is of no use: the nodes tell each other's addresses.
const WITH_A_PROXY: &[Case] = cases![outages::what_goes_away_is_told_and_comes_back_by_itself,];

const ALONE: &[Case] = cases![
    examples::the_example_in_memory_signs_a_user_up,
    start::a_redis_that_drops_entries_is_warned_about,
];

fn main() -> ExitCode {
    let suites = [
        (Kind::Sqlite, vec![EVERYWHERE, WITH_AN_EXAMPLE, ALONE]),
        (
            Kind::Postgres,
            vec![
                EVERYWHERE,
                WITH_AN_EXAMPLE,
                WITH_A_SERVER,
                WITH_A_TABLE,
                WITH_A_PROXY,
            ],
        ),
        (
            Kind::Mysql,
            vec![
                EVERYWHERE,
                WITH_AN_EXAMPLE,
                WITH_A_SERVER,
                WITH_A_TABLE,
                WITH_A_PROXY,
            ],
        ),
        (
            Kind::Redis,
            vec![EVERYWHERE, WITH_AN_EXAMPLE, WITH_A_SERVER, WITH_A_PROXY],
        ),
        (Kind::RedisCluster, vec![EVERYWHERE, WITH_A_SERVER]),
    ];
    let trials = suites
        .into_iter()
        .flat_map(|(kind, tables)| trials(kind, &tables.concat()))
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn trials(kind: Kind, cases: &[Case]) -> Vec<Trial> {
    let name = kind.name();
    let url = match kind.url() {
        Ok(url) => url,
        Err(reason) => return Suite::unavailable(name, reason).into_trials(),
    };
    let trial = |&(case, run): &Case| {
        let url = url.clone();
        Trial::test(format!("{name}::{case}"), move || {
            let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(async {
                let backend = Backend::create(kind, url).await;
                let result = tokio::spawn(run(backend.clone())).await;
                backend.drop().await;
                Ok(result.map_err(|error| error.to_string())?)
            })
        })
    };
    cases.iter().map(trial).collect()
}
