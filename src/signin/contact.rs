//! Changing the addresses of an account: the password first, then a code from the new address and one from the address
//! that gets the mails, so that neither a stolen session nor one stolen mailbox is enough.

use super::attempts::{self, Network};
use super::change::Person;
use super::code::{self, Purpose, Redeemed, Try};
use super::recovery::cancel::{self, Why};
use super::{SigninEvent, store};
use crate::account::address::{self, ADDRESSES_MAX, Address};
use crate::account::email::EmailAddress;
use crate::account::{self, Account};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::texts::{Text, moment};
use crate::notice::{self, Kind, Notice};
use crate::store::work::Work;

/// Step 1: both addresses get a code. An address that belongs to somebody else gets a mail that says so; the answer is
/// the same.
pub async fn begin(app: &AppParts, person: Person<'_>, typed: &str) -> Result<(), Error> {
    let new = EmailAddress::parse(typed).ok_or_else(|| Error::field("email", "email_format"))?;
    let (account, id) = (person.account, &person.account.id);
    let own = address::list(&mut app.read().await?, &app.vault, id).await?;
    if own.iter().any(|one| one.address.compared() == new.compared()) {
        return Err(Error::field("email", "address_yours"));
    }
    if own.len() as i64 >= ADDRESSES_MAX {
        return Err(Error::field("email", "addresses_enough"));
    }
    person.confirm(app).await?;
    let mut work = person.begin(app).await?;
    let may_mail = attempts::count_mail(app, &mut work, person.network, &new).await;
    if let Ok(true) = may_mail {
        let is_taken = account::find_by_email(&mut work.tx, &app.vault, &new).await?.is_some();
        send_codes(app, &mut work, account, &new, is_taken).await?;
    } else if may_mail.is_ok() {
        void(&mut work, account).await?;
    }
    if may_mail.is_ok() {
        address::begin_change(&mut work, &app.vault, id, &new).await?;
    }
    work.commit().await?;
    may_mail.map(drop)
}

async fn void(work: &mut Work, account: &Account) -> Result<(), Error> {
    code::issue_void(work, Purpose::AddressNew, account.id.as_str().as_bytes()).await?;
    code::issue_void(work, Purpose::AddressOld, account.id.as_str().as_bytes()).await
}

async fn send_codes(
    app: &AppParts,
    work: &mut Work,
    account: &Account,
    new: &EmailAddress,
    is_taken: bool,
) -> Result<(), Error> {
    let owner = account.id.as_str().as_bytes();
    let texts = &account.language.texts().mail;
    let until = moment::clock(work.now.plus(code::LIFETIME));
    let old_code = code::issue(work, &app.vault, Purpose::AddressOld, owner).await?;
    let body = texts.address_code_body.with("code", old_code.expose()).with("time", &until);
    send(app, work, account, &account.email.address, (Kind::AddressCode, &texts.address_code_subject, body)).await?;
    if is_taken {
        code::issue_void(work, Purpose::AddressNew, owner).await?;
        let letter = (Kind::AlreadyRegistered, &texts.address_taken_subject, texts.address_taken_body.clone());
        return send(app, work, account, new, letter).await;
    }
    let new_code = code::issue(work, &app.vault, Purpose::AddressNew, owner).await?;
    let body = texts.address_code_body.with("code", new_code.expose()).with("time", &until);
    send(app, work, account, new, (Kind::AddressCode, &texts.address_code_subject, body)).await
}

async fn send(
    app: &AppParts,
    work: &mut Work,
    account: &Account,
    to: &EmailAddress,
    (kind, subject, body): (Kind, &Text, Text),
) -> Result<(), Error> {
    let (language, issuer) = (account.language, &app.config.issuer);
    let notice = Notice { kind, to: to.as_str(), language, subject, body: body.with("issuer", issuer) };
    notice::send(work, &app.vault, issuer, notice).await
}

/// What somebody typed from the two mails; one that was right before may stay empty.
pub struct Codes<'a> {
    pub new: &'a str,
    pub old: &'a str,
    pub network: &'a Network,
    pub request: Option<String>,
}

/// Step 2: the codes. A right one counts even if the other is wrong; the refusal names the wrong one.
pub async fn confirm(app: &AppParts, account: &Account, codes: Codes<'_>) -> Result<(), Error> {
    let id = &account.id;
    let mut work = account::begin(app, id, codes.request.as_deref()).await?;
    let now = work.now;
    let change = address::change(&mut work.tx, &app.vault, id, now).await?.ok_or(Error::Conflict("address_change"))?;
    let redeem = async |purpose, typed: &str, work: &mut Work| {
        let one = Try { purpose, owner: id.as_str().as_bytes(), typed, network: codes.network };
        Ok::<bool, Error>(code::redeem(app, work, one).await? == Redeemed::Right)
    };
    let new = if change.new_confirmed { Ok(true) } else { redeem(Purpose::AddressNew, codes.new, &mut work).await };
    let old = if change.old_confirmed { Ok(true) } else { redeem(Purpose::AddressOld, codes.old, &mut work).await };
    let right = |one: &Result<bool, Error>| *one.as_ref().unwrap_or(&false);
    address::confirm_change(&mut work, id, &change, (right(&new), right(&old))).await?;
    if right(&new) && right(&old) && address::take_change(&mut work, id, &change).await? {
        if !address::add(&mut work, &app.vault, id, &change.address).await? {
            // Somebody else has confirmed it in the meantime.
            return Err(Error::Conflict("address_change"));
        }
        cancel::cancel(app, &mut work, id, Why::Addresses).await?;
        audit::record(&mut work, &SigninEvent::AddressAdded { account: id.clone() }).await?;
        tell(app, &mut work, account, &[&account.email.address, &change.address]).await?;
    }
    work.commit().await?;
    let problem = |field, right: Result<bool, Error>| {
        Ok::<_, Error>((!right?).then_some(FieldProblem { field, problem: "code_wrong" }))
    };
    let problems: Vec<_> = [problem("code_new", new)?, problem("code_old", old)?].into_iter().flatten().collect();
    if problems.is_empty() { Ok(()) } else { Err(Error::Invalid(problems)) }
}

/// Tells all of these addresses that the account's addresses have changed.
async fn tell(app: &AppParts, work: &mut Work, account: &Account, to: &[&EmailAddress]) -> Result<(), Error> {
    let texts = &account.language.texts().mail;
    let at = moment::date_and_clock(account.language, work.now);
    for address in to {
        let body = texts.address_changed_body.with("time", &at);
        let letter = (Kind::AddressChanged, &texts.address_changed_subject, body);
        send(app, work, account, address, letter).await?;
    }
    Ok(())
}

/// What may be done with an address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Remove,
    MakePrimary,
}

/// Removes an address, or lets it get the mails. The password first; both addresses concerned are told.
pub async fn act(app: &AppParts, person: Person<'_>, address: &Address, act: Act) -> Result<(), Error> {
    person.confirm(app).await?;
    let (account, id) = (person.account, &person.account.id);
    let mut work = person.begin(app).await?;
    // First, so that the address that goes is told, too.
    cancel::cancel(app, &mut work, id, Why::Addresses).await?;
    let event = match act {
        Act::Remove => {
            address::remove(&mut work, id, address).await?;
            // Codes that are on their way to it are worth nothing any more.
            store::delete_mailed_code(&mut work, Purpose::AddressOld.name(), id.as_str().as_bytes()).await?;
            SigninEvent::AddressRemoved { account: id.clone() }
        }
        Act::MakePrimary => {
            address::make_primary(&mut work, id, address).await?;
            SigninEvent::AddressPreferred { account: id.clone() }
        }
    };
    audit::record(&mut work, &event).await?;
    tell(app, &mut work, account, &[&account.email.address, &address.address]).await?;
    work.commit().await
}
