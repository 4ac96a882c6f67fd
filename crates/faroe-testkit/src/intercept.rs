//! A wrapper around every port, through which each call passes before it acts.
//!
//! [`Faults`](crate::fault::Faults) makes calls go wrong with it, and an [`Explorer`](crate::explorer::Explorer) decides
//! whose call is next. An [`Interceptor`] of your own can do anything else.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

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
    /// What the call is about: the key of an entry, the recipient of a message. Empty where there is one thing only: the
    /// users are one, because addresses are unique among them.
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

    /// Whether it changes nothing.
    pub fn is_read(&self) -> bool {
        self.operation.starts_with("get") || self.operation.starts_with("is_")
    }

    /// Whether this call and another of the same server or of one beside it come to the same in either order: they are
    /// about different things, or both change nothing.
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

/// What can go wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It answers an error and does nothing.
    FailBeforeActing,
    /// It acts, and answers an error all the same.
    LoseTheAnswer,
    /// It does nothing and never answers.
    Hang,
    /// It acts twice, and answers what came of the first time.
    ActTwice,
    /// It answers an error, and acts when nobody waits for it any more.
    ActLate,
    /// It waits for so long, and acts then.
    ActAfter(Duration),
}

/// What is left to do of a call that acts late.
pub type LateAct = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Decides what becomes of each call of the ports that are wrapped with it.
#[async_trait]
pub trait Interceptor: fmt::Debug + Send + Sync + 'static {
    /// Asked before each call. The call is made when this returns, and goes wrong as it says.
    async fn intercept(&self, call: &Call) -> Option<Fault>;

    /// Takes what a call with [`Fault::ActLate`] is to do later.
    fn hold_back(&self, act: LateAct);
}

/// A port whose calls pass an [`Interceptor`]. It implements each of the ports' traits that the port itself implements.
pub struct Intercepted<P: ?Sized> {
    port: Arc<P>,
    interceptor: Arc<dyn Interceptor>,
}

impl<P: ?Sized + Send + Sync + 'static> Intercepted<P> {
    /// Lets the calls of this port pass this interceptor.
    pub fn new(port: Arc<P>, interceptor: Arc<dyn Interceptor>) -> Self {
        Self { port, interceptor }
    }

    async fn call<T: Send + 'static, F>(
        &self,
        call: Call,
        act: impl Fn(Arc<P>) -> F + Send + 'static,
    ) -> Result<T, AdapterError>
    where
        F: Future<Output = Result<T, AdapterError>> + Send + 'static,
    {
        let port = Arc::clone(&self.port);
        let act = move || act(Arc::clone(&port));
        let fault = self.interceptor.intercept(&call).await;
        let failure = || {
            AdapterError::message(format!(
                "call {:?}::{}: it was told to fail",
                call.port, call.operation
            ))
        };
        match fault {
            None => act().await,
            Some(Fault::FailBeforeActing) => Err(failure()),
            Some(Fault::LoseTheAnswer) => {
                let _lost: Result<T, AdapterError> = act().await;
                Err(failure())
            }
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::ActTwice) => {
                let first = act().await;
                let _second: Result<T, AdapterError> = act().await;
                first
            }
            Some(Fault::ActLate) => {
                let act = act();
                self.interceptor.hold_back(Box::pin(async move {
                    let _nobody_waits: Result<T, AdapterError> = act.await;
                }));
                Err(failure())
            }
            Some(Fault::ActAfter(duration)) => {
                tokio::time::sleep(duration).await;
                act().await
            }
        }
    }
}

impl<P: ?Sized + fmt::Debug> fmt::Debug for Intercepted<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Intercepted").field(&self.port).finish()
    }
}

/// Lets a call pass: its subject, what of its arguments must be owned to be used later, and the call itself.
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
