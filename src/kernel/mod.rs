//! Floor 0: what everything stands on. No database, no HTTP, no rule of any capability.

pub mod attestation;
pub mod calendar;
pub mod certificate;
pub mod chunks;
pub mod csv;
pub mod error;
pub mod file;
pub mod holiday;
pub mod id;
pub mod jwe;
pub mod jws;
pub mod key_times;
pub mod keys;
pub mod level;
pub mod mail;
pub mod means;
pub mod one_time_code;
pub mod outbound;
pub mod password;
pub mod pdf_seal;
pub mod random;
pub mod scan;
pub mod seal;
pub mod secret;
pub mod texts;
pub mod time;

/// Rows of a list on one page: with twice as many a page of long rows weighs more than the 30 KB that every page has.
pub const ROWS_PER_PAGE: i64 = 25;
