//! Redis on real servers: lifetimes of entries, counters, and calls while the connection breaks.
//!
//! `FAROE_TEST_REDIS_URL` and `FAROE_TEST_REDIS_CLUSTER_URL` name them. Every test has a key prefix of its own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod connections;
mod counters;
mod lifetimes;
#[expect(dead_code, reason = "this test needs a part of it")]
mod proxy;
mod server;

use std::{env, pin::Pin, process::ExitCode};

use faroe_testkit::conformance::Suite;
use libtest_mimic::{Arguments, Trial};

use crate::server::Server;

type Test = (
    &'static str,
    fn(Server) -> Pin<Box<dyn Future<Output = ()>>>,
);

macro_rules! tests {
    ($($module:ident: $($test:ident,)*;)*) => {
        &[$($((stringify!($test), |server| Box::pin($module::$test(server)))),*),*]
    };
}

const TESTS: &[Test] = tests![
    counters:
        an_update_beyond_the_highest_counter_is_an_error_that_changes_nothing,
        a_rate_limit_update_beyond_the_highest_counter_is_an_error_that_changes_nothing,
        an_entry_that_is_not_ours_is_an_error,
        storages_with_different_prefixes_do_not_see_each_other,
        storage_and_rate_limit_storage_and_cache_do_not_see_each_other,
    ;
    lifetimes:
        an_entry_is_kept_for_its_lifetime_and_the_slack_whatever_the_time_is,
        an_update_moves_the_lifetime,
        an_entry_that_has_expired_is_kept_for_the_slack,
        a_clock_that_steps_by_the_slack_costs_no_live_entry,
        a_rate_limit_entry_has_a_lifetime,
        a_cached_value_is_kept_for_its_time_to_live_only,
        a_cached_value_is_forgotten_at_its_deadline_by_the_clock,
        a_cached_value_is_seen_by_another_server,
    ;
];

const PROXY_TESTS: &[Test] = tests![
    connections:
        a_connection_that_was_lost_in_silence_costs_no_read,
        calls_fail_at_once_while_the_server_is_down_and_work_when_it_is_back,
        a_server_that_stops_answering_fails_in_time_and_works_when_it_answers_again,
        an_update_whose_answer_was_lost_is_an_error_and_applied_once,
        an_update_that_was_lost_on_its_way_is_an_error_and_not_applied,
        many_callers_during_an_outage_all_end_in_time,
    ;
];

fn main() -> ExitCode {
    let server = trials("redis", "FAROE_TEST_REDIS_URL", &[TESTS, PROXY_TESTS]);
    // Not through a proxy: clients learn the nodes' own addresses.
    let cluster = trials("redis_cluster", "FAROE_TEST_REDIS_CLUSTER_URL", &[TESTS]);
    let trials = server.into_iter().chain(cluster).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn trials(name: &str, variable: &str, tables: &[&[Test]]) -> Vec<Trial> {
    let Ok(url) = env::var(variable) else {
        return Suite::unavailable(name, format!("{variable} is not set")).into_trials();
    };
    let url = if variable.contains("CLUSTER") {
        url.replacen("redis://", "redis+cluster://", 1)
    } else {
        url
    };
    let trial = |(test, run): Test| {
        let url = url.clone();
        Trial::test(format!("{name}::{test}"), move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?;
            runtime.block_on(run(Server::new(url)));
            Ok(())
        })
    };
    tables
        .iter()
        .copied()
        .flatten()
        .copied()
        .map(trial)
        .collect()
}
