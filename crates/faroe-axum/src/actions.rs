//! Look-ups in the protocol's tables by the name of an action.

use faroe_core::protocol::{
    action::{Action, ErrorCode},
    for_each_server_action,
};

/// The error code of actions with a limited number of attempts.
pub(crate) const RATE_LIMITED: &str = "rate_limited";

/// An action with one of these error codes is an attempt: it guesses a secret or sends an email (which the protocol limits
/// too), hashes a new password, or reveals which addresses have an account.
///
/// The other actions cost a few look-ups, and the limit of requests covers them. Some completions also send an email, but
/// only once and only after an attempt.
const ATTEMPT: [&str; 3] = [RATE_LIMITED, "weak_password", "user_not_found"];

type HasCode = fn(&str) -> bool;

macro_rules! actions {
    ($($action:ty,)*) => {
        /// The name of every action, and the test of its error codes.
        const ACTIONS: &[(&str, HasCode)] = &[$((<$action as Action>::NAME, knows::<$action>),)*];
    };
}

for_each_server_action!(actions);

fn knows<A: Action>(code: &str) -> bool {
    A::ErrorCode::parse(code).is_some()
}

/// Checks whether the action with this name has this error code.
pub(crate) fn has_code(action: &str, code: &str) -> bool {
    let mut actions = ACTIONS.iter();
    actions.any(|(name, knows)| *name == action && knows(code))
}

/// Checks whether the action with this name is an attempt.
pub(crate) fn is_attempt(action: &str) -> bool {
    ATTEMPT.iter().any(|code| has_code(action, code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_guess_a_secret_hash_send_an_email_or_reveal_accounts() {
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
