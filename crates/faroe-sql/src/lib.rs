#![doc = include_str!("../README.md")]

mod cutoff;
mod error;
mod lease;
mod pool;
mod sweeper;

pub use crate::{
    cutoff::Cutoff,
    error::{bounded, describe, leaves_connection_intact},
    lease::Lease,
    pool::PoolOptions,
    sweeper::Sweeper,
};
