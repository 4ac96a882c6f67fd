#![doc = include_str!("../README.md")]

mod pattern;
mod strength;
mod words;

use std::{error::Error, fmt, sync::Arc, thread};

use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    password::{PasswordContext, PasswordStrengthChecker},
    protocol::secret::Password,
};
use tokio::{sync::Semaphore, task};
use zxcvbn::Score;

const OPERATION: &str = "rate the strength of a password";

/// The minimum score of a password, by the number of guesses needed to find it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum MinimumScore {
    /// More than 10³ guesses.
    One,
    /// More than 10⁶ guesses: enough if every guess goes through a rate limit.
    Two,
    /// More than 10⁸ guesses: enough against stolen hashes of a slow algorithm. The default.
    #[default]
    Three,
    /// More than 10¹⁰ guesses.
    Four,
}

impl MinimumScore {
    fn score(self) -> Score {
        match self {
            Self::One => Score::One,
            Self::Two => Score::Two,
            Self::Three => Score::Three,
            Self::Four => Score::Four,
        }
    }
}

impl TryFrom<u8> for MinimumScore {
    type Error = InvalidMinimumScore;

    fn try_from(score: u8) -> Result<Self, InvalidMinimumScore> {
        match score {
            1 => Ok(Self::One),
            2 => Ok(Self::Two),
            3 => Ok(Self::Three),
            4 => Ok(Self::Four),
            _ => Err(InvalidMinimumScore),
        }
    }
}

/// The error for a number that is not a [`MinimumScore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidMinimumScore;

impl fmt::Display for InvalidMinimumScore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the minimum score of a password must be from 1 to 4")
    }
}

impl Error for InvalidMinimumScore {}

/// Rejects passwords that are easy to guess.
///
/// Requires a Tokio runtime. A check only fails if the runtime is shutting down or if zxcvbn panics.
#[derive(Debug)]
pub struct PasswordStrength {
    minimum_score: MinimumScore,
    permits: Arc<Semaphore>,
}

impl PasswordStrength {
    /// Creates a checker that rejects passwords with a score below `minimum_score`.
    pub fn new(minimum_score: MinimumScore) -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self {
            minimum_score,
            permits: Arc::new(Semaphore::new(processors)),
        }
    }
}

impl Default for PasswordStrength {
    fn default() -> Self {
        Self::new(MinimumScore::default())
    }
}

#[async_trait]
impl PasswordStrengthChecker for PasswordStrength {
    async fn is_strong_enough(&self, password: &Password) -> Result<bool, AdapterError> {
        self.is_strong_enough_for(password, &PasswordContext::default())
            .await
    }

    async fn is_strong_enough_for(
        &self,
        password: &Password,
        context: &PasswordContext,
    ) -> Result<bool, AdapterError> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let minimum_score = self.minimum_score.score();
        let (password, context) = (password.clone(), context.clone());
        let rating = task::spawn_blocking(move || {
            let _permit = permit;
            strength::reaches(&password, &context, minimum_score)
        });
        // The panic message is dropped: it could quote the password.
        rating.await.map_err(|_| AdapterError::message(OPERATION))
    }
}
