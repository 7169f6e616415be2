//! How well it is known who somebody is. Evidence gives attributes their value, their level, their source and their date; what
//! it was is kept beside them, sealed, for the person and for services that ask how something was verified (OpenID Connect
//! for Identity Assurance 1.0).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AccountEvent, AttributeName, Group, Source, attribute_place, identity, key, load, seal, store};
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, EvidenceId};
use crate::kernel::level::Level;
use crate::kernel::seal::{DataKey, Place, Vault};
use crate::kernel::texts::{Text, Texts};
use crate::kernel::time::Timestamp;
use crate::store::db::Tx;
use crate::store::work::Work;

/// What somebody has shown, to be written down.
#[derive(Clone, Debug)]
pub struct Finding {
    pub source: Source,
    /// Of the evidence, and no higher than the strongest means of the account (BSI TR-03160-1).
    pub level: Level,
    pub record: Record,
    /// What it says; `None` where it says that there is nothing. What is not named is left alone.
    pub values: Vec<(AttributeName, Option<String>)>,
}

/// What is kept of evidence. Never a number of a document, never a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub document: Option<Document>,
    /// The office or the provider that answers for it; none if it was this program that has checked.
    pub checked_by: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    pub kind: DocumentKind,
    /// ISO 3166-1 alpha-2.
    pub issuing_country: Option<String>,
    /// `2031-08-01`.
    pub expires_on: Option<String>,
}

/// What people prove themselves with. The names are those of OpenID Connect for Identity Assurance, as far as it has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// Personalausweis (§ 1 PAuswG).
    IdCard,
    Passport,
    /// Elektronischer Aufenthaltstitel (§ 78 AufenthG).
    ResidencePermit,
    /// eID-Karte for citizens of the Union (eIDKG).
    EidCard,
    /// Elektronischer Identitätsnachweis with a mobile device (§ 10a PAuswG).
    SmartEid,
}

impl DocumentKind {
    /// As people call it.
    pub const fn label(self, t: &Texts) -> &Text {
        let t = &t.levels;
        match self {
            Self::IdCard => &t.proof_id_card,
            Self::Passport => &t.proof_passport,
            Self::ResidencePermit => &t.proof_residence_permit,
            Self::EidCard => &t.proof_eid_card,
            Self::SmartEid => &t.proof_smart_eid,
        }
    }
}

/// Evidence as it is kept, opened.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub id: EvidenceId,
    pub source: Source,
    pub level: Level,
    pub shown_at: Timestamp,
    pub record: Record,
}

fn place(id: &EvidenceId) -> Place<'_> {
    Place { table: "evidence", column: "record", row: id.as_str(), version: 1 }
}

/// All evidence of an account, the newest first.
pub async fn list(tx: &mut Tx, vault: &Vault, account: &AccountId) -> Result<Vec<Evidence>, Error> {
    let rows = store::evidence_of(tx, account).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let key = key(tx, vault, account).await?;
    rows.into_iter().map(|row| open(&key, row)).collect()
}

fn open(key: &DataKey, row: store::EvidenceRow) -> Result<Evidence, Error> {
    let plain = key.open(place(&row.id), &row.record).map_err(Error::broken)?;
    let record = serde_json::from_slice(plain.expose()).map_err(Error::broken)?;
    Ok(Evidence { id: row.id, source: row.source, level: row.level, shown_at: row.shown_at, record })
}

/// Writes down what somebody has shown, in the transaction of what has shown it. A value that is known better already stays
/// as it is. `seen` is the version of the data that was compared with it; `Conflict` if it is another one by now.
pub async fn record(
    work: &mut Work,
    vault: &Vault,
    account: &AccountId,
    finding: &Finding,
    seen: i64,
) -> Result<EvidenceId, Error> {
    let overtaken = || Error::Conflict("attributes");
    let known = load(&mut work.tx, vault, account).await?.attributes;
    let version = store::raise_attribute_version(work, account, seen).await?.ok_or_else(overtaken)?;
    let key = key(&mut work.tx, vault, account).await?;
    let (id, level) = (EvidenceId::new(work.now, &work.random), finding.level);
    let plain = serde_json::to_vec(&finding.record).map_err(Error::broken)?;
    let sealed = key.seal(place(&id), &plain, &work.random).map_err(Error::broken)?;
    store::insert_evidence(work, account, &id, (finding.source, level), &sealed).await?;

    let (mut set, mut removed) = (Vec::new(), Vec::new());
    let mut levels: BTreeMap<_, _> = known.iter().map(|(name, one)| (*name, one.level)).collect();
    for (name, value) in &finding.values {
        let before = known.get(name);
        match value {
            Some(value) if before.is_some_and(|one| one.value == *value && one.level > level) => {}
            Some(value) => {
                let sealed = seal(&key, attribute_place(*name, account, version), value, work)?;
                let backing = (level, finding.source, Some(&id));
                store::put_attribute(work, account, *name, (version, &sealed), backing).await?;
                levels.insert(*name, level);
                set.push(*name);
            }
            None if before.is_some() => {
                store::delete_attribute(work, account, *name).await?;
                levels.remove(name);
                removed.push(*name);
            }
            None => {}
        }
    }
    let identity = levels.iter().filter(|(name, _)| name.group() == Group::Identity).map(|(_, level)| *level).min();
    let identity = identity.unwrap_or(Level::Basic);
    let value = |name| match finding.values.iter().find(|(shown, _)| *shown == name) {
        Some((_, value)) => value.as_deref(),
        None => known.get(&name).map(|one| one.value.as_str()),
    };
    let index = identity::index(vault, value).filter(|_| identity > Level::Basic);
    store::put_identity(work, account, identity, index.as_ref().map(|index| &index[..])).await?;
    work.touched.push(account.clone());
    let source = finding.source;
    audit::record(work, &AccountEvent::EvidenceRecorded { account, source, level, set, removed }).await?;
    Ok(id)
}

/// Writes down that somebody has shown the identity that the account says: nothing changes but what is behind it.
pub async fn prove(
    work: &mut Work,
    vault: &Vault,
    account: &AccountId,
    (level, source): (Level, Source),
    record: Record,
) -> Result<EvidenceId, Error> {
    let known = load(&mut work.tx, vault, account).await?;
    let identity = known.attributes.iter().filter(|(name, _)| name.group() == Group::Identity);
    let values = identity.map(|(name, one)| (*name, Some(one.value.clone()))).collect();
    let finding = Finding { source, level, record, values };
    self::record(work, vault, account, &finding, known.attribute_version).await
}

/// Lets no attribute stand above a level, and says whether that was another one for the identity. What is lowered stays so until
/// there is new evidence.
pub async fn lower_identity(work: &mut Work, account: &AccountId, most: Level) -> Result<bool, Error> {
    let above = Level::ALL.into_iter().filter(|level| *level > most);
    let mut is_lower = false;
    for level in above {
        store::lower_attributes(work, account, level, most).await?;
        is_lower |= store::lower_identity(work, account, level, most).await?;
    }
    if is_lower {
        work.touched.push(account.clone());
    }
    Ok(is_lower)
}
