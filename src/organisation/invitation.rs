//! Invitations: a mail to an address, with a code that is written down nowhere else. Whoever has that address in their own
//! account and the code may join, once, within fourteen days, with the rights that the sender may still give by then. To
//! everybody else an invitation that is unknown, answered, expired or somebody else's is one and the same.

use serde::{Deserialize, Serialize};

use super::granting::told;
use super::member::{self, Grant, Inside, Member, Right};
use super::member_event::{Happened, MemberEvent};
use super::store::{self, invitation as rows};
use super::{Organisation, area, hold, load, roster};
use crate::account::email::EmailAddress;
use crate::account::{self, index};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::calendar::days_after;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, InvitationId, MembershipId, OrganisationId};
use crate::kernel::seal::{Place, Vault};
use crate::kernel::secret::token_hash;
use crate::kernel::texts::{Language, moment};
use crate::kernel::time::{Timestamp, days};
use crate::notice::{self, Kind, Notice};
use crate::signin::attempts::{self, Network};
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

/// How long one may be accepted.
pub const DAYS: u16 = 14;
/// Open at a time in one organisation.
pub const OPEN_MAX: i64 = 200;
/// By one member in 24 hours.
pub const SENT_MAX: i64 = 50;

/// What has become of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum State {
    Open,
    Accepted,
    Declined,
    Withdrawn,
    /// Another was sent in its place.
    Replaced,
    /// Whoever has sent it could not give any more what it promised.
    Void,
}

/// One that is open, as those see it who may look.
pub struct Open {
    pub id: InvitationId,
    pub address: String,
    pub rights: Vec<Grant>,
    pub by: String,
    pub invited_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Who is invited, and to what.
#[derive(Clone, Debug)]
pub struct Draft {
    pub address: EmailAddress,
    pub grants: Vec<Grant>,
}

/// In which language the mail is, and from where it is asked for.
#[derive(Clone, Copy)]
pub struct Sending<'a> {
    pub language: Language,
    pub network: &'a Network,
}

/// Whether that could be a code. What has anything else in it was made by no mail of ours.
pub fn is_code(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn address_place(id: &InvitationId) -> Place<'_> {
    Place { table: "invitation", column: "address", row: id.as_str(), version: 1 }
}

fn read_grants(row: &rows::InvitationRow) -> Result<Vec<Grant>, Error> {
    serde_json::from_str(&row.rights).map_err(Error::broken)
}

fn rights_of(grants: &[Grant]) -> Vec<Right> {
    grants.iter().map(|grant| grant.right.clone()).collect()
}

/// Whether somebody may give all of this, here and now.
fn may_give(member: &Member, grants: &[Grant]) -> bool {
    member.may_administrate() && grants.iter().all(|grant| member.may_grant(&grant.right))
}

/// Invites. The limits are the organisation's and the sender's; beyond those of an address no mail goes out and the answer is
/// the same.
pub async fn send(app: &AppParts, inside: Inside<'_>, draft: &Draft, how: Sending<'_>) -> Result<(), Error> {
    let (mut work, member) = inside.begin(app).await?;
    if !may_give(&member, &draft.grants) {
        return Err(Error::NotAllowed("organisation_right"));
    }
    area::check(&mut work.tx, inside.organisation, &draft.grants).await?;
    put(app, &mut work, &member, draft, how).await?;
    let happened = Happened::Invited { rights: rights_of(&draft.grants) };
    audit::record(&mut work, &MemberEvent { organisation: inside.organisation, happened }).await?;
    work.commit().await
}

async fn put(app: &AppParts, work: &mut Work, member: &Member, draft: &Draft, how: Sending<'_>) -> Result<(), Error> {
    let organisation = &member.organisation.id;
    let (now, since) = (work.now, work.now.minus(days(1)));
    let (open, sent) = rows::counts(&mut work.tx, organisation, (&member.id, since), now).await?;
    if open >= OPEN_MAX {
        return Err(Error::field("email", "invitations_open"));
    }
    if sent >= SENT_MAX {
        return Err(Error::field("email", "invitations_enough"));
    }
    let (id, code) = (InvitationId::new(work.now, &work.random), work.random.token());
    let key = super::key(&mut work.tx, &app.vault, organisation).await?;
    let address = draft.address.as_str().as_bytes();
    let row = rows::InvitationRow {
        address: key.seal(address_place(&id), address, &work.random).map_err(Error::broken)?,
        organisation_id: organisation.clone(),
        rights: serde_json::to_string(&draft.grants).map_err(Error::broken)?,
        invited_by: member.id.clone(),
        invited_at: work.now,
        expires_at: days_after(work.now, DAYS),
        id,
    };
    rows::insert(work, (&row, &token_hash(code.expose()), &index(&app.vault, &draft.address))).await?;
    // Counted last: counters stand alone.
    if !attempts::count_mail(app, work, how.network, &draft.address).await? {
        return Ok(());
    }
    let texts = &how.language.texts().mail;
    let (issuer, name) = (&app.config.issuer, &member.organisation.record.name);
    let body =
        texts.invitation_body.with("organisation", name).with("link", format!("{issuer}/einladung/{}", code.expose()));
    let body = body.with("date", moment::date(how.language, last_day(row.expires_at))).with("issuer", issuer);
    let to = draft.address.as_str();
    let subject = &texts.invitation_subject;
    let notice = Notice { kind: Kind::Invitation, to, language: how.language, subject, body };
    notice::send(work, &app.vault, issuer, notice).await
}

/// The day at whose end something expires.
pub fn last_day(expires_at: Timestamp) -> Timestamp {
    expires_at.minus(std::time::Duration::from_millis(1))
}

/// The open invitations of an organisation, the newest first.
pub async fn list(
    tx: &mut Tx,
    vault: &Vault,
    organisation: &OrganisationId,
    now: Timestamp,
) -> Result<Vec<Open>, Error> {
    let key = super::key(tx, vault, organisation).await?;
    let mut found = Vec::new();
    for row in rows::open_in(tx, organisation, now, OPEN_MAX).await? {
        let by = roster::name(tx, &key, organisation, row.invited_by.as_str()).await?;
        found.push(Open {
            address: key.open_text(address_place(&row.id), &row.address).map_err(Error::broken)?,
            rights: read_grants(&row)?,
            by: by.map(|(_, name)| name).unwrap_or_default(),
            invited_at: row.invited_at,
            expires_at: row.expires_at,
            id: row.id,
        });
    }
    Ok(found)
}

/// Takes an invitation back.
pub async fn withdraw(app: &AppParts, inside: Inside<'_>, id: &InvitationId) -> Result<(), Error> {
    let (mut work, member) = inside.begin(app).await?;
    member.require(&Right::Administration)?;
    let row = rows::take(&mut work, inside.organisation, id, State::Withdrawn).await?;
    let grants = read_grants(&row.ok_or(Error::Conflict("invitation"))?)?;
    let happened = Happened::InvitationWithdrawn { rights: rights_of(&grants) };
    audit::record(&mut work, &MemberEvent { organisation: inside.organisation, happened }).await?;
    work.commit().await
}

/// Sends another in its place, with another code, in the name of whoever sends it now.
pub async fn send_again(app: &AppParts, inside: Inside<'_>, id: &InvitationId, how: Sending<'_>) -> Result<(), Error> {
    let (mut work, member) = inside.begin(app).await?;
    member.require(&Right::Administration)?;
    let row = rows::take(&mut work, inside.organisation, id, State::Replaced).await?;
    let row = row.ok_or(Error::Conflict("invitation"))?;
    let grants = read_grants(&row)?;
    if !may_give(&member, &grants) {
        return Err(Error::NotAllowed("organisation_right"));
    }
    let key = super::key(&mut work.tx, &app.vault, inside.organisation).await?;
    let address = key.open_text(address_place(&row.id), &row.address).map_err(Error::broken)?;
    let address = EmailAddress::parse(&address).ok_or_else(|| Error::broken("a stored address does not parse"))?;
    let rights = rights_of(&grants);
    put(app, &mut work, &member, &Draft { address, grants }, how).await?;
    let happened = Happened::InvitedAgain { rights };
    audit::record(&mut work, &MemberEvent { organisation: inside.organisation, happened }).await?;
    work.commit().await
}

/// An invitation as whoever is invited reads it.
pub struct Shown {
    pub organisation: Organisation,
    pub grants: Vec<Grant>,
    pub areas: Vec<area::Area>,
    pub by: String,
    pub expires_at: Timestamp,
    /// They belong to it already.
    pub is_member: bool,
}

/// What a code opens to an account; `None` for whoever it is not meant for, whatever the reason.
pub async fn look(app: &AppParts, code: &str, account: &AccountId) -> Result<Option<Shown>, Error> {
    let (tx, now) = (&mut app.read().await?, app.now());
    let Some(row) = rows::find_for(tx, &token_hash(code), account, now).await? else { return Ok(None) };
    let organisation = load(tx, &app.vault, &row.organisation_id).await?;
    if !organisation.state.is_acting() {
        return Ok(None);
    }
    let key = super::key(tx, &app.vault, &organisation.id).await?;
    let by = roster::name(tx, &key, &organisation.id, row.invited_by.as_str()).await?;
    Ok(Some(Shown {
        grants: read_grants(&row)?,
        areas: area::list(tx, &app.vault, &organisation.id).await?,
        by: by.map(|(_, name)| name).unwrap_or_default(),
        expires_at: row.expires_at,
        is_member: store::membership(tx, &organisation.id, account).await?.is_some(),
        organisation,
    }))
}

/// What came of accepting.
#[derive(Debug, PartialEq, Eq)]
pub enum Accepted {
    Joined(OrganisationId),
    /// Nobody becomes a member twice, nor gets rights by an invitation to themselves.
    IsMember,
    /// It opens nothing to this account, or not any more.
    Nothing,
}

/// Joins.
pub async fn accept(app: &AppParts, (account, request): (&AccountId, &str), code: &str) -> Result<Accepted, Error> {
    let Some((mut work, row)) = begin(app, (account, request), code).await? else { return Ok(Accepted::Nothing) };
    let organisation = row.organisation_id.clone();
    account::hold(&mut work, account).await?;
    if store::membership(&mut work.tx, &organisation, account).await?.is_some() {
        return Ok(Accepted::IsMember);
    }
    let mut grants = read_grants(&row)?;
    let sender = sender(app, &mut work, &row).await?;
    let holds = sender.as_ref().is_some_and(|sender| may_give(sender, &grants));
    let sender = match sender {
        Some(sender) if holds && !area::missing(&mut work.tx, &organisation, &grants).await? => sender,
        _ => {
            rows::take(&mut work, &organisation, &row.id, State::Void).await?;
            let happened = Happened::InvitationVoid { rights: rights_of(&grants) };
            audit::record(&mut work, &MemberEvent { organisation: &organisation, happened }).await?;
            work.commit().await?;
            return Ok(Accepted::Nothing);
        }
    };
    if rows::take(&mut work, &organisation, &row.id, State::Accepted).await?.is_none() {
        return Ok(Accepted::Nothing);
    }
    let id = join(app, &mut work, (&organisation, account)).await?;
    for grant in &mut grants {
        grant.from = grant.from.max(work.now);
        store::put_right(&mut work, &id, grant, &sender.id).await?;
    }
    let happened = Happened::Joined { member: id, rights: rights_of(&grants) };
    let by = roster::one(&mut work.tx, &app.vault, &organisation, &sender.id).await?;
    told(app, work, (&sender, &by), happened, Kind::InvitationAccepted).await?;
    Ok(Accepted::Joined(organisation))
}

async fn join(
    app: &AppParts,
    work: &mut Work,
    (organisation, account): (&OrganisationId, &AccountId),
) -> Result<MembershipId, Error> {
    let key = super::key(&mut work.tx, &app.vault, organisation).await?;
    let name = account::load(&mut work.tx, &app.vault, account).await?.full_name();
    member::insert(work, &key, organisation, (account, &name)).await
}

/// Whoever has sent it, if they are still a member.
async fn sender(app: &AppParts, work: &mut Work, row: &rows::InvitationRow) -> Result<Option<Member>, Error> {
    let (organisation, now) = (&row.organisation_id, work.now);
    let Some(sender) = store::members::find(&mut work.tx, organisation, &row.invited_by).await? else {
        return Ok(None);
    };
    Member::of(&mut work.tx, &app.vault, (organisation, &sender.account_id), now).await.map(Some)
}

/// Work of whoever answers, holding the organisation; `None` if the code opens nothing to them.
async fn begin(
    app: &AppParts,
    (account, request): (&AccountId, &str),
    code: &str,
) -> Result<Option<(Work, rows::InvitationRow)>, Error> {
    let hash = token_hash(code);
    let mut work = app.begin(Actor::Account(account.clone())).await?;
    work.request = Some(request.to_owned());
    let now = work.now;
    let Some(row) = rows::find_for(&mut work.tx, &hash, account, now).await? else { return Ok(None) };
    if !hold(&mut work, &row.organisation_id).await?.is_acting() {
        return Ok(None);
    }
    // Once more: whoever held it before may have ended it.
    Ok(rows::find_for(&mut work.tx, &hash, account, now).await?.map(|row| (work, row)))
}

/// Says no. Of two answers one counts.
pub async fn decline(app: &AppParts, who: (&AccountId, &str), code: &str) -> Result<bool, Error> {
    let Some((mut work, row)) = begin(app, who, code).await? else { return Ok(false) };
    if rows::take(&mut work, &row.organisation_id, &row.id, State::Declined).await?.is_none() {
        return Ok(false);
    }
    let happened = Happened::InvitationDeclined { rights: rights_of(&read_grants(&row)?) };
    audit::record(&mut work, &MemberEvent { organisation: &row.organisation_id, happened }).await?;
    work.commit().await?;
    Ok(true)
}
