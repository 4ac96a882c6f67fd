//! Ports that fail on demand: at the n-th call, once or from then on.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;

pub use crate::intercept::{Call, Fault, Intercepted, Port};
use crate::{
    intercept::{Interceptor, LateAct},
    locked,
};

/// Counts the calls of all ports that it wraps, and makes them go wrong as it is told. Without being told it does nothing.
///
/// A sweep runs an action once to learn how many calls it makes, and then once for every call and [`Fault`]. Each time it
/// looks at what a user would notice: the answer, what the next try answers, and what was changed.
#[derive(Debug, Default)]
pub struct Faults(Mutex<State>);

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    injection: Option<Injection>,
    /// The port that the fault has struck.
    struck: Option<Port>,
    held_back: Vec<LateAct>,
}

/// What goes wrong, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Injection {
    /// What goes wrong.
    pub fault: Fault,
    /// The number of the call that goes wrong, counted from 0 at [`Faults::inject`].
    pub at: usize,
    /// Whether later calls go wrong as well.
    pub extent: Extent,
}

/// Which calls go wrong after the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// None.
    Once,
    /// Those of the same port: that dependency is out of order.
    ThisPort,
    /// All.
    Everything,
}

impl Faults {
    /// Wraps a port.
    pub fn wrap<P: ?Sized + Send + Sync + 'static>(
        self: &Arc<Self>,
        port: Arc<P>,
    ) -> Intercepted<P> {
        Intercepted::new(port, Arc::clone(self) as _)
    }

    /// Makes a call go wrong from now on, in place of what was injected before. The count starts again.
    pub fn inject(&self, injection: Injection) {
        let mut state = locked(&self.0);
        state.calls.clear();
        state.struck = None;
        state.injection = Some(injection);
    }

    /// Lets all calls be as they are.
    pub fn heal(&self) {
        locked(&self.0).injection = None;
    }

    /// Whether a call has gone wrong since the last [`inject`](Self::inject).
    pub fn has_struck(&self) -> bool {
        locked(&self.0).struck.is_some()
    }

    /// The calls since the last time that this was asked, in order, the failed ones included. The count starts again.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut locked(&self.0).calls)
    }

    /// Carries out what calls with [`Fault::ActLate`] have left to do, in their order.
    pub async fn deliver_late_calls(&self) {
        let held_back = std::mem::take(&mut locked(&self.0).held_back);
        for act in held_back {
            act.await;
        }
    }
}

#[async_trait]
impl Interceptor for Faults {
    async fn intercept(&self, call: &Call) -> Option<Fault> {
        let state = &mut *locked(&self.0);
        let number = state.calls.len();
        state.calls.push(call.clone());
        let injection = state.injection?;
        let goes_wrong = match (state.struck, injection.extent) {
            (None, _) => number == injection.at,
            (Some(_), Extent::Once) => false,
            (Some(port), Extent::ThisPort) => port == call.port,
            (Some(_), Extent::Everything) => true,
        };
        if !goes_wrong {
            return None;
        }
        state.struck.get_or_insert(call.port);
        Some(injection.fault)
    }

    fn hold_back(&self, act: LateAct) {
        locked(&self.0).held_back.push(act);
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("injection", &self.injection)
            .field("struck", &self.struck)
            .finish_non_exhaustive()
    }
}
