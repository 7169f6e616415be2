//! Paper instead: nobody has to take decisions electronically (§ 9 Abs. 1 Satz 2 OZG, § 41 Abs. 2a VwVfG). Whoever has a postbox says so for
//! an authority, or for one of their cases there, and takes it back. An authority learns of it when it provides a decision, and not
//! before. What lies in the postbox stays there, and its days run.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization as _;

use super::reader::{NEWEST, Reader};
use super::store::paper::{self as store, ExclusionRow};
use super::{content, provide};
use crate::app::AppParts;
use crate::audit::{self, Event};
use crate::client::Client;
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::kernel::id::{AreaId, ClientId, ExclusionId};
use crate::kernel::seal::{DataKey, Place, Vault};
use crate::kernel::secret::hex;
use crate::kernel::time::Timestamp;
use crate::oidc::connection;
use crate::organisation::acting::{self, By, Party, Service};
use crate::organisation::area;
use crate::organisation::mandate::party;
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

/// So many single cases may be on paper at once. Who wants more on paper wants the authority.
const CASES_MAX: usize = 30;
/// So many that have ended are kept; the protocol has them all.
const ENDED_KEPT: i64 = 100;

/// An authority's service, or one case there, whose decisions come on paper, or came.
#[derive(Clone, Debug)]
pub struct Exclusion {
    pub id: ExclusionId,
    pub client: ClientId,
    /// The file number if it is for one case.
    pub reference: Option<String>,
    pub since: Timestamp,
    /// Whose account has said so.
    pub since_by: String,
    pub until: Option<Timestamp>,
    pub until_by: Option<String>,
}

/// A service whose decisions somebody may get.
pub struct Source {
    pub client: Arc<Client>,
    /// Whether this reader decides how they come.
    pub decides: bool,
}

/// What is to come on paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    pub client: ClientId,
    /// Only what has this file number; empty for everything.
    pub reference: String,
}

fn place(id: &ExclusionId) -> Place<'_> {
    Place { table: "postbox_exclusion", column: "reference", row: id.as_str(), version: 1 }
}

/// Under what a case is found, however its number is spaced and spelled; empty for all cases. Of two people with one case nobody sees that by
/// it.
pub(super) fn case_hash(vault: &Vault, owner: &Party, reference: &str) -> String {
    let typed = reference.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
    let number = typed.to_lowercase().nfkc().collect::<String>();
    if number.is_empty() {
        return String::new();
    }
    hex(&vault.index("postbox-case", &format!("{} {number}", owner.as_str())))
}

/// Whether a decision of this authority, with this file number, must not be provided.
pub(super) async fn is_excluded(
    tx: &mut Tx,
    vault: &Vault,
    (owner, client): (&Party, &ClientId),
    reference: Option<&str>,
) -> Result<bool, Error> {
    let case_hash = case_hash(vault, owner, reference.unwrap_or_default());
    Ok(store::is_excluded(tx, (owner.as_str(), client), &case_hash).await?)
}

/// Everything that the owner of a postbox has excluded, and had, the newest first.
pub async fn list(tx: &mut Tx, vault: &Vault, owner: &Party) -> Result<Vec<Exclusion>, Error> {
    let key = party::key(tx, vault, owner).await?;
    store::list(tx, owner.as_str()).await?.into_iter().map(|row| read(&key, row)).collect()
}

fn read(key: &DataKey, row: ExclusionRow) -> Result<Exclusion, Error> {
    let reference = row.reference.map(|sealed| key.open_text(place(&row.id), &sealed)).transpose();
    Ok(Exclusion {
        reference: reference.map_err(Error::broken)?,
        id: row.id,
        client: row.client_id,
        since: row.since,
        since_by: row.since_by,
        until: row.until,
        until_by: row.until_by,
    })
}

/// The services that may provide decisions to the owner of this postbox: those that they are connected with, or with a service of the same
/// sector, and those that have provided something. Only those whose post this reader may read.
pub async fn sources(tx: &mut Tx, registry: &Registry, reader: &Reader) -> Result<Vec<Source>, Error> {
    let connected = connection::of_party(tx, registry, &reader.owner).await?;
    let sectors: HashSet<String> = connected.iter().map(|client| client.sector().into_owned()).collect();
    let provided: HashSet<ClientId> =
        reader.sources(tx, NEWEST).await?.into_iter().map(|source| source.client).collect();
    let areas = Areas::of(tx, &reader.owner).await?;
    let delivers = |client: &Arc<Client>| {
        let may_address = client.postbox.is_some() && sectors.contains(client.sector().as_ref());
        let provides = may_address || provided.contains(&client.id);
        provides && reader.reads_from(areas.area(client.delivers_for()), service(client))
    };
    let clients = registry.approved().into_iter().filter(delivers);
    let source = |client: Arc<Client>| Source {
        decides: reader.decides(areas.area(client.delivers_for()), service(&client)),
        client,
    };
    Ok(clients.map(source).collect())
}

fn service(client: &Client) -> Service<'_> {
    Service { client: client.delivers_for(), authority: client.authority_id.as_ref() }
}

/// Where in an organisation the post of a service goes.
struct Areas(Vec<area::Rule>);

impl Areas {
    async fn of(tx: &mut Tx, owner: &Party) -> Result<Self, Error> {
        match owner {
            Party::Person(_) => Ok(Self(Vec::new())),
            Party::Organisation(organisation) => Ok(Self(area::rules(tx, organisation).await?)),
        }
    }

    fn area(&self, client: &ClientId) -> Option<&AreaId> {
        self.0.iter().find(|rule| rule.client_id == *client).map(|rule| &rule.area_id)
    }

    /// Whether a reader decides of a service; nothing where they do not even know of its post.
    fn decides(&self, registry: &Registry, reader: &Reader, client: &ClientId) -> Option<bool> {
        let known = registry.known(&client.0).map(|(client, _)| client);
        let service = known.as_deref().map_or(Service { client, authority: None }, service);
        let area = self.area(service.client);
        reader.reads_from(area, service).then(|| reader.decides(area, service))
    }
}

/// The same for a reader, who may not know of all of it; with whether they decide.
pub async fn shown(
    tx: &mut Tx,
    vault: &Vault,
    registry: &Registry,
    reader: &Reader,
) -> Result<Vec<(Exclusion, bool)>, Error> {
    let areas = Areas::of(tx, &reader.owner).await?;
    let known = |one: Exclusion| areas.decides(registry, reader, &one.client).map(|decides| (one, decides));
    Ok(list(tx, vault, &reader.owner).await?.into_iter().filter_map(known).collect())
}

/// What is wrong with a wish, at the fields of the form. Which service it is for, if nothing is.
pub async fn check(tx: &mut Tx, registry: &Registry, reader: &Reader, wish: &Wish) -> Result<Arc<Client>, Error> {
    let sources = sources(tx, registry, reader).await?;
    let Some(source) = sources.into_iter().find(|source| source.client.id == wish.client) else {
        return Err(Error::field("behoerde", "choice_unknown"));
    };
    if !source.decides {
        return Err(Error::NotAllowed("paper"));
    }
    if content::is_reference(&wish.reference) {
        Ok(source.client)
    } else {
        Err(Error::field("aktenzeichen", "file_number"))
    }
}

/// From now on this comes on paper. Nothing changes if it does already.
pub async fn exclude(
    app: &AppParts,
    registry: &Registry,
    (reader, request): (&Reader, &str),
    wish: &Wish,
) -> Result<(), Error> {
    let mut work = begin(app, reader, request).await?;
    check(&mut work.tx, registry, reader, wish).await?;
    let key = provide::hold(&mut work, app, &reader.owner).await?;
    let (id, reference) = (ExclusionId::new(work.now, &work.random), wish.reference.trim());
    let case_hash = case_hash(&app.vault, &reader.owner, reference);
    let is_case = !case_hash.is_empty();
    if is_case && cases(&mut work.tx, &reader.owner).await? >= CASES_MAX {
        return Err(Error::field("aktenzeichen", "cases_enough"));
    }
    let sealed = key.seal(place(&id), reference.as_bytes(), &work.random).map_err(Error::broken)?;
    let row = ExclusionRow {
        id,
        client_id: wish.client.clone(),
        case_hash,
        reference: is_case.then_some(sealed),
        since: work.now,
        since_by: reader.account.to_string(),
        until: None,
        until_by: None,
    };
    if store::insert(&mut work, reader.owner.as_str(), &row).await? {
        record(&mut work, reader, Switched { client: &row.client_id, is_paper: true, is_case }).await?;
    }
    work.commit().await
}

/// From now on this comes electronically again, where nothing else excludes it. `NotFound` for what is not theirs, or has been ended.
pub async fn include(
    app: &AppParts,
    registry: &Registry,
    (reader, request): (&Reader, &str),
    id: &ExclusionId,
) -> Result<(), Error> {
    let mut work = begin(app, reader, request).await?;
    provide::hold(&mut work, app, &reader.owner).await?;
    let row = store::find(&mut work.tx, reader.owner.as_str(), id).await?.ok_or(Error::NotFound)?;
    let areas = Areas::of(&mut work.tx, &reader.owner).await?;
    if !areas.decides(registry, reader, &row.client_id).ok_or(Error::NotFound)? {
        return Err(Error::NotAllowed("paper"));
    }
    if store::end(&mut work, id, &reader.account).await? {
        let is_case = !row.case_hash.is_empty();
        record(&mut work, reader, Switched { client: &row.client_id, is_paper: false, is_case }).await?;
        store::trim(&mut work, reader.owner.as_str(), ENDED_KEPT).await?;
    }
    work.commit().await
}

async fn begin(app: &AppParts, reader: &Reader, request: &str) -> Result<Work, Error> {
    let mut work = app.begin(Actor::Account(reader.account.clone())).await?;
    work.request = Some(request.to_owned());
    Ok(work)
}

async fn cases(tx: &mut Tx, owner: &Party) -> Result<usize, Error> {
    let rows = store::list(tx, owner.as_str()).await?;
    Ok(rows.iter().filter(|row| row.until.is_none() && !row.case_hash.is_empty()).count())
}

#[derive(Clone, Copy)]
struct Switched<'a> {
    client: &'a ClientId,
    is_paper: bool,
    is_case: bool,
}

#[derive(Serialize)]
struct Recorded<'a> {
    #[serde(skip)]
    subject: &'a Party,
    client: &'a ClientId,
    #[serde(flatten)]
    by: Option<By<'a>>,
    #[serde(skip)]
    switched: Switched<'a>,
}

impl Event for Recorded<'_> {
    fn kind(&self) -> &'static str {
        match (self.switched.is_paper, self.switched.is_case) {
            (true, false) => "postbox.paper",
            (true, true) => "postbox.paper_case",
            (false, false) => "postbox.electronic",
            (false, true) => "postbox.electronic_case",
        }
    }

    fn subject(&self) -> Option<String> {
        Some(self.subject.as_str().to_owned())
    }
}

/// For everybody whom it concerns. The file number is in no event.
async fn record(work: &mut Work, reader: &Reader, switched: Switched<'_>) -> Result<(), Error> {
    let client = switched.client;
    let Some(power) = reader.power() else {
        return audit::record(work, &Recorded { subject: &reader.owner, client, by: None, switched }).await;
    };
    let by = Some(By::new(&power.capacity, &power.party));
    for subject in acting::readers(&mut work.tx, (&power.account, &power.capacity), &power.party).await? {
        audit::record(work, &Recorded { subject: &subject, client, by, switched }).await?;
    }
    Ok(())
}

/// With the postbox goes what its owner wanted.
pub(super) async fn forget(work: &mut Work, owner: &Party) -> Result<(), Error> {
    Ok(store::delete_of(work, owner.as_str()).await?)
}
