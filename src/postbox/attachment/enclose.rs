//! A notice takes the files that it names: all of them, or it is not provided. Each belongs to one notice, for good.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::store::{self, Whose};
use super::{Attachment, PER_NOTICE_MAX, Seal};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::file::inspect::Type;
use crate::kernel::id::{AttachmentId, MessageId};
use crate::kernel::seal::DataKey;
use crate::kernel::time::Timestamp;
use crate::postbox::content;
use crate::store::db::Tx;
use crate::store::work::Work;

const SEALED_BY_MAX_CHARACTERS: usize = 200;
/// Where problems are told: by the place in the notice.
const FIELDS: [&str; PER_NOTICE_MAX] = [
    "attachments[0]",
    "attachments[1]",
    "attachments[2]",
    "attachments[3]",
    "attachments[4]",
    "attachments[5]",
    "attachments[6]",
    "attachments[7]",
    "attachments[8]",
    "attachments[9]",
    "attachments[10]",
    "attachments[11]",
    "attachments[12]",
    "attachments[13]",
    "attachments[14]",
    "attachments[15]",
    "attachments[16]",
    "attachments[17]",
    "attachments[18]",
    "attachments[19]",
];

/// A file that a notice names, as an authority's program does it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enclosed {
    #[serde(deserialize_with = "an_id")]
    pub id: AttachmentId,
    #[serde(default)]
    pub seal: Option<Seal>,
}

/// What no file is called.
const NOBODYS: &str = "att_00000000000000000000000000";

/// An id as we make them: of a stranger's text that is none nothing goes further, and no file is found by it.
fn an_id<'de, D: Deserializer<'de>>(from: D) -> Result<AttachmentId, D::Error> {
    let text = String::deserialize(from)?;
    let id = AttachmentId::parse(&text).or_else(|| AttachmentId::parse(NOBODYS));
    id.ok_or_else(|| D::Error::custom("not the id of a file"))
}

/// What is wrong with the files that a notice names, as far as that can be told without looking at them.
pub fn check(enclosed: &[Enclosed]) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    if enclosed.len() > PER_NOTICE_MAX {
        problems.push(FieldProblem { field: "attachments", problem: "attachments_many" });
    }
    for (number, (one, field)) in enclosed.iter().zip(FIELDS).enumerate() {
        if enclosed.iter().take(number).any(|earlier| earlier.id == one.id) {
            problems.push(FieldProblem { field, problem: "attachment_twice" });
        }
        if let Some(seal) = &one.seal {
            content::check(&mut problems, (field, &seal.by), (1, SEALED_BY_MAX_CHARACTERS), false);
        }
    }
    problems
}

/// What the authority says of a seal; there are seals of PDF files only.
fn add_seal(attachment: &mut Attachment, enclosed: &Enclosed, field: &'static str) -> Result<(), Error> {
    let Some(seal) = &enclosed.seal else { return Ok(()) };
    if attachment.description.kind != Type::Pdf {
        return Err(Error::field(field, "seal_pdf"));
    }
    attachment.description.seal = Some(Seal { kind: seal.kind, by: seal.by.trim().to_owned() });
    Ok(())
}

/// Gives the files to this notice, in its order. `Invalid` at the place of one that is not there for this client and recipient, that has
/// another notice, or that has waited too long.
pub(in crate::postbox) async fn enclose(
    work: &mut Work,
    whose: Whose<'_>,
    enclosed: &[Enclosed],
    (message, key): (&MessageId, &DataKey),
) -> Result<Vec<Attachment>, Error> {
    let mut places: Vec<(usize, &Enclosed)> = enclosed.iter().enumerate().collect();
    // In the same order as everybody else, so that no two wait for each other.
    places.sort_by(|(_, one), (_, other)| one.id.cmp(&other.id));
    let mut taken = Vec::with_capacity(places.len());
    for (place, one) in places {
        let field = FIELDS.get(place).copied().unwrap_or("attachments");
        let row = store::take(work, whose, &one.id, (message, place as i64)).await?;
        let mut attachment = row.ok_or_else(|| Error::field(field, "attachment"))?.read(key)?;
        if one.seal.is_some() {
            add_seal(&mut attachment, one, field)?;
            let sealed = attachment.description.seal(&attachment.id, key, &work.random)?;
            store::put_description(work, &attachment.id, &sealed).await?;
        }
        taken.push((place, attachment));
    }
    taken.sort_by_key(|(place, _)| *place);
    Ok(taken.into_iter().map(|(_, attachment)| attachment).collect())
}

/// Whether they could be given to a notice now; nothing changes.
pub(in crate::postbox) async fn look(
    tx: &mut Tx,
    whose: Whose<'_>,
    enclosed: &[Enclosed],
    (key, now): (&DataKey, Timestamp),
) -> Result<(), Error> {
    for (one, field) in enclosed.iter().zip(FIELDS) {
        let row = store::find_unused(tx, whose, &one.id, now).await?;
        let mut attachment = row.ok_or_else(|| Error::field(field, "attachment"))?.read(key)?;
        add_seal(&mut attachment, one, field)?;
    }
    Ok(())
}
