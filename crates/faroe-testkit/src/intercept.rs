//! A wrapper around every port, whose calls an [`Interceptor`] answers: it makes them, now, later, again or not at all.
//!
//! [`Faults`](crate::fault::Faults) makes calls go wrong with it, and an [`Explorer`](crate::explorer::Explorer) chooses
//! the order of calls. An [`Interceptor`] of your own can do anything else.

use std::{any::Any, fmt, future::Future, pin::Pin, sync::Arc};

use async_trait::async_trait;
use faroe_core::error::AdapterError;

mod ports;
mod storages;

/// The trait that a call belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is named after its trait")]
pub enum Port {
    Storage,
    MainStorage,
    RateLimitStorage,
    Cache,
    UserStore,
    EmailSender,
    EmailAddressChecker,
    PasswordStrengthChecker,
}

/// A call of a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// The trait.
    pub port: Port,
    /// The name of the method.
    pub operation: &'static str,
    /// The key of the entry or the recipient of the message. Empty for calls of a user store: addresses are unique among
    /// all users, so that any two of its calls may concern each other.
    pub subject: String,
}

impl Call {
    fn new(port: Port, operation: &'static str, subject: impl Into<String>) -> Self {
        Self {
            port,
            operation,
            subject: subject.into(),
        }
    }

    /// Checks whether the call has this name: `UserStore::get_user`, or `Storage::add main.signup`, with the start of its
    /// subject. Every call has the empty name.
    pub fn is_named(&self, name: &str) -> bool {
        let (method, subject) = name.split_once(' ').unwrap_or((name, ""));
        let port = method.strip_suffix(self.operation);
        let port = port.and_then(|port| port.strip_suffix("::"));
        name.is_empty()
            || port == Some(&format!("{:?}", self.port)) && self.subject.starts_with(subject)
    }

    /// Checks whether the call changes nothing.
    pub fn is_read(&self) -> bool {
        self.operation.starts_with("get") || self.operation.starts_with("is_")
    }

    /// Checks whether two calls have the same results in either order: they have different subjects, or both change
    /// nothing.
    pub fn commutes_with(&self, other: &Self) -> bool {
        (self.port, &self.subject) != (other.port, &other.subject)
            || (self.is_read() && other.is_read())
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            port,
            operation,
            subject,
        } = self;
        write!(f, "{port:?}::{operation} {subject}")
    }
}

/// The result of an intercepted call, of whatever type the port returns.
pub type Answer = Result<Box<dyn Any + Send>, AdapterError>;

/// A call on its way to its port.
pub struct Next(Box<dyn Fn() -> Running + Send + Sync>);

/// A call that is being made.
pub type Running = Pin<Box<dyn Future<Output = Answer> + Send>>;

impl Next {
    /// Makes the call: none of it happens before the future is polled. Each time is another call of the port.
    pub fn run(&self) -> Running {
        (self.0)()
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Next").finish()
    }
}

/// Answers the calls of the ports that are wrapped with it.
#[async_trait]
pub trait Interceptor: fmt::Debug + Send + Sync + 'static {
    /// Answers a call: with what [`Next::run`] returns, or with an error.
    async fn intercept(&self, call: Call, next: Next) -> Answer;
}

/// A port whose calls are answered by an [`Interceptor`]. It implements each of the ports' traits that the port itself
/// implements.
pub struct Intercepted<P: ?Sized> {
    port: Arc<P>,
    interceptor: Arc<dyn Interceptor>,
}

impl<P: ?Sized + Send + Sync + 'static> Intercepted<P> {
    /// Wraps a port with an interceptor.
    pub fn new(port: Arc<P>, interceptor: Arc<dyn Interceptor>) -> Self {
        Self { port, interceptor }
    }

    async fn call<T: Send + 'static, F>(
        &self,
        call: Call,
        act: impl Fn(Arc<P>) -> F + Send + Sync + 'static,
    ) -> Result<T, AdapterError>
    where
        F: Future<Output = Result<T, AdapterError>> + Send + 'static,
    {
        let port = Arc::clone(&self.port);
        let next = Next(Box::new(move || {
            let acting = act(Arc::clone(&port));
            Box::pin(async move { Ok(Box::new(acting.await?) as Box<dyn Any + Send>) })
        }));
        let answer = self.interceptor.intercept(call, next).await?;
        let answer = answer.downcast();
        Ok(*answer.expect("a call is answered with what it returned itself"))
    }
}

impl<P: ?Sized + fmt::Debug> fmt::Debug for Intercepted<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Intercepted").field(&self.port).finish()
    }
}

/// Has a call intercepted: its subject, the arguments that must be owned for later, and the call itself.
macro_rules! pass {
    ($self:ident, $port:ident, $subject:expr, [$($owned:ident),*], $operation:ident($($argument:expr),*)) => {{
        let call = Call::new(Port::$port, stringify!($operation), $subject);
        $(let $owned = ToOwned::to_owned($owned);)*
        $self
            .call(call, move |port| {
                $(let $owned = $owned.clone();)*
                async move { $port::$operation(&*port, $($argument),*).await }
            })
            .await
    }};
}

use pass;
