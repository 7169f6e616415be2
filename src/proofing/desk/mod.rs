//! The registration desk. A person takes a code to any office; an officer opens exactly that case by its code, compares the
//! person with their document, and confirms or refuses.
//!
//! The same way people get back in who cannot sign in: with a slip instead of the code, and compared with what is proven.
//!
//! What never happens: that an officer finds anybody without their code, confirms themselves, or keeps a number or a picture
//! of a document. Each look is an event in the data protocol of the person. Which level a check gives is at most what the
//! office may give and no more than the strongest means of the account (BSI TR-03160-1).

pub mod check;
pub mod confirm;
pub mod look;
pub mod open;
pub mod practice;
pub mod recover;
pub mod refuse;
pub mod slip;
pub mod spend;
pub mod take;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::office::OfficeId;
use super::store::desk as store;
use crate::account::{self, Account};
use crate::app::AppParts;
use crate::audit::Event;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, CaseId, SessionId};
use crate::kernel::level::Level;
use crate::kernel::seal::{DataKey, Place};
use crate::kernel::texts::{Text, Texts};
use crate::kernel::time::{Timestamp, days, minutes};
use crate::notice::{self, Kind, Notice};
use crate::store::db::Tx;
use crate::store::work::Work;

/// How long a code is good.
pub const CASE_LIFETIME: Duration = days(30);
/// How long an officer may look at a case before its code is wanted again.
pub const LOOK_LIFETIME: Duration = minutes(30);
/// How long the first of four eyes waits for the second.
pub const SECOND_LIFETIME: Duration = minutes(60);
/// 50 bits, of which an office may try some in an hour.
pub const CODE_LENGTH: usize = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum State {
    /// Its code is good, unless it has expired.
    Waiting,
    Confirmed,
    Refused,
    /// Used up by recording a legal guardian, or that one has ended.
    Recorded,
}

/// What a case is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Purpose {
    /// Its owner has taken the code, signed in, and proves who they are.
    Proof,
    /// Somebody wants back into the account, with a slip that anybody gets.
    Recovery,
}

/// Why an officer does not confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    DocumentExpired,
    NotGenuine,
    OtherPerson,
    OtherData,
    NotFree,
    Other,
    /// Nobody has proven yet whose account it is.
    Unproven,
}

impl Refusal {
    pub const ALL: [Self; 7] = [
        Self::DocumentExpired,
        Self::NotGenuine,
        Self::OtherPerson,
        Self::OtherData,
        Self::NotFree,
        Self::Other,
        Self::Unproven,
    ];

    /// What an officer may say of such a case. Whoever cannot sign in reads no message in the account.
    pub fn of(purpose: Purpose) -> Vec<Self> {
        let not = if purpose == Purpose::Recovery { Self::Other } else { Self::Unproven };
        Self::ALL.into_iter().filter(|one| *one != not).collect()
    }

    /// As the form names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DocumentExpired => "document_expired",
            Self::NotGenuine => "not_genuine",
            Self::OtherPerson => "other_person",
            Self::OtherData => "other_data",
            Self::NotFree => "not_free",
            Self::Other => "other",
            Self::Unproven => "unproven",
        }
    }

    pub const fn words(self, t: &Texts) -> &Text {
        let t = &t.desk;
        match self {
            Self::DocumentExpired => &t.refusal_document_expired,
            Self::NotGenuine => &t.refusal_not_genuine,
            Self::OtherPerson => &t.refusal_other_person,
            Self::OtherData => &t.refusal_other_data,
            Self::NotFree => &t.refusal_not_free,
            Self::Other => &t.refusal_other,
            Self::Unproven => &t.refusal_unproven,
        }
    }
}

/// What has become of a case, sealed beside it: for the person, as long as the case is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    pub level: Option<Level>,
    pub refusal: Option<Refusal>,
    /// What the officer has written to the person.
    #[serde(default)]
    pub note: String,
}

/// A case as its owner sees it.
pub struct Case {
    pub id: CaseId,
    pub state: State,
    /// As long as it is good.
    pub code: Option<String>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub office: Option<OfficeId>,
    pub outcome: Option<Outcome>,
}

fn place<'a>(column: &'static str, id: &'a CaseId) -> Place<'a> {
    Place { table: "desk_case", column, row: id.as_str(), version: 1 }
}

fn seal<T: Serialize>(key: &DataKey, place: Place<'_>, value: &T, work: &Work) -> Result<Vec<u8>, Error> {
    let plain = serde_json::to_vec(value).map_err(Error::broken)?;
    key.seal(place, &plain, &work.random).map_err(Error::broken)
}

fn open_sealed<T: serde::de::DeserializeOwned>(key: &DataKey, place: Place<'_>, sealed: &[u8]) -> Result<T, Error> {
    let plain = key.open(place, sealed).map_err(Error::broken)?;
    serde_json::from_slice(plain.expose()).map_err(Error::broken)
}

/// The case that the owner of an account has taken, if there is one; also when it has ended or expired.
pub async fn case_of(tx: &mut Tx, app: &AppParts, account: &AccountId) -> Result<Option<Case>, Error> {
    let row = store::of_account(tx, account).await?.filter(|row| row.purpose == Purpose::Proof);
    let Some(row) = row else { return Ok(None) };
    let key = account::key(tx, &app.vault, account).await?;
    let code = row.code.as_ref().map(|code| key.open_text(place("code", &row.id), code)).transpose();
    let outcome = row.outcome.as_ref().map(|sealed| open_sealed(&key, place("outcome", &row.id), sealed));
    Ok(Some(Case {
        code: code.map_err(Error::broken)?,
        outcome: outcome.transpose()?,
        id: row.id,
        state: row.state,
        created_at: row.created_at,
        expires_at: row.expires_at,
        ended_at: row.ended_at,
        office: row.office_id,
    }))
}

/// The mark under which a code is found.
fn code_hash(app: &AppParts, code: &str) -> [u8; 32] {
    app.vault.code("desk-case", code)
}

/// Whether there is a case of a person with this code, whatever has become of it.
pub async fn is_code(tx: &mut Tx, app: &AppParts, code: &str) -> Result<bool, Error> {
    Ok(store::by_code(tx, &code_hash(app, code)).await?.is_some())
}

/// A code as people read it: `K7QM4-D2XWV`.
pub fn grouped(code: &str) -> String {
    let (first, second) = code.split_at_checked(code.len() / 2).unwrap_or((code, ""));
    format!("{first}-{second}")
}

#[derive(Serialize)]
#[serde(untagged)]
enum DeskEvent {
    Taken {
        #[serde(skip)]
        account: AccountId,
    },
    Looked {
        #[serde(skip)]
        account: AccountId,
        office: String,
    },
    Checked {
        #[serde(skip)]
        account: AccountId,
        office: String,
    },
    Confirmed {
        #[serde(skip)]
        account: AccountId,
        office: String,
        /// The other of four eyes, if there were four.
        first: Option<AccountId>,
    },
    Refused {
        #[serde(skip)]
        account: AccountId,
        office: String,
        refusal: Refusal,
    },
    RecoveryAsked {
        #[serde(skip)]
        account: AccountId,
    },
    RecoveryLooked {
        #[serde(skip)]
        account: AccountId,
        office: String,
    },
    RecoveryConfirmed {
        #[serde(skip)]
        account: AccountId,
        office: String,
        first: Option<AccountId>,
    },
}

impl Event for DeskEvent {
    fn kind(&self) -> &'static str {
        match self {
            Self::Taken { .. } => "desk.case_taken",
            Self::Looked { .. } => "desk.case_looked_at",
            Self::Checked { .. } => "desk.checked",
            Self::Confirmed { .. } => "desk.confirmed",
            Self::Refused { .. } => "desk.refused",
            Self::RecoveryAsked { .. } => "desk.recovery_asked",
            Self::RecoveryLooked { .. } => "desk.recovery_looked_at",
            Self::RecoveryConfirmed { .. } => "desk.recovery_confirmed",
        }
    }

    fn subject(&self) -> Option<String> {
        let (Self::Taken { account }
        | Self::Looked { account, .. }
        | Self::Checked { account, .. }
        | Self::Confirmed { account, .. }
        | Self::Refused { account, .. }
        | Self::RecoveryAsked { account }
        | Self::RecoveryLooked { account, .. }
        | Self::RecoveryConfirmed { account, .. }) = self;
        Some(account.to_string())
    }
}

/// A mail to the owner of the account, in their language.
async fn tell(
    app: &AppParts,
    work: &mut Work,
    to: &Account,
    (kind, subject, body): (Kind, &Text, Text),
) -> Result<(), Error> {
    let issuer = &app.config.issuer;
    let body = body.with("issuer", issuer).with("contact", &app.config.operator.contact);
    let notice = Notice { kind, to: to.email.address.as_str(), language: to.language, subject, body };
    notice::send(work, &app.vault, issuer, notice).await
}

/// Removes what there is of an account: its case, its roles.
pub async fn forget(work: &mut Work, account: &AccountId) -> Result<(), Error> {
    super::store::slip::delete_of(work, account).await?;
    store::delete_of(work, account).await?;
    Ok(super::store::office::delete_roles(work, account).await?)
}

/// Whose look it is: an officer's session acting for one office.
pub(super) struct Looking<'a> {
    pub session: &'a SessionId,
    pub office: &'a OfficeId,
}
