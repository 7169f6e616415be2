//! The claims of an account, and userinfo.

use serde_json::{Map, Value, json};

use super::access_token::AccessToken;
use super::confirmation::Confirmation;
use super::consent::Side;
use super::dpop::{self, Proof};
use super::grant::Grants;
use super::verified_claims::{self, Wanted};
use super::verified_organisation;
use super::{address, consent, grant, scopes_of};
use crate::account::{self, Account, AttributeName, evidence};
use crate::app::AppParts;
use crate::assurance;
use crate::client::registry::Registry;
use crate::client::{Answer, Claim, Scope};
use crate::kernel::error::{Error, Protocol};
use crate::kernel::keys::Purpose;
use crate::kernel::level::Level;
use crate::organisation::acting::Power;
use crate::organisation::{self, Organisation};
use crate::store::db::Tx;

/// The claims about an account (OpenID Connect Core section 5.1). Nothing is null and nothing is empty.
pub fn of(account: &Account, claims: &[Claim]) -> Map<String, Value> {
    claims.iter().filter_map(|claim| Some((claim.name().to_owned(), value(account, *claim)?))).collect()
}

/// What an account says as a claim.
pub fn value(account: &Account, claim: Claim) -> Option<Value> {
    let stated = |name| account.value(name).map(|value| json!(value));
    match claim {
        Claim::Name => Some(json!(account.full_name())),
        Claim::Email => Some(json!(account.email.address.as_str())),
        // An address of an account has always been confirmed.
        Claim::EmailVerified => Some(json!(true)),
        Claim::Locale => Some(json!(account.language.tag())),
        Claim::Address => address(account),
        // Nobody has called there.
        Claim::PhoneNumberVerified => stated(AttributeName::PhoneNumber).map(|_| json!(false)),
        Claim::UpdatedAt => {
            let updated = account.attributes.values().map(|attribute| attribute.recorded_at).max();
            updated.map(|at| json!(at.seconds()))
        }
        // OpenID Connect Core section 5.1: a whole date, or the year alone.
        Claim::Birthdate => account.value(AttributeName::BirthDate).map(|date| {
            let is_whole = date.len() == "1987-03-27".len();
            json!(if is_whole { date } else { date.split('-').next().unwrap_or(date) })
        }),
        Claim::PlaceOfBirth => account.value(AttributeName::BirthPlace).map(|place| json!({ "locality": place })),
        Claim::Nationalities => account.value(AttributeName::Nationality).map(|state| json!([state])),
        _ => claim.attributes().first().and_then(|name| stated(*name)),
    }
}

/// OpenID Connect Core section 5.1.1.
fn address(account: &Account) -> Option<Value> {
    let members = Claim::Address.attributes().iter();
    let members: Map<_, _> =
        members.filter_map(|name| Some((name.name().to_owned(), json!(account.value(*name)?)))).collect();
    if members.is_empty() {
        return None;
    }
    let of = |name| account.value(name);
    let town = [of(AttributeName::PostalCode), of(AttributeName::Locality)];
    let town = town.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let town = Some(town.as_str()).filter(|town| !town.is_empty());
    let lines = [of(AttributeName::StreetAddress), town, of(AttributeName::Region), of(AttributeName::Country)];
    let formatted = lines.into_iter().flatten().collect::<Vec<_>>().join("\n");
    Some(Value::Object(members.into_iter().chain([("formatted".to_owned(), json!(formatted))]).collect()))
}

/// What of the claims that are asked for, by scope or one by one, may be delivered: still the client's to have, and still
/// agreed to.
pub fn deliverable(live: &grant::Live, scopes: &[Scope], single: &[Claim]) -> Vec<Claim> {
    let side = Side::of(&live.whose);
    let may_be = |claim: &Claim| {
        (scopes.contains(&claim.scope()) || single.contains(claim))
            && side.allows(&live.client, *claim)
            && consent::is_agreed(&live.answers, *claim)
    };
    Claim::ALL.into_iter().filter(may_be).collect()
}

/// The answer to patterns of verified claims, at what is left of the level of the grant.
pub async fn verified(
    app: &AppParts,
    live: &grant::Live,
    account: &Account,
    patterns: &[Wanted],
    with_empty: bool,
) -> Result<Option<Value>, Error> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let evidence = evidence::list(&mut app.read().await?, &app.vault, &account.id).await?;
    let (row, now) = (&live.row, app.now());
    let (level, _) = assurance::stated(live.level(), row.authenticated_at, now);
    let may_have = |claim| live.client.rule(claim).is_some() && consent::is_agreed(&live.answers, claim);
    Ok(verified_claims::answer((account, &evidence), patterns, may_have, (level, now, with_empty)))
}

/// What opens an API: a token and, if that is bound, the proof of the key or the certificate of the connection.
pub struct Credential {
    pub token: String,
    pub proof: Option<Proof>,
    /// Only by the scheme Bearer (RFC 8705 section 3).
    pub certificate: Option<Confirmation>,
}

impl Credential {
    /// RFC 9449 section 7.2, RFC 8705 section 3: a bound token is nothing by itself, and a proof makes no other one bound. A
    /// certificate may come along with any.
    pub(super) fn fits(&self, bound_to: Option<&Confirmation>) -> bool {
        let proven = self.proof.as_ref().map(|proof| &proof.confirmation);
        match bound_to {
            Some(Confirmation::Certificate(_)) => self.certificate.as_ref() == bound_to,
            _ => proven == bound_to,
        }
    }
}

pub(super) fn refused() -> Error {
    let description = "the access token is wrong, expired, revoked, or bound to a key that was not proven";
    Error::Resource(Protocol { code: "invalid_token", description, detail: None })
}

/// RFC 9449 section 11.1: a proof opens once. `of` is whose proofs are counted together.
pub(super) async fn spend(app: &AppParts, proof: Option<&Proof>, of: &str) -> Result<(), Error> {
    let Some(Proof { once, .. }) = proof else { return Ok(()) };
    app.replay.admit(of, 1, app.now())?;
    if app.replay.spend(*once).await? { Ok(()) } else { Err(Error::Resource(dpop::used())) }
}

/// OpenID Connect Core section 5.3. The token must be ours and its grant alive; what it covers is what both still cover.
pub async fn userinfo(
    app: &AppParts,
    registry: &Registry,
    grants: &Grants,
    credential: &Credential,
) -> Result<Userinfo, Error> {
    let presented = AccessToken::read(app, &credential.token).filter(|token| token.aud == app.config.issuer);
    let presented = presented.ok_or_else(refused)?;
    if !credential.fits(presented.cnf.as_ref()) {
        return Err(refused());
    }
    let grant_id = presented.grant.as_ref().ok_or_else(refused)?;
    let read = async {
        let live = grants.find(app, registry, grant_id).await?;
        let live = live.filter(|live| live.client.id.0 == presented.client_id).ok_or_else(refused)?;
        let mut scopes = scopes_of(&presented.scope);
        scopes.retain(|scope| live.scopes.contains(scope));
        let told =
            if live.power.is_some() { acting(app, &live, &scopes).await? } else { own(app, &live, &scopes).await? };
        Ok((live, scopes, told))
    };
    let ((), (live, scopes, mut claims)) =
        tokio::try_join!(spend(app, credential.proof.as_ref(), grant_id.as_str()), read)?;
    claims.insert("sub".to_owned(), json!(live.client.subject_of(&app.vault, &live.whose.party())));
    if scopes.contains(&Scope::PostboxReference) {
        let reference = address::reference(app, &live.client, &live.whose.party())?;
        claims.insert(address::CLAIM.to_owned(), json!(reference));
    }
    let Some(algorithm) = live.client.userinfo_signature() else { return Ok(Userinfo::Json(claims)) };
    claims.insert("iss".to_owned(), json!(app.config.issuer));
    claims.insert("aud".to_owned(), json!(live.client.id));
    // Its own `typ`: it never counts as an ID token.
    let token = app.keys.current().sign_as("userinfo+jwt", Purpose::IdToken, algorithm, &claims)?;
    Ok(Userinfo::Token(live.client.protect(Answer::Userinfo, token)?))
}

/// Of somebody for themselves.
async fn own(app: &AppParts, live: &grant::Live, scopes: &[Scope]) -> Result<Map<String, Value>, Error> {
    let account = account::load(&mut app.read().await?, &app.vault, &live.row.account_id).await?;
    let mut claims = of(&account, &deliverable(live, scopes, &live.claims.userinfo));
    if let Some(verified) = verified(app, live, &account, &live.claims.userinfo_verified, true).await? {
        claims.insert(verified_claims::NAME.to_owned(), verified);
    }
    Ok(claims)
}

/// Of whomever somebody acts for, and of them only what the client may have of such people: that stands in `act`, because it is
/// about somebody else than the subject.
async fn acting(app: &AppParts, live: &grant::Live, scopes: &[Scope]) -> Result<Map<String, Value>, Error> {
    let mut tx = app.read().await?;
    let mut claims = of_represented(&mut tx, app, live, |claim| {
        scopes.contains(&claim.scope()) || live.claims.userinfo.contains(&claim)
    })
    .await?;
    let told = of_actor(&mut tx, app, live, &deliverable(live, scopes, &live.claims.userinfo)).await?;
    claims.extend(live.act(app, told).map(|act| ("act".to_owned(), act)));
    if let Some(id) = live.whose.party().organisation().filter(|_| scopes.contains(&Scope::Organisation)) {
        let organisation = organisation::load(&mut tx, &app.vault, id).await?;
        claims
            .insert(verified_claims::ORGANISATION.to_owned(), of_organisation(&organisation, live.row.identity_level));
        let asked = (live.claims.userinfo_verified.as_slice(), true);
        if let Some(verified) = verified_of_organisation(&mut tx, app, live, asked).await? {
            claims.insert(verified_claims::NAME.to_owned(), verified);
        }
    }
    Ok(claims)
}

/// What of the person for whom somebody acts is asked for, and may be told as it was said when they agreed to that.
pub async fn of_represented(
    tx: &mut Tx,
    app: &AppParts,
    live: &grant::Live,
    is_asked: impl Fn(Claim) -> bool,
) -> Result<Map<String, Value>, Error> {
    let Some(person) = live.whose.represented() else { return Ok(Map::new()) };
    let claims: Vec<Claim> = consent::of_represented(&live.client).filter(|claim| is_asked(*claim)).collect();
    if claims.is_empty() || !consent::still_says(&live.client, &live.answers, &live.row.terms) {
        return Ok(Map::new());
    }
    Ok(of(&account::load(tx, &app.vault, person).await?, &claims))
}

/// What is told of who acts. Whoever may know what they are called also reads through which organisation they have the mandate.
pub async fn of_actor(
    tx: &mut Tx,
    app: &AppParts,
    live: &grant::Live,
    claims: &[Claim],
) -> Result<Map<String, Value>, Error> {
    if claims.is_empty() {
        return Ok(Map::new());
    }
    let mut told = of(&account::load(tx, &app.vault, &live.row.account_id).await?, claims);
    let names = |claim: &Claim| matches!(claim, Claim::Name | Claim::GivenName | Claim::FamilyName);
    if let Some(agent) = live.power.as_ref().and_then(Power::through).filter(|_| claims.iter().any(names)) {
        let agent = organisation::load(tx, &app.vault, agent).await?;
        told.insert("through".to_owned(), json!({ "name": agent.record.name }));
    }
    Ok(told)
}

/// What an organisation says as a claim. Its level is how well it is known that it is the one, and never above how well it is known
/// who acts (Implementing Regulation (EU) 2015/1502, 2.1.4); `acr` says how well they have signed in.
pub fn of_organisation(organisation: &Organisation, actor: Level) -> Value {
    let mut claim = verified_organisation::value(&organisation.record);
    claim.insert("level".to_owned(), json!(organisation.level.min(actor).acr()));
    Value::Object(claim)
}

/// The answer to patterns of verified claims about the organisation for which somebody acts, at what is left of the level of
/// the grant; nothing if they act for a person, or the client may not know the organisation.
pub async fn verified_of_organisation(
    tx: &mut Tx,
    app: &AppParts,
    live: &grant::Live,
    (patterns, with_empty): (&[Wanted], bool),
) -> Result<Option<Value>, Error> {
    let party = live.whose.party();
    let Some(id) = party.organisation().filter(|_| !patterns.is_empty() && live.whose.is_acting()) else {
        return Ok(None);
    };
    let organisation = organisation::load(tx, &app.vault, id).await?;
    let evidence = organisation::evidence::list(tx, &app.vault, id).await?;
    let now = app.now();
    let (level, _) = assurance::stated(live.level(), live.row.authenticated_at, now);
    let known = verified_organisation::verified(&organisation.record, &evidence, level);
    Ok(verified_claims::tell(&known, patterns, (now, with_empty)))
}

/// In the form that the client has registered (OpenID Connect Core section 5.3.2).
pub enum Userinfo {
    Json(Map<String, Value>),
    Token(String),
}
