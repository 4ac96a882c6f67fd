//! The invocation of an action: its access to the adapters, its time budget and its log.

use std::{
    error::Error,
    fmt,
    pin::{Pin, pin},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use faroe_protocol::{action::Action, id::ActionInvocationId, secret::Password};
use tokio::time::Instant;

use crate::{
    begun_flows::BegunFlows,
    configuration::{RateLimits, SessionConfiguration, Timeouts},
    email::{EmailContent, EmailFate, EmailMessage},
    email_budgets::EmailBudgets,
    error::AdapterError,
    fault::{Fault, Refusal},
    hashing::Hasher,
    log::ActionError,
    parts::Parts,
    password::PasswordContext,
    rate_limit::Bucket,
    storage::{Cache, MainStorage, RateLimitStorage},
    time::{UnixTime, runtime_now, until},
    user_store::{EmailAddressCase, UserFields, UserStore},
};

/// The result of an action: its values, or the reason why there are none.
pub(crate) type Answer<A> = Result<<A as Action>::Values, Refusal<<A as Action>::ErrorCode>>;

/// The implementation of an action.
pub(crate) trait Run: Action {
    /// Runs the action once.
    fn run(self, invocation: &Invocation<'_>) -> impl Future<Output = Answer<Self>> + Send;
}

/// The future of background work.
type BoxFuture<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// The error of a call that timed out.
#[derive(Debug)]
struct TimedOut(Duration);

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "timed out after {:?}", self.0)
    }
}

impl Error for TimedOut {}

/// The error of a call that was not made because the action had no time left.
#[derive(Debug)]
struct NoTimeLeft;

impl fmt::Display for NoTimeLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the action has no time left")
    }
}

impl Error for NoTimeLeft {}

/// The invocation of an action, with access to the adapters.
#[derive(Debug)]
pub(crate) struct Invocation<'a> {
    parts: &'a Arc<Parts>,
    action: &'static str,
    id: &'a ActionInvocationId,
    /// The time at which the invocation first waited. Until then it takes next to no time.
    started: OnceLock<Instant>,
    /// Set when the invocation is past the point of no return and may use the time reserved for finishing.
    finishing: AtomicBool,
}

impl<'a> Invocation<'a> {
    pub(crate) fn new(
        parts: &'a Arc<Parts>,
        action: &'static str,
        id: &'a ActionInvocationId,
    ) -> Self {
        Self {
            parts,
            action,
            id,
            started: OnceLock::new(),
            finishing: AtomicBool::new(false),
        }
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.parts.options.clock.now()
    }

    pub(crate) fn main_storage(&self) -> &dyn MainStorage {
        &*self.parts.storages.main
    }

    pub(crate) fn rate_limit_storage(&self) -> &dyn RateLimitStorage {
        &*self.parts.storages.rate_limit
    }

    /// Returns the cache and the expiration of its entries, if a cache is configured.
    pub(crate) fn cache(&self) -> Option<(&dyn Cache, Duration)> {
        let cache = self.parts.storages.cache.as_deref()?;
        Some((cache, self.session_configuration().cache_expiration?))
    }

    pub(crate) fn user_store(&self) -> &dyn UserStore {
        &*self.parts.user_store
    }

    /// Checks whether a new user may have these fields: only listed ones, within the limits, and as the application wants them.
    pub(crate) fn accepts_user_fields(&self, email_address: &str, fields: &UserFields) -> bool {
        let options = &self.parts.options;
        let is_listed = |name: &str| options.signup_fields.iter().any(|listed| listed == name);
        let validator = &options.user_fields_validator;
        fields.is_valid()
            && fields.iter().all(|(name, _)| is_listed(name))
            && (options.signup_fields.is_empty() || validator.is_valid(email_address, fields))
    }

    pub(crate) fn email_address_case(&self) -> EmailAddressCase {
        self.parts.options.email_address_case
    }

    pub(crate) fn begun_flows(&self) -> &BegunFlows {
        &self.parts.begun_flows
    }

    pub(crate) fn email_budgets(&self) -> &EmailBudgets {
        &self.parts.email_budgets
    }

    pub(crate) fn hasher(&self) -> &Hasher {
        &self.parts.hasher
    }

    pub(crate) fn session_configuration(&self) -> &SessionConfiguration {
        &self.parts.options.session
    }

    pub(crate) fn rate_limits(&self) -> &RateLimits {
        &self.parts.options.rate_limits
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.parts.options.timeouts
    }

    /// Waits for an adapter, at most for `limit` and within the time of the action.
    pub(crate) async fn within<T, E>(
        &self,
        limit: Duration,
        operation: &'static str,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, Fault>
    where
        Fault: From<E>,
    {
        let limit = limit.min(self.time_left());
        if limit.is_zero() {
            return Err(AdapterError::new(operation, NoTimeLeft).into());
        }
        let deadline = || {
            let now = runtime_now();
            self.started.get_or_init(|| now);
            now + limit
        };
        match until(deadline, pin!(call)).await {
            Some(result) => Ok(result?),
            None => Err(AdapterError::new(operation, TimedOut(limit)).into()),
        }
    }

    /// Waits for work without a timeout of its own, within the time of the action.
    pub(crate) async fn in_time<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, Fault>> + Send,
    ) -> Result<T, Fault> {
        self.within(Duration::MAX, operation, work).await
    }

    /// Marks the invocation as finishing or cleaning up, so that it may use the time reserved for that.
    pub(crate) fn finish(&self) {
        self.finishing.store(true, Ordering::Relaxed);
    }

    fn time_left(&self) -> Duration {
        let Timeouts {
            action, storage, ..
        } = self.timeouts();
        let is_finishing = self.finishing.load(Ordering::Relaxed);
        let kept = if is_finishing {
            Duration::ZERO
        } else {
            storage.min(action / 2)
        };
        let passed = self.started.get().map_or(Duration::ZERO, |started| {
            runtime_now().duration_since(*started)
        });
        action.saturating_sub(kept).saturating_sub(passed)
    }

    /// Asks the checker whether a new address may be used.
    pub(crate) async fn is_allowed(&self, email_address: &str) -> Result<bool, Fault> {
        let checker = &self.parts.options.email_address_checker;
        self.within(
            self.timeouts().checker,
            "check an email address",
            checker.is_allowed(email_address),
        )
        .await
    }

    pub(crate) fn minimum_password_length(&self) -> usize {
        self.parts.options.minimum_password_length
    }

    /// Asks the checker whether the user with this address and display name may use a new password.
    pub(crate) async fn is_strong_enough(
        &self,
        password: &Password,
        email_address: &str,
        display_name: &str,
    ) -> Result<bool, Fault> {
        let context = PasswordContext {
            email_address: email_address.to_owned(),
            display_name: display_name.to_owned(),
            product_name: self.parts.options.product_name.clone(),
        };
        let checker = &self.parts.options.password_strength_checker;
        self.within(
            self.timeouts().checker,
            "check a password",
            checker.is_strong_enough_for(password, &context),
        )
        .await
    }

    /// Sends a code or a temporary password. If it was certainly not accepted, and may be later, the address gets its
    /// email back ([`Invocation::take_email`]).
    pub(crate) async fn send(&self, to: &str, content: EmailContent) -> Result<(), Fault> {
        let message = EmailMessage {
            to: to.to_owned(),
            content,
        };
        let sent = self
            .within(
                self.timeouts().email,
                "send an email",
                self.parts.email_sender.send(message),
            )
            .await;
        if let Err(Fault::Adapter(error)) = &sent
            && EmailFate::of(error) == EmailFate::NotAccepted
        {
            self.finish();
            let bucket = Bucket::send_email(self.rate_limits(), to);
            self.tolerate(self.give_back(&bucket).await);
        }
        sent
    }

    /// Sends a notification. A failure is only logged.
    pub(crate) async fn notify(&self, to: &str, content: EmailContent) {
        let message = EmailMessage {
            to: to.to_owned(),
            content,
        };
        let sent = self
            .within(
                self.timeouts().notification,
                "send a notification",
                self.parts.email_sender.send(message),
            )
            .await;
        self.tolerate(sent);
    }

    /// Runs work in the background, as an invocation with the same name and ID and a new time budget.
    pub(crate) async fn in_background(
        &self,
        work: impl for<'b> FnOnce(&'b Invocation<'b>) -> BoxFuture<'b> + Send + 'static,
    ) {
        let (parts, action, id) = (Arc::clone(self.parts), self.action, self.id.clone());
        let work = Box::pin(async move { work(&Invocation::new(&parts, action, &id)).await });
        let run = async {
            self.parts.options.background.run(work).await;
            Ok(())
        };
        self.tolerate(self.in_time("run background work", run).await);
    }

    /// Logs the failure of an optional step and returns `None` for it.
    pub(crate) fn tolerate<T>(&self, result: Result<T, Fault>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(Fault::Adapter(error)) if !error.is_conflict() => {
                self.log(&error, false);
                None
            }
            Err(_) => None,
        }
    }

    /// Logs the refusal of a call by the application's rules and returns `None` for it.
    pub(crate) fn unless_refused<T>(&self, result: Result<T, Fault>) -> Result<Option<T>, Fault> {
        match result {
            Err(Fault::Adapter(error)) if error.is_refusal() => {
                self.log(&error, true);
                Ok(None)
            }
            other => other.map(Some),
        }
    }

    pub(crate) fn log(&self, error: &AdapterError, failed: bool) {
        let Self { action, id, .. } = *self;
        self.parts.options.error_logger.log(&ActionError {
            action,
            action_invocation_id: id,
            failed,
            error,
        });
    }
}
