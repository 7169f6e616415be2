//! The first step: a run at the eID-Server, kept for this browser; and the token that its eID-Client fetches.

use super::super::store::eid as store;
use super::{LIFETIME, Purpose, RUN, Run, Why, open, place, server};
use crate::app::AppParts;
use crate::eid::{self, ClientAddresses};
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, RequestId};
use crate::kernel::secret::{hex, token_hash};
use crate::signin::attempts::{self, Network};
use crate::store::work::Actor;

/// Whether a run has begun.
pub enum Begun {
    Yes,
    No(Why),
}

/// Begins a run for this browser: of whoever is signed in, or to let somebody in. The server is asked outside of any
/// transaction, and whoever asks too often is told to wait before it is.
pub async fn begin(
    app: &AppParts,
    (browser, network): (&[u8], &Network),
    account: Option<AccountId>,
    purpose: Purpose,
) -> Result<Begun, Error> {
    let server = server(&app.eid)?;
    attempts::count_at_once(app, attempts::of_assertion(app, browser, network)).await?;
    let begun = match server.begin(app.now(), &app.random).await {
        Ok(begun) => begun,
        Err(failure) => {
            tracing::warn!("no run at the eID-Server: {failure}");
            return Ok(Begun::No(Why::Failed(failure)));
        }
    };
    let (token, back) = (app.random.token(), app.random.token());
    let (hash, begun) = (token_hash(token.expose()), begun.to_bytes().expose().clone());
    let run = Run { purpose, token: token.expose().clone(), back: back.expose().clone(), begun };
    let plain = serde_json::to_vec(&run).map_err(Error::broken)?;
    let sealed = app.vault.system.seal(place(&hex(browser), RUN), &plain, &app.random).map_err(Error::broken)?;
    let mut work = app.single(Actor::Visitor).await?;
    let expires_at = work.now.plus(LIFETIME);
    let row = store::ReadingRow { browser_hash: browser.to_owned(), account_id: account, sealed, expires_at };
    store::put_reading(&mut work, &hash, &row).await?;
    work.commit().await?;
    Ok(Begun::Yes)
}

/// Where the eID-Client is called for what this browser has begun, and what for; `Gone` if that is nothing.
pub async fn under_way(
    app: &AppParts,
    browser: &[u8],
    request: Option<&RequestId>,
) -> Result<(ClientAddresses, Purpose), Error> {
    let server = server(&app.eid)?;
    let row = store::find_of_browser(&mut app.read().await?, browser, false, app.now()).await?;
    let row = row.ok_or(Error::Gone)?;
    let run: Run = open(&app.vault, browser, &row.sealed, RUN)?;
    let request = request.map_or_else(String::new, |request| format!("&vorgang={request}"));
    let address = format!("{}/ausweis/token?lauf={}{request}", app.config.issuer, run.token);
    Ok((server.client_address(&address), run.purpose))
}

/// The TC token of a run, for its eID-Client. It may be fetched again: what it opens is a card in somebody's hand.
pub async fn tc_token(app: &AppParts, token: &str, request: Option<&RequestId>) -> Result<String, Error> {
    let server = server(&app.eid)?;
    let row = store::find_run(&mut app.read().await?, &token_hash(token), app.now()).await?;
    let row = row.ok_or(Error::NotFound)?;
    let run: Run = open(&app.vault, &row.browser_hash, &row.sealed, RUN)?;
    let begun = eid::Begun::from_bytes(&run.begun).ok_or_else(|| Error::broken("a run cannot be read"))?;
    let request = request.map_or_else(String::new, |request| format!("&vorgang={request}"));
    let back = format!("{}/ausweis/zurueck?lauf={}{request}", app.config.issuer, run.back);
    Ok(server.tc_token(&begun, &back, &back))
}
