//! The emails that one server sends at the request of clients, each kind with a budget of its own.
//!
//! The limit of emails to an address does not bound the emails to all addresses together. Clients need no secret to have codes
//! sent to addresses that they make up. A budget in memory bounds that, and with it the records and buckets that such clients
//! leave in the storages. A flood that uses up one budget leaves the others alone.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{
    configuration::RateLimit,
    fault::Fault,
    invocation::Invocation,
    log,
    rate_limit::{Bucket, refill},
    time::UnixTime,
};

/// The interval at which a budget that stays empty is logged.
const LOGGED_EVERY: Duration = Duration::from_secs(60);

/// The kinds of email that have a budget. Notifications have none: each follows a verified secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EmailKind {
    /// Codes to addresses without a user, which anyone can have sent.
    SignupCode,
    /// Codes to new addresses of users, which the holder of a session can have sent.
    NewAddressCode,
    /// Temporary passwords to users.
    TemporaryPassword,
}

/// The budgets of a server.
#[derive(Debug)]
pub(crate) struct EmailBudgets {
    limit: RateLimit,
    budgets: [Mutex<Budget>; 3],
}

#[derive(Debug)]
struct Budget {
    tokens: u32,
    /// The time from which refills are counted.
    refilled_at: UnixTime,
    /// The time of the last line in the log.
    logged_at: Option<UnixTime>,
}

impl EmailBudgets {
    /// Creates full budgets.
    pub(crate) fn new(limit: RateLimit, now: UnixTime) -> Self {
        let full = || {
            Mutex::new(Budget {
                tokens: limit.capacity,
                refilled_at: now,
                logged_at: None,
            })
        };
        Self {
            limit,
            budgets: [full(), full(), full()],
        }
    }

    /// Takes one email of this kind and returns whether there was one.
    fn take(&self, kind: EmailKind, now: UnixTime) -> bool {
        let mut budget = self.budget(kind);
        if now < budget.refilled_at {
            // The clock was set back. There is only this one, so nothing is gained twice.
            budget.refilled_at = now;
            budget.logged_at = None;
        }
        (budget.tokens, budget.refilled_at) =
            refill(budget.tokens, budget.refilled_at, self.limit, now);
        if let Some(left) = budget.tokens.checked_sub(1) {
            budget.tokens = left;
            return true;
        }
        let logged_at = budget.logged_at;
        if logged_at.is_none_or(|logged_at| now >= logged_at.saturating_add(LOGGED_EVERY)) {
            budget.logged_at = Some(now);
            log::email_budget_is_empty(kind);
        }
        false
    }

    /// Returns an email that was not needed.
    fn give_back(&self, kind: EmailKind) {
        let mut budget = self.budget(kind);
        budget.tokens = self.limit.capacity.min(budget.tokens + 1);
    }

    fn budget(&self, kind: EmailKind) -> std::sync::MutexGuard<'_, Budget> {
        let budget = &self.budgets[kind as usize];
        budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Invocation<'_> {
    /// Takes one email out of the server's budget and one out of the address's bucket, and what `acquire` returns.
    /// Returns `None` if either is empty. It is called once, before the address's email is taken; its failure takes none.
    ///
    /// The bucket is neither read nor written without an email in the budget. An email of the budget that was taken for an
    /// address without any is given back, so that a flood on one address leaves the budget to the others.
    pub(crate) async fn take_email<T: Send>(
        &self,
        kind: EmailKind,
        email_address: &str,
        acquire: impl Fn() -> Result<T, Fault> + Send,
    ) -> Result<Option<T>, Fault> {
        let budgets = self.email_budgets();
        if !budgets.take(kind, self.now()) {
            return Ok(None);
        }
        let bucket = Bucket::send_email(self.rate_limits(), email_address);
        let taken = self.consume_if(&bucket, move |_| acquire()).await;
        if matches!(taken, Ok(None) | Err(Fault::Overloaded)) {
            budgets.give_back(kind);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> UnixTime {
        UnixTime::from_milliseconds(milliseconds)
    }

    fn budgets() -> EmailBudgets {
        let limit = RateLimit {
            capacity: 3,
            interval: Duration::from_secs(1),
        };
        EmailBudgets::new(limit, at(0))
    }

    fn taken(budgets: &EmailBudgets, kind: EmailKind, now: UnixTime) -> usize {
        (0..10).filter(|_| budgets.take(kind, now)).count()
    }

    #[test]
    fn each_kind_has_a_budget_that_is_refilled() {
        let budgets = budgets();
        assert_eq!(taken(&budgets, EmailKind::SignupCode, at(0)), 3);
        assert_eq!(taken(&budgets, EmailKind::SignupCode, at(999)), 0);
        assert_eq!(taken(&budgets, EmailKind::TemporaryPassword, at(999)), 3);
        assert_eq!(taken(&budgets, EmailKind::SignupCode, at(1000)), 1);
        assert_eq!(taken(&budgets, EmailKind::NewAddressCode, at(1000)), 3);
        assert_eq!(taken(&budgets, EmailKind::SignupCode, at(3500)), 2);
        assert_eq!(taken(&budgets, EmailKind::SignupCode, at(4000)), 1);
        assert_eq!(taken(&budgets, EmailKind::SignupCode, at(1_000_000)), 3);
    }

    #[test]
    fn an_email_that_was_not_needed_is_there_again() {
        let budgets = budgets();
        budgets.give_back(EmailKind::SignupCode);
        assert_eq!(taken(&budgets, EmailKind::SignupCode, at(0)), 3);
        budgets.give_back(EmailKind::SignupCode);
        assert_eq!(taken(&budgets, EmailKind::SignupCode, at(0)), 1);
    }

    #[test]
    fn a_clock_that_was_ahead_for_a_moment_stops_no_refills() {
        let budgets = budgets();
        assert_eq!(taken(&budgets, EmailKind::SignupCode, at(1_000_000_000)), 3);
        assert_eq!(taken(&budgets, EmailKind::SignupCode, at(0)), 0);
        assert_eq!(taken(&budgets, EmailKind::SignupCode, at(1000)), 1);
    }
}
