//! Emails that are sent: in production mode, and by the commands.
#![cfg(unix)]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
    thread,
};

use faroe_testkit::promise;
use serde_json::{Value, json};

use crate::{
    mail_server::MailServer,
    support::{PATIENCE, Program, assert_refused, command, write_private},
};

const PASSWORD: &str = "seven purple lanterns";

/// Sends by this server.
fn configuration(port: u16) -> String {
    format!(
        "mode = \"production\"\nlisten = \"127.0.0.1:0\"\nemail_sender = \"smtp://user@localhost:{port}?tls=off\"\n\
         [email]\nfrom = \"Example <no-reply@example.com>\"\npassword = {{ environment = \"SMTP_PASSWORD\" }}\n\
         [passwords]\nbreach_check = \"off\"\n[ip_rate_limit]\nenabled = false"
    )
}

fn start(mail: &MailServer) -> Program {
    let configuration = configuration(mail.port);
    Program::start_with(&configuration, |command| {
        command.env("SMTP_PASSWORD", "password")
    })
}

/// The code, which stands alone on a line.
fn code(data: &str) -> &str {
    let is_code =
        |line: &&str| line.len() == 8 && line.bytes().all(|byte| byte.is_ascii_alphanumeric());
    data.lines()
        .find(is_code)
        .unwrap_or_else(|| panic!("no code in {data}"))
}

fn sign_up(program: &Program, mail: &MailServer) {
    let signup = program.values(
        "create_signup",
        &json!({ "email_address": "ada@example.com" }),
    );
    let token = &signup["signup_token"];
    let message = mail.next();
    assert_eq!(message.recipient, "RCPT TO:<ada@example.com>");
    let code = code(&message.data);
    let verify = json!({ "signup_token": token, "email_address_verification_code": code });
    program.values("verify_signup_email_address_verification_code", &verify);
    let set = json!({ "signup_token": token, "password": PASSWORD });
    program.values("set_signup_password", &set);
    program.values("complete_signup", &json!({ "signup_token": token }));
}

fn sign_in(program: &Program) {
    let create = json!({ "user_email_address": "ada@example.com" });
    let signin = program.values("create_signin", &create);
    let token = &signin["signin_token"];
    let verify = json!({ "signin_token": token, "password": PASSWORD });
    program.values("verify_signin_user_password", &verify);
    program.values("complete_signin", &json!({ "signin_token": token }));
}

#[test]
fn in_production_codes_and_notifications_are_sent_the_last_before_the_program_ends() {
    let mail = MailServer::start();
    let mut program = start(&mail);
    sign_up(&program, &mail);
    for _ in 0..3 {
        sign_in(&program);
    }
    assert_eq!(program.get("/dev/emails").status, 404, "nothing is shown");
    program.signal("TERM");
    assert_eq!(program.wait().code(), Some(0));
    for _ in 0..3 {
        let message = mail.next();
        assert!(
            message
                .data
                .contains("Subject: New sign-in to your example.com account")
        );
    }
}

/// Requests a sign-up code for this address, and returns `ok` or the error code.
fn request_code(program: &Program, email_address: &str) -> String {
    let create = json!({ "email_address": email_address });
    let answer = program.invoke("create_signup", &create).json();
    answer["error_code"].as_str().unwrap_or("ok").to_owned()
}

#[test]
fn p69_a_mail_server_with_a_limit_for_each_connection_gets_every_message() {
    let mail = MailServer::with_limit(3);
    let program = start(&mail);
    for number in 0..10 {
        let address = format!("user{number}@example.com");
        assert_eq!(request_code(&program, &address), "ok");
        assert_eq!(mail.next().recipient, format!("RCPT TO:<{address}>"));
    }
    promise::report(
        "P69",
        "the program: ten codes with three messages for each connection",
    );
}

#[test]
fn p69_unusual_addresses_get_their_codes() {
    let mail = MailServer::start();
    let configuration = configuration(mail.port).replace(
        "Example <no-reply@example.com>",
        "B\u{fc}cher <no-reply@b\u{fc}cher.example>",
    );
    let program = Program::start_with(&configuration, |command| {
        command.env("SMTP_PASSWORD", "password")
    });
    for (address, written) in [
        ("ada..love@docomo.example", "\"ada..love\"@docomo.example"),
        ("ada.@docomo.example", "\"ada.\"@docomo.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
    ] {
        assert_eq!(request_code(&program, address), "ok");
        let message = mail.next();
        assert_eq!(message.recipient, format!("RCPT TO:<{written}>"));
        assert!(message.data.contains("<no-reply@xn--bcher-kva.example>"));
    }
    assert_eq!(
        request_code(&program, "\"a b\"@example.com"),
        "invalid_email_address"
    );
    promise::report(
        "P69",
        "the program: a sender and three recipients with unusual addresses",
    );
}

#[test]
fn p15_an_outage_of_the_mail_server_uses_up_no_emails() {
    let mail = MailServer::start();
    let program = start(&mail);
    mail.set_refuses(true);
    for _ in 0..10 {
        assert_eq!(request_code(&program, "ada@example.com"), "internal_error");
    }
    mail.set_refuses(false);
    for _ in 0..5 {
        assert_eq!(request_code(&program, "ada@example.com"), "ok");
    }
    assert_eq!(request_code(&program, "ada@example.com"), "rate_limited");
    promise::report("P15", "the program: ten emails refused and five sent");
}

#[test]
fn p70_a_flood_of_sign_ups_leaves_password_resets_alone() {
    let mail = MailServer::start();
    let configuration = format!(
        "{}\n[rate_limits.emails_per_server]\ncapacity = 5\ninterval = \"1 hour\"",
        configuration(mail.port)
    );
    let mut program = Program::start_with(&configuration, |command| {
        command.env("SMTP_PASSWORD", "password")
    });
    sign_up(&program, &mail);
    for number in 0..20 {
        let expected = if number < 4 { "ok" } else { "rate_limited" };
        assert_eq!(
            request_code(&program, &format!("made{number}@up.example")),
            expected
        );
    }
    let reset = json!({ "user_email_address": "ada@example.com" });
    program.values("create_user_password_reset", &reset);
    program.wait_for_log("email limit reached");
    promise::report(
        "P70",
        "the program: 20 sign-ups of made-up addresses and a password reset",
    );
}

#[test]
fn a_mail_server_that_is_gone_fails_a_code_and_nothing_else() {
    let mail = MailServer::start();
    let mut program = start(&mail);
    sign_up(&program, &mail);
    drop(mail);
    // The notification is not taken: the mail server's test thread has no one to give it to.
    sign_in(&program);
    let create = json!({ "email_address": "new@example.com" });
    let answer = program.invoke("create_signup", &create).json();
    assert_eq!(answer["error_code"], "internal_error");
    program.signal("TERM");
    program.wait_for_log("notification dropped");
    assert_eq!(program.wait().code(), Some(0));
}

/// Runs a command of the program to its end, with this configuration.
fn run(folder: &Path, configuration: &str, command_line: &[&str], password: &str) -> Output {
    write_private(&folder.join("faroe.toml"), configuration);
    let mut command = command(folder);
    command.args(["--config", "faroe.toml"]).args(command_line);
    command.env("SMTP_PASSWORD", password).output().unwrap()
}

fn told(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(text).unwrap()
}

#[test]
fn a_test_email_is_sent_as_a_code_is() {
    let (mail, folder) = (MailServer::start(), tempfile::tempdir().unwrap());
    let send = ["send-test-email", "bob@example.com"];
    let sent = run(folder.path(), &configuration(mail.port), &send, "password");
    assert!(sent.status.success(), "{}", told(&sent));
    assert!(told(&sent).contains(&format!("SMTP at localhost:{}", mail.port)));
    let message = mail.next();
    assert_eq!(message.recipient, "RCPT TO:<bob@example.com>");
    assert_eq!(code(&message.data), "TESTTEST");

    let refused = run(folder.path(), &configuration(mail.port), &send, "wrong");
    assert_eq!(refused.status.code(), Some(1));
    let reason = told(&refused);
    assert!(
        reason.contains("sign in to the SMTP server: the server answered 535 5.7.8"),
        "{reason}"
    );
    assert!(!reason.contains("canary"), "{reason}");

    let nothing = run(folder.path(), "", &send, "");
    assert!(
        told(&nothing).contains("FAROE_EMAIL_SENDER"),
        "{}",
        told(&nothing)
    );
}

#[test]
fn the_password_can_be_in_a_variable_of_its_own() {
    let (mail, folder) = (MailServer::start(), tempfile::tempdir().unwrap());
    let settings = format!(
        "mode = \"production\"\nemail_sender = \"smtp://user@localhost:{}?tls=off\"\n\
         email.from = \"no-reply@example.com\"\nemail.password = {{ file = \"missing\" }}\nip_rate_limit.enabled = false",
        mail.port
    );
    write_private(&folder.path().join("faroe.toml"), &settings);
    write(folder.path(), "password", "password\n", 0o600);
    for (variable, value) in [
        ("FAROE_EMAIL__PASSWORD", "password\n"),
        ("FAROE_EMAIL__PASSWORD__FILE", "password"),
    ] {
        let mut command = command(folder.path());
        command.args([
            "--config",
            "faroe.toml",
            "send-test-email",
            "bob@example.com",
        ]);
        let sent = command.env(variable, value).output().unwrap();
        assert!(sent.status.success(), "{}", told(&sent));
        assert_eq!(mail.next().recipient, "RCPT TO:<bob@example.com>");
    }
}

#[test]
fn a_check_of_the_configuration_signs_in_and_sends_nothing() {
    let (mail, folder) = (MailServer::start(), tempfile::tempdir().unwrap());
    let check = |password| {
        run(
            folder.path(),
            &configuration(mail.port),
            &["check-config"],
            password,
        )
    };
    let good = check("password");
    assert!(good.status.success(), "{}", told(&good));
    assert!(told(&good).contains(&format!(
        "ok      emails: SMTP at localhost:{}\n",
        mail.port
    )));
    let bad = check("wrong");
    assert_eq!(bad.status.code(), Some(1));
    assert!(
        told(&bad).contains("FAILED  email_sender (SMTP at localhost:"),
        "{}",
        told(&bad)
    );
    assert!(told(&bad).contains("535 5.7.8"), "{}", told(&bad));
    assert!(mail.is_empty());

    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let webhook = webhook(folder.path(), nobody.local_addr().unwrap().port());
    drop(nobody);
    let webhook = run(folder.path(), &webhook, &["check-config"], "");
    assert_eq!(webhook.status.code(), Some(1));
    assert!(
        told(&webhook).contains("FAILED  email_sender (webhook at localhost:"),
        "{}",
        told(&webhook)
    );
}

/// Gives its messages to the application's own backend.
fn webhook(folder: &Path, port: u16) -> String {
    let key = "c2V2ZW4gcHVycGxlIGxhbnRlcm5zIHNldmVuIHB1cnBsZQ==\n";
    write(folder, "key", key, 0o600);
    format!(
        "mode = \"production\"\nemail_sender = \"http://localhost:{port}/emails\"\n\
         [email]\nsigning_key = {{ file = \"key\" }}\n[ip_rate_limit]\nenabled = false"
    )
}

#[test]
fn a_backend_of_your_own_is_given_signed_messages() {
    let (folder, backend) = (
        tempfile::tempdir().unwrap(),
        TcpListener::bind("127.0.0.1:0"),
    );
    let backend = backend.unwrap();
    let port = backend.local_addr().unwrap().port();
    let asked = thread::spawn(move || {
        let stream = backend.accept().unwrap().0;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut request = BufReader::new(stream);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            request.read_line(&mut line).unwrap();
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_lowercase()),
            }
        }
        let length = head
            .iter()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        request.read_exact(&mut body).unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        request.get_mut().write_all(answer).unwrap();
        (head, serde_json::from_slice::<Value>(&body).unwrap())
    });
    let send = ["send-test-email", "bob@example.com"];
    let sent = run(folder.path(), &webhook(folder.path(), port), &send, "");
    assert!(sent.status.success(), "{}", told(&sent));
    assert!(told(&sent).contains(&format!("webhook at localhost:{port}")));
    let (head, message) = asked.join().unwrap();
    assert_eq!(head[0], "post /emails http/1.1");
    for name in ["content-digest: ", "signature-input: ", "signature: "] {
        assert!(
            head.iter().any(|line| line.starts_with(name)),
            "{name}{head:?}"
        );
    }
    assert_eq!(message["to"], "bob@example.com");
    assert_eq!(message["type"], "signup_email_address_verification_code");
    assert_eq!(message["code"], "TESTTEST");
}

fn write(folder: &Path, name: &str, text: &str, mode: u32) {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn p56_a_bad_setting_of_emails_is_refused_with_one_line_that_names_it() {
    let smtp = "email_sender = \"smtps://user:canary@mail.example.com\"\n[email]\nfrom = \"a@example.com\"\n";
    let with = |setting: &str| format!("{smtp}{setting}");
    let settings = [
        (String::new(), "set email_sender (FAROE_EMAIL_SENDER)"),
        ("email_sender = \"sendmail\"".to_owned(), "email_sender: expected \"smtps://"),
        ("email_sender = \"smtps://user:canary@mail.example.com\"".to_owned(), "FAROE_EMAIL_FROM"),
        ("email_sender = \"smtps://user:canary@mail.example.com/?x\"\n[email]\nfrom = \"a@b.c\"".to_owned(), "tls=off"),
        (with("reply_to = \"nobody\""), "`reply_to`"),
        (with("locale = \"xx\""), "\"xx\""),
        (with("templates = \"no/such/folder\""), "no/such/folder"),
        (with("password = \"canary\""), "email.password: expected { file"),
        (with("password = { file = \"readable\" }"), "chmod 600 readable"),
        (with("password = { file = \"missing\" }"), "email.password: read missing"),
        (with("password = { environment = \"FAROE_NO_SUCH\" }"), "FAROE_NO_SUCH is not set"),
        (with("connections = 0"), "email.connections"),
        (with("timeout = \"0s\""), "email.timeout"),
        (with("root_certificates = \"readable\""), "certificate"),
        (with("product_nam = \"x\""), "email.product_nam: unknown key"),
        ("email_sender = \"https://app.example.com\"".to_owned(), "email.signing_key is missing"),
        ("email_sender = \"http://app.example.com\"\n[email]\nsigning_key = { file = \"readable\" }".to_owned(), "chmod"),
        ("email_sender = \"http://app.example.com\"\n[email]\nsigning_key = { file = \"secret\" }".to_owned(), "signing_key"),
    ];
    for (configuration, named) in &settings {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "readable", "canary", 0o644);
        write(folder.path(), "secret", "canary", 0o600);
        write_private(&folder.path().join("faroe.toml"), configuration);
        let arguments = [
            "--config",
            "faroe.toml",
            "--mode",
            "production",
            "--ip-rate-limit",
            "false",
            "--listen",
            "127.0.0.1:0",
        ];
        assert_refused(command(folder.path()).args(arguments), named);
    }
    let settings = settings.len();
    promise::report("P56", format_args!("{settings} bad settings of emails"));
}

#[test]
fn a_sender_of_the_environment_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let url = ("FAROE_EMAIL_SENDER", "sendmail://user:canary@host");
    let mut start: Command = command(folder.path());
    start.envs([url]).args(["--mode", "production"]);
    assert_refused(&mut start, "email_sender: expected");
}
