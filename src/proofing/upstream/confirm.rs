//! What another provider says of somebody, beside what is known here; and that its owner agrees to take it over.

use serde::{Deserialize, Serialize};

use super::finish::AGREEING;
use super::provider::Provider;
use super::redeem::Answer;
use super::{Agreed, Refused, Told, claims, confirming};
use crate::account::evidence::{self, Finding, Record};
use crate::account::{self, Account, AttributeName, Group, Source};
use crate::app::AppParts;
use crate::assurance::Policy;
use crate::kernel::error::Error;
use crate::kernel::id::MeansId;
use crate::kernel::level::Level;
use crate::kernel::texts::{Language, moment};
use crate::notice::Kind;
use crate::proofing::comparison::{self, Shown};
use crate::signin::change::{Person, tell};
use crate::signin::session::Session;
use crate::signin::{ceremony, linked};

/// One value as it is known, as it was shown, and whether that is more than another way of writing.
pub struct Compared {
    pub name: AttributeName,
    pub known: Option<String>,
    pub shown: Option<String>,
    pub differs: bool,
}

/// What its owner has to look at.
pub struct Comparison {
    pub level: Level,
    pub rows: Vec<Compared>,
    /// What comes back with the answer.
    pub sealed: String,
    /// Where they go who do not want it.
    pub next: String,
}

/// What is recorded if they agree.
#[derive(Serialize, Deserialize)]
struct Stated {
    level: Level,
    link: MeansId,
    values: Shown,
    /// The version of the data that was compared.
    seen: i64,
}

/// Compares. Nothing has changed yet.
pub(super) async fn compare(
    app: &AppParts,
    (provider, browser): (&Provider, &[u8]),
    (session, link): (&Session, &MeansId),
    (answer, next): (&Answer, &str),
) -> Result<Result<Comparison, Told>, Error> {
    let mut tx = app.read().await?;
    let account = account::load(&mut tx, &app.vault, &session.account_id).await?;
    let link = linked::find(&mut tx, &session.account_id, link).await?;
    drop(tx);
    if link.blocked_at.is_some() {
        return Ok(Err(Told::Blocked));
    }
    // No more than the link is worth, which is no more than the strongest means (BSI TR-03160-1): who has linked it in a weak
    // session changes nothing that is known better.
    let level = answer.level.min(link.level(Policy::of(&app.config), app.now()));
    if !provider.settings.confirms_identity || level <= account.identity_level() {
        return Ok(Err(Told::NotMore(level)));
    }
    let shown = claims::shown(provider, &answer.claims, app.now());
    if let Some(told) = hindrance(&account, &shown) {
        return Ok(Err(told));
    }
    let differences = comparison::differences(&account, &shown);
    let values = comparison::settled(&account, shown);
    let row = |(name, value): &(AttributeName, Option<String>)| Compared {
        name: *name,
        known: account.value(*name).map(str::to_owned),
        shown: value.clone(),
        differs: differences.iter().any(|one| one.name == *name),
    };
    let rows = values.iter().map(row).collect();
    let stated = Stated { level, link: link.id, values, seen: account.attribute_version };
    let (provider, next) = (provider.settings.id.clone(), next.to_owned());
    let agreed = Agreed { session: session.id.clone(), provider, next: next.clone(), shown: stated };
    let sealed = ceremony::seal(app, confirming(browser, session), AGREEING, &agreed)?;
    Ok(Ok(Comparison { level, rows, sealed, next }))
}

/// What stands in the way: something that makes up the identity is missing, or is known better and otherwise.
fn hindrance(account: &Account, shown: &Shown) -> Option<Told> {
    let is_identity = |name: &AttributeName| name.group() == Group::Identity;
    let mut known = account.attributes.keys().filter(|name| is_identity(name));
    if !known.all(|name| shown.iter().any(|(said, _)| said == name)) {
        return Some(Told::Incomplete);
    }
    let is_proven = |name| account.attributes.get(name).is_some_and(|one| one.level > Level::Basic);
    let differences = comparison::differences(account, shown);
    differences.iter().any(|one| is_proven(&one.name)).then_some(Told::Differs)
}

/// Records what was shown to this session in this browser, once, if it still is what it was compared with. Where its owner goes on.
pub async fn agree(
    app: &AppParts,
    person: Person<'_>,
    (browser, sealed): (&[u8], &str),
) -> Result<Result<String, Refused>, Error> {
    let account = person.account;
    let mut work = person.begin(app).await?;
    let owner = confirming(browser, person.session);
    let taken: Option<Agreed<Stated>> = ceremony::take(app, &mut work, owner, sealed).await?;
    let Some(agreed) = taken.filter(|agreed| agreed.session == person.session.id) else {
        work.commit().await?;
        return Ok(Err(Refused::GONE));
    };
    let link = linked::list(&mut work.tx, &account.id).await?.into_iter().find(|one| one.id == agreed.shown.link);
    let Some(link) = link.filter(|link| link.blocked_at.is_none()) else {
        return Ok(Err(Refused::of(agreed, Told::Gone)));
    };
    let most = link.level(Policy::of(&app.config), work.now);
    let checked_by = app.config.provider_name(&agreed.provider, Language::De);
    let finding = Finding {
        source: Source::LinkedAccount,
        level: agreed.shown.level.min(most),
        record: Record { document: None, checked_by: Some(checked_by) },
        values: agreed.shown.values.clone(),
    };
    match evidence::record(&mut work, &app.vault, &account.id, &finding, agreed.shown.seen).await {
        Ok(_) => {}
        Err(Error::Conflict(_)) => return Ok(Err(Refused::of(agreed, Told::Overtaken))),
        Err(error) => return Err(error),
    }
    let at = moment::date_and_clock(account.language, work.now);
    let name = app.config.provider_name(&agreed.provider, account.language);
    tell(app, &mut work, account, Kind::IdentityConfirmed, |texts| {
        let t = &texts.mail;
        (&t.identity_confirmed_subject, t.identity_confirmed_body.with("provider", &name).with("time", &at))
    })
    .await?;
    work.commit().await?;
    Ok(Ok(agreed.next))
}
