//! Signatures and electronic seals of PDF files: whether a file is as it was when it was signed, and whether the certificate leads to an issuer
//! that is known here. The file passes by twice, in pieces; little of it is in memory, and nothing is rendered or unpacked.
//!
//! A signature is over the bytes of a range from the first byte of the file to its last, with one gap: the signature itself (ISO 32000-2,
//! 12.8.1). Only that is believed, and nothing of what the objects of the file say besides: a range that leaves out anything else, or behind
//! which there is something that no later signature covers, is that of a file that was changed. What was signed before something was appended
//! and signed in turn holds for its part.
//!
//! Judged is at the time at which somebody looks; not whether a certificate has been revoked, not time stamps, and not what a reader would show.

mod ber;
mod chain;
mod dictionary;
mod lexer;
mod message;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use time::macros::format_description;
use time::{PrimitiveDateTime, UtcOffset};

use super::time::Timestamp;
pub use chain::TrustAnchors;
use dictionary::{Hex, Signature, SubFilter};
use lexer::Lexer;
use message::{Integrity, Message};

/// What a signature is worth, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The file is as it was signed, and the issuer of the certificate is known.
    Valid,
    /// The same, but a certificate has run out since.
    Expired,
    /// The file is as it was signed; by whom nobody that is known vouches for.
    Untrusted,
    /// Made in a way that is not checked, or not to be read.
    Unreadable,
    /// The file is another than the one that was signed.
    Altered,
}

/// One signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    pub state: State,
    /// It is a time stamp, which says when, not who.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_time_stamp: bool,
    /// Something has been appended since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_extended: bool,
    /// What the certificate calls its holder; anybody's claim unless the state is valid or expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// When it was made, as whoever made it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<Timestamp>,
}

/// What was found in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// For this moment it was asked what the certificates are worth.
    pub judged_at: Timestamp,
    /// In the order in which they were made.
    pub seals: Vec<Seal>,
}

impl Verdict {
    /// Of a file without any.
    pub const fn none(judged_at: Timestamp) -> Self {
        Self { judged_at, seals: Vec::new() }
    }

    /// The worst of them; nothing if there is none. A time stamp beside a signature says nothing of the file that the other does not.
    pub fn state(&self) -> Option<State> {
        let signatures = self.seals.iter().filter(|seal| !seal.is_time_stamp).map(|seal| seal.state).max();
        signatures.or_else(|| self.seals.iter().map(|seal| seal.state).max())
    }
}

/// The first time that a file passes by: looks for signatures.
#[derive(Debug, Default)]
pub struct Finder(Lexer);

impl Finder {
    pub fn take(&mut self, piece: &[u8]) {
        self.0.take(piece);
    }

    /// How much of it is in memory, but for a kilobyte.
    pub fn kept_bytes(&self) -> usize {
        self.0.dictionaries.kept_bytes()
    }

    /// What there is to check once the whole file has passed by.
    pub fn finish(self) -> Found {
        let length = self.0.length();
        let mut dictionaries = self.0.dictionaries;
        dictionaries.close();
        let checks = dictionaries.signatures.into_iter().map(|signature| Check::of(signature, length)).collect();
        Found { at: 0, checks, are_too_many: dictionaries.are_too_many }
    }
}

/// The second time: digests what the signatures cover.
pub struct Found {
    at: u64,
    checks: Vec<Check>,
    are_too_many: bool,
}

/// A signature on its way to being judged.
struct Check {
    seal: Seal,
    /// The end of the range, and where in it the gap begins.
    end: u64,
    gap: u64,
    is_at_end: bool,
    open: Option<Open>,
}

/// With what it takes to judge it.
struct Open {
    message: Message,
    digest: digest::Context,
    /// The two parts of the range.
    parts: [(u64, u64); 2],
}

impl Check {
    fn of(signature: Signature, length: u64) -> Self {
        let claimed_at = signature.time.as_deref().and_then(moment);
        let seal = |state| Seal {
            state,
            is_time_stamp: signature.sub_filter == Some(SubFilter::TimeStamp),
            is_extended: false,
            signer: None,
            organisation: None,
            issuer: None,
            claimed_at,
        };
        let Some((gap, [first, second])) = range(&signature, length) else {
            return Self { seal: seal(State::Altered), end: length, gap: length, is_at_end: false, open: None };
        };
        let mut check =
            Self { seal: seal(State::Unreadable), end: second.1, gap, is_at_end: second.1 == length, open: None };
        let is_read = |contents: &Hex| !contents.is_odd && contents.half.is_none();
        let contents = signature.contents.filter(is_read).filter(|_| signature.sub_filter == Some(SubFilter::Detached));
        let Some(message) = contents.and_then(|contents| Message::read(&contents.bytes)) else { return check };
        let (subject, issuer) = (message.read.tbs_certificate().subject(), message.read.tbs_certificate().issuer());
        (check.seal.signer, check.seal.organisation) = chain::names(subject);
        let (name, organisation) = chain::names(issuer);
        check.seal.issuer = name.or(organisation);
        check.seal.claimed_at = message.signing_time.or(claimed_at);
        let digest = digest::Context::new(message.digest_algorithm);
        check.open = Some(Open { message, digest, parts: [first, second] });
        check
    }

    fn judge(&mut self, anchors: &TrustAnchors, now: Timestamp) {
        let Some(Open { message, digest, .. }) = self.open.take() else { return };
        self.seal.state = match message.check(digest.finish().as_ref()) {
            Integrity::Whole => anchors.judge(&message, now),
            Integrity::Changed => State::Altered,
            Integrity::Unknown => State::Unreadable,
        };
    }

    /// Whether it holds, and whose it is at least as well known as of the other.
    fn covers(&self, earlier: &Self) -> bool {
        let is_better = match earlier.seal.state {
            State::Valid | State::Expired => self.seal.state <= State::Expired,
            _ => self.seal.state <= State::Untrusted,
        };
        is_better && earlier.end <= self.gap
    }
}

/// Where the gap begins, and the two parts around it. Nothing of a range that is not what it has to be.
fn range(signature: &Signature, length: u64) -> Option<(u64, [(u64, u64); 2])> {
    let contents = signature.contents.as_ref().filter(|_| !signature.is_odd)?;
    let [0, gap, behind, rest] = *signature.byte_range.as_deref()? else { return None };
    let end = behind.checked_add(rest)?;
    let is_sound = contents.start == gap && contents.end == behind && end <= length && rest > 0;
    is_sound.then_some((gap, [(0, gap), (behind, end)]))
}

impl Found {
    /// Whether there is nothing to be judged, and the file need not pass by again.
    pub const fn is_none(&self) -> bool {
        self.checks.is_empty()
    }

    pub fn take(&mut self, piece: &[u8]) {
        let (start, end) = (self.at, self.at + piece.len() as u64);
        for open in self.checks.iter_mut().filter_map(|check| check.open.as_mut()) {
            for (from, to) in open.parts {
                let place = |at: u64| usize::try_from(at.clamp(start, end) - start).unwrap_or_default();
                if let Some(covered) = piece.get(place(from)..place(to)) {
                    open.digest.update(covered);
                }
            }
        }
        self.at = end;
    }

    /// The verdict for this time.
    pub fn judge(mut self, anchors: &TrustAnchors, now: Timestamp) -> Verdict {
        if self.are_too_many {
            self.checks.truncate(1);
            for check in &mut self.checks {
                (check.open, check.seal.state) = (None, State::Unreadable);
            }
        }
        self.checks.sort_by_key(|check| check.end);
        for check in &mut self.checks {
            check.judge(anchors, now);
        }
        // From the last to the first: each that does not reach the end of the file has to be covered by one that holds.
        let mut later: Vec<Check> = Vec::new();
        while let Some(mut check) = self.checks.pop() {
            check.seal.is_extended = !check.is_at_end && check.seal.state != State::Altered;
            let is_covered = later.iter().any(|other| other.covers(&check));
            if check.seal.is_extended && check.seal.state != State::Unreadable && !is_covered {
                check.seal.state = State::Altered;
            }
            later.push(check);
        }
        Verdict { judged_at: now, seals: later.into_iter().rev().map(|check| check.seal).collect() }
    }
}

/// A date of PDF (ISO 32000-2, 7.9.4): `D:20260131120000+01'00'`.
fn moment(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.strip_prefix("D:")?;
    let (digits, zone) = text.split_at_checked(14)?;
    let local =
        PrimitiveDateTime::parse(digits, format_description!("[year][month][day][hour][minute][second]")).ok()?;
    let zone = zone.replace('\'', "");
    let offset = match zone.split_at_checked(1) {
        None | Some(("Z", _)) => UtcOffset::UTC,
        Some((sign @ ("+" | "-"), rest)) => {
            let part = |from: usize| rest.get(from..from + 2).map_or(Some(0), |digits| digits.parse::<i8>().ok());
            let sign = if sign == "-" { -1 } else { 1 };
            UtcOffset::from_hms(sign * part(0)?, sign * part(2)?, 0).ok()?
        }
        Some(_) => return None,
    };
    Some(Timestamp::from_seconds(local.assume_offset(offset).unix_timestamp()))
}
