//! What was shown beside what the account says. Pure.
//!
//! Documents write names in their own way: in capitals, with `UE` for `Ü`, without accents, cut at the end of a line. A
//! difference that is only in the way of writing is none, and the account keeps its own spelling.

use crate::account::identity::folded;
use crate::account::{Account, AttributeName};

/// What was shown, by name; `None` where it says that there is nothing.
pub type Shown = Vec<(AttributeName, Option<String>)>;

/// A value that is not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub name: AttributeName,
    pub known: Option<String>,
    pub shown: Option<String>,
}

/// What differs, in the order in which people read it. What the account does not know yet is no difference.
pub fn differences(account: &Account, shown: &Shown) -> Vec<Difference> {
    let differs = |(name, value): &&(AttributeName, Option<String>)| match (account.value(*name), value) {
        (None, _) => false,
        (Some(known), Some(value)) => !is_same(*name, known, value),
        (Some(_), None) => true,
    };
    let mut found: Vec<_> = shown.iter().filter(differs).collect();
    found.sort_by_key(|(name, _)| *name);
    let known = |name| account.value(name).map(str::to_owned);
    found
        .into_iter()
        .map(|(name, value)| Difference { name: *name, known: known(*name), shown: value.clone() })
        .collect()
}

/// What is to be recorded of it: the account's own spelling, where only the way of writing differs.
pub fn settled(account: &Account, shown: Shown) -> Shown {
    let own = |name, value: String| match account.value(name) {
        Some(known) if is_same(name, known, &value) => known.to_owned(),
        _ => value,
    };
    shown.into_iter().map(|(name, value)| (name, value.map(|value| own(name, value)))).collect()
}

fn is_same(name: AttributeName, known: &str, shown: &str) -> bool {
    // A document may leave the day or the month of a birth open; then it says nothing against the one that is known.
    if name == AttributeName::BirthDate {
        return known.starts_with(shown);
    }
    is_written_alike(known, shown)
}

/// Whether both say the same, all of it, in whatever way of writing.
pub fn is_written_alike(known: &str, shown: &str) -> bool {
    folded(known) == folded(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_of_writing_is_no_difference() {
        let same = |known, shown| is_same(AttributeName::FamilyName, known, shown);
        assert!(same("Öztürk", "OEZTUERK"));
        assert!(same("Groß", "GROSS"));
        assert!(same("Nguyễn-Müller", "NGUYEN MUELLER"));
        assert!(same("d'Alembert", "D\u{2019}ALEMBERT"));
        assert!(!same("Muster", "Mustermann") && !same("Muster", ""));
        let born = |known, shown| is_same(AttributeName::BirthDate, known, shown);
        assert!(born("1959-05-12", "1959-05") && born("1959-05-12", "1959-05-12"));
        assert!(!born("1959-05", "1959-05-12") && !born("1959-05-12", "1959-05-13"));
    }
}
