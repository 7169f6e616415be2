//! Fetching what was shared: by the service with which it was shared, for the owner for whom its grant is.

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};

use super::{Share, store};
use crate::app::{App, AppParts};
use crate::kernel::error::Error;
use crate::kernel::id::{ClientId, ShareId};
use crate::organisation::acting::Party;
use crate::organisation::mandate::party;
use crate::safe::event::{self, What};
use crate::safe::open::{File, look_up};
use crate::safe::{Document, Version, find, version};
use crate::store::db::Tx;
use crate::store::work::Actor;

/// At most so many are listed.
const LISTED_MAX: i64 = 100;

/// A service with a grant of somebody's.
#[derive(Clone, Copy)]
pub struct Fetcher<'a> {
    pub client: &'a ClientId,
    /// For whom the grant is.
    pub owner: &'a Party,
}

/// A share with what it is of.
pub struct Shared {
    pub share: Share,
    pub document: Document,
    pub version: Version,
}

/// What is shared with a service by somebody at this time, the newest first.
pub async fn list(app: &AppParts, fetcher: Fetcher<'_>) -> Result<Vec<Shared>, Error> {
    let tx = &mut app.read().await?;
    let rows = store::of_client(tx, fetcher.client, fetcher.owner.as_str(), (app.now(), LISTED_MAX)).await?;
    let mut shared = Vec::with_capacity(rows.len());
    for row in rows {
        match of_row(app, tx, row).await {
            Ok(one) => shared.push(one),
            // Deleted since the rows were read.
            Err(Error::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(shared)
}

/// One share. `NotFound` for what is another service's or another owner's, or was never there; `Gone` once it counts no more.
pub async fn show(app: &AppParts, fetcher: Fetcher<'_>, id: &ShareId) -> Result<Shared, Error> {
    let tx = &mut app.read().await?;
    let row = store::find(tx, id, fetcher.client, fetcher.owner.as_str()).await?.ok_or(Error::NotFound)?;
    let shared = of_row(app, tx, row).await.map_err(|error| match error {
        // The version was deleted.
        Error::NotFound => Error::Gone,
        error => error,
    })?;
    if shared.share.counts(app.now()) { Ok(shared) } else { Err(Error::Gone) }
}

async fn of_row(app: &AppParts, tx: &mut Tx, row: store::Row) -> Result<Shared, Error> {
    let owner = party::parse(&row.owner).ok_or_else(|| Error::broken("a share is nobody's"))?;
    let key = party::key(tx, &app.vault, &owner).await?;
    let share = row.read(&key)?;
    let document = find(tx, (&owner, &key), &share.document).await?;
    let version = version(tx, &document, share.version, &key).await?;
    Ok(Shared { share, document, version })
}

/// Its bytes. Every byte that is stored is compared before the fetch counts; of those that come at once as many succeed as may.
pub async fn open(app: &AppParts, fetcher: Fetcher<'_>, id: &ShareId, request: &str) -> Result<File, Error> {
    let Shared { share, document, .. } = show(app, fetcher, id).await?;
    let mut tx = app.read().await?;
    let key = party::key(&mut tx, &app.vault, &share.owner).await?;
    let unopened = look_up(app, &mut tx, (&document, &key), share.version).await?;
    drop(tx);
    let file = unopened.open(app).await?;
    let mut work = app.begin(Actor::Client(fetcher.client.clone())).await?;
    work.request = Some(request.to_owned());
    if !store::count_fetch(&mut work, id).await? {
        return Err(Error::Gone);
    }
    let fetched = What::ShareFetched { client: fetcher.client.clone(), version: share.version };
    event::record_by_service(&mut work, (&share.owner, &share.document), fetched).await?;
    work.commit().await?;
    Ok(file)
}

/// The pieces of a file, each only while its share goes on: it breaks off as soon as somebody has ended it.
pub fn while_shared<S>(app: App, id: ShareId, pieces: S) -> impl Stream<Item = Result<Bytes, Error>>
where
    S: Stream<Item = Result<Bytes, Error>> + Unpin,
{
    stream::unfold(Some((app, id, pieces)), async |state| {
        let (app, id, mut pieces) = state?;
        let piece = match pieces.next().await? {
            Ok(piece) => is_going_on(&app, &id).await.map(|()| piece),
            broken => broken,
        };
        match piece {
            Ok(piece) => Some((Ok(piece), Some((app, id, pieces)))),
            Err(error) => Some((Err(error), None)),
        }
    })
}

async fn is_going_on(app: &AppParts, id: &ShareId) -> Result<(), Error> {
    if store::is_going_on(&mut app.read().await?, id, app.now()).await? { Ok(()) } else { Err(Error::Gone) }
}
