//! The suite of [`UserStore`].

use std::sync::Arc;

use faroe_core::{
    password::PasswordHash,
    user_store::{CreateUserOutcome, NewUser, User, UserId, UserStore},
};

use super::{
    Suite,
    case::{CaseResult, Failure, equal, random},
};

mod addresses;
mod changes;
mod fields;
mod letter_case;
mod lookups;
mod races;

/// The suite of [`UserStore`], for a store whose users start enabled and with all counters 0.
pub fn user_store<S: UserStore>(
    name: impl Into<String>,
    open: impl AsyncFn() -> S + Send + Sync + 'static,
) -> Suite {
    let open = Arc::new(open);
    let mut suite = Suite::new(name);
    for cases in [
        lookups::CASES,
        addresses::CASES,
        changes::CASES,
        races::CASES,
        fields::CASES_WITHOUT,
    ] {
        suite = suite.with_cases(cases, &open, |users| Arc::new(users));
    }
    suite
}

/// The suite of [`UserStore`], like [`user_store`], for a store that ignores the letter case of addresses.
pub fn user_store_ignoring_case<S: UserStore>(
    name: impl Into<String>,
    open: impl AsyncFn() -> S + Send + Sync + 'static,
) -> Suite {
    let open = Arc::new(open);
    let mut suite = Suite::new(name);
    for cases in [letter_case::CASES, changes::CASES, races::CASES] {
        suite = suite.with_cases(cases, &open, |users| Arc::new(users));
    }
    suite
}

/// The suite of the fields of new users, for a [`UserStore`] that knows these: `full_name`, a mandatory text of at most 100
/// characters; `username`, a unique text; `age`, an integer of 32 bits or more that is not negative; and `newsletter`, a
/// boolean.
///
/// Reading is not part of the contract: test with the store's own means what was stored.
pub fn user_store_with_fields<S: UserStore>(
    name: impl Into<String>,
    open: impl AsyncFn() -> S + Send + Sync + 'static,
) -> Suite {
    let open = Arc::new(open);
    Suite::new(name).with_cases(fields::CASES, &open, |users| Arc::new(users))
}

/// Returns a valid address that no user has.
fn address() -> String {
    format!("{}@example.com", random())
}

/// Returns a password hash that contains every byte; `variant` selects a different one.
fn password_hash(variant: u8) -> PasswordHash {
    let every_byte = (0..=u8::MAX).map(|byte| byte.wrapping_add(variant));
    PasswordHash {
        algorithm_id: format!("algorithm.{variant}"),
        salt: vec![0, variant, 0, b'\'', b'\\', 0xff].into(),
        hash: every_byte.collect::<Vec<u8>>().into(),
    }
}

async fn create(users: &dyn UserStore, address: &str) -> Result<User, Failure> {
    match users
        .create_user(NewUser::new(address, password_hash(0)))
        .await?
    {
        CreateUserOutcome::Created(user) => Ok(user),
        CreateUserOutcome::EmailAddressAlreadyUsed => {
            Err(Failure::new("an address that nobody has counts as used"))
        }
        other => Err(Failure::new(format!("unexpected outcome {other:?}"))),
    }
}

/// Fails unless the store returns exactly this user, by ID and by address.
async fn shows(users: &dyn UserStore, user: &User) -> CaseResult {
    let expected = Some(in_parts(user.clone()));
    let found = users.get_user(&user.id).await?;
    equal(&found.map(in_parts), &expected)?;
    let found = users.get_user_by_email_address(&user.email_address);
    equal(&found.await?.map(in_parts), &expected)
}

/// Returns the user with a hash in parts: a store may keep it as a text.
fn in_parts(mut user: User) -> User {
    let hash = PasswordHash::from(&user).to_parts().into_owned();
    user.password_hash_algorithm_id = hash.algorithm_id;
    user.password_salt = hash.salt;
    user.password_hash = hash.hash;
    user
}

/// Returns IDs that are similar to this one, and texts that cannot be an ID.
fn odd_ids(id: &UserId) -> Vec<UserId> {
    let id = id.as_str();
    let odd = [
        String::new(),
        "x".repeat(10_000),
        "\0".into(),
        format!("{id}\0"),
        format!("{id} "),
        format!(" {id}"),
        format!("0{id}"),
        format!("+{id}"),
        format!("{id}.0"),
        format!("{id}' OR '1'='1"),
        id.to_uppercase(),
        id.to_lowercase(),
        "-1".into(),
        "1e3".into(),
        "99999999999999999999999".into(),
        "no such user".into(),
        "ünïcödé".into(),
        random(),
    ];
    let odd = odd.into_iter().filter(|odd| odd != id);
    odd.map(UserId::from).collect()
}
