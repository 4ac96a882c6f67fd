use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    password::PasswordHash,
    user_store::{
        Counter, CreateUserOutcome, NewUser, UpdateUserEmailAddressOutcome, UpdateUserOutcome,
        User, UserId, UserStore,
    },
};
use faroe_testkit::{conformance, user_store::ReferenceUserStore};

use crate::notices;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Defect {
    ComparesExactly,
    FoldsUnicode,
    TakesTheOwnLetterCaseForUsed,
}

use Defect::*;

#[test]
fn every_case_about_letter_case_notices_a_defect() {
    let table = [
        (
            ComparesExactly,
            "an_address_is_found_in_any_letter_case_and_kept_as_it_was_given",
        ),
        (
            ComparesExactly,
            "an_address_that_is_used_in_another_case_is_refused_and_nothing_is_changed",
        ),
        (FoldsUnicode, "no_other_difference_is_ignored"),
        (
            ComparesExactly,
            "an_update_to_a_used_address_in_another_case_changes_nothing",
        ),
        (
            TakesTheOwnLetterCaseForUsed,
            "users_may_change_the_letter_case_of_their_own_address",
        ),
        (
            ComparesExactly,
            "of_racing_creations_with_one_address_in_several_cases_one_wins",
        ),
    ];
    let suite =
        |defect| conformance::user_store_ignoring_case("broken", async move || Broken::new(defect));
    let exact = conformance::user_store("exact", async || ReferenceUserStore::default());
    notices(suite, &table, exact.case_names());
}

#[derive(Debug)]
struct Broken {
    users: ReferenceUserStore,
    defect: Option<Defect>,
}

impl Broken {
    fn new(defect: Option<Defect>) -> Self {
        let users = match defect {
            Some(ComparesExactly) => ReferenceUserStore::default(),
            _ => ReferenceUserStore::ignoring_email_address_case(),
        };
        Self { users, defect }
    }
}

#[async_trait]
impl UserStore for Broken {
    async fn create_user(&self, new_user: NewUser) -> Result<CreateUserOutcome, AdapterError> {
        self.users.create_user(new_user).await
    }

    async fn get_user(&self, user_id: &UserId) -> Result<Option<User>, AdapterError> {
        self.users.get_user(user_id).await
    }

    async fn get_user_by_email_address(
        &self,
        email_address: &str,
    ) -> Result<Option<User>, AdapterError> {
        let address = match self.defect {
            Some(FoldsUnicode) => email_address.to_lowercase(),
            _ => email_address.to_owned(),
        };
        self.users.get_user_by_email_address(&address).await
    }

    async fn update_user_email_address(
        &self,
        user_id: &UserId,
        email_address: &str,
        counter: Counter,
    ) -> Result<UpdateUserEmailAddressOutcome, AdapterError> {
        let holder = self.users.get_user_by_email_address(email_address).await?;
        if holder.is_some() && self.defect == Some(TakesTheOwnLetterCaseForUsed) {
            return Ok(UpdateUserEmailAddressOutcome::EmailAddressAlreadyUsed);
        }
        self.users
            .update_user_email_address(user_id, email_address, counter)
            .await
    }

    async fn update_user_password_hash(
        &self,
        user_id: &UserId,
        password_hash: &PasswordHash,
        counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        self.users
            .update_user_password_hash(user_id, password_hash, counter)
            .await
    }

    async fn increment_user_sessions_counter(
        &self,
        user_id: &UserId,
        counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        self.users
            .increment_user_sessions_counter(user_id, counter)
            .await
    }

    async fn delete_user(&self, user_id: &UserId) -> Result<UpdateUserOutcome, AdapterError> {
        self.users.delete_user(user_id).await
    }
}
