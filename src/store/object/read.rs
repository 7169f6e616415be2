//! Reading. Every chunk of what is stored is opened before the first byte leaves; then all of it is read and opened once more. Should
//! somebody change it in between, the stream ends with an error before what was changed.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::shelf::{Failure, Stored};
use super::{ObjectRef, Objects, Owner, RETRY_AFTER_SECONDS, rows};
use crate::kernel::chunks::{CHUNK, Content, Opener};
use crate::kernel::error::Error;
use crate::store::db::Tx;

/// Chunks that are read at once.
const GROUP: u64 = 6;
/// Chunks that one thread looks through in one go, at most, group by group: to wait for a thread each time costs as much as reading.
const RUN: u64 = 16 * GROUP;
/// Groups that are read and opened beside each other, and runs.
const ABREAST: usize = 2;
/// What is handed on at once, a quarter of a group. The buffer of a connection is kept as long as it has no more than 128 KiB, of which 32 may
/// still wait; sending in pieces of one chunk or of two was measured to take a quarter longer.
const PIECE: usize = CHUNK + CHUNK / 2;
/// Pieces that wait for a slow reader.
const AHEAD: usize = 2;
/// A reader has to take a piece within this time: about 3 kB in a second.
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

/// Where groups are read to and opened: the same place again, once nobody has anything of it any more.
#[derive(Default)]
struct Memory(Mutex<Vec<Bytes>>);

impl Memory {
    /// A place that nobody looks at any more, or an empty one.
    fn take(&self) -> BytesMut {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let free = all.iter().position(Bytes::is_unique).map(|at| all.swap_remove(at));
        free.and_then(|free| free.try_into_mut().ok()).unwrap_or_default()
    }

    fn keep(&self, bytes: Bytes) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
    }
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
        let chunks = found.content.chunks();
        let run = RUN.min(chunks.div_ceil(ABREAST as u64).next_multiple_of(GROUP));
        let all = parts(0..chunks, run).map(|chunks| is_sound(found, &stored, chunks));
        let mut all = stream::iter(all).buffer_unordered(ABREAST);
        while let Some(is_sound) = all.try_next().await? {
            if !is_sound {
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

/// These chunks, so many at a time.
fn parts(chunks: Range<u64>, size: u64) -> impl Iterator<Item = Range<u64>> {
    let Range { mut start, end } = chunks;
    std::iter::from_fn(move || {
        let part = start..end.min(start + size);
        start = part.end;
        (!part.is_empty()).then_some(part)
    })
}

/// Whether these chunks are what was written. Whatever opens is forgotten at once.
async fn is_sound(found: &Found, stored: &Stored, chunks: Range<u64>) -> Result<bool, Failure> {
    let (content, opener) = (found.content.clone(), Arc::clone(&found.opener));
    let ranges = parts(chunks.clone(), GROUP).map(move |group| content.stored(group));
    let mut groups = parts(chunks, GROUP);
    let sound =
        stored.read_each(ranges, move |bytes| groups.next().is_some_and(|group| opener.open(group, bytes).is_ok()));
    match sound.await {
        Err(Failure::Missing) => Ok(false),
        sound => sound,
    }
}

/// Reads a group and opens it, beside whoever waits for it; nothing if it is not what was written.
async fn opened(
    (found, stored): (&Found, &Stored),
    chunks: Range<u64>,
    memory: &Memory,
) -> Result<Option<Bytes>, Failure> {
    let (opener, range) = (Arc::clone(&found.opener), found.content.stored(chunks.clone()));
    let opened = stored.read(range, memory.take(), move |mut bytes| {
        let mut length = 0;
        for plain in opener.open(chunks, &mut bytes).ok()? {
            let end = length + plain.len();
            bytes.copy_within(plain, length);
            length = end;
        }
        bytes.truncate(length);
        Some(bytes.freeze())
    });
    match opened.await {
        Err(Failure::Missing) => Ok(None),
        opened => opened.inspect(|opened| opened.iter().for_each(|bytes| memory.keep(bytes.clone()))),
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
        let memory = Memory::default();
        let all = parts(numbers, GROUP).map(|chunks| opened((&self.found, &self.stored), chunks, &memory));
        let mut all = stream::iter(all).buffered(ABREAST);
        while let Some(group) = all.try_next().await? {
            let group = group.ok_or_else(|| refused(&self.found.object, "changed while it was read"))?;
            let length = group.len();
            let cut = |end: u64| usize::try_from(end.saturating_sub(at)).map_or(length, |end| end.min(length));
            let mut wanted = group.slice(cut(range.start)..cut(range.end));
            at += length as u64;
            while !wanted.is_empty() {
                let piece = wanted.split_to(PIECE.min(wanted.len()));
                match tokio::time::timeout(STALLED, to.send(Ok(piece))).await {
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
