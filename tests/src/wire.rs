//! The wire: requests as any client sends them, answers checked to the last member.

use std::collections::HashMap;

use faroe_core::protocol::schema::{ActionSchema, server_actions};
use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
    redirect::Policy,
};
use serde_json::{Value, json};

use crate::form::{assert_members, assert_values, is_id};

/// An action invocation endpoint somewhere.
#[derive(Clone, Debug)]
pub struct Wire {
    url: String,
    http: reqwest::Client,
    actions: HashMap<&'static str, ActionSchema>,
}

/// What an action answered, in its exact form.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The ID of this invocation.
    pub action_invocation_id: String,
    /// The values, or the error code.
    pub result: Result<Value, String>,
}

impl Outcome {
    /// The values of a success.
    #[track_caller]
    pub fn values(self) -> Value {
        self.result
            .unwrap_or_else(|code| panic!("the action answered {code}"))
    }

    /// The error code, or `ok`.
    pub fn code(&self) -> &str {
        self.result.as_ref().err().map_or("ok", String::as_str)
    }
}

/// Any HTTP answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The content type, if there is one.
    pub content_type: Option<String>,
    /// How many seconds to wait before the next try, if it says so.
    pub retry_after: Option<String>,
    /// The body.
    pub body: String,
}

impl Answer {
    async fn read(response: reqwest::Response) -> reqwest::Result<Self> {
        let header = |name| {
            let value = response.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        Ok(Self {
            status: response.status(),
            content_type: header(CONTENT_TYPE),
            retry_after: header(RETRY_AFTER),
            body: response.text().await?,
        })
    }
}

/// A client for HTTP that follows no redirects.
pub fn http_client() -> reqwest::Client {
    // Built together with a package that speaks TLS, it wants a provider of that even if it does not.
    let _already_chosen = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().redirect(Policy::none());
    builder.build().unwrap()
}

impl Wire {
    /// The endpoint at this URL.
    pub fn new(url: impl Into<String>) -> Self {
        let actions = server_actions()
            .into_iter()
            .map(|action| (action.name, action));
        Self {
            url: url.into(),
            http: http_client(),
            actions: actions.collect(),
        }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Invokes an action. Everything about the answer that the protocol prescribes for any action is asserted here.
    pub async fn invoke(&self, action: &str, arguments: Value) -> Outcome {
        let body = json!({ "action": action, "arguments": arguments }).to_string();
        let answer = self.post(body, None).await;
        self.parse(action, &answer)
    }

    /// Sends any body, with any content type or none.
    pub async fn post(&self, body: impl Into<Vec<u8>>, content_type: Option<&str>) -> Answer {
        let mut request = self.http.post(&self.url).body(body.into());
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        Answer::read(request.send().await.unwrap()).await.unwrap()
    }

    /// Sends a body, and returns nothing if the server goes away before it has answered.
    pub async fn try_post(&self, body: impl Into<Vec<u8>>) -> Option<Answer> {
        let sent = self.http.post(&self.url).body(body.into()).send().await;
        Answer::read(sent.ok()?).await.ok()
    }

    /// Reads the answer of an action, and asserts its form.
    #[track_caller]
    pub fn parse(&self, action: &str, answer: &Answer) -> Outcome {
        let schema = &self.actions[action];
        assert_eq!(answer.status, StatusCode::OK, "{action}: {}", answer.body);
        assert_eq!(answer.content_type.as_deref(), Some("application/json"));
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        let ok = body["ok"].as_bool().unwrap();
        let member = if ok { "values" } else { "error_code" };
        assert_members(
            body.as_object().unwrap(),
            &["ok", "action_invocation_id", member],
        );
        let action_invocation_id = text(&body["action_invocation_id"]);
        assert!(is_id(&action_invocation_id), "{action_invocation_id}");
        let result = if ok {
            assert_values(schema, &body["values"]);
            Ok(body["values"].clone())
        } else {
            let code = text(&body["error_code"]);
            assert!(
                schema.error_codes.contains(&code.as_str()),
                "{action} has no error code {code}"
            );
            Err(code)
        };
        Outcome {
            action_invocation_id,
            result,
        }
    }
}

/// A JSON value that is a text.
#[track_caller]
pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}
