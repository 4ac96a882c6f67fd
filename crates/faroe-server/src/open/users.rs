//! The user store, whatever keeps the users.

use std::sync::Arc;

use faroe_core::{error::AdapterError, password::PasswordHash, user_store::UserStore};
use faroe_user_server_client::UserServerClient;
use faroe_user_store_mysql::MysqlUserStore;
use faroe_user_store_postgres::PostgresUserStore;
use faroe_user_store_sqlite::SqliteUserStore;

use super::{Patience, remote_users};
use crate::{
    StartError,
    configuration::{Credentials, EmailAddressCase, Settings, UserStorePlace},
};

/// An address that no user has: the domain is reserved.
const NOBODY: &str = "nobody@faroe.invalid";

/// A user store that is open.
#[derive(Clone, Debug)]
pub(crate) enum Users {
    Sqlite(SqliteUserStore),
    Postgres(PostgresUserStore),
    Mysql(MysqlUserStore),
    Server(UserServerClient),
}

impl Users {
    pub(crate) fn store(self) -> Arc<dyn UserStore> {
        match self {
            Self::Sqlite(users) => Arc::new(users),
            Self::Postgres(users) => Arc::new(users),
            Self::Mysql(users) => Arc::new(users),
            Self::Server(users) => Arc::new(users),
        }
    }

    /// Checks that users can be read and written, without changing anything. A user server is asked for a user: its own
    /// database may be read-only.
    pub(crate) async fn check(&self) -> Result<(), AdapterError> {
        match self {
            Self::Sqlite(users) => users.check().await,
            Self::Postgres(users) => users.check().await,
            Self::Mysql(users) => users.check().await,
            Self::Server(users) => users.get_user_by_email_address(NOBODY).await.map(drop),
        }
    }

    /// Returns the password hashes of the first 10,000 rows of a users table. A user server cannot be asked for them.
    pub(crate) async fn sample_password_hashes(&self) -> Result<Vec<PasswordHash>, AdapterError> {
        match self {
            Self::Sqlite(users) => users.sample_password_hashes().await,
            Self::Postgres(users) => users.sample_password_hashes().await,
            Self::Mysql(users) => users.sample_password_hashes().await,
            Self::Server(_) => Ok(Vec::new()),
        }
    }
}

/// Opens the user store. Without a description of the table it is the default one, which is created if it is missing.
pub(crate) async fn open(settings: &Settings, patience: Patience) -> Result<Users, StartError> {
    let named = settings.user_store_place();
    let credentials = settings.user_server.credentials()?;
    patience
        .open(&named, || {
            open_once(settings, &named.place, credentials.as_ref())
        })
        .await
}

async fn open_once(
    settings: &Settings,
    place: &UserStorePlace,
    credentials: Option<&Credentials>,
) -> Result<Users, AdapterError> {
    let ignores_case = settings.email_address_case == EmailAddressCase::Ignore;
    let table = settings.users_table.clone().map(|mut table| {
        table.ignores_email_address_case = ignores_case;
        table
    });
    Ok(match place {
        UserStorePlace::UserServer(url) => {
            let client = remote_users::client(url.expose(), credentials, settings)?;
            let users = Users::Server(client);
            users.check().await?;
            users
        }
        UserStorePlace::Sqlite(path) => Users::Sqlite(match table {
            None if ignores_case => SqliteUserStore::connect_ignoring_case(path).await?,
            None => SqliteUserStore::connect(path).await?,
            Some(table) => SqliteUserStore::connect_existing(path, table).await?,
        }),
        UserStorePlace::Postgres(url) => Users::Postgres(match table {
            None if ignores_case => PostgresUserStore::connect_ignoring_case(url.expose()).await?,
            None => PostgresUserStore::connect(url.expose()).await?,
            Some(table) => PostgresUserStore::connect_existing(url.expose(), table).await?,
        }),
        UserStorePlace::Mysql(url) => Users::Mysql(match table {
            None if ignores_case => MysqlUserStore::connect_ignoring_case(url.expose()).await?,
            None => MysqlUserStore::connect(url.expose()).await?,
            Some(table) => MysqlUserStore::connect_existing(url.expose(), table).await?,
        }),
    })
}
