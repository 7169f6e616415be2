//! Back in with a card and nothing else: by its pseudonym, or because it says again what evidence has said before (BSI TR-03160-1,
//! recovery by the unique identifier or the minimum data set). What is left is to choose a new password.

use super::super::comparison::differences;
use super::super::store::eid as store;
use super::finish::{Outcome, Return};
use super::{Why, shown};
use crate::account::{self, Account, AttributeName, Group, Status, identity};
use crate::app::AppParts;
use crate::eid::{Card, Refusal};
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::level::Level;
use crate::signin::attempts;
use crate::signin::card::{self, Known};
use crate::signin::reset;
use crate::store::db::Tx;
use crate::store::work::Actor;

/// Lets the owner of the card choose a new password, in this browser and once.
pub(super) async fn recover(
    app: &AppParts,
    came: &Return<'_>,
    row: &store::ReadingRow,
    (known, card): (Option<&Known>, &Card),
) -> Result<Outcome, Error> {
    // It stands for means that reach substantial.
    if card.loa < Level::Substantial {
        return Ok(Outcome::Refused(Why::Refused(Refusal::TypeNotAccepted)));
    }
    if known.is_some_and(|known| known.is_blocked) {
        return Ok(Outcome::Refused(Why::Blocked));
    }
    let account = match known {
        Some(known) => whole(&mut app.read().await?, app, &known.account).await?.ok_or(Why::NobodysAccount),
        None => of_same_person(app, card).await?,
    };
    let account = match account {
        Ok(account) => account,
        Err(why) => return Ok(Outcome::Refused(why)),
    };
    if account.status == Status::Locked {
        return Ok(Outcome::Refused(Why::Locked));
    }
    let mut work = app.begin(Actor::Visitor).await?;
    work.request.clone_from(&came.request);
    account::hold(&mut work, &account.id).await?;
    if !store::take(&mut work, came.browser, &row.sealed).await? {
        return Ok(Outcome::Refused(Why::Gone));
    }
    if let Some(known) = known {
        card::note_use(&mut work, &known.id).await?;
    }
    attempts::forgive(&mut work, attempts::of_assertion(app, came.browser, came.network)).await?;
    reset::begin_with_card(app, &mut work, (came.browser, came.device), &account).await?;
    work.commit().await?;
    Ok(Outcome::Recovers)
}

/// The account, unless it is being erased.
async fn whole(tx: &mut Tx, app: &AppParts, id: &AccountId) -> Result<Option<Account>, Error> {
    match account::load(tx, &app.vault, id).await {
        Ok(account) => Ok(Some(account)),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The one account whose owner is known, by evidence, to be who the card says.
async fn of_same_person(app: &AppParts, card: &Card) -> Result<Result<Account, Why>, Error> {
    let shown = shown(card);
    let value = |name| shown.iter().find(|(known, _)| *known == name).and_then(|(_, value)| value.as_deref());
    let mut tx = app.read().await?;
    let mut found = Vec::new();
    for id in identity::find(&mut tx, &app.vault, value).await? {
        found.extend(whole(&mut tx, app, &id).await?.filter(|account| is_same_person(account, card)));
    }
    Ok(match (found.pop(), found.is_empty()) {
        (None, _) => Err(Why::NobodysAccount),
        (Some(account), true) => Ok(account),
        (Some(_), false) => Err(Why::SeveralAccounts),
    })
}

/// Whether evidence has said all of it before. Doctorates are earned and nationalities change; nobody is born anew. Two people may
/// have one name and one birthday, so an account whose owner's place of birth nobody has seen is found by none of them.
fn is_same_person(account: &Account, card: &Card) -> bool {
    let stays = |name: AttributeName| match name.group() {
        Group::Identity => true,
        Group::Document => !matches!(name, AttributeName::AcademicTitle | AttributeName::Nationality),
        _ => false,
    };
    let differs = differences(account, &shown(card)).iter().any(|one| stays(one.name));
    let place = account.attributes.get(&AttributeName::BirthPlace);
    let is_proven = place.is_some_and(|one| one.level > Level::Basic) && account.identity_level() > Level::Basic;
    is_proven && !differs
}
