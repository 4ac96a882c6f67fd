//! The answers to the commands.

use faroe_core::storage::{AddOutcome, DeleteOutcome, UpdateOutcome};
use redis::Value;

use crate::failure::Failure;

const UNEXPECTED: Failure = Failure::Unexpected("Redis gave an unexpected answer");

pub(crate) fn content(answer: Value) -> Result<Option<Vec<u8>>, Failure> {
    match answer {
        Value::Nil => Ok(None),
        Value::BulkString(content) => Ok(Some(content)),
        _ => Err(UNEXPECTED),
    }
}

pub(crate) fn added(answer: &Value) -> Result<AddOutcome, Failure> {
    match answer {
        Value::Okay => Ok(AddOutcome::Added),
        Value::Nil => Ok(AddOutcome::AlreadyExists),
        _ => Err(UNEXPECTED),
    }
}

pub(crate) fn updated(answer: &Value) -> Result<UpdateOutcome, Failure> {
    match answer {
        Value::Int(1) => Ok(UpdateOutcome::Updated),
        Value::Int(0) => Ok(UpdateOutcome::Conflict),
        _ => Err(UNEXPECTED),
    }
}

pub(crate) fn deleted(answer: &Value) -> Result<DeleteOutcome, Failure> {
    match answer {
        Value::Int(1) => Ok(DeleteOutcome::Deleted),
        Value::Int(0) => Ok(DeleteOutcome::NotFound),
        _ => Err(UNEXPECTED),
    }
}
