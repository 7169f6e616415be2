//! Everything an account signs in with. Where something is added or removed, the rules of [`assurance`](crate::assurance) say
//! what follows.

use super::session::Session;
use super::{SigninEvent, store};
use crate::account::evidence;
use crate::assurance::{self, Means, Policy};
use crate::audit;
use crate::config::Config;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, MeansId};
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::time::Timestamp;
use crate::store::db::Tx;
use crate::store::work::Work;

/// All of an account's means, the password first. Their names are sealed, and no rule asks for them: where people read them,
/// [`passkey::list`](super::passkey::list) and [`generator::list`](super::generator::list) open them.
pub async fn list(tx: &mut Tx, account: &AccountId) -> Result<Vec<Means>, Error> {
    let mut means = Vec::new();
    if let Some(created_at) = store::password_changed_at(tx, account).await? {
        let (kind, registered) = (MeansKind::Password, Level::Low);
        let (id, name, last_used_at, blocked_at) = (None, None, None, None);
        means.push(Means { id, kind, name, registered, created_at, last_used_at, blocked_at });
    }
    means.extend(store::confirmed_generators(tx, account).await?.into_iter().map(of_row));
    means.extend(store::confirmed_passkeys(tx, account).await?.into_iter().map(of_row));
    means.extend(store::cards(tx, account).await?.into_iter().map(of_row));
    means.extend(store::linked_means(tx, account).await?.into_iter().map(of_row));
    Ok(means)
}

pub(super) fn of_row(row: store::MeansRow) -> Means {
    Means {
        id: Some(row.id),
        kind: row.kind,
        name: None,
        registered: row.registered,
        created_at: row.created_at,
        last_used_at: row.last_used_at,
        blocked_at: row.blocked_at,
    }
}

/// The highest level that the owner of a session could have: with what they have, or with something new.
pub async fn reachable(tx: &mut Tx, config: &Config, session: &Session, now: Timestamp) -> Result<Level, Error> {
    let means = list(tx, &session.account_id).await?;
    let (policy, standing) = (Policy::of(config), (session.identity, session.strength(now)));
    let can = |level: &Level| {
        *level <= standing.0.min(standing.1) || assurance::can_reach(policy, &means, standing, *level, now)
    };
    Ok(Level::ALL.into_iter().rev().find(can).unwrap_or(Level::Basic))
}

/// After something has gone or been blocked, by work that holds the account, so that two together do not take what neither of them
/// would have taken alone: refuses if nothing is left that opens it.
pub async fn keep_way_in(work: &mut Work, account: &AccountId) -> Result<(), Error> {
    let left = list(&mut work.tx, account).await?;
    if left.iter().any(Means::opens) { Ok(()) } else { Err(Error::field("current", "last_way_in")) }
}

/// Whether it is the only one that opens the account.
pub async fn is_last_way_in(tx: &mut Tx, account: &AccountId, id: &MeansId) -> Result<bool, Error> {
    let others = list(tx, account).await?.into_iter().filter(|one| one.id.as_ref() != Some(id));
    Ok(!others.into_iter().any(|one| one.opens()))
}

/// After a means has gone: no attribute stays above the strongest that is left (BSI TR-03160-1). Registering another one does
/// not bring that back; only new evidence does.
pub async fn settle(work: &mut Work, config: &Config, account: &AccountId) -> Result<(), Error> {
    let left = list(&mut work.tx, account).await?;
    let most = Policy::of(config).maximum(&left, work.now);
    if evidence::lower_identity(work, account, most).await? {
        audit::record(work, &SigninEvent::IdentityLowered { account: account.clone(), level: most }).await?;
    }
    Ok(())
}
