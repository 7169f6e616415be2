//! What becomes of memberships when somebody leaves with their whole account.

use super::member_event::{Happened, MemberEvent};
use super::store::guardian;
use super::store::members::{self, BelongingRow};
use super::{State, granting, handover, hold, load, machine, mandate};
use crate::account;
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, OrganisationId};
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

/// Begins work of an account's owner that holds every organisation that they belong to, and then the account.
pub async fn begin(app: &AppParts, account: &AccountId, request: Option<&str>) -> Result<Work, Error> {
    let mut work = app.begin(Actor::Account(account.clone())).await?;
    work.request = request.map(str::to_owned);
    hold_all(&mut work, account).await?;
    Ok(work)
}

/// Holds every organisation that an account belongs to, and then the account.
pub async fn hold_all(work: &mut Work, account: &AccountId) -> Result<(), Error> {
    let known = members::of_account(&mut work.tx, account).await?;
    for one in &known {
        hold(work, &one.organisation_id).await?;
    }
    account::hold(work, account).await?;
    // They have joined another in the meantime: begin anew.
    let now = members::of_account(&mut work.tx, account).await?;
    let is_known = |one: &BelongingRow| known.iter().any(|known| known.organisation_id == one.organisation_id);
    if now.iter().all(is_known) { Ok(()) } else { Err(Error::Busy { retry_after_seconds: 1 }) }
}

/// An organisation that nobody would administrate or represent any more.
pub struct Orphan {
    pub id: OrganisationId,
    pub name: String,
}

/// The organisations that somebody cannot leave alone: they live, and nobody else is in charge. Of one that its representatives
/// have given up nobody needs to be.
pub async fn last_in(tx: &mut Tx, app: &AppParts, account: &AccountId) -> Result<Vec<Orphan>, Error> {
    let (mut found, now) = (Vec::new(), app.now());
    for one in members::of_account(tx, account).await? {
        if matches!(one.state, State::Closing | State::Closed) {
            continue;
        }
        for right in handover::RIGHTS {
            if granting::is_last(tx, &one.organisation_id, (&right, &one.id), now).await? {
                let name = load(tx, &app.vault, &one.organisation_id).await?.record.name;
                found.push(Orphan { id: one.organisation_id, name });
                break;
            }
        }
    }
    Ok(found)
}

/// Ends every membership and every mandate of an account that is being erased.
pub async fn end_all(app: &AppParts, work: &mut Work, account: &AccountId) -> Result<(), Error> {
    for BelongingRow { id, organisation_id, .. } in members::of_account(&mut work.tx, account).await? {
        if members::end(work, &id).await? {
            handover::withdraw_of(work, &id).await?;
            let organisation = load(&mut work.tx, &app.vault, &organisation_id).await?;
            machine::note_owner(app, work, &organisation, (&id, true)).await?;
            let happened = Happened::Gone { member: id };
            audit::record(work, &MemberEvent { organisation: &organisation_id, happened }).await?;
        }
    }
    mandate::end::end_of_party(work, account.as_str()).await?;
    guardian::delete_of(work, account).await?;
    work.touched.push(account.clone());
    Ok(())
}
