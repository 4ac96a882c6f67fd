//! The signed-in user, and the responses during an outage.

use std::{sync::Arc, time::Duration};

use faroe_axum::{AuthOptions, Client};
use faroe_core::{client::SendError, error::AdapterError, protocol::secret::SessionToken};
use faroe_testkit::{promise, user_store::UserStoreCall};

use crate::support::{App, Faroe, Script, Scripted, answer, cookie, header};

#[tokio::test]
async fn who_has_signed_in_is_let_in_and_known() {
    let faroe = Faroe::new();
    let token = faroe.sign_up("ada@example.com").await;
    let user = format!("user {}", faroe.users.users()[0].id);
    let (clients, _remote) = faroe.clients().await;
    for client in clients {
        let app = App::start(client, AuthOptions::default()).await;
        for path in ["/", "/account"] {
            let request = app.get(path).header("cookie", cookie(&token));
            assert_eq!(answer(request).await, (200, user.clone()), "{path}");
        }
        assert_eq!(answer(app.get("/")).await, (200, "nobody".into()));
        assert_eq!(
            answer(app.get("/account")).await,
            (401, "sign in first\n".into())
        );
    }
}

#[tokio::test]
async fn p73_a_sign_in_ends_the_session_that_the_browser_had_and_no_other() {
    let faroe = Faroe::new();
    let (clients, _remote) = faroe.clients().await;
    for (number, client) in clients.into_iter().enumerate() {
        let app = App::start(client, AuthOptions::default()).await;
        let address = |name: &str| format!("{name}{number}@example.com");
        let (old, new) = (
            faroe.sign_up(&address("ada")).await,
            faroe.sign_up(&address("bob")).await,
        );
        let other = faroe.sign_up(&address("eve")).await;
        let sign_in = || {
            let request = app.post("/sign-in").body(new.expose().to_owned());
            request.header("sec-fetch-site", "same-origin")
        };
        let state = async |token: &SessionToken| {
            answer(app.get("/account").header("cookie", cookie(token)))
                .await
                .0
        };
        assert_eq!(answer(sign_in()).await.0, 303);
        let replacing = sign_in().header("cookie", cookie(&old));
        assert_eq!(answer(replacing).await.0, 303);
        assert_eq!([state(&old).await, state(&new).await], [401, 200]);
        let again = sign_in().header("cookie", cookie(&new));
        assert_eq!(answer(again).await.0, 303);
        assert_eq!([state(&new).await, state(&other).await], [200, 200]);
    }
    promise::report(
        "P73",
        "a sign-in ended the browser's session, in process and over HTTP",
    );
}

#[tokio::test]
async fn a_sign_in_goes_on_if_the_session_of_the_browser_cannot_be_ended() {
    let faroe = Faroe::new();
    let (old, new) = (
        faroe.sign_up("ada@example.com").await,
        faroe.sign_up("bob@example.com").await,
    );
    let app = App::start(faroe.server.clone(), AuthOptions::default()).await;
    faroe.break_storage();
    let sign_in = app.post("/sign-in").body(new.expose().to_owned());
    let sign_in = sign_in.header("cookie", cookie(&old));
    assert_eq!(answer(sign_in).await.0, 303);
}

#[tokio::test]
async fn visitors_who_are_not_signed_in_are_redirected_to_the_sign_in_page() {
    let faroe = Faroe::new();
    let options = AuthOptions::default().with_sign_in_page("/sign-in");
    let app = App::start(faroe.server.clone(), options).await;
    assert_eq!(answer(app.get("/account")).await.0, 303);
    let location = header(app.get("/account"), "location").await;
    assert_eq!(location.as_deref(), Some("/sign-in"));
    assert_eq!(answer(app.get("/")).await, (200, "nobody".into()));
}

#[tokio::test]
async fn a_session_is_validated_once_for_each_request_however_many_ask() {
    let faroe = Faroe::new();
    let token = faroe.sign_up("ada@example.com").await;
    let (clients, _remote) = faroe.clients().await;
    for client in clients {
        let app = App::start(client, AuthOptions::default()).await;
        faroe.users.take_calls();
        let request = app.get("/many").header("cookie", cookie(&token));
        assert_eq!(answer(request).await, (200, "the same three times".into()));
        assert_eq!(faroe.users.take_calls(), [UserStoreCall::GetUser]);
    }
}

#[tokio::test]
async fn a_session_is_not_validated_without_an_extractor() {
    let faroe = Faroe::new();
    let token = faroe.sign_up("ada@example.com").await;
    let app = App::start(faroe.server.clone(), AuthOptions::default()).await;
    faroe.users.take_calls();
    let request = app.post("/sign-in").body(token.expose().to_owned());
    let request = request.header("cookie", cookie(&token));
    assert_eq!(answer(request).await.0, 303);
    assert_eq!(faroe.users.take_calls(), []);
}

#[tokio::test]
async fn an_answer_that_depends_on_the_session_is_not_cached() {
    let faroe = Faroe::new();
    let token = faroe.sign_up("ada@example.com").await;
    let app = App::start(faroe.server.clone(), AuthOptions::default()).await;
    let request = app.get("/account").header("cookie", cookie(&token));
    let caching = header(request, "cache-control").await;
    assert_eq!(caching.as_deref(), Some("no-store"));
}

#[tokio::test]
async fn an_ended_session_signs_nobody_in() {
    let faroe = Faroe::new();
    let (clients, _remote) = faroe.clients().await;
    for client in clients {
        let app = App::start(client, AuthOptions::default()).await;
        let token = faroe
            .sign_up(&format!(
                "{}@example.com",
                app.url.rsplit_once(':').unwrap().1
            ))
            .await;
        let user = faroe.users.users().last().unwrap().id.clone();
        let home = || app.get("/").header("cookie", cookie(&token));
        assert_eq!(answer(home()).await, (200, format!("user {user}")));
        faroe.users.disable_user(&user);
        assert_eq!(answer(home()).await, (200, "nobody".into()));
        let account = app.get("/account").header("cookie", cookie(&token));
        assert_eq!(answer(account).await.0, 401);
    }
}

#[tokio::test]
async fn who_signs_out_is_signed_out_on_the_server_too() {
    let faroe = Faroe::new();
    let (clients, _remote) = faroe.clients().await;
    for client in clients {
        let app = App::start(client, AuthOptions::default()).await;
        let token = faroe
            .sign_up(&format!(
                "{}@example.com",
                app.url.rsplit_once(':').unwrap().1
            ))
            .await;
        let sign_out = || app.post("/sign-out").header("cookie", cookie(&token));
        let removed = header(sign_out(), "set-cookie").await.unwrap();
        assert!(removed.starts_with("__Host-session=; "), "{removed}");
        let home = app.get("/").header("cookie", cookie(&token));
        assert_eq!(answer(home).await, (200, "nobody".into()));
        assert_eq!(answer(sign_out()).await.0, 401);
    }
}

#[tokio::test]
async fn an_internal_error_is_a_503_and_the_cookie_is_kept() {
    let faroe = Faroe::new();
    let token = faroe.sign_up("ada@example.com").await;
    let (clients, _remote) = faroe.clients().await;
    for client in clients {
        let app = App::start(client, AuthOptions::default().with_sign_in_page("/sign-in")).await;
        faroe.break_storage();
        for request in [
            app.get("/"),
            app.get("/account"),
            app.post("/account"),
            app.post("/sign-out"),
        ] {
            let response = request
                .header("cookie", cookie(&token))
                .send()
                .await
                .unwrap();
            assert_eq!(response.status().as_u16(), 503);
            assert!(!response.headers().contains_key("set-cookie"));
            let text = response.text().await.unwrap();
            assert!(
                text.contains("try again later (action invocation "),
                "{text}"
            );
        }
        faroe.faults.heal();
        let request = app.get("/account").header("cookie", cookie(&token));
        assert_eq!(answer(request).await.0, 200);
    }
}

#[tokio::test]
async fn a_server_that_gives_no_usable_answer_is_a_503_and_the_cookie_is_kept() {
    let token = Faroe::new().sign_up("ada@example.com").await;
    let overloaded = || {
        Err(SendError::Overloaded {
            retry_after: Some(Duration::from_millis(2500)),
        })
    };
    let answers: [(Script, Option<&str>); 9] = [
        (overloaded, Some("3")),
        (|| Err(SendError::Overloaded { retry_after: None }), None),
        (
            || Err(SendError::NotInvoked(AdapterError::message("connect"))),
            None,
        ),
        (
            || Err(SendError::NoAnswer(AdapterError::message("read"))),
            None,
        ),
        (|| Ok(vec![]), None),
        (|| Ok(b"<html>".to_vec()), None),
        (
            || Ok(br#"{"ok":true,"action_invocation_id":"i","values":{}}"#.to_vec()),
            None,
        ),
        (
            || Ok(br#"{"ok":false,"action_invocation_id":"i","error_code":"new_code"}"#.to_vec()),
            None,
        ),
        (
            || {
                Ok(
                    br#"{"ok":false,"action_invocation_id":"i","error_code":"user_not_found"}"#
                        .to_vec(),
                )
            },
            None,
        ),
    ];
    for (script, retry_after) in answers {
        let client = Client::new(Arc::new(Scripted(script)));
        let app = App::start(client, AuthOptions::default().with_sign_in_page("/sign-in")).await;
        for path in ["/", "/account"] {
            let request = app.get(path).header("cookie", cookie(&token));
            let response = request.send().await.unwrap();
            assert_eq!(response.status().as_u16(), 503, "{:?}", script());
            assert!(!response.headers().contains_key("set-cookie"));
            let header = response.headers().get("retry-after");
            assert_eq!(header.map(|value| value.to_str().unwrap()), retry_after);
        }
    }
}

#[tokio::test]
async fn a_route_outside_the_layer_is_an_error_with_the_reason() {
    let faroe = Faroe::new();
    let token = faroe.sign_up("ada@example.com").await;
    let app = App::start(faroe.server.clone(), AuthOptions::default()).await;
    let (status, text) = answer(app.get("/outside").header("cookie", cookie(&token))).await;
    assert_eq!(status, 500);
    assert!(text.contains("not behind the layer"), "{text}");
}
