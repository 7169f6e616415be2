//! Consent: what a person was shown of a client, and what they said to it. It holds for what was shown: for other data,
//! another purpose, another recipient, or after twelve months the person is asked again.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::request::AuthorizationRequest;
use super::whose::{self, Whose};
use super::{OidcEvent, address, scopes_of, store};
use crate::app::AppParts;
use crate::client::{Claim, Client, Scope};
use crate::kernel::error::Error;
use crate::kernel::id::ClientId;
use crate::kernel::secret::sha256;
use crate::kernel::time::{Timestamp, days};
use crate::store::db::Tx;
use crate::store::work::Actor;

/// How long a consent is not asked for again: twelve months.
pub const CONSENT_LIFETIME: Duration = days(365);

/// Every claim that somebody was shown, and whether it may be sent.
pub type Answers = BTreeMap<Claim, bool>;

/// What a person has agreed to with a client.
#[derive(Clone, Debug)]
pub struct Agreement {
    pub scopes: Vec<Scope>,
    pub answers: Answers,
    /// The fingerprint of what was said about it.
    pub terms: String,
    pub granted_at: Timestamp,
}

impl Agreement {
    /// Whether everything that a request wants was asked for, in the words that hold today.
    pub fn covers(&self, client: &Client, request: &AuthorizationRequest, side: Side) -> bool {
        let scopes = scopes_of(&request.scope);
        scopes.iter().all(|scope| self.scopes.contains(scope))
            && wanted(client, &scopes, request, side).all(|claim| self.answers.contains_key(&claim))
            && self.terms == terms(client, self.answers.keys().copied(), side)
    }
}

/// As whom somebody is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// For themselves.
    Own,
    /// As who acts for an organisation: of themselves a client learns only what its declaration says of such people.
    Acting,
    /// As who acts for another person: the same, and of that person what [`of_represented`] says.
    ForPerson,
}

/// What a client may ever learn of a person for whom somebody else acts, who cannot be asked: who they are, as far as it cannot do
/// without that.
const OF_REPRESENTED: [Claim; 4] = [Claim::Name, Claim::GivenName, Claim::FamilyName, Claim::Birthdate];

/// What this one may learn.
pub fn of_represented(client: &Client) -> impl Iterator<Item = Claim> {
    OF_REPRESENTED.into_iter().filter(|claim| client.rule(*claim).is_some_and(|rule| !rule.optional))
}

impl Side {
    pub const fn of(whose: &Whose) -> Self {
        match whose.represented() {
            Some(_) => Self::ForPerson,
            None if whose.is_acting() => Self::Acting,
            None => Self::Own,
        }
    }

    /// Whether a client may have a claim of somebody who is there so.
    pub fn allows(self, client: &Client, claim: Claim) -> bool {
        client.rule(claim).is_some_and(|rule| self == Self::Own || rule.acting)
    }
}

/// Whether a claim may be sent; one that only speaks of others goes along with them.
pub fn is_agreed(answers: &Answers, claim: Claim) -> bool {
    answers.iter().any(|(known, yes)| *yes && (*known == claim || claim.speaks_of(*known)))
}

/// The claims that a person is to be asked for: what the request wants of that which the client may have.
fn wanted(
    client: &Client,
    scopes: &[Scope],
    request: &AuthorizationRequest,
    side: Side,
) -> impl Iterator<Item = Claim> {
    Claim::ALL.into_iter().filter(move |claim| {
        let is_asked = scopes.contains(&claim.scope()) || request.claims.names(*claim);
        is_asked && !claim.is_companion() && side.allows(client, *claim)
    })
}

/// As [`wanted`], for a page.
pub fn questions(client: &Client, request: &AuthorizationRequest, side: Side) -> Vec<Claim> {
    wanted(client, &scopes_of(&request.scope), request, side).collect()
}

/// What a page asks for in the place of a claim that says nothing else: the parts of the whole name, where they are asked for by
/// the same rule. Whoever lets both go lets the whole name go.
pub fn parts_instead(client: &Client, questions: &[Claim], claim: Claim) -> Option<&'static [Claim]> {
    let is_asked = |part: &Claim| questions.contains(part) && client.rule(*part) == client.rule(claim);
    (claim == Claim::Name && Claim::NAME_PARTS.iter().all(is_asked)).then_some(Claim::NAME_PARTS)
}

/// Whether what was said when somebody agreed for another person is what is said today. If not, nothing more is told of that
/// person until they have agreed anew.
pub fn still_says(client: &Client, answers: &Answers, agreed: &str) -> bool {
    terms(client, answers.keys().copied(), Side::ForPerson) == agreed
}

/// What was said about these claims: to whom, what for, by what right, and whether there was a choice.
fn terms(client: &Client, claims: impl Iterator<Item = Claim>, side: Side) -> String {
    let rule = |claim| (claim, client.rule(claim).map(|rule| rule.said(claim)));
    let rules: Vec<_> = claims.map(rule).collect();
    let said = (&client.operator, &client.name, &client.purpose, &client.privacy_uri, rules);
    let said = match side {
        Side::Own => serde_json::to_vec(&said),
        Side::Acting => serde_json::to_vec(&("acting", said)),
        Side::ForPerson => {
            let of_represented: Vec<_> = of_represented(client).map(rule).collect();
            serde_json::to_vec(&("for a person", said, of_represented))
        }
    };
    let said = said.unwrap_or_default();
    URL_SAFE_NO_PAD.encode(&sha256(&said)[..16])
}

/// What somebody has agreed to with a client, for the same party; nothing if they have not, or ended it.
pub async fn find(tx: &mut Tx, whose: &Whose, client: &ClientId) -> Result<Option<Agreement>, Error> {
    let row = match whose.columns().1 {
        None => store::find_consent(tx, &whose.account, client).await?,
        Some(party) => store::acting::find_consent(tx, &whose.account, &party, client).await?,
    };
    row.map(read).transpose()
}

/// A stored consent.
pub fn read(row: store::ConsentRow) -> Result<Agreement, Error> {
    let answers = serde_json::from_str(&row.claims).map_err(Error::broken)?;
    Ok(Agreement { scopes: scopes_of(&row.scope), answers, terms: row.terms, granted_at: row.granted_at })
}

/// Consents to what the request asks for, but for the optional data that is not `chosen`. It takes the place of what was
/// agreed to before: the page that was answered is the whole truth.
pub async fn give(
    app: &AppParts,
    client: &Client,
    request: &AuthorizationRequest,
    whose: &Whose,
    chosen: impl Fn(Claim) -> bool,
) -> Result<(), Error> {
    let side = Side::of(whose);
    let (mut answers, questions) = (Answers::new(), questions(client, request, side));
    for claim in questions.iter().copied() {
        let is_optional = client.rule(claim).is_some_and(|rule| rule.optional);
        let asked = parts_instead(client, &questions, claim);
        let is_chosen = || asked.map_or_else(|| chosen(claim), |parts| parts.iter().all(|part| chosen(*part)));
        answers.insert(claim, !is_optional || is_chosen());
    }
    let mut work = app.begin(Actor::Account(whose.account.clone())).await?;
    let row = store::ConsentRow {
        client_id: client.id.clone(),
        scope: request.scope.clone(),
        claims: serde_json::to_string(&answers).map_err(Error::broken)?,
        terms: terms(client, answers.keys().copied(), side),
        granted_at: work.now,
    };
    match whose.columns().1 {
        None => store::put_consent(&mut work, &whose.account, &row).await?,
        Some(party) => store::acting::put_consent(&mut work, &whose.account, &party, &row).await?,
    }
    address::remember(&mut work, app, client, whose).await?;
    let claims = answers.into_iter().filter_map(|(claim, yes)| yes.then_some(claim)).collect();
    let event = OidcEvent::ConsentGiven { client: client.id.clone(), scope: row.scope, claims };
    whose::record(&mut work, whose, &event).await?;
    work.commit().await
}
