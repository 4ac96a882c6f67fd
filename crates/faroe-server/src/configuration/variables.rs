//! Settings in environment variables and flags.

use std::{collections::BTreeMap, ffi::OsString};

use toml::de::DeValue;

use super::{
    Settings,
    entries::{self, Entry, PREFIX, entries},
    key::Shape,
    layer::{Content, Node, Source},
    setting::Setting,
    suggestion::suggest,
};
use crate::error::StartError;

/// Names the configuration file.
pub(crate) const FILE: &str = "FAROE_CONFIG";

/// Reads the variables that set keys. The other ones are returned as well.
pub(super) fn read(
    environment: &BTreeMap<OsString, OsString>,
) -> Result<(Node, Vec<String>), StartError> {
    let mut layer = Node::table(Source::Default);
    let mut others = Vec::new();
    for (name, value) in environment {
        let name = name.to_string_lossy().into_owned();
        let Some((path, shape)) = find(&name) else {
            others.push(name);
            continue;
        };
        let value = value
            .to_str()
            .ok_or_else(|| StartError::new(format!("{name}: {path}: expected a text in UTF-8")))?;
        set(
            &mut layer,
            &path,
            shape,
            value.trim_end(),
            &Source::Variable(name),
        )?;
    }
    Ok((layer, others))
}

/// Returns the path of the key that a variable sets, and the shape of that key.
fn find(variable: &str) -> Option<(String, Shape)> {
    let own = |entry: &Entry| entry.flag_variable().as_deref() == Some(variable);
    if let Some(entry) = entries().into_iter().find(own) {
        return Some((entry.path, entry.key.shape));
    }
    let path = variable
        .strip_prefix(PREFIX)?
        .replace("__", ".")
        .to_lowercase();
    let shape = shape_of(&path)?;
    (entries::variable(&path) == variable).then_some((path, shape))
}

/// Returns the shape of the key with this path, if it exists.
pub(super) fn shape_of(path: &str) -> Option<Shape> {
    let mut names = path.split('.');
    names.try_fold(Settings::SHAPE, |shape, name| shape.below(name))
}

/// Sets a key to what a text says.
pub(super) fn set(
    layer: &mut Node,
    path: &str,
    shape: Shape,
    text: &str,
    source: &Source,
) -> Result<(), StartError> {
    let content = match (shape, source) {
        // The secret stays where it is until it is used.
        (Shape::Secret, Source::Variable(name)) => {
            let place = Node {
                source: source.clone(),
                content: Content::Text(name.clone()),
            };
            Content::Table(BTreeMap::from([("environment".to_owned(), place)]))
        }
        (Shape::Value, _) => Content::Untyped(text.to_owned()),
        (Shape::Open | Shape::Url, _) if !text.starts_with('{') => {
            Content::Untyped(text.to_owned())
        }
        _ => table(text, source).ok_or_else(|| {
            StartError::new(format!(
                "{source}: {path}: expected a TOML table, such as {{ key = \"value\" }}"
            ))
        })?,
    };
    let node = Node {
        source: source.clone(),
        content,
    };
    let names: Vec<_> = path.split('.').collect();
    layer.insert(&names, node).map_err(|other| {
        StartError::new(format!(
            "{other} and {source} both set {path}; remove one of them"
        ))
    })
}

fn table(text: &str, source: &Source) -> Option<Content> {
    let value = DeValue::parse(text).ok()?;
    let content = Node::from_toml(value, &|_| source.clone()).content;
    matches!(content, Content::Table(_)).then_some(content)
}

/// Returns the variables among these that nothing reads, each with the name that was probably meant.
pub(super) fn unknown(others: &[String], settings: &Node) -> Vec<String> {
    let known = entries();
    let texts = settings.texts();
    let is_read = |name: &String| {
        let names_it =
            |(path, text): &(String, &str)| path.ends_with(".environment") && *text == name;
        name == FILE
            || known.iter().any(|entry| entry.key.variable == Some(name))
            || texts.iter().any(names_it)
    };
    let names: Vec<_> = known.iter().flat_map(Entry::variables).collect();
    let others = others.iter().filter(|name| !is_read(name));
    let others = others.map(|name| format!("{name}{}", suggest(name, &names)));
    others.collect()
}
