//! Rights given and taken, memberships ended. Nobody gives what they may not, nobody changes their own rights upwards, what
//! one may not give one may not take, and somebody is always left who administrates and who represents.

use super::Organisation;
use super::member::{Grant, Inside, Member, Right};
use super::member_event::{Happened, MemberEvent};
use super::roster::{self, Listed};
use super::store::{self, members};
use super::{area, handover, machine};
use crate::account;
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{MembershipId, OrganisationId};
use crate::kernel::texts::{Text, Texts};
use crate::kernel::time::Timestamp;
use crate::notice::Kind;
use crate::signin::change::tell;
use crate::store::db::Tx;
use crate::store::work::Work;

/// What an organisation must never be without.
const KEPT: [Right; 2] = [Right::Administration, Right::Representation];

/// Whether an organisation would be without somebody who holds this for good, is well enough known and can sign in, if that
/// member did not. Only if it is not without already: then nothing is lost.
pub(super) async fn is_last(
    tx: &mut Tx,
    organisation: &OrganisationId,
    (right, member): (&Right, &MembershipId),
    now: Timestamp,
) -> Result<bool, Error> {
    let others = members::lasting_holders(tx, organisation, (right.kind(), Some(member)), now).await?;
    Ok(others == 0 && members::lasting_holders(tx, organisation, (right.kind(), None), now).await? > 0)
}

/// Refuses to take from a member what somebody has to hold. Asked before it is taken, in work that holds the organisation.
async fn keep_in_hand(
    work: &mut Work,
    organisation: &OrganisationId,
    member: &MembershipId,
    taken: impl Iterator<Item = &Right>,
) -> Result<(), Error> {
    let now = work.now;
    for right in taken.filter(|right| KEPT.contains(right)) {
        if is_last(&mut work.tx, organisation, (right, member), now).await? {
            let is_administration = *right == Right::Administration;
            let problem = if is_administration { "last_administrator" } else { "last_representative" };
            return Err(Error::field("aktion", problem));
        }
    }
    Ok(())
}

/// Gives rights to a colleague, or changes from when and until when they count.
pub async fn give(app: &AppParts, inside: Inside<'_>, to: &MembershipId, grants: &[Grant]) -> Result<(), Error> {
    let (mut work, member) = inside.begin(app).await?;
    let other = roster::one(&mut work.tx, &app.vault, inside.organisation, to).await?;
    may_give(&member, &other, grants)?;
    area::check(&mut work.tx, inside.organisation, grants).await?;
    account::hold(&mut work, &other.account).await?;
    // An end date, or a later beginning, takes it too.
    let now = work.now;
    let limited = grants.iter().filter(|grant| grant.until.is_some() || grant.from > now).map(|grant| &grant.right);
    keep_in_hand(&mut work, inside.organisation, &other.id, limited).await?;
    for grant in grants {
        store::put_right(&mut work, &other.id, grant, &member.id).await?;
    }
    machine::note_owner(app, &mut work, &member.organisation, (&other.id, false)).await?;
    let rights = grants.iter().map(|grant| grant.right.clone()).collect();
    let happened = Happened::RightsGiven { member: other.id.clone(), rights };
    told(app, work, (&member, &other), happened, Kind::OrganisationRights).await
}

fn may_give(member: &Member, other: &Listed, grants: &[Grant]) -> Result<(), Error> {
    if other.id == member.id {
        return Err(Error::NotAllowed("nobody gives rights to themselves"));
    }
    if grants.is_empty() {
        return Err(Error::field("recht", "right_missing"));
    }
    if grants.iter().all(|grant| member.may_grant(&grant.right)) {
        Ok(())
    } else {
        Err(Error::NotAllowed("organisation_right"))
    }
}

/// Takes a right from a colleague, or gives up one's own.
pub async fn take(app: &AppParts, inside: Inside<'_>, from: &MembershipId, right: &Right) -> Result<(), Error> {
    let (mut work, member) = inside.begin(app).await?;
    let other = roster::one(&mut work.tx, &app.vault, inside.organisation, from).await?;
    if other.id != member.id && !member.may_grant(right) {
        return Err(Error::NotAllowed("organisation_right"));
    }
    account::hold(&mut work, &other.account).await?;
    keep_in_hand(&mut work, inside.organisation, &other.id, [right].into_iter()).await?;
    if !members::delete_right(&mut work, &other.id, right.kind(), right.object()).await? {
        return Err(Error::Conflict("right"));
    }
    machine::note_owner(app, &mut work, &member.organisation, (&other.id, false)).await?;
    let happened = Happened::RightsTaken { member: other.id.clone(), rights: vec![right.clone()] };
    told(app, work, (&member, &other), happened, Kind::OrganisationRights).await
}

/// Whether somebody may end another's membership: who administrates, but who represents only another who does.
pub fn may_end(member: &Member, other: &Listed) -> bool {
    let represents = other.grants.iter().any(|grant| grant.right == Right::Representation);
    member.may_administrate() && (!represents || member.may_grant(&Right::Representation))
}

/// Ends a membership: its rights, and whatever acts under it, end with it. What was done stays in the protocol.
pub async fn end(app: &AppParts, inside: Inside<'_>, id: &MembershipId) -> Result<(), Error> {
    let (mut work, member) = inside.begin(app).await?;
    let other = roster::one(&mut work.tx, &app.vault, inside.organisation, id).await?;
    if other.id == member.id || !may_end(&member, &other) {
        return Err(Error::NotAllowed("organisation_right"));
    }
    account::hold(&mut work, &other.account).await?;
    finish(app, &mut work, &member.organisation, &other).await?;
    let happened = Happened::Ended { member: other.id.clone() };
    told(app, work, (&member, &other), happened, Kind::OrganisationEnded).await
}

/// Leaves an organisation.
pub async fn leave(app: &AppParts, inside: Inside<'_>) -> Result<(), Error> {
    let (mut work, member) = inside.begin(app).await?;
    let own = roster::one(&mut work.tx, &app.vault, inside.organisation, &member.id).await?;
    account::hold(&mut work, &own.account).await?;
    finish(app, &mut work, &member.organisation, &own).await?;
    let happened = Happened::Left { member: own.id.clone() };
    told(app, work, (&member, &own), happened, Kind::OrganisationEnded).await
}

async fn finish(app: &AppParts, work: &mut Work, organisation: &Organisation, other: &Listed) -> Result<(), Error> {
    keep_in_hand(work, &organisation.id, &other.id, other.grants.iter().map(|grant| &grant.right)).await?;
    if !members::end(work, &other.id).await? {
        return Err(Error::Conflict("membership"));
    }
    machine::note_owner(app, work, organisation, (&other.id, true)).await?;
    handover::withdraw_of(work, &other.id).await
}

/// Records what happened, tells whom it concerns, and makes it last.
pub(super) async fn told(
    app: &AppParts,
    mut work: Work,
    (member, other): (&Member, &Listed),
    happened: Happened,
    kind: Kind,
) -> Result<(), Error> {
    let organisation = &member.organisation;
    audit::record(&mut work, &MemberEvent { organisation: &organisation.id, happened }).await?;
    // Whatever this node remembers of them is old.
    work.touched.push(other.account.clone());
    let account = account::load(&mut work.tx, &app.vault, &other.account).await?;
    let name = &organisation.record.name;
    tell(app, &mut work, &account, kind, |texts| {
        let (subject, body) = letter(texts, kind);
        (subject, body.with("organisation", name))
    })
    .await?;
    work.commit().await
}

fn letter(texts: &'static Texts, kind: Kind) -> (&'static Text, Text) {
    let m = &texts.mail;
    match kind {
        Kind::OrganisationEnded => (&m.organisation_ended_subject, m.organisation_ended_body.clone()),
        Kind::InvitationAccepted => (&m.invitation_accepted_subject, m.invitation_accepted_body.clone()),
        Kind::OrganisationHandover => (&m.organisation_handover_subject, m.organisation_handover_body.clone()),
        _ => (&m.organisation_rights_subject, m.organisation_rights_body.clone()),
    }
}
