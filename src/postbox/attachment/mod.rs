//! Files that come with a notice. An authority sends each first, sealed for whom it is for, and a notice takes it within a day; then it
//! belongs to that notice for good. Whoever reads the notice may fetch it, once it has been opened.
//!
//! What a file is decide its bytes, together with its name; nothing here unpacks it, renders it or believes what anybody says of it. What
//! the authority says of a seal is passed on as its own statement, beside what was found when the file came.

pub mod enclose;
pub mod open;
mod store;
pub mod upload;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::kernel::error::Error;
use crate::kernel::file::Scan;
use crate::kernel::file::inspect::{Inspector, Type};
use crate::kernel::file::name::Name;
use crate::kernel::id::{AttachmentId, MessageId};
use crate::kernel::pdf_seal::Verdict;
use crate::kernel::random::Random;
use crate::kernel::seal::{DataKey, Place};
use crate::kernel::secret::{hex, sha256};
use crate::kernel::time::hours;
use crate::store::db::Tx;
use crate::store::object::ObjectRef;
use crate::store::work::Work;
pub(super) use store::Whose;

/// Of one file: a scanned decision of a hundred pages is a tenth of that.
pub const FILE_MAX_BYTES: u64 = 25 * 1024 * 1024;
/// With one notice.
pub const PER_NOTICE_MAX: usize = 20;
/// How long a file waits for its notice.
pub const UNUSED_KEPT: Duration = hours(24);
/// Where files come in, and how long one may take from its first byte to the answer: longer than anything else.
pub const PATH: &str = "/api/postbox/v1/attachments";
pub const UPLOAD_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// How strong a seal is (Article 3 Nos. 26 and 27 of Regulation (EU) No 910/2014).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SealKind {
    Qualified,
    Advanced,
}

/// What the authority says of the seal of a file: what was found is [`Description::judged`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    pub kind: SealKind,
    /// Whose seal it is.
    pub by: String,
}

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: Type,
    pub bytes: u64,
    /// In hexadecimal digits.
    pub sha256: String,
    pub scan: Scan,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<Seal>,
    /// What was found of seals when it came, if it is a PDF. Those that came when nobody looked have nothing here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<Verdict>,
}

/// A file that an authority has sent.
#[derive(Clone, Debug)]
pub struct Attachment {
    pub id: AttachmentId,
    pub description: Description,
    object: ObjectRef,
}

fn place(id: &AttachmentId) -> Place<'_> {
    Place { table: "postbox_attachment", column: "description", row: id.as_str(), version: 1 }
}

impl Description {
    /// Of a file that somebody has, as it would be taken; what is wrong with it otherwise.
    pub fn of_file(name: &str, bytes: &[u8]) -> Result<Self, &'static str> {
        let Name { text: name, kind } = Name::parse(name)?;
        let mut inspector = Inspector::new(kind);
        inspector.take(bytes)?;
        let kind = inspector.finish()?;
        let (length, sha256) = (bytes.len() as u64, hex(&sha256(bytes)));
        Ok(Self { name, kind, bytes: length, sha256, scan: Scan::None, seal: None, judged: None })
    }

    fn seal(&self, id: &AttachmentId, owner: &DataKey, random: &Random) -> Result<Vec<u8>, Error> {
        let plain = serde_json::to_vec(self).map_err(Error::broken)?;
        owner.seal(place(id), &plain, random).map_err(Error::broken)
    }
}

impl store::Row {
    fn read(self, owner: &DataKey) -> Result<Attachment, Error> {
        let plain = owner.open(place(&self.id), &self.description).map_err(Error::broken)?;
        let description = serde_json::from_slice(plain.expose()).map_err(Error::broken)?;
        let object = ObjectRef { id: self.object_id, version: self.object_version };
        Ok(Attachment { id: self.id, description, object })
    }
}

/// The files of a notice, in its order. The key is that of its owner.
pub async fn of_message(tx: &mut Tx, message: &MessageId, owner: &DataKey) -> Result<Vec<Attachment>, Error> {
    let rows = store::of_message(tx, message).await?;
    rows.into_iter().map(|row| row.read(owner)).collect()
}

/// How many files a notice has: no more is said before it is opened.
pub async fn count(tx: &mut Tx, message: &MessageId) -> Result<i64, Error> {
    Ok(store::count(tx, message).await?)
}

/// With the postbox goes whatever was sent for it. The bytes are doomed with everything else of the
/// owner's.
pub(super) async fn forget(work: &mut Work, owner: &str) -> Result<(), Error> {
    Ok(store::delete_of(work, owner).await?)
}
