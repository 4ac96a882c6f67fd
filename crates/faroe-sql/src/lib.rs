#![doc = include_str!("../README.md")]

mod connections;
mod cutoff;
mod error;
mod lease;
mod pool;
mod role;
mod sweeper;

pub use crate::{
    connections::Connections,
    cutoff::Cutoff,
    error::{bounded, describe, is_unavailable, leaves_connection_intact},
    lease::Lease,
    pool::PoolOptions,
    role::{AskRole, Role, is_a_replica},
    sweeper::Sweeper,
};
