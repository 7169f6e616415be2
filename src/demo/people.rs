//! People for demonstrations and measurements.

use crate::account::{self, AttributeName, NewAccount, email::EmailAddress};
use crate::app::{App, AppParts};
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::seal::DataKey;
use crate::kernel::secret::Secret;
use crate::kernel::texts::Language;
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
}

impl Person {
    pub fn full_name(&self) -> String {
        format!("{} {}", self.given_names, self.family_name).trim().to_owned()
    }
}

const fn person(names: [&'static str; 2], birth_date: &'static str, email: &'static str, language: Language) -> Person {
    Person { given_names: names[0], family_name: names[1], birth_date, email, language }
}

pub const PEOPLE: [Person; 4] = [
    person(["Renate", "Muster"], "1959-05-12", "renate.muster@example.org", Language::De),
    person(["Emre Can", "Öztürk"], "1992-02-29", "emre.oeztuerk@example.org", Language::De),
    person(["", "Suharto"], "1971-11-03", "suharto@example.org", Language::En),
    person(["Thị Mai", "Nguyễn-Müller"], "1987-03-27", "mai.nguyen@example.org", Language::En),
];

/// Makes the people who are not there yet.
pub async fn introduce(app: &AppParts) -> Result<(), Error> {
    for person in &PEOPLE {
        let email = EmailAddress::parse(person.email).ok_or_else(|| Error::broken("a demo address does not parse"))?;
        let mut tx = app.read().await?;
        if account::find_by_email(&mut tx, &app.vault, &email).await?.is_some() {
            continue;
        }
        drop(tx);
        let hash = app.hasher.hash(Secret::new(PASSWORD.to_owned())).await?;
        let mut work = app.begin(Actor::System("demo")).await?;
        let attributes = attributes(person.given_names, person.family_name, person.birth_date);
        open(app, &mut work, &email, attributes, (&hash, person.language)).await?;
        work.commit().await?;
    }
    Ok(())
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
) -> Result<(), Error> {
    let id = AccountId::new(work.now, &work.random);
    let key = DataKey::random(&work.random);
    let new = NewAccount { id: id.clone(), key: &key, language, email, attributes };
    account::open(work, &app.vault, new).await?;
    password_of(work, &id, hash).await
}

/// Makes `count` accounts `konto-<n>@example.org` with the password of the demonstration, one hash for all.
pub async fn seed(app: &App, count: u64) -> Result<(), Error> {
    const BATCH: u64 = 500;
    let hash = app.hasher.hash(Secret::new(PASSWORD.to_owned())).await?;
    for start in (0..count).step_by(BATCH as usize) {
        let mut work = app.begin(Actor::System("seed")).await?;
        for number in start..(start + BATCH).min(count) {
            let email = EmailAddress::parse(&format!("konto-{number}@example.org"));
            let email = email.ok_or_else(|| Error::broken("a seed address does not parse"))?;
            let family_name = ["Muster", "Beispiel", "Probe"][(number % 3) as usize];
            let attributes = attributes("Anna", family_name, "1980-01-31");
            open(app, &mut work, &email, attributes, (&hash, Language::De)).await?;
        }
        work.commit().await?;
    }
    Ok(())
}
