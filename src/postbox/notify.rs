//! Telling people that a notice is there, on the same day (§ 9 Abs. 1 OZG): a mail that says that something lies in the postbox, and
//! nothing of what. What becomes of the mail is written down, because days may hang on it and the authority has to know.

use serde::{Deserialize, Serialize};

use super::event::{self, Told};
use super::store::{self, First};
use super::{Message, opening};
use crate::account::address::{self, Correspondent};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, MessageId};
use crate::kernel::mail::{Mail, NotSent};
use crate::kernel::texts::{MailTexts, Text, moment};
use crate::kernel::time::Timestamp;
use crate::notice::{self, Kind, Notice};
use crate::organisation::acting::Party;
use crate::organisation::area::{self, Readers};
use crate::organisation::mandate::{party, power};
use crate::store::db::Tx;
use crate::store::outbox::{self, Job, Tried};
use crate::store::work::{Actor, Work};

/// The outbox kind of such a mail.
pub const MAIL: &str = "postbox_mail";

/// A mail, and of what it tells.
#[derive(Serialize, Deserialize)]
struct Sent {
    message: MessageId,
    /// Whom; nobody in what was written before this was kept.
    #[serde(default)]
    account: Option<AccountId>,
    mail: Mail,
    /// They have a mandate, or stand in for those who are away: that the owner is told hangs on other mails.
    #[serde(default)]
    is_deputy: bool,
    /// The addresses of theirs that did not take it.
    #[serde(default)]
    refused: Vec<String>,
}

/// The outbox kind of the job that writes to whoever is to be told of a notice: of an organisation that may be thousands, and an authority that
/// delivers many does not wait for it.
pub const WRITE: &str = "postbox_notify";

/// As whom somebody is told of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum As {
    /// It is theirs, or they read the area: that the owner is told hangs on these mails.
    Reader,
    /// They have a mandate to read it.
    Deputy,
    /// They administrate the organisation, and everybody who reads the area is away.
    Administrator,
}

/// Writes a mail to everybody who is to be told of a notice. Nobody to tell is a failure that the authority learns of.
pub async fn begin(app: &AppParts, payload: &[u8]) -> Result<(), Error> {
    let id = std::str::from_utf8(payload).ok().and_then(MessageId::parse);
    let id = id.ok_or_else(|| Error::broken("a job names no notice"))?;
    let mut tx = app.read().await?;
    // The account may have ended since.
    let Some(row) = store::find(&mut tx, &id).await? else { return Ok(()) };
    let (message, mut letters) = (row.read()?, Vec::new());
    for (account, whom) in told(&mut tx, &message, app.now()).await? {
        match address::correspondent(&mut tx, &app.vault, &account).await {
            Ok(to) => letters.push((postbox(app, &mut tx, (&message, &to)).await?, to, whom)),
            Err(Error::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    drop(tx);
    // Nobody else who writes has waited for all that.
    let mut work = app.begin(Actor::System("postbox")).await?;
    if letters.iter().all(|(.., whom)| *whom != As::Reader) {
        event::tell(&mut work, &message, Told::NotificationFailed).await?;
    }
    for (postbox, to, whom) in letters {
        write(app, &mut work, &message, (postbox, &to, whom)).await?;
    }
    work.commit().await
}

/// Who is told of a notice, each once: whose it is, whoever has a mandate to read it, and where all who read the area of an organisation are
/// away, whoever administrates it.
pub(super) async fn told(tx: &mut Tx, message: &Message, now: Timestamp) -> Result<Vec<(AccountId, As)>, Error> {
    let (own, administrators) = match &message.owner {
        Party::Person(account) => (vec![account.clone()], Vec::new()),
        Party::Organisation(organisation) => {
            let Readers { accounts, are_away } = area::readers(tx, organisation, message.area.as_ref(), now).await?;
            let administrators = if are_away { area::administrators(tx, organisation, now).await? } else { Vec::new() };
            (accounts, administrators)
        }
    };
    let deputies = power::deputies(tx, &message.owner, message.service(), now).await?;
    let mut told: Vec<_> = own.into_iter().map(|account| (account, As::Reader)).collect();
    for (others, whom) in [(deputies, As::Deputy), (administrators, As::Administrator)] {
        for account in others {
            if told.iter().all(|(known, _)| *known != account) {
                told.push((account, whom));
            }
        }
    }
    Ok(told)
}

/// What a mail about a notice says, and why somebody gets it who might not expect it.
pub(super) fn explained(texts: &MailTexts, body: Text, whom: As) -> Text {
    match whom {
        As::Reader | As::Deputy => body,
        As::Administrator => texts.postbox_away.with("body", body),
    }
}

/// In whose postbox it lies, as a mail to somebody says it.
pub(super) async fn postbox(
    app: &AppParts,
    tx: &mut Tx,
    (message, to): (&Message, &Correspondent),
) -> Result<Text, Error> {
    let texts = &to.language.texts().mail;
    if message.owner.as_str() == to.account.as_str() {
        return Ok(texts.postbox_message_own.clone());
    }
    let name = party::name(tx, &app.vault, &message.owner).await?;
    Ok(texts.postbox_message_of.with("name", name.unwrap_or_default()))
}

async fn write(
    app: &AppParts,
    work: &mut Work,
    message: &Message,
    (postbox, to, whom): (Text, &Correspondent, As),
) -> Result<(), Error> {
    let (language, texts) = (to.language, &to.language.texts().mail);
    let date = moment::date(language, message.facts.provided_at);
    let body = texts.postbox_message_body.with("postbox", postbox).with("date", date);
    let body = body.with("issuer", &app.config.issuer).with("contact", &app.config.operator.contact);
    let body = explained(texts, body, whom);
    let (address, subject) = (to.address.as_str(), &texts.postbox_message_subject);
    let notice = Notice { kind: Kind::PostboxMessage, to: address, language, subject, body };
    let mail = notice::compose(work, &app.vault, &app.config.issuer, notice).await?;
    let (message, account) = (message.id.clone(), Some(to.account.clone()));
    let is_deputy = whom != As::Reader;
    put(app, work, &Sent { message, account, is_deputy, mail, refused: Vec::new() }).await
}

async fn put(app: &AppParts, work: &mut Work, sent: &Sent) -> Result<(), Error> {
    let payload = serde_json::to_vec(sent).map_err(Error::broken)?;
    outbox::put(work, &app.vault, MAIL, &payload).await
}

/// Sends the same mail to the next address of the same account, if it has one that has not refused it.
async fn try_next(app: &AppParts, work: &mut Work, mut sent: Sent) -> Result<bool, Error> {
    let Some(account) = &sent.account else { return Ok(false) };
    sent.refused.push(std::mem::take(&mut sent.mail.to));
    let addresses = match address::list(&mut work.tx, &app.vault, account).await {
        Ok(addresses) => addresses,
        // Being erased.
        Err(Error::NotFound) => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut left = addresses.iter().map(|one| one.address.as_str());
    let Some(next) = left.find(|one| !sent.refused.iter().any(|refused| refused == one)) else { return Ok(false) };
    sent.mail.to = next.to_owned();
    put(app, work, &sent).await?;
    Ok(true)
}

/// Hands such a mail over.
pub async fn send(app: &AppParts, job: &Job, payload: &[u8]) -> Result<(), NotSent> {
    let sent: Sent = serde_json::from_slice(payload).map_err(|error| NotSent::for_now(error.to_string()))?;
    app.mailer.send(&sent.mail, app.now(), job.id.as_str()).await
}

/// Writes down, in the transaction that ends the job, what has become of the mail: the first that a server has taken, or that none will. What one
/// address does not take goes to the next, before the authority hears that nobody was told.
pub async fn note(app: &AppParts, work: &mut Work, job: &Job, tried: &Tried<'_>) -> Result<(), Error> {
    // What cannot be read has not been sent, and is reported as such. It must not undo what is written down of the mails beside it: those
    // would go out again.
    let payload = job.payload(&app.vault).ok();
    let sent = payload.and_then(|payload| serde_json::from_slice::<Sent>(&payload).ok());
    let Some(sent) = sent.filter(|sent| !sent.is_deputy) else { return Ok(()) };
    match tried {
        Tried::Again(_) => {}
        Tried::Done => {
            if let Some(written) = store::put_first(work, &sent.message, First::Notified).await? {
                let message = opening::settle(work, written).await?;
                event::tell(work, &message, Told::Notified).await?;
            }
        }
        Tried::GivenUp(_) => {
            let row = store::find(&mut work.tx, &sent.message).await?;
            let message = row.map(store::MessageRow::read).transpose()?;
            if let Some(message) = message.filter(|message| message.facts.notified_at.is_none())
                && !try_next(app, work, sent).await?
            {
                event::tell(work, &message, Told::NotificationFailed).await?;
            }
        }
    }
    Ok(())
}
