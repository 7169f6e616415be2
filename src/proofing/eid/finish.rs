//! The way back: the eID-Server is asked what was read, and only now anything is looked for.

use std::time::Duration;

use super::super::comparison::differences;
use super::super::store::eid as store;
use super::recover::recover;
use super::{LIFETIME, Purpose, READ, RUN, Run, Why, open, place, server, shown};
use crate::account::{self, Account, AttributeName, Group, Source, Status};
use crate::app::AppParts;
use crate::assurance::Policy;
use crate::audit;
use crate::eid::{self, Card, EidServer, Failure, Reading, Refusal, Returned};
use crate::kernel::error::Error;
use crate::kernel::id::ClientId;
use crate::kernel::level::Level;
use crate::kernel::secret::{Secret, equal, hex, token_hash};
use crate::signin::SigninEvent;
use crate::signin::arrival::Arrival;
use crate::signin::attempts::{self, Network};
use crate::signin::card::{self, Known, METHODS};
use crate::signin::device::Device;
use crate::signin::means;
use crate::signin::session::Session;
use crate::store::work::Actor;

/// How long a person waits here for the eID-Server to have the result, its answers included.
const PATIENCE: Duration = Duration::from_secs(9);
const BETWEEN: Duration = Duration::from_millis(400);

/// A browser that comes back.
pub struct Return<'a> {
    /// What the refresh address says, and what the eID-Client has added.
    pub back: &'a str,
    pub query: &'a str,
    pub browser: &'a [u8],
    pub network: &'a Network,
    pub device: &'a Device,
    pub session: Option<&'a Session>,
    /// The service that the person is on the way to.
    pub client: Option<ClientId>,
    pub request: Option<String>,
}

pub enum Outcome {
    /// The new session's token.
    Begun(Secret<String>),
    /// It has been read, and its owner is to see it.
    Read,
    /// Only a new password is left to choose.
    Recovers,
    Refused(Why),
}

/// Takes a run to its end, and says what it was for. Nothing changes unless the browser is that of the beginning, and the same
/// person is signed in. Whoever gets back in need not be.
pub async fn finish(app: &AppParts, came: Return<'_>) -> Result<(Outcome, Purpose), Error> {
    let server = server(&app.eid)?;
    let row = store::find_of_browser(&mut app.read().await?, came.browser, false, app.now()).await?;
    let Some(row) = row else { return Ok((Outcome::Refused(Why::OtherBrowser), Purpose::SignIn)) };
    let run: Run = open(&app.vault, came.browser, &row.sealed, RUN)?;
    let session = came.session.filter(|_| run.purpose == Purpose::SignIn);
    let outcome = go_on(app, server, &Return { session, ..came }, (&row, &run)).await?;
    Ok((outcome, run.purpose))
}

async fn go_on(
    app: &AppParts,
    server: &EidServer,
    came: &Return<'_>,
    (row, run): (&store::ReadingRow, &Run),
) -> Result<Outcome, Error> {
    let signed_in = came.session.map(|session| &session.account_id);
    if !equal(run.back.as_bytes(), came.back.as_bytes()) || row.account_id.as_ref() != signed_in {
        return Ok(Outcome::Refused(Why::OtherBrowser));
    }
    let returned = Returned::parse(came.query).unwrap_or(Returned::ClientError);
    // What was wrong with a card, the eID-Server says to us alone.
    if !matches!(returned, Returned::Ok | Returned::ServerError) {
        return Ok(Outcome::Refused(Why::Returned(returned)));
    }
    let begun = eid::Begun::from_bytes(&run.begun).ok_or_else(|| Error::broken("a run cannot be read"))?;
    let read = tokio::time::timeout(PATIENCE, ask(app, server, &begun.session)).await;
    let card = match read.unwrap_or(Err(Failure::NoAnswer)) {
        Ok(Ok(card)) if returned == Returned::Ok => card,
        Ok(Ok(_)) => return Ok(Outcome::Refused(Why::Returned(returned))),
        Ok(Err(Refusal::SessionGone)) => return Ok(Outcome::Refused(Why::Gone)),
        Ok(Err(refusal)) => return Ok(Outcome::Refused(Why::Refused(refusal))),
        Err(failure) => {
            tracing::warn!("no result of the eID-Server: {failure}");
            return Ok(Outcome::Refused(Why::Failed(failure)));
        }
    };
    let known = card::find(&mut app.read().await?, &app.vault, &card.restricted_id, &came.device.hash()).await?;
    let outcome = match (came.session, &known) {
        _ if run.purpose == Purpose::Recovery => recover(app, came, row, (known.as_ref(), &card)).await?,
        (None, None) => Outcome::Refused(Why::UnknownCard),
        (None, Some(known)) => sign_in(app, came, row, (known, &card)).await?,
        (Some(session), Some(known)) if known.account != session.account_id => Outcome::Refused(Why::OtherAccount),
        (Some(session), known) => prove(app, came, (session, known.as_ref()), (row, run, &card)).await?,
    };
    if let Outcome::Refused(why) = &outcome {
        note(app, came, known.as_ref(), why).await?;
    }
    Ok(outcome)
}

/// A card that was read and did not fit is an event of whoever is signed in, or else of whom it belongs to.
async fn note(app: &AppParts, came: &Return<'_>, known: Option<&Known>, why: &Why) -> Result<(), Error> {
    let why = match why {
        Why::OtherAccount => "other_account",
        Why::OtherPerson => "other_person",
        Why::Blocked => "blocked",
        Why::Locked => "locked",
        Why::SignInStronger => "session_too_weak",
        _ => return Ok(()),
    };
    let signed_in = came.session.map(|session| &session.account_id);
    let Some(account) = signed_in.or(known.map(|known| &known.account)).cloned() else { return Ok(()) };
    let mut work = app.begin(Actor::Visitor).await?;
    work.request.clone_from(&came.request);
    audit::record(&mut work, &SigninEvent::CardRefused { account, why }).await?;
    work.commit().await
}

/// Asks until there is a result. One question may get lost: on a connection, say, that the other side has closed meanwhile. It is
/// asked again under its number, since the eID-Server counts what reaches it (BSI TR-03130-1, `RequestCounter`); an answer that is
/// lost cannot be had again.
async fn ask(
    app: &AppParts,
    server: &EidServer,
    session: &Secret<String>,
) -> Result<Result<Box<Card>, Refusal>, Failure> {
    let (mut counter, mut has_failed) = (1, false);
    loop {
        match server.result(session, counter, app.now(), &app.random).await {
            Ok(Reading::Read(card)) => return Ok(Ok(card)),
            Ok(Reading::Refused(refusal)) => return Ok(Err(refusal)),
            Ok(Reading::NotYet) => counter += 1,
            Err(Failure::NoAnswer) if !has_failed => has_failed = true,
            Err(failure) => return Err(failure),
        }
        tokio::time::sleep(BETWEEN).await;
    }
}

/// A card that has an account opens it.
async fn sign_in(
    app: &AppParts,
    came: &Return<'_>,
    row: &store::ReadingRow,
    (known, card): (&Known, &Card),
) -> Result<Outcome, Error> {
    match known.status {
        Status::Active | Status::Closing => {}
        Status::Locked => return Ok(Outcome::Refused(Why::Locked)),
        Status::Erasing | Status::Erased => return Ok(Outcome::Refused(Why::UnknownCard)),
    }
    if known.is_blocked {
        return Ok(Outcome::Refused(Why::Blocked));
    }
    let arrival = Arrival {
        account: &known.account,
        device: came.device,
        seen_at: known.device_seen_at,
        previous: came.session,
        client: came.client.clone(),
    };
    let told = arrival.told(app).await?;
    let mut work = account::begin(app, &known.account, came.request.as_deref()).await?;
    if !store::take(&mut work, came.browser, &row.sealed).await? {
        return Ok(Outcome::Refused(Why::Gone));
    }
    card::note_use(&mut work, &known.id).await?;
    attempts::forgive(&mut work, attempts::of_assertion(app, came.browser, came.network)).await?;
    let strength = card::level(Policy::of(&app.config), known.registered, work.now).min(card.loa);
    let token = arrival.complete(app, &mut work, told, (strength, METHODS)).await?;
    work.commit().await?;
    Ok(Outcome::Begun(token))
}

/// Somebody who is signed in has shown a card. Where it says nothing new it is a sign-in; otherwise they see what it says first.
async fn prove(
    app: &AppParts,
    came: &Return<'_>,
    (session, known): (&Session, Option<&Known>),
    (row, run, card): (&store::ReadingRow, &Run, &Card),
) -> Result<Outcome, Error> {
    let mut tx = app.read().await?;
    let account = account::load(&mut tx, &app.vault, &session.account_id).await?;
    let means = means::list(&mut tx, &session.account_id).await?;
    drop(tx);
    if known.is_some_and(|known| known.is_blocked) {
        return Ok(Outcome::Refused(Why::Blocked));
    }
    if is_other_person(&account, card) {
        return Ok(Outcome::Refused(Why::OtherPerson));
    }
    if let Some(known) = known
        && says_nothing_new(&account, card)
    {
        return sign_in(app, came, row, (known, card)).await;
    }
    let most = Policy::of(&app.config).maximum(&means, app.now());
    if session.strength(app.now()) < most && !is_proven_same(&account, card) {
        return Ok(Outcome::Refused(Why::SignInStronger));
    }
    let plain = serde_json::to_vec(card).map_err(Error::broken)?;
    let sealed = app.vault.system.seal(place(&hex(came.browser), READ), &plain, &app.random).map_err(Error::broken)?;
    let mut work = app.begin(Actor::Account(account.id.clone())).await?;
    let until = work.now.plus(LIFETIME);
    if !store::put_read(&mut work, (came.browser, &token_hash(&run.token)), &sealed, until).await? {
        return Ok(Outcome::Refused(Why::Gone));
    }
    attempts::forgive(&mut work, attempts::of_assertion(app, came.browser, came.network)).await?;
    work.commit().await?;
    Ok(Outcome::Read)
}

/// Whether the account knows all of it, as well as the card does.
fn says_nothing_new(account: &Account, card: &Card) -> bool {
    let is_known = |(name, value): &(AttributeName, Option<String>)| match (account.attributes.get(name), value) {
        (Some(known), Some(_)) => known.level >= card.loa,
        (known, None) => known.is_none(),
        (None, Some(_)) => false,
    };
    let shown = shown(card);
    shown.iter().all(is_known) && differences(account, &shown).is_empty()
}

/// The data of the identity that evidence stands behind and the card contradicts.
fn contradictions(account: &Account, card: &Card) -> Vec<AttributeName> {
    let is_proven = |name: &AttributeName| {
        let known = account.attributes.get(name);
        name.group() == Group::Identity && known.is_some_and(|one| one.source != Source::SelfAsserted)
    };
    differences(account, &shown(card)).into_iter().map(|one| one.name).filter(is_proven).collect()
}

/// People change their names, seldom all of them at once, and never the day of their birth.
fn is_other_person(account: &Account, card: &Card) -> bool {
    let other = contradictions(account, card);
    let has = |name| other.contains(&name);
    has(AttributeName::BirthDate) || (has(AttributeName::GivenNames) && has(AttributeName::FamilyName))
}

/// Whether the card says again what evidence has said before: then it stands for the stronger means (BSI TR-03160-1,
/// recovery by the minimum data set).
fn is_proven_same(account: &Account, card: &Card) -> bool {
    account.identity_level() > Level::Basic
        && differences(account, &shown(card)).iter().all(|one| one.name.group() != Group::Identity)
}
