//! Companies and the people who register them.

use nutzerkonto::account;
use nutzerkonto::kernel::id::OrganisationId;
use nutzerkonto::kernel::level::Level;
use nutzerkonto::organisation::record::{Address, Entry, LegalForm, RegisterKind};
use nutzerkonto::organisation::{self, Record, State};
use nutzerkonto::store::work::Actor;

use super::browser::Browser;
use super::world::World;

pub const NADINE: &str = "nadine@example.org";

/// What a bakery in Mainz says of itself, with this number in the register.
pub fn bakery(number: &str) -> Record {
    Record {
        name: "Bäckerei Weber GmbH".to_owned(),
        form: LegalForm::Gmbh,
        register: Some(Entry { kind: RegisterKind::Hrb, court: "Mainz".to_owned(), number: number.to_owned() }),
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

/// An association that stands in no register.
pub fn club(name: &str) -> Record {
    Record { name: name.to_owned(), form: LegalForm::Association, register: None, ..bakery("") }
}

impl World {
    /// Somebody who may represent: known at substantial, signed in with a passkey.
    pub async fn representative(&self, email: &str, names: [&str; 2]) -> Browser {
        self.somebody(email, names, Level::Substantial).await.0
    }

    /// An organisation of somebody who has an account: they administrate and represent it.
    pub async fn organisation(&self, founder: &str, record: &Record) -> OrganisationId {
        let id = self.account(founder).await;
        let name = account::load(&mut self.app.read().await.unwrap(), &self.app.vault, &id).await.unwrap().full_name();
        let mut work = self.app.begin(Actor::Account(id.clone())).await.unwrap();
        let opened = organisation::open_new(&mut work, &self.app.vault, record, (&id, &name)).await.unwrap();
        work.commit().await.unwrap();
        opened.0
    }

    /// Nadine Weber, signed in at substantial, and her bakery.
    pub async fn nadine_with_bakery(&self) -> (Browser, OrganisationId) {
        let nadine = self.representative(NADINE, ["Nadine", "Weber"]).await;
        let bakery = self.organisation(NADINE, &bakery("1234")).await;
        (nadine, bakery)
    }

    /// Puts an organisation into a state, whatever it takes to get there.
    pub async fn organisation_is(&self, id: &OrganisationId, state: State) {
        let name = serde_json::to_value(state).unwrap();
        let gone = if state == State::Closed {
            ", key_wrapped = NULL, register_index = NULL, economic_index = NULL"
        } else {
            ""
        };
        let until = if state == State::Closing { 4_000_000_000_000_i64.to_string() } else { "NULL".to_owned() };
        let name = name.as_str().unwrap();
        self.change(&format!("UPDATE organisation SET state = '{name}', erase_at = {until}{gone} WHERE id = '{id}'"))
            .await;
    }
}
