//! The identity card as something that an account signs in with. What is read from it, and whether it counts, is for
//! others to say; here it is a pseudonym that belongs to one account.

use super::change::{Person, tell};
use super::recovery::cancel::{self, Why};
use super::{SigninEvent, means, store};
use crate::account::{Account, Status};
use crate::app::AppParts;
use crate::assurance::{Means, Policy};
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, MeansId};
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::seal::Vault;
use crate::kernel::texts::moment;
use crate::kernel::time::Timestamp;
use crate::notice::Kind;
use crate::store::db::Tx;
use crate::store::work::Work;

/// As many as an account may have: a new one comes while the old one still counts.
pub const CARDS_MAX: usize = 5;
/// What a card proves (RFC 8176): a chip, and the PIN that opens it.
pub const METHODS: &str = "sc pin mfa";

/// A card that belongs to an account.
pub struct Known {
    pub id: MeansId,
    pub account: AccountId,
    pub status: Status,
    pub registered: Level,
    pub is_blocked: bool,
    /// When the device was last seen at the account; `None` if it is not known there.
    pub device_seen_at: Option<Timestamp>,
}

fn pseudonym(vault: &Vault, restricted_id: &str) -> [u8; 32] {
    vault.index("eid-pseudonym", restricted_id)
}

/// Whose card it is, by its restricted id.
pub async fn find(tx: &mut Tx, vault: &Vault, restricted_id: &str, device: &[u8]) -> Result<Option<Known>, Error> {
    let row = store::find_card(tx, &pseudonym(vault, restricted_id), device).await?;
    Ok(row.map(|row| Known {
        id: row.id,
        account: row.account_id,
        status: row.status,
        registered: row.registered,
        is_blocked: row.blocked_at.is_some(),
        device_seen_at: row.device_seen_at,
    }))
}

/// The cards of an account, the oldest first.
pub async fn list(tx: &mut Tx, account: &AccountId) -> Result<Vec<Means>, Error> {
    Ok(store::cards(tx, account).await?.into_iter().map(means::of_row).collect())
}

/// Makes it a means of the account. `Conflict` if it is somebody's already, or the account has enough of them.
pub async fn register(
    app: &AppParts,
    work: &mut Work,
    account: &Account,
    (restricted_id, level): (&str, Level),
) -> Result<(), Error> {
    let is_enough = store::cards(&mut work.tx, &account.id).await?.len() >= CARDS_MAX;
    let id = MeansId::new(work.now, &work.random);
    let pseudonym = pseudonym(&app.vault, restricted_id);
    if is_enough || !store::insert_card(work, &id, &account.id, &pseudonym, level).await? {
        return Err(Error::Conflict("eid_card"));
    }
    cancel::cancel(app, work, &account.id, Why::MeansAdded).await?;
    audit::record(work, &SigninEvent::CardAdded { account: account.id.clone(), card: id }).await?;
    let at = moment::date_and_clock(account.language, work.now);
    tell(app, work, account, Kind::CardAdded, |texts| {
        (&texts.mail.card_added_subject, texts.mail.card_added_body.with("time", &at))
    })
    .await
}

/// Notes that it was used. `NotFound` if it has been removed or blocked since.
pub async fn note_use(work: &mut Work, id: &MeansId) -> Result<(), Error> {
    if store::use_card(work, id).await? { Ok(()) } else { Err(Error::NotFound) }
}

/// What signing in with a card is worth that was registered at a level.
pub fn level(policy: Policy<'_>, registered: Level, now: Timestamp) -> Level {
    policy.technical(MeansKind::Eid, now).min(registered)
}

/// Removes it for good, from a session that is worth as much as the card.
pub async fn remove(app: &AppParts, person: Person<'_>, id: &MeansId) -> Result<(), Error> {
    let account = person.account;
    let own = list(&mut app.read().await?, &account.id).await?;
    let card = own.into_iter().find(|one| one.id.as_ref() == Some(id)).ok_or(Error::NotFound)?;
    let now = app.now();
    if person.session.strength(now) < Policy::of(&app.config).level(&card, now) {
        return Err(Error::field("current", "card_too_strong"));
    }
    if !person.session.is_fresh(now) {
        person.confirm(app).await?;
    }
    let mut work = person.begin(app).await?;
    if !store::delete_card(&mut work, &account.id, id).await? {
        return Err(Error::NotFound);
    }
    means::keep_way_in(&mut work, &account.id).await?;
    means::settle(&mut work, &app.config, &account.id).await?;
    audit::record(&mut work, &SigninEvent::CardRemoved { account: account.id.clone(), card: id.clone() }).await?;
    let at = moment::date_and_clock(account.language, work.now);
    tell(app, &mut work, account, Kind::CardRemoved, |texts| {
        (&texts.mail.card_removed_subject, texts.mail.card_removed_body.with("time", &at))
    })
    .await?;
    work.commit().await
}
