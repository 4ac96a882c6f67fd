//! The variables of a template.

use std::time::{Duration, UNIX_EPOCH};

use faroe_core::{email::EmailMessage, protocol::types::Timestamp};
use serde::Serialize;

use crate::{fields::EmailFields, words};

/// The variables. All of them are defined for every message, so that a misspelled name is an error and not an empty text.
#[derive(Serialize)]
pub(super) struct Context<'a> {
    r#type: &'static str,
    to: &'a str,
    display_name: String,
    code: &'a str,
    code_groups: Vec<String>,
    code_spelled: Vec<String>,
    new_email_address: &'a str,
    timestamp: i64,
    time: String,
    form: &'static str,
    locale: &'a str,
    product_name: &'a str,
    support_address: &'a str,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        message: &'a EmailMessage,
        form: &'static str,
        locale: &'a str,
        product_name: &'a str,
        support_address: &'a str,
    ) -> Self {
        let fields = EmailFields::from(message);
        let code = fields.code.unwrap_or_default();
        let seconds = fields.timestamp.map_or(0, Timestamp::as_seconds);
        Self {
            r#type: fields.r#type,
            to: fields.to,
            display_name: words::name(fields.display_name),
            code,
            code_groups: words::groups(code),
            code_spelled: words::spelled(code),
            new_email_address: fields.new_email_address.unwrap_or_default(),
            timestamp: seconds,
            time: utc(seconds),
            form,
            locale,
            product_name,
            support_address,
        }
    }
}

/// Formats a time like `2026-11-25 09:33 UTC`. The server does not know the reader's time zone.
fn utc(seconds: i64) -> String {
    const END_OF_THE_YEAR_9999: u64 = 253_402_300_799;
    let seconds = u64::try_from(seconds)
        .unwrap_or(0)
        .min(END_OF_THE_YEAR_9999);
    let time = UNIX_EPOCH + Duration::from_secs(seconds);
    let minute: String = humantime::format_rfc3339_seconds(time).to_string();
    format!("{} UTC", minute[..16].replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_formatted_to_the_minute_in_utc() {
        for (seconds, formatted) in [
            (0, "1970-01-01 00:00 UTC"),
            (1_795_599_237, "2026-11-25 09:33 UTC"),
            (-1, "1970-01-01 00:00 UTC"),
            (i64::MAX, "9999-12-31 23:59 UTC"),
        ] {
            assert_eq!(utc(seconds), formatted);
        }
    }
}
