//! What a signed-in person changes about signing in: the password, the recovery codes. And what they are told by mail.

use super::attempts::Network;
use super::device::{self, Device};
use super::password::{self, Confirmation};
use super::recovery::cancel::{self, Why};
use super::register::check_and_hash;
use super::reset::personal;
use super::session::{self, Proof, Session};
use super::{SigninEvent, recovery_codes, store};
use crate::account::{self, Account};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::secret::Secret;
use crate::kernel::texts::{Language, Text, Texts, moment};
use crate::notice::{self, Kind, Notice};
use crate::store::work::Work;

/// Somebody who is signed in and proves it once more.
pub struct Person<'a> {
    pub account: &'a Account,
    pub session: &'a Session,
    pub password: &'a str,
    pub network: &'a Network,
    pub device: &'a Device,
    pub request: Option<String>,
}

impl<'a> Person<'a> {
    pub fn new(
        session: &'a Session,
        account: &'a Account,
        (network, device): (&'a Network, &'a Device),
        password: &'a str,
    ) -> Self {
        Self { account, session, password, network, device, request: None }
    }

    /// Ties what follows to the log lines of a request.
    pub fn in_request(self, id: &str) -> Self {
        Self { request: Some(id.to_owned()), ..self }
    }

    /// The refusal is a problem of the field `current`; `NotFresh` for somebody without a password who has not just signed in.
    pub async fn confirm(&self, app: &AppParts) -> Result<(), Error> {
        if store::password_changed_at(&mut app.read().await?, &self.account.id).await?.is_none() {
            return if self.session.is_fresh(app.now()) { Ok(()) } else { Err(Error::NotFresh) };
        }
        let (account, password) = (self.account, self.password);
        let (network, device, request) = (self.network, self.device, self.request.clone());
        let given = Confirmation { account, password, network, device, request };
        if password::confirm(app, given).await? { Ok(()) } else { Err(Error::field("current", "password_wrong")) }
    }

    pub async fn begin(&self, app: &AppParts) -> Result<Work, Error> {
        account::begin(app, &self.account.id, self.request.as_deref()).await
    }
}

/// Sets another password, or one where there was none. Every other session ends; this one gets a new token, which is returned.
pub async fn password(app: &AppParts, person: Person<'_>, typed: &str) -> Result<Secret<String>, Error> {
    person.confirm(app).await?;
    let account = person.account;
    let hash = check_and_hash(app, typed, &personal(account, &account.email.address)).await?;
    let mut work = person.begin(app).await?;
    let device = person.device.name.clone();
    let (strength, methods) = (password::strength(&app.config, work.now), password::METHOD);
    let proof = Proof { account: account.id.clone(), strength, methods, device, client: None };
    let token = session::renew(&mut work, person.session, proof).await?;
    store::put_password(&mut work, &account.id, &hash).await?;
    cancel::cancel(app, &mut work, &account.id, Why::Password).await?;
    let sessions_ended = session::delete_others(&mut work, person.session).await?;
    account::end_offline_access(&mut work, &account.id).await?;
    let event = SigninEvent::PasswordChanged { account: account.id.clone(), sessions_ended };
    audit::record(&mut work, &event).await?;
    let at = moment::date_and_clock(account.language, work.now);
    tell(app, &mut work, account, Kind::PasswordChanged, |texts| {
        (&texts.mail.password_changed_subject, texts.mail.password_changed_body.with("time", &at))
    })
    .await?;
    work.commit().await?;
    Ok(token)
}

/// Ten new recovery codes, to be shown once; the old ones are worth nothing from now on.
pub async fn recovery_codes(app: &AppParts, person: Person<'_>) -> Result<Vec<String>, Error> {
    person.confirm(app).await?;
    let mut work = person.begin(app).await?;
    let codes = recovery_codes::generate(&work.random);
    recovery_codes::replace(&mut work, &app.vault, &person.account.id, &codes).await?;
    audit::record(&mut work, &SigninEvent::RecoveryCodesRenewed { account: person.account.id.clone() }).await?;
    let at = moment::date_and_clock(person.account.language, work.now);
    tell(app, &mut work, person.account, Kind::RecoveryCodesRenewed, |texts| {
        (&texts.mail.codes_renewed_subject, texts.mail.codes_renewed_body.with("time", &at))
    })
    .await?;
    work.commit().await?;
    Ok(codes)
}

/// The first step after "that was not me": every other session ends, and every other device is a stranger again.
pub async fn end_everything_else(
    app: &AppParts,
    work: &mut Work,
    kept: &Session,
    device: &Device,
) -> Result<(), Error> {
    // Somebody may be about to set a new means.
    store::delete_resets_of(work, &kept.account_id).await?;
    cancel::cancel(app, work, &kept.account_id, Why::Emergency).await?;
    session::end_others(work, kept).await?;
    account::end_offline_access(work, &kept.account_id).await?;
    store::delete_other_devices(work, &kept.account_id, &device.hash()).await?;
    Ok(store::put_device(work, &kept.account_id, &device.hash(), &device.name).await?)
}

/// Records that an account was used on a device for the first time, and tells its owner.
pub async fn tell_of_new_device(
    app: &AppParts,
    work: &mut Work,
    account: &Account,
    device: &Device,
) -> Result<(), Error> {
    let event = SigninEvent::DeviceAdded { account: account.id.clone(), device: device.name.clone() };
    audit::record(work, &event).await?;
    let (at, name) = (moment::date_and_clock(account.language, work.now), device_name(account.language, &device.name));
    tell(app, work, account, Kind::NewDevice, |texts| {
        (&texts.mail.new_device_subject, texts.mail.new_device_body.with("time", &at).with("device", &name))
    })
    .await
}

/// A device as people call it, as in `Firefox auf Windows`.
pub fn device_name(language: Language, name: &str) -> String {
    let t = &language.texts().security;
    let [browser, system] = device::parts(name);
    match (browser, system) {
        (Some(browser), Some(system)) => t.device.with("browser", browser).with("system", system).to_string(),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => t.device_unknown.to_string(),
    }
}

/// Sends the owner a mail in the language of the account.
pub async fn tell(
    app: &AppParts,
    work: &mut Work,
    account: &Account,
    kind: Kind,
    write: impl FnOnce(&'static Texts) -> (&'static Text, Text),
) -> Result<(), Error> {
    let (subject, body) = write(account.language.texts());
    let (to, language, issuer) = (account.email.address.as_str(), account.language, &app.config.issuer);
    let body = body.with("issuer", issuer).with("contact", &app.config.operator.contact);
    let notice = Notice { kind, to, language, subject, body };
    notice::send(work, &app.vault, issuer, notice).await
}
