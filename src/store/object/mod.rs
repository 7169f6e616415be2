//! Sealed objects: files that belong to an account or an organisation, too long for a column. Encrypted on this server,
//! not end to end: whoever has the master key, the database and the bytes can read them.
//!
//! The bytes lie on a [`Shelf`], sealed in chunks (`kernel::chunks`) under a key of their own, which stands in the row,
//! sealed under the owner's key. What they were (length, hash) stands there, sealed too, so that nobody who can write to
//! the shelf or into the database gets anything altered served: each chunk opens in its own place only, and a reader opens
//! all of them before the first byte leaves. The price is that whatever is read is read twice.
//!
//! A row is `writing` before the first byte is put anywhere, `whole` in the caller's own transaction, together with whatever
//! refers to it, and `doomed` in the one that takes that away. Nothing but `whole` can be read. Bytes go before their row,
//! so that there are never bytes that no row knows.

mod read;
mod receive;
mod rows;
pub mod shelf;
mod sweep;
mod write;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::kernel::chunks::Of;
use crate::kernel::error::Error;
use crate::kernel::id::ObjectId;
use crate::kernel::random::Random;
use crate::kernel::seal::{DataKey, Place};
use crate::kernel::time::{Clock, hours};

use super::db::{Db, Tx};
use super::work::{Actor, Work};
use shelf::Shelf;

pub use read::{Damage, Found, Opened};
pub use receive::{Coming, Received};
pub use rows::{Counts, Damaged, Due};
pub use write::{Pace, Writing, Written};

/// Uploads and readings at once on one node. An upload holds two megabytes, and 5 more if it goes to a bucket; a reading
/// two.
const WRITING_MAX: usize = 16;
const READING_MAX: usize = 64;
/// Whoever is one too many may come again so much later.
const RETRY_AFTER_SECONDS: u64 = 5;
/// From its beginning to its last byte.
const WRITE_MAX: Duration = Duration::from_secs(30 * 60);
/// What nobody has finished by then is removed. Longer than [`WRITE_MAX`], so that nothing under way is swept.
pub const UNFINISHED_MAX: Duration = hours(1);

/// Names one version of one object. Whatever refers to an object stores both.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    pub id: ObjectId,
    pub version: i64,
}

impl std::fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} version {}", self.id, self.version)
    }
}

impl ObjectRef {
    fn key_place(&self) -> Place<'_> {
        Place { table: "sealed_object", column: "data_key", row: self.id.as_str(), version: self.version }
    }

    fn content_place(&self) -> Place<'_> {
        Place { table: "sealed_object", column: "content", row: self.id.as_str(), version: self.version }
    }

    fn of<'a>(&'a self, owner: &'a str) -> Of<'a> {
        Of { owner, object: self.id.as_str(), version: self.version }
    }
}

/// Whose it is, and the key under which whatever is theirs is sealed.
#[derive(Clone, Copy)]
pub struct Owner<'a> {
    pub id: &'a str,
    pub key: &'a DataKey,
}

/// All objects. Cheap to clone.
#[derive(Clone)]
pub struct Objects(Arc<Parts>);

struct Parts {
    /// None if the operator has not said where.
    shelf: Option<Shelf>,
    db: Db,
    clock: Clock,
    random: Random,
    writing: Arc<Semaphore>,
    reading: Arc<Semaphore>,
    senders: receive::Senders,
}

impl Objects {
    pub fn new(shelf: Option<Shelf>, db: &Db, clock: &Clock, random: &Random) -> Self {
        Self(Arc::new(Parts {
            shelf,
            db: db.clone(),
            clock: clock.clone(),
            random: random.clone(),
            writing: Arc::new(Semaphore::new(WRITING_MAX)),
            reading: Arc::new(Semaphore::new(READING_MAX)),
            senders: receive::Senders::default(),
        }))
    }

    /// Whether there is a place for them.
    pub fn are_kept(&self) -> bool {
        self.0.shelf.is_some()
    }

    fn shelf(&self) -> Result<&Shelf, Error> {
        self.0.shelf.as_ref().ok_or_else(|| Error::broken("objects.directory or objects.s3_bucket is not set"))
    }

    async fn begin_work(&self) -> Result<Work, Error> {
        let Parts { db, clock, random, .. } = &*self.0;
        Ok(Work::new(db.begin().await?, db, clock.now(), Actor::System("objects"), random))
    }
}

/// Nobody can read it from the end of this work on; its bytes go shortly afterwards. `NotFound` if it is not theirs, or
/// doomed already.
pub async fn doom(work: &mut Work, object: &ObjectRef, owner: &str) -> Result<(), Error> {
    if rows::doom(work, object, owner).await? { Ok(()) } else { Err(Error::NotFound) }
}

/// The same for everything of an owner, also for what is being written. How many they were.
pub async fn doom_all(work: &mut Work, owner: &str) -> Result<u64, Error> {
    Ok(rows::doom_all(work, owner).await?)
}

/// How they stand, for the operator.
pub async fn counts(tx: &mut Tx) -> Result<Counts, Error> {
    Ok(rows::counts(tx).await?)
}

/// Whether there is damage that the audit trail does not know of yet.
pub async fn has_unreported(tx: &mut Tx) -> Result<bool, Error> {
    Ok(rows::any_unreported(tx).await?)
}

/// Objects that are known to be damaged and of which the audit trail does not know yet. Writes down that it now does: of
/// several nodes one gets each.
pub async fn take_unreported(work: &mut Work, limit: i64) -> Result<Vec<Damaged>, Error> {
    Ok(rows::take_unreported(work, limit).await?)
}
