//! What a notice says: checked when it is delivered, sealed in its row, opened for who may read it.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::attachment::Description;
use super::reply::asked::Asked;
use super::{Message, store};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::id::MessageId;
use crate::kernel::random::Random;
use crate::kernel::seal::{DataKey, Place};
use crate::kernel::secret::sha256;
use crate::kernel::texts::is_sound;

const SUBJECT_MAX_CHARACTERS: usize = 200;
const SHORT_MAX_CHARACTERS: usize = 400;
const REFERENCE_MAX_CHARACTERS: usize = 100;
/// 64 KiB of text are some thirty pages.
const TEXT_MAX_CHARACTERS: usize = 65_536;

/// What the list shows to whoever is signed in well enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The authority, as the operator has approved its name at that time; in German and English.
    pub sender: [String; 2],
    pub subject: String,
    /// The file number.
    pub reference: Option<String>,
}

/// What somebody opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Worum geht es?
    pub what: String,
    /// Was müssen Sie tun?
    pub to_do: String,
    /// Bis wann?
    pub by_when: String,
    /// Plain text; an empty line begins a paragraph. Markup is shown as it was written and does nothing.
    pub text: String,
    /// What the authority wants to be answered, if it takes an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Asked>,
}

impl Head {
    pub fn check(&self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        check(&mut problems, ("subject", &self.subject), (1, SUBJECT_MAX_CHARACTERS), false);
        if let Some(reference) = &self.reference {
            check(&mut problems, ("reference", reference), (1, REFERENCE_MAX_CHARACTERS), false);
        }
        problems
    }
}

impl Content {
    pub fn check(&self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        check(&mut problems, ("what", &self.what), (1, SHORT_MAX_CHARACTERS), false);
        check(&mut problems, ("to_do", &self.to_do), (1, SHORT_MAX_CHARACTERS), false);
        check(&mut problems, ("by_when", &self.by_when), (1, SHORT_MAX_CHARACTERS), false);
        check(&mut problems, ("text", &self.text), (0, TEXT_MAX_CHARACTERS), true);
        problems.extend(self.reply.iter().flat_map(Asked::check));
        problems
    }
}

/// Whether somebody has typed what can be a file number, or nothing.
pub(super) fn is_reference(typed: &str) -> bool {
    let typed = typed.trim();
    typed.chars().count() <= REFERENCE_MAX_CHARACTERS && typed.chars().all(is_sound)
}

pub(super) fn check(
    problems: &mut Vec<FieldProblem>,
    (field, value): (&'static str, &str),
    (least, most): (usize, usize),
    has_lines: bool,
) {
    let length = value.trim().chars().count();
    if length < least {
        problems.push(FieldProblem { field, problem: "missing" });
    } else if value.chars().count() > most {
        problems.push(FieldProblem { field, problem: "too_long" });
    } else if !value.chars().all(|letter| is_sound(letter) || (has_lines && letter == '\n')) {
        problems.push(FieldProblem { field, problem: "characters" });
    }
}

fn key_place(id: &MessageId) -> Place<'_> {
    Place { table: "postbox_message", column: "content_key", row: id.as_str(), version: 1 }
}

fn head_place(id: &MessageId) -> Place<'_> {
    Place { table: "postbox_message", column: "head", row: id.as_str(), version: 1 }
}

fn content_place(id: &MessageId) -> Place<'_> {
    Place { table: "postbox_message", column: "content", row: id.as_str(), version: 1 }
}

/// Seals both under a fresh key, which the owner's key opens.
pub(super) fn seal(
    id: &MessageId,
    owner: &DataKey,
    (head, content): (&Head, &Content),
    random: &Random,
) -> Result<store::Sealed, Error> {
    let key = DataKey::random(random);
    let sealed = |place, value: Vec<u8>| key.seal(place, &value, random).map_err(Error::broken);
    Ok(store::Sealed {
        content_key: Some(owner.wrap(key_place(id), &key, random).map_err(Error::broken)?),
        head: Some(sealed(head_place(id), serde_json::to_vec(head).map_err(Error::broken)?)?),
        content: Some(sealed(content_place(id), serde_json::to_vec(content).map_err(Error::broken)?)?),
    })
}

/// SHA-256 over what was delivered, as a receipt names it: the members in the order of their names, without spaces, in UTF-8, so that an
/// authority computes the same. Files are a member if there are any, in their order; so is what is asked for, where something is.
pub(super) fn hash<'a>(
    head: &Head,
    content: &Content,
    files: impl ExactSizeIterator<Item = &'a Description>,
) -> [u8; 32] {
    let (Head { subject, reference, .. }, Content { what, to_do, by_when, text, reply }) = (head, content);
    let mut delivered = json!({
        "by_when": by_when, "reference": reference, "subject": subject, "text": text, "to_do": to_do, "what": what,
    });
    if files.len() > 0 {
        let file = |Description { name, kind, bytes, sha256, .. }: &Description| {
            json!({
                "bytes": bytes, "name": name, "sha256": sha256, "type": kind,
            })
        };
        delivered["attachments"] = files.map(file).collect();
    }
    if let Some(asked) = reply {
        delivered["reply"] = json!(asked);
    }
    sha256(delivered.to_string().as_bytes())
}

impl Message {
    /// The key of its contents, which that of the postbox opens.
    pub(super) fn key(&self, owner: &DataKey) -> Result<DataKey, Error> {
        let sealed = self.sealed.content_key.as_deref().ok_or(Error::Gone)?;
        owner.unwrap_key(key_place(&self.id), sealed).map_err(Error::broken)
    }

    /// What the list shows. `Gone` once it has been deleted for good.
    pub fn head(&self, owner: &DataKey) -> Result<Head, Error> {
        let sealed = self.sealed.head.as_deref().ok_or(Error::Gone)?;
        let plain = self.key(owner)?.open(head_place(&self.id), sealed).map_err(Error::broken)?;
        serde_json::from_slice(plain.expose()).map_err(Error::broken)
    }

    /// What it says. Whoever shows it has opened it ([`super::opening`]).
    pub(super) fn content(&self, owner: &DataKey) -> Result<Content, Error> {
        let sealed = self.sealed.content.as_deref().ok_or(Error::Gone)?;
        let plain = self.key(owner)?.open(content_place(&self.id), sealed).map_err(Error::broken)?;
        serde_json::from_slice(plain.expose()).map_err(Error::broken)
    }
}
