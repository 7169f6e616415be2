//! A directory on this machine, or one that all nodes share. Nobody but the program's user can look into it.
//!
//! A file is written under another name, flushed to the disk and renamed, and so is the entry in its directory: after a
//! power failure there is the whole file or none.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::BytesMut;
use tokio::task::{JoinHandle, spawn_blocking};

use super::Failure;

/// Only the program's user.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

#[derive(Clone)]
pub struct Directory(Arc<PathBuf>);

impl Directory {
    /// Makes it if it is not there, and closes it to others.
    pub fn open(path: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path)?;
        if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(DIRECTORY_MODE))?;
        }
        Ok(Self(Arc::new(path.canonicalize()?)))
    }

    pub(super) async fn begin(&self, path: &str) -> Result<Upload, Failure> {
        let (root, full) = (Arc::clone(&self.0), self.0.join(path));
        let half = half(&full);
        let name = half.clone();
        let file = blocking(move || {
            make_parent(&root, &name)?;
            OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&name)
        });
        let file = Arc::new(file.await?);
        Ok(Upload { file, writing: None, flushing: None, unflushed: 0, half, full })
    }

    pub(super) async fn find(&self, path: &str) -> Result<(u64, Source), Failure> {
        let path = self.0.join(path);
        let opened = blocking(move || {
            let file = File::open(path)?;
            Ok((file.metadata()?.len(), Source(Arc::new(file))))
        });
        opened.await
    }

    pub(super) async fn remove(&self, path: &str) -> Result<(), Failure> {
        let full = self.0.join(path);
        let removed = blocking(move || {
            let removed = [half(&full), full.clone()].map(|file| match fs::remove_file(file) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
                removed => removed.map(|()| true),
            });
            let [one, other] = removed;
            if one? | other? { sync_parent(&full) } else { Ok(()) }
        });
        removed.await
    }
}

fn half(full: &Path) -> PathBuf {
    full.with_extension("half")
}

async fn blocking<T: Send + 'static>(act: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Failure> {
    let done = spawn_blocking(act).await.map_err(|error| Failure::Unreachable(error.to_string()))?;
    Ok(done?)
}

fn make_parent(root: &Path, file: &Path) -> io::Result<()> {
    let Some(parent) = file.parent() else { return Ok(()) };
    match fs::DirBuilder::new().mode(DIRECTORY_MODE).create(parent) {
        Ok(()) => File::open(root)?.sync_all(),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn sync_parent(file: &Path) -> io::Result<()> {
    file.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

/// So many bytes are on their way to the disk before what comes behind them is there, so that the end does not wait for all of them.
const FLUSHED_BYTES: usize = 16 * 1024 * 1024;

/// Writes, and flushes what is written, beside whoever seals: one of each at a time.
pub struct Upload {
    file: Arc<File>,
    writing: Option<JoinHandle<io::Result<()>>>,
    flushing: Option<JoinHandle<io::Result<()>>>,
    unflushed: usize,
    half: PathBuf,
    full: PathBuf,
}

/// What has become of it. A failure of the disk is told once, to whoever asks first.
async fn done(act: &mut Option<JoinHandle<io::Result<()>>>) -> Result<(), Failure> {
    let Some(act) = act.take() else { return Ok(()) };
    Ok(act.await.map_err(|error| Failure::Unreachable(error.to_string()))??)
}

impl Upload {
    pub(super) async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        done(&mut self.writing).await?;
        if self.unflushed >= FLUSHED_BYTES && self.flushing.as_ref().is_none_or(JoinHandle::is_finished) {
            done(&mut self.flushing).await?;
            let file = Arc::clone(&self.file);
            self.flushing = Some(spawn_blocking(move || file.sync_data()));
            self.unflushed = 0;
        }
        self.unflushed += bytes.len();
        let file = Arc::clone(&self.file);
        self.writing = Some(spawn_blocking(move || (&*file).write_all(&bytes)));
        Ok(())
    }

    pub(super) async fn complete(mut self) -> Result<(), Failure> {
        done(&mut self.writing).await?;
        done(&mut self.flushing).await?;
        let (file, half, full) = (Arc::clone(&self.file), self.half.clone(), self.full.clone());
        blocking(move || {
            file.sync_all()?;
            fs::rename(&half, &full)?;
            sync_parent(&full)
        })
        .await
    }
}

impl Drop for Upload {
    /// Room that nobody will need is given back at once. After [`Upload::complete`] there is nothing under this name.
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.half)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!("objects: half a file stays until it is swept: {error}");
        }
    }
}

#[derive(Clone)]
pub(super) struct Source(Arc<File>);

impl Source {
    pub(super) async fn read<T: Send + 'static>(
        &self,
        range: Range<u64>,
        mut place: BytesMut,
        act: impl FnOnce(BytesMut) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let file = Arc::clone(&self.0);
        let read = blocking(move || {
            fill(&file, range, &mut place)?;
            Ok(act(place))
        });
        or_cut(read.await)
    }

    /// All in one thread and in the same memory.
    pub(super) async fn read_each(
        &self,
        ranges: impl Iterator<Item = Range<u64>> + Send + 'static,
        mut look: impl FnMut(&mut [u8]) -> bool + Send + 'static,
    ) -> Result<bool, Failure> {
        let file = Arc::clone(&self.0);
        let read = blocking(move || {
            let mut bytes = BytesMut::new();
            for range in ranges {
                fill(&file, range, &mut bytes)?;
                if !look(&mut bytes) {
                    return Ok(false);
                }
            }
            Ok(true)
        });
        or_cut(read.await)
    }
}

fn fill(file: &File, range: Range<u64>, bytes: &mut BytesMut) -> io::Result<()> {
    bytes.resize(usize::try_from(range.end - range.start).map_err(io::Error::other)?, 0);
    file.read_exact_at(bytes, range.start)
}

/// A file that was cut while it was read has lost what is not there any more.
fn or_cut<T>(read: Result<T, Failure>) -> Result<T, Failure> {
    match read {
        Err(Failure::Unreachable(reason)) if reason.contains("fill whole buffer") => Err(Failure::Missing),
        read => read,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::random::Random;

    fn scratch(name: &str) -> PathBuf {
        let chance = Random::System.letters(8);
        std::env::temp_dir().join(format!("nk_objects_{name}_{}", chance.expose()))
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn nobody_else_can_look_into_it() {
        let root = scratch("modes");
        fs::create_dir_all(&root).unwrap();
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
        let directory = Directory::open(&root).unwrap();
        let mut upload = directory.begin("AB/CDEF").await.unwrap();
        upload.write(b"sealed".to_vec()).await.unwrap();
        assert_eq!(mode(&root.join("AB/CDEF.half")), 0o600);
        upload.complete().await.unwrap();
        assert_eq!([mode(&root), mode(&root.join("AB")), mode(&root.join("AB/CDEF"))], [0o700, 0o700, 0o600]);
        let (length, source) = directory.find("AB/CDEF").await.unwrap();
        for place in ["", "abc", "abcdef"] {
            let read = source.read(2..6, BytesMut::from(place), |bytes| bytes.to_vec()).await.unwrap();
            assert_eq!((length, read), (6, b"aled".to_vec()));
        }
        assert!(matches!(source.read(2..7, BytesMut::new(), drop).await, Err(Failure::Missing)));
        for (last, expected) in [("sealed", true), ("opened", false)] {
            let mut parts = ["se", "ale", "d", last].into_iter();
            let look = move |bytes: &mut [u8]| parts.next().is_some_and(|part| part.as_bytes() == bytes);
            assert_eq!(source.read_each([0..2, 2..5, 5..6, 0..6].into_iter(), look).await.unwrap(), expected);
        }
        assert!(matches!(source.read_each([0..6, 0..7].into_iter(), |_| true).await, Err(Failure::Missing)));
        directory.remove("AB/CDEF").await.unwrap();
        directory.remove("AB/CDEF").await.unwrap();
        assert!(matches!(directory.find("AB/CDEF").await, Err(Failure::Missing)));
        fs::remove_dir_all(root).unwrap();
    }

    #[tokio::test]
    async fn half_a_file_is_gone_when_nobody_goes_on() {
        let root = scratch("half");
        let directory = Directory::open(&root).unwrap();
        let mut upload = directory.begin("AB/CDEF").await.unwrap();
        upload.write(vec![1; 100_000]).await.unwrap();
        assert!(matches!(directory.find("AB/CDEF").await, Err(Failure::Missing)), "not to be seen");
        drop(upload);
        assert_eq!(fs::read_dir(root.join("AB")).unwrap().count(), 0);
        fs::remove_dir_all(root).unwrap();
    }

    /// What the kernel says: no space left (28), over the quota (122), file too large (27).
    #[test]
    fn a_full_disk_is_told_from_a_broken_one() {
        for full in [28, 122, 27] {
            assert!(matches!(Failure::from(io::Error::from_raw_os_error(full)), Failure::NoRoom), "{full}");
        }
        assert!(matches!(Failure::from(io::Error::from_raw_os_error(5)), Failure::Unreachable(_)));
    }
}
