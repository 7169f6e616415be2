//! Memory, for tests: like a disk it can be full, like a network out of reach, and whoever has it can change what it holds.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::Failure;

#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<State>>);

#[derive(Default)]
pub struct State {
    pub files: BTreeMap<String, Bytes>,
    /// Bytes of uploads under way.
    pub under_way: usize,
    pub capacity: Option<usize>,
    pub is_unreachable: bool,
    /// The most bytes that were ever put or read at once.
    pub longest: usize,
    pub reads: u64,
}

impl State {
    fn used(&self) -> usize {
        self.under_way + self.files.values().map(Bytes::len).sum::<usize>()
    }

    fn reach(&self) -> Result<(), Failure> {
        if self.is_unreachable { Err(Failure::Unreachable("somebody has pulled the plug".to_owned())) } else { Ok(()) }
    }
}

impl Memory {
    pub fn look<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn begin(&self, path: &str) -> Result<Upload, Failure> {
        self.look(|state| state.reach())?;
        Ok(Upload { memory: self.clone(), path: path.to_owned(), bytes: Vec::new() })
    }

    pub(super) fn find(&self, path: &str) -> Result<(u64, Source), Failure> {
        self.look(|state| {
            state.reach()?;
            let length = state.files.get(path).ok_or(Failure::Missing)?.len();
            Ok((length as u64, Source { memory: self.clone(), path: path.to_owned() }))
        })
    }

    pub(super) fn remove(&self, path: &str) -> Result<(), Failure> {
        self.look(|state| {
            state.reach()?;
            state.files.remove(path);
            Ok(())
        })
    }
}

#[derive(Clone)]
pub(super) struct Source {
    memory: Memory,
    path: String,
}

impl Source {
    pub(super) fn read(&self, range: Range<u64>) -> Result<Bytes, Failure> {
        let place = |at: u64| usize::try_from(at).map_err(|_| Failure::Missing);
        let (start, end) = (place(range.start)?, place(range.end)?);
        self.memory.look(|state| {
            state.reach()?;
            (state.reads, state.longest) = (state.reads + 1, state.longest.max(end - start));
            let bytes = state.files.get(&self.path).filter(|bytes| end <= bytes.len()).ok_or(Failure::Missing)?;
            Ok(bytes.slice(start..end))
        })
    }
}

pub struct Upload {
    memory: Memory,
    path: String,
    bytes: Vec<u8>,
}

impl Upload {
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.memory.look(|state| {
            state.reach()?;
            if state.capacity.is_some_and(|capacity| state.used() + bytes.len() > capacity) {
                return Err(Failure::NoRoom);
            }
            (state.under_way, state.longest) = (state.under_way + bytes.len(), state.longest.max(bytes.len()));
            Ok(())
        })?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn complete(mut self) -> Result<(), Failure> {
        self.memory.look(|state| {
            state.reach()?;
            let bytes = std::mem::take(&mut self.bytes);
            state.under_way -= bytes.len();
            state.files.insert(self.path.clone(), bytes.into());
            Ok(())
        })
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let left = self.bytes.len();
        self.memory.look(|state| state.under_way -= left);
    }
}
