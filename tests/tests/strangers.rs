//! Attacks of strangers on one address for a day of virtual time, and their effect on its owner, with and without a limit for each
//! IP address. The test compares the figures in SECURITY.md.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fmt, fs, net::IpAddr, path::Path, time::Duration};

use faroe_axum::ip_rate_limit::{FakeRelativeClock, IpRateLimit, IpRateLimitOptions};
use faroe_core::{
    ServerAction,
    protocol::{
        action::Action,
        secret::{SigninToken, SignupToken, UserPasswordResetToken},
        signin::{CreateSignin, VerifySigninUserPassword},
        signup::{CreateSignup, VerifySignupEmailAddressVerificationCode},
        user_password_reset::{CreateUserPasswordReset, VerifyUserPasswordResetTemporaryPassword},
    },
};
use faroe_testkit::promise;
use faroe_tests::{
    client::{PASSWORD, Session, WRONG_PASSWORD},
    server::TestServer,
};

const DAY: u64 = 24 * 60 * 60;
/// The interval of requests of strangers who guess, in seconds. More frequent guesses achieve little more, because the
/// attempts come back once a minute or more slowly.
const STRANGERS_ASK_EVERY: u64 = 10;
/// The requests of a flood in a second.
const FLOOD: u32 = 1_000;
/// The interval of the owner's tries, in seconds. The owner visits once an hour, and gives up after ten minutes.
const OWNER_COMES_EVERY: u64 = 60 * 60;
const OWNER_TRIES_EVERY: u64 = 20;
const OWNER_GIVES_UP_AFTER: u64 = 10 * 60;

const ADDRESS: &str = "ada@example.com";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    SignUp,
    SignIn,
    ResetThePassword,
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SignUp => "sign up",
            Self::SignIn => "sign in",
            Self::ResetThePassword => "reset the password",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strategy {
    /// They guess in one flow until it ends.
    OneFlow,
    /// They begin a flow for every guess.
    ManyFlows,
    /// They begin as many flows as they can, and guess nothing.
    Flood,
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneFlow => "in one flow",
            Self::ManyFlows => "in a new flow each",
            Self::Flood => "nothing: 1,000 new flows a second",
        })
    }
}

#[derive(Clone, Copy, Debug)]
struct Scenario {
    goal: Goal,
    strategy: Strategy,
    /// Returns the number of IP addresses of the strangers.
    strangers: u32,
}

/// A flow that waits for a secret.
#[derive(Clone, Debug)]
enum Flow {
    Signup(SignupToken),
    Signin(SigninToken),
    Reset(UserPasswordResetToken),
}

/// The reason why a flow was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    /// The limit of the IP address.
    AtTheDoor,
    /// A limit of the server.
    Inside,
}

/// The outcome of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    Right,
    Wrong,
    /// A limit is exhausted, and the secret was not checked.
    Limited,
    /// The flow is over.
    Over,
}

/// A server that limits IP addresses, with one clock for all.
struct Town {
    server: TestServer,
    door: Option<(IpRateLimit<FakeRelativeClock>, FakeRelativeClock)>,
    goal: Goal,
    /// The owner's session on another device.
    session: Option<Session>,
}

impl Town {
    async fn start(goal: Goal, limits_ip_addresses: bool) -> Self {
        let server = TestServer::start().await;
        let session = match goal {
            Goal::SignUp => None,
            Goal::SignIn | Goal::ResetThePassword => Some(server.sign_up(ADDRESS).await),
        };
        // All attempts are available again.
        server.clock.advance(Duration::from_secs(DAY));
        server.mailbox.take_messages();
        let door = limits_ip_addresses.then(|| {
            let clock = FakeRelativeClock::default();
            let limit = IpRateLimit::with_clock(IpRateLimitOptions::default(), clock.clone());
            (limit.unwrap(), clock)
        });
        Self {
            server,
            door,
            goal,
            session,
        }
    }

    fn advance(&self, seconds: u64) {
        let time = Duration::from_secs(seconds);
        self.server.clock.advance(time);
        if let Some((_, clock)) = &self.door {
            clock.advance(time);
        }
    }

    /// Sends a request from an IP address. `Err` is the error code, `overloaded`, or `refused_ip_address`.
    async fn ask<A: ServerAction>(
        &self,
        from: IpAddr,
        action: A,
    ) -> Result<<A as Action>::Values, &'static str> {
        let is_let_in = |door: &(IpRateLimit<_>, _)| door.0.check_attempt(from).is_ok();
        if !self.door.as_ref().is_none_or(is_let_in) {
            return Err("refused_ip_address");
        }
        let answer = self.server.server.invoke(action).await;
        answer.map_err(|error| error.kind.error_code().unwrap_or("overloaded"))
    }

    /// Begins a flow towards the goal, unless a limit forbids it.
    async fn begin(&self, from: IpAddr) -> Result<Flow, Refused> {
        let begun = match self.goal {
            Goal::SignUp => {
                let email_address = ADDRESS.to_owned();
                let signup = self.ask(from, CreateSignup { email_address }).await;
                signup.map(|signup| Flow::Signup(signup.signup_token))
            }
            Goal::SignIn => {
                let user_email_address = ADDRESS.to_owned();
                let signin = self.ask(from, CreateSignin { user_email_address }).await;
                signin.map(|signin| Flow::Signin(signin.signin_token))
            }
            Goal::ResetThePassword => {
                let create = CreateUserPasswordReset {
                    user_email_address: ADDRESS.to_owned(),
                };
                let reset = self.ask(from, create).await;
                reset.map(|reset| Flow::Reset(reset.user_password_reset_token))
            }
        };
        begun.map_err(|code| match (code, self.goal) {
            ("refused_ip_address", _) => Refused::AtTheDoor,
            ("overloaded", Goal::SignIn) | ("rate_limited", _) => Refused::Inside,
            (code, _) => panic!("{code}"),
        })
    }

    /// Enters a secret: the right one, which only the owner knows, or a wrong one.
    async fn enter(&self, from: IpAddr, flow: &Flow, right: Option<&str>) -> Attempt {
        let code = match flow.clone() {
            Flow::Signup(signup_token) => {
                let verify = VerifySignupEmailAddressVerificationCode {
                    signup_token,
                    email_address_verification_code: right.unwrap_or("22222222").into(),
                };
                self.ask(from, verify).await.err()
            }
            Flow::Signin(signin_token) => {
                let verify = VerifySigninUserPassword {
                    signin_token,
                    password: right.unwrap_or(WRONG_PASSWORD).into(),
                };
                self.ask(from, verify).await.err()
            }
            Flow::Reset(user_password_reset_token) => {
                let verify = VerifyUserPasswordResetTemporaryPassword {
                    user_password_reset_token,
                    temporary_password: right.unwrap_or("2222222222222222").into(),
                };
                self.ask(from, verify).await.err()
            }
        };
        match code {
            None => Attempt::Right,
            Some("rate_limited" | "refused_ip_address") => Attempt::Limited,
            Some(code) if code.starts_with("incorrect_") => Attempt::Wrong,
            Some(code) => {
                assert!(code.starts_with("invalid_"), "{code}");
                Attempt::Over
            }
        }
    }

    /// Returns the secret in the last email of the flow, or the user's password.
    async fn right_secret(&self, flow: &Flow) -> String {
        match flow {
            Flow::Signup(_) => self.server.inbox.last_code(ADDRESS).await,
            Flow::Signin(_) => PASSWORD.to_owned(),
            Flow::Reset(_) => self.server.inbox.last_temporary_password(ADDRESS).await,
        }
    }
}

/// A generator of the same random numbers in every run: MINSTD by Park and Miller.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0 * 48_271 % 2_147_483_647;
        self.0
    }
}

/// Strangers who use their addresses in turn.
struct Strangers {
    scenario: Scenario,
    random: Random,
    acts_at: u64,
    turns: u32,
    flow: Option<Flow>,
    guesses: u32,
}

impl Strangers {
    fn new(scenario: Scenario) -> Self {
        Self {
            scenario,
            random: Random(7),
            acts_at: 0,
            turns: 0,
            flow: None,
            guesses: 0,
        }
    }

    /// Returns the next IP address.
    fn next_address(&mut self) -> IpAddr {
        let turn = self.turns % self.scenario.strangers;
        self.turns += 1;
        IpAddr::from([198, 18, (turn >> 8) as u8, turn as u8])
    }

    /// Sends a second's flood. Once the server refuses a flow, it refuses all others of that second, for time stands still.
    async fn flood(&mut self, town: &Town) {
        let mut refused_addresses = 0;
        for _ in 0..FLOOD {
            let from = self.next_address();
            match town.begin(from).await {
                Ok(_) => refused_addresses = 0,
                Err(Refused::AtTheDoor) => refused_addresses += 1,
                Err(Refused::Inside) => return,
            }
            if refused_addresses == self.scenario.strangers {
                return;
            }
        }
    }

    async fn act(&mut self, town: &Town, now: u64) {
        if self.scenario.strategy == Strategy::Flood {
            return self.flood(town).await;
        }
        if now.is_multiple_of(STRANGERS_ASK_EVERY) {
            self.acts_at = now + self.random.next() % STRANGERS_ASK_EVERY;
        }
        if now != self.acts_at {
            return;
        }
        let from = self.next_address();
        if self.flow.is_none() || self.scenario.strategy == Strategy::ManyFlows {
            self.flow = town.begin(from).await.ok().or(self.flow.take());
        }
        let Some(flow) = &self.flow else { return };
        match town.enter(from, flow, None).await {
            Attempt::Wrong => self.guesses += 1,
            Attempt::Limited => {}
            Attempt::Over => self.flow = None,
            Attempt::Right => panic!("a stranger has guessed a secret"),
        }
    }
}

/// The owner, at their own IP address.
struct Owner {
    random: Random,
    comes_at: u64,
    /// The start of the current visit, and the flow that the owner has begun in it.
    visit: Option<(u64, Option<Flow>)>,
    /// The durations of the visits that reached the goal, in seconds.
    waits: Vec<u64>,
    visits: usize,
}

impl Owner {
    fn new() -> Self {
        Self {
            random: Random(11),
            comes_at: 0,
            visit: None,
            waits: Vec::new(),
            visits: 0,
        }
    }

    async fn act(&mut self, town: &Town, now: u64) {
        if now.is_multiple_of(OWNER_COMES_EVERY) {
            let latest = OWNER_COMES_EVERY - OWNER_GIVES_UP_AFTER;
            self.comes_at = now + self.random.next() % latest;
        }
        if now == self.comes_at {
            self.visit = Some((now, None));
            self.visits += 1;
        }
        let Some((came, flow)) = &mut self.visit else {
            return;
        };
        let waited = now - *came;
        if waited >= OWNER_GIVES_UP_AFTER {
            self.visit = None;
            return;
        }
        if !waited.is_multiple_of(OWNER_TRIES_EVERY) {
            return;
        }
        let from = IpAddr::from([203, 0, 113, 7]);
        if flow.is_none() {
            *flow = town.begin(from).await.ok();
        }
        let Some(flow) = flow else { return };
        let secret = town.right_secret(flow).await;
        match town.enter(from, flow, Some(&secret)).await {
            Attempt::Right => {
                self.waits.push(waited);
                self.visit = None;
            }
            // Requests of strangers count for the password of a user, never for a flow of others.
            Attempt::Limited => assert_eq!(town.goal, Goal::SignIn, "a stranger is in the way"),
            attempt => panic!("the owner's own secret is {attempt:?}"),
        }
    }
}

/// The result of a day.
#[derive(Debug)]
struct Day {
    visits: usize,
    /// The durations of the visits that reached the goal, in seconds, the shortest first.
    waits: Vec<u64>,
    guesses: u32,
    emails: usize,
}

async fn day(scenario: Scenario, limits_ip_addresses: bool) -> Day {
    let town = Town::start(scenario.goal, limits_ip_addresses).await;
    let mut owner = Owner::new();
    let mut strangers = Strangers::new(scenario);
    for now in 0..DAY {
        strangers.act(&town, now).await;
        owner.act(&town, now).await;
        town.advance(1);
    }
    if let Some(session) = &town.session {
        assert_eq!(town.server.session_state(session).await, "ok");
    }
    owner.waits.sort_unstable();
    Day {
        visits: owner.visits,
        waits: owner.waits,
        guesses: strangers.guesses,
        emails: town.server.mailbox.messages_to(ADDRESS).len(),
    }
}

impl Day {
    /// Returns the share of visits that reached the goal, and their median duration.
    fn reached(&self) -> String {
        let (reached, visits) = (self.waits.len(), self.visits);
        let half = self.waits.get(reached.saturating_sub(1) / 2);
        half.map_or(format!("0 of {visits}"), |half| {
            format!("{reached} of {visits}, {half} s")
        })
    }
}

fn scenarios() -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for goal in [Goal::SignUp, Goal::SignIn, Goal::ResetThePassword] {
        for strategy in [Strategy::OneFlow, Strategy::ManyFlows, Strategy::Flood] {
            scenarios.extend([1, 100].map(|strangers| Scenario {
                goal,
                strategy,
                strangers,
            }));
        }
    }
    scenarios
}

/// Returns the line of the table for one scenario, without and with a limit for each IP address.
async fn line(scenario: Scenario) -> String {
    let days = [day(scenario, false).await, day(scenario, true).await];
    for day in &days {
        let most_guesses = match scenario.goal {
            // Five at first, and one more every minute.
            Goal::SignIn => 5 + 24 * 60,
            // As many in each flow, and no more flows than emails.
            Goal::SignUp | Goal::ResetThePassword => (5 + 48) * 5 + 24 * 60,
        };
        assert!(day.guesses <= most_guesses, "{scenario:?}: {day:?}");
        assert!(day.emails <= 5 + 48, "{scenario:?}: {day:?}");
    }
    let Scenario {
        goal,
        strategy,
        strangers,
    } = scenario;
    let [without, with] = days;
    format!(
        "| {goal} | {strategy} | {strangers} | {} | {} | {} / {} | {} / {} |",
        without.reached(),
        with.reached(),
        without.guesses,
        with.guesses,
        without.emails,
        with.emails
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p11_strangers_do_not_use_up_the_attempts_of_an_owners_flow() {
    let lines: Vec<_> = scenarios()
        .into_iter()
        .map(|scenario| tokio::spawn(line(scenario)))
        .collect();
    let days = 2 * lines.len();
    let mut table = Vec::new();
    for line in lines {
        table.push(line.await.unwrap());
    }
    let table = table.join("\n");
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../SECURITY.md");
    let document = fs::read_to_string(document).unwrap();
    assert!(
        document.contains(&table),
        "SECURITY.md does not have these figures:\n{table}"
    );
    promise::report(
        "P77",
        format_args!(
            "{} days of a flood of {FLOOD} requests a second at one address",
            days / 3
        ),
    );
    promise::report(
        "P11",
        format_args!("{days} days of strangers at one address"),
    );
}
