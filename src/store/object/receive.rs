//! A file comes: looked at, shown to the scanner and sealed in one go, piece by piece, so that no more than a few pieces are in memory. Until
//! all three have nothing against it there is no such file; whatever is refused leaves nothing.

use std::collections::HashMap;
use std::fmt::Display;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};

use super::{Objects, Owner, RETRY_AFTER_SECONDS, Written};
use crate::kernel::error::Error;
use crate::kernel::file::Scan;
use crate::kernel::file::inspect::{Inspector, Type};
use crate::kernel::pdf_seal::{self, Finder};
use crate::kernel::scan::{Finding, NotScanned, Scanner, Scanning};

/// So many files of one sender come at once to this node: half of all, so that nobody keeps the others from sending.
const OF_ONE_MAX: usize = 8;

/// A file that somebody sends.
#[derive(Clone, Copy)]
pub struct Coming<'a> {
    /// Who sends it.
    pub by: &'a str,
    /// Whose it is to be.
    pub owner: Owner<'a>,
    /// What it has to be.
    pub kind: Type,
}

/// How many files come from each sender.
#[derive(Clone, Default)]
pub(super) struct Senders(Arc<Mutex<HashMap<String, usize>>>);

/// Counts one of them for as long as it lives.
struct Sending<'a> {
    senders: &'a Senders,
    by: &'a str,
}

impl Senders {
    fn begin<'a>(&'a self, by: &'a str) -> Result<Sending<'a>, Error> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(by.to_owned()).or_default();
        if *count == OF_ONE_MAX {
            return Err(Error::Busy { retry_after_seconds: RETRY_AFTER_SECONDS });
        }
        *count += 1;
        Ok(Sending { senders: self, by })
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        let mut counts = self.senders.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(self.by) {
            *count -= 1;
            if *count == 0 {
                counts.remove(self.by);
            }
        }
    }
}

/// What has become of a file.
pub enum Received {
    /// All of it is there, and nobody has anything against it. It is an object once it is finished.
    Sound(Box<Written>, Scan),
    /// What is wrong with it.
    Refused(&'static str),
    /// The scanner has found something, by that name.
    Infected(String),
    /// There is a scanner, and it gives no answer: nothing is taken unseen.
    NotScanned(NotScanned),
}

/// Why a file is not taken any further.
enum Stop {
    Problem(&'static str),
    NotScanned(NotScanned),
}

impl From<&'static str> for Stop {
    fn from(problem: &'static str) -> Self {
        Self::Problem(problem)
    }
}

/// Whoever looks at a file while it passes by.
struct Watch {
    inspector: Inspector,
    /// Looks for seals, where there can be any.
    seals: Option<Finder>,
    scanning: Option<Scanning>,
    stopped: Option<Stop>,
}

impl Watch {
    async fn take(&mut self, piece: &[u8]) -> Result<(), Stop> {
        self.inspector.take(piece)?;
        if let Some(seals) = &mut self.seals {
            seals.take(piece);
        }
        match &mut self.scanning {
            Some(scanning) => scanning.send(piece).await.map_err(Stop::NotScanned),
            None => Ok(()),
        }
    }

    /// What the scanner says of it, and the seals that it has, once it is what it has to be.
    async fn finish(self) -> Result<(Option<Finding>, Option<pdf_seal::Found>), Stop> {
        self.inspector.finish()?;
        let finding = match self.scanning {
            Some(scanning) => Some(scanning.finish().await.map_err(Stop::NotScanned)?),
            None => None,
        };
        Ok((finding, self.seals.map(Finder::finish)))
    }
}

impl Objects {
    /// Receives a file of at most so many bytes. `TooLarge`, `Incomplete`, `NoRoom` and `Busy` as for every object; `Busy` also for whoever sends
    /// too many at once.
    pub async fn receive<S, E>(
        &self,
        scanner: Option<&Scanner>,
        Coming { by, owner, kind }: Coming<'_>,
        pieces: S,
        bytes_max: u64,
    ) -> Result<Received, Error>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Display,
    {
        let _sending = self.0.senders.begin(by)?;
        let scanning = match scanner {
            Some(scanner) => match scanner.begin().await {
                Ok(scanning) => Some(scanning),
                Err(error) => return Ok(Received::NotScanned(error)),
            },
            None => None,
        };
        let seals = (kind == Type::Pdf).then(Finder::default);
        let mut watch = Watch { inspector: Inspector::new(kind), seals, scanning, stopped: None };
        let written = self.begin(owner).await?.write(watched(pin!(pieces), &mut watch), bytes_max).await;
        let seen = match (watch.stopped.take(), written) {
            (Some(stop), _) => Err(stop),
            (None, written) => {
                let mut written = written?;
                watch.finish().await.map(|(finding, seals)| {
                    written.seals = seals;
                    (written, finding)
                })
            }
        };
        Ok(match seen {
            Ok((_, Some(Finding::Found(finding)))) => Received::Infected(finding),
            Ok((written, Some(Finding::Clean))) => Received::Sound(Box::new(written), Scan::Clean),
            Ok((written, None)) => Received::Sound(Box::new(written), Scan::None),
            Err(Stop::Problem(problem)) => Received::Refused(problem),
            Err(Stop::NotScanned(error)) => Received::NotScanned(error),
        })
    }
}

/// The pieces, once somebody has looked at each.
fn watched<S, E>(pieces: S, watch: &mut Watch) -> impl Stream<Item = Result<Bytes, String>>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Display,
{
    stream::unfold((pieces, watch), async |(mut pieces, watch)| {
        let piece = match pieces.next().await? {
            Ok(piece) => match watch.take(&piece).await {
                Ok(()) => Ok(piece),
                Err(stop) => {
                    watch.stopped = Some(stop);
                    Err("it is refused".to_owned())
                }
            },
            Err(error) => Err(error.to_string()),
        };
        Some((piece, (pieces, watch)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_keeps_the_others_from_sending() {
        let senders = Senders::default();
        let mut sending: Vec<_> = (0..OF_ONE_MAX).map(|_| senders.begin("one").unwrap()).collect();
        assert!(matches!(senders.begin("one"), Err(Error::Busy { .. })));
        let other = senders.begin("other").unwrap();
        sending.pop();
        let again = senders.begin("one").unwrap();
        drop((sending, other, again));
        assert!(senders.0.lock().unwrap().is_empty());
    }
}
