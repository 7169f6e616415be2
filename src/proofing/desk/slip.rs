//! Somebody who cannot sign in asks for a slip with a code, which opens a case at a desk. They get one whether or not there is
//! such an account; only at the desk, beside their document, it shows what it is worth.

use super::{CODE_LENGTH, DeskEvent, code_hash};
use crate::account::{self, Status, email::EmailAddress};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, CaseId};
use crate::kernel::seal::Place;
use crate::kernel::secret::hex;
use crate::kernel::texts::moment;
use crate::kernel::time::Timestamp;
use crate::notice::{self, Kind, Notice};
use crate::proofing::store::slip as store;
use crate::signin::attempts;
use crate::signin::recovery::release::Rule;
use crate::signin::register::Applicant;
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

/// A slip as it waits in the browser that has asked for it.
pub struct Slip {
    pub code: String,
    pub expires_at: Timestamp,
}

/// The code waits sealed, bound to the browser.
fn place(row: &str) -> Place<'_> {
    Place { table: "desk_slip", column: "code", row, version: 1 }
}

/// Makes a slip; an older one of the browser is void from now on. Beyond the limit on mails to the address there is a slip all the
/// same, so that nobody keeps the owner from the desk.
pub async fn ask(app: &AppParts, applicant: Applicant<'_>, email: &str) -> Result<(), Error> {
    let email = EmailAddress::parse(email).ok_or_else(|| Error::field("email", "email_format"))?;
    let mut work = app.begin(Actor::Visitor).await?;
    let may_mail = attempts::count_mail(app, &mut work, applicant.network, &email).await;
    if may_mail.is_ok() {
        let found = account::find_by_email(&mut work.tx, &app.vault, &email).await?;
        let account = found.as_ref().filter(|(_, status)| *status == Status::Active).map(|(id, _)| id);
        let (code, row) = (work.random.letters(CODE_LENGTH), hex(applicant.browser));
        let plain = code.expose().as_bytes();
        let sealed = app.vault.system.seal(place(&row), plain, &work.random).map_err(Error::broken)?;
        let expires_at = work.now.plus(Rule::at(work.now)?.slip);
        let hash = code_hash(app, code.expose());
        store::put(&mut work, (applicant.browser, account), (&hash, &sealed), expires_at).await?;
        if let Some(account) = account {
            audit::record(&mut work, &DeskEvent::RecoveryAsked { account: account.clone() }).await?;
        }
        if let Ok(true) = may_mail {
            let status = found.map(|(_, status)| status);
            tell(app, &mut work, &applicant, (&email, status), expires_at).await?;
        }
    }
    work.commit().await?;
    may_mail.map(drop)
}

/// A mail to the address that was named, which alone says whether there is an account.
async fn tell(
    app: &AppParts,
    work: &mut Work,
    applicant: &Applicant<'_>,
    (email, status): (&EmailAddress, Option<Status>),
    expires_at: Timestamp,
) -> Result<(), Error> {
    let (language, issuer) = (applicant.language, &app.config.issuer);
    let t = &language.texts().mail;
    let (kind, subject, body) = match status {
        Some(Status::Active) => (Kind::DeskSlip, &t.desk_slip_subject, &t.desk_slip_body),
        Some(Status::Locked) => (Kind::AccountLocked, &t.account_locked_subject, &t.account_locked_body),
        _ => (Kind::DeskSlipUnknown, &t.desk_slip_unknown_subject, &t.desk_slip_unknown_body),
    };
    let body = body.with("time", moment::date_and_clock(language, work.now));
    let body = body.with("date", moment::date(language, expires_at)).with("contact", &app.config.operator.contact);
    notice::send(work, &app.vault, issuer, Notice { kind, to: email.as_str(), language, subject, body }).await
}

/// The slip of this browser, as long as it is good and nobody has used it.
pub async fn find(tx: &mut Tx, app: &AppParts, browser: &[u8]) -> Result<Option<Slip>, Error> {
    let Some(found) = store::find(tx, browser, app.now()).await? else { return Ok(None) };
    let code = app.vault.system.open_text(place(&hex(browser)), &found.code).map_err(Error::broken)?;
    Ok(Some(Slip { code, expires_at: found.expires_at }))
}

/// When slips for an account were asked for that are still good, and until when: for the owner's copy of the data.
pub async fn of(tx: &mut Tx, account: &AccountId, now: Timestamp) -> Result<Vec<(Timestamp, Timestamp)>, Error> {
    let rows = store::of(tx, account, now).await?;
    Ok(rows.into_iter().map(|row| (row.asked_at, row.expires_at)).collect())
}

/// Begins the case that a slip means, if there is such a slip. Whoever opens it looks at whose it is and how old.
pub(super) async fn begin_case(work: &mut Work, hash: &[u8]) -> Result<(), Error> {
    let Some(slip) = store::by_code(&mut work.tx, hash).await? else { return Ok(()) };
    let id = CaseId::new(work.now, &work.random);
    if !store::put_case(work, (&id, &slip.account_id), hash, slip.expires_at).await? {
        return Err(Error::field("code", "case_open_elsewhere"));
    }
    Ok(())
}
