use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    password::PasswordHash,
    user_store::{
        Counter, CreateUserOutcome, NewUser, UpdateUserEmailAddressOutcome, UpdateUserOutcome,
        User, UserFieldValue, UserFields, UserId, UserStore,
    },
};
use faroe_testkit::{conformance, user_store::ReferenceUserStore};

use crate::notices;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Defect {
    KnowsNoFields,
    DropsUnknownFields,
    FillsMandatoryFields,
    DropsValuesOfOtherTypes,
    CutsValues,
    DropsUsedValues,
    ChecksFieldsFirst,
    RefusesQuotes,
}

use Defect::*;

#[test]
fn every_case_about_fields_notices_a_defect() {
    let table = [
        (KnowsNoFields, "accepted_fields_create_a_user"),
        (
            DropsUnknownFields,
            "a_field_that_the_table_has_and_the_store_does_not_know_creates_no_user",
        ),
        (
            FillsMandatoryFields,
            "a_missing_mandatory_field_creates_no_user",
        ),
        (
            DropsValuesOfOtherTypes,
            "a_value_of_another_type_creates_no_user",
        ),
        (CutsValues, "a_value_that_is_refused_creates_no_user"),
        (
            DropsUsedValues,
            "a_value_that_another_user_has_creates_no_user",
        ),
        (
            ChecksFieldsFirst,
            "a_used_address_is_told_of_before_any_field",
        ),
        (RefusesQuotes, "text_is_only_text"),
    ];
    let suite =
        |defect| conformance::user_store_with_fields("broken", async move || Broken::new(defect));
    notices(suite, &table, []);
}

#[derive(Debug)]
struct Broken {
    users: ReferenceUserStore,
    defect: Option<Defect>,
}

impl Broken {
    fn new(defect: Option<Defect>) -> Self {
        let users = match defect {
            Some(KnowsNoFields) => ReferenceUserStore::default(),
            _ => ReferenceUserStore::with_fields(),
        };
        Self { users, defect }
    }

    /// The fields as the defect makes them.
    fn fields(&self, given: &UserFields) -> UserFields {
        use UserFieldValue::{Boolean, Integer, Text};

        let known = ["full_name", "username", "age", "newsletter"];
        let is_kept = |name: &str, value: &UserFieldValue| match self.defect {
            Some(DropsUnknownFields) => known.contains(&name),
            Some(DropsValuesOfOtherTypes) => matches!(
                (name, value),
                ("full_name" | "username", Text(_))
                    | ("age", Integer(_))
                    | ("newsletter", Boolean(_))
            ),
            Some(CutsValues) => !matches!(value, Integer(_)),
            Some(DropsUsedValues) => name != "username",
            _ => true,
        };
        let kept = given.iter().filter(|(name, value)| is_kept(name, value));
        let mut fields: UserFields = kept.map(|(name, value)| (name, value.clone())).collect();
        let is_filled = matches!(
            self.defect,
            Some(FillsMandatoryFields | DropsValuesOfOtherTypes)
        );
        if is_filled && fields.get("full_name").is_none() {
            fields.insert("full_name", "");
        }
        if let (Some(CutsValues), Some(Text(name))) =
            (self.defect, fields.get("full_name").cloned())
        {
            fields.insert("full_name", name.chars().take(10).collect::<String>());
        }
        fields
    }
}

#[async_trait]
impl UserStore for Broken {
    async fn create_user(&self, mut new_user: NewUser) -> Result<CreateUserOutcome, AdapterError> {
        let has_quote = |value: &UserFieldValue| match value {
            UserFieldValue::Text(text) => text.contains('"'),
            _ => false,
        };
        let fields = new_user.user_fields;
        if self.defect == Some(RefusesQuotes) && fields.iter().any(|(_, value)| has_quote(value)) {
            return Ok(CreateUserOutcome::InvalidUserFields);
        }
        new_user.user_fields = self.fields(&fields);
        Ok(match self.users.create_user(new_user).await? {
            CreateUserOutcome::EmailAddressAlreadyUsed
                if self.defect == Some(ChecksFieldsFirst) =>
            {
                CreateUserOutcome::InvalidUserFields
            }
            outcome => outcome,
        })
    }

    async fn get_user(&self, user_id: &UserId) -> Result<Option<User>, AdapterError> {
        self.users.get_user(user_id).await
    }

    async fn get_user_by_email_address(
        &self,
        email_address: &str,
    ) -> Result<Option<User>, AdapterError> {
        self.users.get_user_by_email_address(email_address).await
    }

    async fn update_user_email_address(
        &self,
        user_id: &UserId,
        email_address: &str,
        counter: Counter,
    ) -> Result<UpdateUserEmailAddressOutcome, AdapterError> {
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
