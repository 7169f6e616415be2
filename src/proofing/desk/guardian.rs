//! A legal guardian, as a court has appointed them: recorded by an officer who has seen the order, with a code of both people.
//!
//! It says who represents whom, in what and until when; both read it. It is no power to do anything here yet.

use serde::{Deserialize, Serialize};

use super::check::read_date;
use super::open::{begin, counters};
use super::store::CaseRow;
use super::{
    CODE_LENGTH, DeskEvent, LOOK_LIFETIME, Looking, Outcome, Purpose, State, code_hash, place, seal, store, tell,
};
use crate::account::{self, Account};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::id::{AccountId, GuardianId};
use crate::kernel::level::Level;
use crate::kernel::seal::{DataKey, Place};
use crate::kernel::texts::{Text, Texts};
use crate::kernel::time::{Timestamp, days};
use crate::notice::{Kind, normalise};
use crate::proofing::office::{Office, OfficeId, Officer};
use crate::proofing::store::guardian as rows;
use crate::signin::attempts::{self, Network};
use crate::store::db::Tx;
use crate::store::work::Work;

/// A court decides anew after seven years at most (§ 294 Abs. 3 FamFG).
const YEARS_MAX: i32 = 7;
const TEXT_MAX_CHARACTERS: usize = 100;

/// In what somebody is represented (§ 1815 BGB).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Authorities,
    Post,
    Assets,
    Residence,
    Health,
}

impl Scope {
    pub const ALL: [Self; 5] = [Self::Authorities, Self::Post, Self::Assets, Self::Residence, Self::Health];

    /// As the form names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authorities => "authorities",
            Self::Post => "post",
            Self::Assets => "assets",
            Self::Residence => "residence",
            Self::Health => "health",
        }
    }

    pub const fn words(self, t: &Texts) -> &Text {
        let t = &t.guardian;
        match self {
            Self::Authorities => &t.scope_authorities,
            Self::Post => &t.scope_post,
            Self::Assets => &t.scope_assets,
            Self::Residence => &t.scope_residence,
            Self::Health => &t.scope_health,
        }
    }
}

/// What the order of the court says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appointment {
    pub court: String,
    pub file_number: String,
    pub scopes: Vec<Scope>,
    /// `2027-12-31`.
    pub until: String,
}

impl Appointment {
    /// Reads the form; `field` is the text of a field, empty if it is not there.
    pub fn read<'a>(field: impl Fn(&'static str) -> &'a str, now: Timestamp) -> Result<Self, Error> {
        let mut problems = Vec::new();
        let mut line = |name: &'static str| {
            let text = field(name).split_whitespace().collect::<Vec<_>>().join(" ");
            let is_sound =
                (1..=TEXT_MAX_CHARACTERS).contains(&text.chars().count()) && !text.chars().any(char::is_control);
            if !is_sound {
                problems.push(FieldProblem { field: name, problem: "order_text" });
            }
            text
        };
        let (court, file_number) = (line("gericht"), line("aktenzeichen"));
        let scopes: Vec<Scope> = Scope::ALL.into_iter().filter(|scope| field(scope.name()) == "ja").collect();
        if scopes.is_empty() {
            problems.push(FieldProblem { field: Scope::ALL[0].name(), problem: "order_scope" });
        }
        let today = now.in_germany().date();
        let last = today.replace_year(today.year() + YEARS_MAX).unwrap_or(today).to_string();
        let until = read_date(field("bis_tag"), field("bis_monat"), field("bis_jahr"));
        let until = until.filter(|date| (today.to_string()..=last).contains(date));
        if until.is_none() {
            problems.push(FieldProblem { field: "bis_tag", problem: "order_until" });
        }
        if field("gesehen") != "ja" {
            problems.push(FieldProblem { field: "gesehen", problem: "order_not_seen" });
        }
        match (until, problems.is_empty()) {
            (Some(until), true) => Ok(Self { court, file_number, scopes, until }),
            _ => Err(Error::Invalid(problems)),
        }
    }

    /// The first moment after its last day, in German legal time.
    fn ends_at(&self) -> Result<Timestamp, Error> {
        let format = time::macros::format_description!("[year]-[month]-[day]");
        let day = time::Date::parse(&self.until, format).map_err(Error::broken)?;
        Ok(Timestamp::midnight_in_germany(day).plus(days(1)))
    }
}

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
}

fn side_place(id: &GuardianId, is_guardian: bool) -> Place<'_> {
    let column = if is_guardian { "guardian_side" } else { "ward_side" };
    Place { table: "guardian", column, row: id.as_str(), version: 1 }
}

/// Everything that holds now and concerns somebody, on either side.
pub async fn of(tx: &mut Tx, app: &AppParts, account: &AccountId, now: Timestamp) -> Result<Vec<Side>, Error> {
    let found = rows::of(tx, account, now).await?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let key = account::key(tx, &app.vault, account).await?;
    let side = |row: rows::SideRow| {
        let plain = key.open(side_place(&row.id, row.is_guardian), &row.side).map_err(Error::broken)?;
        serde_json::from_slice(plain.expose()).map_err(Error::broken)
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
    (appointment, network): (&Appointment, &Network),
) -> Result<(), Error> {
    officer.office(office)?;
    let counters = counters(app, officer, office, network);
    attempts::count_at_once(app, counters).await?;
    let mut work = begin(app, officer).await?;
    let office = officer.still_at(&mut work, office).await?;
    let ward = take(app, &mut work, (officer, &office), ("vertretene", ward)).await?;
    let guardian = take(app, &mut work, (officer, &office), ("vertreter", guardian)).await?;
    if ward.id == guardian.id {
        return Err(Error::field("vertreter", "guardian_same"));
    }
    let id = GuardianId::new(work.now, &work.random);
    let sides = [(&ward, &guardian, false), (&guardian, &ward, true)];
    let mut sealed = Vec::new();
    for (owner, other, is_guardian) in sides {
        let (appointment, other) = (appointment.clone(), other.full_name());
        let side = Side { appointment, other, office: office.name.de.clone(), is_guardian };
        let key: DataKey = account::key(&mut work.tx, &app.vault, &owner.id).await?;
        sealed.push(seal(&key, side_place(&id, is_guardian), &side, &work)?);
    }
    let until = appointment.ends_at()?;
    rows::insert(&mut work, &id, (&ward.id, &sealed[0]), (&guardian.id, &sealed[1]), until).await?;
    for (owner, other, is_guardian) in sides {
        let event =
            DeskEvent::GuardianRecorded { account: owner.id.clone(), office: office.name.de.clone(), is_guardian };
        audit::record(&mut work, &event).await?;
        let texts = &owner.language.texts().mail;
        let body = if is_guardian { &texts.guardian_body } else { &texts.ward_body };
        let body = body.with("office", office.name(owner.language)).with("name", other.full_name());
        tell(app, &mut work, owner, (Kind::GuardianRecorded, &texts.guardian_subject, body)).await?;
    }
    attempts::forgive(&mut work, counters).await?;
    work.commit().await
}

/// Opens the case of a code and ends it in one; whose it is.
async fn take(
    app: &AppParts,
    work: &mut Work,
    (officer, office): (&Officer, &Office),
    (field, typed): (&'static str, &str),
) -> Result<Account, Error> {
    let wrong = || Error::field(field, "case_code_wrong");
    let code = normalise(typed, CODE_LENGTH).ok_or_else(wrong)?;
    let found: Option<CaseRow> = store::by_code(&mut work.tx, &code_hash(app, &code)).await?;
    // Only the owner takes such a code; anybody asks for a slip.
    let found = found.filter(|case| case.purpose == Purpose::Proof);
    let case = found.filter(|case| case.state == State::Waiting && case.expires_at > work.now).ok_or_else(wrong)?;
    if case.account_id == officer.account {
        return Err(Error::field(field, "case_own"));
    }
    let account = account::load(&mut work.tx, &app.vault, &case.account_id).await?;
    if account.identity_level() < Level::Low {
        return Err(Error::field(field, "guardian_unproven"));
    }
    let looking = Looking { session: &officer.session, office: &office.id };
    if !store::open(work, &case.id, &looking, work.now.plus(LOOK_LIFETIME)).await? {
        return Err(Error::field(field, "case_open_elsewhere"));
    }
    let key = account::key(&mut work.tx, &app.vault, &account.id).await?;
    let outcome = Outcome { level: None, refusal: None, note: String::new() };
    let sealed = seal(&key, place("outcome", &case.id), &outcome, work)?;
    if !store::end(work, &case.id, &officer.session, (State::Recorded, &sealed)).await? {
        return Err(wrong());
    }
    Ok(account)
}
