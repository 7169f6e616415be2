//! Registration of a person, one step after the other: address, code, name, password or passkey, recovery codes, check.
//!
//! The answers wait sealed under the key that the account will have. A step can be taken again, never
//! skipped: each act names the stage it needs, and the store changes a row only in the version that was read.

mod passkey;

pub use passkey::{begin_passkey, make_passkey};

use serde::{Deserialize, Serialize};

use super::attempts::{self, Network};
use super::code::{self, Redeemed};
use super::device::Device;
use super::passkey::first::{Made, Signed, Used, use_once};
use super::session::{self, Proof, Session};
use super::{password, policy, recovery_codes, store};
use crate::account::{self, AttributeName, NewAccount, Opened, email::EmailAddress, name};
use crate::app::AppParts;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::id::{AccountId, RequestId};
use crate::kernel::level::Level;
use crate::kernel::seal::{DataKey, Place, Vault};
use crate::kernel::secret::Secret;
use crate::kernel::texts::{Language, moment};
use crate::kernel::time::{Timestamp, hours};
use crate::notice::{self, Kind, Notice};
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

/// What has been done; the next step follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Stage {
    CodeSent,
    EmailConfirmed,
    Named,
    /// The password or the passkey; the name in the database is older than the choice.
    #[sqlx(rename = "password_chosen")]
    MeansChosen,
    CodesKept,
}

/// The answers so far. Sealed whenever they are stored.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Draft {
    pub email: String,
    pub given_names: Option<String>,
    pub family_name: Option<String>,
    pub birth_date: Option<String>,
    password_hash: Option<String>,
    /// Instead of the password: a key that waits for its first use, which opens the account.
    #[serde(default)]
    passkey: Option<Made>,
    pub recovery_codes: Vec<String>,
}

/// A registration under way, opened.
pub struct Registration {
    pub stage: Stage,
    pub draft: Draft,
    pub request: Option<RequestId>,
    account_id: AccountId,
    key: DataKey,
    key_wrapped: Vec<u8>,
    version: i64,
}

impl Registration {
    /// Whether it is a passkey that the account will be opened with.
    pub const fn has_passkey(&self) -> bool {
        self.draft.passkey.is_some()
    }

    /// Refuses an act whose turn has not come.
    fn require(&self, stage: Stage) -> Result<(), Error> {
        if self.stage >= stage { Ok(()) } else { Err(Error::Conflict("registration_step")) }
    }
}

fn place(account: &AccountId, version: i64) -> Place<'_> {
    Place { table: "registration", column: "draft", row: account.as_str(), version }
}

/// Who registers, and from where.
pub struct Applicant<'a> {
    pub browser: &'a [u8],
    pub network: &'a Network,
    pub language: Language,
    pub request: Option<RequestId>,
}

/// Step 1: takes the address and sends a code, or, to an address that has an account, a mail that says so.
/// The answer is the same.
pub async fn start(app: &AppParts, applicant: Applicant<'_>, email: &str) -> Result<(), Error> {
    let email = EmailAddress::parse(email).ok_or_else(|| Error::field("email", "email_format"))?;
    let mut work = app.begin(Actor::Visitor).await?;
    let may_mail = attempts::count_mail(app, &mut work, applicant.network, &email).await;
    let now = work.now;
    let waiting = find(&mut work.tx, &app.vault, applicant.browser, now).await?;
    let waits = waiting.is_some_and(|registration| registration.draft.email == email.as_str());
    match may_mail {
        Ok(true) => send_code(app, &mut work, &applicant, &email).await?,
        // Beyond the limit the page is the same, and the code of the last mail stays good.
        Ok(false) if !waits => {
            code::issue_void(&mut work, code::Purpose::Registration, applicant.browser).await?;
            begin_draft(app, &mut work, &applicant, &email).await?;
        }
        _ => {}
    }
    work.commit().await?;
    may_mail.map(drop)
}

async fn begin_draft(
    app: &AppParts,
    work: &mut Work,
    applicant: &Applicant<'_>,
    email: &EmailAddress,
) -> Result<(), Error> {
    let account_id = AccountId::new(work.now, &work.random);
    let key = DataKey::random(&work.random);
    let key_wrapped = app.vault.master().wrap(&key, account_id.as_str(), &work.random).await.map_err(Error::broken)?;
    let draft = Draft { email: email.as_str().to_owned(), ..Draft::default() };
    let (stage, request) = (Stage::CodeSent, applicant.request.clone());
    let registration = Registration { stage, draft, request, account_id, key, key_wrapped, version: 1 };
    let sealed = seal(work, &registration)?;
    Ok(store::put_registration(work, applicant.browser, &registration.row(sealed, work.now)).await?)
}

/// First the code, then the registration, in the order in which confirming takes them: no two wait for each
/// other.
async fn send_code(
    app: &AppParts,
    work: &mut Work,
    applicant: &Applicant<'_>,
    email: &EmailAddress,
) -> Result<(), Error> {
    let known = account::find_by_email(&mut work.tx, &app.vault, email).await?.is_some();
    let texts = &applicant.language.texts().mail;
    let (kind, subject, body) = if known {
        code::issue_void(work, code::Purpose::Registration, applicant.browser).await?;
        (Kind::AlreadyRegistered, &texts.already_registered_subject, texts.already_registered_body.clone())
    } else {
        let code = code::issue(work, &app.vault, code::Purpose::Registration, applicant.browser).await?;
        let until = moment::clock(work.now.plus(code::LIFETIME));
        let body = texts.registration_code_body.with("code", code.expose()).with("time", until);
        (Kind::RegistrationCode, &texts.registration_code_subject, body)
    };
    begin_draft(app, work, applicant, email).await?;
    let notice = Notice { kind, to: email.as_str(), language: applicant.language, subject, body };
    notice::send(work, &app.vault, &app.config.issuer, notice).await
}

impl Registration {
    fn row(&self, draft: Vec<u8>, now: Timestamp) -> store::RegistrationRow {
        store::RegistrationRow {
            account_id: self.account_id.clone(),
            key_wrapped: self.key_wrapped.clone(),
            stage: self.stage,
            version: self.version,
            draft,
            request_id: self.request.clone(),
            expires_at: now.plus(hours(24)),
        }
    }
}

fn seal(work: &Work, registration: &Registration) -> Result<Vec<u8>, Error> {
    let plain = Secret::new(serde_json::to_vec(&registration.draft).map_err(Error::broken)?);
    let place = place(&registration.account_id, registration.version);
    registration.key.seal(place, plain.expose(), &work.random).map_err(Error::broken)
}

/// The registration of this browser, if one is under way.
pub async fn find(tx: &mut Tx, vault: &Vault, browser: &[u8], now: Timestamp) -> Result<Option<Registration>, Error> {
    let Some(row) = store::find_registration(tx, browser, now).await? else { return Ok(None) };
    let key = vault.master().unwrap(&row.key_wrapped, row.account_id.as_str()).await.map_err(Error::broken)?;
    let plain = key.open(place(&row.account_id, row.version), &row.draft).map_err(Error::broken)?;
    let draft = serde_json::from_slice(plain.expose()).map_err(Error::broken)?;
    Ok(Some(Registration {
        stage: row.stage,
        draft,
        request: row.request_id,
        account_id: row.account_id,
        key,
        key_wrapped: row.key_wrapped,
        version: row.version,
    }))
}

async fn find_at(work: &mut Work, vault: &Vault, browser: &[u8], stage: Stage) -> Result<Registration, Error> {
    let now = work.now;
    let registration = find(&mut work.tx, vault, browser, now).await?.ok_or(Error::Conflict("registration_step"))?;
    registration.require(stage)?;
    Ok(registration)
}

/// Stores a changed registration. Somebody else's change in between is a conflict, not overwritten.
async fn advance(work: &mut Work, browser: &[u8], mut registration: Registration, stage: Stage) -> Result<(), Error> {
    registration.stage = registration.stage.max(stage);
    let version_before = registration.version;
    registration.version += 1;
    let sealed = seal(work, &registration)?;
    let row = registration.row(sealed, work.now);
    if store::update_registration(work, browser, version_before, &row).await? {
        Ok(())
    } else {
        Err(Error::Conflict("registration_step"))
    }
}

/// Step 2: the code from the mail.
pub async fn confirm_code(app: &AppParts, browser: &[u8], network: &Network, typed: &str) -> Result<Redeemed, Error> {
    let mut work = app.begin(Actor::Visitor).await?;
    let registration = find_at(&mut work, &app.vault, browser, Stage::CodeSent).await?;
    if registration.stage > Stage::CodeSent {
        return Ok(Redeemed::Right);
    }
    let one = code::Try { purpose: code::Purpose::Registration, owner: browser, typed, network };
    let redeemed = code::redeem(app, &mut work, one).await;
    if let Ok(Redeemed::Right) = redeemed {
        advance(&mut work, browser, registration, Stage::EmailConfirmed).await?;
    }
    work.commit().await?;
    redeemed
}

/// Names and birth date as typed.
pub struct Person<'a> {
    pub given_names: &'a str,
    pub family_name: &'a str,
    /// The person has one name only; it stands in `family_name`.
    pub one_name: bool,
    pub birth_date: [&'a str; 3],
}

/// Step 3: who the person is.
pub async fn name_person(app: &AppParts, browser: &[u8], person: Person<'_>) -> Result<(), Error> {
    let mut work = app.begin(Actor::Visitor).await?;
    let mut registration = find_at(&mut work, &app.vault, browser, Stage::EmailConfirmed).await?;
    let mut problems = Vec::new();
    let mut problem = |field, problem| problems.push(FieldProblem { field, problem });
    let given_names = name::parse_name(person.given_names);
    let family_name = name::parse_name(person.family_name);
    let [day, month, year] = person.birth_date;
    let birth_date = name::parse_birth_date(day, month, year, work.now);
    if given_names.is_none() && !(person.one_name && person.given_names.trim().is_empty()) {
        problem(
            "given_names",
            if person.given_names.trim().is_empty() { "given_names_missing" } else { "name_characters" },
        );
    }
    if family_name.is_none() {
        problem(
            "family_name",
            if person.family_name.trim().is_empty() { "family_name_missing" } else { "name_characters" },
        );
    }
    if birth_date.is_none() {
        problem("birth_day", "birth_date_format");
    }
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    registration.draft.given_names = given_names;
    registration.draft.family_name = family_name;
    registration.draft.birth_date = birth_date;
    advance(&mut work, browser, registration, Stage::Named).await?;
    work.commit().await
}

/// Step 4: the password, unless it is [a passkey](make_passkey). Hashed between two transactions; the version check joins them.
pub async fn choose_password(app: &AppParts, browser: &[u8], typed: &str) -> Result<(), Error> {
    let mut tx = app.read().await?;
    let registration =
        find(&mut tx, &app.vault, browser, app.now()).await?.ok_or(Error::Conflict("registration_step"))?;
    drop(tx);
    registration.require(Stage::Named)?;
    let draft = &registration.draft;
    let personal: Vec<&str> =
        [Some(&draft.email), draft.given_names.as_ref(), draft.family_name.as_ref(), draft.birth_date.as_ref()]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
    let hash = check_and_hash(app, typed, &personal).await?;
    choose(app, browser, registration, (Some(hash), None)).await
}

/// Keeps one of both, in the place of what was chosen before.
async fn choose(
    app: &AppParts,
    browser: &[u8],
    mut registration: Registration,
    (password_hash, passkey): (Option<String>, Option<Made>),
) -> Result<(), Error> {
    let mut work = app.begin(Actor::Visitor).await?;
    let draft = &mut registration.draft;
    (draft.password_hash, draft.passkey) = (password_hash, passkey);
    if draft.recovery_codes.is_empty() {
        draft.recovery_codes = recovery_codes::generate(&work.random);
    }
    advance(&mut work, browser, registration, Stage::MeansChosen).await?;
    work.commit().await
}

/// Judges a new password and hashes it; the refusal is a problem of the field `password`.
pub(super) async fn check_and_hash(app: &AppParts, typed: &str, personal: &[&str]) -> Result<String, Error> {
    let password = policy::normalise(typed).ok_or_else(|| Error::field("password", "password_too_long"))?;
    let known = app.config.password.known_passwords_file.as_deref();
    if let Some(problem) = policy::judge(&password, personal, known)?.problem() {
        return Err(Error::field("password", problem));
    }
    app.hasher.hash(password).await
}

/// Step 5: the person says that the recovery codes are kept.
pub async fn keep_codes(app: &AppParts, browser: &[u8], kept: bool) -> Result<(), Error> {
    let mut work = app.begin(Actor::Visitor).await?;
    let registration = find_at(&mut work, &app.vault, browser, Stage::MeansChosen).await?;
    if !kept {
        return Err(Error::field("kept", "codes_not_kept"));
    }
    advance(&mut work, browser, registration, Stage::CodesKept).await?;
    work.commit().await
}

/// The account that came of it.
pub enum Finished {
    /// The token of the first session, and the authorization request that waits.
    Opened(Secret<String>, Option<RequestId>),
    /// The address got an account in the meantime; its owner has just proven to own it and may know.
    AddressTaken,
    /// The passkey was not used, or not in the way it was asked for.
    Refused,
}

/// Step 6: everything becomes an account, in one transaction. Where there is no password, the passkey's first use opens it.
pub async fn finish(
    app: &AppParts,
    signed: Signed<'_>,
    language: Language,
    (previous, device): (Option<&Session>, &Device),
) -> Result<Finished, Error> {
    let browser = signed.browser;
    let found = find(&mut app.read().await?, &app.vault, browser, app.now()).await?;
    let mut registration = found.ok_or(Error::Conflict("registration_step"))?;
    registration.require(Stage::CodesKept)?;
    let used = match registration.draft.passkey.take() {
        None => None,
        Some(made) => match use_once(app, &registration.account_id, made, signed).await? {
            None => return Ok(Finished::Refused),
            used => used,
        },
    };
    let id = registration.account_id.clone();
    let mut work = app.begin(Actor::Account(id.clone())).await?;
    // The deletion is the gate: of two that finish at once, one finds nothing to delete.
    if !store::delete_registration(&mut work, browser, (&id, registration.version)).await? {
        return Err(Error::Conflict("registration_step"));
    }
    let draft = &registration.draft;
    let email = EmailAddress::parse(&draft.email).ok_or_else(|| Error::broken("a stored address does not parse"))?;
    if registration.open(app, &mut work, language, &email).await? == Opened::AddressTaken {
        return Ok(Finished::AddressTaken);
    }
    let Some((strength, methods)) = registration.put_means(app, &mut work, used).await? else {
        return Ok(Finished::Refused);
    };
    recovery_codes::replace(&mut work, &app.vault, &id, &draft.recovery_codes).await?;
    welcome(app, &mut work, &email, language).await?;
    store::put_device(&mut work, &id, &device.hash(), &device.name).await?;
    let proof = Proof { account: id, strength, methods, device: device.name.clone(), client: None };
    let token = session::begin(&mut work, proof, previous).await?;
    work.commit().await?;
    Ok(Finished::Opened(token, registration.request))
}

impl Registration {
    async fn open(
        &self,
        app: &AppParts,
        work: &mut Work,
        language: Language,
        email: &EmailAddress,
    ) -> Result<Opened, Error> {
        let value = |name, value: &Option<String>| value.clone().map(|value| (name, value));
        let attributes = [
            value(AttributeName::GivenNames, &self.draft.given_names),
            value(AttributeName::FamilyName, &self.draft.family_name),
            value(AttributeName::BirthDate, &self.draft.birth_date),
        ];
        let attributes = attributes.into_iter().flatten().collect();
        let new = NewAccount { id: self.account_id.clone(), key: &self.key, language, email, attributes };
        account::open(work, &app.vault, new).await
    }

    /// Stores what was chosen; what the first session is worth by it. `None` if somebody has this key already.
    async fn put_means(
        &self,
        app: &AppParts,
        work: &mut Work,
        used: Option<Used>,
    ) -> Result<Option<(Level, &'static str)>, Error> {
        if let Some(used) = used {
            return used.store(app, work, (&self.account_id, &self.key), Level::High).await;
        }
        let hash = self.draft.password_hash.as_deref();
        let hash = hash.ok_or_else(|| Error::broken("neither password nor passkey at the last step"))?;
        store::put_password(work, &self.account_id, hash).await?;
        Ok(Some((password::strength(&app.config, work.now), password::METHOD)))
    }
}

async fn welcome(app: &AppParts, work: &mut Work, email: &EmailAddress, language: Language) -> Result<(), Error> {
    let texts = &language.texts().mail;
    let (subject, body) = (&texts.welcome_subject, texts.welcome_body.with("issuer", &app.config.issuer));
    let notice = Notice { kind: Kind::Welcome, to: email.as_str(), language, subject, body };
    notice::send(work, &app.vault, &app.config.issuer, notice).await
}
