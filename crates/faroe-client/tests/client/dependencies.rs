//! A remote client is built without the server.

use std::process::Command;

#[test]
fn a_remote_client_does_not_compile_the_server() {
    let tree = |features: &str| {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--edges=normal", "--prefix=none"])
            .args(["--no-default-features", "--features", features])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let has_the_server = |tree: &str| tree.lines().any(|line| line.starts_with("faroe-core "));
    assert!(has_the_server(&tree("embedded")));
    let remote = tree("http");
    assert!(remote.contains("reqwest "), "{remote}");
    assert!(!has_the_server(&remote), "{remote}");
}
