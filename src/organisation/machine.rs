//! Keys with which an organisation's own programs get tokens for one API. We know the public half alone. For each a member
//! answers who administrates and may use the service themselves: a key is never able to do more than its owner, and stops
//! counting when that ends, at once and without anybody doing anything.

use std::time::Duration;

use serde::Serialize;

use super::acting::{self, Capacity, Power};
use super::invitation::last_day;
use super::life::{Words, tell_responsible};
use super::member::{Inside, Member, Right};
use super::store::machine as rows;
use super::{Organisation, hold, load};
use crate::app::AppParts;
use crate::audit::{self, Event};
use crate::kernel::calendar::days_after;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClientId, MembershipId, OrganisationId, OrganisationKeyId};
use crate::kernel::seal::{Place, Vault};
use crate::kernel::time::{Timestamp, hours};
use crate::notice::Kind;
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

pub use rows::KeyRow;

/// How long one may count, in days: what people choose from.
pub const LIFETIMES: [u16; 4] = [30, 90, 180, 365];
/// Unless they choose.
pub const LIFETIME: u16 = 180;
/// At a time in one organisation.
pub const KEYS_MAX: i64 = 20;
const NAME_MAX_CHARACTERS: usize = 60;
/// How often the use of one is written down.
const USE_FRESH: Duration = hours(1);
/// So many days before the end people are told.
const TOLD_DAYS: [u16; 2] = [7, 30];
/// Keys of which people are told in one round of the job.
const ROUND: i64 = 100;

/// What somebody wants to give a program.
#[derive(Clone, Debug)]
pub struct Draft {
    pub name: String,
    pub client: ClientId,
    pub scope: String,
    pub jwk: String,
    pub thumbprint: String,
    pub days: u16,
}

/// A key, and what people call it.
#[derive(Clone, Debug)]
pub struct Key {
    pub row: KeyRow,
    pub name: String,
}

/// Reads a name that somebody has typed.
pub fn read_name(typed: &str) -> Result<String, Error> {
    let name = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_sound = (1..=NAME_MAX_CHARACTERS).contains(&name.chars().count())
        && !name.chars().any(|letter| letter.is_control() || "<>{}\"".contains(letter));
    if is_sound { Ok(name) } else { Err(Error::field("name", "key_name")) }
}

fn name_place(id: &OrganisationKeyId) -> Place<'_> {
    Place { table: "organisation_key", column: "name", row: id.as_str(), version: 1 }
}

/// The keys of an organisation that nobody has ended, the newest first.
pub async fn list(tx: &mut Tx, vault: &Vault, organisation: &OrganisationId) -> Result<Vec<Key>, Error> {
    let key = super::key(tx, vault, organisation).await?;
    let open = |row: KeyRow| {
        let name = key.open_text(name_place(&row.id), &row.name).map_err(Error::broken)?;
        Ok(Key { row, name })
    };
    rows::list(tx, organisation).await?.into_iter().map(open).collect()
}

/// One of them; `NotFound` for one of another organisation.
pub async fn one(
    tx: &mut Tx,
    vault: &Vault,
    organisation: &OrganisationId,
    id: &OrganisationKeyId,
) -> Result<Key, Error> {
    list(tx, vault, organisation).await?.into_iter().find(|key| key.row.id == *id).ok_or(Error::NotFound)
}

/// Whether somebody may answer for a key at a service.
pub fn may_answer(member: &Member, client: &ClientId) -> bool {
    member.may(&Right::Administration) && member.may(&Right::UseService(client.clone()))
}

/// One that has neither ended nor expired. Whether it counts is for [`power`] to say.
pub async fn find(tx: &mut Tx, id: &OrganisationKeyId, now: Timestamp) -> Result<Option<KeyRow>, Error> {
    Ok(rows::find(tx, id).await?.filter(|row| row.expires_at > now))
}

/// What its owner may do at this moment, if the key counts.
pub async fn power(tx: &mut Tx, row: &KeyRow, now: Timestamp) -> Result<Option<Power>, Error> {
    let Some(account) = row.account.as_ref().filter(|_| row.expires_at > now) else { return Ok(None) };
    let power = acting::find(tx, &Capacity::Member(row.owner.clone()), account, now).await?;
    Ok(power.filter(|power| {
        power.party.organisation() == Some(&row.organisation) && power.answers_for_keys_at(&row.client)
    }))
}

/// Writes down, once an hour, that a key is used. `false` if it has ended meanwhile.
pub async fn note_use(app: &AppParts, row: &KeyRow) -> Result<bool, Error> {
    if row.last_used_at.is_some_and(|used_at| used_at.plus(USE_FRESH) > app.now()) {
        return Ok(true);
    }
    let mut work = app.single(Actor::Client(ClientId(row.id.to_string()))).await?;
    let is_noted = rows::put_use(&mut work, &row.id).await?;
    work.commit().await?;
    Ok(is_noted)
}

/// Lets a key count.
pub async fn make(app: &AppParts, inside: Inside<'_>, draft: &Draft) -> Result<OrganisationKeyId, Error> {
    let (mut work, member) = inside.begin(app).await?;
    if !may_answer(&member, &draft.client) {
        return Err(Error::NotAllowed("organisation_right"));
    }
    let now = work.now;
    if rows::count(&mut work.tx, inside.organisation, now).await? >= KEYS_MAX {
        return Err(Error::field("name", "keys_enough"));
    }
    let id = OrganisationKeyId::new(now, &work.random);
    let key = super::key(&mut work.tx, &app.vault, inside.organisation).await?;
    let row = KeyRow {
        organisation: inside.organisation.clone(),
        owner: member.id.clone(),
        account: Some(inside.account.clone()),
        client: draft.client.clone(),
        scope: draft.scope.clone(),
        name: key.seal(name_place(&id), draft.name.as_bytes(), &work.random).map_err(Error::broken)?,
        jwk: draft.jwk.clone(),
        created_at: now,
        expires_at: days_after(now, draft.days),
        last_used_at: None,
        id,
    };
    // Who chooses a short time knows it.
    let told = TOLD_DAYS.into_iter().find(|days| draft.days <= *days).map(i64::from);
    if !rows::insert(&mut work, &row, (&draft.thumbprint, told)).await? {
        return Err(Error::field("schluessel", "key_known"));
    }
    let happened = Happened::Made { scope: draft.scope.clone(), expires_at: row.expires_at };
    record(&mut work, &row, &happened, Some(inside.account)).await?;
    let words: Words = |mail| (&mail.key_made_subject, &mail.key_made_body);
    tell_responsible(app, &mut work, &member.organisation, (Kind::OrganisationKey, words), None).await?;
    work.commit().await?;
    Ok(row.id)
}

/// Ends a key, at once. Whoever administrates may end any.
pub async fn end(app: &AppParts, inside: Inside<'_>, id: &OrganisationKeyId) -> Result<(), Error> {
    let (mut work, member) = inside.begin(app).await?;
    member.require(&Right::Administration)?;
    let Key { row, .. } = one(&mut work.tx, &app.vault, inside.organisation, id).await?;
    if !rows::end(&mut work, inside.organisation, id).await? {
        return Err(Error::NotFound);
    }
    record(&mut work, &row, &Happened::Ended {}, Some(inside.account)).await?;
    let words: Words = |mail| (&mail.key_ended_subject, &mail.key_ended_body);
    tell_responsible(app, &mut work, &member.organisation, (Kind::OrganisationKey, words), None).await?;
    work.commit().await
}

/// Answers for a key from now on.
pub async fn take_over(app: &AppParts, inside: Inside<'_>, id: &OrganisationKeyId) -> Result<(), Error> {
    let (mut work, member) = inside.begin(app).await?;
    let Key { row, .. } = one(&mut work.tx, &app.vault, inside.organisation, id).await?;
    if !may_answer(&member, &row.client) {
        return Err(Error::NotAllowed("organisation_right"));
    }
    if row.owner == member.id {
        return Ok(());
    }
    rows::put_owner(&mut work, id, &member.id).await?;
    record(&mut work, &row, &Happened::TakenOver {}, Some(inside.account)).await?;
    work.commit().await
}

/// Asked whenever a member has lost something: of keys for which they answered and which do not count any more because of that, the
/// organisation reads in its protocol, and who is in charge is told, once. `work` holds the organisation.
pub(super) async fn note_owner(
    app: &AppParts,
    work: &mut Work,
    organisation: &Organisation,
    (owner, has_left): (&MembershipId, bool),
) -> Result<(), Error> {
    let (now, mut is_news) = (work.now, false);
    for row in rows::of_owner(&mut work.tx, owner, now).await? {
        if power(&mut work.tx, &row, now).await?.is_none() && rows::put_stopped(work, &row.id).await? {
            record(work, &row, &Happened::Stopped {}, row.account.as_ref()).await?;
            is_news = true;
        }
    }
    if !is_news {
        return Ok(());
    }
    let words: Words = match has_left {
        true => |mail| (&mail.key_orphaned_subject, &mail.key_orphaned_body),
        false => |mail| (&mail.key_stopped_subject, &mail.key_stopped_body),
    };
    tell_responsible(app, work, organisation, (Kind::OrganisationKey, words), None).await
}

/// What nobody has done to a member: a right has run out, or begun; it is not known well enough any more who they are, or their
/// account is locked.
async fn tend_owners(app: &AppParts) -> Result<(), Error> {
    let (mut after, mut outcome) = (String::new(), Ok(()));
    loop {
        let turned = rows::turned(&mut app.read().await?, &after, app.now(), ROUND).await?;
        let is_last = (turned.len() as i64) < ROUND;
        for row in turned {
            after = row.id.to_string();
            outcome = outcome.and(turn(app, &row).await);
        }
        if is_last {
            return outcome;
        }
    }
}

async fn turn(app: &AppParts, turned: &rows::TurnedRow) -> Result<(), Error> {
    let mut work = app.begin(Actor::System("keys")).await?;
    let now = work.now;
    hold(&mut work, &turned.organisation).await?;
    let Some(row) = rows::find(&mut work.tx, &turned.id).await? else { return Ok(()) };
    if turned.is_stopped {
        if power(&mut work.tx, &row, now).await?.is_some() {
            rows::clear_stopped(&mut work, &row.id).await?;
        }
    } else {
        let organisation = load(&mut work.tx, &app.vault, &row.organisation).await?;
        note_owner(app, &mut work, &organisation, (&row.owner, false)).await?;
    }
    work.commit().await
}

/// The job: who is in charge is told before a key ends, and if one has stopped.
pub async fn tend(app: &AppParts) -> Result<(), Error> {
    let now = app.now();
    let mut outcome = tend_owners(app).await;
    // Who has been told last is told nothing else.
    for days in TOLD_DAYS {
        let until = days_after(now, days);
        let due = rows::due(&mut app.read().await?, (now, until), days.into(), ROUND).await?;
        for id in due {
            // One that fails is tried again in the next round and stands in nobody's way.
            outcome = outcome.and(remind(app, &id, days).await);
        }
    }
    outcome
}

async fn remind(app: &AppParts, id: &OrganisationKeyId, days: u16) -> Result<(), Error> {
    let mut work = app.begin(Actor::System("keys")).await?;
    if !rows::put_told(&mut work, id, days.into()).await? {
        return Ok(());
    }
    let Some(row) = rows::find(&mut work.tx, id).await? else { return Ok(()) };
    record(&mut work, &row, &Happened::Reminded { expires_at: row.expires_at }, row.account.as_ref()).await?;
    let organisation = load(&mut work.tx, &app.vault, &row.organisation).await?;
    let words: Words = |mail| (&mail.key_expires_subject, &mail.key_expires_body);
    tell_responsible(app, &mut work, &organisation, (Kind::OrganisationKey, words), Some(last_day(row.expires_at)))
        .await?;
    work.commit().await
}

#[derive(Serialize)]
#[serde(untagged)]
enum Happened {
    Made {
        scope: String,
        expires_at: Timestamp,
    },
    Ended {},
    TakenOver {},
    Reminded {
        expires_at: Timestamp,
    },
    /// Whoever answers for it may not do any more what it does.
    Stopped {},
}

/// What happens to a key, for one of those whom it concerns.
#[derive(Serialize)]
struct KeyEvent<'a> {
    #[serde(skip)]
    subject: &'a str,
    key: &'a OrganisationKeyId,
    client: &'a ClientId,
    organisation: &'a OrganisationId,
    #[serde(flatten)]
    happened: &'a Happened,
}

impl Event for KeyEvent<'_> {
    fn kind(&self) -> &'static str {
        match self.happened {
            Happened::Made { .. } => "organisation_key.made",
            Happened::Ended {} => "organisation_key.ended",
            Happened::TakenOver {} => "organisation_key.taken_over",
            Happened::Reminded { .. } => "organisation_key.reminded",
            Happened::Stopped {} => "organisation_key.stopped",
        }
    }

    fn subject(&self) -> Option<String> {
        Some(self.subject.to_owned())
    }
}

/// Records what happens: for the organisation, and for the person who has done it or answers for it.
async fn record(work: &mut Work, row: &KeyRow, happened: &Happened, person: Option<&AccountId>) -> Result<(), Error> {
    let subjects = [Some(row.organisation.as_str()), person.map(AccountId::as_str)];
    for subject in subjects.into_iter().flatten() {
        let (key, client, organisation) = (&row.id, &row.client, &row.organisation);
        audit::record(work, &KeyEvent { subject, key, client, organisation, happened }).await?;
    }
    Ok(())
}
