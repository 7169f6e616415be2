//! Authorization: from a checked request to a code, through as many steps as the dispatcher wants.

use std::sync::Arc;
use std::time::Duration;

use super::confirmation::Confirmation;
use super::consent::{self, Agreement, Side};
use super::device::{self, Verdict};
use super::dispatch::{ActingFacts, ConsentFacts, SessionFacts, Situation, Step, next_step};
use super::document;
use super::par::{self, PushedHash};
use super::request::AuthorizationRequest;
use super::response::{Destination, Response};
use super::store;
use super::whose::Whose;
use crate::app::AppParts;
use crate::client::registry::Registry;
use crate::client::{Claim, Client, Serves};
use crate::kernel::error::{Error, Protocol};
use crate::kernel::id::{GrantId, RequestId, SessionId};
use crate::kernel::level::Level;
use crate::kernel::seal::Place;
use crate::kernel::secret::{Secret, token_hash};
use crate::kernel::time::{Timestamp, minutes};
use crate::organisation::acting::{self, Capacity, Party, Power, Present, Wanted};
use crate::signin::means;
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
    pushed: Option<PushedHash>,
    confirmed_by: Option<SessionId>,
    level_declined_by: Option<SessionId>,
    client_confirmed_by: Option<SessionId>,
    /// The document that was shared for it, and in which session.
    shared: Option<(String, SessionId)>,
}

/// What somebody may say on the way, beside yes and no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// The device that waits is theirs.
    OwnDevice,
    /// They go on with a lower level than the client would like.
    LowerLevel,
    /// They want to go on to a client that nobody has checked.
    UncheckedClient,
}

impl Said {
    pub const fn name(self) -> &'static str {
        match self {
            Self::OwnDevice => "own_device",
            Self::LowerLevel => "lower_level",
            Self::UncheckedClient => "unchecked_client",
        }
    }
}

impl Pending {
    /// Whether a device waits for it, and not the client at the other end of this browser.
    pub fn is_for_device(&self) -> bool {
        matches!(self.request.target, Destination::Device(_))
    }
}

/// What the browser is sent to do.
pub enum Decision {
    /// A step of ours, for this stored request.
    Continue(Step, RequestId),
    /// Back to the client.
    Return(Response),
    /// Nowhere: a device asks for it.
    Device(Verdict),
}

fn place(id: &RequestId) -> Place<'_> {
    Place { table: "authorization_request", column: "request", row: id.as_str(), version: 1 }
}

/// A new request. If nobody has to do anything, the only thing stored is the code.
pub async fn begin(
    app: &AppParts,
    client: &Client,
    (request, pushed): (AuthorizationRequest, Option<PushedHash>),
    present: Option<&Present>,
    browser: &[u8],
) -> Result<Decision, Error> {
    let (now, session) = (app.now(), present.map(|present| &present.session));
    let facts = facts(app, client, &request, present).await?;
    match facts.decide(&request, now, now) {
        Step::Issue => {
            let session = session.ok_or_else(|| Error::broken("issued without a session"))?;
            let actor = Actor::Account(session.account_id.clone());
            let mut work = if pushed.is_some() { app.begin(actor).await? } else { app.single(actor).await? };
            spend(&mut work, pushed).await?;
            let code = issue(&mut work, client, &request, (session, &facts)).await?;
            work.commit().await?;
            success(app, client, &request, code)
        }
        Step::Refuse(error) => {
            if pushed.is_some() {
                let mut work = app.begin(Actor::Visitor).await?;
                spend(&mut work, pushed).await?;
                work.commit().await?;
            }
            failure(app, client, &request, &error)
        }
        step => {
            let mut work = app.begin(Actor::Visitor).await?;
            if let Some(PushedHash(hash)) = pushed
                && !store::hold_pushed_request(&mut work, &hash).await?
            {
                return Err(par::unusable());
            }
            let id = RequestId::new(work.now, &work.random);
            let plain = serde_json::to_vec(&request).map_err(Error::broken)?;
            let sealed = app.vault.system.seal(place(&id), &plain, &work.random).map_err(Error::broken)?;
            let row = store::RequestRow {
                id: id.clone(),
                client_id: request.client.clone(),
                request: sealed,
                created_at: now,
                expires_at: now.plus(REQUEST_LIFETIME),
                pushed_hash: pushed.map(|pushed| pushed.0.to_vec()),
                confirmed_by: None,
                level_declined_by: None,
                client_confirmed_by: None,
                share: None,
                shared_by: None,
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
    let Some(mut row) = store::find_request(tx, id, browser, app.now()).await? else { return Ok(None) };
    let plain = app.vault.system.open(place(id), &row.request).map_err(Error::broken)?;
    let request: AuthorizationRequest = serde_json::from_slice(plain.expose()).map_err(Error::broken)?;
    // A client that was removed meanwhile takes its requests with it.
    let Some(client) = registry.find(&request.client) else { return Ok(None) };
    let pushed = row.pushed_hash.take().and_then(|hash| hash.try_into().ok()).map(PushedHash);
    let store::RequestRow { id, created_at, confirmed_by, level_declined_by, client_confirmed_by, .. } = row;
    let shared = row.share.zip(row.shared_by);
    Ok(Some(Pending {
        id,
        request,
        client,
        created_at,
        pushed,
        confirmed_by,
        level_declined_by,
        client_confirmed_by,
        shared,
    }))
}

/// Every step returns here.
pub async fn resume(
    app: &AppParts,
    pending: &Pending,
    present: Option<&Present>,
    browser: &[u8],
) -> Result<Decision, Error> {
    let session = present.map(|present| &present.session);
    let mut facts = facts(app, &pending.client, &pending.request, present).await?;
    let is_here = |said_in: &Option<SessionId>| session.is_some_and(|session| said_in.as_ref() == Some(&session.id));
    facts.is_confirmed = is_here(&pending.confirmed_by);
    facts.is_level_declined = is_here(&pending.level_declined_by);
    facts.is_unchecked = pending.client.is_unchecked() && !is_here(&pending.client_confirmed_by);
    let shared = pending.shared.as_ref();
    facts.share =
        shared.filter(|(_, by)| session.is_some_and(|session| session.id == *by)).map(|(share, _)| share.clone());
    match (facts.decide(&pending.request, pending.created_at, app.now()), session) {
        (Step::Issue, Some(session)) => {
            let mut work = app.begin(Actor::Account(session.account_id.clone())).await?;
            take(&mut work, pending, browser).await?;
            let code = issue(&mut work, &pending.client, &pending.request, (session, &facts)).await?;
            work.commit().await?;
            success(app, &pending.client, &pending.request, code)
        }
        (Step::Refuse(error), _) => refuse(app, pending, browser, &error).await,
        (step, _) => Ok(Decision::Continue(step, pending.id.clone())),
    }
}

/// Ends a stored request with an error for its client: cancelled, or not possible.
pub async fn refuse(app: &AppParts, pending: &Pending, browser: &[u8], error: &Protocol) -> Result<Decision, Error> {
    let mut work = app.begin(Actor::Visitor).await?;
    take(&mut work, pending, browser).await?;
    device::deny(&mut work, &pending.request).await?;
    work.commit().await?;
    failure(app, &pending.client, &pending.request, error)
}

/// Something is said on the way: it counts for this session.
pub async fn say(
    app: &AppParts,
    pending: &Pending,
    session: &Session,
    browser: &[u8],
    said: Said,
) -> Result<(), Error> {
    let mut work = app.begin(Actor::Account(session.account_id.clone())).await?;
    if !store::said::put_said(&mut work, (&pending.id, browser), &session.id, said).await? {
        return Err(Error::Gone);
    }
    work.commit().await
}

/// A document is shared for a request, in the work that shares it: it counts for this session. `Gone` if there is no such request in this browser
/// any more.
pub async fn share(
    work: &mut Work,
    pending: &Pending,
    (session, browser): (&Session, &[u8]),
    share: &str,
) -> Result<(), Error> {
    let shared = store::said::put_share(work, (&pending.id, browser), (share, &session.id)).await?;
    if shared { Ok(()) } else { Err(Error::Gone) }
}

/// `code` is for a client; a device has one already.
fn success(
    app: &AppParts,
    client: &Client,
    request: &AuthorizationRequest,
    code: Option<Secret<String>>,
) -> Result<Decision, Error> {
    match (&request.target, code) {
        (Destination::Client(target), Some(code)) => {
            Ok(Decision::Return(Response::success(app, client, target, code.expose())?))
        }
        _ => Ok(Decision::Device(Verdict::Allowed)),
    }
}

fn failure(
    app: &AppParts,
    client: &Client,
    request: &AuthorizationRequest,
    error: &Protocol,
) -> Result<Decision, Error> {
    match &request.target {
        Destination::Client(target) => {
            let response = Response::failure(app, client, target, error)?;
            Ok(Decision::Return(if request.prompt.none { response.silently() } else { response }))
        }
        Destination::Device(_) => Ok(Decision::Device(Verdict::Denied)),
    }
}

/// The gate: a stored request is answered once, and with it all that were begun with the same deposited one.
async fn take(work: &mut Work, pending: &Pending, browser: &[u8]) -> Result<(), Error> {
    let is_first = match pending.pushed {
        None => store::delete_request(work, &pending.id, browser).await?,
        Some(PushedHash(hash)) => {
            // By now it may have run out.
            store::delete_pushed_request(work, &hash).await?;
            store::delete_requests_of(work, &hash).await?.contains(&pending.id)
        }
    };
    if is_first { Ok(()) } else { Err(Error::Gone) }
}

/// The gate for a deposited request that is answered at once.
async fn spend(work: &mut Work, pushed: Option<PushedHash>) -> Result<(), Error> {
    let Some(PushedHash(hash)) = pushed else { return Ok(()) };
    if !store::delete_pushed_request(work, &hash).await? {
        return Err(par::unusable());
    }
    store::delete_requests_of(work, &hash).await?;
    Ok(())
}

/// What a decision needs to know beside the request.
#[derive(Default)]
struct Facts {
    session: Option<SessionFacts>,
    /// What a code would be about, and above which level it would state nothing.
    whose: Option<(Whose, Level)>,
    agreement: Option<Agreement>,
    consent: Option<ConsentFacts>,
    is_confirmed: bool,
    is_level_declined: bool,
    is_unchecked: bool,
    /// The name of what was shared for the request.
    share: Option<String>,
}

impl Facts {
    fn decide(&self, request: &AuthorizationRequest, created_at: Timestamp, now: Timestamp) -> Step {
        let (session, consent) = (self.session.as_ref(), self.consent.as_ref());
        let &Self { is_confirmed, is_level_declined, is_unchecked, .. } = self;
        next_step(&Situation {
            request,
            created_at,
            session,
            consent,
            is_confirmed,
            is_level_declined,
            is_unchecked,
            is_shared: self.share.is_some(),
            now,
        })
    }
}

/// Whose something is that a client gets from somebody now: their own, unless they act for others, the client serves such, and
/// they may do so there.
pub fn whose(client: &Client, present: &Present) -> Whose {
    Whose::of(&present.session.account_id, power_at(client, present))
}

fn power_at<'a>(client: &Client, present: &'a Present) -> Option<&'a Power> {
    let power = present.acting.as_ref().map(|acting| &acting.power);
    power.filter(|power| client.serves_power(power) && power.counts_at(client.service()))
}

/// The level without which nothing is issued: that of the request, or what it needs to act for whomever somebody acts.
pub fn least_level(client: &Client, request: &AuthorizationRequest, present: &Present) -> Level {
    request.level.max(power_at(client, present).map_or(Level::Basic, Power::needs))
}

async fn facts(
    app: &AppParts,
    client: &Client,
    request: &AuthorizationRequest,
    present: Option<&Present>,
) -> Result<Facts, Error> {
    let Some(present) = present else { return Ok(Facts::default()) };
    let (mut tx, now, session) = (app.read().await?, app.now(), &present.session);
    let whose = whose(client, present);
    let agreement = consent::find(&mut tx, &whose, &client.id).await?;
    let level = session.level(now);
    let ceiling = power_at(client, present).map_or(Level::High, Power::ceiling);
    let reachable = match request.wished_level {
        Some(wished) if wished > level => means::reachable(&mut tx, &app.config, session, now).await?.min(ceiling),
        _ => level,
    };
    let acting = acting_facts(app, &mut tx, (client, request), (present, &whose)).await?;
    drop(tx);
    let facts = SessionFacts {
        level,
        reachable,
        authenticated_at: session.authenticated_at,
        subject: client.subject_of(&app.vault, &whose.party()),
        acting,
    };
    let side = Side::of(&whose);
    let consent = agreement.as_ref().map(|agreement| ConsentFacts {
        covers: agreement.covers(client, request, side),
        granted_at: agreement.granted_at,
    });
    let is_unchecked = client.is_unchecked();
    let whose = Some((whose, ceiling));
    Ok(Facts { session: Some(facts), agreement, consent, is_unchecked, whose, ..Facts::default() })
}

/// Where somebody could act for nobody but themselves nothing is asked. Elsewhere it is, once, what they could choose, if that
/// decides anything.
async fn acting_facts(
    app: &AppParts,
    tx: &mut Tx,
    (client, request): (&Client, &AuthorizationRequest),
    (present, whose): (&Present, &Whose),
) -> Result<ActingFacts, Error> {
    let (session, now, serves_persons) = (&present.session, app.now(), client.serves(Serves::Persons));
    let is_meant = is_meant(client, present);
    let is_for_organisations = client.serves(Serves::Organisations);
    if !(is_meant
        || is_for_organisations
        || (client.mandates && acting::has_mandates(tx, &session.account_id, now).await?))
    {
        return Ok(ActingFacts::default());
    }
    let power = power_at(client, present);
    let is_known = power.is_none_or(|power| power.is_known(request.level));
    let mut facts = ActingFacts {
        only_organisations: !serves_persons,
        is_for_others: whose.is_acting(),
        is_lost: is_meant && !(whose.is_acting() && is_known),
        has_choice: false,
        is_expected_choice: false,
        chosen_at: session.chosen_at,
        needs: power.map(Power::needs),
    };
    let expected = request.expected_subject.as_deref();
    let is = |party: &Party| expected == Some(&client.subject_of(&app.vault, party));
    let is_settled = !facts.is_lost && (whose.is_acting() || (serves_persons && session.chosen_at.is_some()));
    if is_settled && !request.prompt.select && (expected.is_none() || is(&whose.party())) {
        return Ok(facts);
    }
    let takes = |party: &Party| client.serves_party(party);
    let here = Wanted { service: client.service(), mandates: client.mandates, takes: &takes, least: request.level };
    facts.has_choice = acting::has_any(tx, present, &here, now).await?;
    if expected.is_some() {
        let takes = |party: &Party| client.serves_party(party) && is(party);
        facts.is_expected_choice = (serves_persons && is(&Party::Person(session.account_id.clone())))
            || acting::has_any(tx, present, &Wanted { takes: &takes, ..here }, now).await?;
    }
    Ok(facts)
}

/// Whether what somebody has chosen concerns a client: an organisation does not, where it is for people alone. Of a mandate that
/// has ended it is not known any more for whom it was.
fn is_meant(client: &Client, present: &Present) -> bool {
    let chosen = present.session.acting.as_deref().and_then(Capacity::parse);
    match (&present.acting, chosen) {
        (Some(acting), _) => client.serves_power(&acting.power),
        (None, Some(Capacity::Mandate(_))) => client.mandates,
        (None, Some(Capacity::Member(_))) => client.serves(Serves::Organisations),
        (None, None) => false,
    }
}

/// Stores a code: one statement, which is why a request that needs no other is a transaction of its own ([`begin`]). For a
/// device there is one more; no such request is answered at once.
async fn issue(
    work: &mut Work,
    client: &Client,
    request: &AuthorizationRequest,
    (session, facts): (&Session, &Facts),
) -> Result<Option<Secret<String>>, Error> {
    let (code, hash, redirect_uri, expires_at) = match &request.target {
        Destination::Client(target) => {
            let code = work.random.token();
            let hash = token_hash(code.expose());
            (Some(code), hash, target.redirect_uri.clone(), work.now.plus(CODE_LIFETIME))
        }
        Destination::Device(device) => {
            let (hash, expires_at) = device::allow(work, device).await?;
            (None, hash, String::new(), expires_at)
        }
    };
    let (whose, ceiling) = facts.whose.as_ref().ok_or_else(|| Error::broken("issued without saying whose"))?;
    let (acting, represented) = whose.columns();
    let agreed = |claim: &Claim| {
        facts.agreement.as_ref().is_some_and(|agreement| consent::is_agreed(&agreement.answers, *claim))
    };
    let released = consent::questions(client, request, Side::of(whose)).into_iter().filter(agreed).map(Claim::name);
    let claims = (!request.claims.is_empty()).then(|| serde_json::to_string(&request.claims));
    let row = store::CodeRow {
        client_id: request.client.clone(),
        account_id: session.account_id.clone(),
        session_id: session.id.clone(),
        grant_id: GrantId::new(work.now, &work.random),
        redirect_uri,
        scope: request.scope.clone(),
        nonce: request.nonce.clone(),
        challenge: request.challenge.clone(),
        level: session.level(work.now).min(*ceiling),
        methods: session.methods.clone(),
        authenticated_at: session.authenticated_at,
        expires_at,
        claims: claims.transpose().map_err(Error::broken)?,
        resource: request.resource.clone(),
        released: released.collect::<Vec<_>>().join(" "),
        confirmation: request.confirmation.as_ref().map(Confirmation::to_text),
        acting,
        represented,
        details: facts.share.as_deref().map(document::granted),
    };
    store::insert_code(work, &hash, &row).await?;
    Ok(code)
}
