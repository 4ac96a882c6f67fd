//! Replacing messages.

use std::fs;

use faroe_core::{
    email::{EmailContent, EmailMessage},
    error::AdapterError,
};
use faroe_email_templates::{EmailRenderer, EmailTemplates, EmailTemplatesOptions, RenderedEmail};

use crate::{contents, render};

const SIGNED_IN: &str = "en/user_signed_in_notification.jinja";

/// Returns a template with a single sentence.
fn sentence(text: &str) -> String {
    format!(
        "{{% extends \"layout.\" ~ form %}}{{% block subject %}}{text}{{% endblock %}}\
         {{% block before %}}{text}{{% endblock %}}{{% block after %}}{{% endblock %}}"
    )
}

fn options() -> EmailTemplatesOptions {
    EmailTemplatesOptions::new("Example")
}

#[test]
fn a_file_replaces_one_message_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("en")).unwrap();
    fs::write(
        folder.path().join(SIGNED_IN),
        sentence("Hi {{ display_name }}!"),
    )
    .unwrap();
    fs::write(folder.path().join("notes.md"), "{{ not a template }}").unwrap();
    let templates = EmailTemplates::new(EmailTemplatesOptions {
        folder: Some(folder.path().to_owned()),
        ..options()
    })
    .unwrap();
    let built_in = EmailTemplates::new(options()).unwrap();
    for content in contents("<Ada>", "new@example.com") {
        let is_replaced = matches!(content, EmailContent::UserSignedInNotification { .. });
        let (email, other) = (
            render(&templates, content.clone()),
            render(&built_in, content),
        );
        if is_replaced {
            assert_eq!(email.subject, "Hi <Ada>!");
            assert!(email.text.starts_with("Hi <Ada>!\n"), "{}", email.text);
            assert!(email.html.contains("Hi &lt;Ada&gt;!</p>"), "{}", email.html);
        } else {
            assert_eq!(email.html, other.html);
        }
    }
}

#[test]
fn a_replacement_takes_precedence_over_a_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("layout.txt"), "from the folder").unwrap();
    let templates = EmailTemplates::new(EmailTemplatesOptions {
        folder: Some(folder.path().to_owned()),
        replacements: vec![("layout.txt".to_owned(), "from the program".to_owned())],
        ..options()
    })
    .unwrap();
    for content in contents("Ada", "new@example.com") {
        assert_eq!(render(&templates, content).text, "from the program");
    }
}

#[test]
fn a_message_can_be_written_in_code() {
    #[derive(Debug)]
    struct Mine(EmailTemplates);

    impl EmailRenderer for Mine {
        fn render(&self, message: &EmailMessage) -> Result<RenderedEmail, AdapterError> {
            match &message.content {
                EmailContent::UserSignedInNotification { .. } => Ok(RenderedEmail {
                    subject: "Hi!".to_owned(),
                    text: "You are in.".to_owned(),
                    html: "<p>You are in.</p>".to_owned(),
                }),
                _ => self.0.render(message),
            }
        }
    }

    let mine = Mine(EmailTemplates::new(options()).unwrap());
    let subjects: Vec<_> = contents("Ada", "new@example.com")
        .into_iter()
        .map(|content| {
            let to = "ada@example.com".to_owned();
            mine.render(&EmailMessage::new(to, content))
                .unwrap()
                .subject
                .clone()
        })
        .collect();
    assert_eq!(subjects[0], "Your code to sign up for Example");
    assert_eq!(subjects[3], "Hi!");
}

#[test]
fn a_new_language_needs_every_file() {
    let mut replacements = vec![("fo/footer.jinja".to_owned(), "Takk.".to_owned())];
    for content in contents("", "") {
        let refused = EmailTemplates::new(EmailTemplatesOptions {
            locale: "fo".to_owned(),
            replacements: replacements.clone(),
            ..options()
        });
        let missing = format!("fo/{}.jinja is missing", content.type_name());
        assert!(refused.unwrap_err().to_string().contains(&missing));
        replacements.push((
            format!("fo/{}.jinja", content.type_name()),
            sentence("Hey."),
        ));
    }
    let templates = EmailTemplates::new(EmailTemplatesOptions {
        locale: "fo".to_owned(),
        replacements,
        ..options()
    })
    .unwrap();
    for content in contents("Ada", "new@example.com") {
        assert_eq!(render(&templates, content).subject, "Hey.");
    }
}

#[test]
fn an_error_in_a_template_is_one_line_that_names_it() {
    for (path, source, named) in [
        (
            SIGNED_IN,
            sentence("{{ disply_name }}"),
            "user_signed_in_notification.txt:1",
        ),
        (
            SIGNED_IN,
            "{% block subject %}".to_owned(),
            "user_signed_in_notification",
        ),
        (SIGNED_IN, "no blocks".to_owned(), "subject"),
        (SIGNED_IN, sentence("{{ display_name | shout }}"), "shout"),
        (
            "layout.html",
            "\n\n{{ self.later() }}".to_owned(),
            "layout.html:3",
        ),
        (
            "layout.html",
            "{% include \"../secret.html\" %}".to_owned(),
            "secret.html",
        ),
    ] {
        let refused = EmailTemplates::new(EmailTemplatesOptions {
            replacements: vec![(path.to_owned(), source)],
            ..options()
        });
        let message = refused.unwrap_err().to_string();
        assert!(
            message.contains(named) && message.lines().count() == 1,
            "{message}"
        );
    }
    for locale in ["", "../en", "en/../../etc", "en_US"] {
        let locale = locale.to_owned();
        let refused = EmailTemplates::new(EmailTemplatesOptions {
            locale,
            ..options()
        });
        assert!(refused.unwrap_err().to_string().contains("locale"));
    }
    let folder = Some("/no/such/folder".into());
    let refused = EmailTemplates::new(EmailTemplatesOptions {
        folder,
        ..options()
    });
    assert!(refused.unwrap_err().to_string().contains("/no/such/folder"));
}

#[test]
fn a_message_that_cannot_be_rendered_is_not_quoted() {
    let source =
        sentence("{{ display_name if display_name in [\"\", \"Ada\"] else display_name + 1 }}");
    let templates = EmailTemplates::new(EmailTemplatesOptions {
        replacements: vec![(SIGNED_IN.to_owned(), source)],
        ..options()
    })
    .unwrap();
    let [.., signed_in, _, _] = contents("canary", "");
    let to = "canary@example.com".to_owned();
    let error = templates
        .render(&EmailMessage::new(to, signed_in))
        .unwrap_err();
    let chain = faroe_core::error::ErrorChain(&error).to_string();
    assert!(
        chain.contains("line 1 of en/user_signed_in_notification"),
        "{chain}"
    );
    assert!(!chain.contains("canary"), "{chain}");
}
