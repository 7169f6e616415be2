//! Fetching a file of a notice: for whoever may read the notice, signed in at the level that it needs, once somebody has opened it.

use super::{Description, store};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::{AttachmentId, MessageId};
use crate::kernel::secret::hex;
use crate::postbox::opening;
use crate::postbox::reader::Reader;
use crate::store::object::{self, Owner};

/// A file of which every byte that is stored has been compared.
pub struct File {
    pub description: Description,
    pub bytes: object::Opened,
}

/// `NotFound` for what is not there, not theirs, or of a notice that nobody has opened; `Broken`, before the first byte, if it is not what
/// was sent.
pub async fn open(app: &AppParts, reader: &Reader, (message, id): (&MessageId, &AttachmentId)) -> Result<File, Error> {
    let mut tx = app.read().await?;
    let (message, key) = opening::find_opened(&mut tx, app, reader, message).await?;
    let attachment = store::find(&mut tx, &message.id, id).await?.ok_or(Error::NotFound)?.read(&key)?;
    let owner = Owner { id: message.owner.as_str(), key: &key };
    let found = app.objects.find(&mut tx, &attachment.object, owner).await.map_err(|error| match error {
        // Its notice has it, so somebody has taken it away.
        Error::NotFound => Error::broken(format!("{} has no bytes", attachment.id)),
        error => error,
    })?;
    drop(tx);
    let bytes = app.objects.open(found).await?;
    let Description { sha256, bytes: length, .. } = &attachment.description;
    if hex(bytes.sha256()) != *sha256 || bytes.length() != *length {
        return Err(Error::broken(format!("{} is another file", attachment.id)));
    }
    Ok(File { description: attachment.description, bytes })
}
