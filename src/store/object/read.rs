//! Reading. Every chunk of what is stored is opened before the first byte leaves; then all of it is read and opened once more. Should
//! somebody change it in between, the stream ends with an error before what was changed.

use std::ops::Range;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::shelf::{Failure, Stored};
use super::{ObjectRef, Objects, Owner, RETRY_AFTER_SECONDS, rows};
use crate::kernel::chunks::{CHUNK, Content, Opener};
use crate::kernel::error::Error;
use crate::store::db::Tx;

/// Chunks that are read at once.
const GROUP: u64 = 8;
/// Groups that are read and opened beside each other.
const ABREAST: usize = 2;
/// Chunks that wait for a slow reader.
const AHEAD: usize = 2;
/// A reader has to take a chunk within this time: about 2 kB in a second.
const STALLED: Duration = Duration::from_secs(30);

/// Why an object is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("its row does not open under the key of its owner")]
    Row,
    #[error("its bytes are missing")]
    Missing,
    #[error("its bytes are not those that were written")]
    Changed,
    #[error("its owner has no key any more")]
    NoKey,
}

/// An object that its owner has, with what opens it. Nothing of its bytes has been looked at.
pub struct Found {
    object: ObjectRef,
    path: String,
    content: Content,
    opener: Arc<Opener>,
}

/// What a search has come to.
enum Search {
    Found(Box<Found>),
    Damaged(Damage),
}

/// An object of which every chunk has been opened once. It holds a place among those that are read.
pub struct Opened {
    found: Found,
    stored: Stored,
    permit: OwnedSemaphorePermit,
}

impl Objects {
    /// `NotFound` if there is none that is whole and theirs; `Broken` if it is damaged. The key of the owner is needed for nothing
    /// else afterwards.
    pub async fn find(&self, tx: &mut Tx, object: &ObjectRef, owner: Owner<'_>) -> Result<Found, Error> {
        let row = rows::find(tx, object, owner.id).await?.ok_or(Error::NotFound)?;
        if row.damaged_at.is_some() {
            return Err(refused(object, "known"));
        }
        match open_row(object, row, owner) {
            Search::Found(found) => Ok(*found),
            // Not written down here: the caller's connection may only read.
            Search::Damaged(damage) => Err(refused(object, damage)),
        }
    }

    /// Opens everything that is stored. `Broken` if it is not what was written: no byte of it is ever
    /// given out. `Busy` if too many are reading, or the bytes cannot be reached.
    pub async fn open(&self, found: Found) -> Result<Opened, Error> {
        let permit = self.reader()?;
        match self.look_through(&found).await? {
            Ok(stored) => Ok(Opened { found, stored, permit }),
            Err(damage) => {
                self.note_damage(&found.object).await?;
                Err(refused(&found.object, damage))
            }
        }
    }

    /// What has just been written, before it is an object: not opened first, since nobody gets it yet.
    pub(super) async fn open_written(
        &self,
        object: &ObjectRef,
        path: &str,
        written: (Content, Opener),
    ) -> Result<Opened, Error> {
        let permit = self.reader()?;
        let (content, opener) = written;
        let stored = self.shelf()?.open(path).await?;
        let found = Found { object: object.clone(), path: path.to_owned(), content, opener: Arc::new(opener) };
        Ok(Opened { found, stored, permit })
    }

    /// A place among those that read.
    fn reader(&self) -> Result<OwnedSemaphorePermit, Error> {
        let permit = self.0.reading.clone().try_acquire_owned();
        permit.map_err(|_| Error::Busy { retry_after_seconds: RETRY_AFTER_SECONDS })
    }

    async fn look_through(&self, found: &Found) -> Result<Result<Stored, Damage>, Error> {
        let stored = match self.shelf()?.open(&found.path).await {
            Err(Failure::Missing) => return Ok(Err(Damage::Missing)),
            stored => stored?,
        };
        if stored.length != found.content.stored_length() {
            return Ok(Err(Damage::Changed));
        }
        let all = groups(0..found.content.chunks()).map(|chunks| opened(found, &stored, chunks));
        let mut all = stream::iter(all).buffer_unordered(ABREAST);
        while let Some(group) = all.try_next().await? {
            if group.is_none() {
                return Ok(Err(Damage::Changed));
            }
        }
        drop(all);
        Ok(Ok(stored))
    }

    /// Reads an object from end to end and opens every chunk, as the scrub does: what damage there is, if any. Writes it down,
    /// and takes it back if an object turns out to be sound.
    pub async fn check(&self, object: &ObjectRef, owner: Owner<'_>) -> Result<Option<Damage>, Error> {
        let mut tx = self.0.db.read().await?;
        let row = rows::find(&mut tx, object, owner.id).await?.ok_or(Error::NotFound)?;
        drop(tx);
        let damage = match open_row(object, row, owner) {
            Search::Damaged(damage) => Some(damage),
            Search::Found(found) => self.look_through(&found).await?.err(),
        };
        if damage.is_some() {
            self.note_damage(object).await?;
        } else {
            let mut work = self.begin_work().await?;
            rows::put_sound(&mut work, object).await?;
            work.commit().await?;
        }
        Ok(damage)
    }

    /// Writes down that an object is not what was written.
    pub async fn note_damage(&self, object: &ObjectRef) -> Result<(), Error> {
        let mut work = self.begin_work().await?;
        rows::put_damaged(&mut work, object).await?;
        work.commit().await
    }
}

/// Logged once, with the request's id, as whatever is broken.
fn refused(object: &ObjectRef, why: impl std::fmt::Display) -> Error {
    Error::broken(format!("{object} is damaged: {why}"))
}

fn open_row(object: &ObjectRef, row: rows::Row, owner: Owner<'_>) -> Search {
    let open = || {
        let key = owner.key.unwrap_key(object.key_place(), &row.data_key).ok()?;
        let content = owner.key.open(object.content_place(), row.content.as_deref()?).ok()?;
        let content = Content::from_bytes(content.expose())?;
        let opener = Arc::new(Opener::new(&key, object.of(owner.id), &content).ok()?);
        Some(Box::new(Found { object: object.clone(), path: row.path.clone(), content, opener }))
    };
    open().map_or(Search::Damaged(Damage::Row), Search::Found)
}

fn groups(chunks: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let end = chunks.end;
    (chunks.start..end).step_by(GROUP as usize).map(move |first| first..(first + GROUP).min(end))
}

/// Reads some chunks and opens them, beside whoever waits for them; nothing if they are not what was written.
async fn opened(found: &Found, stored: &Stored, chunks: Range<u64>) -> Result<Option<Vec<Bytes>>, Failure> {
    let (opener, range) = (Arc::clone(&found.opener), found.content.stored(chunks.clone()));
    let opened = stored.read(range, move |mut bytes| {
        let places = opener.open(chunks, &mut bytes).ok()?;
        let bytes = bytes.freeze();
        Some(places.into_iter().map(|place| bytes.slice(place)).collect())
    });
    match opened.await {
        Err(Failure::Missing) => Ok(None),
        opened => opened,
    }
}

impl Opened {
    /// In bytes.
    pub fn length(&self) -> u64 {
        self.found.content.length
    }

    pub fn sha256(&self) -> &[u8; 32] {
        &self.found.content.sha256
    }

    /// All of it.
    pub fn stream(self) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
        let all = 0..self.length();
        self.stream_range(all)
    }

    /// What lies in this range of the plaintext; beyond its end there is nothing. Finding out that nothing was altered has cost
    /// reading everything all the same.
    pub fn stream_range(self, range: Range<u64>) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
        let (sender, mut receiver) = mpsc::channel(AHEAD);
        let range = range.start.min(self.length())..range.end.min(self.length());
        let mut left = range.end.saturating_sub(range.start);
        // A task of its own, so that whoever stops taking loses their place among those that read.
        tokio::spawn(async move {
            if let Err(error) = self.send(range, &sender).await {
                drop(tokio::time::timeout(STALLED, sender.send(Err(error))).await);
            }
        });
        // Whoever gets less than all of it is told so; an end without an error is the end.
        stream::poll_fn(move |context| {
            let next = std::task::ready!(receiver.poll_recv(context));
            left = match &next {
                Some(Ok(bytes)) => left.saturating_sub(bytes.len() as u64),
                Some(Err(_)) => 0,
                None if left > 0 => {
                    left = 0;
                    return Poll::Ready(Some(Err(Error::Incomplete)));
                }
                None => 0,
            };
            Poll::Ready(next)
        })
    }

    async fn send(self, range: Range<u64>, to: &mpsc::Sender<Result<Bytes, Error>>) -> Result<(), Error> {
        let size = CHUNK as u64;
        if range.is_empty() {
            return Ok(());
        }
        let numbers = range.start / size..range.end.div_ceil(size);
        let mut at = numbers.start * size;
        let all = groups(numbers).map(|chunks| opened(&self.found, &self.stored, chunks));
        let mut all = stream::iter(all).buffered(ABREAST);
        while let Some(group) = all.try_next().await? {
            for bytes in group.ok_or_else(|| refused(&self.found.object, "changed while it was read"))? {
                let cut = |end: u64| usize::try_from(end.saturating_sub(at)).map_or(CHUNK, |end| end.min(bytes.len()));
                let wanted = bytes.slice(cut(range.start)..cut(range.end));
                at += size;
                match tokio::time::timeout(STALLED, to.send(Ok(wanted))).await {
                    Ok(Ok(())) => {}
                    // Nobody takes it any more, or has for too long.
                    Ok(Err(_)) | Err(_) => return Ok(()),
                }
            }
        }
        drop(all);
        drop(self.permit);
        Ok(())
    }
}
