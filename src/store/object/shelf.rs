//! Where the bytes lie: a directory, a bucket of an S3 service, or memory for tests. Knows nothing of keys and owners.

mod bucket;
mod directory;
mod memory;

use std::ops::Range;

use bytes::BytesMut;
use tokio::task::spawn_blocking;

use crate::kernel::error::Error;

pub use bucket::{Bucket, BucketSettings};
pub use directory::Directory;
pub use memory::Memory;

/// How long somebody should wait who could not be served because the shelf cannot be reached.
const RETRY_AFTER_SECONDS: u64 = 30;

#[derive(Clone)]
pub enum Shelf {
    Directory(Directory),
    Bucket(Bucket),
    /// What the tests take: it can be full, out of reach, and changed.
    Memory(Memory),
}

/// Why something could not be put or read.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("there is no room")]
    NoRoom,
    #[error("it is not there")]
    Missing,
    #[error("cannot be reached: {0}")]
    Unreachable(String),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Self::NoRoom,
            ErrorKind::NotFound => Self::Missing,
            _ => Self::Unreachable(error.to_string()),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        tracing::warn!("objects: {failure}");
        metrics::counter!("nutzerkonto_objects_failed_total").increment(1);
        match failure {
            Failure::NoRoom => Self::NoRoom,
            Failure::Missing => Self::broken(failure),
            Failure::Unreachable(_) => Self::Busy { retry_after_seconds: RETRY_AFTER_SECONDS },
        }
    }
}

/// Something on its way. Dropped before [`Upload::complete`], nothing of it is to be seen.
pub enum Upload {
    Directory(directory::Upload),
    Bucket(bucket::Upload),
    Memory(memory::Upload),
}

/// Something that can be read, and how long it is.
#[derive(Clone)]
pub struct Stored {
    pub length: u64,
    source: Source,
}

#[derive(Clone)]
enum Source {
    Directory(directory::Source),
    Bucket(bucket::Source),
    Memory(memory::Source),
}

impl Shelf {
    pub async fn begin(&self, path: &str) -> Result<Upload, Failure> {
        Ok(match self {
            Self::Directory(directory) => Upload::Directory(directory.begin(path).await?),
            Self::Bucket(bucket) => Upload::Bucket(bucket.begin(path)),
            Self::Memory(memory) => Upload::Memory(memory.begin(path)?),
        })
    }

    pub async fn open(&self, path: &str) -> Result<Stored, Failure> {
        let (length, source) = match self {
            Self::Directory(directory) => {
                let (length, source) = directory.find(path).await?;
                (length, Source::Directory(source))
            }
            Self::Bucket(bucket) => {
                let (length, source) = bucket.find(path).await?;
                (length, Source::Bucket(source))
            }
            Self::Memory(memory) => {
                let (length, source) = memory.find(path)?;
                (length, Source::Memory(source))
            }
        };
        Ok(Stored { length, source })
    }

    /// Removes it and whatever there is of an upload to the same place. That there is nothing is fine.
    pub async fn remove(&self, path: &str) -> Result<(), Failure> {
        match self {
            Self::Directory(directory) => directory.remove(path).await,
            Self::Bucket(bucket) => bucket.remove(path).await,
            Self::Memory(memory) => memory.remove(path),
        }
    }
}

impl Upload {
    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        match self {
            Self::Directory(upload) => upload.write(bytes).await,
            Self::Bucket(upload) => upload.write(bytes).await,
            Self::Memory(upload) => upload.write(&bytes),
        }
    }

    /// Makes it last: when this returns, a power failure does not take it away.
    pub async fn complete(self) -> Result<(), Failure> {
        match self {
            Self::Directory(upload) => upload.complete().await,
            Self::Bucket(upload) => upload.complete().await,
            Self::Memory(upload) => upload.complete(),
        }
    }
}

impl Stored {
    /// Reads these ranges one after the other, and looks at each where it keeps nobody waiting, until one of them is not as it
    /// should be.
    pub async fn read_each(
        &self,
        ranges: impl Iterator<Item = Range<u64>> + Send + 'static,
        mut look: impl FnMut(&mut [u8]) -> bool + Send + 'static,
    ) -> Result<bool, Failure> {
        if let Source::Directory(source) = &self.source {
            return source.read_each(ranges, look).await;
        }
        for range in ranges {
            let (is_right, again) =
                self.read(range, BytesMut::new(), move |mut bytes| (look(&mut bytes), look)).await?;
            if !is_right {
                return Ok(false);
            }
            look = again;
        }
        Ok(true)
    }

    /// Reads all of these bytes, to where there is a place if it can, and does something with them where it keeps nobody waiting.
    pub async fn read<T: Send + 'static>(
        &self,
        range: Range<u64>,
        place: BytesMut,
        act: impl FnOnce(BytesMut) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let wanted = range.end.saturating_sub(range.start);
        if range.end > self.length {
            return Err(Failure::Missing);
        }
        let bytes = match &self.source {
            Source::Directory(source) => return source.read(range, place, act).await,
            Source::Bucket(source) => source.read(range).await?,
            Source::Memory(source) => source.read(range)?,
        };
        if bytes.len() as u64 != wanted {
            return Err(Failure::Missing);
        }
        let done = spawn_blocking(move || act(bytes.into()));
        done.await.map_err(|error| Failure::Unreachable(error.to_string()))
    }
}
