//! Every error code of every action, provoked over the wire by its documented cause.
//!
//! A test is named after its action. It fails if it has not seen every code that `actions.json` lists for the action, so
//! a code cannot be forgotten. Within an action, states are built so that several causes hold at once: the code that is
//! seen is then also the first one in the protocol's order.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod case;

use faroe_core::protocol::schema::server_actions;

use crate::case::Case;

/// Declares one test for each action, whose function is in the module of its flow.
macro_rules! actions {
    ($($flow:ident { $($action:ident,)* })*) => {
        $(mod $flow;)*

        $($(
            #[tokio::test]
            async fn $action() {
                let mut case = Case::new(stringify!($action)).await;
                $flow::$action(&mut case).await;
                case.assert_complete();
            }
        )*)*

        #[test]
        fn every_action_has_a_test() {
            let tested = [$($(stringify!($action),)*)*];
            let actions: Vec<_> = server_actions().iter().map(|action| action.name).collect();
            assert_eq!(tested.as_slice(), actions);
        }
    };
}

actions! {
    signup {
        create_signup,
        get_signup,
        delete_signup,
        send_signup_email_address_verification_code,
        verify_signup_email_address_verification_code,
        set_signup_password,
        complete_signup,
    }
    signin {
        create_signin,
        get_signin,
        delete_signin,
        verify_signin_user_password,
        complete_signin,
    }
    session {
        get_session,
        delete_session,
        delete_all_sessions,
    }
    user_email_address_update {
        create_user_email_address_update,
        get_user_email_address_update,
        delete_user_email_address_update,
        send_user_email_address_update_email_address_verification_code,
        verify_user_email_address_update_email_address_verification_code,
        verify_user_email_address_update_user_password,
        complete_user_email_address_update,
    }
    user_password_update {
        create_user_password_update,
        get_user_password_update,
        delete_user_password_update,
        verify_user_password_update_user_password,
        set_user_password_update_new_password,
        complete_user_password_update,
    }
    user_deletion {
        create_user_deletion,
        get_user_deletion,
        delete_user_deletion,
        verify_user_deletion_user_password,
        complete_user_deletion,
    }
    user_password_reset {
        create_user_password_reset,
        get_user_password_reset,
        delete_user_password_reset,
        verify_user_password_reset_temporary_password,
        set_user_password_reset_new_password,
        complete_user_password_reset,
    }
}
