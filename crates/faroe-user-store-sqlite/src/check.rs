//! The check of a table before it is used for users.

use faroe_users_table::{Defects, FoundField, IdGeneration, UsersTable};

use crate::{
    statements::quoted,
    table::{AddressLookUp, FoundTable, NotFound},
};

/// Returns everything that makes the table unfit for users.
pub(crate) fn defects(table: &UsersTable, found: &Result<FoundTable, NotFound>) -> Defects {
    let (name, mut defects) = (&table.name, Defects::default());
    let found = match found {
        Ok(found) => found,
        Err(NotFound::Nothing) => {
            defects.add(format!(
                "there is no table {name:?}; create it, or name it by users_table.name"
            ));
            return defects;
        }
        Err(NotFound::View) => {
            defects.add(format!(
                "{name:?} is a view, not a table; name a table by users_table.name"
            ));
            return defects;
        }
    };
    defects.add_missing_columns(table, |name| found.column(name).is_some());
    defects.add_unfit_fields(table, |name| match found.column(name) {
        None => FoundField::Missing,
        Some(column) if column.is_generated => FoundField::Generated,
        Some(column) if column.value_kind().is_none() => FoundField::Bytes,
        Some(_) => FoundField::Fit,
    });
    let hash = found.column(&table.columns.password_hash);
    if table.is_encoded()
        && hash.is_some_and(|hash| hash.declared_type.eq_ignore_ascii_case("BLOB"))
    {
        defects.add_other_form(table, "BLOB", "TEXT");
    }
    add_columns_without_value(&mut defects, table, found);
    add_id_defect(&mut defects, table, found);
    for (key, name) in [
        ("id", &table.columns.id),
        ("email_address", &table.columns.email_address),
    ] {
        if found
            .column(name)
            .is_some_and(|column| !found.is_unique(column))
        {
            let defect = "has no unique index of its own on all rows; create one";
            defects.add_unfit_column(table, key, name, defect);
        }
    }
    add_exact_addresses(&mut defects, table, found);
    defects
}

fn add_columns_without_value(defects: &mut Defects, table: &UsersTable, found: &FoundTable) {
    let is_given = |name: &str| {
        let mut names = table.used_columns();
        names.any(|given| given.eq_ignore_ascii_case(name))
    };
    for column in &found.columns {
        if found.needs_value(column) && !is_given(&column.name) {
            defects.add_column_without_value(table, &column.name);
        }
    }
}

fn add_id_defect(defects: &mut Defects, table: &UsersTable, found: &FoundTable) {
    let name = &table.columns.id;
    let Some(id) = found.column(name) else {
        return;
    };
    let is_numbered = found.is_numbered(id);
    let defect = match table.id_generation {
        IdGeneration::Random if id.declared_type.to_ascii_uppercase().contains("INT") => {
            "holds numbers; let the database generate the IDs (users_table.id_generation = \"database\")"
        }
        IdGeneration::Database
            if is_numbered
                && !found
                    .definition
                    .to_ascii_uppercase()
                    .contains("AUTOINCREMENT") =>
        {
            "is not AUTOINCREMENT, so the ID of a deleted user would be used again; make it that, or use random IDs in a column of text"
        }
        IdGeneration::Database if !is_numbered && !id.has_default => {
            "has no default that generates IDs; give it one"
        }
        _ => return,
    };
    defects.add_unfit_column(table, "id", name, defect);
}

/// Adds the lack of an index that ignores letter case, if there has to be one.
fn add_exact_addresses(defects: &mut Defects, table: &UsersTable, found: &FoundTable) {
    let ignores_case = found.address_look_up(table) != AddressLookUp::Column;
    if table.ignores_email_address_case && !ignores_case {
        let (name, address) = (quoted(&table.name), quoted(&table.columns.email_address));
        let index = format!("CREATE UNIQUE INDEX … ON {name} ({address} COLLATE NOCASE)");
        defects.add_exact_addresses(table, &index);
    }
}
