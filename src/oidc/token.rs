//! The token endpoint: a code becomes a grant and its tokens, once.

use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};

use super::access_token::{ACCESS_TOKEN_LIFETIME, AccessToken};
use super::claims_request::RequestedClaims;
use super::client_auth::Authenticated;
use super::confirmation::Confirmation;
use super::grant::{self, Live, RefreshToken};
use super::request::Parameters;
use super::whose::{self, Whose};
use super::{OidcEvent, claims, consent, document, scopes_of, store, verified_claims};
use crate::account;
use crate::app::AppParts;
use crate::assurance;
use crate::client::registry::Registry;
use crate::client::{Answer, Claim, Client, Scope};
use crate::kernel::error::Error;
use crate::kernel::id::{ClientId, GrantId, SessionId};
use crate::kernel::keys::Purpose;
use crate::kernel::level::Level;
use crate::kernel::secret::{equal, sha256, token_hash};
use crate::kernel::time::Timestamp;
use crate::organisation::acting::{self, Party, Power};
use crate::store::work::{Actor, Work};

const ID_TOKEN_LIFETIME: Duration = Duration::from_secs(300);

/// RFC 6749 section 5.1, OpenID Connect Core section 3.1.3.3.
#[derive(Serialize)]
pub struct TokenResponse {
    pub access_token: String,
    pub token_type: &'static str,
    pub expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    pub scope: String,
    /// RFC 9396 section 7.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_details: Option<Value>,
}

/// OpenID Connect Core section 2.
#[derive(Serialize)]
struct IdToken<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    iat: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    acr: &'static str,
    amr: Vec<&'a str>,
    at_hash: String,
    /// For clients that are told when the session ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    /// Who acts for the subject (RFC 8693 section 4.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Value>,
    /// Only names of [`Claim`]s, none of which is one of the above.
    #[serde(flatten)]
    single: Map<String, Value>,
}

/// A code that has become a grant.
pub struct Granted {
    row: store::CodeRow,
    whose: Whose,
    /// What lets the person act for another party, if they do.
    power: Option<Power>,
    refresh: Option<RefreshToken>,
}

/// A refusal worth remembering: the code is burnt either way, so it is an outcome that is committed.
pub enum Redeemed {
    Granted(Box<Granted>),
    Refused(&'static str),
    /// RFC 8707 section 2.2.
    OtherResource,
}

/// Why a code is refused that came too late.
pub const EXPIRED: &str = "the code has expired";
/// Or that nobody knows.
pub const UNKNOWN: &str = "unknown code";

impl Redeemed {
    /// What anybody can send as a public client and nobody knows leaves no trace, not even the proof that came with it: or a
    /// flood would fill what has to be remembered.
    pub fn leaves_no_trace(&self, client: &Client) -> bool {
        client.is_public() && matches!(self, Self::Refused(UNKNOWN))
    }
}

/// Redeems an authorization code (RFC 6749 section 4.1.3) in one transaction.
pub async fn redeem(
    app: &AppParts,
    registry: &Registry,
    authenticated: &Authenticated,
    parameters: &Parameters,
) -> Result<TokenResponse, Error> {
    let client = &authenticated.client;
    let missing = |description| Error::protocol("invalid_request", description);
    let confirmation = authenticated.confirmation.as_ref().map(Confirmation::to_text);
    let presented = Presented {
        hash: token_hash(parameters.get("code").ok_or_else(|| missing("code is missing"))?),
        redirect_uri: parameters.get("redirect_uri").ok_or_else(|| missing("redirect_uri is missing"))?,
        verifier: parameters.get("code_verifier"),
        resource: parameters.get("resource"),
        confirmation: confirmation.as_deref(),
    };

    let mut work = app.begin(Actor::Client(client.id.clone())).await?;
    authenticated.spend(app, &mut work).await?;
    let redeemed = take_code(&mut work, client, &presented).await?;
    if !redeemed.leaves_no_trace(client) {
        work.commit().await?;
    }
    answer(app, registry, client, (redeemed, presented.confirmation)).await
}

/// What comes of a code that has been taken: with a key, if its tokens are bound to one.
pub async fn answer(
    app: &AppParts,
    registry: &Registry,
    client: &Client,
    (redeemed, confirmation): (Redeemed, Option<&str>),
) -> Result<TokenResponse, Error> {
    match redeemed {
        Redeemed::Granted(granted) => {
            let Granted { row, whose, power, refresh } = *granted;
            let single = match &row.claims {
                None => Single::default(),
                Some(_) => {
                    let mut tx = app.read().await?;
                    let live = grant::find(&mut tx, registry, grant::By::Id(&row.grant_id), app.now()).await?;
                    drop(tx);
                    single_claims(app, live.as_ref()).await?
                }
            };
            let mut response =
                respond(app, client, &Basis::of_code(&row, (&whose, power.as_ref()), confirmation), single)?;
            response.refresh_token = refresh.map(|token| token.text());
            response.authorization_details = document::of_code(row.details.as_deref())?;
            Ok(response)
        }
        Redeemed::Refused(why) => Err(Error::Protocol(crate::kernel::error::Protocol {
            code: "invalid_grant",
            description: "the code is wrong, used, expired, or not for this client and redirect_uri",
            detail: Some(why.to_owned()),
        })),
        Redeemed::OtherResource => Err(other_resource()),
    }
}

/// RFC 8707 section 2.2: what was not granted cannot be had at the token endpoint.
pub fn other_resource() -> Error {
    Error::protocol("invalid_target", "resource is not the one of the authorization request")
}

/// The single claims that the ID token of a grant is to carry: of the subject, and of who acts for it, which go into `act`.
#[derive(Default)]
pub struct Single {
    subject: Map<String, Value>,
    actor: Map<String, Value>,
}

/// How the claims of a person who acts for another party, or is acted for, were verified is told nobody; how those of an
/// organisation were, whoever may know the organisation.
pub async fn single_claims(app: &AppParts, live: Option<&Live>) -> Result<Single, Error> {
    let asks = |live: &&Live| !live.claims.id_token.is_empty() || !live.claims.id_token_verified.is_empty();
    let Some(live) = live.filter(asks) else { return Ok(Single::default()) };
    let mut tx = app.read().await?;
    let asked = claims::deliverable(live, &[], &live.claims.id_token);
    if live.power.is_some() {
        let is_asked = |claim| live.claims.id_token.contains(&claim);
        let mut subject = claims::of_represented(&mut tx, app, live, is_asked).await?;
        if live.scopes.contains(&Scope::Organisation) {
            let asked = (live.claims.id_token_verified.as_slice(), false);
            let verified = claims::verified_of_organisation(&mut tx, app, live, asked).await?;
            subject.extend(verified.map(|verified| (verified_claims::NAME.to_owned(), verified)));
        }
        return Ok(Single { subject, actor: claims::of_actor(&mut tx, app, live, &asked).await? });
    }
    let account = account::load(&mut tx, &app.vault, &live.row.account_id).await?;
    drop(tx);
    let mut subject = claims::of(&account, &asked);
    if let Some(verified) = claims::verified(app, live, &account, &live.claims.id_token_verified, false).await? {
        subject.insert(verified_claims::NAME.to_owned(), verified);
    }
    Ok(Single { subject, actor: Map::new() })
}

/// A code, and what came along with it.
pub struct Presented<'a> {
    pub hash: [u8; 32],
    pub redirect_uri: &'a str,
    pub verifier: Option<&'a str>,
    pub resource: Option<&'a str>,
    /// What the request has proven to hold, as rows keep it.
    pub confirmation: Option<&'a str>,
}

/// Takes a code, once, and makes its grant. Commit in every case.
pub async fn take_code(work: &mut Work, client: &Client, presented: &Presented<'_>) -> Result<Redeemed, Error> {
    let Some(row) = store::take_code(work, &presented.hash).await? else {
        return refuse_unusable(work, client, &presented.hash).await;
    };
    let offline = scopes_of(&row.scope).contains(&Scope::OfflineAccess);
    let refresh = offline.then(|| RefreshToken::new(&work.random));
    let whose = Whose::read(&row.account_id, row.acting.as_deref(), row.represented.as_deref())?;
    let standing = whose.standing(&mut work.tx, client, work.now).await?;
    // The code is spent from here on, whatever is wrong.
    let why = if row.client_id != client.id {
        Some("the code belongs to another client")
    } else if row.expires_at <= work.now {
        Some(EXPIRED)
    } else if row.redirect_uri != presented.redirect_uri {
        Some("redirect_uri is not the one of the request")
    } else if !verifier_fits(row.challenge.as_deref(), presented.verifier) {
        Some("code_verifier does not fit")
    } else if row.confirmation.is_some() && row.confirmation.as_deref() != presented.confirmation {
        Some("the proof is missing or of another key than the code is bound to, or a certificate came instead")
    } else if presented.resource.is_some() && presented.resource != row.resource.as_deref() {
        return Ok(Redeemed::OtherResource);
    } else if !may_hand_over(work, standing.as_ref(), &client.id).await? {
        Some("the person may not act for that party any more")
    } else if !insert_grant(work, &whose, &row, presented.confirmation, refresh.as_ref()).await? {
        Some("the session or the consent has ended")
    } else {
        None
    };
    if let Some(why) = why {
        let event = OidcEvent::CodeRefused { client: client.id.clone(), why };
        whose::record(work, &whose, &event).await?;
        return Ok(Redeemed::Refused(why));
    }
    record_grant(work, client, &whose, &row).await?;
    Ok(Redeemed::Granted(Box::new(Granted { row, whose, power: standing.flatten(), refresh })))
}

/// Whether the person may act for whom they have acted for, and nobody ends that before this work is done.
async fn may_hand_over(work: &mut Work, standing: Option<&Option<Power>>, client: &ClientId) -> Result<bool, Error> {
    match standing {
        None => Ok(false),
        Some(None) => Ok(true),
        Some(Some(power)) => acting::hand_over(work, power, client).await,
    }
}

/// What the service has received, as the records of those show it whom it is about.
async fn record_grant(work: &mut Work, client: &Client, whose: &Whose, row: &store::CodeRow) -> Result<(), Error> {
    let issued = |claims| {
        let (client, grant, scope) = (client.id.clone(), row.grant_id.clone(), row.scope.clone());
        OidcEvent::GrantIssued { client, grant, scope, claims }
    };
    let of_person = issued(row.released.split(' ').filter_map(Claim::from_name).collect());
    let scopes = scopes_of(&row.scope);
    let single =
        row.claims.as_deref().map(serde_json::from_str::<RequestedClaims>).transpose().map_err(Error::broken)?;
    let single = single.unwrap_or_default();
    let is_asked = |claim: &Claim| {
        scopes.contains(&claim.scope()) || single.userinfo.contains(claim) || single.id_token.contains(claim)
    };
    let of_represented = issued(consent::of_represented(client).filter(is_asked).collect());
    let is_represented = |reader: &Party| whose.represented().is_some() && *reader == whose.party();
    whose::record_each(work, whose, |reader| if is_represented(reader) { &of_represented } else { &of_person }).await
}

async fn insert_grant(
    work: &mut Work,
    whose: &Whose,
    row: &store::CodeRow,
    confirmation: Option<&str>,
    refresh: Option<&RefreshToken>,
) -> Result<bool, Error> {
    let is_made = match whose.is_acting() {
        false => store::insert_grant(work, row, confirmation, refresh).await?,
        true => store::acting::insert_grant(work, row, confirmation, refresh).await?,
    };
    Ok(is_made)
}

/// RFC 6749 section 4.1.2: a code that comes twice takes down what it gave the first time.
async fn refuse_unusable(work: &mut Work, client: &Client, hash: &[u8]) -> Result<Redeemed, Error> {
    if let Some(used) = store::find_used_code(work, hash).await? {
        store::end_grant(work, &used.grant_id, &used.account_id).await?;
        let why = "the code came a second time; its grant has ended";
        let whose = Whose::read(&used.account_id, used.acting.as_deref(), used.represented.as_deref())?;
        whose::record(work, &whose, &OidcEvent::CodeRefused { client: client.id.clone(), why }).await?;
        return Ok(Redeemed::Refused(why));
    }
    Ok(Redeemed::Refused(UNKNOWN))
}

/// RFC 7636 section 4.6. A verifier without a challenge is a downgrade (RFC 9700 section 4.8.2).
fn verifier_fits(challenge: Option<&str>, verifier: Option<&str>) -> bool {
    match (challenge, verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) => {
            let sound = (43..=128).contains(&verifier.len())
                && verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
            sound && equal(URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes())).as_bytes(), challenge.as_bytes())
        }
        _ => false,
    }
}

/// What the tokens of a grant say, whether it was just made or is used again.
pub struct Basis<'a> {
    whose: &'a Whose,
    /// What lets the person act for another party, if they do.
    power: Option<&'a Power>,
    session_id: &'a SessionId,
    grant_id: &'a GrantId,
    scope: &'a str,
    /// Only in the first ID token (OpenID Connect Core section 12.2).
    nonce: Option<&'a str>,
    level: Level,
    methods: &'a str,
    authenticated_at: Timestamp,
    resource: Option<&'a str>,
    confirmation: Option<&'a str>,
}

impl<'a> Basis<'a> {
    fn of_code(
        row: &'a store::CodeRow,
        (whose, power): (&'a Whose, Option<&'a Power>),
        confirmation: Option<&'a str>,
    ) -> Self {
        Self {
            whose,
            power,
            session_id: &row.session_id,
            grant_id: &row.grant_id,
            scope: &row.scope,
            nonce: row.nonce.as_deref(),
            level: row.level.min(power.map_or(Level::High, Power::ceiling)),
            methods: &row.methods,
            authenticated_at: row.authenticated_at,
            resource: row.resource.as_deref(),
            confirmation,
        }
    }

    /// Methods and time stay those of the authentication that was (OpenID Connect Core section 12.2), and so does what is left of
    /// its level.
    pub fn of_grant(live: &'a Live, scope: &'a str, confirmation: Option<&'a str>) -> Self {
        let row = &live.row;
        Self {
            whose: &live.whose,
            power: live.power.as_ref(),
            session_id: &row.session_id,
            grant_id: &row.id,
            scope,
            nonce: None,
            level: live.level(),
            methods: &row.methods,
            authenticated_at: row.authenticated_at,
            resource: row.resource.as_deref(),
            confirmation,
        }
    }
}

/// Makes access token and ID token.
pub fn respond(app: &AppParts, client: &Client, basis: &Basis<'_>, single: Single) -> Result<TokenResponse, Error> {
    let now = app.now();
    // What is left of it; no token outlives the level that it states.
    let (level, until) = assurance::stated(basis.level, basis.authenticated_at, now);
    let end = |lifetime| until.map_or(now.plus(lifetime), |until| until.min(now.plus(lifetime))).seconds();
    let subject = client.subject_of(&app.vault, &basis.whose.party());
    let act = |told| basis.power.map(|power| whose::act(&app.vault, client, power, told));
    let issuer = app.config.issuer.as_str();
    let mut access = AccessToken::new(app, client, subject.clone(), basis.scope);
    access.grant = Some(basis.grant_id.clone());
    access.exp = end(ACCESS_TOKEN_LIFETIME);
    access.acr = Some(level.acr().to_owned());
    access.auth_time = Some(basis.authenticated_at.seconds());
    if let Some(resource) = basis.resource {
        resource.clone_into(&mut access.aud);
    }
    access.act = act(Map::new());
    access.cnf = basis.confirmation.map(Confirmation::read).transpose()?;
    let mut response = access.issue(app, client)?;
    let id = IdToken {
        iss: issuer,
        sub: &subject,
        aud: &client.id.0,
        exp: end(ID_TOKEN_LIFETIME),
        iat: now.seconds(),
        auth_time: basis.authenticated_at.seconds(),
        nonce: basis.nonce,
        acr: level.acr(),
        amr: basis.methods.split(' ').collect(),
        at_hash: half_hash(&response.access_token),
        sid: client.backchannel_logout_uri.as_ref().map(|_| client.session(&app.vault, basis.session_id)),
        act: act(single.actor),
        single: single.subject,
    };
    let id_token = app.keys.current().sign(Purpose::IdToken, client.id_token_algorithm, &id)?;
    response.id_token = Some(client.protect(Answer::IdToken, id_token)?);
    Ok(response)
}

/// The left half of the SHA-256 (OpenID Connect Core section 3.1.3.6).
fn half_hash(token: &str) -> String {
    let hash = digest::digest(&digest::SHA256, token.as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_c02_c03_the_verifier_must_fit_and_belong() {
        // RFC 7636 appendix B
        let (verifier, challenge) =
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(verifier_fits(Some(challenge), Some(verifier)));
        assert!(!verifier_fits(Some(challenge), None) && !verifier_fits(None, Some(verifier)));
        assert!(!verifier_fits(Some(challenge), Some(&verifier[1..])));
        assert!(!verifier_fits(Some(challenge), Some(challenge)));
        assert!(verifier_fits(None, None));
    }
}
