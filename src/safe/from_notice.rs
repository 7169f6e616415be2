//! Copying what a notice has brought into the safe: its files, and what it says as a text. Whoever does it may read the notice, and has opened it;
//! each is copied once.

use futures_util::{Stream, stream};

use super::keeper::Keeper;
use super::take::{Destination, Sent, Taken, take};
use super::{Origin, store};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::file::inspect::Type;
use crate::kernel::file::name::Name;
use crate::kernel::id::{AttachmentId, MessageId};
use crate::kernel::texts::{Language, moment};
use crate::postbox::Message;
use crate::postbox::attachment::{self, Attachment};
use crate::postbox::content::{Content, Head};
use crate::postbox::opening::{self, Opened};
use crate::postbox::reader::Reader;

/// So many letters of a subject name a file.
const NAME_MAX_CHARACTERS: usize = 100;

/// What can be copied.
pub struct Item {
    /// A file of the notice; none is what the notice says.
    pub attachment: Option<AttachmentId>,
    pub name: String,
    pub kind: Type,
    pub bytes: u64,
    /// There is a copy.
    pub is_known: bool,
    origin: Origin,
}

/// A notice, and what of it can be copied.
pub struct Offer {
    pub message: Message,
    pub head: Head,
    pub items: Vec<Item>,
    text: String,
}

impl Item {
    fn source<'a>(&'a self, message: &'a MessageId) -> &'a str {
        self.attachment.as_ref().map_or(message.as_str(), AttachmentId::as_str)
    }
}

/// Looks at a notice that somebody has opened. `NotFound` and `LevelTooLow` as for its text; `NotAllowed` for whoever may not put anything into
/// the safe.
pub async fn look(
    app: &AppParts,
    (keeper, reader): (&Keeper, &Reader),
    id: &MessageId,
    language: Language,
) -> Result<Offer, Error> {
    keeper.require_keeping()?;
    let Opened { message, head, content, attachments } = opening::read(app, reader, id).await?;
    if message.owner != keeper.owner {
        return Err(Error::NotFound);
    }
    let text = text(language, &message, (&head, &content));
    let origin = |seal| Origin::Notice {
        message: id.clone(),
        sender: head.sender.clone(),
        provided_at: message.facts.provided_at,
        seal,
    };
    let own = Item {
        attachment: None,
        name: text_name(&head, message.kind.label(language.texts()).as_str()),
        kind: Type::Text,
        bytes: text.len() as u64,
        is_known: false,
        origin: origin(None),
    };
    let of_file = |Attachment { id, description, .. }: Attachment| Item {
        attachment: Some(id),
        name: description.name,
        kind: description.kind,
        bytes: description.bytes,
        is_known: false,
        origin: origin(description.seal),
    };
    let mut items: Vec<Item> = std::iter::once(own).chain(attachments.into_iter().map(of_file)).collect();
    let tx = &mut app.read().await?;
    for item in &mut items {
        item.is_known = store::is_known(tx, keeper.owner.as_str(), item.source(id)).await?;
    }
    Ok(Offer { message, head, items, text })
}

/// Copies everything of which there is no copy; what has become of each. What needs a level to be read needs it in the safe, too.
pub async fn put(
    app: &AppParts,
    (keeper, reader): (&Keeper, &Reader),
    offer: &Offer,
    request: &str,
) -> Result<Vec<Taken>, Error> {
    let (id, mut taken) = (&offer.message.id, Vec::with_capacity(offer.items.len()));
    for item in &offer.items {
        let sent = Sent {
            name: &item.name,
            into: Destination::Folder(""),
            level: offer.message.level,
            origin: &item.origin,
            source: Some(item.source(id)),
            request,
        };
        taken.push(match &item.attachment {
            _ if item.is_known => Taken::Known,
            None => take(app, keeper, sent, whole(&offer.text)).await?,
            Some(attachment) => {
                let file = attachment::open::open(app, reader, (id, attachment)).await?;
                take(app, keeper, sent, file.bytes.stream()).await?
            }
        });
    }
    Ok(taken)
}

fn whole(text: &str) -> impl Stream<Item = Result<bytes::Bytes, Error>> + use<> {
    stream::iter([Ok(bytes::Bytes::copy_from_slice(text.as_bytes()))])
}

/// The subject as a file is called; the kind of the notice, if that cannot be.
fn text_name(head: &Head, kind: &str) -> String {
    let fine = |letter: char| if r#"/\:*?"<>|"#.contains(letter) { ' ' } else { letter };
    let subject: String = head.subject.chars().map(fine).collect();
    let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
    let subject: String = subject.trim_start_matches('.').chars().take(NAME_MAX_CHARACTERS).collect();
    let name = format!("{}.txt", subject.trim());
    if Name::parse(&name).is_ok() { name } else { format!("{kind}.txt") }
}

/// What the notice says, to be read without this program.
fn text(language: Language, message: &Message, (head, content): (&Head, &Content)) -> String {
    let t = &language.texts().postbox;
    let sender = &head.sender[usize::from(language == Language::En)];
    let on = |at| moment::date_and_clock(language, at);
    let mut lines = vec![
        head.subject.clone(),
        String::new(),
        format!("{}: {sender}", t.from),
        format!("{}: {}", t.day_provided, on(message.facts.provided_at)),
    ];
    lines.extend(head.reference.as_ref().map(|reference| format!("{}: {reference}", t.reference)));
    lines.extend([
        String::new(),
        format!("{} {}", t.short_what, content.what),
        format!("{} {}", t.short_to_do, content.to_do),
        format!("{} {}", t.short_by_when, content.by_when),
        String::new(),
    ]);
    lines.push(content.text.clone());
    lines.join("\n").trim_end().to_owned() + "\n"
}
