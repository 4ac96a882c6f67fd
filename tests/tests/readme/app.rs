//! An axum app with sign-up, sign-in and a protected page: built, started and visited as a reader does.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use faroe_tests::{client::PASSWORD, wire::http_client};
use reqwest::{RequestBuilder, Response};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::ROOT;

const ADA: &str = "ada@example.com";

/// Builds `examples/embed-in-axum` by itself, so that features of other packages do not hide a missing one.
pub(crate) async fn build_example() -> PathBuf {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "example-embed-in-axum"]);
    succeed(build.current_dir(ROOT)).await;
    target().join("debug/example-embed-in-axum")
}

/// Builds the package that these commands create, with the libraries of this workspace, because there may be no network.
pub(crate) async fn build_in_an_empty_folder(commands: &str) -> PathBuf {
    let root = fs::canonicalize(ROOT).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let commands = commands.replace("../faroe", root.to_str().unwrap());
    let mut make = Command::new("sh");
    succeed(make.args(["-euc", &commands]).current_dir(&folder)).await;

    let app = folder.join("my-app");
    // The folder is inside this workspace, unlike the reader's.
    let manifest = fs::read_to_string(app.join("Cargo.toml")).unwrap();
    fs::write(app.join("Cargo.toml"), manifest + "\n[workspace]\n").unwrap();
    fs::copy(root.join("Cargo.lock"), app.join("Cargo.lock")).unwrap();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--offline", "--target-dir"]);
    build.arg(target());
    // The profile of this workspace, so that as little as possible is built again.
    for setting in [
        "debug=\"line-tables-only\"",
        "package.blake2.opt-level=3",
        "package.\"*\".debug=false",
    ] {
        build.args(["--config", &format!("profile.dev.{setting}")]);
    }
    succeed(build.current_dir(&app)).await;
    target().join("debug/my-app")
}

/// Returns the target folder of this test.
fn target() -> PathBuf {
    let test = env::current_exe().unwrap();
    test.ancestors().nth(3).unwrap().to_owned()
}

async fn succeed(command: &mut Command) {
    assert!(command.status().await.unwrap().success(), "{command:?}");
}

/// Starts the app and visits it: a sign-up, the protected page, a sign-out, a sign-in.
pub(crate) async fn visit(program: PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Command::new(program.with_extension(env::consts::EXE_EXTENSION))
        .arg("127.0.0.1:0")
        .current_dir(&folder)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut next_line = async || output.next_line().await.unwrap().unwrap();
    let line = next_line().await;
    let browser = Browser {
        url: line.strip_prefix("listening on ").unwrap().to_owned(),
        http: http_client(),
    };

    let sent_away = browser.get("/", "").await;
    assert_eq!(
        (sent_away.status().as_u16(), location(&sent_away)),
        (303, "/sign-in")
    );
    let page = text(browser.get("/sign-in", "").await, 200).await;
    assert!(page.contains("href=/sign-up"), "{page}");

    let form = browser
        .post("/sign-up", "", format!("email_address={ADA}"))
        .await;
    let flow = cookie(&form, "flow");
    assert_no_token(&text(form, 200).await, &flow);
    let line = next_line().await;
    let code = line.strip_prefix("code for ada@example.com: ").unwrap();
    let enter_code = async |code: &str| {
        browser
            .post("/sign-up/code", &flow, format!("code={code}"))
            .await
    };
    let refused = text(enter_code("AAAAAAAA").await, 422).await;
    assert_eq!(refused, "incorrect_email_address_verification_code");
    assert_no_token(&text(enter_code(code).await, 200).await, &flow);
    let set_password = async |password: &str| {
        browser
            .post("/sign-up/password", &flow, format!("password={password}"))
            .await
    };
    let weak = text(set_password("password123").await, 422).await;
    assert_eq!(weak, "weak_password");
    let signed_in = set_password(PASSWORD).await;
    let cookie = cookie(&signed_in, "session");
    let page = text(browser.get("/", &cookie).await, 200).await;
    assert!(page.starts_with("You are user "), "{page}");

    let from_elsewhere = browser.request("POST", "/sign-out", &cookie);
    let from_elsewhere = from_elsewhere.header("origin", "https://evil.example");
    text(from_elsewhere.send().await.unwrap(), 403).await;
    assert_eq!(text(browser.get("/", &cookie).await, 200).await, page);
    let sign_out = browser.request("POST", "/sign-out", &cookie);
    let signed_out = sign_out
        .header("origin", &browser.url)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (signed_out.status().as_u16(), location(&signed_out)),
        (303, "/")
    );
    assert_eq!(browser.get("/", &cookie).await.status(), 303);

    let form = browser
        .post("/sign-in", "", format!("user_email_address={ADA}"))
        .await;
    let flow = self::cookie(&form, "flow");
    assert_no_token(&text(form, 200).await, &flow);
    let sign_in = format!("password={PASSWORD}");
    let signed_in = browser.post("/sign-in/password", &flow, sign_in).await;
    let cookie = self::cookie(&signed_in, "session");
    assert_eq!(text(browser.get("/", &cookie).await, 200).await, page);
}

/// A browser without scripts and rendering.
struct Browser {
    url: String,
    http: reqwest::Client,
}

impl Browser {
    async fn get(&self, path: &str, cookie: &str) -> Response {
        self.request("GET", path, cookie).send().await.unwrap()
    }

    /// Sends a form of one of the app's own pages.
    async fn post(&self, path: &str, cookie: &str, form: String) -> Response {
        let request = self.request("POST", path, cookie);
        let request = request.header("origin", &self.url);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.body(form).send().await.unwrap()
    }

    fn request(&self, method: &str, path: &str, cookie: &str) -> RequestBuilder {
        let request = self
            .http
            .request(method.parse().unwrap(), format!("{}{path}", self.url));
        request.header("cookie", cookie)
    }
}

async fn text(response: Response, status: u16) -> String {
    let got = response.status().as_u16();
    let text = response.text().await.unwrap();
    assert_eq!(got, status, "{text}");
    text
}

fn location(response: &Response) -> &str {
    response.headers()["location"].to_str().unwrap()
}

/// Returns the cookie of this name that a response sets, as a browser sends it back.
fn cookie(response: &Response, name: &str) -> String {
    let set = response.headers().get_all("set-cookie").iter();
    let mut set = set.map(|cookie| cookie.to_str().unwrap());
    let cookie = set
        .find(|cookie| cookie.starts_with(&format!("{name}=")))
        .unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
    cookie.split_once(';').unwrap().0.to_owned()
}

/// Checks that a page does not contain the token in a cookie.
fn assert_no_token(page: &str, cookie: &str) {
    let (_, token) = cookie.split_once('=').unwrap();
    assert_eq!(token.len(), 49);
    assert!(!page.contains(token), "{page}");
}
