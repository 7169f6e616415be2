//! Members and their rights. A right counts between its dates, while the organisation is in a state that lets it, and only
//! if it is known well enough who its holder is; whoever asks gets the answer for this moment.

use serde::{Deserialize, Serialize};

use super::{Organisation, State, hold, load, store};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, AreaId, ClientId, MembershipId, OrganisationId};
use crate::kernel::level::Level;
use crate::kernel::seal::{DataKey, Place, Vault};
use crate::kernel::time::{Timestamp, days};
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

/// What a member may do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", content = "object", rename_all = "snake_case")]
pub enum Right {
    /// Verwaltung: invite members, give and end their rights, areas, keys; never sign for the organisation.
    Administration,
    /// Vertretungsbefugt: everything, and alone the organisation itself: its data, its mandates, its end.
    Representation,
    /// Read the post of an area; `None` is the general one.
    ReadMail(Option<AreaId>),
    /// Answer the post of an area.
    AnswerMail(Option<AreaId>),
    /// Use a service and declare in it.
    UseService(ClientId),
    /// The organisation's documents.
    Documents,
    /// Vollmachten ausüben: act for all who have given the organisation a mandate.
    Mandates,
    /// Prüfung: read the protocol and the post, change nothing.
    Audit,
}

impl Right {
    /// The name in the database and in forms.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Administration => "administration",
            Self::Representation => "representation",
            Self::ReadMail(_) => "read_mail",
            Self::AnswerMail(_) => "answer_mail",
            Self::UseService(_) => "use_service",
            Self::Documents => "documents",
            Self::Mandates => "mandates",
            Self::Audit => "audit",
        }
    }

    /// What it is for; empty where it is for everything.
    pub fn object(&self) -> &str {
        match self {
            Self::ReadMail(Some(area)) | Self::AnswerMail(Some(area)) => area.as_str(),
            Self::UseService(client) => &client.0,
            _ => "",
        }
    }

    /// Reads what a database or a form holds.
    pub fn parse(kind: &str, object: &str) -> Option<Self> {
        let area = || if object.is_empty() { Some(None) } else { AreaId::parse(object).map(Some) };
        let plain = |right| object.is_empty().then_some(right);
        match kind {
            "administration" => plain(Self::Administration),
            "representation" => plain(Self::Representation),
            "read_mail" => area().map(Self::ReadMail),
            "answer_mail" => area().map(Self::AnswerMail),
            "use_service" => (!object.is_empty()).then(|| Self::UseService(ClientId(object.to_owned()))),
            "documents" => plain(Self::Documents),
            "mandates" => plain(Self::Mandates),
            "audit" => plain(Self::Audit),
            _ => None,
        }
    }

    /// How well it has to be known who holds it before it counts (Implementing Regulation (EU) 2015/1502, 2.1.4: who
    /// represents a legal person at substantial is proven at substantial).
    pub const fn needs(&self) -> Level {
        match self {
            Self::Administration | Self::Representation | Self::Mandates => Level::Substantial,
            _ => Level::Basic,
        }
    }

    /// Whether whoever holds this one may do what the other allows.
    fn includes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Representation, _) => true,
            (Self::AnswerMail(area), Self::ReadMail(other)) => area == other,
            (Self::Audit, Self::ReadMail(_)) => true,
            (this, other) => this == other,
        }
    }

    /// Whether it counts in an organisation that is in this state.
    const fn counts_in(&self, state: State) -> bool {
        match state {
            State::Active => true,
            State::Insolvent => !matches!(self, Self::Representation),
            State::Blocked | State::Closing => matches!(self, Self::Audit),
            State::Closed => false,
        }
    }
}

/// A right and when it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub right: Right,
    pub from: Timestamp,
    pub until: Option<Timestamp>,
}

impl Grant {
    pub fn is_current(&self, now: Timestamp) -> bool {
        self.from <= now && self.until.is_none_or(|until| until > now)
    }
}

/// Whether one of these grants lets somebody of that identity do it, in an organisation in that state.
pub fn may(grants: &[Grant], right: &Right, (state, identity): (State, Level), now: Timestamp) -> bool {
    grants.iter().any(|grant| {
        let held = &grant.right;
        grant.is_current(now) && held.includes(right) && held.counts_in(state) && identity >= held.needs()
    })
}

/// Somebody who belongs to an organisation, at this moment: the right to be on its pages as a value.
#[derive(Clone, Debug)]
pub struct Member {
    pub id: MembershipId,
    pub account: AccountId,
    pub organisation: Organisation,
    /// How well it is known who they are.
    pub identity: Level,
    /// What was granted, whether it counts or not.
    pub grants: Vec<Grant>,
    pub since: Timestamp,
    /// When they last did something for the organisation, to the day.
    pub used_at: Option<Timestamp>,
    now: Timestamp,
}

/// Somebody who is about to change something in an organisation that they belong to, and in which request.
#[derive(Clone, Copy)]
pub struct Inside<'a> {
    pub organisation: &'a OrganisationId,
    pub account: &'a AccountId,
    pub request: &'a str,
}

impl Inside<'_> {
    /// Work of theirs that holds the organisation, and who they are in it by now: what a page has shown may be over.
    pub async fn begin(&self, app: &AppParts) -> Result<(Work, Member), Error> {
        let mut work = app.begin(Actor::Account(self.account.clone())).await?;
        work.request = Some(self.request.to_owned());
        hold(&mut work, self.organisation).await?;
        let (whose, now) = ((self.organisation, self.account), work.now);
        let member = Member::of(&mut work.tx, &app.vault, whose, now).await?;
        Ok((work, member))
    }
}

impl Member {
    /// `account` in an organisation; `NotFound` for everybody who does not belong to it, as if it were not there.
    pub async fn of(
        tx: &mut Tx,
        vault: &Vault,
        (organisation, account): (&OrganisationId, &AccountId),
        now: Timestamp,
    ) -> Result<Self, Error> {
        let row = store::membership(tx, organisation, account).await?.ok_or(Error::NotFound)?;
        let organisation = load(tx, vault, organisation).await?;
        if organisation.state == State::Closed {
            return Err(Error::NotFound);
        }
        let grants = grants_of(tx, &row.id).await?;
        let store::MembershipRow { id, account_id: account, since, used_at, identity_level: identity } = row;
        Ok(Self { id, account, organisation, identity, grants, since, used_at, now })
    }

    /// Whether it is to be written down that they do something today.
    pub fn is_use_new(&self) -> bool {
        self.used_at.is_none_or(|used_at| used_at.plus(days(1)) <= self.now)
    }

    /// Whether they hold one of these, well enough known, whatever state the organisation is in.
    fn holds_one_of(&self, rights: &[Right]) -> bool {
        let counts = |grant: &&Grant| grant.is_current(self.now) && self.identity >= grant.right.needs();
        self.grants.iter().filter(counts).any(|grant| rights.contains(&grant.right))
    }

    /// Whether they may look at members, invitations, areas and the protocol: who administrates, represents or audits, also
    /// while nobody may act for the organisation.
    pub fn may_look(&self) -> bool {
        self.holds_one_of(&[Right::Administration, Right::Representation, Right::Audit])
    }

    /// The level of a session that is enough for looking.
    pub fn looks_at(&self) -> Level {
        if self.holds_one_of(&[Right::Audit]) { Right::Audit.needs() } else { Right::Administration.needs() }
    }

    /// Whether they may.
    pub fn may(&self, right: &Right) -> bool {
        may(&self.grants, right, (self.organisation.state, self.identity), self.now)
    }

    /// Whether the right is theirs and they are known well enough, whatever the organisation's state lets them do with it.
    pub fn holds(&self, right: &Right) -> bool {
        let holds = |grant: &Grant| grant.is_current(self.now) && grant.right.includes(right);
        self.identity >= right.needs() && self.grants.iter().any(holds)
    }

    /// `NotAllowed` if they may not.
    pub fn require(&self, right: &Right) -> Result<(), Error> {
        if self.may(right) { Ok(()) } else { Err(Error::NotAllowed("organisation_right")) }
    }

    /// Whether they may invite, change and end members: who administrates or represents.
    pub fn may_administrate(&self) -> bool {
        self.may(&Right::Administration)
    }

    /// Whether they may give a right to somebody: nobody grants what they do not hold, and who administrates without
    /// representing gives no power to represent.
    pub fn may_grant(&self, right: &Right) -> bool {
        match right {
            Right::Representation => self.may(&Right::Representation),
            _ => self.may_administrate(),
        }
    }
}

fn name_place(id: &MembershipId) -> Place<'_> {
    Place { table: "membership", column: "name", row: id.as_str(), version: 1 }
}

/// The name of a membership, opened.
pub(super) fn open_name(key: &DataKey, id: &MembershipId, sealed: &[u8]) -> Result<String, Error> {
    key.open_text(name_place(id), sealed).map_err(Error::broken)
}

/// Writes down, once a day, that somebody does something for the organisation.
pub async fn note_use(app: &AppParts, member: &Member) -> Result<(), Error> {
    let mut work = app.single(Actor::Account(member.account.clone())).await?;
    store::members::put_use(&mut work, &member.id).await?;
    work.commit().await
}

/// Writes down that somebody belongs to an organisation, without any right.
pub async fn insert(
    work: &mut Work,
    key: &DataKey,
    organisation: &OrganisationId,
    (account, name): (&AccountId, &str),
) -> Result<MembershipId, Error> {
    let id = MembershipId::new(work.now, &work.random);
    let sealed = key.seal(name_place(&id), name.as_bytes(), &work.random).map_err(Error::broken)?;
    store::insert_membership(work, (&id, organisation, account), &sealed).await?;
    Ok(id)
}

/// What was granted in a membership, whether it counts or not.
pub async fn grants_of(tx: &mut Tx, membership: &MembershipId) -> Result<Vec<Grant>, Error> {
    let rows = store::rights_of(tx, membership).await?;
    rows.into_iter().map(store::RightRow::grant).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_what_may_do_what() {
        let area = Some(AreaId::parse("are_00000000000000000000000000").unwrap());
        let service = || Right::UseService(ClientId("parken".into()));
        let all = [
            Right::Administration,
            Right::Representation,
            Right::ReadMail(None),
            Right::ReadMail(area.clone()),
            Right::AnswerMail(area.clone()),
            service(),
            Right::Documents,
            Right::Mandates,
            Right::Audit,
        ];
        for right in &all {
            assert_eq!(Right::parse(right.kind(), right.object()).as_ref(), Some(right));
            assert!(Right::Representation.includes(right) && right.includes(right));
        }
        assert!(!Right::Administration.includes(&Right::ReadMail(None)), "who administrates reads no post");
        assert!(!Right::Administration.includes(&service()) && !Right::Administration.includes(&Right::Representation));
        assert!(Right::AnswerMail(area.clone()).includes(&Right::ReadMail(area.clone())));
        assert!(!Right::ReadMail(None).includes(&Right::ReadMail(area.clone())), "the general area is one of its own");
        assert!(!Right::ReadMail(area.clone()).includes(&Right::AnswerMail(area.clone())));
        assert!(
            Right::Audit.includes(&Right::ReadMail(area.clone())) && !Right::Audit.includes(&Right::AnswerMail(area))
        );
        for (kind, object) in [("representation", "x"), ("use_service", ""), ("read_mail", "are_x"), ("owner", "")] {
            assert_eq!(Right::parse(kind, object), None, "{kind} {object}");
        }
    }

    #[test]
    fn what_counts_in_which_state() {
        let counts = |right: Right| State::ALL.map(|state| right.counts_in(state));
        assert_eq!(counts(Right::Administration), [true, false, true, false, false]);
        assert_eq!(counts(Right::Representation), [true, false, false, false, false]);
        assert_eq!(counts(Right::Mandates), [true, false, true, false, false]);
        assert_eq!(counts(Right::Audit), [true, true, true, true, false]);
    }
}
