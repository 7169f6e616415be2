//! Questions that wait for an answer, a passkey's or another provider's: sealed in what goes out, good for a while, for one answer,
//! in the browser that asked. Asking therefore writes nothing, whoever asks and however often.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::seal::Place;
use crate::kernel::secret::hex;
use crate::kernel::time::Timestamp;
use crate::store::replay::{self, Once};
use crate::store::work::Work;

/// Whose a question is: for what, in which browser, and within which session or account if it belongs to one.
#[derive(Clone, Copy)]
pub struct Owner<'a> {
    pub purpose: &'static str,
    pub browser: &'a [u8],
    pub within: &'a str,
}

#[derive(Serialize, Deserialize)]
struct Sealed<T> {
    id: String,
    expires_at: Timestamp,
    state: T,
}

impl Owner<'_> {
    fn row(&self) -> String {
        format!("{} {}", hex(self.browser), self.within)
    }

    fn place<'a>(&self, row: &'a str) -> Place<'a> {
        Place { table: "ceremony", column: self.purpose, row, version: 1 }
    }
}

/// The state of a question, as the page carries it, and how long it waits.
pub fn seal(app: &AppParts, owner: Owner<'_>, lifetime: Duration, state: impl Serialize) -> Result<String, Error> {
    let sealed = Sealed { id: app.random.token().expose().clone(), expires_at: app.now().plus(lifetime), state };
    let plain = serde_json::to_vec(&sealed).map_err(Error::broken)?;
    let sealed = app.vault.system.seal(owner.place(&owner.row()), &plain, &app.random).map_err(Error::broken)?;
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

/// A question that has come back, and has not been taken yet.
pub struct Opened<T> {
    pub state: T,
    once: Once,
}

impl<T> Opened<T> {
    /// Takes it; nobody can again, on no node, whatever comes of it. `false` if somebody has.
    pub async fn take(&self, work: &mut Work) -> Result<bool, Error> {
        Ok(replay::insert(work, &self.once).await?)
    }
}

/// Reads a question that has come back. None if it is another owner's, too old, or none of ours.
pub fn open<T: DeserializeOwned>(
    app: &AppParts,
    owner: Owner<'_>,
    text: &str,
    now: Timestamp,
) -> Result<Option<Opened<T>>, Error> {
    let Ok(sealed) = URL_SAFE_NO_PAD.decode(text) else { return Ok(None) };
    let Ok(plain) = app.vault.system.open(owner.place(&owner.row()), &sealed) else { return Ok(None) };
    let Sealed { id, expires_at, state } = serde_json::from_slice(plain.expose()).map_err(Error::broken)?;
    Ok((expires_at > now).then(|| Opened { state, once: Once::new("ceremony", &id, expires_at) }))
}

/// Opens and takes it, before anything is looked at.
pub async fn take<T: DeserializeOwned>(
    app: &AppParts,
    work: &mut Work,
    owner: Owner<'_>,
    text: &str,
) -> Result<Option<T>, Error> {
    let Some(opened) = open(app, owner, text, work.now)? else { return Ok(None) };
    Ok(opened.take(work).await?.then_some(opened.state))
}
