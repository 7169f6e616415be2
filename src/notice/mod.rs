//! Notices: the mails we send, and the proof that they are ours.
//!
//! Every mail is plain text, carries a check code that `/echt` confirms, and contains no link that signs
//! anybody in. It is put into the outbox in the transaction of the act that causes it.

mod store;
pub mod web;

use serde::Serialize;

use crate::kernel::error::Error;
use crate::kernel::mail::Mail;
use crate::kernel::seal::Vault;
use crate::kernel::texts::{Language, Text};
use crate::kernel::time::{Timestamp, days};
use crate::store::db::Tx;
use crate::store::outbox;
use crate::store::work::Work;

/// The outbox kind of a mail.
pub const MAIL: &str = "mail";
/// How long `/echt` knows a mail.
const CHECK_LIFETIME_DAYS: u64 = 400;
const CHECK_CODE_LENGTH: usize = 8;

/// Which mail it is; `/echt` shows its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Kind {
    RegistrationCode,
    AlreadyRegistered,
    Welcome,
    ResetCode,
    ResetUnknown,
    ResetNoPassword,
    PasswordChanged,
    PasswordRemoved,
    NewDevice,
    RecoveryCodesRenewed,
    RecoveryCodeUsed,
    CodesGuessed,
    RecoveryCode,
    RecoveryBegun,
    RecoveryReminder,
    RecoveryCancelled,
    RecoveryFinished,
    CodeGeneratorAdded,
    CodeGeneratorRemoved,
    PasskeyAdded,
    PasskeyRemoved,
    CardAdded,
    CardRemoved,
    CardRecovery,
    LinkedAccountAdded,
    LinkedAccountRemoved,
    IdentityConfirmed,
    MeansBlocked,
    MeansUnblocked,
    AddressCode,
    AddressChanged,
    AccountLocked,
    AccountUnlocked,
    AccountClosing,
    AccountKept,
    AccountErased,
    AccountUnused,
    DataCopied,
    DeskCase,
    DeskConfirmed,
    DeskRefused,
    DeskSlip,
    DeskSlipUnknown,
    DeskRecoveryRefused,
    DeskReleased,
    DeskReleaseCancelled,
    DeskRecovered,
    GuardianRecorded,
    GuardianEnded,
    LetterOrdered,
    LetterRedeemed,
    OrganisationOpened,
    OrganisationState,
    OrganisationClaim,
    Invitation,
    InvitationAccepted,
    OrganisationRights,
    OrganisationEnded,
    OrganisationHandover,
    OrganisationKey,
    OrganisationDesk,
    MandateOpened,
    MandateAnswered,
    MandateEnded,
    PostboxMessage,
    PostboxReminder,
    SafeReminder,
}

/// A mail to be sent. `body` is the middle part; greeting, check code and signature are added here.
pub struct Notice<'a> {
    pub kind: Kind,
    pub to: &'a str,
    pub language: Language,
    pub subject: &'a Text,
    pub body: Text,
}

/// Puts the mail into the outbox and remembers its check code.
pub async fn send(work: &mut Work, vault: &Vault, issuer: &str, notice: Notice<'_>) -> Result<(), Error> {
    let mail = compose(work, vault, issuer, notice).await?;
    let payload = serde_json::to_vec(&mail).map_err(Error::broken)?;
    outbox::put(work, vault, MAIL, &payload).await
}

/// Writes the mail and remembers its check code; whoever wants to know what becomes of it sends it by a job of their own.
pub async fn compose(work: &mut Work, vault: &Vault, issuer: &str, notice: Notice<'_>) -> Result<Mail, Error> {
    let code = work.random.letters(CHECK_CODE_LENGTH);
    let hash = vault.code("mail-check", code.expose());
    store::insert_check(&mut work.tx, &hash, notice.kind, work.now, work.now.plus(days(CHECK_LIFETIME_DAYS))).await?;
    let texts = &notice.language.texts().mail;
    let (first, second) = code.expose().split_at(CHECK_CODE_LENGTH / 2);
    let footer = texts.footer.with("address", format!("{issuer}/echt")).with("code", format!("{first}-{second}"));
    let body = format!("{}\n\n{}\n\n{footer}\n", texts.greeting, notice.body);
    Ok(Mail { to: notice.to.to_owned(), subject: notice.subject.to_string(), body })
}

/// A mail of ours, as `/echt` confirms it. Neither the address nor a name.
#[derive(Debug, PartialEq, Eq)]
pub struct Confirmed {
    pub kind: Kind,
    pub sent_at: Timestamp,
}

/// Looks a check code up, however it was typed.
pub async fn confirm(tx: &mut Tx, vault: &Vault, typed: &str, now: Timestamp) -> Result<Option<Confirmed>, Error> {
    let Some(code) = normalise(typed, CHECK_CODE_LENGTH) else { return Ok(None) };
    let hash = vault.code("mail-check", &code);
    let row = store::find_check(tx, &hash, now).await?;
    Ok(row.map(|row| Confirmed { kind: row.kind, sent_at: row.sent_at }))
}

/// A code of Crockford's letters as it was printed: capitals, without spaces and hyphens, with the
/// look-alikes resolved. `None` if it cannot be one.
pub fn normalise(typed: &str, length: usize) -> Option<String> {
    let mut code = String::with_capacity(length);
    for letter in typed.chars().filter(|letter| !letter.is_whitespace() && *letter != '-') {
        let letter = match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            letter if letter.is_ascii_alphanumeric() && letter != 'U' => letter,
            _ => return None,
        };
        if code.len() == length {
            return None;
        }
        code.push(letter);
    }
    (code.len() == length).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn codes_are_read_as_people_type_them() {
        assert_eq!(normalise(" qf7k-338m ", 8).as_deref(), Some("QF7K338M"));
        assert_eq!(normalise("OI0L1111", 8).as_deref(), Some("01011111"));
        assert_eq!(normalise("QF7K-338", 8), None);
        assert_eq!(normalise("QF7K-338MM", 8), None);
        assert_eq!(normalise("QF7K-33§M", 8), None);
    }
}
