//! The registration desk for organisations. Somebody who represents one takes a code to any office, with an extract from the
//! register, or with what stands in its place where there is none ([`paper`]); an officer opens exactly that case by its code,
//! compares the document with what the organisation says of itself, and the person with their own document, and confirms or refuses.
//!
//! What never happens: that an officer confirms an organisation that they belong to, that somebody else than who has asked brings it,
//! or that a document that says something else is confirmed. Each look is in the protocol of the organisation, and in that of
//! whoever has asked. An organisation that says something else of itself meanwhile voids its case.

pub mod check;
pub mod confirm;
pub mod look;
pub mod open;
pub mod paper;
pub mod practice;
pub mod refuse;
pub mod take;

use serde::{Deserialize, Serialize};

use super::event::Happened;
use super::key;
use super::store::desk as store;
use crate::app::AppParts;
use crate::audit::{self, Event};
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, OrganisationCaseId, OrganisationId};
use crate::kernel::level::Level;
use crate::kernel::seal::{DataKey, Place};
use crate::kernel::texts::{Text, Texts};
use crate::kernel::time::Timestamp;
use crate::proofing::office::OfficeId;
use crate::store::db::Tx;
use crate::store::work::Work;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum State {
    /// Its code is good, unless it has expired.
    Waiting,
    Confirmed,
    Refused,
    /// The organisation says something else of itself by now.
    Void,
}

/// Why an officer does not confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    OtherName,
    OtherForm,
    OtherEntry,
    OtherSeat,
    /// The document is too old.
    Old,
    /// It is damaged or not genuine, or another one than is needed.
    NotGenuine,
    /// It does not name who brought it.
    NotNamed,
    /// Who brought it is not who has asked, or cannot show that.
    OtherPerson,
    NotFree,
    Other,
}

impl Refusal {
    pub const ALL: [Self; 10] = [
        Self::OtherName,
        Self::OtherForm,
        Self::OtherEntry,
        Self::OtherSeat,
        Self::Old,
        Self::NotGenuine,
        Self::NotNamed,
        Self::OtherPerson,
        Self::NotFree,
        Self::Other,
    ];

    /// As the form names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OtherName => "other_name",
            Self::OtherForm => "other_form",
            Self::OtherEntry => "other_entry",
            Self::OtherSeat => "other_seat",
            Self::Old => "old",
            Self::NotGenuine => "not_genuine",
            Self::NotNamed => "not_named",
            Self::OtherPerson => "other_person",
            Self::NotFree => "not_free",
            Self::Other => "other",
        }
    }

    pub const fn words(self, t: &Texts) -> &Text {
        let t = &t.organisation_desk;
        match self {
            Self::OtherName => &t.refusal_other_name,
            Self::OtherForm => &t.refusal_other_form,
            Self::OtherEntry => &t.refusal_other_entry,
            Self::OtherSeat => &t.refusal_other_seat,
            Self::Old => &t.refusal_old,
            Self::NotGenuine => &t.refusal_not_genuine,
            Self::NotNamed => &t.refusal_not_named,
            Self::OtherPerson => &t.refusal_other_person,
            Self::NotFree => &t.refusal_not_free,
            Self::Other => &t.refusal_other,
        }
    }
}

/// What has become of a case, sealed beside it, as long as the case is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    pub level: Option<Level>,
    pub refusal: Option<Refusal>,
    /// What the officer has written to the organisation.
    #[serde(default)]
    pub note: String,
}

/// A case as whoever represents the organisation sees it.
pub struct Case {
    pub state: State,
    /// As long as it is good.
    pub code: Option<String>,
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub office: Option<OfficeId>,
    pub outcome: Option<Outcome>,
}

impl Case {
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.state == State::Waiting && self.expires_at > now
    }
}

fn place<'a>(column: &'static str, id: &'a OrganisationCaseId) -> Place<'a> {
    Place { table: "organisation_desk_case", column, row: id.as_str(), version: 1 }
}

fn seal<T: Serialize>(key: &DataKey, place: Place<'_>, value: &T, work: &Work) -> Result<Vec<u8>, Error> {
    let plain = serde_json::to_vec(value).map_err(Error::broken)?;
    key.seal(place, &plain, &work.random).map_err(Error::broken)
}

fn open_sealed<T: serde::de::DeserializeOwned>(key: &DataKey, place: Place<'_>, sealed: &[u8]) -> Result<T, Error> {
    let plain = key.open(place, sealed).map_err(Error::broken)?;
    serde_json::from_slice(plain.expose()).map_err(Error::broken)
}

/// The case of an organisation, if there is one; also when it has ended or expired.
pub async fn case_of(tx: &mut Tx, app: &AppParts, id: &OrganisationId) -> Result<Option<Case>, Error> {
    let Some(row) = store::of_organisation(tx, id).await? else { return Ok(None) };
    let key = key(tx, &app.vault, id).await?;
    let code = row.code.as_ref().map(|code| key.open_text(place("code", &row.id), code)).transpose();
    let outcome = row.outcome.as_ref().map(|sealed| open_sealed(&key, place("outcome", &row.id), sealed));
    Ok(Some(Case {
        code: code.map_err(Error::broken)?,
        outcome: outcome.transpose()?,
        state: row.state,
        expires_at: row.expires_at,
        ended_at: row.ended_at,
        office: row.office_id,
    }))
}

/// The mark under which a code is found. One of a person's case has another.
fn code_hash(app: &AppParts, code: &str) -> [u8; 32] {
    app.vault.code("organisation-desk-case", code)
}

/// Ends the case of an organisation that says something else of itself: what an office would see is not what was asked about.
/// `work` holds the organisation.
pub(super) async fn void(work: &mut Work, id: &OrganisationId) -> Result<(), Error> {
    if store::void(work, id).await? {
        audit::record(work, &Happened::new(id, super::event::What::DeskVoid {})).await?;
    }
    Ok(())
}

/// For the data protocol of whoever has asked: an office has seen who they are.
#[derive(Serialize)]
struct AskerSeen<'a> {
    #[serde(skip)]
    account: &'a AccountId,
    organisation: &'a OrganisationId,
    office: &'a str,
}

impl Event for AskerSeen<'_> {
    fn kind(&self) -> &'static str {
        "desk.organisation_looked_at"
    }

    fn subject(&self) -> Option<String> {
        Some(self.account.to_string())
    }
}
