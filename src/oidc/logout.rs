//! Sign-out asked for by a client (OpenID Connect RP-Initiated Logout 1.0).

use std::sync::Arc;

use serde::Deserialize;

use super::request::Parameters;
use crate::app::AppParts;
use crate::client::Client;
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::kernel::keys::Purpose;
use crate::signin::session::Session;

/// A checked request to sign out.
pub struct LogoutRequest {
    /// Whoever holds the ID token of this very session may end it without a question.
    pub confirmed: bool,
    /// Where to go afterwards; registered with the client. For one that nobody has checked only if it holds the ID token of this
    /// very session.
    pub target: Option<String>,
    pub client: Option<Arc<Client>>,
}

#[derive(Clone, Deserialize)]
struct Hint {
    iss: String,
    sub: String,
    aud: String,
    act: Option<Actor>,
}

/// Who acted for the subject.
#[derive(Clone, Deserialize)]
struct Actor {
    sub: String,
}

/// Checks the request. What is wrong is a page for the person; nothing is ever redirected to.
pub fn check(
    app: &AppParts,
    registry: &Registry,
    parameters: &Parameters,
    session: Option<&Session>,
) -> Result<LogoutRequest, Error> {
    let refuse = |description| Err(Error::protocol("invalid_request", description));
    let keys = app.keys.current();
    // A hint so old that its key has been retired counts as absent: the person is asked.
    let hint = match parameters.get("id_token_hint").filter(|token| !keys.names_former_key(token)) {
        None => None,
        Some(token) => {
            match keys.verify::<Hint>(Purpose::IdToken, token).filter(|hint| hint.iss == app.config.issuer) {
                None => return refuse("id_token_hint is not an ID token of this provider"),
                hint => hint,
            }
        }
    };
    let named = parameters.get("client_id");
    if let (Some(hint), Some(named)) = (&hint, named)
        && hint.aud != named
    {
        return refuse("client_id and id_token_hint name different clients");
    }
    let client = match hint.as_ref().map(|hint| hint.aud.as_str()).or(named) {
        None => None,
        Some(id) => match registry.get(id) {
            None => return refuse("the client is unknown"),
            client => client,
        },
    };
    let target = match (parameters.get("post_logout_redirect_uri"), &client) {
        (None, _) => None,
        (Some(_), None) => return refuse("post_logout_redirect_uri needs id_token_hint or client_id"),
        (Some(uri), Some(client)) => {
            if !client.post_logout_redirect_uris.iter().any(|known| known == uri) {
                return refuse("post_logout_redirect_uri is not registered for this client");
            }
            Some(with_state(uri, parameters.get("state")))
        }
    };
    let is_of_session = match (session, &client, &hint) {
        (Some(session), Some(client), Some(hint)) => match &hint.act {
            Some(actor) => client.actor(&app.vault, &session.account_id) == actor.sub,
            None => client.subject(&app.vault, &session.account_id) == hint.sub,
        },
        _ => false,
    };
    let confirmed = session.is_none() || is_of_session;
    // Whoever registers would otherwise have a redirector at our address (RFC 9700 section 4.11.2).
    let may_lead = is_of_session || !client.as_ref().is_some_and(|client| client.is_unchecked());
    let target = target.filter(|_| may_lead);
    Ok(LogoutRequest { confirmed, target, client })
}

fn with_state(uri: &str, state: Option<&str>) -> String {
    let Some(state) = state else { return uri.to_owned() };
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("state", state).finish();
    let joint = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{joint}{query}")
}
