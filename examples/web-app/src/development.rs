//! A page that shows the emails, only for development. Do not use it on a public website.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use askama::Template;
use axum::{Router, extract::State, routing::get};

use crate::{app::App, emails::Email, page::Page, visitor::Visitor};

/// The maximum number of kept emails.
const CAPACITY: usize = 50;

/// The most recent emails. Clones share one mailbox.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mailbox(Arc<Mutex<VecDeque<Email>>>);

impl Mailbox {
    pub(crate) fn put(&self, email: Email) {
        let mut emails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        emails.push_front(email);
        emails.truncate(CAPACITY);
    }

    /// Returns the emails, newest first.
    fn emails(&self) -> Vec<Email> {
        let emails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        emails.iter().cloned().collect()
    }
}

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/development/emails", get(emails_page))
}

#[derive(Debug, Template)]
#[template(path = "development-emails.html")]
struct EmailsPage {
    visitor: Visitor,
    emails: Vec<Email>,
}

async fn emails_page(visitor: Visitor, State(app): State<App>) -> Page<EmailsPage> {
    let emails = app
        .mailbox
        .map_or_else(Vec::new, |mailbox| mailbox.emails());
    Page(EmailsPage { visitor, emails })
}
