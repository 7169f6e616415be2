//! An organisation for demonstrations: a bakery, and who represents it.

use super::people::NADINE;
use crate::account::{self, email::EmailAddress};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::organisation::record::{Address, Entry, LegalForm, RegisterKind};
use crate::organisation::{self, Record, acting};
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

/// Makes it, if whoever represents it belongs to none yet.
pub async fn introduce(app: &AppParts) -> Result<(), Error> {
    let email = EmailAddress::parse(NADINE.email).ok_or_else(|| Error::broken("a demo address does not parse"))?;
    let mut tx = app.read().await?;
    let Some((founder, _)) = account::find_by_email(&mut tx, &app.vault, &email).await? else { return Ok(()) };
    if !acting::memberships(&mut tx, &founder, app.now()).await?.is_empty() {
        return Ok(());
    }
    drop(tx);
    let mut work = app.begin(Actor::System("demo")).await?;
    match organisation::open_new(&mut work, &app.vault, &bakery(), (&founder, &NADINE.full_name())).await {
        Ok(_) => work.commit().await,
        // Somebody has registered it here.
        Err(Error::Conflict(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
