//! Users of an application that keeps password hashes in one column of text.

use faroe_tests::{
    binary::Binary,
    client::{NEW_PASSWORD, PASSWORD, WRONG_PASSWORD},
};
use serde_json::json;

use crate::backend::{Backend, Kind};

/// Hashes of [`PASSWORD`], made with Python's bcrypt.
const BCRYPT: [&str; 3] = [
    "$2a$04$9cJ2umM8gzF.KpyYgDEAvOGbvV2kQYTRfl7sFq/wmgNBBP./DisYm",
    "$2b$04$QfhCQNzR2r7nqYBlezCVNuinS26BtzpCl.6.Uz6hM.QOPT.RbPU76",
    "$2y$04$ZiK7rhb6zCs6ILyyZL/dJuxPCUGqSZogTO1j9v9abnuJf81a4c/NW",
];

/// A hash of [`PASSWORD`] with the costs of the tests, made with argon2-cffi.
const ARGON2: &str = "$argon2id$v=19$m=1024,t=1,p=1$QqUFrv83VsTUI/QxEFLd8A$\
                      lSucX/+qM8slIHNJW/+tzHK5ZYyPqwt4S2M8JOLO8lU";

const START: &str = "$argon2id$v=19$m=1024,t=1,p=1$";

async fn create_table(backend: &Backend) {
    let id = match backend.kind {
        Kind::Postgres => "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        Kind::Mysql => "BIGINT AUTO_INCREMENT PRIMARY KEY",
        _ => "INTEGER PRIMARY KEY AUTOINCREMENT",
    };
    backend
        .administer(&format!(
            "CREATE TABLE people (
                number {id}, email VARCHAR(100) NOT NULL UNIQUE, password VARCHAR(128),
                full_name VARCHAR(100) NOT NULL DEFAULT '',
                email_address_counter INTEGER NOT NULL DEFAULT 0, password_hash_counter INTEGER NOT NULL DEFAULT 0,
                sessions_counter INTEGER NOT NULL DEFAULT 0
            )"
        ))
        .await;
}

pub(crate) async fn p80_users_of_a_table_with_one_column_of_bcrypt_sign_in_and_get_an_argon2id_text(
    backend: Backend,
) {
    create_table(&backend).await;
    let hashes = BCRYPT.into_iter().chain([ARGON2]);
    let hashes: Vec<_> = hashes.map(|hash| format!("'{hash}'")).collect();
    let invited = ["NULL", "''"].map(str::to_owned);
    let rows = hashes.iter().chain(&invited).enumerate();
    let rows = rows.map(|(number, hash)| format!("('u{number}@example.com', {hash}, 'A User')"));
    let rows = rows.collect::<Vec<_>>().join(", ");
    backend
        .administer(&format!(
            "INSERT INTO people (email, password, full_name) VALUES {rows}"
        ))
        .await;
    let mut settings = backend.settings();
    settings.configuration = format!(
        "{}[users_table]
        name = \"people\"
        id_generation = \"database\"
        password_hash_format = \"encoded\"
        [users_table.columns]
        id = \"number\"
        email_address = \"email\"
        password_hash = \"password\"
        display_name = \"full_name\"
        disabled = \"\"
        disabled_counter = \"\"
        ",
        settings
            .configuration
            .replace("[hashing]\n", "[hashing]\nprevious = [\"bcrypt\"]\n")
    );
    let program = Binary::start_with(&settings).await;
    let stored = async |user: &str| {
        let select = format!("SELECT password FROM people WHERE email = '{user}'");
        backend.text(&select).await
    };
    for number in 0..hashes.len() {
        let user = format!("u{number}@example.com");
        let old = stored(&user).await;
        let wrong = program.try_password(&user, WRONG_PASSWORD).await;
        assert_eq!(wrong, "incorrect_password", "{old}");
        assert_eq!(stored(&user).await, old);
        program.sign_in(&user, PASSWORD).await;
        let new = stored(&user).await;
        assert!(new.starts_with(START), "{old}: {new}");
        assert_eq!(new == old, old == ARGON2, "{old}: {new}");
        program.sign_in(&user, PASSWORD).await;
        assert_eq!(stored(&user).await, new);
    }
    for number in hashes.len()..hashes.len() + invited.len() {
        let user = format!("u{number}@example.com");
        let none = program.try_password(&user, PASSWORD).await;
        assert_eq!(none, "incorrect_password");
        let token = program.ready_user_password_reset(&user).await;
        let complete = json!({ "user_password_reset_token": token });
        program
            .values("complete_user_password_reset", complete)
            .await;
        assert!(stored(&user).await.starts_with(START));
        program.sign_in(&user, NEW_PASSWORD).await;
    }
    program.sign_up("new@example.com").await;
    assert!(stored("new@example.com").await.starts_with(START));
    let wrong = program
        .try_password("new@example.com", WRONG_PASSWORD)
        .await;
    assert_eq!(wrong, "incorrect_password");
    program.sign_in("new@example.com", PASSWORD).await;
}
