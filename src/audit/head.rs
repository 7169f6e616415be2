//! Signed heads: the end of the chain under a signature of our own key, hourly and on demand. Copied to where
//! nobody of ours can reach it, one proves everything before it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::keys::{Algorithm, KeySet, Purpose};
use crate::kernel::time::{Timestamp, hours};

use super::chain;
use super::store;

const SIGNED_EVERY: Duration = hours(1);

/// What a signed head says: at that time the chain had so many events and ended in this seal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHead {
    pub iss: String,
    /// Seconds since 1970.
    pub iat: i64,
    pub position: i64,
    /// Base64url of 32 bytes.
    pub seal: String,
}

impl SignedHead {
    /// Reads a compact JWS. Refuses what no audit key of ours signed, and what another issuer's did.
    pub fn read(keys: &KeySet, issuer: &str, token: &str) -> Result<Self, &'static str> {
        let head: Self = keys
            .verify(Purpose::Audit, token.trim())
            .ok_or("a signed head bears no valid signature of a configured audit key")?;
        if head.iss == issuer { Ok(head) } else { Err("a signed head is of another issuer") }
    }

    /// The 32 bytes of the seal.
    pub fn seal_bytes(&self) -> Result<Vec<u8>, Error> {
        URL_SAFE_NO_PAD.decode(&self.seal).map_err(Error::broken)
    }

    pub fn at(&self) -> Timestamp {
        Timestamp::from_seconds(self.iat)
    }
}

pub fn encode(seal: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(seal)
}

/// Seals what is unsealed, signs the end of the chain, keeps the signed head and returns it.
pub async fn sign(app: &AppParts) -> Result<String, Error> {
    let db = app.db.aside();
    // First the sealing: what a signed head does not cover then happened after it, which verification relies on.
    chain::seal(&db, app.now()).await?;
    let mut tx = db.read().await?;
    let head = store::head(&mut tx, store::END).await?.ok_or(Error::Conflict("nothing has been recorded yet"))?;
    drop(tx);
    let now = app.now();
    let claims = SignedHead {
        iss: app.config.issuer.clone(),
        iat: now.seconds(),
        position: head.position,
        seal: encode(&head.seal),
    };
    let token = app.keys.current().sign(Purpose::Audit, Algorithm::ES256, &claims)?;
    let mut tx = db.begin().await?;
    store::insert_signed_head(&mut tx, head.position, now, &token).await?;
    db.commit(tx).await?;
    Ok(token)
}

/// What the job does: seals, tells the metrics, and signs when the last signed head is an hour old and there is
/// something new.
pub async fn tend(app: &AppParts) -> Result<(), Error> {
    let db = app.db.aside();
    let mut tx = db.read().await?;
    let waiting = store::waiting(&mut tx).await?;
    drop(tx);
    let lag = waiting.oldest.map_or(Duration::ZERO, |oldest| oldest.until(app.now()));
    metrics::gauge!("nutzerkonto_audit_unsealed").set(waiting.unsealed as f64);
    metrics::gauge!("nutzerkonto_audit_lag_seconds").set(lag.as_secs_f64());
    if waiting.unsealed > 0 {
        chain::seal(&db, app.now()).await?;
    }
    let mut tx = db.read().await?;
    let position = store::head(&mut tx, store::END).await?.map_or(0, |head| head.position);
    drop(tx);
    metrics::gauge!("nutzerkonto_audit_position").set(position as f64);
    let is_due = waiting.signed_at.is_none_or(|at| at.plus(SIGNED_EVERY) <= app.now());
    if is_due && position > waiting.signed_position.unwrap_or(0) {
        sign(app).await?;
    }
    Ok(())
}
