//! The authorization response: what goes back to the client, and how the browser carries it there.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::device::DeviceHash;
use crate::app::AppParts;
use crate::client::Client;
use crate::kernel::error::{Error, Protocol};
use crate::kernel::keys::Purpose;
use crate::kernel::time::minutes;

/// How long a signed response counts (JARM section 2.1 recommends ten minutes at most).
const SIGNED_LIFETIME: Duration = minutes(5);

/// How the parameters travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// In the query of a redirect (RFC 6749 section 4.1.2).
    #[default]
    Query,
    /// In a form that the person sends (OAuth 2.0 Form Post Response Mode).
    FormPost,
    /// As the first, in one signed parameter (JWT Secured Authorization Response Mode, JARM, section 2.3.1).
    QueryJwt,
    /// As the second, in one signed parameter (JARM section 2.3.3).
    FormPostJwt,
}

impl Mode {
    /// The names of `response_mode`; `jwt` is what suits a code best.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("query", Self::Query),
        ("form_post", Self::FormPost),
        ("query.jwt", Self::QueryJwt),
        ("form_post.jwt", Self::FormPostJwt),
        ("jwt", Self::QueryJwt),
    ];

    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, mode)| mode)
    }

    pub const fn is_form(self) -> bool {
        matches!(self, Self::FormPost | Self::FormPostJwt)
    }

    const fn is_signed(self) -> bool {
        matches!(self, Self::QueryJwt | Self::FormPostJwt)
    }
}

/// Who waits for the answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Destination {
    /// The client, to which the browser goes back.
    Client(Target),
    /// A device that asks for it (RFC 8628).
    Device(DeviceHash),
}

/// Where a response goes: known to belong to the client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub redirect_uri: String,
    pub mode: Mode,
    pub state: Option<String>,
}

pub struct Response {
    pub target: Target,
    /// In the order in which they are written.
    pub parameters: Vec<(&'static str, String)>,
    /// The browser goes there only if the person wants to: a refusal for a client that nobody has checked would otherwise lead
    /// from our address to any other (RFC 9700 section 4.11.2).
    pub waits: bool,
}

impl Response {
    /// RFC 6749 section 4.1.2.
    pub fn success(app: &AppParts, client: &Client, target: &Target, code: &str) -> Result<Self, Error> {
        Self::new(app, client, target, vec![("code", code.to_owned())])
    }

    /// RFC 6749 section 4.1.2.1.
    pub fn failure(app: &AppParts, client: &Client, target: &Target, error: &Protocol) -> Result<Self, Error> {
        let (code, description) = (error.code.to_owned(), error.description.to_owned());
        let failure = Self::new(app, client, target, vec![("error", code), ("error_description", description)])?;
        Ok(Self { waits: client.is_unchecked(), ..failure })
    }

    /// The same where nobody is to be asked (`prompt=none`).
    pub fn silently(self) -> Self {
        Self { waits: false, ..self }
    }

    /// Every response carries the state that was sent and the issuer (RFC 9207 section 2).
    fn new(
        app: &AppParts,
        client: &Client,
        target: &Target,
        mut parameters: Vec<(&'static str, String)>,
    ) -> Result<Self, Error> {
        parameters.extend(target.state.clone().map(|state| ("state", state)));
        if target.mode.is_signed() {
            let signed = sign(app, client, parameters)?;
            parameters = vec![("response", signed)];
        } else {
            parameters.push(("iss", app.config.issuer.clone()));
        }
        Ok(Self { target: target.clone(), parameters, waits: false })
    }

    /// The redirect URI with the parameters in its query; a query of its own stays as it is. The empty fragment at the end
    /// keeps browsers from carrying over the one of the request (RFC 9700 section 4.1.3, WHATWG Fetch "location URL").
    pub fn location(&self) -> String {
        let uri = &self.target.redirect_uri;
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.parameters).finish();
        let joint = if uri.contains('?') { '&' } else { '?' };
        format!("{uri}{joint}{query}#")
    }
}

/// JARM section 2.1. Its `typ` is its own, so that it never counts as an ID token.
fn sign(app: &AppParts, client: &Client, parameters: Vec<(&'static str, String)>) -> Result<String, Error> {
    let mut claims: Map<String, Value> =
        parameters.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    claims.insert("iss".to_owned(), json!(app.config.issuer));
    claims.insert("aud".to_owned(), json!(client.id));
    claims.insert("exp".to_owned(), json!(app.now().plus(SIGNED_LIFETIME).seconds()));
    app.keys.current().sign_as("authorization-response+jwt", Purpose::IdToken, client.id_token_algorithm, &claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_a09_a_registered_query_is_kept_and_no_fragment_follows() {
        let target = Target { redirect_uri: "https://rp.example/cb?tenant=1".into(), mode: Mode::Query, state: None };
        let response =
            Response { waits: false, target, parameters: vec![("code", "a b".into()), ("iss", "https://op".into())] };
        assert_eq!(response.location(), "https://rp.example/cb?tenant=1&code=a+b&iss=https%3A%2F%2Fop#");
    }
}
