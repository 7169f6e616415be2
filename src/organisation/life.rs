//! From one state of an organisation to the next: blocked, insolvent, given up and kept, gone.
//!
//! Each step is one guarded statement, so that of two that exclude each other one happens. Whoever administrates or
//! represents it is told of each.

use super::event::{By, Happened, What};
use super::member::Right;
use super::store::state as store;
use super::{Organisation, State, begin, hold, load, mandate};
use crate::account;
use crate::app::AppParts;
use crate::audit;
use crate::kernel::calendar::days_after;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, OrganisationId};
use crate::kernel::texts::{Language, MailTexts, Text, moment};
use crate::kernel::time::Timestamp;
use crate::notice::Kind;
use crate::signin::change::tell;
use crate::store::work::Work;

/// How long an organisation that was given up may be kept after all.
pub const RETURN_DAYS: u16 = 30;
/// Whom a mail goes to at most: nobody needs more people to know who can act.
const TOLD_MAX: i64 = 20;
/// Organisations taken up in one round of the job.
const ROUND: i64 = 20;

pub(super) type Words = fn(&MailTexts) -> (&Text, &Text);

/// Tells everybody who administrates or represents an organisation.
pub(super) async fn tell_responsible(
    app: &AppParts,
    work: &mut Work,
    organisation: &Organisation,
    (kind, words): (Kind, Words),
    date: Option<Timestamp>,
) -> Result<(), Error> {
    let now = work.now;
    tell_each(app, work, organisation, kind, |language| {
        let date = date.map_or_else(String::new, |date| moment::date(language, date));
        let (subject, body) = words(&language.texts().mail);
        let at = moment::date_and_clock(language, now);
        (subject, body.with("time", at).with("date", date))
    })
    .await
}

/// The same with words that know more; `{organisation}` is filled in.
pub(super) async fn tell_each(
    app: &AppParts,
    work: &mut Work,
    organisation: &Organisation,
    kind: Kind,
    words: impl Fn(Language) -> (&'static Text, Text),
) -> Result<(), Error> {
    let now = work.now;
    for id in store::responsible(&mut work.tx, &organisation.id, now, TOLD_MAX).await? {
        let account = match account::load(&mut work.tx, &app.vault, &id).await {
            Ok(account) => account,
            // Being erased.
            Err(Error::NotFound) => continue,
            Err(error) => return Err(error),
        };
        let (subject, body) = words(account.language);
        tell(app, work, &account, kind, |_| (subject, body.with("organisation", &organisation.record.name))).await?;
    }
    Ok(())
}

/// Nobody acts for it any more. `work` holds it. `Conflict` if it is blocked already or gone.
pub async fn block(
    app: &AppParts,
    work: &mut Work,
    id: &OrganisationId,
    (by, reason): (By, Option<&str>),
) -> Result<(), Error> {
    let organisation = load(&mut work.tx, &app.vault, id).await?;
    step(work, id, [State::Active, State::Insolvent, State::Closing], State::Blocked).await?;
    audit::record(work, &Happened::new(id, What::Blocked { by }).because(reason)).await?;
    let words: Words = match by {
        By::Letter => |mail| (&mail.organisation_blocked_subject, &mail.organisation_revoked_body),
        _ => |mail| (&mail.organisation_blocked_subject, &mail.organisation_blocked_body),
    };
    tell_responsible(app, work, &organisation, (Kind::OrganisationState, words), None).await
}

/// Ends that; what is insolvent stays so.
pub async fn unblock(app: &AppParts, work: &mut Work, id: &OrganisationId, reason: &str) -> Result<(), Error> {
    let organisation = load(&mut work.tx, &app.vault, id).await?;
    let is_insolvent = store::insolvent_since(&mut work.tx, id).await?.is_some();
    let to = if is_insolvent { State::Insolvent } else { State::Active };
    step(work, id, [State::Blocked], to).await?;
    audit::record(work, &Happened::new(id, What::Unblocked {}).because(Some(reason))).await?;
    let words: Words = |mail| (&mail.organisation_unblocked_subject, &mail.organisation_unblocked_body);
    tell_responsible(app, work, &organisation, (Kind::OrganisationState, words), None).await
}

/// Insolvency proceedings are open: who represented it no longer does (§ 80 InsO). A blocked one stays blocked.
pub async fn become_insolvent(
    app: &AppParts,
    work: &mut Work,
    id: &OrganisationId,
    (by, reason): (By, Option<&str>),
) -> Result<(), Error> {
    let organisation = load(&mut work.tx, &app.vault, id).await?;
    if store::insolvent_since(&mut work.tx, id).await?.is_some() {
        return Err(Error::Conflict("organisation_state"));
    }
    if organisation.state != State::Blocked {
        step(work, id, [State::Active, State::Closing], State::Insolvent).await?;
    }
    let now = work.now;
    store::put_insolvent(work, id, Some(now)).await?;
    audit::record(work, &Happened::new(id, What::Insolvent { by }).because(reason)).await?;
    let words: Words = |mail| (&mail.organisation_insolvent_subject, &mail.organisation_insolvent_body);
    tell_responsible(app, work, &organisation, (Kind::OrganisationState, words), None).await
}

/// They are over.
pub async fn become_solvent(app: &AppParts, work: &mut Work, id: &OrganisationId, reason: &str) -> Result<(), Error> {
    let organisation = load(&mut work.tx, &app.vault, id).await?;
    if store::insolvent_since(&mut work.tx, id).await?.is_none() {
        return Err(Error::Conflict("organisation_state"));
    }
    store::put_insolvent(work, id, None).await?;
    if organisation.state != State::Blocked {
        step(work, id, [State::Insolvent], State::Active).await?;
    }
    audit::record(work, &Happened::new(id, What::Solvent {}).because(Some(reason))).await?;
    let words: Words = |mail| (&mail.organisation_solvent_subject, &mail.organisation_solvent_body);
    tell_responsible(app, work, &organisation, (Kind::OrganisationState, words), None).await
}

/// When an organisation that is given up now is gone.
pub fn erase_at(now: Timestamp) -> Timestamp {
    days_after(now, RETURN_DAYS)
}

/// Somebody who represents it gives it up.
pub async fn close(app: &AppParts, whose: (&OrganisationId, &AccountId), request: &str) -> Result<(), Error> {
    let (mut work, member) = begin(app, whose, request).await?;
    member.require(&Right::Representation)?;
    let erase_at = erase_at(work.now);
    if !store::put(&mut work, whose.0, (State::Active, State::Closing), Some(erase_at)).await? {
        return Err(Error::Conflict("organisation_state"));
    }
    audit::record(&mut work, &Happened::new(whose.0, What::Closing { erase_at })).await?;
    let words: Words = |mail| (&mail.organisation_closing_subject, &mail.organisation_closing_body);
    tell_responsible(app, &mut work, &member.organisation, (Kind::OrganisationState, words), Some(erase_at)).await?;
    work.commit().await
}

/// Somebody who represents it keeps it after all.
pub async fn keep(app: &AppParts, whose: (&OrganisationId, &AccountId), request: &str) -> Result<(), Error> {
    let (mut work, member) = begin(app, whose, request).await?;
    if !member.holds(&Right::Representation) {
        return Err(Error::NotAllowed("organisation_right"));
    }
    step(&mut work, whose.0, [State::Closing], State::Active).await?;
    audit::record(&mut work, &Happened::new(whose.0, What::Kept {})).await?;
    let words: Words = |mail| (&mail.organisation_kept_subject, &mail.organisation_kept_body);
    tell_responsible(app, &mut work, &member.organisation, (Kind::OrganisationState, words), None).await?;
    work.commit().await
}

/// Organisations that were given up and whose time is over.
pub async fn due(app: &AppParts) -> Result<Vec<OrganisationId>, Error> {
    Ok(store::due(&mut app.read().await?, app.now(), ROUND).await?)
}

/// Destroys the key, which makes everything sealed under it unreadable in every copy, and removes what is left. Who belonged
/// to it belongs to it no more, on this node at once. `Conflict` if another node was faster, or somebody has kept it.
pub async fn erase(app: &AppParts, work: &mut Work, id: &OrganisationId) -> Result<(), Error> {
    hold(work, id).await?;
    let organisation = load(&mut work.tx, &app.vault, id).await?;
    let words: Words = |mail| (&mail.organisation_closed_subject, &mail.organisation_closed_body);
    tell_responsible(app, work, &organisation, (Kind::OrganisationState, words), None).await?;
    if !store::destroy(work, id).await? {
        return Err(Error::Conflict("organisation_state"));
    }
    let members = store::end_memberships(work, id).await?;
    work.touched.extend(members);
    super::store::evidence::delete_of(work, id).await?;
    super::store::letter::delete_of(work, id).await?;
    super::store::desk::delete_of(work, id).await?;
    super::store::claim::delete_of_organisation(work, id).await?;
    super::store::machine::delete_of(work, id).await?;
    store::delete_rest(work, id).await?;
    mandate::end::end_of_party(work, id.as_str()).await?;
    audit::record(work, &Happened::new(id, What::Closed {})).await
}

/// `Conflict` if it is in none of these states.
async fn step<const N: usize>(work: &mut Work, id: &OrganisationId, from: [State; N], to: State) -> Result<(), Error> {
    for state in from {
        if store::put(work, id, (state, to), None).await? {
            return Ok(());
        }
    }
    Err(Error::Conflict("organisation_state"))
}
