//! Files of people and organisations, looked after: what is doomed is removed, each is read once a week, and of whatever is
//! damaged the operator and its owner learn. Reading needs the keys of owners, so it is done here and not where the files lie.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde::Serialize;

use crate::account;
use crate::app::AppParts;
use crate::audit::{self, Event};
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ObjectId, OrganisationId};
use crate::kernel::seal::DataKey;
use crate::organisation;
use crate::store::object::{self, Counts, Damage, Due, ObjectRef, Owner};
use crate::store::work::Actor;

/// Objects read in one round of the job, one after the other: on one node, two million in a week.
const ROUND: i64 = 32;
/// Damaged ones that are told of in one round.
const REPORTS: i64 = 100;
/// Objects looked up together by [`check_all`].
const PAGE: i64 = 100;
/// The owner of what the program writes to try out.
const SYSTEM: &str = "system";
/// How much of a trial is made at once.
const PIECE: u64 = 64 * 1024;

#[derive(Serialize)]
struct IsDamaged {
    object: ObjectId,
    version: i64,
    #[serde(skip)]
    owner: String,
}

impl Event for IsDamaged {
    fn kind(&self) -> &'static str {
        "object.damaged"
    }

    fn subject(&self) -> Option<String> {
        (self.owner != SYSTEM).then(|| self.owner.clone())
    }
}

/// The job. No part of it waits for another to succeed.
pub async fn tend(app: &AppParts) -> Result<(), Error> {
    let removed = app.objects.sweep().await;
    let read = scrub(app).await;
    let told = report(app).await;
    removed.map(drop).and(read).and(told)
}

async fn scrub(app: &AppParts) -> Result<(), Error> {
    for due in app.objects.take_due(ROUND).await? {
        match check(app, &due).await {
            // Doomed meanwhile.
            Ok(_) | Err(Error::NotFound) => {}
            // The bytes cannot be reached: neither can the next ones. It is this node's turn again in an hour.
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads one; what is wrong with it, if anything.
async fn check(app: &AppParts, due: &Due) -> Result<Option<Damage>, Error> {
    match key_of(app, &due.owner_id).await {
        Ok(key) => app.objects.check(&due.object(), Owner { id: &due.owner_id, key: &key }).await,
        Err(Error::NotFound) => {
            app.objects.note_damage(&due.object()).await?;
            Ok(Some(Damage::NoKey))
        }
        Err(error) => Err(error),
    }
}

async fn key_of(app: &AppParts, owner: &str) -> Result<DataKey, Error> {
    let mut tx = app.read().await?;
    if let Some(id) = AccountId::parse(owner) {
        return account::key(&mut tx, &app.vault, &id).await;
    }
    if let Some(id) = OrganisationId::parse(owner) {
        return organisation::key(&mut tx, &app.vault, &id).await;
    }
    if owner == SYSTEM { Ok(app.vault.system.clone()) } else { Err(Error::NotFound) }
}

/// Damage is an event, once, whoever found it: the job, a reader or the operator.
async fn report(app: &AppParts) -> Result<(), Error> {
    if !object::has_unreported(&mut app.read().await?).await? {
        return Ok(());
    }
    let mut work = app.begin(Actor::System("objects")).await?;
    let damaged = object::take_unreported(&mut work, REPORTS).await?;
    for one in &damaged {
        let event = IsDamaged { object: one.id.clone(), version: one.version, owner: one.owner_id.clone() };
        audit::record(&mut work, &event).await?;
    }
    work.commit().await?;
    for one in damaged {
        metrics::counter!("nutzerkonto_objects_damaged_total").increment(1);
        tracing::error!(object = one.id.as_str(), version = one.version, owner = one.owner_id, "an object is damaged");
    }
    Ok(())
}

/// What reading everything has come to.
pub struct Checked {
    pub read: u64,
    pub damaged: Vec<(Due, Damage)>,
    pub counts: Counts,
}

/// Reads every object now, for the operator. One that was thought damaged and is not any more may be read again.
pub async fn check_all(app: &AppParts) -> Result<Checked, Error> {
    let (mut read, mut damaged, mut last) = (0, Vec::new(), None);
    loop {
        let page = app.objects.list(last.as_ref(), PAGE).await?;
        let Some(end) = page.last().cloned() else { break };
        for due in page {
            match check(app, &due).await {
                Err(Error::NotFound) => continue,
                found => damaged.extend(found?.map(|damage| (due, damage))),
            }
            read += 1;
        }
        last = Some(end);
    }
    report(app).await?;
    Ok(Checked { read, damaged, counts: object::counts(&mut app.read().await?).await? })
}

/// Writes an object of so many bytes of chance, reads it back and removes it, unless it is to be kept until the next trial:
/// whether the place that the operator has named takes, keeps and gives back what it should.
pub async fn try_out(app: &AppParts, bytes: u64, is_kept: bool) -> Result<(), Error> {
    let owner = Owner { id: SYSTEM, key: &app.vault.system };
    // What an earlier trial has left that was interrupted.
    let mut work = app.begin(Actor::System("objects")).await?;
    object::doom_all(&mut work, SYSTEM).await?;
    work.commit().await?;
    let pieces = stream::iter((0..bytes.div_ceil(PIECE)).map(|number| {
        let mut piece = vec![0; usize::try_from(PIECE.min(bytes - number * PIECE)).unwrap_or_default()];
        app.random.fill(&mut piece);
        Ok::<_, Error>(Bytes::from(piece))
    }));
    let written = app.objects.begin(owner).await?.write(pieces, bytes).await?;
    let mut work = app.begin(Actor::System("objects")).await?;
    let object = written.finish(&mut work, owner).await?;
    work.commit().await?;
    let read = read_back(app, &object, owner).await;
    if !is_kept {
        let mut work = app.begin(Actor::System("objects")).await?;
        object::doom(&mut work, &object, SYSTEM).await?;
        work.commit().await?;
    }
    app.objects.sweep().await?;
    if read? == bytes { Ok(()) } else { Err(Error::broken("less was read than was written")) }
}

async fn read_back(app: &AppParts, object: &ObjectRef, owner: Owner<'_>) -> Result<u64, Error> {
    let found = app.objects.find(&mut app.read().await?, object, owner).await?;
    let opened = app.objects.open(found).await?;
    let (mut length, mut pieces) = (0, std::pin::pin!(opened.stream()));
    while let Some(piece) = pieces.next().await {
        length += piece?.len() as u64;
    }
    Ok(length)
}
