//! The check of a table before it is used for users.

use faroe_users_table::{Defects, FoundField, IdGeneration, UsersTable};

use crate::{
    statements::quoted,
    table::{FoundTable, Kind, is_same},
};

/// Returns everything that makes the table unfit for users.
pub(crate) fn defects(table: &UsersTable, found: Option<&FoundTable>) -> Defects {
    let mut defects = Defects::default();
    let Some(found) = found else {
        defects.add(format!(
            "there is no table {:?} in the database; create it, or name it by users_table.name",
            table.name
        ));
        return defects;
    };
    if !found.is_transactional {
        defects.add(format!(
            "the table {:?} is not of the engine InnoDB; change it with ALTER TABLE … ENGINE = InnoDB",
            table.name
        ));
    }
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
    add_exact_addresses(&mut defects, table, found);
    defects
}

/// Adds the collation of addresses if it has to ignore letter case and does not.
fn add_exact_addresses(defects: &mut Defects, table: &UsersTable, found: &FoundTable) {
    let name = &table.columns.email_address;
    let column = found.column(name);
    if table.ignores_email_address_case && column.is_some_and(|column| !column.ignores_case()) {
        let (table_name, name) = (quoted(&table.name), quoted(name));
        let change = format!(
            "ALTER TABLE {table_name} MODIFY {name} VARCHAR(255) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL"
        );
        defects.add_exact_addresses(table, &change);
    }
}

fn add_wrong_types(defects: &mut Defects, table: &UsersTable, found: &FoundTable) {
    use Kind::{Bit, Bytes, Integer, Text, UnsignedInteger, Uuid};

    for (key, name) in table.keys_and_names() {
        let (kinds, expected): (&[Kind], _) = match key {
            "id" => (
                &[Text, Bytes, Integer, UnsignedInteger, Uuid],
                "text or an integer",
            ),
            "email_address" | "password_hash_algorithm_id" | "display_name" => {
                (&[Text, Bytes], "text")
            }
            "password_hash" if table.is_encoded() => (&[Text, Bytes], "text"),
            "password_hash" | "password_salt" => (&[Bytes], "varbinary or blob"),
            "disabled" => (&[Integer, UnsignedInteger, Bit], "boolean"),
            _ => (&[Integer, UnsignedInteger], "integer"),
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
    let is_given = |name: &str| table.used_columns().any(|given| is_same(given, name));
    for column in &found.columns {
        if column.needs_value() && !is_given(&column.name) {
            defects.add_column_without_value(table, &column.name);
        }
    }
}

fn add_id_defect(defects: &mut Defects, table: &UsersTable, found: &FoundTable) {
    let name = &table.columns.id;
    let Some(id) = found.column(name) else { return };
    let holds_text = matches!(id.kind, Kind::Text | Kind::Bytes);
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
            indexes.any(|index| index.is_on(column))
        };
        if found.column(name).is_some_and(|column| !is_guarded(column)) {
            let defect = "has no unique index of its own; create one";
            defects.add_unfit_column(table, key, name, defect);
        }
    }
}
