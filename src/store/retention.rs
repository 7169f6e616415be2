//! The retention table: what is kept, how long, on what basis, and what happens then. The clean-up keeps to it and does
//! nothing else; nothing is touched before its time.

mod attachments;

use std::time::Duration;

use crate::kernel::time::{Timestamp, days, hours};
use crate::sql;

use super::db::{Db, DbError, Tx};
use super::object::UNFINISHED_MAX;

/// What has a time to be kept. One table each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    MailCheck,
    MailedCode,
    Attempt,
    Registration,
    PasswordReset,
    PartialSignIn,
    CardReading,
    Recovery,
    UnconfirmedCodeGenerator,
    AddressChange,
    Absence,
    DataExport,
    UntriedPasskey,
    AuthorizationRequest,
    PushedRequest,
    DeviceAuthorization,
    AuthorizationCode,
    Grant,
    Assertion,
    Session,
    Device,
    LogoutState,
    UndeliveredMail,
    RegisteredClient,
    RegistrationToken,
    AuditEvent,
    UnusedAccount,
    DeskCase,
    DeskSlip,
    OrganisationCase,
    DeskRelease,
    Letter,
    Guardian,
    OrganisationDraft,
    OrganisationLetter,
    OrganisationEvidence,
    OrganisationClaim,
    OrganisationKey,
    Invitation,
    Handover,
    MandateRequest,
    Mandate,
    UnfinishedFile,
    DeletedNotice,
    NoticeRequest,
    NoticeEvent,
    NoticeCount,
    UnusedAttachment,
    UploadCount,
    Share,
    Reply,
    ReplyDraft,
}

/// What happens at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The row is deleted, here.
    Delete,
    /// What it says is destroyed, here; the row stays as the proof that it was there.
    Empty,
    /// The oldest part of the audit chain is deleted up to a signed head; see `audit::prune`.
    Prune,
    /// The owner is told and the account erased; see `data::inactivity`.
    Erase,
    /// Its bytes are removed, and then the row; see `store::object`.
    Sweep,
}

/// One row of the table.
#[derive(Debug)]
pub struct Rule {
    pub object: Object,
    /// From what the time counts.
    pub from: &'static str,
    /// How long after that.
    pub kept: Duration,
    /// What the words are for `kept`, where the law counts in months.
    pub kept_text: Option<&'static str>,
    pub basis: &'static str,
    pub action: Action,
}

const SECURITY: &str = "Art. 32 DSGVO: so that a second use is still recognised as one";
const ANSWERED: &str = "Art. 12 Abs. 1 DSGVO: questions about what was offered can be answered";
const NEEDLESS: &str = "Art. 5 Abs. 1 Buchst. e DSGVO: no longer needed";

/// How long a notice that its owner has deleted can be restored.
pub const DELETED_NOTICE_KEPT: Duration = days(30);
/// How long what somebody has begun to answer is kept.
pub const DRAFT_KEPT: Duration = days(30);

const fn delete(object: Object, from: &'static str, kept: Duration, basis: &'static str) -> Rule {
    Rule { object, from, kept, kept_text: None, basis, action: Action::Delete }
}

/// The table. `nutzerkonto retention` prints it.
pub const RULES: [Rule; 52] = [
    delete(Object::MailCheck, "400 days after the mail", Duration::ZERO, "people check whether a mail was ours"),
    delete(Object::MailedCode, "expiry", days(1), SECURITY),
    delete(Object::Attempt, "end of the window", days(1), SECURITY),
    delete(Object::Registration, "24 hours after its beginning", Duration::ZERO, NEEDLESS),
    delete(Object::PasswordReset, "30 minutes after its beginning", Duration::ZERO, NEEDLESS),
    delete(Object::PartialSignIn, "10 minutes after its beginning", Duration::ZERO, NEEDLESS),
    delete(Object::CardReading, "10 minutes after the last step", Duration::ZERO, NEEDLESS),
    delete(Object::Recovery, "7 days after its waiting time", Duration::ZERO, NEEDLESS),
    delete(Object::DeskSlip, "14 days after it was asked for", Duration::ZERO, NEEDLESS),
    delete(Object::DeskRelease, "24 hours after its beginning", Duration::ZERO, NEEDLESS),
    delete(Object::UnconfirmedCodeGenerator, "its beginning", hours(1), NEEDLESS),
    delete(Object::AddressChange, "30 minutes after its beginning", Duration::ZERO, NEEDLESS),
    delete(Object::Absence, "its last day", days(30), "Art. 12 Abs. 1 DSGVO: why others were told can be answered"),
    delete(Object::DataExport, "24 hours after it was asked for", Duration::ZERO, NEEDLESS),
    delete(Object::UntriedPasskey, "its registration", days(1), NEEDLESS),
    delete(Object::AuthorizationRequest, "30 minutes after its beginning", Duration::ZERO, NEEDLESS),
    delete(Object::PushedRequest, "60 seconds after it was deposited", Duration::ZERO, NEEDLESS),
    delete(Object::DeviceAuthorization, "expiry", days(1), SECURITY),
    delete(Object::AuthorizationCode, "expiry", days(1), SECURITY),
    delete(Object::Grant, "expiry", days(1), SECURITY),
    delete(Object::Assertion, "expiry", Duration::ZERO, NEEDLESS),
    // Longer than any session may last.
    delete(Object::Session, "last sign of life", hours(25), NEEDLESS),
    // As long as browsers keep the cookie (RFC 6265bis section 5.5).
    delete(Object::Device, "last sign-in", days(400), NEEDLESS),
    delete(
        Object::LogoutState,
        "the end of the session",
        days(30),
        "Art. 12 Abs. 1 DSGVO: people see whether a service has learnt that they signed out",
    ),
    delete(
        Object::UndeliveredMail,
        "given up",
        days(90),
        "Art. 5 Abs. 2 DSGVO: the operator looks into it; without the mail",
    ),
    delete(Object::RegisteredClient, "the end of a service that nobody approved", Duration::ZERO, NEEDLESS),
    delete(Object::RegistrationToken, "expiry", Duration::ZERO, NEEDLESS),
    delete(
        Object::DeskCase,
        "30 days after its code was taken",
        days(30),
        "Art. 12 Abs. 1 DSGVO: people see why an office has refused, or that a code has expired",
    ),
    delete(
        Object::OrganisationCase,
        "30 days after its code was taken",
        days(30),
        "Art. 12 Abs. 1 DSGVO: people see why an office has refused, or that a code has expired",
    ),
    delete(Object::Letter, "it was ordered", days(90), "Art. 5 Abs. 1 Buchst. e DSGVO: so long letters are counted"),
    delete(Object::Guardian, "the last day that the court has set", Duration::ZERO, NEEDLESS),
    delete(Object::OrganisationDraft, "24 hours after its last step", Duration::ZERO, NEEDLESS),
    delete(
        Object::OrganisationLetter,
        "the end of its code",
        days(90),
        "Art. 5 Abs. 1 Buchst. e DSGVO: so long letters are counted",
    ),
    Rule {
        object: Object::OrganisationEvidence,
        from: "it counts no more",
        kept: days(731),
        kept_text: Some("24 months"),
        basis: "Art. 5 Abs. 2 DSGVO: proof of what the organisation was believed by",
        action: Action::Delete,
    },
    Rule {
        object: Object::OrganisationKey,
        from: "expiry",
        kept: days(731),
        kept_text: Some("24 months"),
        basis: "Art. 32 DSGVO: a key that has ended never comes back",
        action: Action::Delete,
    },
    delete(Object::OrganisationClaim, "the decision", days(90), "Art. 5 Abs. 2 DSGVO: whoever loses may ask why"),
    delete(Object::Invitation, "expiry", days(30), ANSWERED),
    delete(Object::Handover, "expiry", days(30), ANSWERED),
    delete(Object::MandateRequest, "refusal or expiry", days(30), ANSWERED),
    Rule {
        object: Object::Mandate,
        from: "its end",
        kept: days(731),
        kept_text: Some("24 months"),
        basis: "Art. 5 Abs. 2 DSGVO: who could act for whom is proven as long as what was done",
        action: Action::Delete,
    },
    Rule {
        object: Object::UnfinishedFile,
        from: "its beginning",
        kept: UNFINISHED_MAX,
        kept_text: None,
        basis: NEEDLESS,
        action: Action::Sweep,
    },
    Rule {
        object: Object::DeletedNotice,
        from: "its owner has deleted it, and its periods are over; never before somebody has opened it",
        kept: DELETED_NOTICE_KEPT,
        kept_text: None,
        basis: "Art. 17 Abs. 1 DSGVO: so long it can be restored",
        action: Action::Empty,
    },
    delete(
        Object::NoticeRequest,
        "the request",
        days(30),
        "Art. 5 Abs. 1 Buchst. f DSGVO: an authority that asks again provides nothing twice",
    ),
    delete(
        Object::NoticeEvent,
        "the authority says that it has it",
        days(90),
        "Art. 5 Abs. 2 DSGVO: what an authority was told can be looked up",
    ),
    delete(Object::NoticeCount, "the end of the day that it counts", days(1), NEEDLESS),
    delete(Object::UnusedAttachment, "24 hours after it came, if no notice has taken it", Duration::ZERO, NEEDLESS),
    delete(Object::UploadCount, "the end of the day that it counts", days(1), NEEDLESS),
    delete(Object::Share, "its end", days(90), ANSWERED),
    Rule {
        object: Object::Reply,
        from: "the authority says that it has it: its copy, and not that of whoever has written it",
        kept: days(90),
        kept_text: None,
        basis: "Art. 5 Abs. 2 DSGVO: what an authority was told can be looked up",
        action: Action::Empty,
    },
    delete(
        Object::ReplyDraft,
        "it was saved last",
        DRAFT_KEPT,
        "Art. 5 Abs. 1 Buchst. e DSGVO: so long it can be finished",
    ),
    Rule {
        object: Object::AuditEvent,
        from: "the event",
        kept: days(731),
        kept_text: Some("24 months"),
        basis: "Art. 5 Abs. 2, Art. 32 DSGVO: proof of what was done",
        action: Action::Prune,
    },
    Rule {
        object: Object::UnusedAccount,
        from: "last sign-in",
        kept: days(731),
        kept_text: Some("24 months"),
        basis: "§ 8 Abs. 7 OZG",
        action: Action::Erase,
    },
];

impl Rule {
    /// One line for the operator: what, how long, on what basis, what then, and how many rows are due.
    pub fn line(&self, due: u64) -> String {
        let kept = self.kept_text.map_or_else(|| in_words(self.kept), str::to_owned);
        let (object, action) = (format!("{:?}", self.object), format!("{:?}", self.action).to_lowercase());
        format!("{object:22} {action:7} {kept:10} after: {}; {}; due: {due}", self.from, self.basis)
    }
}

fn in_words(kept: Duration) -> String {
    match kept.as_secs() / 3600 {
        0 => "at once".to_owned(),
        hours if hours % 24 == 0 => format!("{} days", hours / 24),
        hours => format!("{hours} hours"),
    }
}

/// Deletes, or empties, what is due; returns how many rows.
pub async fn run(db: &Db, now: Timestamp) -> Result<u64, DbError> {
    let mut rows = delete_assertions(db, now).await?;
    let mut tx = db.begin().await?;
    for rule in RULES.iter().filter(|rule| matches!(rule.action, Action::Delete | Action::Empty)) {
        rows += delete_due(&mut tx, rule.object, now.minus(rule.kept)).await?;
    }
    db.commit(tx).await?;
    Ok(rows)
}

const BATCH: u64 = 1000;

/// Assertions and proofs may come by the thousand a second. In small pieces, so that nobody waits long for the one writer and no piece
/// runs into a time limit.
async fn delete_assertions(db: &Db, at: Timestamp) -> Result<u64, DbError> {
    let mut rows = 0;
    loop {
        let mut tx = db.single().await?;
        let deleted = sql!(
            &mut tx,
            execute,
            "DELETE FROM spent_token WHERE hash IN (
                 SELECT hash FROM spent_token WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
            at,
            BATCH as i64
        )?;
        db.commit(tx).await?;
        rows += deleted;
        if deleted < BATCH {
            return Ok(rows);
        }
    }
}

/// What is due, by rule. Changes nothing: it deletes and takes everything back.
pub async fn report(db: &Db, now: Timestamp) -> Result<Vec<(&'static Rule, u64)>, DbError> {
    let mut tx = db.begin().await?;
    let mut due = Vec::new();
    for rule in &RULES {
        due.push((rule, delete_due(&mut tx, rule.object, now.minus(rule.kept)).await?));
    }
    Ok(due)
}

/// Mandates that are over, with where they were used.
async fn delete_mandates(tx: &mut Tx, at: Timestamp) -> Result<u64, DbError> {
    sql!(
        tx,
        execute,
        "DELETE FROM mandate_use WHERE mandate_id IN (
             SELECT id FROM mandate WHERE accepted_at IS NOT NULL AND over_at < $1)",
        at
    )?;
    sql!(tx, execute, "DELETE FROM mandate WHERE accepted_at IS NOT NULL AND over_at < $1", at)
}

/// What people have shared, what they have begun to write, and when they were away.
async fn delete_of_people(tx: &mut Tx, object: Object, at: Timestamp) -> Result<u64, DbError> {
    if object == Object::Share {
        return sql!(tx, execute, "DELETE FROM safe_share WHERE until < $1", at);
    }
    if object == Object::Absence {
        let day = at.in_germany().date().to_string();
        return sql!(tx, execute, "DELETE FROM absence WHERE last_on < $1", day);
    }
    sql!(tx, execute, "DELETE FROM postbox_draft WHERE saved_at < $1", at)
}

/// What is kept for authorities: which request has become which notice, what they were told, and what was answered.
async fn delete_of_authorities(tx: &mut Tx, object: Object, at: Timestamp) -> Result<u64, DbError> {
    if object == Object::NoticeRequest {
        return sql!(tx, execute, "DELETE FROM postbox_request WHERE created_at < $1", at);
    }
    if object == Object::NoticeCount {
        let day = at.in_germany().date().to_string();
        return sql!(tx, execute, "DELETE FROM postbox_count WHERE day < $1", day);
    }
    if object == Object::UploadCount {
        return attachments::delete_counts(tx, &at.in_germany().date().to_string()).await;
    }
    if object == Object::Reply {
        return sql!(
            tx,
            execute,
            "UPDATE postbox_reply SET for_authority = NULL WHERE taken_at < $1 AND for_authority IS NOT NULL",
            at
        );
    }
    sql!(tx, execute, "DELETE FROM postbox_event WHERE taken_at < $1", at)
}

/// Notices that somebody has deleted. What a period runs for stays until that is over: it may be needed for it.
/// With it go the copies of what was answered, and drafts.
async fn empty_notices(tx: &mut Tx, at: Timestamp) -> Result<u64, DbError> {
    let today = at.plus(DELETED_NOTICE_KEPT).in_germany().date().to_string();
    let rows = sql!(
        tx,
        execute,
        "UPDATE postbox_reply SET own_copy = NULL WHERE own_copy IS NOT NULL AND message_id IN (
             SELECT id FROM postbox_message
              WHERE deleted_at < $1 AND content_key IS NOT NULL AND opened_at IS NOT NULL
                AND (objection_ends_on IS NULL OR objection_ends_on < $2) AND (due_on IS NULL OR due_on < $2))",
        at,
        &today
    )?;
    sql!(
        tx,
        execute,
        "DELETE FROM postbox_draft WHERE message_id IN (
             SELECT id FROM postbox_message
              WHERE deleted_at < $1 AND content_key IS NOT NULL AND opened_at IS NOT NULL
                AND (objection_ends_on IS NULL OR objection_ends_on < $2) AND (due_on IS NULL OR due_on < $2))",
        at,
        &today
    )?;
    sql!(
        tx,
        execute,
        "UPDATE postbox_message SET content_key = NULL, head = NULL, content = NULL
          WHERE deleted_at < $1 AND content_key IS NOT NULL AND opened_at IS NOT NULL
            AND (objection_ends_on IS NULL OR objection_ends_on < $2) AND (due_on IS NULL OR due_on < $2)",
        at,
        today
    )?;
    attachments::delete_of_emptied(tx, at).await?;
    Ok(rows)
}

async fn delete_due(tx: &mut Tx, object: Object, at: Timestamp) -> Result<u64, DbError> {
    match object {
        Object::MailCheck => sql!(tx, execute, "DELETE FROM mail_check WHERE expires_at < $1", at),
        Object::MailedCode => sql!(tx, execute, "DELETE FROM mailed_code WHERE expires_at < $1", at),
        Object::Attempt => sql!(tx, execute, "DELETE FROM attempt WHERE expires_at < $1", at),
        Object::Registration => sql!(tx, execute, "DELETE FROM registration WHERE expires_at < $1", at),
        Object::PasswordReset => sql!(tx, execute, "DELETE FROM password_reset WHERE expires_at < $1", at),
        Object::PartialSignIn => sql!(tx, execute, "DELETE FROM partial_sign_in WHERE expires_at < $1", at),
        Object::CardReading => sql!(tx, execute, "DELETE FROM eid_reading WHERE expires_at < $1", at),
        Object::Recovery => sql!(tx, execute, "DELETE FROM recovery WHERE expires_at < $1", at),
        Object::UnconfirmedCodeGenerator => {
            sql!(tx, execute, "DELETE FROM code_generator WHERE confirmed_at IS NULL AND created_at < $1", at)
        }
        Object::AddressChange => sql!(tx, execute, "DELETE FROM address_change WHERE expires_at < $1", at),
        Object::DataExport => sql!(tx, execute, "DELETE FROM data_export WHERE expires_at < $1", at),
        Object::AuthorizationRequest => {
            sql!(tx, execute, "DELETE FROM authorization_request WHERE expires_at < $1", at)
        }
        Object::UntriedPasskey => {
            sql!(tx, execute, "DELETE FROM passkey WHERE confirmed_at IS NULL AND created_at < $1", at)
        }
        Object::DeviceAuthorization => sql!(tx, execute, "DELETE FROM device_authorization WHERE expires_at < $1", at),
        Object::AuthorizationCode => sql!(tx, execute, "DELETE FROM authorization_code WHERE expires_at < $1", at),
        Object::Grant => sql!(tx, execute, "DELETE FROM client_grant WHERE expires_at < $1", at),
        Object::PushedRequest => sql!(tx, execute, "DELETE FROM pushed_request WHERE expires_at < $1", at),
        Object::Assertion => sql!(tx, execute, "DELETE FROM spent_token WHERE expires_at < $1", at),
        Object::Session => sql!(tx, execute, "DELETE FROM session WHERE last_seen_at < $1", at),
        Object::Device => sql!(tx, execute, "DELETE FROM device WHERE last_seen_at < $1", at),
        Object::LogoutState => sql!(tx, execute, "DELETE FROM logout_notice WHERE ended_at < $1", at),
        Object::UndeliveredMail => sql!(tx, execute, "DELETE FROM outbox WHERE given_up_at < $1", at),
        Object::RegisteredClient => delete_unapproved(tx, at).await,
        Object::RegistrationToken => sql!(tx, execute, "DELETE FROM registration_token WHERE expires_at < $1", at),
        Object::DeskCase => sql!(tx, execute, "DELETE FROM desk_case WHERE expires_at < $1", at),
        Object::OrganisationCase => sql!(tx, execute, "DELETE FROM organisation_desk_case WHERE expires_at < $1", at),
        Object::DeskSlip => sql!(tx, execute, "DELETE FROM desk_slip WHERE expires_at < $1", at),
        Object::DeskRelease => sql!(tx, execute, "DELETE FROM desk_release WHERE expires_at < $1", at),
        Object::Guardian => sql!(tx, execute, "DELETE FROM guardian WHERE expires_at < $1", at),
        Object::Invitation => sql!(tx, execute, "DELETE FROM invitation WHERE expires_at < $1", at),
        Object::Handover => sql!(tx, execute, "DELETE FROM handover WHERE expires_at < $1", at),
        Object::MandateRequest => {
            sql!(tx, execute, "DELETE FROM mandate WHERE accepted_at IS NULL AND over_at < $1", at)
        }
        Object::Mandate => delete_mandates(tx, at).await,
        Object::DeletedNotice => empty_notices(tx, at).await,
        Object::UnusedAttachment => attachments::delete_unused(tx, at).await,
        Object::NoticeRequest | Object::NoticeEvent | Object::NoticeCount | Object::UploadCount | Object::Reply => {
            delete_of_authorities(tx, object, at).await
        }
        Object::Share | Object::ReplyDraft | Object::Absence => delete_of_people(tx, object, at).await,
        Object::Letter => sql!(tx, execute, "DELETE FROM letter WHERE ordered_at < $1", at),
        Object::OrganisationDraft => sql!(tx, execute, "DELETE FROM organisation_draft WHERE expires_at < $1", at),
        Object::OrganisationLetter => sql!(tx, execute, "DELETE FROM organisation_letter WHERE expires_at < $1", at),
        Object::OrganisationEvidence => sql!(tx, execute, "DELETE FROM organisation_evidence WHERE void_at < $1", at),
        Object::OrganisationKey => sql!(tx, execute, "DELETE FROM organisation_key WHERE expires_at < $1", at),
        Object::OrganisationClaim => sql!(tx, execute, "DELETE FROM organisation_claim WHERE decided_at < $1", at),
        Object::UnfinishedFile => delete_unfinished(tx, at).await,
        Object::AuditEvent => sql!(tx, execute, "DELETE FROM audit_event WHERE at < $1", at),
        Object::UnusedAccount => touch_unused(tx, at).await,
    }
}

/// Files that nobody has finished, for [`report`] alone: their bytes go first.
async fn delete_unfinished(tx: &mut Tx, at: Timestamp) -> Result<u64, DbError> {
    sql!(tx, execute, "DELETE FROM sealed_object WHERE state <> 'whole' AND created_at <= $1", at)
}

/// For the report alone: whoever erases them is `data::inactivity`.
async fn touch_unused(tx: &mut Tx, at: Timestamp) -> Result<u64, DbError> {
    sql!(
        tx,
        execute,
        "UPDATE account SET used_at = used_at WHERE status = 'active' AND used_at < $1
            AND inactivity_told_at IS NOT NULL",
        at
    )
}

/// Clients that had registered themselves and that nobody has approved, with what people had agreed to.
async fn delete_unapproved(tx: &mut Tx, at: Timestamp) -> Result<u64, DbError> {
    sql!(
        tx,
        execute,
        "DELETE FROM consent WHERE client_id IN (
             SELECT id FROM registered_client WHERE approved_at IS NULL AND expires_at < $1)",
        at
    )?;
    sql!(tx, execute, "DELETE FROM registered_client WHERE approved_at IS NULL AND expires_at < $1", at)
}
