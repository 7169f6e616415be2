//! Code generators: apps and devices that show one-time codes, the second factor after the password.
//!
//! One is registered by somebody who gives the password once more, and counts after a code of it was typed in the same session
//! (BSI TR-03160-1). Its secret is sealed under the account's key; no page shows it again.

use std::time::Duration;

use super::attempts::{self, Counter, Network, Purpose};
use super::change::{Person, tell};
use super::device::Device;
use super::recovery::cancel::{self, Why};
use super::session::Session;
use super::{SigninEvent, code_device, means, store};
use crate::account::{self, Account};
use crate::app::AppParts;
use crate::assurance::{Means, Policy};
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, MeansId};
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::one_time_code;
use crate::kernel::seal::{DataKey, Place};
use crate::kernel::secret::Secret;
use crate::kernel::texts::moment;
use crate::kernel::time::{Timestamp, minutes};
use crate::notice::Kind;
use crate::store::db::Tx;
use crate::store::work::Work;

/// Nobody needs more, and every one more makes guessing easier.
pub const GENERATORS_MAX: i64 = 5;
/// How long one may take to type the first code.
const PENDING_LIFETIME: Duration = minutes(30);
const NAME_LENGTH_MAX: usize = 60;

/// A code generator, opened.
pub struct Generator {
    pub id: MeansId,
    pub kind: MeansKind,
    /// What its owner calls it; the serial number of a device.
    pub name: String,
    pub registered: Level,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    /// Since when its codes do not count.
    pub blocked_at: Option<Timestamp>,
    pub secret: Secret<Vec<u8>>,
    last_step: i64,
}

impl Generator {
    fn open(key: &DataKey, row: store::GeneratorRow) -> Result<Self, Error> {
        let name = key.open_text(place("name", &row.id), &row.name).map_err(Error::broken)?;
        let secret = key.open(place("secret", &row.id), &row.secret).map_err(Error::broken)?;
        let store::GeneratorRow { id, kind, registered, last_step, created_at, last_used_at, blocked_at, .. } = row;
        Ok(Self { id, kind, name, registered, created_at, last_used_at, blocked_at, secret, last_step })
    }

    /// As the rules of levels see it.
    pub fn means(&self) -> Means {
        Means {
            id: Some(self.id.clone()),
            kind: self.kind,
            name: Some(self.name.clone()),
            registered: self.registered,
            created_at: self.created_at,
            last_used_at: self.last_used_at,
            blocked_at: self.blocked_at,
        }
    }

    /// The unused step whose code was typed.
    pub fn step(&self, typed: &str, now: Timestamp) -> Option<i64> {
        one_time_code::matching_step(&self.secret, typed, now, self.last_step)
    }
}

fn place<'a>(column: &'static str, id: &'a MeansId) -> Place<'a> {
    Place { table: "code_generator", column, row: id.as_str(), version: 1 }
}

/// The account's code generators, the oldest first.
pub async fn list(tx: &mut Tx, app: &AppParts, account: &AccountId) -> Result<Vec<Generator>, Error> {
    let rows = store::generators_of(tx, account).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let key = account::key(tx, &app.vault, account).await?;
    rows.into_iter().map(|row| Generator::open(&key, row)).collect()
}

/// What becomes a code generator.
pub struct New<'a> {
    pub kind: MeansKind,
    pub name: &'a str,
    pub secret: &'a Secret<Vec<u8>>,
}

/// Puts one that counts for nothing yet. Another that waits for its first code is forgotten.
async fn put(app: &AppParts, work: &mut Work, person: &Person<'_>, new: &New<'_>) -> Result<MeansId, Error> {
    store::delete_pending_generators(work, &person.account.id).await?;
    let row = seal(app, work, &person.account.id, new).await?;
    store::insert_generator(work, &person.account.id, Some(&person.session.id), &row).await?;
    Ok(row.id)
}

async fn seal(
    app: &AppParts,
    work: &mut Work,
    account: &AccountId,
    new: &New<'_>,
) -> Result<store::GeneratorRow, Error> {
    let key = account::key(&mut work.tx, &app.vault, account).await?;
    let id = MeansId::new(work.now, &work.random);
    let seal = |column, plain: &[u8]| key.seal(place(column, &id), plain, &work.random).map_err(Error::broken);
    let (name, secret) = (seal("name", new.name.as_bytes())?, seal("secret", new.secret.expose())?);
    let (kind, registered, last_step, created_at) = (new.kind, Level::Basic, 0, work.now);
    let (last_used_at, blocked_at) = (None, None);
    Ok(store::GeneratorRow { id, kind, name, secret, registered, last_step, created_at, last_used_at, blocked_at })
}

/// Gives an account one that counts at once: for accounts that do not come from a registration.
pub async fn give(
    app: &AppParts,
    work: &mut Work,
    account: &AccountId,
    new: New<'_>,
    registered: Level,
) -> Result<(), Error> {
    let row = seal(app, work, account, &new).await?;
    store::insert_generator(work, account, None, &row).await?;
    let step = one_time_code::step_at(work.now) - 2;
    store::confirm_generator(work, account, &row.id, (registered, step), GENERATORS_MAX).await?;
    Ok(())
}

/// Counts a try at a code of this account, in which way soever it comes. A known device has a lane of its own.
pub async fn count(
    app: &AppParts,
    account: &AccountId,
    (network, device): (&Network, Option<&Device>),
) -> Result<[Counter; 3], Error> {
    let counters = attempts::of_try(app, Purpose::SecondFactor, account.as_str(), network, device);
    attempts::count_at_once(app, counters).await?;
    Ok(counters)
}

/// Step 1: the password, and what the app is called. Its secret is shown by the next page.
pub async fn begin(app: &AppParts, person: Person<'_>, name: &str) -> Result<(), Error> {
    let name = name.trim();
    if name.chars().count() > NAME_LENGTH_MAX || name.chars().any(char::is_control) {
        return Err(Error::field("name", "code_app_name"));
    }
    refuse_one_too_many(app, &person, "name").await?;
    person.confirm(app).await?;
    let mut work = person.begin(app).await?;
    let secret = one_time_code::new_secret(&work.random);
    let name = if name.is_empty() { person.account.language.texts().code_app.kind_app.as_str() } else { name };
    put(app, &mut work, &person, &New { kind: MeansKind::AppCode, name, secret: &secret }).await?;
    work.commit().await
}

async fn refuse_one_too_many(app: &AppParts, person: &Person<'_>, field: &'static str) -> Result<(), Error> {
    let mut tx = app.read().await?;
    if store::password_changed_at(&mut tx, &person.account.id).await?.is_none() {
        return Err(Error::field(field, "code_app_needs_password"));
    }
    let known = store::generators_of(&mut tx, &person.account.id).await?;
    if known.len() as i64 >= GENERATORS_MAX { Err(Error::field(field, "code_apps_enough")) } else { Ok(()) }
}

/// The one that this session is about to add.
pub async fn pending(tx: &mut Tx, app: &AppParts, session: &Session) -> Result<Option<Generator>, Error> {
    let since = app.now().minus(PENDING_LIFETIME);
    let row = store::pending_generator(tx, &session.id, &session.account_id, since).await?;
    let Some(row) = row else { return Ok(None) };
    let key = account::key(tx, &app.vault, &session.account_id).await?;
    Generator::open(&key, row).map(Some)
}

/// Step 2: the first code. From now on no sign-in is complete without one.
pub async fn confirm(app: &AppParts, person: Person<'_>, typed: &str) -> Result<(), Error> {
    let pending =
        pending(&mut app.read().await?, app, person.session).await?.ok_or(Error::Conflict("code_generator"))?;
    let counters = count(app, &person.account.id, (person.network, None)).await?;
    let step = pending.step(typed, app.now()).ok_or_else(|| Error::field("code", "app_code_wrong"))?;
    let mut work = person.begin(app).await?;
    register(app, &mut work, &person, (&pending.id, pending.kind, step)).await?;
    attempts::forgive(&mut work, counters).await?;
    work.commit().await
}

/// In one step, for a device that the operator has handed out: password, serial number and a code.
pub async fn register_device(app: &AppParts, person: Person<'_>, serial: &str, typed: &str) -> Result<(), Error> {
    let wrong = || Error::field("serial", "code_device_wrong");
    refuse_one_too_many(app, &person, "serial").await?;
    person.confirm(app).await?;
    let serial = code_device::normalise(serial).ok_or_else(wrong)?;
    let counters = count(app, &person.account.id, (person.network, None)).await?;
    // Nor may many accounts together guess the code of one device.
    let of_device = attempts::of_try(app, Purpose::SecondFactor, &format!("device {serial}"), person.network, None);
    attempts::count_at_once(app, of_device).await?;
    let secret = code_device::find(&mut app.read().await?, app, &serial).await?.ok_or_else(wrong)?;
    let step = one_time_code::matching_step(&secret, typed, app.now(), 0).ok_or_else(wrong)?;
    let mut work = person.begin(app).await?;
    if !store::take_code_device(&mut work, &serial).await? {
        return Err(wrong());
    }
    let id = put(app, &mut work, &person, &New { kind: MeansKind::DeviceCode, name: &serial, secret: &secret }).await?;
    register(app, &mut work, &person, (&id, MeansKind::DeviceCode, step)).await?;
    attempts::forgive(&mut work, counters).await?;
    work.commit().await
}

/// Lets it count, at the level that this session may give.
async fn register(
    app: &AppParts,
    work: &mut Work,
    person: &Person<'_>,
    (id, kind, step): (&MeansId, MeansKind, i64),
) -> Result<(), Error> {
    let account = &person.account.id;
    let others = means::list(&mut work.tx, account).await?;
    let strength = person.session.strength(work.now);
    let registered = Policy::of(&app.config).registration(kind, strength, &others, work.now);
    if !store::confirm_generator(work, account, id, (registered, step), GENERATORS_MAX).await? {
        return Err(Error::Conflict("code_generator"));
    }
    cancel::cancel(app, work, account, Why::MeansAdded).await?;
    // It counts with a password only, which may have been removed at this moment.
    if store::password_changed_at(&mut work.tx, account).await?.is_none() {
        return Err(Error::Conflict("code_generator"));
    }
    audit::record(work, &SigninEvent::CodeGeneratorAdded { account: account.clone(), means: kind, registered }).await?;
    let at = moment::date_and_clock(person.account.language, work.now);
    tell(app, work, person.account, Kind::CodeGeneratorAdded, |texts| {
        (&texts.mail.code_app_added_subject, texts.mail.code_app_added_body.with("time", &at))
    })
    .await
}

/// Whether somebody whose session is that strong may remove it: nobody from a weaker one (OWASP ASVS V7.5.1).
pub fn may_remove(app: &AppParts, generator: &Generator, strength: Level) -> bool {
    strength >= Policy::of(&app.config).level(&generator.means(), app.now())
}

/// Removes one. What was proven by its level alone does not stay.
pub async fn remove(app: &AppParts, person: Person<'_>, generator: &Generator) -> Result<(), Error> {
    if !may_remove(app, generator, person.session.strength(app.now())) {
        return Err(Error::NotAllowed("the session is weaker than what it would remove"));
    }
    person.confirm(app).await?;
    let (account, mut work): (&Account, _) = (person.account, person.begin(app).await?);
    if !store::delete_generator(&mut work, &account.id, &generator.id).await? {
        return Err(Error::NotFound);
    }
    audit::record(&mut work, &SigninEvent::CodeGeneratorRemoved { account: account.id.clone(), means: generator.kind })
        .await?;
    means::settle(&mut work, &app.config, &account.id).await?;
    let at = moment::date_and_clock(account.language, work.now);
    tell(app, &mut work, account, Kind::CodeGeneratorRemoved, |texts| {
        (&texts.mail.code_app_removed_subject, texts.mail.code_app_removed_body.with("time", &at))
    })
    .await?;
    work.commit().await
}
