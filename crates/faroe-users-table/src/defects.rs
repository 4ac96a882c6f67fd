//! The reasons why a table is unfit for users.

use std::{error::Error, fmt};

use crate::UsersTable;

/// The keys of the columns that a table may lack.
const OPTIONAL: [&str; 3] = ["disabled", "disabled_counter", "display_name"];

/// All reasons why a table is unfit for users. Each says what helps: a change of the table, or a key of [`UsersTable`], called
/// `users_table.…` as in a configuration file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defects(Vec<String>);

impl Defects {
    /// Adds a reason.
    pub fn add(&mut self, defect: impl Into<String>) {
        self.0.push(defect.into());
    }

    /// Adds the columns for which `exists` returns `false`.
    pub fn add_missing_columns(&mut self, table: &UsersTable, exists: impl Fn(&str) -> bool) {
        let columns = table.columns.keys_and_names();
        let missing = columns.filter(|(_, name)| !exists(name));
        let (keys, names): (Vec<_>, Vec<_>) = missing.unzip();
        if names.is_empty() {
            return;
        }
        let mut defect = format!(
            "the table {:?} lacks the columns {names:?}; add them, or name its own with the keys of \
             users_table.columns: {}",
            table.name,
            keys.join(", "),
        );
        let optional = keys.into_iter().filter(|key| OPTIONAL.contains(key));
        let optional: Vec<_> = optional.collect();
        if !optional.is_empty() {
            defect += &format!(" (\"\" if there is no {})", optional.join(", "));
        }
        self.add(defect);
    }

    /// Adds a defect of the column that this key of `users_table.columns` names: another column can be named instead.
    pub fn add_unfit_column(&mut self, table: &UsersTable, key: &str, name: &str, defect: &str) {
        self.add(format!(
            "the column {name:?} of the table {:?} {defect}, or name another one by users_table.columns.{key}",
            table.name
        ));
    }

    /// Adds the column with this key if it cannot hold what the server writes into it. `max_size` is in characters or bytes.
    pub fn add_short_column(
        &mut self,
        table: &UsersTable,
        key: &str,
        name: &str,
        max_size: Option<usize>,
    ) {
        let least = table.least_size(key);
        if let Some(size) = max_size.filter(|size| *size < least) {
            let defect = format!("holds {size} characters and needs {least}; make it longer");
            self.add_unfit_column(table, key, name, &defect);
        }
    }

    /// Adds the column of addresses because no unique index ignores their letter case. `index` is the statement that creates
    /// one.
    pub fn add_exact_addresses(&mut self, table: &UsersTable, index: &str) {
        self.add(format!(
            "the column {:?} of the table {:?} has no unique index that ignores letter case; run {index}, after two users whose \
             addresses differ in nothing else have got different ones, or set email_address_case = \"exact\"",
            table.columns.email_address, table.name
        ));
    }

    /// Adds a column of the application that needs a value, because a new user is given none for it.
    pub fn add_column_without_value(&mut self, table: &UsersTable, name: &str) {
        self.add(format!(
            "the column {name:?} of the table {:?} may not be NULL and has no default, so no user can be created; give it a \
             default",
            table.name
        ));
    }

    /// Returns `true` if the table is fit.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Writes all reasons in one line, with numbers if there are several.
impl fmt::Display for Defects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [defect] = &self.0[..] {
            return f.write_str(defect);
        }
        write!(f, "{} defects", self.0.len())?;
        for (index, defect) in self.0.iter().enumerate() {
            let separator = if index == 0 { ": " } else { "; " };
            write!(f, "{separator}({}) {defect}", index + 1)?;
        }
        Ok(())
    }
}

impl Error for Defects {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_columns_are_told_with_the_keys_that_name_them() {
        let (table, mut defects) = (UsersTable::default(), Defects::default());
        defects.add_missing_columns(&table, |_| true);
        assert!(defects.is_empty());
        defects.add_missing_columns(&table, |name| name != "id" && name != "disabled");
        assert_eq!(
            defects.to_string(),
            "the table \"users\" lacks the columns [\"id\", \"disabled\"]; add them, or name its own with the keys of \
             users_table.columns: id, disabled (\"\" if there is no disabled)"
        );
    }

    #[test]
    fn several_defects_are_numbered() {
        let mut defects = Defects::default();
        defects.add("a");
        assert_eq!(defects.to_string(), "a");
        defects.add("b");
        assert_eq!(defects.to_string(), "2 defects: (1) a; (2) b");
    }
}
