//! Signing in on a device that has no keyboard or no browser (device authorization grant, RFC 8628): the device shows a code,
//! the person types it here and allows it, and meanwhile the device asks.
//!
//! Whoever gets somebody to type a foreign code gets into that person's account (section 5.4). That is why there is no address with the
//! code in it (`verification_uri_complete`, section 3.3.1): it would make one click of it. The code is always typed, at an
//! address that people know, and then a page says what is about to happen before anything does.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::client_auth::Authenticated;
use super::confirmation::Confirmation;
use super::request::{self, AuthorizationRequest, Parameters};
use super::response::Destination;
use super::store::device as store;
use super::token::{self, Presented, Redeemed, TokenResponse};
use crate::app::AppParts;
use crate::audit::{self, Event};
use crate::client::Client;
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClientId};
use crate::kernel::seal::{Place, Vault};
use crate::kernel::secret::{hex, sha256, token_hash};
use crate::kernel::time::{Timestamp, minutes};
use crate::signin::attempts::{self, Network, Purpose};
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

const LIFETIME: Duration = minutes(10);
/// How long a device waits between two questions.
const INTERVAL_SECONDS: i64 = 5;
/// By how much longer if it does not (RFC 8628 section 3.5).
const SLOWER_SECONDS: i64 = 5;
/// Messages travel for unequal times: who asks at the right moment must not look hasty.
const TOLERANCE: Duration = Duration::from_secs(1);
/// Enough for a service that many use at once; too few for anybody's guesses to hit one of them. A client that cannot
/// authenticate is anybody, and one place alone must not keep it from all others.
const LIMITS: store::Limits = store::Limits { of_client: 1000, of_network: 50 };
const USER_CODE_LENGTH: usize = 8;

/// What has become of a device's request. Whether its code has been redeemed is known where codes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "TEXT", rename_all = "lowercase")]
pub enum State {
    Pending,
    Allowed,
    Denied,
}

/// What names a device's request: the hash of its device code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceHash(pub [u8; 32]);

impl DeviceHash {
    fn of(device_code: &str) -> Self {
        Self(token_hash(device_code))
    }

    /// Under which hash the authorization code stands that the device gets instead of a redirect. Nothing that anybody can
    /// send as a `code` has it.
    fn code_hash(&self) -> [u8; 32] {
        sha256(&[b"device\0", &self.0[..]].concat())
    }
}

fn place(row: &str) -> Place<'_> {
    Place { table: "device_authorization", column: "request", row, version: 1 }
}

/// Eight consonants, however they are typed (RFC 8628 section 6.1).
fn user_hash(vault: &Vault, typed: &str) -> [u8; 32] {
    let letters = typed.chars().filter(|letter| !letter.is_whitespace() && *letter != '-');
    let code: String = letters.take(USER_CODE_LENGTH + 1).map(|letter| letter.to_ascii_uppercase()).collect();
    vault.code("device", &code)
}

/// RFC 8628 section 3.2.
#[derive(Serialize)]
pub struct Begun {
    device_code: String,
    user_code: String,
    verification_uri: String,
    expires_in: u64,
    interval: i64,
}

/// Takes a device's request (RFC 8628 section 3.1). A proof that came along binds what comes of it to its key.
pub async fn begin(
    app: &AppParts,
    authenticated: &Authenticated,
    parameters: &Parameters,
    network: &Network,
) -> Result<Begun, Error> {
    let client = &authenticated.client;
    may(client)?;
    let device_code = app.random.token();
    let device = DeviceHash::of(device_code.expose());
    let mut request = request::check_device(client, parameters, device.clone()).map_err(Error::Protocol)?;
    request.confirmation.clone_from(&authenticated.confirmation);
    let mut work = app.begin(Actor::Client(client.id.clone())).await?;
    authenticated.spend(app, &mut work).await?;
    let user_code = work.random.consonants(USER_CODE_LENGTH);
    let plain = serde_json::to_vec(&request).map_err(Error::broken)?;
    let sealed = app.vault.system.seal(place(&hex(&device.0)), &plain, &work.random).map_err(Error::broken)?;
    let network = client.is_public().then(|| app.vault.index("device-network", &network.subscriber));
    let row = store::NewRow {
        device_hash: &device.0,
        user_hash: &user_hash(&app.vault, user_code.expose()),
        client: &client.id,
        network_hash: network.as_ref().map(|hash| &hash[..]),
        request: &sealed,
        interval_seconds: INTERVAL_SECONDS,
        expires_at: work.now.plus(LIFETIME),
    };
    match store::insert(&mut work, &row, &LIMITS).await {
        Ok(true) => work.commit().await?,
        // The next one to end makes room.
        Ok(false) => return Err(Error::TooMany(work.now.plus(minutes(1)))),
        // The same code waits elsewhere, once in many million times.
        Err(error) if error.is_conflict() => return Err(Error::Busy { retry_after_seconds: 1 }),
        Err(error) => return Err(error.into()),
    }
    let (first, second) = user_code.expose().split_at(USER_CODE_LENGTH / 2);
    Ok(Begun {
        user_code: format!("{first}-{second}"),
        device_code: device_code.expose().clone(),
        verification_uri: format!("{}/geraet", app.config.issuer),
        expires_in: LIFETIME.as_secs(),
        interval: INTERVAL_SECONDS,
    })
}

fn may(client: &Client) -> Result<(), Error> {
    if client.device { Ok(()) } else { Err(Error::protocol("unauthorized_client", "this client may not use devices")) }
}

/// What the person answers to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    Denied,
}

/// Somebody signed in, who has typed a code, and where.
pub struct Typed<'a> {
    pub account: &'a AccountId,
    pub code: &'a str,
    pub network: &'a Network,
}

/// What a typed code asks for; nothing if no request waits for it, for whatever reason.
///
/// The try is counted first. A right one is not taken back: whoever has codes of their own could otherwise guess others in
/// between without end.
pub async fn find_typed(
    app: &AppParts,
    registry: &Registry,
    typed: Typed<'_>,
) -> Result<Option<(Arc<Client>, AuthorizationRequest)>, Error> {
    let Typed { account, code, network } = typed;
    let mut work = app.single(Actor::Account(account.clone())).await?;
    attempts::count(&mut work, attempts::of_try(app, Purpose::DeviceCode, account.as_str(), network, None)).await?;
    work.commit().await?;
    let row = store::find_waiting(&mut app.read().await?, &user_hash(&app.vault, code), app.now()).await?;
    let Some(row) = row else { return Ok(None) };
    let plain = app.vault.system.open(place(&hex(&row.device_hash)), &row.request).map_err(Error::broken)?;
    let request: AuthorizationRequest = serde_json::from_slice(plain.expose()).map_err(Error::broken)?;
    // Switched off, removed, or not for devices any more.
    let client = registry.find(&row.client_id).filter(|client| client.device);
    Ok(client.map(|client| (client, request)))
}

/// When a request was made that waits.
pub async fn asked_at(tx: &mut Tx, device: &DeviceHash, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let row = store::find(tx, &device.0).await?;
    Ok(row.filter(|row| row.state == State::Pending && row.expires_at > now).map(|row| row.created_at))
}

/// Allows it: under which hash its code is to be stored, and until when it counts.
pub async fn allow(work: &mut Work, device: &DeviceHash) -> Result<([u8; 32], Timestamp), Error> {
    let answered = store::answer(work, &device.0, State::Allowed).await?.ok_or(Error::Gone)?;
    Ok((device.code_hash(), answered.expires_at))
}

/// Somebody has said no, or has left. Many of them for one service may mean that people are sent foreign codes.
#[derive(Serialize)]
struct DeviceDenied {
    #[serde(skip)]
    client: ClientId,
}

impl Event for DeviceDenied {
    fn kind(&self) -> &'static str {
        "client.device_denied"
    }

    fn subject(&self) -> Option<String> {
        Some(format!("client:{}", self.client))
    }
}

/// Denies it. That it has ended by itself does not matter.
pub async fn deny(work: &mut Work, request: &AuthorizationRequest) -> Result<(), Error> {
    let Destination::Device(device) = &request.target else { return Ok(()) };
    store::answer(work, &device.0, State::Denied).await?;
    audit::record(work, &DeviceDenied { client: request.client.clone() }).await
}

/// What a device is told. All of it is committed.
enum Told {
    /// RFC 8628 section 3.5.
    Wait(Error),
    Redeemed(Redeemed),
}

/// The device asks (RFC 8628 section 3.4), in one transaction.
pub async fn redeem(
    app: &AppParts,
    registry: &Registry,
    authenticated: &Authenticated,
    parameters: &Parameters,
) -> Result<TokenResponse, Error> {
    let client = &authenticated.client;
    may(client)?;
    let code = parameters.get("device_code");
    let code = code.ok_or_else(|| Error::protocol("invalid_request", "device_code is missing"))?;
    let device = DeviceHash::of(code);
    let confirmation = authenticated.confirmation.as_ref().map(Confirmation::to_text);
    let presented = Presented {
        hash: device.code_hash(),
        redirect_uri: "",
        verifier: None,
        resource: parameters.get("resource"),
        confirmation: confirmation.as_deref(),
    };
    let mut work = app.begin(Actor::Client(client.id.clone())).await?;
    authenticated.spend(app, &mut work).await?;
    let told = ask(&mut work, client, &device, &presented).await?;
    if !matches!(&told, Told::Redeemed(redeemed) if redeemed.leaves_no_trace(client)) {
        work.commit().await?;
    }
    match told {
        Told::Wait(error) => Err(error),
        Told::Redeemed(Redeemed::Refused(why)) if why == token::EXPIRED => Err(expired()),
        Told::Redeemed(redeemed) => token::answer(app, registry, client, (redeemed, presented.confirmation)).await,
    }
}

fn expired() -> Error {
    Error::protocol("expired_token", "the device code has expired")
}

async fn ask(work: &mut Work, client: &Client, device: &DeviceHash, presented: &Presented<'_>) -> Result<Told, Error> {
    let Some(row) = store::find(&mut work.tx, &device.0).await? else {
        return Ok(Told::Redeemed(Redeemed::Refused(token::UNKNOWN)));
    };
    if row.client_id != client.id && row.state == State::Pending {
        // Two know what one of them must not know.
        store::answer(work, &device.0, State::Denied).await?;
        return Ok(Told::Redeemed(Redeemed::Refused("the device code belongs to another client")));
    }
    Ok(match row.state {
        State::Allowed => Told::Redeemed(token::take_code(work, client, presented).await?),
        _ if row.client_id != client.id => Told::Redeemed(Redeemed::Refused("another client's device code")),
        State::Denied => Told::Wait(Error::protocol("access_denied", "the person has denied it")),
        State::Pending if row.expires_at <= work.now => Told::Wait(expired()),
        State::Pending => wait(work, device).await?,
    })
}

async fn wait(work: &mut Work, device: &DeviceHash) -> Result<Told, Error> {
    if store::put_question(work, &device.0, work.now.plus(TOLERANCE)).await? {
        return Ok(Told::Wait(Error::protocol("authorization_pending", "the person has not answered yet")));
    }
    store::slow_down(work, &device.0, SLOWER_SECONDS).await?;
    Ok(Told::Wait(Error::protocol("slow_down", "asked too early: five seconds longer from now on")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::random::Random;
    use crate::kernel::seal::{DataKey, MasterKey, MasterKeys};

    #[test]
    fn a_code_is_the_same_however_it_is_typed() {
        let random = Random::seeded(1);
        let keys = MasterKeys { current: MasterKey::local([1; 32]), other: None };
        let vault = Vault::new(keys, &DataKey::random(&random));
        let hash = |text: &str| user_hash(&vault, text);
        for same in ["WDJB-MJHT", "wdjbmjht", " wdjb mjht ", "w-d-j-b-m-j-h-t", "WDJB\u{a0}MJHT"] {
            assert_eq!(hash(same), hash("WDJBMJHT"), "{same}");
        }
        for other in ["", "WDJBMJH", "WDJBMJHTT", "WDJB_MJHT", "WDJBMJHß"] {
            assert_ne!(hash(other), hash("WDJBMJHT"), "{other}");
        }
    }

    #[test]
    fn sec_b04_no_code_that_can_be_sent_is_a_device_code() {
        let device = DeviceHash::of("x");
        assert_ne!(device.code_hash(), device.0);
        assert_ne!(device.code_hash(), token_hash("x"));
    }
}
