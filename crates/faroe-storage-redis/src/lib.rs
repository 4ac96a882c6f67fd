#![doc = include_str!("../README.md")]

mod answers;
mod cache;
mod client;
mod commands;
mod connection;
mod eviction;
mod failure;
mod node;
mod rate_limit_storage;
mod storage;
mod target;

pub use crate::{
    cache::RedisCache,
    client::{Redis, RedisOptions},
    eviction::EvictionPolicy,
    rate_limit_storage::RedisRateLimitStorage,
    storage::RedisStorage,
};
