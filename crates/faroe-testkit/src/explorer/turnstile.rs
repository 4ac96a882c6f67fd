use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    sync::{Arc, Mutex},
    task::Poll,
};

use async_trait::async_trait;
use faroe_core::background::{Background, Work};

use crate::{
    intercept::{Answer, Call, Interceptor, Next},
    locked,
};

/// Stops each call of the action that is running, until it is let through.
#[derive(Debug, Default)]
pub(super) struct Turnstile(Mutex<State>);

#[derive(Default)]
struct State {
    /// The action that is running; without one, calls pass.
    actor: Option<usize>,
    /// The call that each action waits with.
    waiting: Vec<Option<Call>>,
    /// The action whose call passes.
    let_through: Option<usize>,
    /// Work that actions have given to the background, and that has not begun.
    work: VecDeque<Work>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}

/// While this is there, the calls that are made are an action's.
#[derive(Debug)]
pub(super) struct Entered<'a>(&'a Turnstile);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        locked(&self.0.0).actor = None;
    }
}

impl Turnstile {
    pub(super) fn begin(&self, actors: usize) {
        let waiting = vec![None; actors];
        *locked(&self.0) = State {
            waiting,
            ..State::default()
        };
    }

    /// Lets every call pass.
    pub(super) fn open(&self) {
        *locked(&self.0) = State::default();
    }

    pub(super) fn enter(self: &Arc<Self>, actor: usize) -> Entered<'_> {
        locked(&self.0).actor = Some(actor);
        Entered(self)
    }

    /// Keeps work that an action gives to the background; gives it back outside of an exploration.
    fn unless_exploring(&self, work: Work) -> Option<Work> {
        let state = &mut *locked(&self.0);
        if state.actor.is_none() {
            return Some(work);
        }
        state.work.push_back(work);
        None
    }

    /// Work that an action has given to the background, as one action more.
    pub(super) fn next_work(&self) -> Option<Work> {
        let state = &mut *locked(&self.0);
        let work = state.work.pop_front()?;
        state.waiting.push(None);
        Some(work)
    }

    pub(super) fn let_through(&self, actor: usize) {
        let state = &mut *locked(&self.0);
        assert!(
            state.waiting[actor].take().is_some(),
            "action {actor} has no next call"
        );
        state.let_through = Some(actor);
    }

    /// Returns when the call of the action that is running is let through.
    async fn pass(&self, call: Call) {
        let actor = {
            let state = &mut *locked(&self.0);
            let Some(actor) = state.actor else { return };
            let before = state.waiting[actor].replace(call);
            assert_eq!(before, None, "an action makes one call at a time");
            actor
        };
        poll_fn(|_| {
            let let_through = &mut locked(&self.0).let_through;
            match let_through.take_if(|it| *it == actor) {
                Some(_) => Poll::Ready(()),
                None => Poll::Pending,
            }
        })
        .await;
    }

    pub(super) fn is_waiting(&self, actor: usize) -> bool {
        locked(&self.0).waiting[actor].is_some()
    }

    pub(super) fn waiting(&self) -> Vec<Option<Call>> {
        locked(&self.0).waiting.clone()
    }
}

#[async_trait]
impl Interceptor for Turnstile {
    async fn intercept(&self, call: Call, next: Next) -> Answer {
        self.pass(call).await;
        next.run().await
    }
}

#[async_trait]
impl Background for Turnstile {
    async fn run(&self, work: Work) {
        if let Some(work) = self.unless_exploring(work) {
            work.await;
        }
    }
}
