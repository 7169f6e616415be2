//! Who a person is, in a form that can be compared and looked up, however the names are written.

use unicode_normalization::UnicodeNormalization as _;

use super::{AttributeName, store};
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::seal::Vault;
use crate::store::db::Tx;

/// Letters and digits alone, without accents, in capitals; German letters as in the machine-readable zone (ICAO 9303 part 3).
pub fn folded(text: &str) -> String {
    let mut out = String::new();
    for letter in text.to_uppercase().nfc() {
        match letter {
            'Ä' => out.push_str("AE"),
            'Ö' => out.push_str("OE"),
            'Ü' => out.push_str("UE"),
            'ẞ' => out.push_str("SS"),
            other => out.extend(std::iter::once(other).nfd().filter(|part| part.is_alphanumeric())),
        }
    }
    out
}

/// Under which somebody with these data is found; `None` if the date of birth is not among them.
pub fn index<'a>(vault: &Vault, value: impl Fn(AttributeName) -> Option<&'a str>) -> Option<[u8; 32]> {
    let birth_date = value(AttributeName::BirthDate)?;
    let [given, family] =
        [AttributeName::GivenNames, AttributeName::FamilyName].map(|name| folded(value(name).unwrap_or_default()));
    Some(vault.index("identity", &format!("{given} {family} {birth_date}")))
}

/// The accounts of people with these names who were born on that day, as evidence has said.
pub async fn find<'a>(
    tx: &mut Tx,
    vault: &Vault,
    value: impl Fn(AttributeName) -> Option<&'a str>,
) -> Result<Vec<AccountId>, Error> {
    match index(vault, value) {
        Some(index) => Ok(store::find_by_identity(tx, &index).await?),
        None => Ok(Vec::new()),
    }
}
