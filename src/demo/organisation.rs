//! Organisations for demonstrations: a bakery, and who represents it. She also has a mandate of somebody else, and in the other
//! Land an account of the bakery that an office has seen an extract of, and one of a second firm.

use std::collections::BTreeSet;

use super::people::{NADINE, PEOPLE, PEOPLE_OF_NORDMARK};
use crate::account::{self, email::EmailAddress};
use crate::app::AppParts;
use crate::kernel::calendar::days_after;
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::level::Level;
use crate::kernel::time::Timestamp;
use crate::organisation::evidence::{self, Shown, Source};
use crate::organisation::mandate::{Action, Scope, Services, Terms};
use crate::organisation::record::{Address, Entry, LegalForm, RegisterKind};
use crate::organisation::{self, Record, mandate};
use crate::store::db::Tx;
use crate::store::work::Actor;

fn bakery() -> Record {
    Record {
        name: "Bäckerei Weber GmbH".to_owned(),
        form: LegalForm::Gmbh,
        register: Some(Entry { kind: RegisterKind::Hrb, court: "Mainz".to_owned(), number: "1234".to_owned() }),
        seat: "Mainz".to_owned(),
        business_address: Address {
            street: "Große Bleiche 7".to_owned(),
            postal_code: "55116".to_owned(),
            locality: "Mainz".to_owned(),
        },
        administrative_address: None,
        economic_id: None,
    }
}

/// Of the same people, and another one.
fn coffee_house() -> Record {
    let register = Some(Entry { kind: RegisterKind::Hrb, court: "Mainz".to_owned(), number: "5678".to_owned() });
    Record { name: "Café Weber UG (haftungsbeschränkt)".to_owned(), form: LegalForm::Ug, register, ..bakery() }
}

/// Makes those of the other Land, if whoever represents them belongs to none yet.
pub async fn introduce_there(app: &AppParts) -> Result<(), Error> {
    let nadine = PEOPLE_OF_NORDMARK.iter().find(|person| person.given_names == NADINE.given_names);
    let mut tx = app.read().await?;
    let email = nadine.map_or(NADINE.email, |person| person.email);
    let Some(founder) = find(&mut tx, app, email).await? else { return Ok(()) };
    if !organisation::of_account(&mut tx, &app.vault, &founder).await?.is_empty() {
        return Ok(());
    }
    drop(tx);
    let mut work = app.begin(Actor::System("demo")).await?;
    for record in [bakery(), coffee_house()] {
        let founder = (&founder, NADINE.full_name());
        let (id, _) = organisation::open_new(&mut work, &app.vault, &record, (founder.0, &founder.1)).await?;
        let organisation = organisation::load(&mut work.tx, &app.vault, &id).await?;
        let shown = Shown { name: record.name, entry: record.register, ..Shown::default() };
        let source = (Source::RegistrationDesk, Level::Substantial);
        evidence::record(&mut work, &app.vault, &organisation, source, &shown).await?;
    }
    work.commit().await
}

/// Makes both, if whoever represents it belongs to none yet.
pub async fn introduce(app: &AppParts) -> Result<(), Error> {
    let mut tx = app.read().await?;
    let Some(founder) = find(&mut tx, app, NADINE.email).await? else { return Ok(()) };
    if !organisation::of_account(&mut tx, &app.vault, &founder).await?.is_empty() {
        return Ok(());
    }
    let principal = find(&mut tx, app, PEOPLE[0].email).await?;
    drop(tx);
    let mut work = app.begin(Actor::System("demo")).await?;
    if let Some(principal) = principal {
        let terms = everything(work.now);
        mandate::open::record_given(&mut work, (&principal, &founder), &terms).await?;
    }
    match organisation::open_new(&mut work, &app.vault, &bakery(), (&founder, &NADINE.full_name())).await {
        Ok(_) => work.commit().await,
        // Somebody has registered it here.
        Err(Error::Conflict(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

pub(super) async fn find(tx: &mut Tx, app: &AppParts, email: &str) -> Result<Option<AccountId>, Error> {
    let email = EmailAddress::parse(email).ok_or_else(|| Error::broken("a demo address does not parse"))?;
    Ok(account::find_by_email(tx, &app.vault, &email).await?.map(|(id, _)| id))
}

/// At every service, for a year.
fn everything(now: Timestamp) -> Terms {
    let scope = Scope { actions: BTreeSet::from(Action::ALL), services: Services::All };
    Terms { scope, from: now, until: days_after(now, 365), may_pass_on: false }
}
