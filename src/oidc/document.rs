//! A request for a document as a rich authorization request (RFC 9396): a service says which kinds will do, what for and for how long. Which
//! document its person shares is said elsewhere; here that is a name, which the token response passes on.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::request::Parameters;
use crate::kernel::error::{Error, Protocol};
use crate::kernel::texts::is_sound;

/// The one type of authorization details that there is.
pub const TYPE: &str = "document";
/// For so many days at most somebody shares something.
pub const DAYS_MAX: u16 = 30;
const TEXT_MAX_BYTES: usize = 4096;
const KINDS_MAX: usize = 5;
const KIND_MAX_CHARACTERS: usize = 60;
const PURPOSE_MAX_CHARACTERS: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Type {
    Document,
}

/// What a service asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentRequest {
    #[serde(rename = "type")]
    kind: Type,
    /// Any of these will do, in the words of the service.
    pub kinds: Vec<String>,
    pub purpose: String,
    /// For how many days it wants to be able to fetch the document; without, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u16>,
}

fn refuse<T>(description: &'static str) -> Result<T, Protocol> {
    Err(Protocol { code: "invalid_authorization_details", description, detail: None })
}

fn is_text(text: &str, characters_max: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= characters_max && text.chars().all(is_sound)
}

/// Reads `authorization_details` (RFC 9396 section 2): one document, or nothing.
pub fn read(parameters: &Parameters) -> Result<Option<DocumentRequest>, Protocol> {
    let Some(text) = parameters.get("authorization_details") else { return Ok(None) };
    if text.len() > TEXT_MAX_BYTES {
        return refuse("authorization_details is too long");
    }
    let Ok(mut asked) = serde_json::from_str::<Vec<DocumentRequest>>(text) else {
        return refuse(
            "authorization_details must be an array of objects of type document, with kinds, purpose and days",
        );
    };
    let (Some(asked), true) = (asked.pop(), asked.is_empty()) else {
        return refuse("one document can be asked for at a time");
    };
    let are_kinds = (1..=KINDS_MAX).contains(&asked.kinds.len());
    if !are_kinds || !asked.kinds.iter().all(|kind| is_text(kind, KIND_MAX_CHARACTERS)) {
        return refuse("kinds must be 1 to 5 texts of 1 to 60 characters");
    }
    if !is_text(&asked.purpose, PURPOSE_MAX_CHARACTERS) {
        return refuse("purpose must be a text of 1 to 200 characters");
    }
    if asked.days.is_some_and(|days| !(1..=DAYS_MAX).contains(&days)) {
        return refuse("days must be between 1 and 30; without it a document is asked for once");
    }
    Ok(Some(asked))
}

/// What a code remembers of what was granted: the name of the share. What is known of that, and until when it counts, says the interface.
pub fn granted(share: &str) -> String {
    json!([{ "type": TYPE, "share": share }]).to_string()
}

/// As a token response says it (RFC 9396 section 7).
pub fn of_code(details: Option<&str>) -> Result<Option<Value>, Error> {
    details.map(serde_json::from_str).transpose().map_err(Error::broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Option<DocumentRequest>, &'static str> {
        let pairs = vec![("authorization_details".to_owned(), text.to_owned())];
        read(&Parameters::new(pairs).unwrap()).map_err(|error| error.code)
    }

    #[test]
    fn what_may_be_asked_for() {
        let asked =
            of(r#"[{"type":"document","kinds":["Geburtsurkunde"],"purpose":"Elterngeld","days":7}]"#).unwrap().unwrap();
        assert_eq!((asked.kinds.as_slice(), asked.days), (["Geburtsurkunde".to_owned()].as_slice(), Some(7)));
        let granted = of_code(Some(&granted("shr_1"))).unwrap();
        assert_eq!(granted, Some(json!([{ "type": "document", "share": "shr_1" }])));
        assert_eq!(of(r#"[{"type":"document","kinds":["a"],"purpose":"b"}]"#).unwrap().unwrap().days, None);
        assert_eq!(of(""), Ok(None));
        for bad in [
            "{}",
            "[]",
            "[{}]",
            r#"[{"type":"payment","kinds":["a"],"purpose":"b"}]"#,
            r#"[{"type":"document","kinds":[],"purpose":"b"}]"#,
            r#"[{"type":"document","kinds":["a"],"purpose":" "}]"#,
            r#"[{"type":"document","kinds":["a\u202e"],"purpose":"b"}]"#,
            r#"[{"type":"document","kinds":["a"],"purpose":"b","days":0}]"#,
            r#"[{"type":"document","kinds":["a"],"purpose":"b","days":31}]"#,
            r#"[{"type":"document","kinds":["a"],"purpose":"b","days":-1}]"#,
            r#"[{"type":"document","kinds":["a"],"purpose":"b","other":1}]"#,
            r#"[{"type":"document","kinds":["a"],"purpose":"b"},{"type":"document","kinds":["a"],"purpose":"b"}]"#,
            &format!(r#"[{{"type":"document","kinds":["a"],"purpose":"{}"}}]"#, "x".repeat(5000)),
        ] {
            assert_eq!(of(bad), Err("invalid_authorization_details"), "{bad}");
        }
    }
}
