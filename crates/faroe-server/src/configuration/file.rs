//! The configuration file.

use std::{fs, io, path::Path, sync::Arc};

use faroe_address::holds_password;
use toml::de::DeTable;

use super::{
    entries,
    layer::{Node, Source},
    secret::everyone_can_read,
};
use crate::error::StartError;

/// Reads the file. One with a password is refused if every user of the machine can read it.
pub(super) fn read(path: &Path) -> Result<Node, StartError> {
    let name: Arc<str> = path.display().to_string().into();
    let failed = |error: io::Error| {
        StartError::because(format!("read the configuration file {name}"), &error)
    };
    let metadata = fs::metadata(path).map_err(failed)?;
    let text = fs::read_to_string(path).map_err(failed)?;
    let file = parse(&text, &name)?;
    let mut texts = file.texts().into_iter();
    match texts.find(|(_, text)| holds_password(text)) {
        Some((key, _)) if everyone_can_read(&metadata) => Err(StartError::new(format!(
            "{name}, {key}: the URL has a password, and every user of this machine can read the file; \
             chmod 600 {name}, or put the URL into the environment ({})",
            entries::variable(&key)
        ))),
        _ => Ok(file),
    }
}

pub(super) fn parse(text: &str, name: &Arc<str>) -> Result<Node, StartError> {
    let source = |start: usize| Source::File {
        name: Arc::clone(name),
        line: text.as_bytes()[..start]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1,
    };
    let document = DeTable::parse(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        StartError::new(format!("{}: {}", source(start), error.message()))
    })?;
    Ok(Node::from_document(document, &source))
}
