//! The check of a table before it is used for users.

use faroe_users_table::{Defects, FoundField, IdGeneration, UsersTable};

use crate::table::{Column, FoundTable, Kind, quoted};

/// Returns everything that makes the table unfit for users.
pub(crate) fn defects(table: &UsersTable, found: Option<&FoundTable>) -> Defects {
    let mut defects = Defects::default();
    let Some(found) = found else {
        defects.add(format!(
            "there is no table {:?} in the schemas of the search path; create it, or name it by users_table.name",
            table.name
        ));
        return defects;
    };
    defects.add_missing_columns(table, |name| found.column(name).is_some());
    add_wrong_types(&mut defects, table, found);
    defects.add_unfit_fields(table, |name| match found.column(name) {
        None => FoundField::Missing,
        Some(column) if column.is_generated => FoundField::Generated,
        Some(column) if column.value_kind().is_none() => FoundField::Bytes,
        Some(_) => FoundField::Fit,
    });
    add_columns_without_value(&mut defects, table, found);
    add_id_defect(&mut defects, table, found);
    add_not_unique(&mut defects, table, found);
    add_missing_privileges(&mut defects, table, found);
    defects
}

fn add_wrong_types(defects: &mut Defects, table: &UsersTable, found: &FoundTable) {
    use Kind::{Boolean, Bytes, Integer, PaddedText, Text, Uuid};

    for (key, name) in table.keys_and_names() {
        let (kinds, expected): (&[Kind], _) = match key {
            "id" => (&[Text, PaddedText, Integer, Uuid], "text, integer or uuid"),
            "email_address" | "password_hash_algorithm_id" => (&[Text], "text"),
            "password_hash" if table.is_encoded() => (&[Text, PaddedText], "text"),
            "password_hash" | "password_salt" => (&[Bytes], "bytea"),
            "disabled" => (&[Boolean, Integer], "boolean"),
            "display_name" => (&[Text, PaddedText], "text"),
            _ => (&[Integer], "integer"),
        };
        let column = found.column(name);
        if let Some(column) = column.filter(|column| !kinds.contains(&column.kind)) {
            let found = &column.type_name;
            if key == "password_hash" {
                defects.add_other_form(table, found, expected);
                continue;
            }
            let defect = format!("is of the type {found}, not {expected}; change it");
            defects.add_unfit_column(table, key, name, &defect);
        }
        defects.add_short_column(table, key, name, column.and_then(|column| column.max_size));
    }
}

fn add_columns_without_value(defects: &mut Defects, table: &UsersTable, found: &FoundTable) {
    let is_given = |name: &str| table.used_columns().any(|given| given == name);
    for column in &found.columns {
        if column.needs_value() && !is_given(&column.name) {
            defects.add_column_without_value(table, &column.name);
        }
    }
}

fn add_id_defect(defects: &mut Defects, table: &UsersTable, found: &FoundTable) {
    let name = &table.columns.id;
    let Some(id) = found.column(name) else { return };
    let holds_text = matches!(id.kind, Kind::Text | Kind::PaddedText);
    let defect = match table.id_generation {
        IdGeneration::Random if !holds_text => {
            "holds no text; let the database generate the IDs (users_table.id_generation = \"database\")"
        }
        IdGeneration::Database if !id.has_default => {
            "has no default that generates IDs; give it one"
        }
        _ => return,
    };
    defects.add_unfit_column(table, "id", name, defect);
}

fn add_not_unique(defects: &mut Defects, table: &UsersTable, found: &FoundTable) {
    let columns = &table.columns;
    for (key, name) in [
        ("id", &columns.id),
        ("email_address", &columns.email_address),
    ] {
        let is_guarded = |column| {
            let mut indexes = found.unique_indexes.iter();
            indexes.any(|index| index.guards(column))
        };
        if found.column(name).is_some_and(|column| !is_guarded(column)) {
            let defect = "has no unique index of its own on all rows; create one";
            defects.add_unfit_column(table, key, name, defect);
        }
    }
}

/// Adds the lack of an index that ignores letter case.
pub(crate) fn add_exact_addresses(defects: &mut Defects, table: &UsersTable) {
    let (name, address) = (quoted(&table.name), quoted(&table.columns.email_address));
    let index = format!("CREATE UNIQUE INDEX ON {name} (lower({address}))");
    defects.add_exact_addresses(table, &index);
}

fn add_missing_privileges(defects: &mut Defects, table: &UsersTable, found: &FoundTable) {
    let of = |key: &str| match key {
        "id" if table.id_generation == IdGeneration::Database => (true, false, false),
        "id" | "disabled" | "disabled_counter" => (true, true, false),
        "display_name" => (true, false, false),
        _ => (true, true, true),
    };
    let (mut select, mut insert, mut update) = (true, true, true);
    for (key, name) in table.keys_and_names() {
        if let Some(Column { may, .. }) = found.column(name) {
            let (selects, inserts, updates) = of(key);
            select &= may.select || !selects;
            insert &= may.insert || !inserts;
            update &= may.update || !updates;
        }
    }
    let fields = table.signup_fields.columns();
    insert &= fields
        .filter_map(|name| found.column(name))
        .all(|column| column.may.insert);
    let privileges = [
        ("SELECT", select),
        ("INSERT", insert),
        ("UPDATE", update),
        ("DELETE", found.may_delete),
    ];
    let lacking = privileges.into_iter().filter(|(_, is_granted)| !is_granted);
    let lacking: Vec<_> = lacking.map(|(privilege, _)| privilege).collect();
    if !lacking.is_empty() {
        let lacking = lacking.join(", ");
        defects.add(format!(
            "the user of the database lacks the privileges {lacking} on the table {:?}; GRANT {lacking} ON it",
            table.name
        ));
    }
}
