//! An organisation for demonstrations: a bakery, and who represents it. She also has a mandate of somebody else.

use std::collections::BTreeSet;

use super::people::{NADINE, PEOPLE};
use crate::account::{self, email::EmailAddress};
use crate::app::AppParts;
use crate::kernel::calendar::days_after;
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::time::Timestamp;
use crate::organisation::mandate::{Action, Scope, Services, Terms};
use crate::organisation::record::{Address, Entry, LegalForm, RegisterKind};
use crate::organisation::{self, Record, acting, mandate};
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

/// Makes both, if whoever represents it belongs to none yet.
pub async fn introduce(app: &AppParts) -> Result<(), Error> {
    let mut tx = app.read().await?;
    let Some(founder) = find(&mut tx, app, NADINE.email).await? else { return Ok(()) };
    if !acting::memberships(&mut tx, &founder, app.now()).await?.is_empty() {
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
