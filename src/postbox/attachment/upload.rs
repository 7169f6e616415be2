//! An authority sends a file. Until nobody has anything against it there is no such file; whatever is refused leaves nothing.

use std::fmt::Display;

use bytes::Bytes;
use futures_util::Stream;
use serde::Serialize;

use super::store::{self, Whose};
use super::{Attachment, Description, FILE_MAX_BYTES, UNUSED_KEPT};
use crate::app::AppParts;
use crate::audit::{self, Event};
use crate::client::Client;
use crate::kernel::calendar::end_of;
use crate::kernel::error::Error;
use crate::kernel::file::Scan;
use crate::kernel::file::name::Name;
use crate::kernel::id::{AttachmentId, ClientId};
use crate::kernel::pdf_seal::Verdict;
use crate::kernel::scan::NotScanned;
use crate::kernel::seal::DataKey;
use crate::kernel::secret::hex;
use crate::kernel::time::Timestamp;
use crate::organisation::acting::Party;
use crate::organisation::mandate::party;
use crate::postbox::{clock, provide};
use crate::store::db::Tx;
use crate::store::object::{Coming, Owner, Received, Written};
use crate::store::work::Actor;

const MEBIBYTE: u64 = 1024 * 1024;

/// What an authority says of a file that it sends.
#[derive(Clone, Copy)]
pub struct Sent<'a> {
    /// For whom it is.
    pub recipient: &'a Party,
    pub name: &'a str,
    /// The id of the HTTP request, for the trail.
    pub request: &'a str,
}

/// What has become of it.
pub enum Uploaded {
    /// It waits for its notice until then.
    Kept(Attachment, Timestamp),
    /// The scanner has found something, by that name.
    Infected(String),
    /// There is a scanner, and it gives no answer: nothing is taken unseen.
    NotScanned,
    /// The operator has no place for files.
    NotKept,
}

#[derive(Serialize)]
struct Refused<'a> {
    #[serde(skip)]
    client: &'a ClientId,
    finding: &'a str,
}

impl Event for Refused<'_> {
    fn kind(&self) -> &'static str {
        "client.attachment_refused"
    }

    fn subject(&self) -> Option<String> {
        Some(self.client.to_string())
    }
}

/// Takes a file, for a notice to this recipient that is still to come. `Gone` if the postbox is closed; `Invalid` at `name` or `file`;
/// `TooLarge`, `Incomplete`, `NoRoom` and `Busy` as for every object; `TooMany` until the day is over once the client has sent what it may.
pub async fn upload<S, E>(app: &AppParts, client: &Client, sent: Sent<'_>, pieces: S) -> Result<Uploaded, Error>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: Display,
{
    if !app.objects.are_kept() {
        return Ok(Uploaded::NotKept);
    }
    let name = Name::parse(sent.name).map_err(|problem| Error::field("name", problem))?;
    let key = look(app, client, sent.recipient).await?;
    let (owner, scanner) = (Owner { id: sent.recipient.as_str(), key: &key }, app.scanner.as_ref());
    let coming = Coming { by: &client.id.0, owner, kind: name.kind };
    match app.objects.receive(scanner, coming, pieces, FILE_MAX_BYTES).await? {
        Received::Refused(problem) => Err(Error::field("file", problem)),
        Received::NotScanned(error) => Ok(not_scanned(&error)),
        Received::Infected(finding) => infected(app, client, sent.request, finding).await,
        Received::Sound(mut written, scan) => {
            let judged = written.judge(&app.seal_anchors, app.now()).await?;
            let description = describe(name, &written, (scan, judged));
            keep(app, client, sent, (*written, description)).await
        }
    }
}

/// The key of a postbox that takes notices, if this client may send anything today. Both are asked again when the file is there.
async fn look(app: &AppParts, client: &Client, recipient: &Party) -> Result<DataKey, Error> {
    let mut tx = app.read().await?;
    check_room(&mut tx, client, app.now()).await?;
    let takes = provide::takes_notices(&mut tx, recipient).await?;
    match party::key(&mut tx, &app.vault, recipient).await {
        Err(Error::NotFound) => Err(Error::Gone),
        Ok(_) if !takes => Err(Error::Gone),
        key => key,
    }
}

/// Over the interface nobody comes without such a section.
fn most(client: &Client) -> i64 {
    client.postbox.as_ref().map_or(i64::MAX, |delivery| delivery.attachment_mebibytes_per_day)
}

async fn check_room(tx: &mut Tx, client: &Client, now: Timestamp) -> Result<(), Error> {
    let today = clock::day(now);
    let sent = store::sent(tx, &client.id, &today.to_string()).await?;
    if sent < most(client) { Ok(()) } else { Err(Error::TooMany(end_of(today))) }
}

fn describe(
    Name { text: name, kind }: Name,
    written: &Written,
    (scan, judged): (Scan, Option<Verdict>),
) -> Description {
    let (bytes, sha256) = (written.length(), hex(written.sha256()));
    Description { name, kind, bytes, sha256, scan, seal: None, judged }
}

async fn keep(
    app: &AppParts,
    client: &Client,
    sent: Sent<'_>,
    (written, description): (Written, Description),
) -> Result<Uploaded, Error> {
    let mut work = app.begin(Actor::Client(client.id.clone())).await?;
    work.request = Some(sent.request.to_owned());
    let key = provide::open_postbox(&mut work, app, sent.recipient).await?;
    let (today, more) = (clock::day(work.now), description.bytes.div_ceil(MEBIBYTE));
    let more = i64::try_from(more).map_err(Error::broken)?;
    if !store::count_sent(&mut work, (&client.id, &today.to_string()), more, most(client)).await? {
        return Err(Error::TooMany(end_of(today)));
    }
    let owner = Owner { id: sent.recipient.as_str(), key: &key };
    let object = written.finish(&mut work, owner).await?;
    let attachment = Attachment { id: AttachmentId::new(work.now, &work.random), description, object };
    let sealed = attachment.description.seal(&attachment.id, &key, &work.random)?;
    let (whose, expires_at) = (Whose { client: &client.id, owner: owner.id }, work.now.plus(UNUSED_KEPT));
    store::insert(&mut work, whose, &attachment, (&sealed, expires_at)).await?;
    work.commit().await?;
    count("kept");
    Ok(Uploaded::Kept(attachment, expires_at))
}

fn not_scanned(error: &NotScanned) -> Uploaded {
    tracing::error!("attachments: {error}");
    count("not_scanned");
    Uploaded::NotScanned
}

/// Of what was found the trail knows, and nobody's postbox does.
async fn infected(app: &AppParts, client: &Client, request: &str, finding: String) -> Result<Uploaded, Error> {
    let mut work = app.begin(Actor::Client(client.id.clone())).await?;
    work.request = Some(request.to_owned());
    audit::record(&mut work, &Refused { client: &client.id, finding: &finding }).await?;
    work.commit().await?;
    count("infected");
    Ok(Uploaded::Infected(finding))
}

fn count(result: &'static str) {
    metrics::counter!("nutzerkonto_attachments_total", "result" => result).increment(1);
}
