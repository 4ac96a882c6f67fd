//! A model of the server written from the protocol: single-threaded, with only the failures given to it. It shares no code with
//! the real server.

use std::collections::HashMap;

use faroe_core::email::EmailFate;

const MINUTE: i64 = 60_000;

/// The kind of a record, in the order of [`Kind::TOKENS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Signup,
    Signin,
    Session,
    EmailAddressUpdate,
    PasswordUpdate,
    Deletion,
    PasswordReset,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] = [
        Self::Signup,
        Self::Signin,
        Self::Session,
        Self::EmailAddressUpdate,
        Self::PasswordUpdate,
        Self::Deletion,
        Self::PasswordReset,
    ];

    /// Returns the name of the argument for its token.
    pub(crate) fn token(self) -> &'static str {
        match self {
            Self::Signup => "signup_token",
            Self::Signin => "signin_token",
            Self::Session => "session_token",
            Self::EmailAddressUpdate => "user_email_address_update_token",
            Self::PasswordUpdate => "user_password_update_token",
            Self::Deletion => "user_deletion_token",
            Self::PasswordReset => "user_password_reset_token",
        }
    }

    fn minutes(self) -> i64 {
        match self {
            Self::Signup | Self::EmailAddressUpdate | Self::PasswordReset => 20,
            Self::Signin | Self::PasswordUpdate | Self::Deletion => 10,
            Self::Session => 30 * 24 * 60,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct User {
    pub(crate) email_address: String,
    pub(crate) password: String,
    pub(crate) disabled: bool,
    pub(crate) deleted: bool,
    /// The number of changes of each.
    pub(crate) disabled_changes: u32,
    address_changes: u32,
    password_changes: u32,
    sessions_changes: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) kind: Kind,
    /// The token, as returned by the real server.
    pub(crate) token: String,
    /// The sent code or temporary password.
    pub(crate) secret: String,
    pub(crate) email_address: String,
    pub(crate) user: usize,
    pub(crate) session: usize,
    /// True if the address is verified.
    pub(crate) address_verified: bool,
    /// True if the password or the temporary password is verified.
    pub(crate) identity_verified: bool,
    pub(crate) new_password: Option<String>,
    weak_passwords: u32,
    pub(crate) removed: bool,
    lives_from: i64,
    remembered: User,
}

/// A failure in the middle of an action. It occurs once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The first call of a dependency fails.
    FirstCall,
    /// The first call of a dependency reports a lost race.
    FirstConflict,
    /// The next record cannot be stored.
    Storing,
}

/// The arguments of an action.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) action: &'static str,
    pub(crate) arguments: HashMap<&'static str, String>,
    pub(crate) fault: Fault,
}

type Answer = Result<(), &'static str>;

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) now: i64,
    pub(crate) users: Vec<User>,
    pub(crate) records: Vec<Record>,
    pub(crate) addresses_refused: bool,
    pub(crate) mail_fate: Option<EmailFate>,
    /// The level in milliseconds and its time, by the limit's key.
    buckets: HashMap<String, (i64, i64)>,
    fault: Fault,
}

/// The time after which one more email can be sent to an address.
const EMAIL: i64 = 30 * MINUTE;

fn email_key(email_address: &str) -> String {
    format!("email {}", email_address.to_lowercase())
}

impl Model {
    pub(crate) fn new(now: i64) -> Self {
        Self {
            now,
            users: vec![],
            records: vec![],
            addresses_refused: false,
            mail_fate: None,
            buckets: HashMap::new(),
            fault: Fault::None,
        }
    }

    /// Answers a request with `Ok` or an error code. A created record becomes the last one.
    pub(crate) fn answer(&mut self, request: &Request) -> Answer {
        self.fault = request.fault;
        let argument = |name: &str| request.arguments.get(name).map_or("", String::as_str);
        let action = request.action;
        let kind_of = |token: &str| Kind::ALL.into_iter().find(|kind| kind.token() == token);
        let mut tokens = [
            "signup_token",
            "signin_token",
            "user_email_address_update_token",
            "user_password_update_token",
            "user_deletion_token",
            "user_password_reset_token",
        ]
        .into_iter();
        let flow_token = tokens.find(|token| request.arguments.contains_key(token));
        match action {
            "create_signup" => return self.create_signup(argument("email_address")),
            "create_signin" => return self.create_signin(argument("user_email_address")),
            "create_user_password_reset" => {
                return self.create_reset(argument("user_email_address"));
            }
            "create_user_email_address_update" => {
                return self.create_address_update(
                    argument("session_token"),
                    argument("new_email_address"),
                );
            }
            "create_user_password_update" => {
                return self.create_of_session(Kind::PasswordUpdate, argument("session_token"));
            }
            "create_user_deletion" => {
                return self.create_of_session(Kind::Deletion, argument("session_token"));
            }
            _ => {}
        }
        let Some(flow_token) = flow_token else {
            let session = self.session(argument("session_token"))?;
            return self.session_action(action, session);
        };
        let kind = kind_of(flow_token).unwrap();
        let flow = match kind {
            Kind::Signup => self
                .find(kind, argument(flow_token))?
                .ok_or("invalid_signup_token")?,
            Kind::Signin => self
                .user_flow(kind, argument(flow_token))?
                .ok_or("invalid_signin_token")?,
            Kind::PasswordReset => self
                .user_flow(kind, argument(flow_token))?
                .ok_or("invalid_user_password_reset_token")?,
            _ => self.session_flow(kind, argument("session_token"), argument(flow_token))?,
        };
        let code = argument("email_address_verification_code");
        match action.split('_').next().unwrap() {
            "get" => Ok(()),
            "delete" => {
                self.records[flow].removed = true;
                Ok(())
            }
            "send" => self.send_again(flow),
            "verify"
                if request
                    .arguments
                    .contains_key("email_address_verification_code") =>
            {
                self.verify_code(flow, code)
            }
            "verify" if kind == Kind::PasswordReset => {
                self.verify_temporary_password(flow, argument("temporary_password"))
            }
            "verify" => self.verify_password(flow, argument("password")),
            "set" => self.set_password(flow, argument("password")),
            _ => self.complete(flow),
        }
    }

    /// Marks the first call of a dependency.
    fn call(&mut self) -> Answer {
        match self.fault {
            Fault::FirstCall => Err("internal_error"),
            Fault::FirstConflict => Err("internal_conflict"),
            _ => Ok(()),
        }
    }

    /// Returns the record of a valid token.
    fn find(&mut self, kind: Kind, token: &str) -> Result<Option<usize>, &'static str> {
        let Some((id, secret)) = token.split_once('.') else {
            return Ok(None);
        };
        if id.len() != 24 || secret.len() != 24 {
            return Ok(None);
        }
        self.call()?;
        let mut records = self.records.iter();
        let found = records
            .position(|record| record.kind == kind && record.token == token && !record.removed);
        let Some(found) = found else { return Ok(None) };
        let record = &mut self.records[found];
        if self.now >= record.lives_from + kind.minutes() * MINUTE {
            record.removed = true;
            return Ok(None);
        }
        Ok(Some(found))
    }

    /// Checks whether no event of its user has ended the record.
    fn is_unchanged(&self, record: &Record) -> bool {
        let (then, now) = (&record.remembered, &self.users[record.user]);
        let address = matches!(record.kind, Kind::EmailAddressUpdate | Kind::PasswordReset);
        let session = record.kind == Kind::Session;
        !now.deleted
            && !now.disabled
            && now.disabled_changes == then.disabled_changes
            && (session || now.password_changes == then.password_changes)
            && (!session || now.sessions_changes == then.sessions_changes)
            && (!address || now.address_changes == then.address_changes)
    }

    fn user_flow(&mut self, kind: Kind, token: &str) -> Result<Option<usize>, &'static str> {
        let Some(flow) = self.find(kind, token)? else {
            return Ok(None);
        };
        if !self.is_unchanged(&self.records[flow]) {
            self.records[flow].removed = true;
            return Ok(None);
        }
        Ok(Some(flow))
    }

    fn session(&mut self, token: &str) -> Result<usize, &'static str> {
        let session = self
            .user_flow(Kind::Session, token)?
            .ok_or("invalid_session_token")?;
        let used = &mut self.records[session].lives_from;
        if *used + MINUTE <= self.now {
            *used = self.now;
        }
        Ok(session)
    }

    fn session_flow(
        &mut self,
        kind: Kind,
        session: &str,
        token: &str,
    ) -> Result<usize, &'static str> {
        let session = self.session(session)?;
        let invalid = match kind {
            Kind::EmailAddressUpdate => "invalid_user_email_address_update_token",
            Kind::PasswordUpdate => "invalid_password_update_token",
            _ => "invalid_user_deletion_token",
        };
        let flow = self.user_flow(kind, token)?.ok_or(invalid)?;
        if self.records[flow].session != session {
            return Err("session_mismatch");
        }
        Ok(flow)
    }

    fn create(&mut self, kind: Kind, user: usize, session: usize, email_address: &str) -> Answer {
        if self.fault == Fault::Storing {
            return Err("internal_error");
        }
        self.records.push(Record {
            kind,
            token: String::new(),
            secret: String::new(),
            email_address: email_address.to_owned(),
            user,
            session,
            address_verified: false,
            identity_verified: false,
            new_password: None,
            weak_passwords: 0,
            removed: false,
            lives_from: self.now,
            remembered: self.users.get(user).cloned().unwrap_or_default(),
        });
        Ok(())
    }

    fn user_with(&self, email_address: &str) -> Option<usize> {
        let mut users = self.users.iter();
        users.position(|user| !user.deleted && user.email_address == email_address)
    }

    /// Returns the level of a bucket of five at this time, in milliseconds.
    fn level(&self, key: &str, interval: i64) -> i64 {
        let full = (5 * interval, self.now);
        let (level, then) = self.buckets.get(key).copied().unwrap_or(full);
        (level + self.now - then).min(5 * interval)
    }

    fn consume(&mut self, key: String, interval: i64) -> Answer {
        let level = self.level(&key, interval);
        if level < interval {
            return Err("rate_limited");
        }
        self.buckets.insert(key, (level - interval, self.now));
        Ok(())
    }

    /// Counts a flow that begins without an email.
    fn begin(&mut self, key: String) -> Answer {
        self.consume(key, MINUTE).map_err(|_| "overloaded")
    }

    fn consume_email(&mut self, email_address: &str) -> Answer {
        self.consume(email_key(email_address), EMAIL)
    }

    /// Answers the creation of a record. If its email cannot be sent, the record is deleted.
    fn created_and_sent(&mut self, email_address: &str) -> Answer {
        let sent = self.sent(email_address);
        if sent.is_err() {
            self.records.pop();
        }
        sent
    }

    /// Answers the sending of an email. One that was certainly not accepted is given back, and no part of the next.
    fn sent(&mut self, email_address: &str) -> Answer {
        let Some(fate) = self.mail_fate else {
            return Ok(());
        };
        if fate == EmailFate::NotAccepted {
            let key = email_key(email_address);
            let emails = self.level(&key, EMAIL) / EMAIL + 1;
            self.buckets.insert(key, (emails * EMAIL, self.now));
        }
        Err("internal_error")
    }

    fn new_address(&mut self, email_address: &str) -> Answer {
        if self.user_with(email_address).is_some() {
            return Err("email_address_already_used");
        }
        if self.addresses_refused {
            return Err("email_address_not_allowed");
        }
        self.consume_email(email_address)
    }

    fn create_signup(&mut self, email_address: &str) -> Answer {
        valid(email_address)?;
        self.call()?;
        self.new_address(email_address)?;
        self.create(Kind::Signup, usize::MAX, usize::MAX, email_address)?;
        self.created_and_sent(email_address)
    }

    fn create_address_update(&mut self, session: &str, email_address: &str) -> Answer {
        valid(email_address)?;
        let session = self.session(session)?;
        self.new_address(email_address)?;
        let user = self.records[session].user;
        self.create(Kind::EmailAddressUpdate, user, session, email_address)?;
        self.created_and_sent(email_address)
    }

    fn enabled_user(&mut self, email_address: &str) -> Result<usize, &'static str> {
        valid(email_address)?;
        self.call()?;
        let user = self.user_with(email_address).ok_or("user_not_found")?;
        if self.users[user].disabled {
            return Err("user_disabled");
        }
        Ok(user)
    }

    fn create_signin(&mut self, email_address: &str) -> Answer {
        let user = self.enabled_user(email_address)?;
        self.begin(format!("signins {user}"))?;
        self.create(Kind::Signin, user, usize::MAX, "")
    }

    fn create_of_session(&mut self, kind: Kind, session: &str) -> Answer {
        let session = self.session(session)?;
        let user = self.records[session].user;
        self.begin(format!("flows of sessions {user}"))?;
        self.create(kind, user, session, "")
    }

    fn create_reset(&mut self, email_address: &str) -> Answer {
        let user = self.enabled_user(email_address)?;
        self.consume_email(email_address)?;
        self.create(Kind::PasswordReset, user, usize::MAX, email_address)?;
        self.created_and_sent(email_address)
    }

    fn session_action(&mut self, action: &str, session: usize) -> Answer {
        if action == "delete_all_sessions" {
            let user = self.records[session].user;
            self.users[user].sessions_changes += 1;
        }
        self.records[session].removed |= action != "get_session";
        Ok(())
    }

    fn send_again(&mut self, flow: usize) -> Answer {
        if self.records[flow].address_verified {
            return Err("email_address_already_verified");
        }
        if self.level(&format!("attempts {flow}"), MINUTE) < MINUTE {
            return Err("rate_limited");
        }
        let email_address = self.records[flow].email_address.clone();
        self.consume_email(&email_address)?;
        self.sent(&email_address)
    }

    fn verify_code(&mut self, flow: usize, code: &str) -> Answer {
        if self.records[flow].address_verified {
            return Err("email_address_already_verified");
        }
        self.consume(format!("attempts {flow}"), MINUTE)?;
        if self.records[flow].secret != code {
            return Err("incorrect_email_address_verification_code");
        }
        self.records[flow].address_verified = true;
        Ok(())
    }

    fn verify_temporary_password(&mut self, flow: usize, password: &str) -> Answer {
        if self.records[flow].identity_verified {
            return Err("user_first_factor_already_verified");
        }
        self.consume(format!("attempts {flow}"), MINUTE)?;
        if self.records[flow].secret != password {
            return Err("incorrect_temporary_password");
        }
        self.records[flow].identity_verified = true;
        Ok(())
    }

    fn verify_password(&mut self, flow: usize, password: &str) -> Answer {
        let Record { kind, user, .. } = self.records[flow];
        if kind == Kind::EmailAddressUpdate && !self.records[flow].address_verified {
            return Err("email_address_not_verified");
        }
        if self.records[flow].identity_verified {
            return Err(match kind {
                Kind::Signin => "user_first_factor_already_verified",
                _ => "user_identity_already_verified",
            });
        }
        self.consume(format!("password {user}"), MINUTE)?;
        if self.users[user].password != password {
            return Err("incorrect_password");
        }
        self.records[flow].identity_verified = true;
        Ok(())
    }

    /// Checks whether a flow's first step was verified. The answer is an error code if it was not.
    fn verified(&self, flow: usize) -> Answer {
        let Record {
            kind,
            address_verified,
            identity_verified,
            ..
        } = self.records[flow];
        let takes_address = matches!(kind, Kind::Signup | Kind::EmailAddressUpdate);
        if takes_address && !address_verified {
            return Err("email_address_not_verified");
        }
        match kind {
            Kind::Signup => Ok(()),
            _ if identity_verified => Ok(()),
            Kind::Signin | Kind::PasswordReset => Err("user_first_factor_not_verified"),
            _ => Err("user_identity_not_verified"),
        }
    }

    fn set_password(&mut self, flow: usize, password: &str) -> Answer {
        self.verified(flow)?;
        if self.records[flow].new_password.is_some() {
            return Err(match self.records[flow].kind {
                Kind::Signup => "password_already_set",
                _ => "new_password_already_set",
            });
        }
        if !(10..=100).contains(&password.chars().count()) {
            return Err("invalid_password_length");
        }
        let is_same = self.records[flow].kind == Kind::PasswordUpdate
            && self.users[self.records[flow].user].password == password;
        if password.starts_with("weak") || is_same {
            let record = &mut self.records[flow];
            record.weak_passwords += 1;
            if record.weak_passwords < 10 {
                return Err("weak_password");
            }
            record.removed = true;
            return Err(match record.kind {
                Kind::Signup => "invalid_signup_token",
                Kind::PasswordUpdate => "invalid_password_update_token",
                _ => "invalid_user_password_reset_token",
            });
        }
        self.records[flow].new_password = Some(password.to_owned());
        Ok(())
    }

    fn complete(&mut self, flow: usize) -> Answer {
        self.verified(flow)?;
        let Record {
            kind,
            user,
            session,
            ..
        } = self.records[flow];
        let email_address = self.records[flow].email_address.clone();
        let new_password = self.records[flow].new_password.clone();
        let takes_address = matches!(kind, Kind::Signup | Kind::EmailAddressUpdate);
        let takes_password = matches!(
            kind,
            Kind::Signup | Kind::PasswordUpdate | Kind::PasswordReset
        );
        if takes_password && new_password.is_none() {
            return Err(match kind {
                Kind::Signup => "password_not_set",
                _ => "new_password_not_set",
            });
        }
        self.records[flow].removed = true;
        let taken = self
            .user_with(&email_address)
            .is_some_and(|holder| holder != user);
        if takes_address && (self.addresses_refused || taken) {
            return Err(match kind {
                Kind::Signup => "invalid_signup_token",
                _ => "invalid_user_email_address_update_token",
            });
        }
        let not_created = |_| "session_not_created";
        match kind {
            Kind::Signup => {
                let password = new_password.unwrap();
                self.users.push(User {
                    email_address,
                    password,
                    ..User::default()
                });
                let user = self.users.len() - 1;
                self.create(Kind::Session, user, usize::MAX, "")
                    .map_err(not_created)
            }
            Kind::Signin => self.create(Kind::Session, user, usize::MAX, ""),
            Kind::EmailAddressUpdate => {
                self.users[user].email_address = email_address;
                self.users[user].address_changes += 1;
                Ok(())
            }
            Kind::PasswordUpdate | Kind::PasswordReset => {
                self.users[user].password = new_password.unwrap();
                self.users[user].password_changes += 1;
                // All sessions of the user end but the one that has changed the password.
                self.users[user].sessions_changes += 1;
                if let Some(acting) = self.records.get_mut(session) {
                    acting.remembered.sessions_changes += 1;
                }
                if kind == Kind::PasswordUpdate {
                    return Ok(());
                }
                self.create(Kind::Session, user, usize::MAX, "")
                    .map_err(not_created)
            }
            Kind::Deletion => {
                self.users[user].deleted = true;
                self.records[session].removed = true;
                Ok(())
            }
            Kind::Session => unreachable!("a session is not completed"),
        }
    }
}

fn valid(email_address: &str) -> Answer {
    if email_address.contains(' ') {
        Err("invalid_email_address")
    } else {
        Ok(())
    }
}
