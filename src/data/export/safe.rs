//! What is known of the documents in somebody's own safe, a page at a time. They themselves are fetched one by one, at the address that stands with
//! each version: a copy of all of them could be as long as the safe. Of what needs a higher level than that of the session only that is told.

use serde_json::{Value, json};

use super::{Archive, Part, instant};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::DocumentId;
use crate::kernel::seal::DataKey;
use crate::safe::keeper::Keeper;
use crate::safe::list::Wanted;
use crate::safe::{Document, Origin, Version, versions};
use crate::store::db::Tx;

/// So many documents are in memory at once.
const PAGE: usize = 100;

impl Archive {
    pub(super) fn begin_safe(&mut self) -> Result<(), Error> {
        self.file("dokumente.json")?;
        self.write("[")?;
        self.part = Part::Safe;
        Ok(())
    }

    /// A few documents.
    pub(super) async fn write_safe(&mut self) -> Result<(), Error> {
        let (app, keeper) = (self.app.clone(), Keeper::own(&self.account, self.level));
        let tx = &mut app.read().await?;
        let key = keeper.key(tx, &app.vault).await?;
        let after = self.document.take();
        let found = keeper.list((&app, &mut *tx, &key), Wanted::default(), (after.as_ref(), PAGE)).await?;
        for (number, document) in found.documents.iter().enumerate() {
            self.write(if after.is_none() && number == 0 { "\n" } else { ",\n" })?;
            self.write(&describe(tx, &app, (&keeper, &key), document).await?.to_string())?;
        }
        self.document = found.next;
        if self.document.is_some() {
            return Ok(());
        }
        self.write("\n]\n")?;
        self.begin_protocol(Part::ProtocolJson)
    }
}

async fn describe(
    tx: &mut Tx,
    app: &AppParts,
    (keeper, key): (&Keeper, &DataKey),
    document: &Document,
) -> Result<Value, Error> {
    let Document { id, level, filing, expires_on, created_at, .. } = document;
    let opens = keeper.opens(document);
    let versions = if opens { versions(tx, document, key).await? } else { Vec::new() };
    let of_version = |version: &Version| describe_version(&app.config.issuer, id, version);
    Ok(json!({
        "id": id, "level": level, "since": instant(*created_at),
        "expires_on": expires_on.map(|day| day.to_string()),
        "name": opens.then_some(&filing.name),
        "folder": opens.then_some(&filing.folder).filter(|folder| !folder.is_empty()),
        "tags": opens.then_some(&filing.tags),
        "versions": opens.then(|| versions.iter().map(of_version).collect::<Vec<_>>()),
    }))
}

fn describe_version(
    issuer: &str,
    id: &DocumentId,
    Version { number, bytes, facts, created_at, .. }: &Version,
) -> Value {
    json!({
        "number": number, "since": instant(*created_at), "type": facts.kind, "bytes": bytes, "sha256": facts.sha256,
        "scan": facts.scan, "notice": describe_origin(&facts.origin),
        "address": format!("{issuer}/safe/{id}/{number}/datei"),
    })
}

/// The notice that it came with; nothing if it was uploaded.
fn describe_origin(origin: &Origin) -> Value {
    match origin {
        Origin::Upload => Value::Null,
        Origin::Notice { message, sender: [sender, _], provided_at, .. } => {
            json!({ "id": message, "sender": sender, "provided_at": instant(*provided_at) })
        }
    }
}
