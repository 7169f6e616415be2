//! Letters.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

section! {
    /// Letters with a code to the address that people have stated. Without a directory nobody can order one.
    Letter "[letter]" {
        /// Where print jobs are put, one PDF each, for the mail house to take away.
        directory: Option<PathBuf> = None,
        /// Where letters come back to, in one line above the address; at most 64 characters.
        sender: String = String::new(),
        /// For how many days the code in a letter is good.
        lifetime_days: u64 = 30,
        /// After how many days a file that nobody has taken away is removed.
        keep_days: u64 = 7,
    }
}

impl Letter {
    pub(super) fn check(&self) -> Result<(), String> {
        if !(1..=90).contains(&self.lifetime_days) || !(1..=90).contains(&self.keep_days) {
            return Err("letter: lifetime_days and keep_days between 1 and 90".to_owned());
        }
        if self.directory.is_some() && !(1..=64).contains(&self.sender.trim().chars().count()) {
            return Err("letter.sender: where letters come back to, 1 to 64 characters".to_owned());
        }
        Ok(())
    }
}
