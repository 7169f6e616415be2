//! Providing a notice: one transaction that leaves the notice, what its authority is told, the audit event and the job of the
//! notification, or nothing.

use std::time::Duration;

use time::Date;

use super::attachment::enclose::{self, Enclosed};
use super::attachment::{Attachment, Description, Whose};
use super::clock::{self, Facts, LegalBasis, Remedy};
use super::content::{self, Content, Head};
use super::event::{self, Told};
use super::{Days, Kind, Message, due, notify, paper, store};
use crate::account;
use crate::app::AppParts;
use crate::client::Client;
use crate::kernel::calendar::end_of;
use crate::kernel::error::Error;
use crate::kernel::holiday::Land;
use crate::kernel::id::{AreaId, MessageId};
use crate::kernel::level::Level;
use crate::kernel::seal::DataKey;
use crate::kernel::secret::sha256;
use crate::kernel::time::Timestamp;
use crate::organisation::acting::Party;
use crate::organisation::mandate::party;
use crate::organisation::{self, area};
use crate::store::db::Tx;
use crate::store::outbox;
use crate::store::work::{Actor, Work};

/// Longer than a request may take. Whoever provides a notice in the last seconds of a day has provided it on the next one: it must
/// lie there, committed, on the day that we prove.
const COMMIT_MAX: Duration = Duration::from_secs(20);
/// Over so many rows the count of an authority's day is spread.
const SLOTS: i64 = 16;

/// What an authority delivers, checked.
#[derive(Clone, Debug)]
pub struct Notice {
    pub recipient: Party,
    pub kind: Kind,
    pub level: Level,
    pub legal_basis: LegalBasis,
    pub land: Land,
    pub remedy: Option<Remedy>,
    pub due_on: Option<Date>,
    pub head: Head,
    pub content: Content,
    /// Files that were sent before.
    pub attachments: Vec<Enclosed>,
}

/// A request that may come twice: the authority's key for it, and everything that it said.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    pub idempotency_key: &'a str,
    pub body: &'a [u8],
    /// The id of the HTTP request, for the trail.
    pub request: &'a str,
}

pub enum Provided {
    New(Message),
    /// The same request has come before; this is what became of it.
    Again(Message),
    /// The key has come before, with something else.
    Differs,
}

/// Provides a notice, once for each idempotency key of the client. `Gone` if the postbox is closed, or nobody's.
pub async fn provide(
    app: &AppParts,
    client: &Client,
    notice: &Notice,
    attempt: Attempt<'_>,
) -> Result<Provided, Error> {
    let (key_hash, request_hash) = (sha256(attempt.idempotency_key.as_bytes()), sha256(attempt.body));
    let mut work = app.begin(Actor::Client(client.id.clone())).await?;
    work.request = Some(attempt.request.to_owned());
    let id = MessageId::new(work.now, &work.random);
    // First of all: what has come before is answered, whatever holds by now. The second of two that come at once waits here.
    if !store::put_request(&mut work, &client.id, (&key_hash, &request_hash), &id).await? {
        drop(work);
        return earlier(app, client, &key_hash, &request_hash).await?.ok_or(Error::Busy { retry_after_seconds: 1 });
    }
    let owner = open_postbox(&mut work, app, &notice.recipient).await?;
    check_excluded(&mut work, app, client, notice).await?;
    let whose = Whose { client: &client.id, owner: notice.recipient.as_str() };
    let attachments = enclose::enclose(&mut work, whose, &notice.attachments, (&id, &owner)).await?;
    // Late: whatever else the authority delivers at this moment waits for the same few rows.
    count(&mut work, client).await?;
    let message = put(&mut work, client, notice, (id, &owner, &attachments)).await?;
    outbox::put(&mut work, &app.vault, notify::WRITE, message.id.as_str().as_bytes()).await?;
    work.commit().await?;
    Ok(Provided::New(message))
}

/// Whether a client has used an idempotency key before.
pub async fn has_come(app: &AppParts, client: &Client, idempotency_key: &str) -> Result<bool, Error> {
    let hash = sha256(idempotency_key.as_bytes());
    Ok(store::find_request(&mut app.read().await?, &client.id, &hash).await?.is_some())
}

async fn earlier(
    app: &AppParts,
    client: &Client,
    key_hash: &[u8],
    request_hash: &[u8],
) -> Result<Option<Provided>, Error> {
    let mut tx = app.read().await?;
    let Some(row) = store::find_request(&mut tx, &client.id, key_hash).await? else { return Ok(None) };
    if row.request_hash != request_hash {
        return Ok(Some(Provided::Differs));
    }
    let row = store::find(&mut tx, &row.message_id).await?.ok_or(Error::Gone)?;
    Ok(Some(Provided::Again(row.read()?)))
}

/// Whoever wants decisions of an authority on paper gets none electronically (§ 9 Abs. 1 Satz 2 OZG). Asked once the owner is held: what they
/// have said before counts.
async fn check_excluded(work: &mut Work, app: &AppParts, client: &Client, notice: &Notice) -> Result<(), Error> {
    let (owner, reference) = (&notice.recipient, notice.head.reference.as_deref());
    let is_decision = notice.kind == Kind::Decision;
    if is_decision && paper::is_excluded(&mut work.tx, &app.vault, (owner, &client.id), reference).await? {
        return Err(Error::field("recipient", "excluded"));
    }
    Ok(())
}

/// Counts the notice; `TooMany` until the day is over if the authority has provided what it may.
async fn count(work: &mut Work, client: &Client) -> Result<(), Error> {
    // Over the interface nobody comes without such a section.
    let Some(delivery) = &client.postbox else { return Ok(()) };
    let most = delivery.notices_per_day;
    let today = clock::day(work.now);
    // Below that many one row is enough, and the count exact.
    let slots = if most < 100 * SLOTS { 1 } else { SLOTS };
    let slot = i64::from(work.random.bytes::<1>()[0]) % slots;
    if store::count(work, (&client.id, &today.to_string()), slot, most / slots).await? {
        return Ok(());
    }
    Err(Error::TooMany(end_of(today)))
}

/// The key of a postbox that takes notices; its owner is held, so that it does not close meanwhile. `Gone` if it takes none.
pub(super) async fn open_postbox(work: &mut Work, app: &AppParts, owner: &Party) -> Result<DataKey, Error> {
    let key = hold(work, app, owner).await;
    key.map_err(|error| if matches!(error, Error::NotFound) { Error::Gone } else { error })
}

/// The same for whoever is in front of it; `NotFound` if it takes none.
pub(super) async fn hold(work: &mut Work, app: &AppParts, owner: &Party) -> Result<DataKey, Error> {
    match owner {
        Party::Person(id) => account::hold_active(work, &app.vault, id).await,
        Party::Organisation(id) => organisation::hold_receiving(work, &app.vault, id).await,
    }
}

async fn put(
    work: &mut Work,
    client: &Client,
    notice: &Notice,
    (id, owner, attachments): (MessageId, &DataKey, &[Attachment]),
) -> Result<Message, Error> {
    let facts = Facts::provided(provision(work.now));
    let rule = clock::rule(notice.legal_basis, notice.land, facts.provided_at);
    let mut message = Message {
        owner: notice.recipient.clone(),
        area: area_of(work, &notice.recipient, client).await?,
        client: client.id.clone(),
        of_service: Some(client.delivers_for()).filter(|service| **service != client.id).cloned(),
        authority: client.authority_id.clone(),
        kind: notice.kind,
        level: notice.level,
        legal_basis: notice.legal_basis,
        land: notice.land,
        remedy: notice.remedy,
        facts,
        opened_by: None,
        rule: rule.map(|rule| rule.name.to_owned()),
        period: None,
        days: Days { due_on: notice.due_on, ..Days::default() },
        content_hash: content::hash(&notice.head, &notice.content, described(attachments)).to_vec(),
        archived_at: None,
        deleted_at: None,
        sealed: content::seal(&id, owner, (&notice.head, &notice.content), &work.random)?,
        id,
    };
    message.compute();
    let look_at = due::first_look(&message, work.now);
    store::insert(work, &message, look_at).await?;
    event::tell(work, &message, Told::Provided).await?;
    event::record(work, &message, event::provided(&message)).await?;
    Ok(message)
}

fn described(attachments: &[Attachment]) -> impl ExactSizeIterator<Item = &Description> {
    attachments.iter().map(|attachment| &attachment.description)
}

/// Whether files could be given to a notice now; nothing changes. `Invalid` at the place of one that could not.
pub async fn look(app: &AppParts, client: &Client, notice: &Notice) -> Result<(), Error> {
    if notice.attachments.is_empty() {
        return Ok(());
    }
    let mut tx = app.read().await?;
    let key = party::key(&mut tx, &app.vault, &notice.recipient).await?;
    let whose = Whose { client: &client.id, owner: notice.recipient.as_str() };
    enclose::look(&mut tx, whose, &notice.attachments, (&key, app.now())).await
}

/// Whether a notice could be put there now.
pub async fn takes_notices(tx: &mut Tx, owner: &Party) -> Result<bool, Error> {
    Ok(store::takes_notices(tx, owner.as_str()).await?)
}

/// The moment that counts as that of provision.
fn provision(now: Timestamp) -> Timestamp {
    let done = clock::day(now.plus(COMMIT_MAX));
    if clock::day(now) == done { now } else { Timestamp::midnight_in_germany(done) }
}

/// Where in an organisation the notices of a service go.
async fn area_of(work: &mut Work, owner: &Party, client: &Client) -> Result<Option<AreaId>, Error> {
    let Party::Organisation(organisation) = owner else { return Ok(None) };
    let rules = area::rules(&mut work.tx, organisation).await?;
    Ok(rules.into_iter().find(|rule| rule.client_id == *client.delivers_for()).map(|rule| rule.area_id))
}

impl Message {
    /// Computes the days that have become certain by what has happened so far. Those that stand already stay, but for a day that an
    /// acknowledgement brings forward. `false` if there is none.
    pub(super) fn compute(&mut self) -> bool {
        let Some(rule) = self.rule.as_deref().and_then(clock::rule_named) else { return false };
        let days = &mut self.days;
        let offer_ends_on = rule.offer_ends_on(&self.facts).filter(|_| days.offer_ends_on.is_none());
        days.offer_ends_on = days.offer_ends_on.or(offer_ends_on);
        let announced_on = rule.announced_on(&self.facts, self.land);
        let stands =
            |announced_on| days.announced_on.is_some_and(|stands| !rule.acknowledged || stands <= announced_on);
        let Some(announced_on) = announced_on.filter(|day| !stands(*day)) else { return offer_ends_on.is_some() };
        days.announced_on = Some(announced_on);
        let period = self.remedy.and_then(|remedy| clock::period(remedy, announced_on));
        self.period = period.map(|period| period.name.to_owned());
        days.objection_ends_on = period.map(|period| period.ends_on(announced_on, self.land));
        true
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn what_is_provided_at_the_end_of_a_day_lies_there_on_the_next() {
        let at = |instant: time::OffsetDateTime| Timestamp::from_seconds(instant.unix_timestamp());
        let rows = [
            (datetime!(2026-11-02 22:59:39 UTC), datetime!(2026-11-02 22:59:39 UTC)),
            (datetime!(2026-11-02 22:59:40 UTC), datetime!(2026-11-02 23:00 UTC)),
            (datetime!(2026-11-02 22:59:59 UTC), datetime!(2026-11-02 23:00 UTC)),
            (datetime!(2026-11-02 23:00 UTC), datetime!(2026-11-02 23:00 UTC)),
        ];
        for (now, expected) in rows {
            assert_eq!(provision(at(now)), at(expected), "{now}");
        }
    }
}
