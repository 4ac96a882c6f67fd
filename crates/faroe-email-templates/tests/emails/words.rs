//! The texts of the messages.

use faroe_email_templates::RenderedEmail;

use crate::{CODE, TEMPORARY_PASSWORD, contents, in_language, render};

/// Returns the text of an HTML document without markup and styles.
fn visible_text(html: &str) -> String {
    let (_, body) = html.split_once("<body").unwrap();
    let mut text = String::new();
    for part in body.split('<').skip(1) {
        text.push_str(part.split_once('>').unwrap().1);
    }
    text
}

fn all(locale: &str) -> Vec<RenderedEmail> {
    let templates = in_language(locale);
    contents("Ada", "new@example.com")
        .into_iter()
        .map(|content| render(&templates, content))
        .collect()
}

#[test]
fn every_message_is_complete_in_every_language_and_form() {
    for locale in ["en", "de"] {
        let emails = all(locale);
        let required: [&[&str]; 6] = [
            &[CODE],
            &[CODE],
            &["Ada,", TEMPORARY_PASSWORD],
            &["Ada,", "2026-11-25 09:33 UTC"],
            &["Ada,", "2026-11-25 09:33 UTC", "help@example.com"],
            &[
                "Ada,",
                "2026-11-25 09:33 UTC",
                "new@example.com",
                "help@example.com",
            ],
        ];
        for (email, required) in emails.iter().zip(required) {
            let visible = visible_text(&email.html);
            for part in required.iter().chain(&["Example"]) {
                assert!(
                    email.text.contains(part),
                    "{locale}: {part}: {}",
                    email.text
                );
                assert!(visible.contains(part), "{locale}: {part}: {visible}");
            }
            assert!(email.subject.contains("Example"), "{}", email.subject);
        }
    }
}

#[test]
fn the_languages_are_different() {
    for (english, german) in all("en").iter().zip(all("de")) {
        assert_ne!(english.subject, german.subject);
        assert_ne!(english.text, german.text);
        assert!(german.html.contains("<html lang=\"de\">"));
        assert!(english.html.contains("<html lang=\"en\">"));
    }
}

#[test]
fn a_code_is_a_paragraph_of_its_own_and_spelled_out_below() {
    let email = &all("en")[0];
    let lines: Vec<_> = email.text.lines().collect();
    let at = lines.iter().position(|line| *line == CODE).unwrap();
    assert_eq!((lines[at - 1], lines[at + 1]), ("", ""));
    assert_eq!(lines[at + 2], "Kilo Lima Mike November 2 3 4 5");
    assert!(
        visible_text(&email.html).contains("Kilo · Lima · Mike · November · 2 · 3 · 4 · 5"),
        "{}",
        email.html
    );
}

#[test]
fn neither_the_subject_nor_debug_contains_a_code() {
    for email in all("en").iter().chain(&all("de")) {
        for code in [CODE, TEMPORARY_PASSWORD] {
            assert!(!email.subject.contains(code));
            assert!(!format!("{email:?}").contains(code));
        }
    }
}

#[test]
fn html_has_no_links_and_loads_nothing() {
    for email in all("en") {
        for word in [
            "http", "//", "url(", "src=", "href=", "<img", "<link", "<script", "@import",
        ] {
            assert!(!email.html.contains(word), "{word}: {}", email.html);
        }
    }
}

#[test]
fn text_has_a_signature_and_no_stray_blank_lines() {
    for email in all("en").iter().chain(&all("de")) {
        assert!(!email.text.contains("\n\n\n"), "{}", email.text);
        assert!(!email.text.contains("{{") && !email.text.contains("{%"));
        assert!(
            email
                .text
                .trim_end()
                .lines()
                .last()
                .unwrap()
                .contains("help@example.com")
        );
        assert!(
            email.text.lines().any(|line| line == "-- "),
            "a signature: {}",
            email.text
        );
        assert_eq!(email.text.trim_start(), email.text);
    }
}

#[test]
fn sentences_are_complete_without_a_name_and_a_support_address() {
    let templates = faroe_email_templates::EmailTemplates::new(
        faroe_email_templates::EmailTemplatesOptions::new("Example"),
    )
    .unwrap();
    for content in contents("", "new@example.com") {
        let email = render(&templates, content);
        for broken in ["Hello ,", "  ", " .", " ,", "None", "undefined", "to ."] {
            assert!(!email.text.contains(broken), "{broken:?}: {}", email.text);
        }
    }
}

#[test]
fn a_message_to_an_unverified_address_does_not_show_the_name() {
    for locale in ["en", "de"] {
        let templates = in_language(locale);
        let [_, update, ..] = contents("Win a prize at evil.example", "new@example.com");
        let email = render(&templates, update);
        assert!(!email.text.contains("prize") && !email.html.contains("prize"));
    }
}
