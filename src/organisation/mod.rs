//! Organisations: companies, associations and authorities with an account that many people share, each signing in with
//! their own. An organisation is registered by a person, belongs to its members, and what a member may do is a list of
//! rights. To administrate and to represent are two rights: who invites colleagues need not be able to sign for the firm.
//!
//! Whoever is not a member learns nothing of an organisation, not even that it is there. Whatever changes an organisation
//! or its members holds the organisation first ([`hold`]), and then accounts.

pub mod acting;
pub mod area;
pub mod change;
pub mod check;
pub mod claim;
pub mod company_register;
pub mod desk;
pub mod draft;
pub mod elsewhere;
pub mod event;
pub mod evidence;
pub mod granting;
pub mod handover;
pub mod invitation;
pub mod leaving;
pub mod letter;
pub mod life;
pub mod machine;
pub mod mandate;
pub mod member;
mod member_event;
pub mod opening;
pub mod protocol;
pub mod record;
pub mod roster;
mod store;
pub mod typed;
pub mod web;

use serde::{Deserialize, Serialize};

use crate::app::AppParts;
use crate::audit::Event;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, MembershipId, OrganisationId};
use crate::kernel::level::Level;
use crate::kernel::seal::{DataKey, Place, Vault};
use crate::kernel::texts::{Text, Texts};
use crate::kernel::time::Timestamp;
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};
use member::Member;

pub use record::Record;

/// Where an organisation stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum State {
    Active,
    /// Its management or the operator has stopped it: nobody acts for it, nothing changes, its members can read.
    Blocked,
    /// The insolvency proceedings are open: who represented it no longer does (§ 80 InsO), others go on.
    Insolvent,
    /// Its representatives have given it up; it is kept for a time in which they may return.
    Closing,
    /// Gone. Its key is destroyed.
    Closed,
}

impl State {
    pub const ALL: [Self; 5] = [Self::Active, Self::Blocked, Self::Insolvent, Self::Closing, Self::Closed];

    /// As people read it.
    pub const fn label(self, t: &Texts) -> &Text {
        let t = &t.organisation;
        match self {
            Self::Active => &t.state_active,
            Self::Blocked => &t.state_blocked,
            Self::Insolvent => &t.state_insolvent,
            Self::Closing => &t.state_closing,
            Self::Closed => &t.state_closed,
        }
    }

    /// Whether members may act for it at all.
    pub const fn is_acting(self) -> bool {
        matches!(self, Self::Active | Self::Insolvent)
    }
}

/// An organisation, opened.
#[derive(Clone, Debug)]
pub struct Organisation {
    pub id: OrganisationId,
    pub state: State,
    pub state_since: Timestamp,
    pub erase_at: Option<Timestamp>,
    /// How well it is known that it is the one that its record says.
    pub level: Level,
    pub record: Record,
    /// Of the record: whoever changes it names the one that they have seen.
    pub version: i64,
    pub created_at: Timestamp,
}

fn record_place(id: &OrganisationId, version: i64) -> Place<'_> {
    Place { table: "organisation", column: "record", row: id.as_str(), version }
}

/// The key of an organisation; `NotFound` if there is none, or it has been destroyed.
pub async fn key(tx: &mut Tx, vault: &Vault, id: &OrganisationId) -> Result<DataKey, Error> {
    unwrap(vault, store::key_of(tx, id).await?, id).await
}

async fn unwrap(vault: &Vault, wrapped: Option<Vec<u8>>, id: &OrganisationId) -> Result<DataKey, Error> {
    let wrapped = wrapped.ok_or(Error::NotFound)?;
    vault.master().unwrap(&wrapped, id.as_str()).await.map_err(Error::broken)
}

/// Reads and opens an organisation; `NotFound` if there is none, or it is closed. Who may see it is for [`member`] to say.
pub async fn load(tx: &mut Tx, vault: &Vault, id: &OrganisationId) -> Result<Organisation, Error> {
    let row = store::find(tx, id).await?.ok_or(Error::NotFound)?;
    open(vault, row).await
}

async fn open(vault: &Vault, row: store::OrganisationRow) -> Result<Organisation, Error> {
    let wrapped = row.key_wrapped.as_deref().ok_or(Error::NotFound)?;
    let key = vault.master().unwrap(wrapped, row.id.as_str()).await.map_err(Error::broken)?;
    let plain = key.open(record_place(&row.id, row.version), &row.record).map_err(Error::broken)?;
    let record = serde_json::from_slice(plain.expose()).map_err(Error::broken)?;
    let store::OrganisationRow { id, state, state_since, erase_at, level, version, created_at, .. } = row;
    Ok(Organisation { id, state, state_since, erase_at, level, record, version, created_at })
}

/// Lets nobody else who does the same go on before this work is done, and says what state the organisation is in.
/// `NotFound` if there is none. An organisation comes before accounts.
pub async fn hold(work: &mut Work, id: &OrganisationId) -> Result<State, Error> {
    store::hold(work, id).await?.ok_or(Error::NotFound)
}

/// The same for an organisation that can receive something, with its key; `NotFound` if it cannot.
pub async fn hold_receiving(work: &mut Work, vault: &Vault, id: &OrganisationId) -> Result<DataKey, Error> {
    unwrap(vault, store::hold_receiving(work, id).await?, id).await
}

/// Begins work of a member that holds the organisation: what they may do is asked once more, and stays so.
pub async fn begin(
    app: &AppParts,
    whose: (&OrganisationId, &AccountId),
    request: &str,
) -> Result<(Work, Member), Error> {
    let mut work = app.begin(Actor::Account(whose.1.clone())).await?;
    work.request = Some(request.to_owned());
    hold(&mut work, whose.0).await?;
    let now = work.now;
    let member = Member::of(&mut work.tx, &app.vault, whose, now).await?;
    Ok((work, member))
}

/// What pages say of an organisation besides its record.
pub struct Facts {
    /// When it has last said what it is.
    pub stated_at: Timestamp,
    pub members: i64,
    /// Invitations that wait.
    pub invitations: i64,
}

pub async fn facts(tx: &mut Tx, id: &OrganisationId, now: Timestamp) -> Result<Facts, Error> {
    let (stated_at, members, invitations) = store::state::facts(tx, id, now).await?;
    Ok(Facts { stated_at, members, invitations })
}

/// An organisation as it stands in the list of one of its members.
pub struct Listed {
    pub id: OrganisationId,
    pub state: State,
    pub name: String,
    pub since: Timestamp,
    pub membership: MembershipId,
    /// When they have last chosen to act for it.
    pub chosen_at: Option<Timestamp>,
}

/// The organisations that somebody belongs to, in the order of their names.
pub async fn of_account(tx: &mut Tx, vault: &Vault, account: &AccountId) -> Result<Vec<Listed>, Error> {
    let mut listed = Vec::new();
    for row in store::state::of_account(tx, account).await? {
        let (membership, since) = (row.membership_id.clone(), row.since);
        let chosen_at = Some(row.chosen_at).filter(|at| at.milliseconds() > 0);
        let Organisation { id, state, record, .. } = open(vault, row.organisation()).await?;
        listed.push(Listed { id, state, name: record.name, since, membership, chosen_at });
    }
    listed.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(listed)
}

/// The job: keys of programs, and guardians from before there were mandates. Neither waits for the other.
pub async fn tend(app: &AppParts) -> Result<(), Error> {
    let keys = machine::tend(app).await;
    mandate::guardian::tend(app).await.and(keys)
}

/// Removes what an account has begun here and not ended: a draft, and claims. Its memberships are not among it.
pub async fn forget(work: &mut Work, account: &AccountId) -> Result<(), Error> {
    store::draft::delete_of(work, account).await?;
    Ok(store::claim::delete_of(work, account).await?)
}

/// Writes a new organisation and its first member, who administrates and represents it. `Conflict("register")` if there is
/// one with that entry in a register or that Wirtschafts-IdNr already; the work must not be committed then.
pub async fn open_new(
    work: &mut Work,
    vault: &Vault,
    record: &Record,
    founder: (&AccountId, &str),
) -> Result<(OrganisationId, MembershipId), Error> {
    let id = OrganisationId::new(work.now, &work.random);
    let key = DataKey::random(&work.random);
    let key_wrapped = vault.master().wrap(&key, id.as_str(), &work.random).await.map_err(Error::broken)?;
    let plain = serde_json::to_vec(record).map_err(Error::broken)?;
    let sealed = key.seal(record_place(&id, 1), &plain, &work.random).map_err(Error::broken)?;
    let indexes = (record.register_index(vault), record.economic_index(vault));
    if !store::insert(work, &id, (&key_wrapped, &sealed), indexes).await? {
        return Err(Error::Conflict("register"));
    }
    let membership = member::insert(work, &key, &id, founder).await?;
    for right in [member::Right::Administration, member::Right::Representation] {
        let grant = member::Grant { right, from: work.now, until: None };
        store::put_right(work, &membership, &grant, &membership).await?;
    }
    crate::audit::record(work, &OrganisationEvent::Opened { organisation: id.clone() }).await?;
    Ok((id, membership))
}

/// What happens to an organisation. Its protocol is made of these: the subject is always the organisation.
#[derive(Serialize)]
#[serde(untagged)]
pub enum OrganisationEvent {
    Opened {
        #[serde(skip)]
        organisation: OrganisationId,
    },
}

impl Event for OrganisationEvent {
    fn kind(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "organisation.opened",
        }
    }

    fn subject(&self) -> Option<String> {
        let Self::Opened { organisation } = self;
        Some(organisation.to_string())
    }
}
