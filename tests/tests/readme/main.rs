//! The commands and programs of the README, run as printed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod app;
mod user_server;

use std::fs;

use faroe_tests::binary::Binary;
use serde_json::Value;
use tokio::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn read(path: &str) -> String {
    fs::read_to_string(format!("{ROOT}/{path}")).unwrap()
}

/// Returns the blocks of the README in this language, in order.
fn blocks(language: &str) -> Vec<String> {
    let (readme, start) = (read("README.md"), format!("```{language}\n"));
    let blocks = readme.split(&start).skip(1);
    blocks
        .map(|rest| rest.split_once("```").unwrap().0.to_owned())
        .collect()
}

#[tokio::test]
async fn the_curl_session_ends_with_a_session() {
    let server = Binary::start().await;
    let script = blocks("sh")[0].replace("http://127.0.0.1:4000", server.url());
    let output = Command::new("sh")
        .arg("-euc")
        .arg(script)
        .output()
        .await
        .unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), 5, "{answers:?}");
    assert!(
        answers.iter().all(|answer| answer["ok"] == true),
        "{answers:?}"
    );
    let (completed, got) = (
        &answers[3]["values"]["session"],
        &answers[4]["values"]["session"],
    );
    assert!(got["id"].is_string());
    assert_eq!(got, completed);
}

/// Builds and starts the app with the commands of the README, in which only the path of the checkout differs.
#[tokio::test]
async fn the_axum_app_made_in_an_empty_folder_has_a_protected_page() {
    let script = &blocks("sh")[1];
    let commands = script.strip_suffix("cargo run\n").unwrap();
    app::visit(app::build_in_an_empty_folder(commands).await).await;
}

#[tokio::test]
async fn the_axum_example_has_a_protected_page() {
    app::visit(app::build_example().await).await;
}

#[tokio::test]
async fn the_users_service_of_the_example_keeps_the_users_of_a_server() {
    user_server::try_it_in_two_terminals().await;
}

#[test]
fn the_code_is_that_of_the_examples() {
    let unindented = |text: &str| {
        let lines = text.lines().map(str::trim_start);
        lines.collect::<Vec<_>>().join("\n")
    };
    let examples = ["embed-in-axum", "embed-in-axum", "sqlite"];
    let blocks = blocks("rust");
    assert_eq!(blocks.len(), examples.len());
    for (block, example) in blocks.iter().zip(examples) {
        let shown = unindented(block);
        let example = unindented(&read(&format!("examples/{example}/src/main.rs")));
        assert!(example.contains(&shown), "{shown}");
    }
}

#[test]
fn the_axum_example_is_as_short_as_the_readme_says() {
    let lines = read("examples/embed-in-axum/src/main.rs").lines().count();
    let readme = read("README.md");
    assert!(readme.contains(&format!(", {lines} lines")), "{lines}");
}
