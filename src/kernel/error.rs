//! The twelve ways to refuse. No HTTP here: the route's format decides how a refusal looks.

use super::level::Level;
use super::time::Timestamp;

/// A problem of one field of a form: the control's id, and which sentence of the texts explains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    pub field: &'static str,
    pub problem: &'static str,
}

/// A refusal in the words of OAuth. Description and hint are ASCII without quotes (RFC 6749 section 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// The registered error code.
    pub code: &'static str,
    /// What anybody may read.
    pub description: &'static str,
    /// What only a log reader sees.
    pub detail: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("not found")]
    NotFound,
    #[error("not signed in")]
    NotSignedIn,
    /// Somebody who has no password to give once more has to sign in once more instead.
    #[error("has not signed in lately enough")]
    NotFresh,
    #[error("not allowed: {0}")]
    NotAllowed(&'static str),
    #[error("level {} is needed", .0.name())]
    LevelTooLow(Level),
    #[error("invalid: {0:?}")]
    Invalid(Vec<FieldProblem>),
    #[error("conflict: {0}")]
    Conflict(&'static str),
    #[error("gone")]
    Gone,
    /// Too many attempts: one may try again at that time.
    #[error("too many attempts until {}", .0.seconds())]
    TooMany(Timestamp),
    /// Too much work at once; nothing was done, and trying again in that many seconds is fine.
    #[error("busy")]
    Busy { retry_after_seconds: u64 },
    /// What somebody sends is longer than what is taken.
    #[error("too large")]
    TooLarge,
    #[error("{}: {}", .0.code, .0.description)]
    Protocol(Protocol),
    /// The same from an API of ours: what came along with the request does not open it (RFC 6750 section 3).
    #[error("{}: {}", .0.code, .0.description)]
    Resource(Protocol),
    /// Our fault. The message is logged once with the request id and never shown.
    #[error("broken: {0}")]
    Broken(String),
}

impl Error {
    pub fn protocol(code: &'static str, description: &'static str) -> Self {
        Self::Protocol(Protocol { code, description, detail: None })
    }

    pub fn broken(source: impl std::fmt::Display) -> Self {
        Self::Broken(source.to_string())
    }

    pub fn field(field: &'static str, problem: &'static str) -> Self {
        Self::Invalid(vec![FieldProblem { field, problem }])
    }
}
