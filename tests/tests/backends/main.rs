//! The program on every backend: its start, several programs on one database, the message about a missing database,
//! and outages. And the examples, run as a reader runs them.
//!
//! `FAROE_TEST_POSTGRES_URL` and the like name the databases, and `FAROE_TEST_XTASK` names the program that starts others.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod administration;
mod backend;
mod crashes;
mod encoded;
mod examples;
mod failovers;
#[path = "../../../crates/faroe-storage-redis/tests/without_redis/fake_redis.rs"]
#[expect(dead_code, reason = "this test needs a part of it")]
mod fake_redis;
mod kills;
mod loss;
mod outages;
mod own;
#[path = "../../../crates/faroe-storage-redis/tests/with_redis/proxy.rs"]
mod proxy;
mod readiness;
mod several;
mod start;
mod tls;
mod tripwire;

use std::{env, pin::Pin, process::ExitCode};

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
    start::the_first_start_repeats_no_notice_of_the_database,
    start::every_role_can_have_a_place_of_its_own,
    several::p12_three_servers_let_exactly_five_guesses_through,
    several::p19_every_step_takes_effect_once,
    several::what_one_server_has_acknowledged_every_other_knows,
];

/// Tests that a cluster does not have: of an example, and of a second database.
const BUT_FOR_A_CLUSTER: &[Case] = cases![
    examples::the_example_signs_a_user_up,
    loss::the_loss_of_the_storage_costs_a_new_sign_in_and_nothing_else,
    administration::the_statements_of_the_administrator_take_effect_at_once,
    encoded::p80_users_of_a_table_with_one_column_of_bcrypt_sign_in_and_get_an_argon2id_text,
];

const WITH_A_SERVER: &[Case] = cases![
    start::wrong_credentials_are_refused_in_one_line,
    start::a_server_that_is_down_is_told_in_one_line,
    start::a_wrong_url_is_refused_in_one_line,
];

const WITH_A_TABLE: &[Case] = cases![start::a_missing_table_is_told_in_one_line,];

/// Tests behind a proxy, which a cluster does not have: its nodes tell clients each other's addresses.
const WITH_A_PROXY: &[Case] = cases![
    outages::p32_what_goes_away_is_told_and_comes_back_by_itself,
    crashes::p44_a_program_that_is_killed_at_any_statement_leaves_nothing_broken,
    crashes::p44_a_program_that_is_asked_to_end_answers_everything_first,
];

/// Tests that start a database of their own.
const KILLED: &[Case] =
    cases![kills::p32_a_database_that_is_killed_under_load_costs_nothing_that_was_acknowledged,];

/// Tests that start databases of their own, which a cluster is too large for: it fails over by itself.
const FAILING_OVER: &[Case] = cases![
    failovers::p65_a_demoted_database_is_left_and_the_new_primary_is_found,
    failovers::p66_a_connection_that_is_lost_while_idle_costs_nothing,
];

const STANDING_BY: &[Case] =
    cases![failovers::p65_a_hot_standby_is_not_read_from_and_is_found_when_it_is_promoted,];

/// Tests that change the settings of a database of their own.
const CHANGED: &[Case] =
    cases![readiness::p67_ready_names_a_database_that_is_gone_read_only_or_refuses_the_password,];

const WITH_TLS: &[Case] =
    cases![tls::p55_a_database_without_the_right_certificate_is_told_nothing,];

const ALONE: &[Case] = cases![
    examples::the_example_in_memory_signs_a_user_up,
    start::a_redis_that_drops_entries_is_warned_about,
];

fn main() -> ExitCode {
    let suites = [
        (Kind::Sqlite, vec![EVERYWHERE, BUT_FOR_A_CLUSTER, ALONE]),
        (
            Kind::Postgres,
            vec![
                EVERYWHERE,
                BUT_FOR_A_CLUSTER,
                WITH_A_SERVER,
                WITH_A_TABLE,
                WITH_A_PROXY,
                KILLED,
                CHANGED,
                FAILING_OVER,
                STANDING_BY,
                WITH_TLS,
            ],
        ),
        (
            Kind::Mysql,
            vec![
                EVERYWHERE,
                BUT_FOR_A_CLUSTER,
                WITH_A_SERVER,
                WITH_A_TABLE,
                WITH_A_PROXY,
                KILLED,
                CHANGED,
                FAILING_OVER,
                WITH_TLS,
            ],
        ),
        (
            Kind::Redis,
            vec![
                EVERYWHERE,
                BUT_FOR_A_CLUSTER,
                WITH_A_SERVER,
                WITH_A_PROXY,
                KILLED,
                CHANGED,
                FAILING_OVER,
                WITH_TLS,
            ],
        ),
        (Kind::RedisCluster, vec![EVERYWHERE, WITH_A_SERVER, KILLED]),
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
    let has_own = env::var_os(own::VARIABLE).is_some();
    let trial = |&(case, run): &Case| {
        let url = url.clone();
        let needs_own = [KILLED, CHANGED, FAILING_OVER, STANDING_BY, WITH_TLS]
            .concat()
            .iter()
            .any(|(name, _)| *name == case);
        Trial::test(format!("{name}::{case}"), move || {
            let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(async {
                let backend = Backend::create(kind, url).await;
                let result = tokio::spawn(run(backend.clone())).await;
                backend.drop().await;
                Ok(result.map_err(|error| error.to_string())?)
            })
        })
        .with_ignored_flag(needs_own && !has_own)
    };
    cases.iter().map(trial).collect()
}
