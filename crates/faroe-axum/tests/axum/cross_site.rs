//! Cross-site requests.

use faroe_axum::AuthOptions;
use reqwest::Method;

use crate::support::{App, Faroe, answer, cookie};

/// The status of a request to `/account` by a signed-in user.
async fn status(app: &App, method: Method, token: &str, headers: &[(&str, &str)]) -> u16 {
    let mut request = app.request(method, "/account");
    for (name, value) in [("cookie", token)].iter().chain(headers) {
        request = request.header(*name, *value);
    }
    answer(request).await.0
}

async fn app(options: AuthOptions) -> (App, String, Faroe) {
    let faroe = Faroe::new();
    let token = faroe.sign_up("ada@example.com").await;
    let cookie = match options.cookies == AuthOptions::development().cookies {
        true => format!("session={}", token.expose()),
        false => cookie(&token),
    };
    (
        App::start(faroe.server.clone(), options).await,
        cookie,
        faroe,
    )
}

#[tokio::test]
async fn a_post_from_another_site_is_refused() {
    let (app, cookie, _faroe) = app(AuthOptions::default()).await;
    let own = format!("https://{}", app.authority());
    let plain = format!("http://{}", app.authority());
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "")],
        &[("sec-fetch-site", "SAME-ORIGIN")],
        &[("sec-fetch-site", "cross-site"), ("origin", &own)],
        &[("sec-fetch-site", "same-site"), ("origin", &own)],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "")],
        &[("origin", &plain)],
        &[("origin", "https://127.0.0.1")],
        &[("origin", &format!("{own}.evil.example"))],
        &[("origin", &format!("{own}/"))],
    ] {
        assert_eq!(
            status(&app, Method::POST, &cookie, headers).await,
            403,
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn a_page_whose_host_is_one_of_two_is_another_site() {
    let (app, cookie, _faroe) = app(AuthOptions::default()).await;
    let own = app.authority();
    for hosts in [[own, "evil.example"], ["evil.example", own]] {
        let [first, second] = hosts.map(|host| ("host", host));
        let origin = ("origin", "https://evil.example");
        let headers = [first, second, origin];
        assert_eq!(status(&app, Method::POST, &cookie, &headers).await, 403);
        let origin = ("origin", format!("https://{own}"));
        let headers = [first, second, (origin.0, &*origin.1)];
        assert_eq!(status(&app, Method::POST, &cookie, &headers).await, 403);
    }
}

#[tokio::test]
async fn a_post_from_the_apps_own_pages_is_accepted() {
    let (app, cookie, _faroe) = app(AuthOptions::default()).await;
    let own = format!("https://{}", app.authority());
    for headers in [
        &[("sec-fetch-site", "same-origin")][..],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "same-origin"), ("origin", &own)],
        &[("origin", &own)],
    ] {
        assert_eq!(
            status(&app, Method::POST, &cookie, headers).await,
            200,
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn a_post_that_no_page_has_sent_is_accepted() {
    let (app, cookie, _faroe) = app(AuthOptions::default()).await;
    assert_eq!(status(&app, Method::POST, &cookie, &[]).await, 200);
}

#[tokio::test]
async fn a_refused_post_has_not_reached_the_app() {
    let (app, cookie, faroe) = app(AuthOptions::default()).await;
    let request = app.post("/sign-out").header("cookie", &cookie);
    let request = request.header("sec-fetch-site", "cross-site");
    let expected = (403, "cross-site request refused\n".to_owned());
    faroe.users.take_calls();
    assert_eq!(answer(request).await, expected);
    assert_eq!(faroe.users.take_calls(), []);
    assert_eq!(status(&app, Method::GET, &cookie, &[]).await, 200);
}

#[tokio::test]
async fn every_method_that_may_change_something_is_checked_and_no_other() {
    let (app, cookie, _faroe) = app(AuthOptions::default()).await;
    let cross_site = [("sec-fetch-site", "cross-site")];
    for method in ["POST", "PUT", "PATCH", "DELETE", "PURGE", "get"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(
            status(&app, method.clone(), &cookie, &cross_site).await,
            403,
            "{method}"
        );
    }
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(
            status(&app, method.clone(), &cookie, &cross_site).await,
            200,
            "{method}"
        );
    }
    // What is sent through a WebSocket is not seen by the layer.
    let web_socket = [("origin", "https://evil.example"), ("upgrade", "websocket")];
    assert_eq!(status(&app, Method::GET, &cookie, &web_socket).await, 403);
}

#[tokio::test]
async fn a_trusted_origin_may_send_what_the_app_itself_may() {
    let mut options = AuthOptions::default();
    options.trusted_origins = vec!["https://app.example.com".parse().unwrap()];
    let (app, cookie, _faroe) = app(options).await;
    let site = |origin| [("sec-fetch-site", "cross-site"), ("origin", origin)];
    let trusted = site("https://app.example.com");
    assert_eq!(status(&app, Method::POST, &cookie, &trusted).await, 200);
    for other in [
        "https://app.example.com:444",
        "http://app.example.com",
        "https://a.app.example.com",
        "https://APP.example.com",
    ] {
        assert_eq!(
            status(&app, Method::POST, &cookie, &site(other)).await,
            403,
            "{other}"
        );
    }
}

#[tokio::test]
async fn the_check_can_be_turned_off() {
    let mut options = AuthOptions::default();
    options.refuses_cross_site_requests = false;
    let (app, cookie, _faroe) = app(options).await;
    let cross_site = [("sec-fetch-site", "cross-site")];
    assert_eq!(status(&app, Method::POST, &cookie, &cross_site).await, 200);
}

#[tokio::test]
async fn in_development_plain_http_is_the_apps_own_origin() {
    let (app, cookie, _faroe) = app(AuthOptions::development()).await;
    let own = app.url.clone();
    assert_eq!(
        status(&app, Method::POST, &cookie, &[("origin", &own)]).await,
        200
    );
    let default_port = [("origin", "http://localhost"), ("host", "localhost:80")];
    assert_eq!(
        status(&app, Method::POST, &cookie, &default_port).await,
        200
    );
    let other = "http://localhost:1";
    assert_eq!(
        status(&app, Method::POST, &cookie, &[("origin", other)]).await,
        403
    );
}

#[tokio::test]
async fn in_development_no_other_host_than_this_machine_is_served() {
    let (app, cookie, _faroe) = app(AuthOptions::development()).await;
    for host in [
        "localhost",
        "LocalHost:3000",
        "127.0.0.1",
        "127.0.0.2:3000",
        "[::1]:80",
    ] {
        assert_eq!(
            status(&app, Method::GET, &cookie, &[("host", host)]).await,
            200,
            "{host}"
        );
    }
    for host in [
        "example.com",
        "localhost.evil.example",
        "192.168.0.1:3000",
        "127.0.0.1.evil.example",
        "127.evil.example",
        "localhost.",
        "localhost:",
        "localhost:x",
    ] {
        assert_eq!(
            status(&app, Method::GET, &cookie, &[("host", host)]).await,
            403,
            "{host}"
        );
    }
}
