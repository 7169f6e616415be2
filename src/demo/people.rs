//! People for demonstrations and measurements.

use super::lands::{is_own, people_of};
use crate::account::evidence::{self, Document, DocumentKind, Record};
use crate::account::{self, AttributeName, NewAccount, Source, email::EmailAddress};
use crate::app::{App, AppParts};
use crate::config::Config;
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::seal::DataKey;
use crate::kernel::secret::Secret;
use crate::kernel::texts::Language;
use crate::proofing::office::{self, Assignment, OfficeId};
use crate::signin::generator::{self, New};
use crate::signin::password_of;
use crate::store::work::{Actor, Work};

/// Everybody's password in a demonstration.
pub const PASSWORD: &str = "wolke-gondel-tisch-42";

pub struct Person {
    pub given_names: &'static str,
    pub family_name: &'static str,
    pub birth_date: &'static str,
    pub email: &'static str,
    pub language: Language,
    /// Whether an authority has checked who they are and given them a device that shows codes.
    pub has_device: bool,
}

impl Person {
    pub fn full_name(&self) -> String {
        format!("{} {}", self.given_names, self.family_name).trim().to_owned()
    }
}

const fn person(names: [&'static str; 2], birth_date: &'static str, email: &'static str, language: Language) -> Person {
    Person { given_names: names[0], family_name: names[1], birth_date, email, language, has_device: false }
}

pub const PEOPLE: [Person; 5] = [
    person(["Renate", "Muster"], "1959-05-12", "renate.muster@example.org", Language::De),
    Person {
        has_device: true,
        ..person(["Emre Can", "Öztürk"], "1992-02-29", "emre.oeztuerk@example.org", Language::De)
    },
    person(["", "Suharto"], "1971-11-03", "suharto@example.org", Language::En),
    person(["Thị Mai", "Nguyễn-Müller"], "1987-03-27", "mai.nguyen@example.org", Language::En),
    NADINE,
];

/// She represents a bakery.
pub const NADINE: Person =
    Person { has_device: true, ..person(["Nadine", "Weber"], "1984-09-17", "nadine.weber@example.org", Language::De) };

/// The same Renate and the same Mai as ours, who have moved here from there, somebody who has not, and the same Nadine, whose bakery
/// has an account there, too.
pub const PEOPLE_OF_NORDMARK: [Person; 4] = [
    Person {
        has_device: true,
        ..person(["Renate", "Muster"], "1959-05-12", "r.muster@nordmark.example", Language::De)
    },
    Person {
        has_device: true,
        ..person(["Thị Mai", "Nguyễn-Müller"], "1987-03-27", "mai@nordmark.example", Language::En)
    },
    person(["Jörn", "Hansen"], "1975-08-14", "joern.hansen@nordmark.example", Language::De),
    Person { email: "nadine.weber@nordmark.example", ..NADINE },
];

/// Who works at registration desks here, and where. They set up a passkey of their own before.
pub const OFFICERS: [(Person, &str); 4] = [
    (person(["Olga", "Amtmann"], "1980-04-02", "olga.amtmann@example.org", Language::De), "musterhausen"),
    (person(["Peter", "Schalter"], "1975-10-17", "peter.schalter@example.org", Language::De), "musterhausen"),
    (person(["Nora", "Nachbar"], "1990-01-30", "nora.nachbar@example.org", Language::En), "neustadt"),
    (person(["Niklas", "Neu"], "1985-06-08", "niklas.neu@example.org", Language::En), "neustadt"),
];

/// Whose device the page of the demonstration is: the first who has one.
pub fn owner_of_device(people: &[Person]) -> &Person {
    people.iter().find(|person| person.has_device).unwrap_or(&PEOPLE[1])
}

pub const DEVICE_SERIAL: &str = "DEMO-0001";

/// Makes the people who are not there yet, after the offices.
pub async fn introduce(app: &AppParts) -> Result<(), Error> {
    for (person, office) in people_of(&app.config).iter().map(|person| (person, None)).chain(with_offices(&app.config))
    {
        let email = EmailAddress::parse(person.email).ok_or_else(|| Error::broken("a demo address does not parse"))?;
        let mut tx = app.read().await?;
        if account::find_by_email(&mut tx, &app.vault, &email).await?.is_some() {
            continue;
        }
        drop(tx);
        let hash = app.hasher.hash(Secret::new(PASSWORD.to_owned())).await?;
        let mut work = app.begin(Actor::System("demo")).await?;
        let attributes = attributes(person.given_names, person.family_name, person.birth_date);
        let id = open(app, &mut work, &email, attributes, (&hash, person.language)).await?;
        if person.has_device {
            hand_out_device(app, &mut work, &id).await?;
        }
        if let Some(office) = office {
            prove_at_a_desk(app, &mut work, &id).await?;
            office::assign(app, &mut work, (&office, &email), (Assignment::Given, "Demonstration")).await?;
        }
        work.commit().await?;
    }
    Ok(())
}

/// The officers of the Land whose settings these are.
fn with_offices(config: &Config) -> impl Iterator<Item = (&'static Person, Option<OfficeId>)> {
    let officers: &[(Person, &str)] = if is_own(config) { &OFFICERS } else { &[] };
    officers.iter().map(|(person, office)| (person, Some(OfficeId((*office).to_owned()))))
}

/// They have shown their identity card at a registration desk and got a device there: both make them substantial.
async fn hand_out_device(app: &AppParts, work: &mut Work, id: &AccountId) -> Result<(), Error> {
    let secret = device_secret();
    let new = New { kind: MeansKind::DeviceCode, name: DEVICE_SERIAL, secret: &secret };
    generator::give(app, work, id, new, Level::Substantial).await?;
    prove_at_a_desk(app, work, id).await
}

async fn prove_at_a_desk(app: &AppParts, work: &mut Work, id: &AccountId) -> Result<(), Error> {
    let document = Document {
        kind: DocumentKind::ResidencePermit,
        issuing_country: Some("DE".to_owned()),
        expires_on: Some("2031-08-01".to_owned()),
    };
    let record = Record { document: Some(document), checked_by: Some("Bürgerbüro Musterhausen".to_owned()) };
    evidence::prove(work, &app.vault, id, (Level::Substantial, Source::RegistrationDesk), record).await.map(drop)
}

/// As public as everything here.
pub fn device_secret() -> Secret<Vec<u8>> {
    Secret::new(b"demonstration-device".to_vec())
}

fn attributes(given_names: &str, family_name: &str, birth_date: &str) -> Vec<(AttributeName, String)> {
    let all = [
        (AttributeName::GivenNames, given_names),
        (AttributeName::FamilyName, family_name),
        (AttributeName::BirthDate, birth_date),
    ];
    all.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, value.to_owned())).collect()
}

async fn open(
    app: &AppParts,
    work: &mut Work,
    email: &EmailAddress,
    attributes: Vec<(AttributeName, String)>,
    (hash, language): (&str, Language),
) -> Result<AccountId, Error> {
    let id = AccountId::new(work.now, &work.random);
    let key = DataKey::random(&work.random);
    let new = NewAccount { id: id.clone(), key: &key, language, email, attributes };
    account::open(work, &app.vault, new).await?;
    password_of(work, &id, hash).await?;
    Ok(id)
}

/// Makes `count` accounts `konto-<n>@example.org` with the password of the demonstration, one hash for all. If `proven`, an office has
/// checked who they are.
pub async fn seed(app: &App, count: u64, proven: bool) -> Result<(), Error> {
    const BATCH: u64 = 500;
    let hash = app.hasher.hash(Secret::new(PASSWORD.to_owned())).await?;
    for start in (0..count).step_by(BATCH as usize) {
        let mut work = app.begin(Actor::System("seed")).await?;
        for number in start..(start + BATCH).min(count) {
            let email = EmailAddress::parse(&format!("konto-{number}@example.org"));
            let email = email.ok_or_else(|| Error::broken("a seed address does not parse"))?;
            let family_name = ["Muster", "Beispiel", "Probe"][(number % 3) as usize];
            let attributes = attributes("Anna", family_name, "1980-01-31");
            let id = open(app, &mut work, &email, attributes, (&hash, Language::De)).await?;
            if proven {
                prove_at_a_desk(app, &mut work, &id).await?;
            }
        }
        work.commit().await?;
    }
    Ok(())
}
