//! What the service remembers of each browser: in memory, for as long as it runs.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use openidconnect::{CsrfToken, Nonce, PkceCodeVerifier, RefreshToken};
use serde_json::{Map, Value};

use super::attempts::Attempt;
use super::documents::Documents;
use super::words::Words;

/// Visits that this small service remembers; beyond that it starts over.
const VISITS_MAX: usize = 1000;

#[derive(Default)]
pub struct Visit {
    pub leaving: Option<Leaving>,
    pub arrived: Option<Arrived>,
    pub notice: Option<Notice>,
    pub exchange: Option<Exchange>,
    pub changes: Vec<Change>,
    pub delivery: Option<Delivery>,
    pub documents: Documents,
}

impl Visit {
    /// Where on the page to go on: at what has just come, unless there is something to say at the top.
    pub const fn place(&self, place: &'static str) -> &'static str {
        if self.notice.is_some() { "/" } else { place }
    }
}

/// On the way to the account: what must fit when the browser comes back.
pub struct Leaving {
    pub attempt: &'static Attempt,
    pub state: CsrfToken,
    pub nonce: Nonce,
    pub verifier: PkceCodeVerifier,
}

/// Somebody is signed in here.
pub struct Arrived {
    pub attempt: &'static Attempt,
    pub sub: String,
    /// The session at the account, by the name that only this service knows it by.
    pub sid: Option<String>,
    pub id_token: String,
    pub claims: Value,
    pub userinfo: Map<String, Value>,
    pub access_token: String,
    pub refresh_token: Option<RefreshToken>,
}

impl Arrived {
    pub fn name(&self) -> String {
        let actor = self.claims["act"]["sub"].as_str();
        actor.map_or_else(|| self.person(), str::to_owned)
    }

    /// What the person is called whom the tokens are about.
    fn person(&self) -> String {
        let word = |name: &str| self.userinfo.get(name).or_else(|| self.claims.get(name)).and_then(Value::as_str);
        let names = [word("given_name"), word("family_name")].into_iter().flatten().collect::<Vec<_>>().join(" ");
        if names.is_empty() { self.sub.clone() } else { names }
    }

    /// For whom somebody acts, and as what. What the tokens say of the subject is about that organisation or person, and not about
    /// who has signed in.
    pub fn acts_for(&self) -> Option<(String, Words)> {
        let role = self.claims["act"]["role"].as_str()?;
        let name = self.userinfo.get("organisation").and_then(|organisation| organisation["name"].as_str());
        Some((name.map_or_else(|| self.person(), str::to_owned), Words::of_role(role)))
    }

    pub fn acr(&self) -> &str {
        self.claims["acr"].as_str().unwrap_or_default()
    }

    pub fn level(&self) -> Words {
        Words::of_level(self.acr())
    }

    pub fn claims_text(&self) -> String {
        format!("{:#}", self.claims)
    }

    pub fn userinfo_text(&self) -> String {
        format!("{:#}", Value::from(self.userinfo.clone()))
    }
}

/// Something to say once more on the page: what happened, and the protocol's own words for it.
pub struct Notice {
    pub is_bad: bool,
    pub words: Words,
    pub detail: Option<String>,
}

/// A call of the register: what was sent and what came.
pub struct Exchange {
    pub request: String,
    pub answer: String,
    /// What the register reads in the token.
    pub token: String,
}

/// A notice that the office has provided: what was sent and what came, and its number if it was taken.
pub struct Delivery {
    pub request: String,
    pub answer: String,
    pub number: Option<String>,
}

/// What a refresh has changed.
pub struct Change {
    pub what: Words,
    pub before: String,
    pub after: String,
}

#[derive(Default)]
pub struct Visits(Mutex<HashMap<String, Visit>>);

impl Visits {
    /// Keeps a visit under a new key. Whoever signs in gets another key than before, so that a key that somebody has put
    /// into this browser is worth nothing (session fixation).
    pub fn keep(&self, visit: Visit) -> String {
        let key = CsrfToken::new_random().secret().clone();
        let mut visits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if visits.len() >= VISITS_MAX {
            visits.clear();
        }
        visits.insert(key.clone(), visit);
        key
    }

    pub fn take(&self, key: &str) -> Option<Visit> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key)
    }

    pub fn with<R>(&self, key: &str, act: impl FnOnce(&mut Visit) -> R) -> Option<R> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(key).map(act)
    }

    /// Signs out whom the account has signed out: that session, or every session of that person.
    pub fn end(&self, sub: Option<&str>, sid: Option<&str>) {
        let mut visits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for visit in visits.values_mut() {
            let is_meant = |arrived: &Arrived| match sid {
                Some(sid) => arrived.sid.as_deref() == Some(sid),
                None => sub == Some(&arrived.sub),
            };
            if visit.arrived.as_ref().is_some_and(is_meant) {
                let words = Words(
                    "Das Konto hat gemeldet, dass diese Sitzung beendet ist. Der Dienst hat Sie abgemeldet.",
                    "The account has told us that this session has ended. The service has signed you out.",
                );
                // Who is on the way to sign in again goes on.
                let (leaving, notice) = (visit.leaving.take(), Some(Notice { is_bad: false, words, detail: None }));
                *visit = Visit { leaving, notice, ..Visit::default() };
            }
        }
    }
}
