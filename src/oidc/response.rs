//! The authorization response: what goes back to the client, and how the browser carries it there.

use serde::{Deserialize, Serialize};

use crate::app::AppParts;
use crate::kernel::error::Protocol;

/// How the parameters travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// In the query of a redirect (RFC 6749 section 4.1.2).
    #[default]
    Query,
    /// In a form that the person sends (OAuth 2.0 Form Post Response Mode).
    FormPost,
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
}

impl Response {
    /// RFC 6749 section 4.1.2.
    pub fn success(app: &AppParts, target: &Target, code: &str) -> Self {
        Self::new(app, target, vec![("code", code.to_owned())])
    }

    /// RFC 6749 section 4.1.2.1.
    pub fn failure(app: &AppParts, target: &Target, error: &Protocol) -> Self {
        let (code, description) = (error.code.to_owned(), error.description.to_owned());
        Self::new(app, target, vec![("error", code), ("error_description", description)])
    }

    /// Every response carries the state that was sent and the issuer (RFC 9207 section 2).
    fn new(app: &AppParts, target: &Target, mut parameters: Vec<(&'static str, String)>) -> Self {
        parameters.extend(target.state.clone().map(|state| ("state", state)));
        parameters.push(("iss", app.config.issuer.clone()));
        Self { target: target.clone(), parameters }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_a09_a_registered_query_is_kept_and_no_fragment_follows() {
        let target = Target { redirect_uri: "https://rp.example/cb?tenant=1".into(), mode: Mode::Query, state: None };
        let response = Response { target, parameters: vec![("code", "a b".into()), ("iss", "https://op".into())] };
        assert_eq!(response.location(), "https://rp.example/cb?tenant=1&code=a+b&iss=https%3A%2F%2Fop#");
    }
}
