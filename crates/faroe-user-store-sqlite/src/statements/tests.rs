use super::*;

/// The plan of every statement that looks for a user.
fn plans(schema: &str) -> Vec<String> {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(schema).unwrap();
    let table = UsersTable::default();
    let found = FoundTable::find(&connection, &table.name).unwrap();
    let statements = Statements::new(&table, &found.ok().unwrap());
    let Statements {
        get,
        get_by_email_address,
        update_email_address,
        update_password_hash,
        ..
    } = &statements;
    let Statements {
        increment_sessions_counter,
        delete,
        ..
    } = &statements;
    [
        get,
        get_by_email_address,
        update_email_address,
        update_password_hash,
        increment_sessions_counter,
        delete,
    ]
    .map(|statement| {
        let explain = format!("EXPLAIN QUERY PLAN {statement}");
        let mut explain = connection.prepare(&explain).unwrap();
        let mut rows = explain.raw_query();
        let mut plan = String::new();
        while let Some(row) = rows.next().unwrap() {
            plan += &row.get::<_, String>(3).unwrap();
        }
        plan
    })
    .into()
}

#[test]
fn no_user_is_looked_for_without_an_index() {
    let default = include_str!("../../schema.sql");
    let schemas = [
        default.to_owned(),
        default.replace(
            "id TEXT NOT NULL PRIMARY KEY",
            "id INTEGER PRIMARY KEY AUTOINCREMENT",
        ),
        default.replace(
            "email_address TEXT NOT NULL UNIQUE",
            "email_address TEXT UNIQUE COLLATE NOCASE",
        ),
        default.replace("STRICT", "STRICT, WITHOUT ROWID"),
        format!("{default}; CREATE UNIQUE INDEX i ON users (\"email_address\" collate nocase)"),
        format!("{default}; CREATE UNIQUE INDEX i ON users ( LOWER( [email_address] ) )"),
    ];
    for schema in schemas {
        for plan in plans(&schema) {
            assert!(plan.starts_with("SEARCH users USING"), "{plan}: {schema}");
        }
    }
}
