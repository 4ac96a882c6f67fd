//! Ports that fail on demand, or let something happen just before a call.

use std::{
    fmt,
    future::{Future, pending},
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use faroe_core::error::AdapterError;
use tokio::sync::oneshot;

pub use crate::intercept::{Call, Intercepted, Port};
use crate::{
    intercept::{Answer, Interceptor, Next, Running},
    locked,
};

/// Records the calls of all ports that it wraps, and makes chosen ones go wrong. Without a plan, calls are only recorded.
///
/// A call is chosen by its number, for sweeps ([`inject`](Self::inject)), or by its name, for one story
/// ([`at_next`](Self::at_next), [`before`](Self::before), [`hold`](Self::hold)); see [`Call::is_named`].
///
/// A sweep runs an action once to learn how many calls it makes, and then once for every call and [`Fault`]. Each time it
/// checks what a user would notice: the answer, the answer to the next try, and the state that is left.
#[derive(Debug, Default)]
pub struct Faults(Mutex<State>);

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    injection: Option<Injection>,
    /// The port of the first call that the injection has made go wrong.
    struck: Option<Port>,
    /// Events at the next call of a name.
    planned: Vec<(&'static str, Event)>,
    held_back: Vec<Running>,
}

enum Event {
    Fault(Fault),
    Happens(Happens),
}

type Happens =
    Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = Result<(), AdapterError>> + Send>> + Send>;

/// A way for a call to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The call returns an error and does nothing.
    FailBeforeActing,
    /// The call returns a conflict and does nothing.
    Conflict,
    /// The call acts, and returns an error all the same.
    LoseTheAnswer,
    /// The call does nothing and never returns.
    Hang,
    /// The call acts twice, and returns the first outcome.
    ActTwice,
    /// The call returns an error, and acts at [`Faults::deliver_late_calls`].
    ActLate,
    /// The call acts after this time.
    ActAfter(Duration),
}

/// A fault at a call with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Injection {
    /// The fault.
    pub fault: Fault,
    /// The number of the call that goes wrong, counted from 0 at [`Faults::inject`].
    pub at: usize,
    /// The later calls that go wrong as well.
    pub extent: Extent,
}

/// The calls that go wrong after the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// None.
    Once,
    /// Those of the same port: that dependency is out of order.
    ThisPort,
    /// All.
    Everything,
}

/// A call that waits, or will.
#[derive(Debug)]
pub struct Held {
    reached: oneshot::Receiver<()>,
    release: oneshot::Sender<()>,
}

impl Held {
    /// Returns as soon as the call waits.
    ///
    /// # Panics
    ///
    /// When the plan was dropped before the call was made.
    pub async fn reached(&mut self) {
        (&mut self.reached).await.expect("the call is made");
    }

    /// Lets the call go on.
    ///
    /// # Panics
    ///
    /// When the call was given up.
    pub fn release(self) {
        self.release.send(()).expect("the call still waits");
    }
}

impl Faults {
    /// Wraps a port.
    pub fn wrap<P: ?Sized + Send + Sync + 'static>(
        self: &Arc<Self>,
        port: Arc<P>,
    ) -> Intercepted<P> {
        Intercepted::new(port, Arc::clone(self) as _)
    }

    /// Injects a fault in place of the last one. The count starts again.
    pub fn inject(&self, injection: Injection) {
        let mut state = locked(&self.0);
        state.calls.clear();
        state.struck = None;
        state.injection = Some(injection);
    }

    /// Makes the next call of this name go wrong. Several plans for a name are carried out one call after another.
    pub fn at_next(&self, call: &'static str, fault: Fault) {
        self.plan(call, Event::Fault(fault));
    }

    /// Lets something happen just before the next call of this name. The call fails with its error, if it has one.
    pub fn before<F>(&self, call: &'static str, happens: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = Result<(), AdapterError>> + Send + 'static,
    {
        self.plan(call, Event::Happens(Box::new(move || Box::pin(happens()))));
    }

    /// Lets the next call of this name wait until it is released.
    pub fn hold(&self, call: &'static str) -> Held {
        let (waits, reached) = oneshot::channel();
        let (release, released) = oneshot::channel();
        self.before(call, async move || {
            let _no_one_asked = waits.send(());
            released
                .await
                .map_err(|dropped| AdapterError::new("wait for a release", dropped))
        });
        Held { reached, release }
    }

    fn plan(&self, call: &'static str, event: Event) {
        locked(&self.0).planned.push((call, event));
    }

    /// Forgets all plans: from now on calls are only recorded.
    pub fn heal(&self) {
        let mut state = locked(&self.0);
        state.injection = None;
        state.planned.clear();
    }

    /// Checks whether everything that was planned has happened.
    pub fn is_done(&self) -> bool {
        let state = locked(&self.0);
        state.planned.is_empty() && (state.injection.is_none() || state.struck.is_some())
    }

    /// Takes the calls since the last time out, in order, the failed ones included. The count starts again.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut locked(&self.0).calls)
    }

    /// Carries out the calls with [`Fault::ActLate`], in their order.
    pub async fn deliver_late_calls(&self) {
        let held_back = std::mem::take(&mut locked(&self.0).held_back);
        for call in held_back {
            let _no_one_waits: Answer = call.await;
        }
    }
}

impl State {
    /// Records a call, and decides what happens at it.
    fn event_at(&mut self, call: &Call) -> Option<Event> {
        let number = self.calls.len();
        self.calls.push(call.clone());
        let mut planned = self.planned.iter();
        if let Some(next) = planned.position(|(name, _)| call.is_named(name)) {
            return Some(self.planned.remove(next).1);
        }
        let injection = self.injection?;
        let goes_wrong = match (self.struck, injection.extent) {
            (None, _) => number == injection.at,
            (Some(_), Extent::Once) => false,
            (Some(port), Extent::ThisPort) => port == call.port,
            (Some(_), Extent::Everything) => true,
        };
        if !goes_wrong {
            return None;
        }
        self.struck.get_or_insert(call.port);
        Some(Event::Fault(injection.fault))
    }
}

#[async_trait]
impl Interceptor for Faults {
    async fn intercept(&self, call: Call, next: Next) -> Answer {
        let event = locked(&self.0).event_at(&call);
        let operation = || format!("call {:?}::{}", call.port, call.operation);
        let failure = || AdapterError::new(operation(), "told to fail");
        let fault = match event {
            None => return next.run().await,
            Some(Event::Happens(happens)) => {
                happens().await?;
                return next.run().await;
            }
            Some(Event::Fault(fault)) => fault,
        };
        match fault {
            Fault::FailBeforeActing => Err(failure()),
            Fault::Conflict => Err(AdapterError::conflict(operation(), "told to conflict")),
            Fault::LoseTheAnswer => {
                let _lost: Answer = next.run().await;
                Err(failure())
            }
            Fault::Hang => pending().await,
            Fault::ActTwice => {
                let first = next.run().await;
                let _second: Answer = next.run().await;
                first
            }
            Fault::ActLate => {
                locked(&self.0).held_back.push(next.run());
                Err(failure())
            }
            Fault::ActAfter(time) => {
                tokio::time::sleep(time).await;
                next.run().await
            }
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let planned: Vec<_> = self.planned.iter().map(|(name, _)| name).collect();
        f.debug_struct("State")
            .field("injection", &self.injection)
            .field("struck", &self.struck)
            .field("planned", &planned)
            .finish_non_exhaustive()
    }
}
