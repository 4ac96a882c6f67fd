//! The signature base: the parts of a request in the notation of RFC 9421.

use http::{HeaderMap, HeaderName, header::HOST, request::Parts};
use ring::digest;
use sfv::{Dictionary, FieldType, InnerList, Key, ListEntry, ListSerializer};

pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
pub(crate) const SIGNATURE: HeaderName = HeaderName::from_static("signature");
pub(crate) const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");

/// The components that a signature covers: exactly these, in any order. The query is not covered, so a request with a query
/// is not signed, and a verifying endpoint must ignore one.
pub(crate) const COMPONENTS: [&str; 4] = ["@method", "@authority", "@path", "content-digest"];

/// The parts of one request.
pub(crate) struct Message<'a> {
    pub(crate) method: &'a str,
    /// Host and port, in lower case.
    pub(crate) authority: String,
    pub(crate) path: &'a str,
    pub(crate) content_digest: &'a str,
}

impl<'a> Message<'a> {
    /// Returns the parts, or `None` if the request names no host.
    pub(crate) fn new(request: &'a Parts, content_digest: &'a str) -> Option<Self> {
        let authority = match request.uri.authority() {
            Some(authority) => authority.as_str(),
            None => only(&request.headers, &HOST)?,
        };
        let path = request.uri.path();
        Some(Self {
            method: request.method.as_str(),
            authority: authority.to_ascii_lowercase(),
            path: if path.is_empty() { "/" } else { path },
            content_digest,
        })
    }

    /// Returns the signature base for these components and parameters, or `None` if a component is not in [`COMPONENTS`].
    pub(crate) fn signature_base(&self, input: &InnerList) -> Option<String> {
        let components = input.items.iter().map(|item| {
            let name = item.bare_item.as_string()?.as_str();
            let value = match name {
                "@method" => self.method,
                "@authority" => &self.authority,
                "@path" => self.path,
                "content-digest" => self.content_digest,
                _ => return None,
            };
            item.params.is_empty().then_some((name, value))
        });
        let components: Vec<_> = components.collect::<Option<_>>()?;
        Some(signature_base(&components, &serialize(input)))
    }
}

/// RFC 9421, section 2.5.
pub(crate) fn signature_base(components: &[(&str, &str)], parameters: &str) -> String {
    let lines = components
        .iter()
        .map(|(name, value)| format!("\"{name}\": {value}\n"));
    lines.collect::<String>() + &format!("\"@signature-params\": {parameters}")
}

fn serialize(list: &InnerList) -> String {
    let mut serializer = ListSerializer::new();
    serializer.members([&ListEntry::InnerList(list.clone())]);
    serializer.finish().expect("a list with one member")
}

/// Writes a field: a dictionary with one member.
pub(crate) fn field(label: &str, value: impl Into<ListEntry>) -> String {
    let label = Key::from_string(label.to_owned()).expect("labels are keys");
    let field = Dictionary::from_iter([(label, value.into())]);
    field.serialize().expect("a dictionary with one member")
}

pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

/// Returns the value of a header that occurs once.
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value.trim())
}
