//! The built-in templates, under the paths that replacements use.

macro_rules! files {
    ($($path:literal)*) => {
        &[$(($path, include_str!(concat!("../templates/", $path)))),*]
    };
}

/// The types of the six messages. Templates are named after them.
pub(crate) const TYPES: [&str; 6] = [
    "signup_email_address_verification_code",
    "user_email_address_update_email_address_verification_code",
    "user_password_reset_temporary_password",
    "user_signed_in_notification",
    "user_password_updated_notification",
    "user_email_address_updated_notification",
];

/// The layouts, and the messages of each language.
pub(crate) const FILES: &[(&str, &str)] = files![
    "layout.html"
    "layout.txt"
    "de/footer.jinja"
    "de/signup_email_address_verification_code.jinja"
    "de/user_email_address_update_email_address_verification_code.jinja"
    "de/user_password_reset_temporary_password.jinja"
    "de/user_signed_in_notification.jinja"
    "de/user_password_updated_notification.jinja"
    "de/user_email_address_updated_notification.jinja"
    "en/footer.jinja"
    "en/signup_email_address_verification_code.jinja"
    "en/user_email_address_update_email_address_verification_code.jinja"
    "en/user_password_reset_temporary_password.jinja"
    "en/user_signed_in_notification.jinja"
    "en/user_password_updated_notification.jinja"
    "en/user_email_address_updated_notification.jinja"
];
