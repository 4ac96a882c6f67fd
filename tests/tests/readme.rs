//! The README keeps its word: what it prints runs as printed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use faroe_tests::binary::Binary;
use serde_json::Value;
use tokio::process::Command;

fn read(path: &str) -> String {
    fs::read_to_string(format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The first block of the README in this language.
fn block(language: &str) -> String {
    let readme = read("README.md");
    let (_, rest) = readme.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

#[tokio::test]
async fn the_curl_session_ends_with_a_session() {
    let server = Binary::start().await;
    let script = block("sh").replace("http://127.0.0.1:4000", server.url());
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

#[test]
fn the_embedded_server_is_that_of_the_example() {
    let unindented = |text: String| {
        text.lines()
            .map(str::trim_start)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let (shown, example) = (
        unindented(block("rust")),
        unindented(read("examples/sqlite/src/main.rs")),
    );
    assert!(shown.lines().count() > 10);
    assert!(example.contains(&shown), "{shown}");
}
