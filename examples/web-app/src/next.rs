//! What follows a request: every form is answered with a redirect, so that no reload sends a password twice.

use std::time::Duration;

use axum::{
    extract::Request,
    http::{HeaderMap, Method},
    middleware,
    response::{IntoResponse, Redirect, Response},
};
use faroe_axum::{Auth, Cookies, SetCookie, Unavailable};
use serde::{Deserialize, Serialize};

use crate::{message::Message, page};

/// The cookie in which a message travels to the page that shows it.
const NOTICE: &str = "notice";

/// How long a message waits for its page.
const NOTICE_AGE: Duration = Duration::from_secs(60);

/// The longest input that travels along: no address is longer.
const MAX_TYPED_SIZE: usize = 254;

/// Where the browser goes next, and what it is told there. As an error too: handlers are left with `?`.
#[derive(Clone, Debug)]
#[must_use]
pub(crate) struct Next {
    /// `None` is the page that the form is on.
    page: Option<&'static str>,
    message: Option<Message>,
    typed: Option<String>,
    cookies: Vec<SetCookie>,
}

impl Next {
    /// Goes to a page.
    pub(crate) fn page(page: &'static str) -> Self {
        Self {
            page: Some(page),
            message: None,
            typed: None,
            cookies: Vec::new(),
        }
    }

    /// Shows the same form again, and a message. Where there was no form, the message is all there is.
    pub(crate) fn stay(message: Message) -> Self {
        Self {
            page: None,
            message: Some(message),
            typed: None,
            cookies: Vec::new(),
        }
    }

    /// Goes back to a page when the auth server gave no answer, for forms that have no page of their own.
    pub(crate) fn back_to(page: &'static str) -> impl FnOnce(Unavailable) -> Self {
        move |reason| Self::page(page).telling(reason.into())
    }

    /// With a message.
    pub(crate) fn telling(mut self, message: Message) -> Self {
        self.message = Some(message);
        self
    }

    /// What the user has typed is in the form again. Never a password.
    pub(crate) fn keeping(mut self, typed: &str) -> Self {
        self.typed = (typed.len() <= MAX_TYPED_SIZE).then(|| typed.to_owned());
        self
    }

    /// Sets or removes a cookie.
    pub(crate) fn with(mut self, cookie: SetCookie) -> Self {
        self.cookies.push(cookie);
        self
    }

    fn answer(self, cookies: Cookies, method: &Method, path: &str) -> Response {
        let page = match (self.page, self.message.as_ref()) {
            (Some(page), _) => page,
            // A page that redirects to itself would do so for ever.
            (None, Some(message)) if method == Method::GET => return page::failed(message),
            (None, _) => path,
        };
        let mut response = Redirect::to(page).into_response();
        for cookie in self.cookies {
            response = (cookie, response).into_response();
        }
        let Some(message) = self.message else {
            return response;
        };
        let notice = Notice {
            page: page.to_owned(),
            message,
            typed: self.typed,
        };
        let notice = serde_json::to_string(&notice).expect("it has only strings");
        (cookies.set(NOTICE, &notice, Some(NOTICE_AGE)), response).into_response()
    }
}

/// A table of what follows each error code of some actions.
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

/// [`deliver`] makes the answer: it knows the page.
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

/// A message on its way to a page.
///
/// The browser's owner can write one for himself; he would see nothing that is not in `message.rs`, and his own text in his
/// own form.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Notice {
    page: String,
    pub(crate) message: Message,
    pub(crate) typed: Option<String>,
}

impl Notice {
    /// The one for this page, if the browser brings it.
    pub(crate) fn find(cookies: Cookies, headers: &HeaderMap, page: &str) -> Option<Self> {
        let notice: Self = serde_json::from_str(&cookies.get(headers, NOTICE)?).ok()?;
        (notice.page == page).then_some(notice)
    }
}

/// Turns every [`Next`] into a redirect, and forgets a message when it was shown.
pub(crate) async fn deliver(auth: Auth, request: Request, inner: middleware::Next) -> Response {
    let cookies = auth.cookies();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let is_shown =
        method == Method::GET && Notice::find(cookies, request.headers(), &path).is_some();
    let mut response = inner.run(request).await;
    if let Some(next) = response.extensions_mut().remove::<Next>() {
        return next.answer(cookies, &method, &path);
    }
    if is_shown {
        return (cookies.remove(NOTICE), response).into_response();
    }
    response
}
