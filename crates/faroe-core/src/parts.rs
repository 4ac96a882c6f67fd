//! The parts of a server that an invocation uses.

use std::sync::Arc;

use crate::{
    begun_flows::BegunFlows,
    configuration::{ServerOptions, Storages},
    email::EmailSender,
    email_budgets::EmailBudgets,
    hashing::Hasher,
    user_store::UserStore,
};

/// The adapters, the hasher, the counts, the budgets and the options of a server.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) storages: Storages,
    pub(crate) user_store: Arc<dyn UserStore>,
    pub(crate) email_sender: Arc<dyn EmailSender>,
    pub(crate) hasher: Hasher,
    pub(crate) begun_flows: BegunFlows,
    pub(crate) email_budgets: EmailBudgets,
    pub(crate) options: ServerOptions,
}
