//! The parties of a mandate: what they are called, who acts on their side, and how they are told.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

use super::super::acting::Party;
use super::super::member::{Inside, Right};
use super::super::record::{Entry, RegisterKind};
use super::super::store::state;
use super::super::typed::{parse_court, parse_number};
use super::store;
use crate::account::email::EmailAddress;
use crate::account::{self, Account, Status};
use crate::app::AppParts;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::id::{AccountId, OrganisationId};
use crate::kernel::level::Level;
use crate::kernel::seal::{DataKey, Vault};
use crate::kernel::secret::hex;
use crate::kernel::texts::{MailTexts, Text};
use crate::notice::Kind;
use crate::signin::change::tell;
use crate::store::db::Tx;
use crate::store::work::Work;

/// Whom a mail about an organisation goes to at most.
const TOLD_MAX: i64 = 20;

/// How well it has to be known who gives or takes a mandate, and who uses one.
pub const NEEDS: Level = Level::Substantial;

/// Reads the id of a party.
pub fn parse(text: &str) -> Option<Party> {
    let person = || AccountId::parse(text).map(Party::Person);
    OrganisationId::parse(text).map(Party::Organisation).or_else(person)
}

/// What people call a party; `None` once it is gone.
pub async fn name(tx: &mut Tx, vault: &Vault, party: &Party) -> Result<Option<String>, Error> {
    let name = match party {
        Party::Person(id) => account::load(tx, vault, id).await.map(|account| account.full_name()),
        Party::Organisation(id) => super::super::load(tx, vault, id).await.map(|organisation| organisation.record.name),
    };
    match name {
        Ok(name) => Ok(Some(name)),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The key of a party; `NotFound` if there is none, or it has been destroyed.
pub async fn key(tx: &mut Tx, vault: &Vault, party: &Party) -> Result<DataKey, Error> {
    match party {
        Party::Person(id) => account::key(tx, vault, id).await,
        Party::Organisation(id) => super::super::key(tx, vault, id).await,
    }
}

/// On whose side somebody acts: their own, or that of an organisation that they represent.
#[derive(Clone, Copy)]
pub enum Side<'a> {
    Own { account: &'a AccountId, request: &'a str },
    Organisation(Inside<'a>),
}

/// Work of one side that holds the party.
pub struct Begun {
    pub work: Work,
    pub party: Party,
    /// What the party is called.
    pub name: String,
    /// Who does it: the account, or the membership.
    pub by: String,
    /// How much the party has asked and offered, and its key, once they have been looked up: of many that are opened together, once.
    pub(super) sent: Option<store::Sent>,
    pub(super) key: Option<DataKey>,
}

impl Begun {
    fn new(work: Work, party: Party, name: String, by: String) -> Self {
        Self { work, party, name, by, sent: None, key: None }
    }

    /// The key under which what the party has typed is sealed.
    pub(super) async fn key(&mut self, vault: &Vault) -> Result<DataKey, Error> {
        if let Some(key) = &self.key {
            return Ok(key.clone());
        }
        let key = key(&mut self.work.tx, vault, &self.party).await?;
        Ok(self.key.insert(key).clone())
    }
}

impl Side<'_> {
    pub fn party(&self) -> Party {
        match self {
            Self::Own { account, .. } => Party::Person((*account).clone()),
            Self::Organisation(inside) => Party::Organisation(inside.organisation.clone()),
        }
    }

    pub fn account(&self) -> &AccountId {
        match self {
            Self::Own { account, .. } => account,
            Self::Organisation(inside) => inside.account,
        }
    }

    /// Begins to say no, or to end: a person may do that however well they are known.
    pub async fn begin(&self, app: &AppParts) -> Result<Begun, Error> {
        self.begin_known(app, Level::Basic).await
    }

    /// Begins to give or take: it has to be known who does it.
    pub async fn begin_binding(&self, app: &AppParts) -> Result<Begun, Error> {
        self.begin_known(app, NEEDS).await
    }

    async fn begin_known(&self, app: &AppParts, level: Level) -> Result<Begun, Error> {
        let party = self.party();
        match self {
            Self::Own { account, request } => {
                let mut work = account::begin(app, account, Some(request)).await?;
                let person = account::load(&mut work.tx, &app.vault, account).await?;
                if person.identity_level() < level {
                    return Err(Error::LevelTooLow(level));
                }
                Ok(Begun::new(work, party, person.full_name(), account.to_string()))
            }
            Self::Organisation(inside) => {
                let (work, member) = inside.begin(app).await?;
                member.require(&Right::Representation)?;
                let (name, by) = (member.organisation.record.name, member.id.to_string());
                Ok(Begun::new(work, party, name, by))
            }
        }
    }
}

/// Whom somebody names who asks or offers, as they have typed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// The number of an account.
    Number(Party),
    Entry(Entry),
    Email(EmailAddress),
}

impl Named {
    /// Reads what a form or a line of a table says; every problem at its field.
    pub fn read(field: impl Fn(&'static str) -> String) -> Result<Self, Error> {
        match field("art").as_str() {
            "nummer" => {
                let number = field("konto").trim().to_owned();
                parse(&number).map(Self::Number).ok_or_else(|| Error::field("konto", "mandate_number"))
            }
            "email" => {
                let typed = field("email").nfc().collect::<String>();
                EmailAddress::parse(&typed).map(Self::Email).ok_or_else(|| Error::field("email", "email_format"))
            }
            "register" => {
                let kind = RegisterKind::from_name(&field("register"));
                let court = parse_court(&field("registergericht"));
                let number = kind.and_then(|kind| parse_number(kind, &field("nummer")));
                let problems = [
                    (kind.is_some(), "register", "organisation_register"),
                    (court.is_some(), "registergericht", "organisation_court"),
                    (number.is_some() || kind.is_none(), "nummer", "organisation_number"),
                ];
                let entry = kind.zip(court).zip(number).map(|((kind, court), number)| Entry { kind, court, number });
                let wrong = problems.into_iter().filter(|(is_sound, ..)| !is_sound);
                let wrong = wrong.map(|(_, field, problem)| FieldProblem { field, problem }).collect();
                entry.map(Self::Entry).ok_or(Error::Invalid(wrong))
            }
            _ => Err(Error::field("art", "choice_unknown")),
        }
    }

    /// Under what it is found, however it is written, for what `purpose` it is named.
    pub(super) fn index(&self, vault: &Vault, purpose: &str) -> [u8; 32] {
        let text = match self {
            Self::Number(party) => party.as_str().to_owned(),
            Self::Email(address) => address.compared().to_owned(),
            Self::Entry(entry) => hex(&entry.index(vault)),
        };
        vault.index("mandate", &format!("{purpose} {text}"))
    }

    /// Who that is, if they have an account that is not gone.
    pub(super) async fn find(&self, tx: &mut Tx, vault: &Vault) -> Result<Option<Party>, Error> {
        match self {
            Self::Number(party) => Ok(store::is_there(tx, party.as_str()).await?.then(|| party.clone())),
            Self::Entry(entry) => {
                let found = state::find_taken(tx, (Some(entry.index(vault)), None), "").await?;
                Ok(found.map(Party::Organisation))
            }
            Self::Email(address) => {
                let found = account::find_by_email(tx, vault, address).await?;
                let is_there = |status| matches!(status, Status::Active | Status::Locked | Status::Closing);
                Ok(found.filter(|(_, status)| is_there(*status)).map(|(id, _)| Party::Person(id)))
            }
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(party) => f.write_str(party.as_str()),
            Self::Email(address) => f.write_str(address.as_str()),
            Self::Entry(entry) => write!(f, "{entry}, {}", entry.court),
        }
    }
}

/// Subject and body of a mail about a mandate.
pub type Words = fn(&MailTexts) -> (&Text, &Text);

/// A mail about a mandate that names the other side, and nothing of what it is about.
#[derive(Clone, Copy)]
pub struct Letter<'a> {
    pub kind: Kind,
    pub words: Words,
    /// The other side.
    pub name: &'a str,
}

/// Tells a party: a person, or whoever administrates or represents an organisation.
pub async fn write_to(app: &AppParts, work: &mut Work, party: &Party, letter: Letter<'_>) -> Result<(), Error> {
    for account in readers(app, work, party).await? {
        tell(app, work, &account, letter.kind, |texts| {
            let (subject, body) = (letter.words)(&texts.mail);
            (subject, body.with("party", letter.name))
        })
        .await?;
    }
    Ok(())
}

async fn readers(app: &AppParts, work: &mut Work, party: &Party) -> Result<Vec<Account>, Error> {
    let now = work.now;
    let ids = match party {
        Party::Person(id) => vec![id.clone()],
        Party::Organisation(id) => state::responsible(&mut work.tx, id, now, TOLD_MAX).await?,
    };
    let mut readers = Vec::new();
    for id in ids {
        match account::load(&mut work.tx, &app.vault, &id).await {
            Ok(account) => readers.push(account),
            // Being erased.
            Err(Error::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(readers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&str, &str)]) -> Result<Named, Error> {
        Named::read(|name| {
            fields.iter().find(|(known, _)| *known == name).map_or(String::new(), |(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn parties_are_named_in_three_ways() {
        let number = "org_00000000000000000000000000";
        let named = read(&[("art", "nummer"), ("konto", &format!(" {number} "))]).unwrap();
        assert_eq!(named.to_string(), number);
        let entry = [("art", "register"), ("register", "HRB"), ("registergericht", "AG Mainz"), ("nummer", "HRB 0778")];
        assert_eq!(read(&entry).unwrap().to_string(), "HRB 778, Mainz");
        assert_eq!(read(&[("art", "email"), ("email", "a@example.org")]).unwrap().to_string(), "a@example.org");
        for wrong in [
            vec![],
            vec![("art", "nummer"), ("konto", "mdt_00000000000000000000000000")],
            vec![("art", "email"), ("email", "nobody")],
            vec![("art", "register"), ("register", "HRX"), ("registergericht", "Mainz"), ("nummer", "7")],
            vec![("art", "register"), ("register", "HRB"), ("registergericht", ""), ("nummer", "7")],
            vec![("art", "register"), ("register", "HRB"), ("registergericht", "Mainz"), ("nummer", "")],
        ] {
            assert!(matches!(read(&wrong), Err(Error::Invalid(problems)) if !problems.is_empty()), "{wrong:?}");
        }
    }
}
