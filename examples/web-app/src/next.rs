//! The response to a form: always a redirect, so that reloading a page never sends a password again.

use std::{borrow::Cow, time::Duration};

use axum::{
    extract::Request,
    http::{HeaderMap, Method, Uri, uri::PathAndQuery},
    middleware,
    response::{IntoResponse, Redirect, Response},
};
use faroe_axum::{Auth, Cookies, SetCookie, Unavailable};
use serde::{Deserialize, Serialize};

use crate::{message::Message, page};

/// The name of the cookie that carries a message to the page that shows it.
const NOTICE: &str = "notice";

/// The lifetime of that cookie.
const NOTICE_AGE: Duration = Duration::from_secs(60);

/// The maximum length of input in the cookie, which is that of an address.
const MAX_TYPED_SIZE: usize = 254;

/// A redirect, and the message shown on the next page. Handlers also return it as an error with `?`.
#[derive(Clone, Debug)]
#[must_use]
pub(crate) struct Next {
    /// The target; `None` is the page of the form.
    page: Option<Cow<'static, str>>,
    message: Option<Message>,
    typed: Option<String>,
    cookies: Vec<SetCookie>,
}

impl Next {
    /// Redirects to a page.
    pub(crate) fn page(page: impl Into<Cow<'static, str>>) -> Self {
        Self {
            page: Some(page.into()),
            message: None,
            typed: None,
            cookies: Vec::new(),
        }
    }

    /// Shows the form again with a message. For a page without a form, shows only the message.
    pub(crate) fn stay(message: Message) -> Self {
        Self {
            page: None,
            message: Some(message),
            typed: None,
            cookies: Vec::new(),
        }
    }

    /// Redirects to a page if the auth server is unavailable, for forms without a page of their own.
    pub(crate) fn back_to(page: &'static str) -> impl FnOnce(Unavailable) -> Self {
        move |reason| Self::page(page).telling(reason.into())
    }

    /// Adds a message.
    pub(crate) fn telling(mut self, message: Message) -> Self {
        self.message = Some(message);
        self
    }

    /// Keeps the user's input for the form. Never use it for passwords.
    pub(crate) fn keeping(mut self, typed: &str) -> Self {
        self.typed = (typed.len() <= MAX_TYPED_SIZE).then(|| typed.to_owned());
        self
    }

    /// Sets or removes a cookie.
    pub(crate) fn with(mut self, cookie: SetCookie) -> Self {
        self.cookies.push(cookie);
        self
    }

    fn answer(self, cookies: Cookies, method: &Method, uri: &Uri) -> Response {
        let page = match (self.page, self.message.as_ref()) {
            (Some(page), _) => page,
            // A page that redirects to itself would loop.
            (None, Some(message)) if method == Method::GET => return page::failed(message),
            (None, _) => uri
                .path_and_query()
                .map_or("/", PathAndQuery::as_str)
                .to_owned()
                .into(),
        };
        let mut response = Redirect::to(&page).into_response();
        for cookie in self.cookies {
            response = (cookie, response).into_response();
        }
        let Some(message) = self.message else {
            return response;
        };
        let notice = Notice {
            page: page.split('?').next().unwrap_or_default().to_owned(),
            message,
            typed: self.typed,
        };
        let notice = serde_json::to_string(&notice).expect("it has only strings");
        (cookies.set(NOTICE, &notice, Some(NOTICE_AGE)), response).into_response()
    }
}

/// Defines the response to each error code of some actions.
macro_rules! answers {
    ($($codes:ident { $($code:ident => $next:expr,)* })*) => {$(
        const _: () = assert!(
            <$codes as faroe_core::protocol::action::ErrorCode>::ALL.len()
                == [$($codes::$code),*].len(),
            "a code of the action is missing"
        );

        impl From<$codes> for $crate::next::Next {
            fn from(code: $codes) -> Self {
                match code {
                    $($codes::$code => $next,)*
                    // A code of a later version.
                    _ => Self::stay($crate::message::Message::Failed { reference: None }),
                }
            }
        }
    )*};
}
pub(crate) use answers;

/// Leaves the response to [`deliver`], which knows the page.
impl IntoResponse for Next {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Unavailable> for Next {
    fn from(reason: Unavailable) -> Self {
        Self::stay(reason.into())
    }
}

/// A message for a page.
///
/// Users can forge this cookie in their own browser. They would only see a message from `message.rs`, and their own text in
/// their own form.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Notice {
    page: String,
    pub(crate) message: Message,
    pub(crate) typed: Option<String>,
}

impl Notice {
    /// Returns the message for this page, if the browser sends one.
    pub(crate) fn find(cookies: Cookies, headers: &HeaderMap, page: &str) -> Option<Self> {
        let notice: Self = serde_json::from_str(&cookies.get(headers, NOTICE)?).ok()?;
        (notice.page == page).then_some(notice)
    }
}

/// Turns every [`Next`] into a redirect, and removes a message after it was shown.
pub(crate) async fn deliver(auth: Auth, request: Request, inner: middleware::Next) -> Response {
    let cookies = auth.cookies();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let is_shown =
        method == Method::GET && Notice::find(cookies, request.headers(), uri.path()).is_some();
    let mut response = inner.run(request).await;
    if let Some(next) = response.extensions_mut().remove::<Next>() {
        return next.answer(cookies, &method, &uri);
    }
    if is_shown {
        return (cookies.remove(NOTICE), response).into_response();
    }
    response
}
