use async_trait::async_trait;
use faroe_core::{
    email::{EmailAddressChecker, EmailMessage, EmailSender},
    error::AdapterError,
    password::{PasswordContext, PasswordHash, PasswordStrengthChecker},
    protocol::secret::Password,
    user_store::{
        Counter, CreateUserOutcome, NewUser, UpdateUserEmailAddressOutcome, UpdateUserOutcome,
        User, UserId, UserStore,
    },
};

use super::{Call, Intercepted, Port, pass};

#[async_trait]
impl<P: UserStore + ?Sized> UserStore for Intercepted<P> {
    async fn create_user(&self, new_user: NewUser) -> Result<CreateUserOutcome, AdapterError> {
        let new_user = &new_user;
        pass!(self, UserStore, "", [new_user], create_user(new_user))
    }

    async fn get_user(&self, user_id: &UserId) -> Result<Option<User>, AdapterError> {
        pass!(self, UserStore, "", [user_id], get_user(&user_id))
    }

    async fn get_user_by_email_address(
        &self,
        email_address: &str,
    ) -> Result<Option<User>, AdapterError> {
        pass!(
            self,
            UserStore,
            "",
            [email_address],
            get_user_by_email_address(&email_address)
        )
    }

    async fn update_user_email_address(
        &self,
        user_id: &UserId,
        email_address: &str,
        email_address_counter: Counter,
    ) -> Result<UpdateUserEmailAddressOutcome, AdapterError> {
        pass!(
            self,
            UserStore,
            "",
            [user_id, email_address],
            update_user_email_address(&user_id, &email_address, email_address_counter)
        )
    }

    async fn update_user_password_hash(
        &self,
        user_id: &UserId,
        password_hash: &PasswordHash,
        password_hash_counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        pass!(
            self,
            UserStore,
            "",
            [user_id, password_hash],
            update_user_password_hash(&user_id, &password_hash, password_hash_counter)
        )
    }

    async fn increment_user_sessions_counter(
        &self,
        user_id: &UserId,
        sessions_counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        pass!(
            self,
            UserStore,
            "",
            [user_id],
            increment_user_sessions_counter(&user_id, sessions_counter)
        )
    }

    async fn delete_user(&self, user_id: &UserId) -> Result<UpdateUserOutcome, AdapterError> {
        pass!(self, UserStore, "", [user_id], delete_user(&user_id))
    }
}

#[async_trait]
impl<P: EmailSender + ?Sized> EmailSender for Intercepted<P> {
    async fn send(&self, message: EmailMessage) -> Result<(), AdapterError> {
        let (to, message) = (message.to.clone(), &message);
        pass!(self, EmailSender, to, [message], send(message))
    }
}

#[async_trait]
impl<P: EmailAddressChecker + ?Sized> EmailAddressChecker for Intercepted<P> {
    async fn is_allowed(&self, email_address: &str) -> Result<bool, AdapterError> {
        pass!(
            self,
            EmailAddressChecker,
            email_address,
            [email_address],
            is_allowed(&email_address)
        )
    }
}

#[async_trait]
impl<P: PasswordStrengthChecker + ?Sized> PasswordStrengthChecker for Intercepted<P> {
    async fn is_strong_enough(&self, password: &Password) -> Result<bool, AdapterError> {
        pass!(
            self,
            PasswordStrengthChecker,
            "",
            [password],
            is_strong_enough(&password)
        )
    }

    async fn is_strong_enough_for(
        &self,
        password: &Password,
        context: &PasswordContext,
    ) -> Result<bool, AdapterError> {
        pass!(
            self,
            PasswordStrengthChecker,
            "",
            [password, context],
            is_strong_enough_for(&password, &context)
        )
    }
}
