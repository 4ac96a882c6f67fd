//! Cookies, as they are on the wire.

use faroe_axum::{AuthOptions, Cookies};
use faroe_testkit::user_store::UserStoreCall;

use crate::support::{App, Faroe, answer, cookie, header};

#[tokio::test]
async fn the_sessions_cookie_has_exactly_these_attributes() {
    let faroe = Faroe::new();
    let token = faroe.sign_up("ada@example.com").await;
    let set = async |options| {
        let app = App::start(faroe.server.clone(), options).await;
        let request = app.post("/sign-in").body(token.expose().to_owned());
        header(request, "set-cookie").await.unwrap()
    };
    let token = token.expose();
    assert_eq!(
        set(AuthOptions::default()).await,
        format!("__Host-session={token}; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax; Secure")
    );
    assert_eq!(
        set(AuthOptions::development()).await,
        format!("session={token}; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax")
    );
    let mut until_the_browser_is_closed = AuthOptions::default();
    until_the_browser_is_closed.session_cookie_max_age = None;
    until_the_browser_is_closed.session_cookie_name = "account-2";
    assert_eq!(
        set(until_the_browser_is_closed).await,
        format!("__Host-account-2={token}; Path=/; HttpOnly; SameSite=Lax; Secure")
    );
}

#[tokio::test]
async fn a_removed_cookie_has_the_same_attributes_and_no_time_left() {
    let faroe = Faroe::new();
    let token = faroe.sign_up("ada@example.com").await;
    let app = App::start(faroe.server.clone(), AuthOptions::default()).await;
    let request = app.post("/sign-out").header("cookie", cookie(&token));
    assert_eq!(
        header(request, "set-cookie").await.unwrap(),
        "__Host-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"
    );
}

#[tokio::test]
async fn an_answer_with_a_cookie_is_not_cached() {
    let app = App::start(Faroe::new().server, AuthOptions::default()).await;
    let caching = header(app.post("/sign-in"), "cache-control").await;
    assert_eq!(caching.as_deref(), Some("no-store"));
}

#[tokio::test]
async fn an_invalid_token_is_rejected_without_a_call_of_the_server() {
    let faroe = Faroe::new();
    faroe.sign_up("ada@example.com").await;
    let (clients, _remote) = faroe.clients().await;
    for client in clients {
        let app = App::start(client, AuthOptions::default()).await;
        // A storage that is asked answers 503.
        faroe.break_storage();
        for value in [
            "",
            "x",
            "%",
            "%00%ff",
            "\"quoted\"",
            "a=b=c",
            ".",
            &"x".repeat(49),
            &format!("{}.{}", "x".repeat(24), "X".repeat(24)),
            &"x".repeat(8000),
        ] {
            let request = app
                .get("/")
                .header("cookie", format!("__Host-session={value}"));
            assert_eq!(answer(request).await, (200, "nobody".into()), "{value}");
        }
        faroe.faults.heal();
    }
}

#[tokio::test]
async fn of_two_cookies_of_one_name_neither_is_used() {
    let faroe = Faroe::new();
    let token = faroe.sign_up("ada@example.com").await;
    let other = faroe.sign_up("eve@example.com").await;
    let app = App::start(faroe.server.clone(), AuthOptions::default()).await;
    let both = format!("{}; {}", cookie(&token), cookie(&other));
    let request = app.get("/").header("cookie", both);
    assert_eq!(answer(request).await, (200, "nobody".into()));
    let request = app.get("/").header("cookie", cookie(&token));
    let request = request.header("cookie", cookie(&other));
    assert_eq!(answer(request).await, (200, "nobody".into()));
}

#[tokio::test]
async fn cookies_of_others_are_left_alone() {
    let faroe = Faroe::new();
    let token = faroe.sign_up("ada@example.com").await;
    let app = App::start(faroe.server.clone(), AuthOptions::default()).await;
    let mut header =
        "theme=dark; name=Zoë; ;=; session=x; x__Host-session=y; __Host-session2=z;".to_owned();
    header += &cookie(&token);
    let header = reqwest::header::HeaderValue::from_bytes(header.as_bytes()).unwrap();
    let request = app.get("/account").header("cookie", header);
    assert_eq!(answer(request).await.0, 200);
}

/// A browser checks what is allowed to set a `__Host-` cookie by the name's own bytes.
#[tokio::test]
async fn a_name_that_only_looks_like_the_sessions_is_another() {
    let faroe = Faroe::new();
    let token = faroe.sign_up("ada@example.com").await;
    let app = App::start(faroe.server.clone(), AuthOptions::default()).await;
    for name in [
        "%5F%5FHost-session",
        "__host-session",
        "__HOST-SESSION",
        "\u{a0}__Host-session",
        "\u{2003}__Host-session",
        "__Host-session\u{a0}",
        "__Host-session ",
        "session",
    ] {
        let header = format!("{name}={}", token.expose());
        let header = reqwest::header::HeaderValue::from_bytes(header.as_bytes()).unwrap();
        faroe.users.take_calls();
        let request = app.get("/").header("cookie", header);
        assert_eq!(answer(request).await, (200, "nobody".into()), "{name:?}");
        assert_eq!(faroe.users.take_calls(), [UserStoreCall::GetUser; 0]);
    }
}

#[test]
fn any_value_comes_back_as_it_was() {
    use axum::response::IntoResponse;
    for cookies in [Cookies::secure(), Cookies::development()] {
        for value in [
            "",
            "a b",
            "a;b=c, d",
            "\"\\",
            "Zoë\r\nSet-Cookie: x=y",
            "%41",
        ] {
            let response = cookies.set("flow", value, None).into_response();
            let set = response.headers()["set-cookie"].to_str().unwrap();
            let (pair, _) = set.split_once("; ").unwrap();
            let mut headers = axum::http::HeaderMap::new();
            headers.insert("cookie", pair.parse().unwrap());
            assert_eq!(
                cookies.get(&headers, "flow").as_deref(),
                Some(value),
                "{pair}"
            );
        }
    }
}

#[test]
#[should_panic(expected = "cannot be the name of a cookie")]
fn a_name_that_would_end_the_cookie_is_refused() {
    let _ = Cookies::secure().set("a; Domain=example.com", "", None);
}
