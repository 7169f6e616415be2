//! Back from another provider: the answer to a question of ours, once, and what follows from it.

use std::time::Duration;

use super::claims::masked;
use super::confirm::{self, Comparison};
use super::provider::Provider;
use super::redeem::{Answer, redeem};
use super::{Agreed, Found, Purpose, Question, Refused, Told, linking, question};
use crate::app::AppParts;
use crate::assurance::Policy;
use crate::kernel::error::Error;
use crate::kernel::id::OrganisationId;
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::secret::Secret;
use crate::kernel::time::minutes;
use crate::signin::arrival::Comer;
use crate::signin::attempts::{self, Counter, Network};
use crate::signin::change::Person;
use crate::signin::device::Device;
use crate::signin::linked::{self, Added, Attempt, ForeignSession, New, Outcome, Subject};
use crate::signin::session::Session;
use crate::signin::{ceremony, means};
use crate::store::work::Actor;

/// How long people may look at what was found before they agree.
pub(super) const AGREEING: Duration = minutes(5);

/// A browser that comes back.
pub struct Returning<'a> {
    pub provider: &'a Provider,
    /// The parameters, as they came.
    pub query: &'a [(String, String)],
    pub browser: &'a [u8],
    pub network: &'a Network,
    pub device: &'a Device,
    pub session: Option<&'a Session>,
    /// Instead, somebody who has left their account and may still return.
    pub leaving: Option<&'a Session>,
    pub request: String,
}

/// An account that may be linked, for its owner to agree.
pub struct Offer {
    /// Enough to recognise it.
    pub who: Option<String>,
    /// At which level it would be linked.
    pub level: Level,
    /// What comes back with the answer.
    pub sealed: String,
    /// Where they go who do not want it.
    pub next: String,
}

pub enum Finished {
    /// A new session's token, and where to go with it.
    SignedIn(Secret<String>, String),
    /// The same, and a block has ended.
    Unblocked(Secret<String>, String),
    Offer(Offer),
    Comparison(Comparison),
    /// Nothing came of it; and where they go on.
    Told(Told, String),
}

impl Returning<'_> {
    /// `Err` if it is there twice: which one counts would be anybody's guess (RFC 6749 section 3.1).
    fn parameter(&self, name: &str) -> Result<Option<&str>, Told> {
        let mut found = self.query.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let first = found.next();
        if found.next().is_some() { Err(Told::NotBelieved) } else { Ok(first) }
    }
}

/// What somebody goes on with who has come back: the question, and the tries that were counted.
type Taken = (Question, [Counter; 3]);

/// The try is counted and the question is gone before anything else is looked at.
async fn take(app: &AppParts, returning: &Returning<'_>) -> Result<Result<Taken, (Told, Option<Question>)>, Error> {
    let counters = attempts::of_linked(app, returning.browser, returning.network);
    let mut work = app.begin(Actor::Visitor).await?;
    let counted = attempts::count(&mut work, counters).await;
    let state = returning.parameter("state").ok().flatten().unwrap_or_default();
    let taken: Option<Question> = match &counted {
        Ok(()) => ceremony::take(app, &mut work, question(returning.browser), state).await?,
        Err(_) => None,
    };
    work.commit().await?;
    counted?;
    let asked = match taken {
        Some(asked) if asked.provider == returning.provider.settings.id => asked,
        // Another provider was asked: somebody has mixed them up (RFC 9700 section 4.4).
        Some(asked) => return Ok(Err((Told::NotBelieved, Some(asked)))),
        None => return Ok(Err((Told::Gone, None))),
    };
    if asked.session.is_some() && asked.session.as_ref() != returning.session.map(|session| &session.id) {
        return Ok(Err((Told::Gone, Some(asked))));
    }
    Ok(Ok((asked, counters)))
}

/// Takes an answer.
pub async fn finish(app: &AppParts, returning: Returning<'_>) -> Result<Finished, Error> {
    let (asked, counters) = match take(app, &returning).await? {
        Ok(taken) => taken,
        Err((told @ Told::NotBelieved, Some(asked))) => {
            return refused(app, (&returning, &asked), "mixed", told).await;
        }
        Err((told, asked)) => {
            return Ok(Finished::Told(told, asked.map_or_else(|| "/anmelden".to_owned(), |asked| asked.next)));
        }
    };
    let provider = returning.provider;
    match provider.ask(answer(app, &returning, &asked)).await {
        Ok(answer) => go_on(app, &returning, (asked, answer), counters).await,
        Err(told @ Told::NotBelieved) => refused(app, (&returning, &asked), "not_believed", told).await,
        Err(told) => Ok(Finished::Told(told, asked.next)),
    }
}

/// What is believed to have been said of an organisation, and of which one it was asked.
pub struct Vouched {
    pub organisation: OrganisationId,
    pub answer: Answer,
}

/// Why nothing came of asking about an organisation, and about which one if it was a question of ours.
pub struct Turned {
    pub told: Told,
    pub organisation: Option<OrganisationId>,
}

/// The same for a question about an organisation. Whoever has asked it is still signed in.
pub async fn receive(app: &AppParts, returning: Returning<'_>) -> Result<Result<Vouched, Turned>, Error> {
    let asked = match take(app, &returning).await? {
        Ok((asked, _)) => asked,
        Err((told, asked)) => {
            // To nobody but who has asked.
            let own = asked.filter(|asked| asked.session.as_ref() == returning.session.map(|session| &session.id));
            return Ok(Err(Turned { told, organisation: own.and_then(|asked| asked.organisation) }));
        }
    };
    let (Purpose::Organisation, Some(organisation), Some(_)) =
        (asked.purpose, asked.organisation.clone(), &asked.session)
    else {
        return Ok(Err(Turned { told: Told::Gone, organisation: None }));
    };
    Ok(match returning.provider.ask(answer(app, &returning, &asked)).await {
        Ok(answer) => Ok(Vouched { organisation, answer }),
        Err(told) => Err(Turned { told, organisation: Some(organisation) }),
    })
}

async fn refused(
    app: &AppParts,
    (returning, asked): (&Returning<'_>, &Question),
    why: &'static str,
    told: Told,
) -> Result<Finished, Error> {
    let account = returning.session.map(|session| &session.account_id);
    let mut work = app.begin(Actor::Visitor).await?;
    work.request = Some(returning.request.clone());
    let provider = returning.provider.settings.id.as_str();
    linked::record_refused(&mut work, account, (provider, returning.device), why).await?;
    work.commit().await?;
    Ok(Finished::Told(told, asked.next.clone()))
}

/// Whose answer it is, whether it is one, and what the code is worth, in this order.
async fn answer(app: &AppParts, returning: &Returning<'_>, asked: &Question) -> Result<Answer, Told> {
    let provider = returning.provider;
    let known = provider.known(app).await?;
    let names_itself = known.metadata.additional_metadata().authorization_response_iss_parameter_supported;
    // RFC 9207 section 2.4: compared where it is there, and wanted where the provider says so.
    match returning.parameter("iss")? {
        Some(iss) if iss == provider.settings.issuer => {}
        None if !names_itself => {}
        _ => return Err(Told::NotBelieved),
    }
    match returning.parameter("error")? {
        None => {}
        Some("access_denied") => return Err(Told::Cancelled),
        Some("unmet_authentication_requirements") => return Err(Told::Unmet),
        Some(_) => return Err(Told::Answered),
    }
    let code = returning.parameter("code")?.filter(|code| !code.is_empty()).ok_or(Told::NotBelieved)?;
    redeem(app, provider, (asked, code)).await
}

async fn go_on(
    app: &AppParts,
    returning: &Returning<'_>,
    (asked, answer): (Question, Answer),
    counters: [Counter; 3],
) -> Result<Finished, Error> {
    let subject = Subject::new(&app.vault, &returning.provider.settings.issuer, &answer.sub);
    match (asked.purpose, returning.session) {
        (Purpose::SignIn, _) => sign_in(app, returning, (asked, answer, subject), counters).await,
        // About an organisation it is asked, and answered, elsewhere.
        (_, None) | (Purpose::Organisation, _) => Ok(Finished::Told(Told::Gone, asked.next)),
        (Purpose::Link, Some(session)) => offer(app, returning, session, (&answer, subject, asked.next)).await,
        (Purpose::Unblock, Some(session)) => {
            if !is_meant(app, session, &asked, &subject).await? {
                return refused(app, (returning, &asked), "subject", Told::OtherSubject).await;
            }
            match sign_in(app, returning, (asked, answer, subject), counters).await? {
                Finished::SignedIn(token, next) => Ok(Finished::Unblocked(token, next)),
                other => Ok(other),
            }
        }
        (Purpose::Confirm, Some(session)) => {
            if !is_meant(app, session, &asked, &subject).await? {
                return refused(app, (returning, &asked), "subject", Told::OtherSubject).await;
            }
            let Some(link) = &asked.means else { return Ok(Finished::Told(Told::Gone, asked.next)) };
            let page = (returning.provider, returning.browser);
            let compared = confirm::compare(app, page, (session, link), (&answer, &asked.next)).await?;
            Ok(compared.map_or_else(|told| Finished::Told(told, asked.next), Finished::Comparison))
        }
    }
}

/// Whether the account there is the one that is linked here, by this person.
async fn is_meant(app: &AppParts, session: &Session, asked: &Question, subject: &Subject) -> Result<bool, Error> {
    let found = linked::owner(&mut app.read().await?, subject).await?;
    Ok(found.is_some_and(|(account, means)| account == session.account_id && Some(means) == asked.means))
}

async fn sign_in(
    app: &AppParts,
    returning: &Returning<'_>,
    (asked, answer, subject): (Question, Answer, Subject),
    counters: [Counter; 3],
) -> Result<Finished, Error> {
    let issuer = &returning.provider.settings.issuer;
    let attempt = Attempt {
        provider: &returning.provider.settings.id,
        subject: &subject,
        foreign: answer.sid.map(|sid| ForeignSession::new(&app.vault, issuer, &sid)),
        level: answer.level,
        wanted: asked.wanted,
        unblocks: asked.purpose == Purpose::Unblock,
        comer: Comer {
            device: returning.device,
            previous: returning.session.or(returning.leaving),
            client: asked.client,
            request: Some(returning.request.clone()),
        },
    };
    let told = match linked::sign_in(app, attempt, counters).await? {
        Outcome::Begun(token) => return Ok(Finished::SignedIn(token, asked.next)),
        Outcome::Unknown => Told::Unknown,
        Outcome::OfAnother => Told::OfAnother,
        Outcome::Blocked => Told::Blocked,
        Outcome::TooWeak => Told::TooWeak,
        Outcome::Below(level) => Told::Below(level),
        Outcome::Locked(account) => Told::Locked(account),
    };
    Ok(Finished::Told(told, asked.next))
}

/// Both sides are proven now; its owner sees what would be linked.
async fn offer(
    app: &AppParts,
    returning: &Returning<'_>,
    session: &Session,
    (answer, subject, next): (&Answer, Subject, String),
) -> Result<Finished, Error> {
    let known = means::list(&mut app.read().await?, &session.account_id).await?;
    let (policy, now) = (Policy::of(&app.config), app.now());
    let most = policy.registration(MeansKind::LinkedAccount, session.strength(now), &known, now);
    let found = Found { subject, level: answer.level };
    let (session_id, provider) = (session.id.clone(), returning.provider.settings.id.clone());
    let shown = Agreed { session: session_id, provider, next: next.clone(), shown: found };
    let sealed = ceremony::seal(app, linking(returning.browser, session), AGREEING, &shown)?;
    let (who, level) = (masked(&answer.claims), most.min(answer.level));
    Ok(Finished::Offer(Offer { who, level, sealed, next }))
}

/// Links what was offered to this session in this browser, once. Where its owner goes on.
pub async fn link(
    app: &AppParts,
    person: Person<'_>,
    (browser, sealed): (&[u8], &str),
) -> Result<Result<String, Refused>, Error> {
    let mut work = person.begin(app).await?;
    let owner = linking(browser, person.session);
    let taken: Option<Agreed<Found>> = ceremony::take(app, &mut work, owner, sealed).await?;
    work.commit().await?;
    let Some(agreed) = taken.filter(|agreed| agreed.session == person.session.id) else {
        return Ok(Err(Refused::GONE));
    };
    let new = New { provider: &agreed.provider, subject: &agreed.shown.subject, level: agreed.shown.level };
    Ok(match linked::add(app, person, new).await? {
        Added::Done(_) => Ok(agreed.next),
        Added::Taken => Err(Refused::of(agreed, Told::Taken)),
        Added::Another => Err(Refused::of(agreed, Told::Another)),
    })
}
