use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    password::PasswordHash,
    user_store::{
        Counter, CreateUserOutcome, NewUser, UpdateUserEmailAddressOutcome, UpdateUserOutcome,
        User, UserId, UserStore,
    },
};
use faroe_testkit::conformance;

use crate::{Break, notices};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Defect {
    StartsDisabled,
    CutsTheHashAtNul,
    FindsByNoAddress,
    TrimsIds,
    FailsOnOddIds,
    UpdatesOddIds,
    FoldsAddresses,
    TrimsAddresses,
    CutsAddresses,
    TakesUsedAddresses,
    ReplacesTheUserOfAUsedAddress,
    KeepsTheOldAddressTaken,
    TakesTheOwnAddressForUsed,
    TakesTheOwnLetterCaseForUsed,
    IgnoresTheAddressCounter,
    KeepsAddressesOfTheDead,
    KeepsTheSalt,
    TakesTheSameHashForNoUpdate,
    IgnoresTheHashCounter,
    IncrementsEverybody,
    IgnoresTheSessionsCounter,
    ChecksThenIncrements,
    DeletesTwice,
    DeletesTheNeighbour,
    UsesIdsAgain,
    ChecksThenCreates,
    ChecksThenUpdatesTheAddress,
    ChecksThenDeletes,
    RevivesOnIncrement,
    AcceptsAnyField,
}

use Defect::*;

#[test]
fn every_case_of_user_store_notices_a_defect() {
    let table = [
        (
            AcceptsAnyField,
            "a_field_that_the_store_does_not_know_creates_no_user",
        ),
        (StartsDisabled, "a_new_user_is_as_it_was_created"),
        (CutsTheHashAtNul, "a_new_user_is_as_it_was_created"),
        (FindsByNoAddress, "a_new_user_is_found_by_id_and_by_address"),
        (TrimsIds, "an_odd_id_is_nobody"),
        (FailsOnOddIds, "an_odd_id_is_nobody"),
        (UpdatesOddIds, "a_change_of_an_odd_id_finds_nobody"),
        (FoldsAddresses, "an_odd_address_is_nobody"),
        (FoldsAddresses, "addresses_differ_byte_by_byte"),
        (TrimsAddresses, "addresses_differ_byte_by_byte"),
        (
            CutsAddresses,
            "an_address_of_100_bytes_with_every_character_is_kept",
        ),
        (
            TakesUsedAddresses,
            "an_address_that_is_used_is_refused_and_nothing_is_changed",
        ),
        (
            ReplacesTheUserOfAUsedAddress,
            "an_address_that_is_used_is_refused_and_nothing_is_changed",
        ),
        (
            KeepsTheOldAddressTaken,
            "an_address_update_frees_the_old_one",
        ),
        (
            TakesTheOwnAddressForUsed,
            "a_users_own_address_counts_as_free",
        ),
        (
            TakesTheOwnLetterCaseForUsed,
            "an_address_update_may_change_the_letter_case_only",
        ),
        (
            TakesUsedAddresses,
            "an_address_update_to_a_used_one_changes_nothing",
        ),
        (
            IgnoresTheAddressCounter,
            "an_address_update_with_another_counter_changes_nothing",
        ),
        (
            KeepsAddressesOfTheDead,
            "the_address_of_a_deleted_user_is_free",
        ),
        (
            KeepsTheSalt,
            "a_password_hash_update_changes_all_of_it_and_its_counter",
        ),
        (
            TakesTheSameHashForNoUpdate,
            "a_password_hash_update_to_the_same_one_counts_too",
        ),
        (
            IgnoresTheHashCounter,
            "a_password_hash_update_with_another_counter_changes_nothing",
        ),
        (
            IgnoresTheHashCounter,
            "of_racing_password_hash_updates_one_wins",
        ),
        (
            IncrementsEverybody,
            "an_increment_of_the_sessions_counter_changes_nothing_else",
        ),
        (
            IgnoresTheSessionsCounter,
            "an_increment_with_another_counter_changes_nothing",
        ),
        (
            IgnoresTheSessionsCounter,
            "of_racing_increments_with_one_counter_one_wins",
        ),
        (ChecksThenIncrements, "no_increment_is_lost"),
        (DeletesTwice, "a_deleted_user_is_gone_for_every_operation"),
        (DeletesTheNeighbour, "a_delete_touches_nobody_else"),
        (UsesIdsAgain, "an_id_is_never_used_again"),
        (
            ChecksThenCreates,
            "of_racing_creations_with_one_address_one_wins",
        ),
        (
            ChecksThenUpdatesTheAddress,
            "of_racing_updates_to_one_address_one_wins",
        ),
        (ChecksThenDeletes, "of_racing_deletes_one_wins"),
        (
            RevivesOnIncrement,
            "an_increment_does_not_bring_a_deleted_user_back",
        ),
    ];
    let suite = |defect| conformance::user_store("broken", async move || Broken::new(defect));
    notices(suite, &table, []);
}

#[derive(Debug)]
struct Broken {
    table: Mutex<Table>,
    defect: Option<Defect>,
    breaks: Break,
}

#[derive(Debug, Default)]
struct Table {
    users: Vec<User>,
    created: usize,
    once_used: Vec<String>,
}

type Answer<T> = Result<T, AdapterError>;

impl Broken {
    fn new(defect: Option<Defect>) -> Self {
        let table = Mutex::default();
        Self {
            table,
            defect,
            breaks: Break::default(),
        }
    }

    fn has(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("no test panics here")
    }

    fn address(&self, address: &str) -> String {
        match self.defect {
            Some(FoldsAddresses) => address.to_lowercase(),
            Some(TrimsAddresses) => address.trim_end().to_owned(),
            Some(CutsAddresses) => address.chars().take(64).collect(),
            _ => address.to_owned(),
        }
    }

    fn position(&self, table: &Table, id: &UserId) -> Option<usize> {
        let mut users = table.users.iter();
        users.position(|user| match self.defect {
            Some(TrimsIds) => user.id.as_str() == id.as_str().trim(),
            _ => user.id == *id,
        })
    }

    /// Checks whether the address belongs to another user.
    fn is_used(&self, table: &Table, address: &str, by_others_than: Option<&UserId>) -> bool {
        if table.once_used.iter().any(|used| used == address) {
            return true;
        }
        table.users.iter().any(|user| {
            let own = Some(&user.id) == by_others_than;
            let used = if own && self.has(TakesTheOwnLetterCaseForUsed) {
                let same = user.email_address.eq_ignore_ascii_case(address);
                return same && user.email_address != address;
            } else {
                user.email_address == address
            };
            used && (!own || self.has(TakesTheOwnAddressForUsed))
        })
    }

    /// The user with this ID and counter, if the defect does not say otherwise.
    fn matching(
        &self,
        table: &Table,
        id: &UserId,
        counter: Counter,
        counter_of: fn(&User) -> Counter,
        careless: Defect,
    ) -> Option<usize> {
        if self.has(UpdatesOddIds) && id.as_str().starts_with('0') {
            return Some(0);
        }
        let position = self.position(table, id)?;
        let matches = counter_of(&table.users[position]) == counter || self.has(careless);
        matches.then_some(position)
    }
}

fn increment(counter: &mut Counter) {
    *counter = counter.next().expect("tests count to a hundred");
}

fn set_password_hash(user: &mut User, password_hash: &PasswordHash) {
    user.password_hash = password_hash.hash.clone();
    user.password_hash_algorithm_id = password_hash.algorithm_id.clone();
    user.password_salt = password_hash.salt.clone();
}

#[async_trait]
impl UserStore for Broken {
    async fn create_user(&self, mut new_user: NewUser) -> Answer<CreateUserOutcome> {
        let _call = self.breaks.call();
        let address = self.address(&new_user.email_address);
        if self.is_used(&self.table(), &address, None) {
            let mut table = self.table();
            let mut users = table.users.iter_mut();
            let user = users.find(|user| user.email_address == address);
            match (self.defect, user) {
                (Some(TakesUsedAddresses), _) => {}
                (Some(ReplacesTheUserOfAUsedAddress), Some(user)) => {
                    set_password_hash(user, &new_user.password_hash);
                    return Ok(CreateUserOutcome::EmailAddressAlreadyUsed);
                }
                _ => return Ok(CreateUserOutcome::EmailAddressAlreadyUsed),
            }
        }
        if self.has(ChecksThenCreates) {
            self.breaks.take().await;
        }
        let mut table = self.table();
        if !self.has(ChecksThenCreates)
            && !self.has(TakesUsedAddresses)
            && self.is_used(&table, &address, None)
        {
            return Ok(CreateUserOutcome::EmailAddressAlreadyUsed);
        }
        if !new_user.user_fields.is_empty() && !self.has(AcceptsAnyField) {
            return Ok(CreateUserOutcome::InvalidUserFields);
        }
        table.created += 1;
        let number = match self.defect {
            Some(UsesIdsAgain) => table.users.len(),
            _ => table.created,
        };
        new_user.email_address = address;
        let mut user = new_user.into_user(format!("user-{number}").into());
        user.disabled = self.has(StartsDisabled);
        if self.has(CutsTheHashAtNul) {
            user.password_hash = vec![].into();
        }
        table.users.push(user.clone());
        Ok(CreateUserOutcome::Created(user))
    }

    async fn get_user(&self, user_id: &UserId) -> Answer<Option<User>> {
        let _call = self.breaks.call();
        if self.has(FailsOnOddIds) && user_id.as_str().contains('\0') {
            return Err(AdapterError::message("send an ID with a NUL in it"));
        }
        let table = self.table();
        let position = self.position(&table, user_id);
        Ok(position.map(|position| table.users[position].clone()))
    }

    async fn get_user_by_email_address(&self, email_address: &str) -> Answer<Option<User>> {
        let _call = self.breaks.call();
        let (table, address) = (self.table(), self.address(email_address));
        let mut users = table.users.iter();
        let found = users.find(|user| user.email_address == address);
        Ok(found.filter(|_| !self.has(FindsByNoAddress)).cloned())
    }

    async fn update_user_email_address(
        &self,
        user_id: &UserId,
        email_address: &str,
        email_address_counter: Counter,
    ) -> Answer<UpdateUserEmailAddressOutcome> {
        let _call = self.breaks.call();
        let address = self.address(email_address);
        let matching = |table: &Table| {
            let counter_of = |user: &User| user.email_address_counter;
            let counter = email_address_counter;
            self.matching(
                table,
                user_id,
                counter,
                counter_of,
                IgnoresTheAddressCounter,
            )
        };
        let used = self.is_used(&self.table(), &address, Some(user_id));
        if self.has(ChecksThenUpdatesTheAddress) {
            self.breaks.take().await;
        }
        let mut table = self.table();
        let Some(position) = matching(&table) else {
            return Ok(UpdateUserEmailAddressOutcome::UserNotFound);
        };
        let used = match self.defect {
            Some(ChecksThenUpdatesTheAddress) => used,
            Some(TakesUsedAddresses) => false,
            _ => self.is_used(&table, &address, Some(user_id)),
        };
        if used {
            return Ok(UpdateUserEmailAddressOutcome::EmailAddressAlreadyUsed);
        }
        let user = &mut table.users[position];
        increment(&mut user.email_address_counter);
        let old = std::mem::replace(&mut user.email_address, address);
        if self.has(KeepsTheOldAddressTaken) {
            table.once_used.push(old);
        }
        Ok(UpdateUserEmailAddressOutcome::Updated)
    }

    async fn update_user_password_hash(
        &self,
        user_id: &UserId,
        password_hash: &PasswordHash,
        password_hash_counter: Counter,
    ) -> Answer<UpdateUserOutcome> {
        let _call = self.breaks.call();
        let mut table = self.table();
        let (counter, counter_of) = (password_hash_counter, |user: &User| {
            user.password_hash_counter
        });
        let position = self.matching(&table, user_id, counter, counter_of, IgnoresTheHashCounter);
        let Some(position) = position else {
            return Ok(UpdateUserOutcome::UserNotFound);
        };
        let user = &mut table.users[position];
        let (salt, hash) = (user.password_salt.clone(), user.password_hash.clone());
        set_password_hash(user, password_hash);
        if self.has(KeepsTheSalt) {
            user.password_salt = salt;
        }
        if !self.has(TakesTheSameHashForNoUpdate) || user.password_hash != hash {
            increment(&mut user.password_hash_counter);
        }
        Ok(UpdateUserOutcome::Updated)
    }

    async fn increment_user_sessions_counter(
        &self,
        user_id: &UserId,
        sessions_counter: Counter,
    ) -> Answer<UpdateUserOutcome> {
        let _call = self.breaks.call();
        let find = |table: &Table| {
            let counter_of = |user: &User| user.sessions_counter;
            let careless = IgnoresTheSessionsCounter;
            self.matching(table, user_id, sessions_counter, counter_of, careless)
        };
        let seen = {
            let table = self.table();
            find(&table).map(|position| table.users[position].clone())
        };
        if self.has(RevivesOnIncrement) || self.has(ChecksThenIncrements) {
            self.breaks.take().await;
        }
        let mut table = self.table();
        if let (Some(seen), Some(position), true) = (
            &seen,
            self.position(&table, user_id),
            self.has(ChecksThenIncrements),
        ) {
            table.users[position].sessions_counter = seen.sessions_counter;
            increment(&mut table.users[position].sessions_counter);
            return Ok(UpdateUserOutcome::Updated);
        }
        if let (Some(seen), None, true) = (seen, find(&table), self.has(RevivesOnIncrement)) {
            table.users.push(seen);
        }
        let Some(position) = find(&table) else {
            return Ok(UpdateUserOutcome::UserNotFound);
        };
        if self.has(IncrementsEverybody) {
            for user in &mut table.users {
                increment(&mut user.sessions_counter);
            }
        } else {
            increment(&mut table.users[position].sessions_counter);
        }
        Ok(UpdateUserOutcome::Updated)
    }

    async fn delete_user(&self, user_id: &UserId) -> Answer<UpdateUserOutcome> {
        let _call = self.breaks.call();
        let found = self.position(&self.table(), user_id).is_some();
        if self.has(ChecksThenDeletes) {
            self.breaks.take().await;
        }
        let mut table = self.table();
        let Some(position) = self.position(&table, user_id) else {
            let lenient = self.has(DeletesTwice) || (self.has(ChecksThenDeletes) && found);
            return Ok(match lenient {
                true => UpdateUserOutcome::Updated,
                false => UpdateUserOutcome::UserNotFound,
            });
        };
        let user = table.users.remove(position);
        if self.has(KeepsAddressesOfTheDead) {
            table.once_used.push(user.email_address);
        }
        if self.has(DeletesTheNeighbour) && position < table.users.len() {
            table.users.remove(position);
        }
        Ok(UpdateUserOutcome::Updated)
    }
}
