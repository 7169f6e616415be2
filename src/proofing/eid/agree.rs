//! The person sees what was read, and everything else that the account says, and agrees: no planted address becomes theirs by
//! a card (BSI TR-03160-1).

use super::super::comparison::{Difference, differences, settled};
use super::super::store::eid as store;
use super::{READ, open, record, shown};
use crate::account::evidence::{self, Finding};
use crate::account::{Account, AttributeName, Source};
use crate::app::AppParts;
use crate::assurance::Policy;
use crate::eid::Card;
use crate::kernel::error::Error;
use crate::kernel::level::Level;
use crate::kernel::secret::Secret;
use crate::signin::card::{self, METHODS};
use crate::signin::change::{Person, end_everything_else};
use crate::signin::means;
use crate::signin::session::{self, Proof};

/// What a person agrees to.
pub struct Review {
    /// What the card says, as it would be recorded.
    pub shown: Vec<(AttributeName, String)>,
    pub differences: Vec<Difference>,
    /// Whether the card becomes something to sign in with.
    pub is_new_card: bool,
    /// Whether all other sessions end: whoever has been in this account before its owner proved to be it.
    pub ends_others: bool,
    card: Card,
    sealed: Vec<u8>,
}

/// What was read in this browser for this account; `Gone` if that is nothing.
pub async fn review(app: &AppParts, browser: &[u8], account: &Account, device: &[u8]) -> Result<Review, Error> {
    let mut tx = app.read().await?;
    let row = store::find_of_browser(&mut tx, browser, true, app.now()).await?;
    let row = row.filter(|row| row.account_id.as_ref() == Some(&account.id)).ok_or(Error::Gone)?;
    let card: Card = open(&app.vault, browser, &row.sealed, READ)?;
    let known = card::find(&mut tx, &app.vault, &card.restricted_id, device).await?;
    let shown = shown(&card);
    let differences = differences(account, &shown);
    let said = settled(account, shown).into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let ends_others = account.identity_level() == Level::Basic;
    Ok(Review { shown: said, differences, is_new_card: known.is_none(), ends_others, card, sealed: row.sealed })
}

/// Records it all, and signs the person in with the card. `seen` is the version of the data that stood beside it. Returns the
/// session's new token.
pub async fn agree(
    app: &AppParts,
    person: Person<'_>,
    (browser, review): (&[u8], &Review),
    seen: i64,
) -> Result<Secret<String>, Error> {
    let (account, card) = (person.account, &review.card);
    if !person.session.is_fresh(app.now()) {
        person.confirm(app).await?;
    }
    let mut work = person.begin(app).await?;
    if !store::take(&mut work, browser, &review.sealed).await? {
        return Err(Error::Gone);
    }
    let known = card::find(&mut work.tx, &app.vault, &card.restricted_id, &person.device.hash()).await?;
    match known {
        None => card::register(app, &mut work, account, (&card.restricted_id, card.loa)).await?,
        Some(known) if known.account == account.id => card::note_use(&mut work, &known.id).await?,
        Some(_) => return Err(Error::Conflict("eid_card")),
    }
    let policy = Policy::of(&app.config);
    let most = policy.maximum(&means::list(&mut work.tx, &account.id).await?, work.now);
    let finding = Finding {
        source: Source::Eid,
        level: card.loa.min(most),
        record: record(card),
        values: settled(account, shown(card)),
    };
    evidence::record(&mut work, &app.vault, &account.id, &finding, seen).await?;
    if review.ends_others {
        end_everything_else(app, &mut work, person.session, person.device).await?;
    }
    let strength = card::level(policy, card.loa, work.now);
    let device = person.device.name.clone();
    let proof = Proof { account: account.id.clone(), strength, methods: METHODS, device, client: None };
    let token = session::renew(&mut work, person.session, proof).await?;
    work.commit().await?;
    Ok(token)
}
