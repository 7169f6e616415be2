//! Recovery codes: ten of 80 bits, printed once, stored as keyed hashes. One takes the place of the second factor, once.

use super::store;
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::random::Random;
use crate::kernel::seal::Vault;
use crate::notice;
use crate::store::db::Tx;
use crate::store::work::Work;

pub const COUNT: usize = 10;
const LETTERS: usize = 16;

/// Ten new codes as they are printed, in groups of four.
pub fn generate(random: &Random) -> Vec<String> {
    let grouped = |letters: &str| {
        letters
            .as_bytes()
            .chunks(4)
            .map(|group| String::from_utf8_lossy(group).into_owned())
            .collect::<Vec<_>>()
            .join("-")
    };
    (0..COUNT).map(|_| grouped(random.letters(LETTERS).expose())).collect()
}

/// Replaces an account's codes. Only hashes are stored.
pub async fn replace(work: &mut Work, vault: &Vault, account: &AccountId, codes: &[String]) -> Result<(), Error> {
    store::delete_recovery_codes(work, account).await?;
    for code in codes {
        let code: String = code.chars().filter(|letter| *letter != '-').collect();
        store::insert_recovery_code(work, account, &vault.code("recovery", &code)).await?;
    }
    Ok(())
}

/// As a code is stored, however it was typed. `None` if it cannot be one.
pub fn stored_form(vault: &Vault, typed: &str) -> Option<[u8; 32]> {
    Some(vault.code("recovery", &notice::normalise(typed, LETTERS)?))
}

/// How many of an account's codes have not been used.
pub async fn left(tx: &mut Tx, account: &AccountId) -> Result<i64, Error> {
    Ok(store::recovery_codes_left(tx, account).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_eighty_bits_and_differ() {
        let mut codes = generate(&Random::seeded(1));
        assert!(codes.iter().all(|code| code.len() == 19));
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), COUNT);
    }
}
