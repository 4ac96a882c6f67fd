//! The sources of templates.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::{EmailTemplatesError, EmailTemplatesOptions};
use crate::built_in::{FILES, TYPES};

/// The templates by path. A later source of the same path replaces an earlier one.
pub(super) struct Sources(BTreeMap<String, String>);

impl Sources {
    /// Collects the built-in templates, then those of the folder, then the replacements.
    pub(super) fn collect(options: &EmailTemplatesOptions) -> Result<Self, EmailTemplatesError> {
        let locale = options.locale.as_str();
        if locale.is_empty()
            || !locale
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Err(EmailTemplatesError(
                "invalid locale of emails; use a language such as \"en\" or \"pt-BR\"".to_owned(),
            ));
        }
        let built_in = FILES
            .iter()
            .map(|(path, source)| ((*path).to_owned(), (*source).to_owned()));
        let mut sources: BTreeMap<_, _> = built_in.collect();
        if let Some(folder) = &options.folder {
            sources.extend(read(folder, "")?);
            sources.extend(read(&folder.join(locale), &format!("{locale}/"))?);
        }
        sources.extend(options.replacements.iter().cloned());
        for name in TYPES.iter().chain(&["footer"]) {
            let path = format!("{locale}/{name}.jinja");
            if !sources.contains_key(&path) {
                return Err(EmailTemplatesError(format!(
                    "no emails in the language {locale:?}: the template {path} is missing"
                )));
            }
        }
        Ok(Self(sources))
    }

    /// Returns the templates under the names used in `include` and `extends`. A `.jinja` file becomes one template for HTML
    /// and one for text; escaping depends on the suffix of the name.
    pub(super) fn templates(self) -> Vec<(String, String)> {
        let mut templates = Vec::new();
        for (path, source) in self.0 {
            match path.strip_suffix(".jinja") {
                Some(name) => {
                    templates.push((format!("{name}.html"), source.clone()));
                    templates.push((format!("{name}.txt"), source));
                }
                None => templates.push((path, source)),
            }
        }
        templates
    }
}

/// Reads the templates directly in a folder. The folder of a language may be missing; the configured folder may not.
fn read(folder: &Path, prefix: &str) -> Result<Vec<(String, String)>, EmailTemplatesError> {
    let failed = |path: &Path, error: &io::Error| {
        let path = path.display();
        EmailTemplatesError(format!("read the email templates in {path}: {error}"))
    };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !prefix.is_empty() => {
            return Ok(Vec::new());
        }
        entries => entries.map_err(|error| failed(folder, &error))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path: PathBuf = entry.map_err(|error| failed(folder, &error))?.path();
        let is_template = path.extension().is_some_and(|extension| {
            ["html", "jinja", "txt"]
                .iter()
                .any(|known| extension == *known)
        });
        if let Some(name) = path
            .file_name()
            .and_then(|name| name.to_str())
            .filter(|_| is_template)
        {
            let source = fs::read_to_string(&path).map_err(|error| failed(&path, &error))?;
            found.push((format!("{prefix}{name}"), source));
        }
    }
    Ok(found)
}
