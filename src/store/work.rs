//! Work: one transaction, one instant, one actor. Audit rows and outbox rows share its commit.

use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClientId};
use crate::kernel::random::Random;
use crate::kernel::time::Timestamp;

use super::db::{Db, Tx};

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A browser that has not signed in.
    Visitor,
    Account(AccountId),
    Client(ClientId),
    /// The program itself.
    System(&'static str),
    /// Somebody of the operator's, by the name under which they work.
    Operator(String),
}

impl Actor {
    /// The form that the audit trail stores.
    pub fn text(&self) -> String {
        match self {
            Self::Visitor => "visitor".to_owned(),
            Self::Account(id) => id.to_string(),
            Self::Client(id) => format!("client:{id}"),
            Self::System(what) => format!("system:{what}"),
            Self::Operator(name) => format!("operator:{name}"),
        }
    }
}

/// A transaction under way. Dropped without [`commit`](Work::commit), it never happened.
pub struct Work {
    pub tx: Tx,
    pub now: Timestamp,
    pub actor: Actor,
    /// Ties audit rows to the log lines of the request.
    pub request: Option<String>,
    pub random: Random,
    /// Accounts that this changes besides the one that acts.
    pub touched: Vec<AccountId>,
    db: Db,
}

impl Work {
    /// `tx` is of [`Db::begin`] or, for a single statement, of [`Db::single`].
    pub fn new(tx: Tx, db: &Db, now: Timestamp, actor: Actor, random: &Random) -> Self {
        Self { tx, now, actor, request: None, random: random.clone(), touched: Vec::new(), db: db.clone() }
    }

    /// Makes it last, and voids what this node remembers of the accounts that it changed.
    pub async fn commit(self) -> Result<(), Error> {
        let committed = self.db.commit(self.tx).await;
        let own = if let Actor::Account(account) = &self.actor { Some(account) } else { None };
        for account in self.touched.iter().chain(own) {
            self.db.changes.note(account);
        }
        Ok(committed?)
    }
}
