//! The fields of a new user that clients give at sign-up, and their columns.

use std::collections::BTreeMap;

use faroe_protocol::fields::{UserFieldValue, UserFields};
use serde::Deserialize;

/// The names of the fields that a client may give at sign-up, and of their columns. In a configuration file it is a list of
/// columns, or a table with the column of each field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Form")]
pub struct SignupFields(BTreeMap<String, String>);

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a list of columns, or a table with the column of each field"
)]
enum Form {
    Names(Vec<String>),
    /// As in an environment variable: names between commas.
    Text(String),
    Columns(BTreeMap<String, String>),
}

impl From<Form> for SignupFields {
    fn from(form: Form) -> Self {
        match form {
            Form::Names(names) => names.into_iter().map(|name| (name.clone(), name)).collect(),
            Form::Text(text) => {
                let names = text.split(',').map(str::trim);
                let names = names.filter(|name| !name.is_empty());
                names.map(|name| (name, name)).collect()
            }
            Form::Columns(columns) => Self(columns),
        }
    }
}

/// Collects fields and their columns.
impl<F: Into<String>, C: Into<String>> FromIterator<(F, C)> for SignupFields {
    fn from_iter<I: IntoIterator<Item = (F, C)>>(fields: I) -> Self {
        let fields = fields.into_iter();
        Self(
            fields
                .map(|(field, column)| (field.into(), column.into()))
                .collect(),
        )
    }
}

impl SignupFields {
    /// The names of the fields, each with that of its column.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.0.iter();
        fields.map(|(field, column)| (field.as_str(), column.as_str()))
    }

    /// The names of the fields.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(field, _)| field)
    }

    /// The names of the columns.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(_, column)| column)
    }

    /// Checks whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The values that a column takes at sign-up without changing them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// Text.
    Text,
    /// Integers.
    Integer,
    /// Integers, and booleans as 0 and 1.
    IntegerOrBoolean,
    /// Booleans.
    Boolean,
    /// Fractions, and the integers that a floating-point number of 4 bytes holds exactly.
    Single,
    /// Fractions, and the integers that a floating-point number of 8 bytes holds exactly.
    Double,
    /// Fractions and integers.
    Decimal,
    /// Anything.
    Any,
}

impl ValueKind {
    fn accepts(self, value: &UserFieldValue) -> bool {
        match value {
            UserFieldValue::Text(text) => {
                matches!(self, Self::Text | Self::Any) && !text.contains('\0')
            }
            UserFieldValue::Integer(integer) => match self {
                Self::Integer | Self::IntegerOrBoolean | Self::Decimal | Self::Any => true,
                Self::Single => integer.unsigned_abs() <= 1 << f32::MANTISSA_DIGITS,
                Self::Double => integer.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS,
                Self::Text | Self::Boolean => false,
            },
            UserFieldValue::Fraction(_) => matches!(
                self,
                Self::Single | Self::Double | Self::Decimal | Self::Any
            ),
            UserFieldValue::Boolean(_) => {
                matches!(self, Self::Boolean | Self::IntegerOrBoolean | Self::Any)
            }
            _ => false,
        }
    }
}

/// The column of a field, as the database describes it.
#[derive(Clone, Debug)]
pub struct SignupColumn {
    /// The name of the field.
    pub field: String,
    /// The name of the column, quoted.
    pub column: String,
    /// The type of the column, for a cast of its values.
    pub type_name: String,
    /// The values that the column takes.
    pub kind: ValueKind,
    /// The longest text that the column holds, in characters.
    pub max_size: Option<usize>,
    /// True if a new user needs a value.
    pub needs_value: bool,
}

/// The columns of all fields of a table.
#[derive(Clone, Debug, Default)]
pub struct SignupColumns(Vec<SignupColumn>);

impl FromIterator<SignupColumn> for SignupColumns {
    fn from_iter<I: IntoIterator<Item = SignupColumn>>(columns: I) -> Self {
        Self(columns.into_iter().collect())
    }
}

impl SignupColumns {
    /// Checks whether the table has no fields.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of the columns, quoted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|column| column.column.as_str())
    }

    /// Returns the columns of these fields with their values, or `None` if a field has no column, a mandatory one is
    /// missing, or a column does not take its value as it is.
    pub fn given<'a>(
        &'a self,
        fields: &'a UserFields,
    ) -> Option<Vec<(&'a SignupColumn, &'a UserFieldValue)>> {
        let mut given = Vec::new();
        for column in &self.0 {
            match fields.get(&column.field) {
                Some(value) if column.accepts(value) => given.push((column, value)),
                None if !column.needs_value => {}
                _ => return None,
            }
        }
        (given.len() == fields.iter().count()).then_some(given)
    }
}

impl SignupColumn {
    fn accepts(&self, value: &UserFieldValue) -> bool {
        let fits = match (value, self.max_size) {
            (UserFieldValue::Text(text), Some(max)) => text.chars().count() <= max,
            _ => true,
        };
        fits && self.kind.accepts(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(kind: ValueKind) -> SignupColumn {
        SignupColumn {
            field: "field".into(),
            column: "\"column\"".into(),
            type_name: String::new(),
            kind,
            max_size: Some(3),
            needs_value: false,
        }
    }

    #[test]
    fn p81_a_column_takes_only_values_that_it_holds_as_they_are() {
        use ValueKind::*;

        let values: [(UserFieldValue, &[ValueKind]); 9] = [
            ("äöü".into(), &[Text, Any]),
            ("1234".into(), &[]),
            ("a\0".into(), &[]),
            (true.into(), &[Boolean, IntegerOrBoolean, Any]),
            (
                1.into(),
                &[Integer, IntegerOrBoolean, Single, Double, Decimal, Any],
            ),
            (
                16_777_217.into(),
                &[Integer, IntegerOrBoolean, Double, Decimal, Any],
            ),
            (
                9_007_199_254_740_993.into(),
                &[Integer, IntegerOrBoolean, Decimal, Any],
            ),
            (i64::MIN.into(), &[Integer, IntegerOrBoolean, Decimal, Any]),
            (0.5.into(), &[Single, Double, Decimal, Any]),
        ];
        for (value, expected) in values {
            let fields = UserFields::from_iter([("field", value.clone())]);
            for kind in [
                Text,
                Integer,
                IntegerOrBoolean,
                Boolean,
                Single,
                Double,
                Decimal,
                Any,
            ] {
                let columns = SignupColumns::from_iter([column(kind)]);
                let is_taken = columns.given(&fields).is_some();
                assert_eq!(is_taken, expected.contains(&kind), "{value:?} {kind:?}");
            }
        }
    }

    #[test]
    fn p81_unknown_and_missing_fields_are_refused() {
        let fields = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name, "x"))
                .collect::<UserFields>()
        };
        let mut mandatory = column(ValueKind::Text);
        mandatory.needs_value = true;
        let mut optional = column(ValueKind::Text);
        optional.field = "optional".into();
        let columns = SignupColumns::from_iter([mandatory, optional]);
        for (given, expected) in [
            (&["field"][..], Some(1)),
            (&["field", "optional"], Some(2)),
            (&[], None),
            (&["optional"], None),
            (&["field", "is_admin"], None),
            (&["field", "optional", "Field"], None),
            (&["\"column\""], None),
        ] {
            let fields = fields(given);
            let given = columns.given(&fields).map(|given| given.len());
            assert_eq!(given, expected);
        }
    }
}
