//! Runs concurrent actions in every order of their calls, each order once.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use faroe_core::background::Background;
use tokio::runtime::{Builder, Runtime};

use self::{turnstile::Turnstile, waiter::Waiter};
use crate::intercept::{Call, Intercepted, Interceptor};

mod turnstile;
mod waiter;

/// Runs actions in every interleaving of their calls, on one thread and in a fixed order.
///
/// Each call of a port that it [wraps](Self::wrap) is a scheduling point: the action that makes it stops, until the explorer
/// has it make that call and go on to its next one. What an action does between two calls touches nothing that another
/// one on another server could see, so these are all the schedules that there are on as many servers as actions. Actions on
/// one server share its bounds, too, such as the places for hashing.
///
/// Work that an action gives to the explorer's [background](Self::background) becomes an action of its own at that moment,
/// with the next number: its calls come in every order, too.
///
/// # What is left out
///
/// Of schedules that differ only in the order of neighbouring calls that [commute](Call::commutes_with), one is run: the
/// others give the same answers and leave the same behind. They are found with sleep sets. When all schedules that begin
/// with some call of one action have been run, that action goes to sleep for those that begin otherwise, until a call is
/// made that does not commute with its own: had it been made before, it could just as well have been the first.
/// [`without_reduction`](Self::without_reduction) runs them all.
///
/// # What it needs
///
/// Given the same world, an action makes the same calls, apart from random IDs. Time stands still: nothing may wait for a
/// timer. Hashes may be computed on blocking threads; the explorer waits for them, and they are no scheduling points, for
/// they touch nothing.
#[derive(Debug)]
pub struct Explorer {
    turnstile: Arc<Turnstile>,
    runtime: Runtime,
    reduces: bool,
    limit: usize,
}

/// One of the actions that run at once.
pub type Actor<T> = Pin<Box<dyn Future<Output = T>>>;

/// Calls in the order in which they were made, each with the number of the action that made it.
pub type Schedule = Vec<(usize, Call)>;

/// The extent and the findings of an exploration.
#[derive(Clone, Debug, Default)]
pub struct Explored {
    /// The number of schedules that were run to their end and checked.
    pub schedules: usize,
    /// The limit was reached before all schedules were run.
    pub capped: bool,
    /// The schedules that were found wrong.
    pub violations: Vec<Violation>,
}

/// A schedule that was found wrong. It is printed so that it can be read and run again.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The message of the check.
    pub message: String,
    /// The calls in their order.
    pub schedule: Schedule,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.message)?;
        for (actor, call) in &self.schedule {
            writeln!(f, "    {}{actor}: {call}", "        ".repeat(*actor))?;
        }
        let actors: Vec<String> = self.schedule.iter().map(|(a, _)| a.to_string()).collect();
        write!(f, "    replay: {}", actors.join(" "))
    }
}

/// A point at which there is a choice: whose call is next.
#[derive(Debug)]
struct Node {
    /// The next call of each action; `None` when it has ended.
    next: Vec<Option<Call>>,
    /// The actions that need not go first here.
    asleep: Vec<bool>,
    /// The action that goes first.
    actor: usize,
}

impl Node {
    fn new(next: Vec<Option<Call>>, asleep: Vec<bool>) -> Option<Self> {
        let mut node = Self {
            next,
            asleep,
            actor: 0,
        };
        node.choose().then_some(node)
    }

    /// Chooses the first action that may go first, if there is one.
    fn choose(&mut self) -> bool {
        let mut actors = self.next.iter().zip(&self.asleep);
        match actors.position(|(next, asleep)| next.is_some() && !asleep) {
            Some(actor) => {
                self.actor = actor;
                true
            }
            None => false,
        }
    }

    /// Returns the actions that are asleep after the chosen call.
    fn asleep_after(&self) -> Vec<bool> {
        let made = self.next[self.actor].as_ref();
        let commutes = |call: &Option<Call>| {
            call.as_ref()
                .zip(made)
                .is_some_and(|(call, made)| call.commutes_with(made))
        };
        let actors = self.next.iter().zip(&self.asleep);
        actors
            .map(|(next, asleep)| *asleep && commutes(next))
            .collect()
    }
}

impl Default for Explorer {
    fn default() -> Self {
        Self {
            turnstile: Arc::default(),
            runtime: Builder::new_current_thread()
                .enable_time()
                .build()
                .expect("a runtime without input and output needs nothing"),
            reduces: true,
            limit: usize::MAX,
        }
    }
}

impl Explorer {
    /// Runs schedules that differ only in the order of calls that commute, too.
    #[must_use]
    pub fn without_reduction(mut self) -> Self {
        self.reduces = false;
        self
    }

    /// Stops after this many schedules.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Returns the interceptor that makes each call of a port a scheduling point. Outside of an exploration it makes
    /// calls at once.
    pub fn interceptor(&self) -> Arc<dyn Interceptor> {
        Arc::clone(&self.turnstile) as _
    }

    /// Makes each call of a port a scheduling point. Outside of an exploration its calls are made at once.
    pub fn wrap<P: ?Sized + Send + Sync + 'static>(&self, port: Arc<P>) -> Intercepted<P> {
        Intercepted::new(port, self.interceptor())
    }

    /// Returns a background whose work is an action of its own. Outside of an exploration it does work at once.
    pub fn background(&self) -> Arc<dyn Background> {
        Arc::clone(&self.turnstile) as _
    }

    /// Runs a future outside of an exploration, to prepare the world or to inspect it.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Runs every schedule. `start` renews the world and returns the actions, in the same order each time; `check` gets
    /// their results, and returns a message if they are wrong.
    ///
    /// # Panics
    ///
    /// When an action waits for something that is neither a call nor a blocking thread.
    pub fn explore<T: 'static>(
        &self,
        mut start: impl FnMut() -> Vec<Actor<T>>,
        mut check: impl FnMut(Vec<T>) -> Result<(), String>,
    ) -> Explored {
        let mut explored = Explored::default();
        let mut path: Vec<Node> = vec![];
        loop {
            if let Some((outcomes, schedule)) = self.run(start(), &mut path) {
                explored.schedules += 1;
                if let Err(message) = check(outcomes) {
                    explored.violations.push(Violation { message, schedule });
                }
            }
            loop {
                let Some(node) = path.last_mut() else {
                    return explored;
                };
                node.asleep[node.actor] = true;
                if node.choose() {
                    break;
                }
                path.pop();
            }
            if explored.schedules == self.limit {
                explored.capped = true;
                return explored;
            }
        }
    }

    /// Runs one schedule: at each call the action goes on that the list says; after its end, the first one that can.
    ///
    /// # Panics
    ///
    /// When the list names an action that cannot go on.
    pub fn replay<T: 'static>(&self, actors: Vec<Actor<T>>, schedule: &[usize]) -> Vec<T> {
        let mut running = Running::new(self, actors);
        let mut schedule = schedule.iter();
        while let Some(first) = running.next().iter().position(Option::is_some) {
            running.go_on(*schedule.next().unwrap_or(&first));
        }
        running.end()
    }

    /// Runs the schedule that begins as the path says and then takes the first choice each time, which it adds to the
    /// path. `None` when a schedule that comes to the same was run before.
    fn run<T: 'static>(
        &self,
        actors: Vec<Actor<T>>,
        path: &mut Vec<Node>,
    ) -> Option<(Vec<T>, Schedule)> {
        let mut running = Running::new(self, actors);
        let mut schedule = vec![];
        loop {
            let next = running.next();
            if next.iter().all(Option::is_none) {
                return Some((running.end(), schedule));
            }
            let depth = schedule.len();
            if depth == path.len() {
                let mut asleep = match path.last() {
                    Some(before) if self.reduces => before.asleep_after(),
                    _ => vec![],
                };
                asleep.resize(next.len(), false);
                path.push(Node::new(next, asleep)?);
            }
            let Node { next, actor, .. } = &path[depth];
            let call = next[*actor].clone();
            schedule.push((*actor, call.expect("the chosen action has a next call")));
            running.go_on(*actor);
        }
    }
}

/// Actions that have begun, each at its next call or at its end.
struct Running<'a, T> {
    explorer: &'a Explorer,
    /// First those that were given, then work in the background, which has no outcome.
    actors: Vec<Actor<Option<T>>>,
    /// Of those that have ended.
    outcomes: Vec<Option<Option<T>>>,
}

impl<'a, T: 'static> Running<'a, T> {
    fn new(explorer: &'a Explorer, actors: Vec<Actor<T>>) -> Self {
        explorer.turnstile.begin(actors.len());
        let actors = actors
            .into_iter()
            .map(|actor| Box::pin(async move { Some(actor.await) }) as Actor<Option<T>>);
        let actors: Vec<_> = actors.collect();
        let given = actors.len();
        let mut running = Self {
            explorer,
            outcomes: actors.iter().map(|_| None).collect(),
            actors,
        };
        for actor in 0..given {
            running.run_to_next_call(actor);
        }
        running
    }

    fn next(&self) -> Vec<Option<Call>> {
        self.explorer.turnstile.waiting()
    }

    /// Has an action make the call that it waits with.
    fn go_on(&mut self, actor: usize) {
        self.explorer.turnstile.let_through(actor);
        self.run_to_next_call(actor);
    }

    fn run_to_next_call(&mut self, actor: usize) {
        self.run_alone_to_next_call(actor);
        while let Some(work) = self.explorer.turnstile.next_work() {
            self.actors.push(Box::pin(async move {
                work.await;
                None
            }));
            self.outcomes.push(None);
            self.run_alone_to_next_call(self.actors.len() - 1);
        }
    }

    fn run_alone_to_next_call(&mut self, actor: usize) {
        let Explorer {
            turnstile, runtime, ..
        } = self.explorer;
        let _time_and_blocking_threads = runtime.enter();
        let _whose_calls = turnstile.enter(actor);
        let waiter = Arc::new(Waiter::default());
        let waker = Waker::from(Arc::clone(&waiter));
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(outcome) = self.actors[actor].as_mut().poll(&mut context) {
                self.outcomes[actor] = Some(outcome);
                return;
            }
            if turnstile.is_waiting(actor) {
                return;
            }
            waiter.wait();
        }
    }

    fn end(mut self) -> Vec<T> {
        let outcomes = std::mem::take(&mut self.outcomes);
        outcomes
            .into_iter()
            .filter_map(|outcome| outcome.expect("an action without a next call has ended"))
            .collect()
    }
}

impl<T> fmt::Debug for Running<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

impl<T> Drop for Running<'_, T> {
    fn drop(&mut self) {
        self.explorer.turnstile.open();
    }
}
