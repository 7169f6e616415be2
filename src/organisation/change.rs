//! Changing what an organisation says of itself: by somebody who represents it, from the version that they have seen. What
//! evidence has shown before falls back where it speaks of something else now.

use super::event::{Happened, What};
use super::member::{Member, Right};
use super::store::state as store;
use super::{Organisation, Record, begin, desk, evidence, key, record_place};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, OrganisationId};
use crate::kernel::seal::Vault;
use crate::store::work::Work;

/// What became of a change.
#[derive(Debug, PartialEq, Eq)]
pub enum Changed {
    Saved,
    /// There is an account for this entry or number already.
    Taken,
}

/// Changes the record. `Conflict("organisation_changed")` if it is another one by now than the one that was seen.
pub async fn change(
    app: &AppParts,
    whose: (&OrganisationId, &AccountId),
    request: &str,
    (seen, edit): (i64, impl FnOnce(&mut Record)),
) -> Result<Changed, Error> {
    let (mut work, member) = begin(app, whose, request).await?;
    member.require(&Right::Representation)?;
    let Member { organisation, .. } = member;
    if organisation.version != seen {
        return Err(Error::Conflict("organisation_changed"));
    }
    let mut after = organisation.record.clone();
    edit(&mut after);
    if after == organisation.record {
        return Ok(Changed::Saved);
    }
    if put(&mut work, &app.vault, &organisation, &after).await? == Changed::Taken {
        return Ok(Changed::Taken);
    }
    let level = evidence::fall_back(&mut work, &app.vault, &organisation.id, (&organisation.record, &after)).await?;
    audit::record(&mut work, &Happened::new(&organisation.id, What::Changed { level })).await?;
    work.commit().await?;
    Ok(Changed::Saved)
}

/// Writes another record. After `Taken` the work must not be committed. `work` holds the organisation.
pub(super) async fn put(
    work: &mut Work,
    vault: &Vault,
    organisation: &Organisation,
    record: &Record,
) -> Result<Changed, Error> {
    let (id, version) = (&organisation.id, organisation.version);
    let indexes = (record.register_index(vault), record.economic_index(vault));
    if store::find_taken(&mut work.tx, indexes, id.as_str()).await?.is_some() {
        return Ok(Changed::Taken);
    }
    let key = key(&mut work.tx, vault, id).await?;
    let plain = serde_json::to_vec(record).map_err(Error::broken)?;
    let sealed = key.seal(record_place(id, version + 1), &plain, &work.random).map_err(Error::broken)?;
    match store::put_record(work, (id, version), &sealed, indexes).await {
        Ok(true) => {
            if !organisation.record.is_same(record) {
                desk::void(work, id).await?;
            }
            Ok(Changed::Saved)
        }
        Ok(false) => Err(Error::Conflict("organisation_changed")),
        // Of two that take an entry at once one gets it.
        Err(error) if error.is_conflict() => Ok(Changed::Taken),
        Err(error) => Err(error.into()),
    }
}
