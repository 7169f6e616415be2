//! Fetching a version of a document: compared as a whole before the first byte leaves, and never shown by us.

use super::event::{self, What};
use super::keeper::Keeper;
use super::{Document, Version, find, version};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::file::inspect::Type;
use crate::kernel::id::DocumentId;
use crate::kernel::seal::DataKey;
use crate::kernel::secret::hex;
use crate::store::db::Tx;
use crate::store::object::{Found, Opened, Owner};

/// A file of which every byte that is stored has been compared.
pub struct File {
    pub name: String,
    pub kind: Type,
    pub bytes: Opened,
}

/// A version that its owner has, of whose bytes nothing has been looked at.
pub struct Unopened {
    name: String,
    version: Version,
    found: Found,
}

/// Looks a version up. Whoever calls this has decided who may have it; the key is the owner's.
pub async fn look_up(
    app: &AppParts,
    tx: &mut Tx,
    (document, key): (&Document, &DataKey),
    number: i64,
) -> Result<Unopened, Error> {
    let version = version(tx, document, number, key).await?;
    let owner = Owner { id: document.owner.as_str(), key };
    let found = app.objects.find(tx, &version.object, owner).await.map_err(|error| match error {
        // A document has it, so somebody has taken it away.
        Error::NotFound => Error::broken(format!("{} version {number} has no bytes", document.id)),
        error => error,
    })?;
    let name = document.filing.clone().renamed_for(version.facts.kind).name;
    Ok(Unopened { name, version, found })
}

impl Unopened {
    /// `Broken`, before the first byte, if it is not what was put there.
    pub async fn open(self, app: &AppParts) -> Result<File, Error> {
        let Self { name, version, found } = self;
        let bytes = app.objects.open(found).await?;
        if hex(bytes.sha256()) != version.facts.sha256 || bytes.length() != version.bytes {
            return Err(Error::broken(format!("{} is another file", version.object)));
        }
        Ok(File { name, kind: version.facts.kind, bytes })
    }
}

/// For whoever is in front of the safe. Of what somebody fetches from the safe of another that one reads in the protocol.
pub async fn open(
    app: &AppParts,
    keeper: &Keeper,
    (id, number): (&DocumentId, i64),
    request: &str,
) -> Result<File, Error> {
    let mut tx = app.read().await?;
    let key = keeper.key(&mut tx, &app.vault).await?;
    let document = find(&mut tx, (&keeper.owner, &key), id).await?;
    keeper.require_opening(&document)?;
    let unopened = look_up(app, &mut tx, (&document, &key), number).await?;
    drop(tx);
    let file = unopened.open(app).await?;
    if keeper.power().is_some() {
        let mut work = keeper.begin(app, request).await?;
        event::record(&mut work, keeper, Some(id), What::Fetched { version: number }).await?;
        work.commit().await?;
    }
    Ok(file)
}
