//! Settings as a tree that remembers where each of them was set.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde_path_to_error::Segment;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::key::Shape;

/// The place where a value was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Default,
    File { name: Arc<str>, line: usize },
    Variable(String),
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { name, line } => write!(f, "{name}, line {line}"),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// A value or a table. It has no `Debug`, because it may hold a password.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) source: Source,
    pub(super) content: Content,
}

#[derive(Clone)]
pub(super) enum Content {
    Table(BTreeMap<String, Node>),
    List(Vec<Node>),
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Date,
    /// A text from the environment or a flag. It becomes a value of the type that is asked for.
    Untyped(String),
}

impl Node {
    pub(super) fn table(source: Source) -> Self {
        let content = Content::Table(BTreeMap::new());
        Self { source, content }
    }

    /// Returns a layer with the defaults of all keys.
    pub(super) fn defaults(shape: Shape) -> Self {
        let mut defaults = Self::table(Source::Default);
        let (Content::Table(table), Shape::Section(keys)) = (&mut defaults.content, shape) else {
            return defaults;
        };
        for key in keys {
            let is_table = matches!(key.shape, Shape::Section(_) | Shape::Map(_));
            let mut default = is_table.then(|| Self::defaults(key.shape));
            if let Some(text) = (key.default)() {
                let value = DeValue::parse(&text).expect("a default is written in TOML");
                let own = Self::from_toml(value, &|_| Source::Default);
                match &mut default {
                    Some(section) => section.merge(own, key.shape),
                    None => default = Some(own),
                }
            }
            table.extend(default.map(|default| (key.name.to_owned(), default)));
        }
        defaults
    }

    /// Converts a TOML value. `source` tells the source of what starts at this byte.
    pub(super) fn from_toml(value: Spanned<DeValue<'_>>, source: &dyn Fn(usize) -> Source) -> Self {
        let start = value.span().start;
        let content = match value.into_inner() {
            DeValue::Table(table) => Content::Table(entries(table, source)),
            DeValue::Array(values) => {
                let values = values.into_iter();
                Content::List(values.map(|value| Self::from_toml(value, source)).collect())
            }
            DeValue::String(text) => Content::Text(text.into_owned()),
            DeValue::Integer(integer) => {
                let value = i64::from_str_radix(integer.as_str(), integer.radix());
                // No key takes a number as large as that.
                value.map_or(Content::Float(f64::INFINITY), Content::Integer)
            }
            DeValue::Float(float) => Content::Float(float.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(value) => Content::Boolean(value),
            DeValue::Datetime(_) => Content::Date,
        };
        Self {
            source: source(start),
            content,
        }
    }

    pub(super) fn from_document(
        table: Spanned<DeTable<'_>>,
        source: &dyn Fn(usize) -> Source,
    ) -> Self {
        Self {
            source: source(table.span().start),
            content: Content::Table(entries(table.into_inner(), source)),
        }
    }

    /// Returns what is set below this key.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        match &self.content {
            Content::Table(table) => table.get(name),
            _ => None,
        }
    }

    /// Sets a key below this one. If it is set already, `Err` is the source of that.
    pub(super) fn insert(&mut self, path: &[&str], node: Self) -> Result<(), Source> {
        let ([name, rest @ ..], Content::Table(table)) = (path, &mut self.content) else {
            return Err(self.source.clone());
        };
        if !rest.is_empty() {
            let below = table.entry((*name).to_owned());
            let below = below.or_insert_with(|| Self::table(node.source.clone()));
            return below.insert(rest, node);
        }
        match table.get(*name) {
            Some(other) => Err(other.source.clone()),
            None => {
                table.insert((*name).to_owned(), node);
                Ok(())
            }
        }
    }

    /// Lays another layer over this one. Tables are merged; anything else replaces what was there, a secret's place too.
    pub(super) fn merge(&mut self, over: Self, shape: Shape) {
        let is_merged = matches!(shape, Shape::Section(_) | Shape::Map(_) | Shape::Open);
        match (&mut self.content, over.content) {
            (Content::Table(under), Content::Table(over)) if is_merged => {
                for (name, node) in over {
                    let shape = shape.below(&name).unwrap_or(Shape::Value);
                    match under.get_mut(&name) {
                        Some(under) => under.merge(node, shape),
                        None => drop(under.insert(name, node)),
                    }
                }
            }
            (_, content) => {
                *self = Self {
                    source: over.source,
                    content,
                };
            }
        }
    }

    /// Returns the source of the value with this path, or of the table or text that it would be in.
    pub(super) fn source_of<'p>(&self, path: impl IntoIterator<Item = &'p Segment>) -> &Source {
        let mut node = self;
        for segment in path {
            let below = match (segment, &node.content) {
                (Segment::Map { key }, Content::Table(table)) => table.get(key),
                (Segment::Seq { index }, Content::List(list)) => list.get(*index),
                _ => None,
            };
            match below {
                Some(below) => node = below,
                None => break,
            }
        }
        &node.source
    }

    /// Returns all texts with their paths.
    pub(super) fn texts(&self) -> Vec<(String, &str)> {
        let mut texts = Vec::new();
        self.collect_texts("", &mut texts);
        texts
    }

    fn collect_texts<'a>(&'a self, path: &str, texts: &mut Vec<(String, &'a str)>) {
        match &self.content {
            Content::Table(table) => {
                for (name, node) in table {
                    let dot = if path.is_empty() { "" } else { "." };
                    node.collect_texts(&format!("{path}{dot}{name}"), texts);
                }
            }
            Content::List(list) => {
                for (index, node) in list.iter().enumerate() {
                    node.collect_texts(&format!("{path}[{index}]"), texts);
                }
            }
            Content::Text(text) | Content::Untyped(text) => texts.push((path.to_owned(), text)),
            _ => {}
        }
    }
}

/// The source of an entry is that of its key.
fn entries(table: DeTable<'_>, source: &dyn Fn(usize) -> Source) -> BTreeMap<String, Node> {
    let entries = table.into_iter().map(|(name, value)| {
        let start = name.span().start;
        let node = Node {
            source: source(start),
            ..Node::from_toml(value, source)
        };
        (name.into_inner().into_owned(), node)
    });
    entries.collect()
}

/// Writes a default in TOML; no default is a list with items.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.content {
            Content::Text(text) => write!(f, "{text:?}"),
            Content::Integer(number) => number.fmt(f),
            Content::Boolean(value) => value.fmt(f),
            Content::List(list) if list.is_empty() => f.write_str("[]"),
            _ => Ok(()),
        }
    }
}
