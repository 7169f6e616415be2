//! Authorization: from a checked request to a code, through as many steps as the dispatcher wants.

use std::sync::Arc;
use std::time::Duration;

use super::dispatch::{ConsentFacts, SessionFacts, Situation, Step, next_step};
use super::request::AuthorizationRequest;
use super::response::Response;
use super::{OidcEvent, store};
use crate::app::AppParts;
use crate::audit;
use crate::client::Client;
use crate::client::registry::Registry;
use crate::kernel::error::{Error, Protocol};
use crate::kernel::id::{GrantId, RequestId};
use crate::kernel::seal::Place;
use crate::kernel::secret::{Secret, token_hash};
use crate::kernel::time::{Timestamp, minutes};
use crate::signin::session::Session;
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

/// The FAPI 2.0 profile allows 60 seconds at most. The node that redeems may have a clock ten seconds behind the one that
/// issued, and the minute must hold nevertheless.
const CODE_LIFETIME: Duration = Duration::from_secs(50);
const REQUEST_LIFETIME: Duration = minutes(30);

/// A stored request, opened.
pub struct Pending {
    pub id: RequestId,
    pub request: AuthorizationRequest,
    pub client: Arc<Client>,
    pub created_at: Timestamp,
}

/// What the browser is sent to do.
pub enum Decision {
    /// A step of ours, for this stored request.
    Continue(Step, RequestId),
    /// Back to the client.
    Return(Response),
}

fn place(id: &RequestId) -> Place<'_> {
    Place { table: "authorization_request", column: "request", row: id.as_str(), version: 1 }
}

/// A new request. If nobody has to do anything, the only thing stored is the code.
pub async fn begin(
    app: &AppParts,
    client: &Client,
    request: AuthorizationRequest,
    session: Option<&Session>,
    browser: &[u8],
) -> Result<Decision, Error> {
    let now = app.now();
    let (facts, consent) = facts(app, client, session).await?;
    let (session_facts, consent) = (facts.as_ref(), consent.as_ref());
    match next_step(&Situation { request: &request, created_at: now, session: session_facts, consent, now }) {
        Step::Issue => {
            let session = session.ok_or_else(|| Error::broken("issued without a session"))?;
            let mut work = app.begin(Actor::Account(session.account_id.clone())).await?;
            let code = issue(&mut work, &request, session).await?;
            work.commit().await?;
            Ok(Decision::Return(Response::success(app, &request.target, code.expose())))
        }
        Step::Refuse(error) => Ok(Decision::Return(Response::failure(app, &request.target, &error))),
        step => {
            let mut work = app.begin(Actor::Visitor).await?;
            let id = RequestId::new(work.now, &work.random);
            let plain = serde_json::to_vec(&request).map_err(Error::broken)?;
            let sealed = app.vault.system.seal(place(&id), &plain, &work.random).map_err(Error::broken)?;
            let row = store::RequestRow {
                id: id.clone(),
                client_id: request.client.clone(),
                request: sealed,
                created_at: now,
                expires_at: now.plus(REQUEST_LIFETIME),
            };
            store::insert_request(&mut work, browser, &row).await?;
            work.commit().await?;
            Ok(Decision::Continue(step, id))
        }
    }
}

/// The stored request of this browser; nothing for any other browser, nor after half an hour.
pub async fn find(
    app: &AppParts,
    registry: &Registry,
    tx: &mut Tx,
    id: &RequestId,
    browser: &[u8],
) -> Result<Option<Pending>, Error> {
    let Some(row) = store::find_request(tx, id, browser, app.now()).await? else { return Ok(None) };
    let plain = app.vault.system.open(place(id), &row.request).map_err(Error::broken)?;
    let request: AuthorizationRequest = serde_json::from_slice(plain.expose()).map_err(Error::broken)?;
    // A client that was removed meanwhile takes its requests with it.
    let Some(client) = registry.find(&request.client) else { return Ok(None) };
    Ok(Some(Pending { id: row.id, request, client, created_at: row.created_at }))
}

/// Every step returns here.
pub async fn resume(
    app: &AppParts,
    pending: &Pending,
    session: Option<&Session>,
    browser: &[u8],
) -> Result<Decision, Error> {
    let (facts, consent) = facts(app, &pending.client, session).await?;
    let (request, created_at) = (&pending.request, pending.created_at);
    let situation =
        Situation { request, created_at, session: facts.as_ref(), consent: consent.as_ref(), now: app.now() };
    let step = next_step(&situation);
    match (step, session) {
        (Step::Issue, Some(session)) => {
            let mut work = app.begin(Actor::Account(session.account_id.clone())).await?;
            take(&mut work, pending, browser).await?;
            let code = issue(&mut work, &pending.request, session).await?;
            work.commit().await?;
            Ok(Decision::Return(Response::success(app, &pending.request.target, code.expose())))
        }
        (Step::Refuse(error), _) => refuse(app, pending, browser, &error).await,
        (step, _) => Ok(Decision::Continue(step, pending.id.clone())),
    }
}

/// Ends a stored request with an error for its client: cancelled, or not possible.
pub async fn refuse(app: &AppParts, pending: &Pending, browser: &[u8], error: &Protocol) -> Result<Decision, Error> {
    let mut work = app.begin(Actor::Visitor).await?;
    take(&mut work, pending, browser).await?;
    work.commit().await?;
    Ok(Decision::Return(Response::failure(app, &pending.request.target, error)))
}

/// The gate: a stored request is answered once.
async fn take(work: &mut Work, pending: &Pending, browser: &[u8]) -> Result<(), Error> {
    if store::delete_request(work, &pending.id, browser).await? { Ok(()) } else { Err(Error::Gone) }
}

async fn facts(
    app: &AppParts,
    client: &Client,
    session: Option<&Session>,
) -> Result<(Option<SessionFacts>, Option<ConsentFacts>), Error> {
    let Some(session) = session else { return Ok((None, None)) };
    let mut tx = app.read().await?;
    let consent = store::find_consent(&mut tx, &session.account_id, &client.id).await?;
    let facts = SessionFacts {
        level: session.level,
        authenticated_at: session.authenticated_at,
        subject: client.subject(&app.vault, &session.account_id),
    };
    Ok((Some(facts), consent.map(|row| ConsentFacts { scope: row.scope, granted_at: row.granted_at })))
}

async fn issue(work: &mut Work, request: &AuthorizationRequest, session: &Session) -> Result<Secret<String>, Error> {
    let code = work.random.token();
    let claims = (!request.claims.is_empty()).then(|| serde_json::to_string(&request.claims));
    let row = store::CodeRow {
        client_id: request.client.clone(),
        account_id: session.account_id.clone(),
        session_id: session.id.clone(),
        grant_id: GrantId::new(work.now, &work.random),
        redirect_uri: request.target.redirect_uri.clone(),
        scope: request.scope.clone(),
        nonce: request.nonce.clone(),
        challenge: request.challenge.clone(),
        level: session.level,
        methods: session.methods.clone(),
        authenticated_at: session.authenticated_at,
        expires_at: work.now.plus(CODE_LIFETIME),
        claims: claims.transpose().map_err(Error::broken)?,
        resource: request.resource.clone(),
    };
    store::insert_code(work, &token_hash(code.expose()), &row).await?;
    Ok(code)
}

/// Consents to what the pending request asks for.
pub async fn consent(app: &AppParts, pending: &Pending, session: &Session) -> Result<(), Error> {
    let account = session.account_id.clone();
    let mut work = app.begin(Actor::Account(account.clone())).await?;
    let (client, scope) = (pending.client.id.clone(), pending.request.consent_text());
    store::put_consent(&mut work, &account, &client, &scope).await?;
    audit::record(&mut work, &OidcEvent::ConsentGiven { account, client, scope }).await?;
    work.commit().await
}
