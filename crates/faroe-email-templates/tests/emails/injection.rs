//! P42: a name or an address cannot inject headers or markup.

use std::cell::Cell;

use faroe_core::email::EmailContent;
use faroe_email_templates::RenderedEmail;
use html5gum::{Token, Tokenizer};
use proptest::prelude::*;

use crate::{contents, in_language, render};

/// Returns the structure of a document: every tag with its attributes and every comment, in order. Adjacent texts count as
/// one.
fn tree(html: &str) -> Vec<String> {
    let mut tree: Vec<String> = Vec::new();
    for Ok(token) in Tokenizer::new(html) {
        let node = match token {
            Token::String(_) => "text".to_owned(),
            Token::Error(error) => panic!("bad HTML: {error:?}"),
            other => format!("{other:?}"),
        };
        if node != "text" || tree.last().is_none_or(|last| last != "text") {
            tree.push(node);
        }
    }
    tree
}

fn emails(locale: &str, name: &str, address: &str) -> Vec<RenderedEmail> {
    let templates = in_language(locale);
    let contents = contents(name, address).into_iter();
    contents
        .map(|content| render(&templates, content))
        .collect()
}

/// Text that would do harm if it were not escaped.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<script>alert(1)</script>"),
        Just("</td></tr></table>"),
        Just("<img src=x onerror=alert(1)>"),
        Just("<!--"),
        Just("-->"),
        Just("]]>"),
        Just("&lt;b&gt;"),
        Just("&#60;"),
        Just("\" onmouseover=\""),
        Just("' style='"),
        Just("\r\nBcc: evil@example.com\r\n"),
        Just("\r\n\r\n"),
        Just("{{ 7 * 7 }}"),
        Just("{% include \"layout.html\" %}"),
        Just("</title><style>"),
        Just("\u{202e}\u{200b}\u{2028}\0"),
        Just("Ada"),
    ];
    let pieces = prop::collection::vec(piece.prop_map(str::to_owned), 0..4);
    (pieces, any::<String>()).prop_map(|(pieces, noise)| pieces.concat() + &noise)
}

/// Addresses with every character that the protocol allows.
fn address() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9!#$%&'*+/=?^_{|}~.-]{1,40}@[a-zA-Z0-9-]{1,20}\\.[a-z]{2,5}"
}

#[test]
fn p42_the_html_tree_does_not_depend_on_the_name_and_the_address() {
    let harmless = ["en", "de"].map(|locale| (locale, emails(locale, "Ada", "new@example.com")));
    let cases = Cell::new(0);
    proptest!(|(name in hostile(), address in address())| {
        for (locale, harmless) in &harmless {
            for (hostile, harmless) in emails(locale, &name, &address).iter().zip(harmless) {
                prop_assert_eq!(tree(&hostile.html), tree(&harmless.html));
                prop_assert_eq!(&hostile.subject, &harmless.subject);
                // An extra line would be a paragraph that is not in the template.
                prop_assert_eq!(hostile.text.lines().count(), harmless.text.lines().count());
                cases.set(cases.get() + 1);
            }
        }
    });
    let cases = cases.get();
    faroe_testkit::promise::report(
        "P42",
        format!("{cases} messages with hostile names, each with the same HTML tree"),
    );
}

#[test]
fn p42_a_name_in_a_custom_subject_stays_on_one_line() {
    use faroe_email_templates::{EmailRenderer, EmailTemplates, EmailTemplatesOptions};
    let path = "en/user_signed_in_notification.jinja".to_owned();
    let source = "{% extends \"layout.\" ~ form %}{% block subject %}{{ display_name }}\n{{ to }}{% endblock %}\
                  {% block before %}{% endblock %}{% block after %}{% endblock %}";
    let templates = EmailTemplates::new(EmailTemplatesOptions {
        replacements: vec![(path, source.to_owned())],
        ..EmailTemplatesOptions::new("Example")
    })
    .unwrap();
    let [.., signed_in, _, _] = contents("Ada\r\nBcc: evil@example.com", "");
    assert!(matches!(
        signed_in,
        EmailContent::UserSignedInNotification { .. }
    ));
    let email = templates
        .render(&faroe_core::email::EmailMessage::new("a@x.y", signed_in))
        .unwrap();
    assert_eq!(email.subject, "Ada Bcc: evil@example.com a@x.y");
}

#[test]
fn an_injected_tag_changes_the_tree() {
    let page = &emails("en", "Ada", "new@example.com")[3].html;
    let injected = page.replace("Ada", "<b>Ada</b>");
    assert_ne!(tree(page), tree(&injected));
    assert_ne!(tree(page), tree(&page.replace("Ada", "<!-- Ada -->")));
}
