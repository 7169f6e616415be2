//! Comparing what an organisation says of itself with the register. The register is asked before any transaction begins; what
//! it says counts only for the record that it was compared with.

use super::change::{self, Changed};
use super::company_register::{self, Asked, Difference, Found, Status};
use super::event::{By, Happened, What};
use super::evidence::{self, Shown, Source};
use super::member::{Member, Right};
use super::opening::Founder;
use super::{begin, letter, life, load};
use crate::account::{self, Account, AttributeName};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::OrganisationId;
use crate::signin::attempts::{self, Purpose};
use crate::store::work::Work;

/// What came of it.
#[derive(Debug)]
pub enum Checked {
    /// Everything is as the register says.
    Same,
    /// The same, and insolvency proceedings are open.
    Insolvent,
    Differs(Vec<Difference>),
    NoEntry,
    /// The organisation is no more.
    Dissolved,
    /// The register writes the entry in a way under which there is an account already.
    Taken,
    /// Nothing could be found out, and nothing has happened.
    Unreachable,
}

/// Has the register asked, for somebody who represents the organisation.
pub async fn check(app: &AppParts, member: &Member, by: Founder<'_>) -> Result<Checked, Error> {
    member.require(&Right::Representation)?;
    let entry = member.organisation.record.register.clone().ok_or(Error::NotFound)?;
    if !company_register::is_offered(app) {
        return Err(Error::NotFound);
    }
    let counters = attempts::of_try(app, Purpose::OrganisationCheck, by.account.as_str(), by.network, None);
    attempts::count_at_once(app, counters).await?;
    let found = match company_register::ask(app, &entry).await {
        Asked::Found(found) => *found,
        Asked::Unreachable => return Ok(Checked::Unreachable),
        Asked::Nothing => return refuse(app, member, by, Checked::NoEntry).await,
    };
    let differences = found.differences(&member.organisation.record);
    if found.status == Status::Dissolved {
        return refuse(app, member, by, Checked::Dissolved).await;
    }
    if !differences.is_empty() {
        return refuse(app, member, by, Checked::Differs(differences)).await;
    }
    note(app, member, by, &found).await
}

async fn refuse(app: &AppParts, member: &Member, by: Founder<'_>, what: Checked) -> Result<Checked, Error> {
    let id = &member.organisation.id;
    let (mut work, _) = begin(app, (id, by.account), by.request).await?;
    audit::record(&mut work, &Happened::new(id, What::RegisterDiffers {})).await?;
    work.commit().await?;
    Ok(what)
}

/// Writes down that all is as the register says, if it is still what was compared.
async fn note(app: &AppParts, seen: &Member, by: Founder<'_>, found: &Found) -> Result<Checked, Error> {
    let id = &seen.organisation.id;
    let (mut work, member) = begin(app, (id, by.account), by.request).await?;
    member.require(&Right::Representation)?;
    let mut organisation = member.organisation;
    if organisation.version != seen.organisation.version {
        return Err(Error::Conflict("organisation_changed"));
    }
    // From here on the entry is written as the register writes it, and found by that.
    if organisation.record.register.as_ref() != Some(&found.entry) {
        let mut record = organisation.record.clone();
        record.register = Some(found.entry.clone());
        if change::put(&mut work, &app.vault, &organisation, &record).await? == Changed::Taken {
            return Ok(Checked::Taken);
        }
        organisation = load(&mut work.tx, &app.vault, id).await?;
    }
    let person = account::load(&mut work.tx, &app.vault, by.account).await?;
    let shown = Shown {
        name: found.name.clone(),
        entry: Some(found.entry.clone()),
        address: found.address.clone(),
        names_representative: names(found, &person),
        ..Shown::default()
    };
    evidence::record(&mut work, &app.vault, &organisation, (Source::Register, member.identity), &shown).await?;
    // Its management is where the register says, whatever its founder has said.
    if let Some(address) = &found.address
        && !letter::has_management(&mut work.tx, &app.vault, id, address).await?
    {
        letter::to_management(app, &mut work, (id, &organisation.record.name), address).await?;
    }
    let checked = if found.status == Status::Insolvent {
        end_powers(app, &mut work, id).await?;
        Checked::Insolvent
    } else {
        Checked::Same
    };
    work.commit().await?;
    Ok(checked)
}

async fn end_powers(app: &AppParts, work: &mut Work, id: &OrganisationId) -> Result<(), Error> {
    match life::become_insolvent(app, work, id, (By::Register, None)).await {
        // It is known.
        Err(Error::Conflict(_)) => Ok(()),
        other => other,
    }
}

fn names(found: &Found, person: &Account) -> bool {
    let value = |name| person.value(name).unwrap_or_default();
    let birth_date = person.value(AttributeName::BirthDate);
    found.names(value(AttributeName::GivenNames), value(AttributeName::FamilyName), birth_date)
}
