//! The page: markup, style, script and data in one document, assembled once. It only sends requests to its own server.

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use faroe_core::protocol::schema::{ActionSchema, server_actions};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const DOCUMENT: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const FLOWS: &str = include_str!("flows.json");
const ERROR_CODES: &str = include_str!("error_codes.json");

/// The script, one module. Later files use earlier ones.
const SCRIPT: &str = concat!(
    include_str!("dom.js"),
    include_str!("state.js"),
    include_str!("exchanges.js"),
    include_str!("inbox.js"),
    include_str!("flow.js"),
    include_str!("actions.js"),
    include_str!("main.js"),
);

/// The page with its content security policy.
#[derive(Clone, Debug)]
pub(super) struct Page {
    document: String,
    policy: HeaderValue,
}

impl Page {
    pub(super) fn new(signup_fields: &[String]) -> Self {
        let document = DOCUMENT
            .replacen("{style}", STYLE, 1)
            .replacen("{script}", SCRIPT, 1)
            .replacen("{data}", &data(signup_fields), 1);
        Self {
            document,
            policy: HeaderValue::try_from(policy()).expect("hashes are ASCII"),
        }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let opener_policy = HeaderName::from_static("cross-origin-opener-policy");
        let headers = [
            (header::CONTENT_SECURITY_POLICY, self.policy),
            (opener_policy, HeaderValue::from_static("same-origin")),
        ];
        (headers, Html(self.document)).into_response()
    }
}

/// Returns the content security policy. Only the document's own script and style apply, and only this server is reachable.
fn policy() -> String {
    format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; frame-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
         trusted-types 'none'",
        source(SCRIPT),
        source(STYLE),
    )
}

/// Returns the source expression for an inline element, a hash of its content.
fn source(content: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(content)))
}

/// Returns the data for the script, as JSON that cannot close the surrounding element.
fn data(signup_fields: &[String]) -> String {
    let read = |text| serde_json::from_str::<Value>(text).expect("tests read these files");
    let action = |action: ActionSchema| {
        json!({
            "name": action.name,
            "arguments": action.arguments,
            "optional_arguments": action.optional_arguments,
            "values": action.values,
            "error_codes": action.error_codes,
            "extension_error_codes": action.extension_error_codes,
        })
    };
    let actions: Vec<_> = server_actions().into_iter().map(action).collect();
    let data = json!({
        "actions": actions,
        "flows": read(FLOWS),
        "error_codes": read(ERROR_CODES),
        "signup_fields": signup_fields,
    });
    data.to_string().replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_action_occurs_once_in_the_flows() {
        let flows: Value = serde_json::from_str(FLOWS).unwrap();
        let flows = flows.as_array().unwrap();
        let places = flows.iter().flat_map(|flow| {
            let places = [&flow["steps"], &flow["also"]];
            places
                .map(|list| list.as_array().unwrap())
                .into_iter()
                .flatten()
        });
        let mut placed: Vec<_> = places
            .map(|place| place["action"].as_str().unwrap())
            .collect();
        let mut actions: Vec<_> = server_actions().iter().map(|action| action.name).collect();
        placed.sort_unstable();
        actions.sort_unstable();
        assert_eq!(placed, actions);
    }

    #[test]
    fn every_error_code_is_explained() {
        let explained: Value = serde_json::from_str(ERROR_CODES).unwrap();
        let explained: BTreeSet<_> = explained.as_object().unwrap().keys().cloned().collect();
        let actions = server_actions();
        let codes = actions.iter().flat_map(|action| {
            let extensions = &action.extension_error_codes;
            action.error_codes.iter().chain(extensions)
        });
        let codes: BTreeSet<_> = codes.map(|code| (*code).to_owned()).collect();
        assert_eq!(explained, codes);
    }

    #[test]
    fn the_document_contains_style_script_and_data() {
        let Page { document, policy } = Page::new(&["full_name".into()]);
        for (start, content, end) in [
            ("<style>", STYLE, "</style>"),
            ("<script type=\"module\">", SCRIPT, "</script>"),
        ] {
            assert!(document.contains(&format!("{start}{content}{end}")));
            assert!(policy.to_str().unwrap().contains(&source(content)));
        }
        let (_, data) = document.split_once("id=\"data\">").unwrap();
        let (data, _) = data.split_once("</script>").unwrap();
        let data: Value = serde_json::from_str(data).unwrap();
        let shown = data["actions"].as_array().unwrap().len();
        assert_eq!(shown, server_actions().len());
        assert_eq!(data["signup_fields"], json!(["full_name"]));
    }
}
