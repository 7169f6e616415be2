//! A legal guardian, as a court has appointed them: recorded by an officer who has seen the order, with a code of both people. It
//! leads to a mandate, which says who represents whom and until when; beside it stands what the court has written, sealed for each
//! of the two. Neither of them ends it: a desk does that, or the operator, or its time is over.

use serde::{Deserialize, Serialize};

use super::super::store::guardian as rows;
use super::answer::tell_all;
use super::appointment::Appointment;
use super::end::touch;
use super::open::record_guardian;
use super::party::{self, Letter, Words};
use super::{Mandate, Origin, State, find, store};
use crate::account::{self, Account};
use crate::app::AppParts;
use crate::audit::{self, Event};
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, GuardianId, MandateId};
use crate::kernel::level::Level;
use crate::kernel::seal::Place;
use crate::kernel::time::Timestamp;
use crate::notice::Kind;
use crate::organisation::acting::Party;
use crate::proofing::desk::open::{begin, counters};
use crate::proofing::desk::spend::spend;
use crate::proofing::office::{Office, OfficeId, Officer};
use crate::signin::attempts::{self, Network};
use crate::signin::change::tell;
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

/// Rows carried over in one round.
const ROUND: i64 = 50;

/// One side of it as its owner reads it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Side {
    pub appointment: Appointment,
    /// The name of the other person, as it was at the time.
    pub other: String,
    /// The office that has recorded it.
    pub office: String,
    /// Whether the owner is the guardian, and not the one who has one.
    pub is_guardian: bool,
    /// The mandate that it has led to.
    #[serde(skip)]
    pub mandate: Option<MandateId>,
}

fn side_place(id: &GuardianId, is_guardian: bool) -> Place<'_> {
    let column = if is_guardian { "guardian_side" } else { "ward_side" };
    Place { table: "guardian", column, row: id.as_str(), version: 1 }
}

#[derive(Clone, Copy)]
enum Happened<'a> {
    Recorded {
        office: &'a str,
    },
    /// What was recorded before there were mandates has led to one.
    CountsNow,
    Ended(By<'a>),
}

/// Who ends it.
#[derive(Clone, Copy)]
pub enum By<'a> {
    Office(&'a str),
    /// The operator, and why.
    Operator(&'a str),
}

#[derive(Serialize)]
struct GuardianEvent<'a> {
    #[serde(skip)]
    subject: &'a AccountId,
    #[serde(skip)]
    happened: Happened<'a>,
    is_guardian: bool,
    mandate: &'a MandateId,
    #[serde(skip_serializing_if = "Option::is_none")]
    office: Option<&'a str>,
}

impl Event for GuardianEvent<'_> {
    fn kind(&self) -> &'static str {
        match self.happened {
            Happened::Recorded { .. } => "guardian.recorded",
            Happened::CountsNow => "guardian.counts_now",
            Happened::Ended(_) => "guardian.ended",
        }
    }

    fn subject(&self) -> Option<String> {
        Some(self.subject.to_string())
    }

    fn reason(&self) -> Option<String> {
        match self.happened {
            Happened::Ended(By::Operator(reason)) => Some(reason.to_owned()),
            _ => None,
        }
    }
}

/// Both read it in their data protocols.
async fn note(
    work: &mut Work,
    mandate: &MandateId,
    (ward, guardian): (&AccountId, &AccountId),
    happened: Happened<'_>,
) -> Result<(), Error> {
    let office = match happened {
        Happened::Recorded { office } | Happened::Ended(By::Office(office)) => Some(office),
        _ => None,
    };
    for (subject, is_guardian) in [(ward, false), (guardian, true)] {
        audit::record(work, &GuardianEvent { subject, happened, is_guardian, mandate, office }).await?;
    }
    Ok(())
}

/// Everything that holds now and concerns somebody, on either side.
pub async fn of(tx: &mut Tx, app: &AppParts, account: &AccountId, now: Timestamp) -> Result<Vec<Side>, Error> {
    let found = rows::of(tx, account, now).await?;
    open_all(tx, app, account, found).await
}

/// What the court has written about a mandate, as long as that is kept.
pub async fn of_mandate(tx: &mut Tx, app: &AppParts, viewer: &Party, id: &MandateId) -> Result<Option<Side>, Error> {
    let Party::Person(account) = viewer else { return Ok(None) };
    let found = rows::of_mandate(tx, account, id).await?;
    Ok(open_all(tx, app, account, found.into_iter().collect()).await?.pop())
}

async fn open_all(
    tx: &mut Tx,
    app: &AppParts,
    account: &AccountId,
    found: Vec<rows::SideRow>,
) -> Result<Vec<Side>, Error> {
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let key = account::key(tx, &app.vault, account).await?;
    let side = |row: rows::SideRow| {
        let plain = key.open(side_place(&row.id, row.is_guardian), &row.side).map_err(Error::broken)?;
        let side: Side = serde_json::from_slice(plain.expose()).map_err(Error::broken)?;
        Ok(Side { mandate: row.mandate_id, ..side })
    };
    found.into_iter().map(side).collect()
}

/// Records a guardian. The codes of both people are used up by it; both are told and read it in their data protocol. Who is
/// represented and who represents is proven before: nobody represents somebody at a level at which it is not known who they are.
pub async fn record(
    app: &AppParts,
    officer: &Officer,
    office: &OfficeId,
    (ward, guardian): (&str, &str),
    (appointment, until, network): (&Appointment, Timestamp, &Network),
) -> Result<MandateId, Error> {
    officer.office(office)?;
    let counters = counters(app, officer, office, network);
    attempts::count_at_once(app, counters).await?;
    let mut work = begin(app, officer).await?;
    let office = officer.still_at(&mut work, office).await?;
    let ward = proven(app, &mut work, (officer, &office), ("vertretene", ward)).await?;
    let guardian = proven(app, &mut work, (officer, &office), ("vertreter", guardian)).await?;
    if ward.id == guardian.id {
        return Err(Error::field("vertreter", "guardian_same"));
    }
    let (both, terms) = ((&ward.id, &guardian.id), appointment.terms(work.now, until));
    let mandate = record_guardian(&mut work, both, &terms, officer.account.as_str()).await?;
    write(app, &mut work, (&mandate, &office), (&ward, &guardian), (appointment, until)).await?;
    note(&mut work, &mandate, both, Happened::Recorded { office: &office.name.de }).await?;
    for (owner, other, is_guardian) in [(&ward, &guardian, false), (&guardian, &ward, true)] {
        tell(app, &mut work, owner, Kind::GuardianRecorded, |texts| {
            let body = if is_guardian { &texts.mail.guardian_body } else { &texts.mail.ward_body };
            let body = body.with("office", office.name(owner.language)).with("name", other.full_name());
            (&texts.mail.guardian_subject, body)
        })
        .await?;
    }
    attempts::forgive(&mut work, counters).await?;
    work.commit().await?;
    Ok(mandate)
}

/// Whose code it is; they have proven who they are.
async fn proven(
    app: &AppParts,
    work: &mut Work,
    at: (&Officer, &Office),
    (field, typed): (&'static str, &str),
) -> Result<Account, Error> {
    let account = spend(app, work, at, (field, typed)).await?;
    if account.identity_level() < Level::Low {
        return Err(Error::field(field, "guardian_unproven"));
    }
    Ok(account)
}

/// Keeps what the court has written, for each of the two.
async fn write(
    app: &AppParts,
    work: &mut Work,
    (mandate, office): (&MandateId, &Office),
    (ward, guardian): (&Account, &Account),
    (appointment, until): (&Appointment, Timestamp),
) -> Result<(), Error> {
    let id = GuardianId::new(work.now, &work.random);
    let mut sealed = Vec::new();
    for (owner, other, is_guardian) in [(ward, guardian, false), (guardian, ward, true)] {
        let (appointment, other, office) = (appointment.clone(), other.full_name(), office.name.de.clone());
        let side = Side { appointment, other, office, is_guardian, mandate: None };
        let plain = serde_json::to_vec(&side).map_err(Error::broken)?;
        let key = account::key(&mut work.tx, &app.vault, &owner.id).await?;
        sealed.push(key.seal(side_place(&id, is_guardian), &plain, &work.random).map_err(Error::broken)?);
    }
    let (ward, guardian) = ((&ward.id, sealed[0].as_slice()), (&guardian.id, sealed[1].as_slice()));
    Ok(rows::insert(work, (&id, mandate), ward, guardian, until).await?)
}

/// An officer ends one who has seen that the court has, with a code of either of the two. What is no guardianship of whoever
/// has brought the code is not found.
pub async fn end_at_desk(
    app: &AppParts,
    officer: &Officer,
    office: &OfficeId,
    (code, number): (&str, &str),
    network: &Network,
) -> Result<(), Error> {
    officer.office(office)?;
    let counters = counters(app, officer, office, network);
    attempts::count_at_once(app, counters).await?;
    let mut work = begin(app, officer).await?;
    let office = officer.still_at(&mut work, office).await?;
    let wrong = || Error::field("nummer", "guardian_number");
    let account = spend(app, &mut work, (officer, &office), ("code", code)).await?;
    let id = MandateId::parse(number.trim()).ok_or_else(wrong)?;
    let mandate = find(&mut work.tx, &id).await?.ok_or_else(wrong)?;
    if mandate.state != State::Active || mandate.side(&Party::Person(account.id)).is_none() {
        return Err(wrong());
    }
    let by = (officer.account.as_str(), By::Office(&office.name.de));
    match end(app, &mut work, mandate, by).await {
        Err(Error::NotFound) => return Err(wrong()),
        other => other?,
    }
    attempts::forgive(&mut work, counters).await?;
    work.commit().await
}

/// Ends one, for the operator. `NotFound` for whatever is no guardianship, `Conflict` if it has ended.
pub async fn end_by_operator(app: &AppParts, work: &mut Work, id: &MandateId, reason: &str) -> Result<(), Error> {
    let mandate = find(&mut work.tx, id).await?.ok_or(Error::NotFound)?;
    let operator = work.actor.text();
    end(app, work, mandate, (&operator, By::Operator(reason))).await
}

async fn end(app: &AppParts, work: &mut Work, mandate: Mandate, (by, whom): (&str, By<'_>)) -> Result<(), Error> {
    let (Origin::Guardian, Some(Party::Person(ward)), Some(Party::Person(guardian))) =
        (mandate.origin, &mandate.principal, &mandate.agent)
    else {
        return Err(Error::NotFound);
    };
    if !store::end(work, &mandate.id, (State::Active, State::Lifted), by).await? {
        return Err(Error::Conflict("mandate"));
    }
    rows::delete_of_mandate(work, &mandate.id).await?;
    note(work, &mandate.id, (ward, guardian), Happened::Ended(whom)).await?;
    touch(work, &mandate).await?;
    let words: Words = |mail| (&mail.guardian_ended_subject, &mail.guardian_ended_body);
    tell_all(app, work, &mandate, (Kind::GuardianEnded, words)).await
}

/// The job: what was recorded before there were mandates leads to one. Both are told. One that fails is tried again in the
/// next round and stands in nobody's way.
pub async fn tend(app: &AppParts) -> Result<(), Error> {
    let (mut after, mut outcome) = (String::new(), Ok(()));
    loop {
        let round = rows::without_mandate(&mut app.read().await?, (&after, app.now()), ROUND).await?;
        let Some(last) = round.last() else { return outcome };
        after = last.id.to_string();
        for row in &round {
            outcome = outcome.and(carry_over(app, row).await);
        }
    }
}

async fn carry_over(app: &AppParts, row: &rows::BareRow) -> Result<(), Error> {
    let mut work = app.begin(Actor::System("guardians")).await?;
    let key = account::key(&mut work.tx, &app.vault, &row.ward_id).await?;
    let plain = key.open(side_place(&row.id, false), &row.ward_side).map_err(Error::broken)?;
    let side: Side = serde_json::from_slice(plain.expose()).map_err(Error::broken)?;
    let (both, by) = ((&row.ward_id, &row.guardian_id), work.actor.text());
    let terms = side.appointment.terms(work.now, row.expires_at);
    let mandate = record_guardian(&mut work, both, &terms, &by).await?;
    if !rows::put_mandate(&mut work, &row.id, &mandate).await? {
        // Another node was faster: nothing of this has happened.
        return Ok(());
    }
    note(&mut work, &mandate, both, Happened::CountsNow).await?;
    for (owner, other) in [(both.0, both.1), (both.1, both.0)] {
        let other = party::name(&mut work.tx, &app.vault, &Party::Person(other.clone())).await?.unwrap_or_default();
        let words: Words = |mail| (&mail.guardian_counts_subject, &mail.guardian_counts_body);
        let letter = Letter { kind: Kind::GuardianRecorded, words, name: &other };
        party::write_to(app, &mut work, &Party::Person(owner.clone()), letter).await?;
    }
    work.commit().await
}
