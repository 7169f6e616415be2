//! Handing over: one member offers to pass on administration or representation, the other accepts, and then both happens at
//! once: the one has it, the other has not any more. So a board changes without a moment in which nobody is in charge.

use super::granting::told;
use super::machine;
use super::member::{Grant, Inside, Member, Right};
use super::member_event::{Happened, MemberEvent};
use super::roster;
use super::store::{self, handover as rows, members};
use crate::account;
use crate::app::AppParts;
use crate::audit;
use crate::kernel::calendar::days_after;
use crate::kernel::error::Error;
use crate::kernel::id::{HandoverId, MembershipId};
use crate::kernel::time::Timestamp;
use crate::notice::Kind;
use crate::store::db::Tx;
use crate::store::work::Work;

/// How long an offer may be accepted.
pub const DAYS: u16 = 14;
/// What can be handed over.
pub const RIGHTS: [Right; 2] = [Right::Administration, Right::Representation];

/// An offer that holds.
pub struct Handover {
    pub id: HandoverId,
    pub from: MembershipId,
    pub to: MembershipId,
    pub rights: Vec<Right>,
    pub expires_at: Timestamp,
}

impl Handover {
    fn read(row: rows::HandoverRow) -> Result<Self, Error> {
        let rights = serde_json::from_str(&row.rights).map_err(Error::broken)?;
        Ok(Self { id: row.id, from: row.from_id, to: row.to_id, rights, expires_at: row.expires_at })
    }
}

/// What a member has offered or been offered.
pub async fn open_of(tx: &mut Tx, member: &MembershipId, now: Timestamp) -> Result<Vec<Handover>, Error> {
    rows::open_of(tx, member, now).await?.into_iter().map(Handover::read).collect()
}

/// What a member could hand over: what was granted to them without an end.
pub fn own(member: &Member) -> Vec<Right> {
    let lasts = |right: &Right| {
        let of_it = |grant: &Grant| grant.right == *right && grant.until.is_none();
        member.may(right) && member.grants.iter().any(of_it)
    };
    RIGHTS.into_iter().filter(lasts).collect()
}

/// Offers rights to a colleague, who is told. One offer at a time.
pub async fn offer(app: &AppParts, inside: Inside<'_>, to: &MembershipId, rights: &[Right]) -> Result<(), Error> {
    let (mut work, member) = inside.begin(app).await?;
    let other = roster::one(&mut work.tx, &app.vault, inside.organisation, to).await?;
    let own = own(&member);
    if other.id == member.id || !rights.iter().all(|right| own.contains(right)) {
        return Err(Error::NotAllowed("organisation_right"));
    }
    if rights.is_empty() {
        return Err(Error::field("recht", "right_missing"));
    }
    let now = work.now;
    if open_of(&mut work.tx, &member.id, now).await?.iter().any(|known| known.from == member.id) {
        return Err(Error::field("recht", "handover_open"));
    }
    let id = HandoverId::new(work.now, &work.random);
    let text = serde_json::to_string(rights).map_err(Error::broken)?;
    let (whose, expires_at) = ((&id, inside.organisation), days_after(work.now, DAYS));
    rows::insert(&mut work, whose, (&member.id, &other.id), &text, expires_at).await?;
    let happened = Happened::HandoverOffered { member: other.id.clone(), rights: rights.to_vec() };
    told(app, work, (&member, &other), happened, Kind::OrganisationHandover).await
}

/// Takes over what was offered: both changes, or none.
pub async fn accept(app: &AppParts, inside: Inside<'_>, id: &HandoverId) -> Result<(), Error> {
    let (mut work, member) = inside.begin(app).await?;
    let offered = take(&mut work, id, "accepted").await?;
    if offered.to != member.id {
        return Err(Error::NotFound);
    }
    let from = roster::one(&mut work.tx, &app.vault, inside.organisation, &offered.from).await?;
    let (whose, now) = ((inside.organisation, &from.account), work.now);
    let giver = Member::of(&mut work.tx, &app.vault, whose, now).await?;
    let own = own(&giver);
    if !offered.rights.iter().all(|right| own.contains(right)) {
        return Err(Error::Conflict("handover"));
    }
    if let Some(level) = offered.rights.iter().map(Right::needs).find(|level| member.identity < *level) {
        return Err(Error::LevelTooLow(level));
    }
    let mut accounts = [&giver.account, &member.account];
    accounts.sort();
    for account in accounts {
        account::hold(&mut work, account).await?;
    }
    for right in &offered.rights {
        let grant = Grant { right: right.clone(), from: work.now, until: None };
        store::put_right(&mut work, &member.id, &grant, &giver.id).await?;
        members::delete_right(&mut work, &giver.id, right.kind(), right.object()).await?;
    }
    machine::note_owner(app, &mut work, &member.organisation, (&giver.id, false)).await?;
    let happened = Happened::HandoverAccepted { member: from.id.clone(), rights: offered.rights };
    told(app, work, (&member, &from), happened, Kind::OrganisationRights).await
}

/// Says no to an offer, or takes one's own back.
pub async fn end(app: &AppParts, inside: Inside<'_>, id: &HandoverId) -> Result<(), Error> {
    let (mut work, member) = inside.begin(app).await?;
    let now = work.now;
    let open = open_of(&mut work.tx, &member.id, now).await?;
    let known = open.into_iter().find(|known| known.id == *id).ok_or(Error::Conflict("handover"))?;
    let is_own = known.from == member.id;
    let Handover { from, to, rights, .. } = take(&mut work, id, if is_own { "withdrawn" } else { "declined" }).await?;
    let happened = if is_own {
        Happened::HandoverWithdrawn { member: to, rights }
    } else {
        Happened::HandoverDeclined { member: from, rights }
    };
    audit::record(&mut work, &MemberEvent { organisation: inside.organisation, happened }).await?;
    work.commit().await
}

async fn take(work: &mut Work, id: &HandoverId, state: &str) -> Result<Handover, Error> {
    rows::take(work, id, state).await?.map(Handover::read).ok_or(Error::Conflict("handover"))?
}

/// Whoever has gone neither gives nor takes.
pub(super) async fn withdraw_of(work: &mut Work, member: &MembershipId) -> Result<(), Error> {
    Ok(rows::withdraw_of(work, member).await?)
}
