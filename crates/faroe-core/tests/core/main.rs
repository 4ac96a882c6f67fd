//! The core over fakes: what the wire cannot show, or cannot show exactly.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod background;
mod begun_flows;
mod canaries;
mod dump;
mod email_budgets;
mod faults;
mod harness;
mod hashing;
mod interleavings;
mod invalidation;
mod known_defects;
mod late_users;
mod lifetimes;
mod mailboxes;
mod model;
mod new_passwords;
mod observed;
mod one_answer;
mod one_completion;
mod parts;
mod password_changes;
mod password_hashes;
mod racers;
mod rate_limits;
mod restores;
mod scene;
mod secret_types;
mod sequences;
mod sessions;
mod silence;
mod storages;
mod timeouts;
mod user_fields;
mod users_tables;
mod world;
