//! The members of a registration, read strictly, and the refusal that names one of them.

use std::fmt::Display;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

const TEXT_MAX: usize = 1000;
const LIST_MAX: usize = 20;
const DESCRIPTION_MAX: usize = 300;

/// Why a registration is refused (RFC 7591 section 3.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: &'static str,
    /// Names the member. ASCII without quotes, as every description (RFC 6749 section 5.2).
    pub description: String,
}

impl Refusal {
    pub fn new(member: &str, text: impl Display) -> Self {
        let code = if member == "redirect_uris" { "invalid_redirect_uri" } else { "invalid_client_metadata" };
        let is_plain = |letter: char| matches!(letter, ' '..='~') && !matches!(letter, '"' | '\\');
        let description = format!("{member}: {text}");
        let description = description.chars().take(DESCRIPTION_MAX);
        let description = description.map(|letter| if is_plain(letter) { letter } else { '?' }).collect();
        Self { code, description }
    }
}

pub fn refuse<T>(member: &str, text: impl Display) -> Result<T, Refusal> {
    Err(Refusal::new(member, text))
}

/// What a registration says. `null` says nothing (RFC 7592 section 2.2).
pub struct Members<'a>(pub &'a Map<String, Value>);

impl<'a> Members<'a> {
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub fn text(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let text = value.as_str().filter(|text| !text.is_empty() && text.len() <= TEXT_MAX);
        text.map_or_else(|| refuse(name, "must be a text of at most 1000 characters"), |text| Ok(Some(text)))
    }

    pub fn owned(&self, name: &str) -> Result<Option<String>, Refusal> {
        Ok(self.text(name)?.map(str::to_owned))
    }

    pub fn list(&self, name: &str) -> Result<Option<Vec<String>>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let texts = value.as_array().filter(|values| values.len() <= LIST_MAX).and_then(|values| {
            values.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        texts.map_or_else(|| refuse(name, "must be a list of at most 20 texts"), |texts| Ok(Some(texts)))
    }

    pub fn flag(&self, name: &str) -> Result<bool, Refusal> {
        let Some(value) = self.get(name) else { return Ok(false) };
        value.as_bool().map_or_else(|| refuse(name, "must be true or false"), Ok)
    }

    /// One of the words that a type knows.
    pub fn word<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(None) };
        serde_json::from_value(value.clone()).map_or_else(|_| refuse(name, "not supported"), |word| Ok(Some(word)))
    }
}
