//! Registering an organisation: what its founder has said becomes an organisation, in one transaction, and its management
//! gets a letter with which it can stop it.

use super::letter;
use super::record::Entry;
use super::store::state as store;
use super::{Record, draft, open_new};
use crate::account;
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, OrganisationId};
use crate::kernel::level::Level;
use crate::kernel::texts::moment;
use crate::notice::Kind;
use crate::signin::attempts::{self, Network, Purpose};
use crate::signin::change::tell;

/// Organisations that one person represents and for which nothing has been shown.
const UNPROVEN_MAX: i64 = 50;

/// Somebody about to register an organisation.
#[derive(Clone, Copy)]
pub struct Founder<'a> {
    pub account: &'a AccountId,
    pub network: &'a Network,
    /// Ties what follows to the log lines of the request.
    pub request: &'a str,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened {
    New(OrganisationId),
    /// There is an account for this entry or number already.
    Taken,
}

/// Whether there is an account for an entry or a number. Told to people who are known at substantial and name it exactly, and
/// not often: each answer counts.
pub async fn is_taken(
    app: &AppParts,
    founder: Founder<'_>,
    (entry, economic_id): (Option<&Entry>, Option<[u8; 32]>),
) -> Result<bool, Error> {
    let register = entry.map(|entry| entry.index(&app.vault));
    if register.is_none() && economic_id.is_none() {
        return Ok(false);
    }
    let purpose = Purpose::OrganisationLookup;
    let counters = attempts::of_try(app, purpose, founder.account.as_str(), founder.network, None);
    attempts::count_at_once(app, counters).await?;
    Ok(store::find_taken(&mut app.read().await?, (register, economic_id), "").await?.is_some())
}

/// Registers what the founder's draft says; once.
pub async fn open(app: &AppParts, founder: Founder<'_>) -> Result<Opened, Error> {
    let purpose = Purpose::OrganisationNew;
    let counters = attempts::of_try(app, purpose, founder.account.as_str(), founder.network, None);
    attempts::count_at_once(app, counters).await?;
    let mut work = account::begin(app, founder.account, Some(founder.request)).await?;
    let person = account::load(&mut work.tx, &app.vault, founder.account).await?;
    if person.identity_level() < Level::Substantial {
        return Err(Error::LevelTooLow(Level::Substantial));
    }
    if store::count_unproven(&mut work.tx, founder.account).await? >= UNPROVEN_MAX {
        return Err(Error::field("anlegen", "organisations_enough"));
    }
    let record: Record =
        draft::take(&mut work, &app.vault, founder.account).await?.ok_or(Error::Conflict("organisation_step"))?;
    let name = person.full_name();
    let id = match open_new(&mut work, &app.vault, &record, (founder.account, &name)).await {
        Ok((id, _)) => id,
        Err(Error::Conflict("register")) => return Ok(Opened::Taken),
        Err(error) => return Err(error),
    };
    letter::to_management(app, &mut work, (&id, &record.name), &record.business_address).await?;
    let at = moment::date_and_clock(person.language, work.now);
    tell(app, &mut work, &person, Kind::OrganisationOpened, |texts| {
        let body = texts.mail.organisation_opened_body.with("organisation", &record.name).with("time", &at);
        (&texts.mail.organisation_opened_subject, body)
    })
    .await?;
    work.commit().await?;
    Ok(Opened::New(id))
}
