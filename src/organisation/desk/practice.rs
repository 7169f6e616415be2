//! The invented organisation of an exercise: nothing of it is written down. What it shows says the same as its account.

use crate::organisation::Record;
use crate::organisation::record::{Address, Entry, LegalForm, RegisterKind};

/// As its account says it.
pub fn record() -> Record {
    let text = |text: &str| text.to_owned();
    Record {
        name: text("Mustermann Metallbau GmbH"),
        form: LegalForm::Gmbh,
        register: Some(Entry { kind: RegisterKind::Hrb, court: text("Musterhausen"), number: text("4242") }),
        seat: text("Musterhausen"),
        business_address: Address {
            street: text("Werkstraße 4"),
            postal_code: text("55116"),
            locality: text("Musterhausen"),
        },
        administrative_address: None,
        economic_id: None,
    }
}

/// Who brings the extract, and their day of birth.
pub const ASKER: (&str, &str) = ("Erika Mustermann", "1964-08-12");
