//! Areas: functional mailboxes such as personnel, construction, taxes, and which of them gets the post of which service. What
//! no rule names goes to the general area, which is always there.

use super::member::{Grant, Inside, Right};
use super::member_event::{Happened, MemberEvent};
use super::store::area as rows;
use crate::account::absence::day;
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, AreaId, ClientId, OrganisationId};
use crate::kernel::seal::{Place, Vault};
use crate::kernel::time::Timestamp;
use crate::store::db::Tx;

pub use rows::RuleRow as Rule;

/// Nobody sorts post into more.
pub const AREAS_MAX: usize = 50;
const RULES_MAX: usize = 500;
/// More get no mail of each notice; those who are not away do, and the first to have joined.
pub(super) const READERS_TOLD_MAX: i64 = 50;
const NAME_MAX_CHARACTERS: usize = 60;

/// One area, opened.
#[derive(Clone, Debug)]
pub struct Area {
    pub id: AreaId,
    pub name: String,
}

fn name_place(id: &AreaId) -> Place<'_> {
    Place { table: "organisation_area", column: "name", row: id.as_str(), version: 1 }
}

/// The areas of an organisation, the oldest first.
pub async fn list(tx: &mut Tx, vault: &Vault, organisation: &OrganisationId) -> Result<Vec<Area>, Error> {
    let key = super::key(tx, vault, organisation).await?;
    let open = |row: rows::AreaRow| {
        let name = key.open_text(name_place(&row.id), &row.name).map_err(Error::broken)?;
        Ok(Area { id: row.id, name })
    };
    rows::list(tx, organisation).await?.into_iter().map(open).collect()
}

/// One area of an organisation; `NotFound` for one of another.
pub async fn one(tx: &mut Tx, vault: &Vault, organisation: &OrganisationId, id: &AreaId) -> Result<Area, Error> {
    list(tx, vault, organisation).await?.into_iter().find(|area| area.id == *id).ok_or(Error::NotFound)
}

/// Which services have a rule.
pub async fn rules(tx: &mut Tx, organisation: &OrganisationId) -> Result<Vec<Rule>, Error> {
    Ok(rows::rules(tx, organisation).await?)
}

/// Who is told of what comes to an area.
pub struct Readers {
    /// Those who are there first.
    pub accounts: Vec<AccountId>,
    /// Whether there are some, and all of them are away now.
    pub are_away: bool,
}

/// Who is told of what comes to an area; the general one if none is named.
pub async fn readers(
    tx: &mut Tx,
    organisation: &OrganisationId,
    area: Option<&AreaId>,
    now: Timestamp,
) -> Result<Readers, Error> {
    let (area, today) = (area.map_or("", AreaId::as_str), day(now).to_string());
    let found = rows::readers(tx, organisation, (area, &today), (now, READERS_TOLD_MAX)).await?;
    let are_away = found.first().is_some_and(|first| first.is_away);
    Ok(Readers { accounts: found.into_iter().map(|row| row.account_id).collect(), are_away })
}

/// Who administrates an organisation now, and can sign in: they see to it that somebody reads.
pub async fn administrators(
    tx: &mut Tx,
    organisation: &OrganisationId,
    now: Timestamp,
) -> Result<Vec<AccountId>, Error> {
    Ok(rows::administrators(tx, organisation, (now, READERS_TOLD_MAX)).await?)
}

/// Who is told of what becomes of the documents.
pub async fn document_keepers(
    tx: &mut Tx,
    organisation: &OrganisationId,
    now: Timestamp,
) -> Result<Vec<AccountId>, Error> {
    Ok(rows::document_keepers(tx, organisation, (now, READERS_TOLD_MAX)).await?)
}

/// How many rights hang on an area.
pub async fn rights(tx: &mut Tx, organisation: &OrganisationId, id: &AreaId) -> Result<i64, Error> {
    Ok(rows::rights(tx, organisation, id).await?)
}

/// `NotFound` if one of the rights is for an area that this organisation does not have.
pub(super) async fn check(tx: &mut Tx, organisation: &OrganisationId, grants: &[Grant]) -> Result<(), Error> {
    if missing(tx, organisation, grants).await? { Err(Error::NotFound) } else { Ok(()) }
}

/// Whether one of the rights is for an area that is not there, or not any more.
pub(super) async fn missing(tx: &mut Tx, organisation: &OrganisationId, grants: &[Grant]) -> Result<bool, Error> {
    let wanted = grants.iter().filter_map(|grant| match &grant.right {
        Right::ReadMail(area) | Right::AnswerMail(area) => area.as_ref(),
        _ => None,
    });
    let wanted: Vec<&AreaId> = wanted.collect();
    if wanted.is_empty() {
        return Ok(false);
    }
    let known = rows::list(tx, organisation).await?;
    Ok(!wanted.into_iter().all(|area| known.iter().any(|row| row.id == *area)))
}

/// Reads a name that somebody has typed.
fn read_name(typed: &str) -> Result<String, Error> {
    let name = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_sound = (1..=NAME_MAX_CHARACTERS).contains(&name.chars().count())
        && !name.chars().any(|letter| letter.is_control() || "<>{}\"".contains(letter));
    if is_sound { Ok(name) } else { Err(Error::field("name", "area_name")) }
}

/// Adds an area.
pub async fn add(app: &AppParts, inside: Inside<'_>, typed: &str) -> Result<(), Error> {
    let name = read_name(typed)?;
    let (mut work, member) = inside.begin(app).await?;
    member.require(&Right::Administration)?;
    let known = list(&mut work.tx, &app.vault, inside.organisation).await?;
    if known.iter().any(|area| area.name == name) {
        return Err(Error::field("name", "area_known"));
    }
    if known.len() >= AREAS_MAX {
        return Err(Error::field("name", "areas_enough"));
    }
    let area = AreaId::new(work.now, &work.random);
    let key = super::key(&mut work.tx, &app.vault, inside.organisation).await?;
    let sealed = key.seal(name_place(&area), name.as_bytes(), &work.random).map_err(Error::broken)?;
    rows::insert(&mut work, inside.organisation, &area, &sealed).await?;
    let happened = Happened::AreaAdded { area };
    audit::record(&mut work, &MemberEvent { organisation: inside.organisation, happened }).await?;
    work.commit().await
}

/// Gives an area another name. Rights and rules stay with it: they hang on its id.
pub async fn rename(app: &AppParts, inside: Inside<'_>, id: &AreaId, typed: &str) -> Result<(), Error> {
    let name = read_name(typed)?;
    let (mut work, member) = inside.begin(app).await?;
    member.require(&Right::Administration)?;
    let known = list(&mut work.tx, &app.vault, inside.organisation).await?;
    if known.iter().any(|area| area.name == name && area.id != *id) {
        return Err(Error::field("name", "area_known"));
    }
    let key = super::key(&mut work.tx, &app.vault, inside.organisation).await?;
    let sealed = key.seal(name_place(id), name.as_bytes(), &work.random).map_err(Error::broken)?;
    if !rows::put_name(&mut work, inside.organisation, id, &sealed).await? {
        return Err(Error::NotFound);
    }
    let happened = Happened::AreaRenamed { area: id.clone() };
    audit::record(&mut work, &MemberEvent { organisation: inside.organisation, happened }).await?;
    work.commit().await
}

/// Removes an area with the rules and the rights that hang on it. `seen` is how many rights whoever removes it has been shown:
/// if there are others by now, they are asked again.
pub async fn remove(app: &AppParts, inside: Inside<'_>, id: &AreaId, seen: i64) -> Result<(), Error> {
    let (mut work, member) = inside.begin(app).await?;
    member.require(&Right::Administration)?;
    let rights_ended = rows::rights(&mut work.tx, inside.organisation, id).await?;
    if rights_ended != seen {
        return Err(Error::field("aktion", "area_rights"));
    }
    if !rows::delete(&mut work, inside.organisation, id).await? {
        return Err(Error::NotFound);
    }
    let happened = Happened::AreaRemoved { area: id.clone(), rights_ended };
    audit::record(&mut work, &MemberEvent { organisation: inside.organisation, happened }).await?;
    work.commit().await
}

/// Lets the post of a service go to an area, or with `None` to the general one.
pub async fn set_rule(
    app: &AppParts,
    inside: Inside<'_>,
    client: &ClientId,
    area: Option<&AreaId>,
) -> Result<(), Error> {
    let (mut work, member) = inside.begin(app).await?;
    member.require(&Right::Administration)?;
    let happened = match area {
        Some(area) => {
            one(&mut work.tx, &app.vault, inside.organisation, area).await?;
            if rows::rules(&mut work.tx, inside.organisation).await?.len() >= RULES_MAX {
                return Err(Error::field("dienst", "rules_enough"));
            }
            rows::put_rule(&mut work, inside.organisation, client, area).await?;
            Happened::RuleSet { area: area.clone(), client: client.clone() }
        }
        None if rows::delete_rule(&mut work, inside.organisation, client).await? => {
            Happened::RuleRemoved { client: client.clone() }
        }
        // It goes there already.
        None => return Ok(()),
    };
    audit::record(&mut work, &MemberEvent { organisation: inside.organisation, happened }).await?;
    work.commit().await
}
