//! Verification: recomputes the whole chain and compares it with every head under our signature. It reads only.
//!
//! What it cannot see: an event that was changed before it was sealed (a second at most), and a chain that somebody
//! who can write to the database recomputed to its end, as far as no signed head outside that database covers it.

use std::fmt;
use std::time::Duration;

use crate::kernel::error::Error;
use crate::kernel::keys::KeySet;
use crate::kernel::time::{Timestamp, minutes};
use crate::store::db::Tx;

use super::chain::{beginning, seal_of};
use super::head::{SignedHead, encode};
use super::prune;
use super::store::{self, Head, Link};

/// Rows read at once.
const PAGE: i64 = 5000;
/// Findings reported; of a chain that is wrong in more places, the rest is only counted.
pub const FINDINGS_MAX: usize = 100;
/// How far the clocks of nodes may differ, and a transaction may take, before an event counts as dated back.
const TOLERANCE: Duration = minutes(10);

/// Something that is not as it was sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub position: Option<i64>,
    pub event: Option<String>,
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let position = self.position.map_or("-".to_owned(), |position| position.to_string());
        write!(f, "position {position}, event {}: {}", self.event.as_deref().unwrap_or("-"), self.what)
    }
}

/// What verification saw.
#[derive(Debug, Default)]
pub struct Report {
    /// Sealed events read.
    pub events: u64,
    /// Where the chain ends.
    pub position: i64,
    pub unsealed: i64,
    /// Signed heads compared.
    pub heads: usize,
    /// The first findings.
    pub findings: Vec<Finding>,
    /// How many there were.
    pub findings_total: usize,
}

impl Report {
    pub fn is_sound(&self) -> bool {
        self.findings_total == 0
    }

    fn find(&mut self, position: Option<i64>, event: Option<&str>, what: impl Into<String>) {
        self.findings_total += 1;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding { position, event: event.map(str::to_owned), what: what.into() });
        }
    }
}

/// A head that the chain must pass through.
struct Mark {
    position: i64,
    seal: String,
    /// When it was signed; the running head is not.
    signed_at: Option<Timestamp>,
}

impl Mark {
    /// Whether the chain may begin here, everything up to it being gone.
    fn allows(&self, start: &Head, now: Timestamp) -> bool {
        let is_over = self.signed_at.is_some_and(|at| prune::is_over(at, now));
        self.position == start.position && self.seal == encode(&start.seal) && is_over
    }
}

/// Verifies the whole trail, with the signed heads of the database and those that were kept elsewhere.
/// `now` decides whether its oldest part may be gone.
pub async fn verify(
    tx: &mut Tx,
    keys: &KeySet,
    issuer: &str,
    kept: &[String],
    now: Timestamp,
) -> Result<Report, Error> {
    let mut report = Report::default();
    let marks = marks(tx, &mut report, (keys, issuer), kept).await?;
    let start = store::head(tx, store::START).await?.unwrap_or_else(beginning);
    let passed = marks.iter().filter(|mark| mark.position <= start.position).count();
    if start.position > 0 && !marks[..passed].iter().any(|mark| mark.allows(&start, now)) {
        report.find(Some(start.position), None, "the beginning is cut off: no head that is old enough says this seal");
    }
    let mut walk = Walk { previous: start.seal, next: start.position + 1, marks: &marks, passed, signed_at: None };
    let mut after = i64::MIN;
    loop {
        let page = store::sealed_after(tx, after, PAGE).await?;
        for link in &page {
            walk.step(&mut report, link);
        }
        match page.last().and_then(|link| link.position) {
            Some(position) => after = position,
            None => break,
        }
    }
    walk.end(&mut report);
    for event in store::sealed_nowhere(tx, FINDINGS_MAX as i64).await? {
        report.find(
            None,
            Some(&event.text),
            "bears a seal but has no position: it was inserted, or its position removed",
        );
    }
    report.unsealed = store::waiting(tx).await?.unsealed;
    Ok(report)
}

async fn marks(
    tx: &mut Tx,
    report: &mut Report,
    (keys, issuer): (&KeySet, &str),
    kept: &[String],
) -> Result<Vec<Mark>, Error> {
    let mut marks = Vec::new();
    let stored = store::signed_heads(tx).await?;
    for token in stored.iter().map(|row| &row.text).chain(kept) {
        match SignedHead::read(keys, issuer, token) {
            Ok(head) => {
                let signed_at = Some(head.at());
                marks.push(Mark { position: head.position, seal: head.seal, signed_at });
            }
            Err(problem) => report.find(None, None, problem),
        }
    }
    report.heads = marks.len();
    match store::head(tx, store::END).await? {
        Some(head) => marks.push(Mark { position: head.position, seal: encode(&head.seal), signed_at: None }),
        None if !store::sealed_after(tx, i64::MIN, 1).await?.is_empty() => {
            report.find(None, None, "the running head is missing");
        }
        None => {}
    }
    marks.sort_by_key(|mark| mark.position);
    Ok(marks)
}

/// The way along the chain.
struct Walk<'a> {
    previous: Vec<u8>,
    /// The position that must come now.
    next: i64,
    marks: &'a [Mark],
    /// How many of them lie behind.
    passed: usize,
    /// When the newest head behind was signed: what comes now cannot have happened long before.
    signed_at: Option<Timestamp>,
}

impl Walk<'_> {
    fn step(&mut self, report: &mut Report, link: &Link) {
        report.events += 1;
        let position = link.position.unwrap_or_default();
        let here = (Some(position), Some(link.id.as_str()));
        if position < self.next {
            report.find(here.0, here.1, "stands before the first position");
            return;
        }
        let stored = link.seal.as_deref().unwrap_or_default();
        if position > self.next {
            // Without the seal of the one before, this event's own cannot be judged.
            let what = format!("the events up to position {} are missing", position - 1);
            report.find(Some(self.next), None, what);
        } else if seal_of(&self.previous, position, link) != stored {
            report.find(here.0, here.1, "was changed, inserted or moved after it was sealed");
        }
        if self.signed_at.is_some_and(|at| link.at < at.minus(TOLERANCE)) {
            report.find(here.0, here.1, "is dated before a head that was signed without it");
        }
        self.next = position + 1;
        self.pass_marks(report, stored);
        self.previous = stored.to_vec();
    }

    fn pass_marks(&mut self, report: &mut Report, seal: &[u8]) {
        while let Some(mark) = self.marks.get(self.passed).filter(|mark| mark.position < self.next) {
            if mark.position == self.next - 1 && mark.seal != encode(seal) {
                report.find(Some(mark.position), None, "the chain was recomputed: a head says another seal");
            }
            self.signed_at = self.signed_at.max(mark.signed_at);
            self.passed += 1;
        }
    }

    fn end(&mut self, report: &mut Report) {
        report.position = self.next - 1;
        for mark in self.marks.get(self.passed..).unwrap_or_default() {
            let what =
                format!("the end is cut off: a head says {}, the chain ends at {}", mark.position, report.position);
            report.find(Some(mark.position), None, what);
        }
    }
}
