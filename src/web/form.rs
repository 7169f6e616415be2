//! Forms: read once, limited, and only from our own pages.

use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::LocalBoxFuture;

use super::caller::{browser_token, session_token};
use crate::app::App;
use crate::kernel::error::Error;
use crate::kernel::secret::equal;

/// No form of ours is longer.
pub const BODY_MAX_BYTES: usize = 64 * 1024;
pub(super) const FIELDS_MAX: usize = 64;

/// The anti-forgery value of a browser and its session, so that what one person saw is never sent in the name
/// of the next: their keyed hash under a fresh mask, so that no two pages contain the
/// same bytes for a compressed page to betray (BREACH).
pub fn token(app: &App, browser: &str, session: &str) -> String {
    let mask: [u8; 32] = app.random.bytes();
    URL_SAFE_NO_PAD.encode([mask, xor(mask, unmasked(app, browser, session))].concat())
}

fn unmasked(app: &App, browser: &str, session: &str) -> [u8; 32] {
    app.vault.form(&format!("{browser}.{session}"))
}

fn unmask(token: &str) -> Option<[u8; 32]> {
    let bytes: [u8; 64] = URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
    let (mask, masked) = bytes.split_at(32);
    Some(xor(mask.try_into().ok()?, masked.try_into().ok()?))
}

fn xor(one: [u8; 32], other: [u8; 32]) -> [u8; 32] {
    std::array::from_fn(|place| one[place] ^ other[place])
}

/// A form of one of our pages, sent by the browser that got the page.
pub struct Form(Vec<(String, String)>);

impl Form {
    /// One in which nothing has been filled in.
    pub const fn empty() -> Self {
        Self(Vec::new())
    }

    /// Adds a field.
    pub(super) fn push(&mut self, name: String, value: String) {
        self.0.push((name, value));
    }

    /// The field's text; a field that is not there is empty.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Everything that a field says that is there more than once.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == value
    }
}

impl FromRequest for Form {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            check_origin(&request)?;
            let form = Self(read_pairs(&request, &mut payload).await?);
            check_token(&request, &form)?;
            Ok(form)
        })
    }
}

/// The fields of a form that strangers may send: protocol endpoints.
pub struct ForeignForm(pub Vec<(String, String)>);

impl FromRequest for ForeignForm {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move { Ok(Self(read_pairs(&request, &mut payload).await?)) })
    }
}

async fn read_pairs(
    request: &HttpRequest,
    payload: &mut dev::Payload,
) -> Result<Vec<(String, String)>, actix_web::Error> {
    if !request.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let body = web::Bytes::from_request(request, payload).await;
    let body = body.map_err(|error| refuse(error.as_response_error().status_code()))?;
    if body.len() > BODY_MAX_BYTES {
        return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE));
    }
    parse_pairs(&body).ok_or_else(|| refuse(StatusCode::BAD_REQUEST))
}

/// What is no form of ours.
pub(super) fn refuse(status: StatusCode) -> actix_web::Error {
    actix_web::error::InternalError::new("form", status).into()
}

/// Decodes strictly: valid UTF-8, no NUL, a bounded number of fields. `None` for anything else.
pub fn parse_pairs(encoded: &[u8]) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    for part in encoded.split(|byte| *byte == b'&').filter(|part| !part.is_empty()) {
        if pairs.len() == FIELDS_MAX {
            return None;
        }
        let equals = part.iter().position(|byte| *byte == b'=').unwrap_or(part.len());
        let (name, value) = part.split_at(equals);
        pairs.push((decode(name)?, decode(value.get(1..).unwrap_or_default())?));
    }
    Some(pairs)
}

fn decode(encoded: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
                rest = after;
            }
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// A browser says where a request comes from; what comes from elsewhere is refused. `Origin` is RFC 6454,
/// `Sec-Fetch-Site` the W3C's Fetch Metadata.
pub(super) fn check_origin(request: &HttpRequest) -> Result<(), actix_web::Error> {
    let text = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or("?").to_owned());
    let app = request.app_data::<web::Data<App>>().ok_or_else(|| Error::broken("no app"))?;
    let foreign_origin = text("origin").is_some_and(|origin| origin != app.config.issuer);
    let foreign_site = text("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
    if foreign_origin || foreign_site { Err(Error::NotAllowed("foreign origin").into()) } else { Ok(()) }
}

pub(super) fn check_token(request: &HttpRequest, form: &Form) -> Result<(), actix_web::Error> {
    let app = request.app_data::<web::Data<App>>().ok_or_else(|| Error::broken("no app"))?;
    let expected = browser_token(app, request).map(|browser| unmasked(app, &browser, &session_token(app, request)));
    match (expected, unmask(form.get("csrf"))) {
        (Some(expected), Some(given)) if equal(&expected, &given) => Ok(()),
        _ => Err(Error::NotAllowed("anti-forgery value").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_pairs;

    #[test]
    fn sec_x10_encoding_is_read_strictly() {
        let pairs = |text: &str| parse_pairs(text.as_bytes());
        assert_eq!(
            pairs("a=1&b=%C3%BC+x&c"),
            Some(vec![("a".into(), "1".into()), ("b".into(), "ü x".into()), ("c".into(), String::new())])
        );
        for bad in ["a=%", "a=%4", "a=%zz", "a=%ff", "a=%00", "a=%C3"] {
            assert_eq!(pairs(bad), None, "{bad}");
        }
        assert_eq!(pairs(&"a=1&".repeat(65)), None);
    }
}
