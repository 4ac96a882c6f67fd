//! What the protocol's tables say about actions that are known by their names only.

use faroe_core::protocol::{
    action::{Action, ErrorCode},
    for_each_server_action,
};

/// The code of an action that may be tried so often only.
pub(crate) const RATE_LIMITED: &str = "rate_limited";

/// By one of these codes an action shows that it is worth trying many times. They stand for guessing a secret and for
/// sending an email, which the protocol limits itself; for hashing a new password; and for asking who has an account.
///
/// What the remaining actions do costs a few look-ups, for which there is the limit of requests. Some of those that complete
/// something send an email too, once, after one of these has let them.
const ATTEMPT: [&str; 3] = [RATE_LIMITED, "weak_password", "user_not_found"];

type HasCode = fn(&str) -> bool;

macro_rules! actions {
    ($($action:ty,)*) => {
        /// The name of every action, and what knows its error codes.
        const ACTIONS: &[(&str, HasCode)] = &[$((<$action as Action>::NAME, knows::<$action>),)*];
    };
}

for_each_server_action!(actions);

fn knows<A: Action>(code: &str) -> bool {
    A::ErrorCode::parse(code).is_some()
}

/// Whether there is an action with this name that may answer this code.
pub(crate) fn has_code(action: &str, code: &str) -> bool {
    let mut actions = ACTIONS.iter();
    actions.any(|(name, knows)| *name == action && knows(code))
}

/// Whether an action guesses, hashes, sends an email or asks who has an account.
pub(crate) fn is_attempt(action: &str) -> bool {
    ATTEMPT.iter().any(|code| has_code(action, code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_what_guesses_hashes_sends_an_email_or_asks_who_has_an_account() {
        let attempts: Vec<_> = ACTIONS
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| is_attempt(name))
            .collect();
        assert_eq!(
            attempts,
            [
                "create_signup",
                "send_signup_email_address_verification_code",
                "verify_signup_email_address_verification_code",
                "set_signup_password",
                "create_signin",
                "verify_signin_user_password",
                "create_user_email_address_update",
                "send_user_email_address_update_email_address_verification_code",
                "verify_user_email_address_update_email_address_verification_code",
                "verify_user_email_address_update_user_password",
                "verify_user_password_update_user_password",
                "set_user_password_update_new_password",
                "verify_user_deletion_user_password",
                "create_user_password_reset",
                "verify_user_password_reset_temporary_password",
                "set_user_password_reset_new_password",
            ]
        );
    }

    #[test]
    fn what_is_no_action_has_no_code() {
        assert!(has_code("create_signup", RATE_LIMITED));
        assert!(!has_code("create_signin", RATE_LIMITED));
        assert!(!has_code("create_signu", RATE_LIMITED));
        assert!(!has_code("create_user", "email_address_already_used"));
        assert!(!is_attempt("fly") && !is_attempt(""));
    }
}
