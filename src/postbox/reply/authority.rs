//! What an authority gets of the replies to its notices: what was sent, when, and as what somebody wrote; never who it was. It has a reply
//! when it has taken note of the event that tells of it.

use serde_json::{Value, json};

use super::authority_place;
use super::written::Written;
use crate::app::AppParts;
use crate::client::Client;
use crate::kernel::error::Error;
use crate::kernel::id::{MessageId, ReplyId};
use crate::kernel::seal::Vault;
use crate::kernel::secret::hex;
use crate::postbox::receipt::moment;
use crate::postbox::store::reply::{self as store, ReplyRow};
use crate::postbox::told;

fn open(vault: &Vault, row: &ReplyRow) -> Result<Option<Written>, Error> {
    let Some(sealed) = &row.for_authority else { return Ok(None) };
    let plain = vault.system.open(authority_place(&row.id), sealed).map_err(Error::broken)?;
    serde_json::from_slice(plain.expose()).map(Some).map_err(Error::broken)
}

fn describe(row: &ReplyRow, written: Option<&Written>) -> Value {
    let mut said = written.map_or_else(|| json!({}), |written| json!(written));
    said["id"] = json!(row.id);
    said["message"] = json!(row.message_id);
    said["at"] = json!(moment(row.sent_at));
    said["written_by"] = json!(row.role);
    said["mode"] = json!(written.map(Written::mode));
    said["content_sha256"] = json!(hex(&row.content_hash));
    said
}

/// The replies to one notice of this authority, the oldest first. What it has had for long enough has no contents any more.
pub async fn list(app: &AppParts, client: &Client, message: &MessageId) -> Result<Vec<Value>, Error> {
    told::find(app, client, message).await?;
    let rows = store::of_message(&mut app.read().await?, message).await?;
    rows.iter().map(|row| Ok(describe(row, open(&app.vault, row)?.as_ref()))).collect()
}

/// One reply; `NotFound` for those to other authorities, `Gone` for what this one has had for long enough.
pub async fn show(app: &AppParts, client: &Client, id: &ReplyId) -> Result<Value, Error> {
    let row = store::find(&mut app.read().await?, id).await?;
    let row = row.filter(|row| row.client_id == client.id).ok_or(Error::NotFound)?;
    let written = open(&app.vault, &row)?.ok_or(Error::Gone)?;
    Ok(describe(&row, Some(&written)))
}
