//! Offices with a registration desk, and who may act for them. The operator declares offices in a file and gives roles to
//! people who have an account; nobody else does.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::store::office as store;
use crate::account::{self, email::EmailAddress};
use crate::app::AppParts;
use crate::audit::{self, Event};
use crate::config::explain;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, SessionId};
use crate::kernel::level::Level;
use crate::kernel::texts::{Bilingual, Language};
use crate::kernel::time::Timestamp;
use crate::signin::session::Session;
use crate::store::db::Tx;
use crate::store::work::Work;

/// An office, by the name that the operator has given it in the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct OfficeId(pub String);

/// When an office wants a second officer to confirm what the first has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FourEyes {
    Always,
    /// Where the document says something else than the account.
    Differences,
    /// From level high on.
    High,
    /// Where somebody is let back into their account.
    Recovery,
}

/// An office as declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Office {
    pub id: OfficeId,
    pub name: Bilingual,
    pub street: String,
    pub postal_code: String,
    pub locality: String,
    pub hours: Bilingual,
    pub accessibility: Bilingual,
    pub phone: String,
    /// The most that a check gives: `high` where what is checked and who checks suffice for that (BSI TR-03147).
    pub level: Level,
    #[serde(default)]
    pub four_eyes: Vec<FourEyes>,
}

impl Office {
    pub fn name(&self, language: Language) -> &str {
        self.name.get(language)
    }

    /// Whether somebody who looks for this means it: the beginning of its postal code, or a part of its town or name.
    fn is_meant(&self, wanted: &str) -> bool {
        let wanted = wanted.to_lowercase();
        let texts = [&self.locality, &self.name.de, &self.name.en];
        self.postal_code.starts_with(&wanted) || texts.iter().any(|text| text.to_lowercase().contains(&wanted))
    }

    fn check(&self) -> Result<(), String> {
        let is_id = |text: &str| {
            (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !is_id(&self.id.0) {
            return Err(format!("id {:?}: 1 to 40 letters, digits and hyphens", self.id.0));
        }
        let (name, hours, access) = (&self.name, &self.hours, &self.accessibility);
        let texts = [&name.de, &name.en, &hours.de, &hours.en, &access.de, &access.en];
        let rest = [&self.street, &self.postal_code, &self.locality, &self.phone];
        let is_sound = |text: &&String| !text.trim().is_empty() && text.len() <= 300;
        if !texts.iter().chain(&rest).all(is_sound) {
            return Err(format!("{}: every text has 1 to 300 characters", self.id.0));
        }
        if self.level < Level::Low {
            return Err(format!("{}: level is low, substantial or high", self.id.0));
        }
        Ok(())
    }
}

/// The file of all offices.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficeFile {
    #[serde(default)]
    pub office: Vec<Office>,
}

impl OfficeFile {
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: Self = toml::from_str(text).map_err(|error| explain(text, &error))?;
        let mut seen = HashSet::new();
        for office in &file.office {
            office.check()?;
            if !seen.insert(&office.id) {
                return Err(format!("{}: declared twice", office.id.0));
            }
        }
        Ok(file)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Add,
    Change,
    Close,
}

#[derive(Serialize)]
#[serde(untagged)]
enum OfficeEvent {
    Applied {
        #[serde(skip)]
        office: OfficeId,
        change: Change,
    },
    RoleGiven {
        #[serde(skip)]
        account: AccountId,
        #[serde(skip)]
        reason: String,
        office: String,
    },
    RoleEnded {
        #[serde(skip)]
        account: AccountId,
        #[serde(skip)]
        reason: String,
        office: String,
    },
}

impl Event for OfficeEvent {
    fn kind(&self) -> &'static str {
        match self {
            Self::Applied { .. } => "office.applied",
            Self::RoleGiven { .. } => "officer.added",
            Self::RoleEnded { .. } => "officer.removed",
        }
    }

    fn subject(&self) -> Option<String> {
        Some(match self {
            Self::Applied { office, .. } => format!("office:{}", office.0),
            Self::RoleGiven { account, .. } | Self::RoleEnded { account, .. } => account.to_string(),
        })
    }

    fn reason(&self) -> Option<String> {
        match self {
            Self::Applied { .. } => None,
            Self::RoleGiven { reason, .. } | Self::RoleEnded { reason, .. } => Some(reason.clone()),
        }
    }
}

/// Makes the offices be what the file says. Who acts for one that is closed acts no more; opened again, they do.
pub async fn apply(work: &mut Work, file: &OfficeFile) -> Result<BTreeMap<OfficeId, Change>, Error> {
    let known: BTreeMap<_, _> = list(&mut work.tx).await?.into_iter().map(|one| (one.id.clone(), one)).collect();
    let declared: HashSet<_> = file.office.iter().map(|office| &office.id).collect();
    let closed = known.keys().filter(|id| !declared.contains(id));
    let mut changes: BTreeMap<_, _> = closed.map(|id| (id.clone(), Change::Close)).collect();
    for office in &file.office {
        match known.get(&office.id) {
            Some(before) if before == office => continue,
            before => changes.insert(office.id.clone(), before.map_or(Change::Add, |_| Change::Change)),
        };
        store::put(work, office).await?;
    }
    for (id, change) in &changes {
        if *change == Change::Close {
            store::close(work, id).await?;
        }
        audit::record(work, &OfficeEvent::Applied { office: id.clone(), change: *change }).await?;
    }
    Ok(changes)
}

/// All offices that are open to people.
pub async fn list(tx: &mut Tx) -> Result<Vec<Office>, Error> {
    store::all(tx).await
}

/// Whether there is any.
pub async fn is_any(tx: &mut Tx) -> Result<bool, Error> {
    Ok(!list(tx).await?.is_empty())
}

/// Those that somebody means, at most twenty; all of these if nothing is said.
pub async fn search(tx: &mut Tx, wanted: &str) -> Result<Vec<Office>, Error> {
    const SHOWN_MAX: usize = 20;
    let mut found = list(tx).await?;
    found.retain(|office| office.is_meant(wanted.trim()));
    found.sort_by(|one, other| (&one.locality, &one.name.de).cmp(&(&other.locality, &other.name.de)));
    found.truncate(SHOWN_MAX);
    Ok(found)
}

/// What an office is called, also if it is closed by now.
pub async fn name_of(tx: &mut Tx, id: &OfficeId, language: Language) -> Result<String, Error> {
    let office = store::find_ever(tx, id).await?;
    Ok(office.map_or_else(|| id.0.clone(), |office| office.name(language).to_owned()))
}

/// Somebody who acts for an office, as the operator sees it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Role {
    pub office_id: OfficeId,
    pub account_id: AccountId,
    pub since: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// What becomes of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignment {
    /// They may act for it.
    Given,
    /// No more, at once: what they have open is nobody's any more.
    Ended,
}

/// Lets the owner of an account act for an office, or ends that. They read it, with the reason, in their data protocol.
pub async fn assign(
    app: &AppParts,
    work: &mut Work,
    (office, email): (&OfficeId, &EmailAddress),
    (assignment, reason): (Assignment, &str),
) -> Result<(), Error> {
    let office = store::find(&mut work.tx, office).await?.ok_or(Error::Conflict("there is no such office"))?;
    let found = account::find_by_email(&mut work.tx, &app.vault, email).await?;
    let (account, _) = found.ok_or(Error::Conflict("there is no account with this address"))?;
    let (reason, name) = (reason.to_owned(), office.name.de);
    let event = match assignment {
        Assignment::Given if store::add_role(work, &office.id, &account).await? => {
            OfficeEvent::RoleGiven { account, reason, office: name }
        }
        Assignment::Ended if store::end_role(work, &office.id, &account).await? => {
            OfficeEvent::RoleEnded { account, reason, office: name }
        }
        Assignment::Given => return Err(Error::Conflict("they have this role already")),
        Assignment::Ended => return Err(Error::Conflict("they do not have this role")),
    };
    audit::record(work, &event).await
}

/// Who acts for an office, those included who did.
pub async fn officers(tx: &mut Tx, office: &OfficeId) -> Result<Vec<Role>, Error> {
    Ok(store::roles(tx, office).await?)
}

/// The right to act for offices: somebody with a role, signed in at substantial with a passkey.
///
/// Substantial is meant of both, the signing in and the identity (BSI TR-03107-1: the lower of them counts): who vouches for
/// others at that level has been vouched for at that level.
#[derive(Clone, Debug)]
pub struct Officer {
    pub account: AccountId,
    pub session: SessionId,
    pub offices: Vec<Office>,
    pub request: String,
}

/// The level at which officers sign in.
pub const OFFICER_LEVEL: Level = Level::Substantial;

impl Officer {
    /// `NotAllowed` for somebody without a role, `LevelTooLow` for an officer who has not signed in so.
    pub async fn of(tx: &mut Tx, session: &Session, now: Timestamp, request: &str) -> Result<Self, Error> {
        let offices = store::offices_of(tx, &session.account_id).await?;
        if offices.is_empty() {
            return Err(Error::NotAllowed("no role in an office"));
        }
        if session.level(now) < OFFICER_LEVEL || !session.has_used_passkey() {
            return Err(Error::LevelTooLow(OFFICER_LEVEL));
        }
        let (account, session) = (session.account_id.clone(), session.id.clone());
        Ok(Self { account, session, offices, request: request.to_owned() })
    }

    /// One of the offices that they act for.
    pub fn office(&self, id: &OfficeId) -> Result<&Office, Error> {
        self.offices.iter().find(|office| office.id == *id).ok_or(Error::NotAllowed("another office"))
    }

    /// The same once more, in the transaction of what they do: the role may have ended meanwhile.
    pub async fn still_at(&self, work: &mut Work, id: &OfficeId) -> Result<Office, Error> {
        let offices = store::offices_of(&mut work.tx, &self.account).await?;
        offices.into_iter().find(|office| office.id == *id).ok_or(Error::NotAllowed("the role has ended"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "[[office]]\nid = \"musterhausen\"\nname = { de = \"Bürgerbüro Musterhausen\", en = \"Citizens' office\" }\n\
        street = \"Marktplatz 1\"\npostal_code = \"55116\"\nlocality = \"Musterhausen\"\n\
        hours = { de = \"Mo bis Fr 8 bis 12 Uhr\", en = \"Mon to Fri 8 to 12\" }\n\
        accessibility = { de = \"Ohne Stufen\", en = \"No steps\" }\nphone = \"06131 1234\"\nlevel = \"substantial\"\n";

    #[test]
    fn a_file_is_read_as_a_whole_or_refused() {
        let file = OfficeFile::parse(ONE).unwrap();
        assert!(
            file.office[0].is_meant("551") && file.office[0].is_meant("muster") && !file.office[0].is_meant("Trier")
        );
        assert!(OfficeFile::parse(&format!("{ONE}{ONE}")).unwrap_err().contains("declared twice"));
        assert!(OfficeFile::parse(&ONE.replace("Marktplatz 1", " ")).unwrap_err().contains("1 to 300"));
        assert!(
            OfficeFile::parse(&ONE.replace("musterhausen\"\nname", "a b\"\nname")).unwrap_err().contains("hyphens")
        );
        assert!(OfficeFile::parse(&ONE.replace("substantial", "basic")).unwrap_err().contains("level is"));
        assert!(OfficeFile::parse(&format!("{ONE}manager = \"x\"\n")).is_err());
    }
}
