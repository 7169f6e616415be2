//! Off to another provider: with a question that is sealed for this browser, and PKCE, state and nonce (OpenID Connect Core
//! section 3.1.2.1).

use std::time::Duration;

use openidconnect::core::{CoreAuthPrompt, CoreAuthenticationFlow};
use openidconnect::{AuthenticationContextClass, CsrfToken, Nonce, PkceCodeChallenge, PkceCodeVerifier, Scope};

use super::provider::Provider;
use super::{Purpose, Question, Told, question};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::{ClientId, MeansId, OrganisationId};
use crate::kernel::level::Level;
use crate::kernel::texts::Language;
use crate::kernel::time::minutes;
use crate::signin::ceremony;
use crate::signin::session::Session;

/// How long people may take there.
const LIFETIME: Duration = minutes(15);

/// Somebody about to go there.
pub struct Going<'a> {
    pub provider: &'a Provider,
    pub purpose: Purpose,
    pub browser: &'a [u8],
    pub language: Language,
    /// Who is signed in, if only they may come back with an answer.
    pub session: Option<&'a Session>,
    pub means: Option<MeansId>,
    /// The organisation that is to be shown.
    pub organisation: Option<OrganisationId>,
    pub wanted: Option<Level>,
    pub next: String,
    /// The service that the person is on the way to.
    pub client: Option<ClientId>,
}

/// Where the browser is sent. Writes nothing.
///
/// Whoever comes back has to have signed in there anew (`prompt=login`, and `max_age`, by which the answer says when that was): the
/// levels count from then on (BSI TR-03160-2: no single sign-on at the side that vouches).
pub async fn begin(app: &AppParts, going: Going<'_>) -> Result<Result<String, Told>, Error> {
    let provider = going.provider;
    let known = match provider.ask(provider.known(app)).await {
        Ok(known) => known,
        Err(told) => return Ok(Err(told)),
    };
    let client = match provider.client(app, &known) {
        Ok(client) => client,
        Err(told) => return Ok(Err(told)),
    };
    let (nonce, verifier) = (app.random.token(), app.random.token());
    let asked = Question {
        provider: provider.settings.id.clone(),
        purpose: going.purpose,
        nonce: nonce.expose().clone(),
        verifier: verifier.expose().clone(),
        begun_at: app.now(),
        session: going.session.map(|session| session.id.clone()),
        means: going.means,
        organisation: going.organisation,
        wanted: going.wanted,
        next: going.next,
        client: going.client,
    };
    let state = ceremony::seal(app, question(going.browser), LIFETIME, &asked)?;
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(asked.verifier));
    let flow = CoreAuthenticationFlow::AuthorizationCode;
    let mut request = client
        .authorize_url(flow, || CsrfToken::new(state), || Nonce::new(asked.nonce))
        .set_pkce_challenge(challenge)
        .add_prompt(CoreAuthPrompt::Login)
        .set_max_age(LIFETIME)
        .add_extra_param("ui_locales", going.language.tag());
    // Whoever acts for several there says for which.
    if going.purpose == Purpose::Organisation {
        request = request.add_prompt(CoreAuthPrompt::SelectAccount);
    }
    let wants_data = going.purpose.wants_data();
    // The library asks for `openid` by itself.
    for scope in provider.settings.scopes.iter().filter(|scope| wants_data && *scope != "openid") {
        request = request.add_scope(Scope::new(scope.clone()));
    }
    let least = going.wanted.unwrap_or(match going.purpose {
        Purpose::SignIn => Level::Low,
        Purpose::Link | Purpose::Confirm | Purpose::Unblock | Purpose::Organisation => provider.settings.most(),
    });
    for acr in provider.settings.acr_values(least) {
        request = request.add_auth_context_value(AuthenticationContextClass::new(acr.to_owned()));
    }
    let (location, ..) = request.url();
    Ok(Ok(location.into()))
}
