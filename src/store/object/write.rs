//! Writing: a row first, then the bytes, then the caller's own transaction. Whatever breaks off in between leaves nothing that
//! anybody could read, and is cleared away: at once if this process still can, otherwise by the sweep.

use std::fmt::Display;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::{Stream, StreamExt as _};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;

use super::shelf::{Shelf, Upload};
use super::{ObjectRef, Objects, Opened, Owner, RETRY_AFTER_SECONDS, UNFINISHED_MAX, WRITE_MAX, rows};
use crate::kernel::chunks::{Content, Opener, Sealer};
use crate::kernel::error::Error;
use crate::kernel::id::ObjectId;
use crate::kernel::pdf_seal::{Found, TrustAnchors, Verdict};
use crate::kernel::seal::{DataKey, SealError};
use crate::kernel::time::Timestamp;
use crate::store::work::Work;

/// So many bytes of the beginning are kept, for whoever wants to know what kind of file it is.
const BEGINNING: usize = 4096;

/// So many bytes are sealed at once, at most, but for a piece that is longer; or fewer, if they come in so many pieces.
const BATCH: usize = 256 * 1024;
const BATCH_PIECES_MAX: usize = 1024;

/// How slow a sender may be: within each window so many bytes, or the end.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub window: Duration,
    pub bytes: u64,
}

impl Default for Pace {
    /// About 1 kB in a second.
    fn default() -> Self {
        Self { window: Duration::from_secs(30), bytes: 32 * 1024 }
    }
}

/// A place for bytes, and the key for them. Nobody sees it.
pub struct Writing {
    unfinished: Unfinished,
    owner: String,
    key: DataKey,
    pub pace: Pace,
    _permit: OwnedSemaphorePermit,
}

/// All bytes are there and last. Nobody sees them before [`Written::finish`]; dropped before, they go.
pub struct Written {
    unfinished: Unfinished,
    owner: String,
    key: DataKey,
    content: Content,
    beginning: Vec<u8>,
    /// The seals that were found while it came, if somebody has looked for them.
    pub(super) seals: Option<Found>,
}

impl Objects {
    /// A new object. To be called outside any work: it commits its row. `Busy` if there are too many uploads on this node.
    pub async fn begin(&self, owner: Owner<'_>) -> Result<Writing, Error> {
        let id = ObjectId::new(self.0.clock.now(), &self.0.random);
        self.begin_as(ObjectRef { id, version: 1 }, owner).await
    }

    /// The next version of an object, which leaves those before it as they are. `Conflict` if somebody else begins it, too.
    pub async fn begin_version(&self, id: &ObjectId, owner: Owner<'_>) -> Result<Writing, Error> {
        let version = rows::next_version(&mut self.0.db.read().await?, id, owner.id).await?.ok_or(Error::NotFound)?;
        self.begin_as(ObjectRef { id: id.clone(), version }, owner).await
    }

    async fn begin_as(&self, object: ObjectRef, owner: Owner<'_>) -> Result<Writing, Error> {
        self.shelf()?;
        let permit = self.0.writing.clone().try_acquire_owned();
        let permit = permit.map_err(|_| Error::Busy { retry_after_seconds: RETRY_AFTER_SECONDS })?;
        let random = &self.0.random;
        let key = DataKey::random(random);
        let data_key = owner.key.wrap(object.key_place(), &key, random).map_err(Error::broken)?;
        let letters = random.letters(32);
        let (shelf, place) = letters.expose().split_at(2);
        let path = format!("{shelf}/{place}");
        let mut work = self.begin_work().await?;
        match rows::insert(&mut work, &object, owner.id, (&path, &data_key)).await {
            Err(error) if error.is_conflict() => return Err(Error::Conflict("object_version")),
            inserted => inserted?,
        }
        work.commit().await?;
        let unfinished = Unfinished { objects: self.clone(), object, path, is_armed: true };
        Ok(Writing { unfinished, owner: owner.id.to_owned(), key, pace: Pace::default(), _permit: permit })
    }
}

impl Writing {
    pub fn object(&self) -> &ObjectRef {
        &self.unfinished.object
    }

    /// Takes what comes, at most so many bytes. `TooLarge` beyond that; `Incomplete` if it breaks off or comes too slowly; `NoRoom`
    /// or `Busy` if it cannot be put down. After each of them nothing of it is left.
    pub async fn write<S, E>(self, pieces: S, bytes_max: u64) -> Result<Written, Error>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Display,
    {
        let Self { unfinished, owner, key, pace, _permit } = self;
        let shelf = unfinished.objects.shelf()?;
        let sealer = Sealer::new(&key, unfinished.object.of(&owner)).map_err(Error::broken)?;
        let pour = pour(pieces, (bytes_max, pace), sealer, (shelf, &unfinished.path));
        let (content, beginning) = tokio::time::timeout(WRITE_MAX, pour).await.unwrap_or(Err(Error::Incomplete))?;
        // The owner may be gone meanwhile, and with them whatever would have removed this.
        if !rows::is_writing(&mut unfinished.objects.0.db.read().await?, &unfinished.object).await? {
            return Err(Error::Gone);
        }
        Ok(Written { unfinished, owner, key, content, beginning, seals: None })
    }
}

async fn pour<S, E>(
    pieces: S,
    (bytes_max, pace): (u64, Pace),
    sealer: Sealer,
    (shelf, path): (&Shelf, &str),
) -> Result<(Content, Vec<u8>), Error>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: Display,
{
    let mut upload = shelf.begin(path).await?;
    let (mut pieces, mut window) = (pin!(pieces), pin!(tokio::time::sleep(pace.window)));
    let (mut length, mut in_window) = (0, 0);
    let (mut sealing, mut beginning) = (Sealing::new(sealer), Vec::new());
    loop {
        let piece = tokio::select! {
            biased;
            piece = pieces.next() => piece,
            () = &mut window => {
                if in_window < pace.bytes {
                    return Err(Error::Incomplete);
                }
                in_window = 0;
                window.set(tokio::time::sleep(pace.window));
                continue;
            }
        };
        let Some(piece) = piece else { break };
        let piece = piece.map_err(|error| {
            tracing::debug!("an upload has broken off: {error}");
            Error::Incomplete
        })?;
        (length, in_window) = (length + piece.len() as u64, in_window + piece.len() as u64);
        if length > bytes_max {
            return Err(Error::TooLarge);
        }
        beginning.extend(piece.iter().take(BEGINNING - beginning.len()));
        if let Some(sealed) = sealing.take(piece).await? {
            upload.write(sealed).await?;
        }
    }
    let (sealed, content) = sealing.finish(&mut upload).await?;
    upload.write(sealed).await?;
    upload.complete().await?;
    Ok((content, beginning))
}

/// What seals, and what it has sealed.
type Sealed = (Sealer, Vec<u8>);

/// Seals one batch beside whoever receives the next.
struct Sealing {
    batch: Vec<Bytes>,
    length: usize,
    /// The batch before.
    before: BoxFuture<'static, Result<Sealed, Error>>,
}

impl Sealing {
    fn new(sealer: Sealer) -> Self {
        Self { batch: Vec::new(), length: 0, before: std::future::ready(Ok((sealer, Vec::new()))).boxed() }
    }

    /// Takes a piece; what is to be stored by then, if it is time for that.
    async fn take(&mut self, piece: Bytes) -> Result<Option<Vec<u8>>, Error> {
        let is_time = self.length + piece.len() > BATCH || self.batch.len() == BATCH_PIECES_MAX;
        let sealed = if is_time { self.next().await? } else { Vec::new() };
        self.length += piece.len();
        self.batch.push(piece);
        Ok(Some(sealed).filter(|sealed| !sealed.is_empty()))
    }

    /// Begins to seal what has come; what was sealed of the batch before.
    async fn next(&mut self) -> Result<Vec<u8>, Error> {
        let (sealer, sealed) = (&mut self.before).await?;
        let batch = std::mem::take(&mut self.batch);
        let next = spawn_blocking(move || seal(sealer, &batch));
        self.before = async { next.await.map_err(Error::broken)?.map_err(Error::broken) }.boxed();
        self.length = 0;
        Ok(sealed)
    }

    /// The last of it, behind the batch before, and what it all was.
    async fn finish(self, upload: &mut Upload) -> Result<(Vec<u8>, Content), Error> {
        let (mut sealer, sealed) = self.before.await?;
        if !sealed.is_empty() {
            upload.write(sealed).await?;
        }
        for piece in &self.batch {
            sealer.take(piece).map_err(Error::broken)?;
        }
        sealer.finish().map_err(Error::broken)
    }
}

fn seal(mut sealer: Sealer, batch: &[Bytes]) -> Result<Sealed, SealError> {
    for piece in batch {
        sealer.take(piece)?;
    }
    let sealed = sealer.sealed();
    Ok((sealer, sealed))
}

impl Written {
    pub fn object(&self) -> &ObjectRef {
        &self.unfinished.object
    }

    /// In bytes.
    pub fn length(&self) -> u64 {
        self.content.length
    }

    pub fn sha256(&self) -> &[u8; 32] {
        &self.content.sha256
    }

    /// The first bytes, up to 4096.
    pub fn beginning(&self) -> &[u8] {
        &self.beginning
    }

    async fn open(&self) -> Result<Opened, Error> {
        let Unfinished { objects, object, path, .. } = &self.unfinished;
        let opener = Opener::new(&self.key, object.of(&self.owner), &self.content).map_err(Error::broken)?;
        objects.open_written(object, path, (self.content.clone(), opener)).await
    }

    /// Judges the seals that were found in it while it came; nothing if nobody has looked for any. Reads all of it once more if there are some.
    pub async fn judge(&mut self, anchors: &TrustAnchors, now: Timestamp) -> Result<Option<Verdict>, Error> {
        let Some(mut seals) = self.seals.take() else { return Ok(None) };
        if !seals.is_none() {
            let mut pieces = pin!(self.open().await?.stream());
            while let Some(piece) = pieces.next().await {
                seals.take(&piece?);
            }
        }
        Ok(Some(seals.judge(anchors, now)))
    }

    /// Makes it an object, in the work that also writes down who refers to it. `Gone` if its owner is, or if this comes more than an
    /// hour after its beginning.
    pub async fn finish(mut self, work: &mut Work, owner: Owner<'_>) -> Result<ObjectRef, Error> {
        let object = self.unfinished.object.clone();
        if owner.id != self.owner {
            return Err(Error::broken("an object is finished for somebody else"));
        }
        let sealed = owner.key.seal(object.content_place(), &self.content.to_bytes(), &work.random);
        let sealed = sealed.map_err(Error::broken)?;
        let begun_after = work.now.minus(UNFINISHED_MAX);
        if !rows::finish(work, &object, (owner.id, &sealed), begun_after).await? {
            return Err(Error::Gone);
        }
        // From here on the work decides; if it is not committed, the sweep finds the row as it was.
        self.unfinished.is_armed = false;
        Ok(object)
    }
}

/// Clears away when nobody comes to the end.
struct Unfinished {
    objects: Objects,
    object: ObjectRef,
    path: String,
    is_armed: bool,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let (true, Ok(runtime)) = (self.is_armed, tokio::runtime::Handle::try_current()) else { return };
        let (objects, object, path) = (self.objects.clone(), self.object.clone(), std::mem::take(&mut self.path));
        runtime.spawn(async move {
            if let Err(error) = objects.give_up(&object, &path).await {
                tracing::warn!("{object} stays until it is swept: {error}");
            }
        });
    }
}

impl Objects {
    /// The row stays until the sweep has looked again: the last act of an upload may still be under way.
    async fn give_up(&self, object: &ObjectRef, path: &str) -> Result<(), Error> {
        self.shelf()?.remove(path).await?;
        let mut work = self.begin_work().await?;
        rows::give_up(&mut work, object).await?;
        work.commit().await
    }
}
