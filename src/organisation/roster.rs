//! The list of members, page by page, as those see it who may look.

use std::collections::HashMap;

use super::area::READERS_TOLD_MAX;
use super::member::{Grant, open_name};
use super::store;
use super::store::members::{self as rows, MemberRow};
use crate::account::absence::Absence;
use crate::account::identity::folded;
use crate::kernel::ROWS_PER_PAGE;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, AreaId, MembershipId, OrganisationId};
use crate::kernel::level::Level;
use crate::kernel::seal::{DataKey, Vault};
use crate::kernel::time::Timestamp;
use crate::store::db::Tx;

/// Names that one search opens at most; so many are read at a time.
const SEARCHED: i64 = 20_000;
const READ: i64 = 500;

/// A current member.
pub struct Listed {
    pub id: MembershipId,
    pub account: AccountId,
    pub name: String,
    pub identity: Level,
    pub since: Timestamp,
    pub used_at: Option<Timestamp>,
    /// When they are away, or were.
    pub absence: Option<Absence>,
    /// What was granted, whether it counts or not.
    pub grants: Vec<Grant>,
}

impl Listed {
    fn new(key: &DataKey, row: MemberRow, grants: Vec<Grant>) -> Result<Self, Error> {
        let name = open_name(key, &row.id, &row.name)?;
        let absence = Absence::read(row.first_on.as_deref(), row.last_on.as_deref())?;
        let MemberRow { id, account_id: account, since, used_at, identity_level: identity, .. } = row;
        Ok(Self { id, account, name, identity, since, used_at, absence, grants })
    }
}

/// The next page of members in the order in which they have joined. Costs the same however many there are.
pub async fn page(
    tx: &mut Tx,
    vault: &Vault,
    organisation: &OrganisationId,
    after: Option<&MembershipId>,
) -> Result<Page, Error> {
    let key = super::key(tx, vault, organisation).await?;
    let after = after.map_or("", MembershipId::as_str);
    let members = rows::list(tx, organisation, after, ROWS_PER_PAGE + 1).await?;
    let mut grants: HashMap<MembershipId, Vec<Grant>> = HashMap::new();
    for row in rows::rights(tx, organisation, after, ROWS_PER_PAGE).await? {
        grants.entry(row.membership_id).or_default().push(row.right.grant()?);
    }
    let listed = |row: MemberRow| {
        let grants = grants.remove(&row.id).unwrap_or_default();
        Listed::new(&key, row, grants)
    };
    members.into_iter().map(listed).collect::<Result<_, _>>().map(Page::cut)
}

/// Some of the members, and where the next page begins, if there are more.
pub struct Page {
    pub members: Vec<Listed>,
    pub next: Option<MembershipId>,
}

impl Page {
    /// Of one more than stand on a page.
    fn cut(mut members: Vec<Listed>) -> Self {
        let has_more = members.len() as i64 > ROWS_PER_PAGE;
        members.truncate(usize::try_from(ROWS_PER_PAGE).unwrap_or_default());
        let next = members.last().filter(|_| has_more).map(|last| last.id.clone());
        Self { members, next }
    }
}

/// The next page of members who have every word of this in their name, whatever its capitals, accents and signs. Names are sealed:
/// they are opened one after the other until a page is full, and no more than [`SEARCHED`] for one answer.
pub async fn search(
    tx: &mut Tx,
    vault: &Vault,
    organisation: &OrganisationId,
    (words, after): (&str, Option<&MembershipId>),
) -> Result<Page, Error> {
    let key = super::key(tx, vault, organisation).await?;
    let wanted: Vec<String> = words.split_whitespace().map(folded).collect();
    let mut after = after.map_or_else(String::new, ToString::to_string);
    let mut members: Vec<Listed> = Vec::new();
    for _ in 0..SEARCHED / READ {
        let read = rows::list(tx, organisation, &after, READ).await?;
        let is_last = (read.len() as i64) < READ;
        for row in read {
            let name = folded(&open_name(&key, &row.id, &row.name)?);
            after = row.id.to_string();
            if !wanted.iter().all(|word| name.contains(word)) {
                continue;
            }
            let grants = store::rights_of(tx, &row.id).await?;
            let grants = grants.into_iter().map(store::RightRow::grant).collect::<Result<_, _>>()?;
            members.push(Listed::new(&key, row, grants)?);
            if members.len() as i64 > ROWS_PER_PAGE {
                return Ok(Page::cut(members));
            }
        }
        if is_last {
            return Ok(Page { members, next: None });
        }
    }
    Ok(Page { members, next: MembershipId::parse(&after) })
}

/// Somebody who reads the post of an area: their name, and when they are away, or were.
pub type AreaReader = (MembershipId, String, Option<Absence>);

/// Who reads the post of an area now, in the order in which they have joined; no more than are told of it.
pub async fn readers(
    tx: &mut Tx,
    vault: &Vault,
    organisation: &OrganisationId,
    area: &AreaId,
    now: Timestamp,
) -> Result<Vec<AreaReader>, Error> {
    let key = super::key(tx, vault, organisation).await?;
    let read = |row: MemberRow| {
        let name = open_name(&key, &row.id, &row.name)?;
        Ok((row.id, name, Absence::read(row.first_on.as_deref(), row.last_on.as_deref())?))
    };
    let found = rows::readers(tx, organisation, area.as_str(), (now, READERS_TOLD_MAX)).await?;
    found.into_iter().map(read).collect()
}

/// One current member; `NotFound` for whoever is none of this organisation.
pub async fn one(
    tx: &mut Tx,
    vault: &Vault,
    organisation: &OrganisationId,
    id: &MembershipId,
) -> Result<Listed, Error> {
    let row = rows::find(tx, organisation, id).await?.ok_or(Error::NotFound)?;
    let key = super::key(tx, vault, organisation).await?;
    let grants = store::rights_of(tx, id).await?;
    let grants = grants.into_iter().map(store::RightRow::grant).collect::<Result<_, _>>()?;
    Listed::new(&key, row, grants)
}

/// What somebody is called who belongs to the organisation, or did.
pub(super) async fn name(
    tx: &mut Tx,
    key: &DataKey,
    organisation: &OrganisationId,
    who: &str,
) -> Result<Option<(MembershipId, String)>, Error> {
    let row = match AccountId::parse(who) {
        Some(_) => rows::name_of_account(tx, organisation, who).await?,
        None => rows::name_of(tx, organisation, who).await?,
    };
    row.map(|row| open_name(key, &row.id, &row.name).map(|name| (row.id, name))).transpose()
}

/// What somebody is called who belongs to this organisation, or did; none for whoever never has.
pub async fn name_of_account(
    tx: &mut Tx,
    vault: &Vault,
    organisation: &OrganisationId,
    account: &AccountId,
) -> Result<Option<String>, Error> {
    let key = super::key(tx, vault, organisation).await?;
    Ok(name(tx, &key, organisation, account.as_str()).await?.map(|(_, name)| name))
}

/// What a membership of this organisation is called, ended or not.
pub async fn name_of(
    tx: &mut Tx,
    vault: &Vault,
    organisation: &OrganisationId,
    id: &MembershipId,
) -> Result<Option<String>, Error> {
    let key = super::key(tx, vault, organisation).await?;
    Ok(name(tx, &key, organisation, id.as_str()).await?.map(|(_, name)| name))
}

/// Whether somebody belongs to an organisation now.
pub async fn is_member(tx: &mut Tx, organisation: &OrganisationId, account: &AccountId) -> Result<bool, Error> {
    Ok(store::membership(tx, organisation, account).await?.is_some())
}

/// The account behind a membership of this organisation, ended or not.
pub async fn account_of(
    tx: &mut Tx,
    organisation: &OrganisationId,
    id: &MembershipId,
) -> Result<Option<AccountId>, Error> {
    Ok(rows::name_of(tx, organisation, id.as_str()).await?.map(|row| row.account_id))
}
