//! Letters to organisations. One with a code goes to the seat when somebody who represents it asks for it: whoever types the
//! code in has shown that post reaches them there. Another goes to the management, always, without being asked for: with its
//! code the management stops what somebody has registered in its name ([`revoke`]).

pub mod print;
pub mod revoke;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::{Happened, What};
use super::evidence::{self, Evidence, Shown, Source};
use super::member::{Member, Right};
use super::opening::Founder;
use super::record::Address;
use super::store::letter as store;
use super::{begin, key};
use crate::account;
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{OrganisationId, OrganisationLetterId};
use crate::kernel::level::Level;
use crate::kernel::seal::{DataKey, Place, Vault};
use crate::kernel::secret::{Secret, equal};
use crate::kernel::texts::Language;
use crate::kernel::time::{Timestamp, days};
use crate::notice::normalise;
use crate::signin::attempts::{self, Purpose as Limit};
use crate::store::db::Tx;
use crate::store::outbox;
use crate::store::work::Work;

/// Letters to the seat of an organisation within [`COUNTED`].
const LETTERS_MAX: i64 = 3;
pub const COUNTED: Duration = days(90);
const TRIES_MAX: i64 = 5;
/// 50 bits, tried at one organisation five times.
const CODE_LENGTH: usize = 10;
/// 60 bits, tried by anybody.
const REVOCATION_LENGTH: usize = 12;
/// How long the management may stop it with the code: until its next annual accounts have made it look (§ 264 HGB).
const REVOCATION_LIFETIME: Duration = days(365);

/// What a letter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Purpose {
    Seat,
    Management,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum State {
    /// Ordered, and its code is good.
    UnderWay,
    Redeemed,
    /// Too late, too many wrong tries, or it went elsewhere.
    Void,
}

/// A letter to the seat as its members see it.
#[derive(Clone, Debug)]
pub struct Letter {
    pub id: OrganisationLetterId,
    pub state: State,
    pub address: Address,
    pub ordered_at: Timestamp,
    pub expires_at: Timestamp,
}

impl Letter {
    /// Whether its code would count now, if post is to go there.
    pub fn is_good(&self, seat: &Address, now: Timestamp) -> bool {
        self.state == State::UnderWay && self.expires_at > now && self.address.is_same(seat)
    }
}

/// What the print job says, sealed in the outbox.
#[derive(Serialize, Deserialize)]
struct Job {
    id: OrganisationLetterId,
    purpose: Purpose,
    name: String,
    address: Address,
    code: String,
    language: Language,
    ordered_at: Timestamp,
    expires_at: Timestamp,
}

/// The outbox kind of a letter.
pub const PRINT: &str = "organisation_letter.print";

/// Whether this program sends letters at all.
pub fn is_offered(app: &AppParts) -> bool {
    app.config.letter.directory.is_some()
}

fn place(id: &OrganisationLetterId) -> Place<'_> {
    Place { table: "organisation_letter", column: "address", row: id.as_str(), version: 1 }
}

fn seat_code(vault: &Vault, id: &OrganisationLetterId, code: &str) -> [u8; 32] {
    vault.code("organisation-seat", &format!("{id}\0{code}"))
}

fn revocation_code(vault: &Vault, code: &str) -> [u8; 32] {
    vault.code("organisation-revocation", code)
}

fn open(key: &DataKey, row: store::LetterRow) -> Result<Letter, Error> {
    let plain = key.open(place(&row.id), &row.address).map_err(Error::broken)?;
    let address = serde_json::from_slice(plain.expose()).map_err(Error::broken)?;
    let store::LetterRow { id, state, ordered_at, expires_at, .. } = row;
    Ok(Letter { id, state, address, ordered_at, expires_at })
}

/// Where post to the organisation goes: to the register's address, if it has told one, and else to the organisation's own.
pub fn seat<'a>(member: &'a Member, evidence: &'a [Evidence]) -> &'a Address {
    let of_register = evidence.iter().find(|one| one.source == Source::Register && one.void_at.is_none());
    of_register.and_then(|one| one.shown.address.as_ref()).unwrap_or(&member.organisation.record.business_address)
}

/// The letter to the seat that is on its way, or else the newest.
pub async fn newest(tx: &mut Tx, vault: &Vault, id: &OrganisationId) -> Result<Option<Letter>, Error> {
    let Some(row) = store::newest(tx, id).await? else { return Ok(None) };
    open(&key(tx, vault, id).await?, row).map(Some)
}

/// Orders a letter to the seat. One may be on its way at a time, and three in ninety days.
pub async fn order(app: &AppParts, id: &OrganisationId, by: Founder<'_>) -> Result<(), Error> {
    if !is_offered(app) {
        return Err(Error::NotFound);
    }
    let (mut work, member) = begin(app, (id, by.account), by.request).await?;
    member.require(&Right::Representation)?;
    let evidence = evidence::list(&mut work.tx, &app.vault, id).await?;
    let address = seat(&member, &evidence).clone();
    let now = work.now;
    if let Some(known) = newest(&mut work.tx, &app.vault, id).await?
        && known.state == State::UnderWay
        && !known.is_good(&address, now)
    {
        store::end(&mut work, &known.id, State::Void).await?;
    }
    let since = now.minus(COUNTED);
    if store::count_since(&mut work.tx, id, since).await? >= LETTERS_MAX {
        return Err(Error::field("bestellen", "organisation_letters_enough"));
    }
    let person = account::load(&mut work.tx, &app.vault, by.account).await?;
    let until = now.plus(days(app.config.letter.lifetime_days));
    let to = (&member.organisation.record.name, &address);
    if !send(app, &mut work, id, to, (Purpose::Seat, person.language, until)).await? {
        return Err(Error::field("bestellen", "letter_under_way"));
    }
    work.commit().await
}

/// Sends the management the code with which it can stop everything. Nothing where no letters are sent.
pub(super) async fn to_management(
    app: &AppParts,
    work: &mut Work,
    (id, name): (&OrganisationId, &String),
    address: &Address,
) -> Result<(), Error> {
    if !is_offered(app) {
        return Ok(());
    }
    let until = work.now.plus(REVOCATION_LIFETIME);
    send(app, work, id, (name, address), (Purpose::Management, Language::De, until)).await.map(drop)
}

/// Whether the management has a letter to this address already.
pub(super) async fn has_management(
    tx: &mut Tx,
    vault: &Vault,
    id: &OrganisationId,
    address: &Address,
) -> Result<bool, Error> {
    let key = key(tx, vault, id).await?;
    for row in store::of_management(tx, id).await? {
        if open(&key, row)?.address.is_same(address) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `false` if one to the seat is on its way already.
async fn send(
    app: &AppParts,
    work: &mut Work,
    organisation: &OrganisationId,
    (name, address): (&String, &Address),
    (purpose, language, expires_at): (Purpose, Language, Timestamp),
) -> Result<bool, Error> {
    let id = OrganisationLetterId::new(work.now, &work.random);
    let length = if purpose == Purpose::Seat { CODE_LENGTH } else { REVOCATION_LENGTH };
    let code = work.random.letters(length);
    let hash = match purpose {
        Purpose::Seat => seat_code(&app.vault, &id, code.expose()),
        Purpose::Management => revocation_code(&app.vault, code.expose()),
    };
    let key = key(&mut work.tx, &app.vault, organisation).await?;
    let plain = serde_json::to_vec(address).map_err(Error::broken)?;
    let sealed = key.seal(place(&id), &plain, &work.random).map_err(Error::broken)?;
    if !store::insert(work, (&id, organisation), purpose, (&hash, &sealed), expires_at).await? {
        return Ok(false);
    }
    let (name, address, code, ordered_at) = (name.clone(), address.clone(), code.expose().clone(), work.now);
    let job = Job { id, purpose, name, address, code, language, ordered_at, expires_at };
    let payload = Secret::new(serde_json::to_vec(&job).map_err(Error::broken)?);
    outbox::put(work, &app.vault, PRINT, payload.expose()).await?;
    audit::record(work, &Happened::new(organisation, What::LetterOrdered { purpose })).await?;
    Ok(true)
}

/// What became of a code.
#[derive(Debug, PartialEq, Eq)]
pub enum Redeemed {
    /// The organisation has this level now.
    Right(Level),
    /// Wrong, expired, used, tried too often, or for another address: the answer is the same.
    Wrong,
}

/// Redeems the code of a letter to the seat. Each try counts before anything is compared; refusals are committed.
pub async fn redeem(app: &AppParts, id: &OrganisationId, by: Founder<'_>, typed: &str) -> Result<Redeemed, Error> {
    let Some(code) = normalise(typed, CODE_LENGTH) else { return Ok(Redeemed::Wrong) };
    let whose = format!("organisation {id}");
    let counters = attempts::of_try(app, Limit::CodeOwner, &whose, by.network, None);
    attempts::count_at_once(app, counters).await?;
    let (mut work, member) = begin(app, (id, by.account), by.request).await?;
    member.require(&Right::Representation)?;
    let evidence = evidence::list(&mut work.tx, &app.vault, id).await?;
    let tried = store::try_code(&mut work, id, TRIES_MAX).await?;
    let right = tried.filter(|row| equal(&row.code_hash, &seat_code(&app.vault, &row.id, &code)));
    let key = key(&mut work.tx, &app.vault, id).await?;
    let letter = right.map(|row| open(&key, row)).transpose()?;
    let Some(letter) = letter.filter(|letter| letter.is_good(seat(&member, &evidence), work.now)) else {
        audit::record(&mut work, &Happened::new(id, What::LetterRefused {})).await?;
        work.commit().await?;
        return Ok(Redeemed::Wrong);
    };
    if !store::end(&mut work, &letter.id, State::Redeemed).await? {
        return Ok(Redeemed::Wrong);
    }
    let organisation = &member.organisation;
    let shown = Shown {
        name: organisation.record.name.clone(),
        entry: organisation.record.register.clone(),
        address: Some(letter.address),
        ..Shown::default()
    };
    let level =
        evidence::record(&mut work, &app.vault, organisation, (Source::Letter, member.identity), &shown).await?;
    attempts::forgive(&mut work, counters).await?;
    work.commit().await?;
    Ok(Redeemed::Right(level))
}
