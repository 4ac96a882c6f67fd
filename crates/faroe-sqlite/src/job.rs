//! A call that waits for a connection, and its answer.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use faroe_core::error::AdapterError;
use rusqlite::{Connection, Error};
use tokio::sync::oneshot;

use crate::error::{is_busy, shared};

/// A call that a caller waits for, and that can run on any connection.
pub(crate) trait Job: Send {
    /// Checks whether the caller no longer waits for the answer.
    fn is_abandoned(&self) -> bool;

    /// Runs the call. Its result is kept until [`Job::finish`]; before that it may run again.
    fn run(&mut self, connection: &Connection) -> Ran;

    /// Answers with the result.
    fn finish(self: Box<Self>);

    /// Answers that the transaction around it has failed.
    fn fail(self: Box<Self>, error: Arc<Error>);
}

/// The outcome of running a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    Well,
    /// The call failed or panicked.
    Badly,
    /// Another connection holds a lock that the call needs.
    Busy,
}

/// The answer to a job, for its caller.
pub(crate) struct Answer<T> {
    operation: &'static str,
    answer: oneshot::Receiver<Result<T, Arc<Error>>>,
}

struct Call<T, C> {
    call: C,
    /// The result of the call; `None` before it has run and after it has panicked.
    result: Option<Result<T, Error>>,
    reply: oneshot::Sender<Result<T, Arc<Error>>>,
}

/// Makes a job of a call. `operation` names it in errors.
pub(crate) fn job<T, C>(operation: &'static str, call: C) -> (Box<dyn Job>, Answer<T>)
where
    T: Send + 'static,
    C: Fn(&Connection) -> Result<T, Error> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    let job = Call {
        call,
        result: None,
        reply,
    };
    (Box::new(job), Answer { operation, answer })
}

impl<T> Answer<T> {
    pub(crate) async fn wait(self) -> Result<T, AdapterError> {
        let Self { operation, answer } = self;
        match answer.await {
            Ok(result) => result.map_err(|error| shared(operation, error)),
            Err(_) => Err(AdapterError::new(
                operation,
                "the call panicked or the database is closed",
            )),
        }
    }
}

impl<T, C> Job for Call<T, C>
where
    T: Send,
    C: Fn(&Connection) -> Result<T, Error> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, connection: &Connection) -> Ran {
        // Changes made before a panic are rolled back.
        self.result = catch_unwind(AssertUnwindSafe(|| (self.call)(connection))).ok();
        match &self.result {
            Some(Ok(_)) => Ran::Well,
            Some(Err(error)) if is_busy(error) => Ran::Busy,
            Some(Err(_)) | None => Ran::Badly,
        }
    }

    fn finish(self: Box<Self>) {
        if let Some(result) = self.result {
            // The caller may have gone; then the answer is not needed.
            let _gone = self.reply.send(result.map_err(Arc::new));
        }
    }

    fn fail(self: Box<Self>, error: Arc<Error>) {
        let _gone = self.reply.send(Err(error));
    }
}
