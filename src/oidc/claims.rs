//! Which data a scope or a single claim stands for, and userinfo.

use serde_json::{Map, Value, json};

use super::claims_request::RequestedClaims;
use super::{grant, scopes_of, token};
use crate::account::{self, Account, AttributeName};
use crate::app::AppParts;
use crate::client::Scope;
use crate::client::registry::Registry;
use crate::kernel::error::Error;

/// One thing a person sees on the consent page: which data, and its value.
pub struct Shown {
    pub attribute: Shows,
    pub value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    Attribute(AttributeName),
    Email,
}

/// A claim about a person: the scope that brings it (OpenID Connect Core section 5.4), and the data it tells.
pub struct Claim {
    pub name: &'static str,
    pub scope: Scope,
    shows: &'static [Shows],
}

const GIVEN_NAMES: Shows = Shows::Attribute(AttributeName::GivenNames);
const FAMILY_NAME: Shows = Shows::Attribute(AttributeName::FamilyName);
const BIRTH_DATE: Shows = Shows::Attribute(AttributeName::BirthDate);

pub const CLAIMS: [Claim; 7] = [
    Claim { name: "name", scope: Scope::Profile, shows: &[GIVEN_NAMES, FAMILY_NAME] },
    Claim { name: "given_name", scope: Scope::Profile, shows: &[GIVEN_NAMES] },
    Claim { name: "family_name", scope: Scope::Profile, shows: &[FAMILY_NAME] },
    Claim { name: "birthdate", scope: Scope::Profile, shows: &[BIRTH_DATE] },
    Claim { name: "updated_at", scope: Scope::Profile, shows: &[] },
    Claim { name: "email", scope: Scope::Email, shows: &[Shows::Email] },
    Claim { name: "email_verified", scope: Scope::Email, shows: &[Shows::Email] },
];

/// Before the name of a single claim in the text of a consent; no scope of ours begins with it.
const SINGLE: &str = "claim:";

/// What a person is asked to agree to, as one text: the scopes, and every single claim that they do not bring anyway.
pub fn consent_text(scope: &str, requested: &RequestedClaims) -> String {
    let mut text = scope.to_owned();
    for claim in &CLAIMS {
        let is_requested =
            [&requested.userinfo, &requested.id_token].iter().any(|place| place.iter().any(|name| name == claim.name));
        if is_requested && !covers(scope, claim) {
            text = format!("{text} {SINGLE}{}", claim.name);
        }
    }
    text
}

/// Whether such a text covers a claim.
fn covers(text: &str, claim: &Claim) -> bool {
    text.split(' ').any(|part| part == claim.scope.name() || part.strip_prefix(SINGLE) == Some(claim.name))
}

/// Whether an earlier consent covers everything that is wanted now.
pub fn covers_all(consented: &str, wanted: &str) -> bool {
    wanted.split(' ').all(|part| match part.strip_prefix(SINGLE) {
        Some(name) => CLAIMS.iter().any(|claim| claim.name == name && covers(consented, claim)),
        None => consented.split(' ').any(|known| known == part),
    })
}

/// The kinds of data that such a text covers.
pub fn covered(text: &str) -> Vec<Shows> {
    let told = || CLAIMS.iter().filter(|claim| covers(text, claim)).flat_map(|claim| claim.shows);
    let all = [GIVEN_NAMES, FAMILY_NAME, BIRTH_DATE, Shows::Email];
    all.into_iter().filter(|shows| told().any(|told| told == shows)).collect()
}

/// The data of an account behind such a text, as people see it.
pub fn shown(account: &Account, text: &str) -> Vec<Shown> {
    let value = |shows: &Shows| match shows {
        Shows::Attribute(name) => account.value(*name).map(str::to_owned),
        Shows::Email => Some(account.email.address.as_str().to_owned()),
    };
    covered(text).into_iter().filter_map(|shows| Some(Shown { attribute: shows, value: value(&shows)? })).collect()
}

/// The claims about an account (OpenID Connect Core section 5.1) that are wanted. Nothing is null and nothing is empty.
pub fn of(account: &Account, is_wanted: impl Fn(&Claim) -> bool) -> Map<String, Value> {
    let updated = account.attributes.values().map(|attribute| attribute.recorded_at).max();
    let value = |name| match name {
        "name" => Some(json!(account.full_name())),
        "given_name" => account.value(AttributeName::GivenNames).map(|value| json!(value)),
        "family_name" => account.value(AttributeName::FamilyName).map(|value| json!(value)),
        "birthdate" => account.value(AttributeName::BirthDate).map(|value| json!(value)),
        "updated_at" => updated.map(|at| json!(at.seconds())),
        "email" => Some(json!(account.email.address.as_str())),
        _ => Some(json!(true)),
    };
    let wanted = CLAIMS.iter().filter(|claim| is_wanted(claim));
    wanted.filter_map(|claim| Some((claim.name.to_owned(), value(claim.name)?))).collect()
}

/// Whether a single claim may be delivered: asked for, still the client's to have, and still agreed to.
pub fn is_single(claim: &Claim, requested: &[String], live: &grant::Live) -> bool {
    requested.iter().any(|name| name == claim.name)
        && live.client.scopes.contains(&claim.scope)
        && covers(&live.row.consented, claim)
}

/// OpenID Connect Core section 5.3. The token must be ours and its grant alive; what it covers is what both still cover.
pub async fn userinfo(app: &AppParts, registry: &Registry, bearer: &str) -> Result<Map<String, Value>, Error> {
    let refused = || Error::protocol("invalid_token", "the access token is wrong, expired or revoked");
    let presented = token::read_access_token(app, bearer).filter(|token| token.aud == app.config.issuer);
    let presented = presented.ok_or_else(refused)?;
    let grant_id = presented.grant.as_ref().ok_or_else(refused)?;
    let mut tx = app.read().await?;
    let live = grant::find(&mut tx, registry, grant::By::Id(grant_id), app.now()).await?;
    let live = live.filter(|live| live.client.id.0 == presented.client_id).ok_or_else(refused)?;
    let mut scopes = scopes_of(&presented.scope);
    scopes.retain(|scope| live.scopes.contains(scope));
    let account = account::load(&mut tx, &app.vault, &live.row.account_id).await?;
    let single = &live.claims.userinfo;
    let mut claims = of(&account, |claim| scopes.contains(&claim.scope) || is_single(claim, single, &live));
    claims.insert("sub".to_owned(), json!(live.client.subject(&app.vault, &live.row.account_id)));
    Ok(claims)
}
