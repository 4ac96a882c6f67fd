//! The wire: requests as any client sends them, and answers that are checked to the last member.

use std::collections::HashMap;

use faroe_core::protocol::schema::{ActionSchema, server_actions};
use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
    redirect::Policy,
};
use serde_json::{Value, json};

use crate::form::{assert_members, assert_values, is_id};

/// A connection to an action invocation endpoint.
#[derive(Clone, Debug)]
pub struct Wire {
    url: String,
    http: reqwest::Client,
    actions: HashMap<&'static str, ActionSchema>,
}

/// The answer of an action.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The ID of this invocation.
    pub action_invocation_id: String,
    /// The values, or the error code.
    pub result: Result<Value, String>,
}

impl Outcome {
    /// Returns the values of a success.
    #[track_caller]
    pub fn values(self) -> Value {
        self.result
            .unwrap_or_else(|code| panic!("the action answered {code}"))
    }

    /// Returns the error code, or `ok`.
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
    /// The seconds to wait before the next try, if there are any.
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

/// Returns an HTTP client that follows no redirects.
pub fn http_client() -> reqwest::Client {
    // A build that includes TLS needs a provider for it, even if no request uses it.
    let _already_chosen = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().redirect(Policy::none());
    builder.build().unwrap()
}

impl Wire {
    /// Creates a connection to the endpoint at this URL.
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

    /// Returns the URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Invokes an action, and asserts everything that the protocol says about answers.
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

    /// Sends a body, and returns nothing if the server ends before it answers.
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
                schema.error_codes.contains(&code.as_str())
                    || schema.extension_error_codes.contains(&code.as_str()),
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

/// Returns the text of a JSON value.
#[track_caller]
pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}
