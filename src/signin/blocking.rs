//! Blocking what one signs in with, because it may be in other hands. It needs nothing but somebody who is signed in, however
//! weakly; ending it needs a session as strong as the means, and the means itself (BSI TR-03160-1). It stays registered meanwhile, so
//! that nothing that was proven is lost.

use super::change::{Person, tell};
use super::generator::{self, Generator};
use super::{SigninEvent, attempts, means, store};
use crate::account::Account;
use crate::app::AppParts;
use crate::assurance::Policy;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::MeansId;
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::texts::moment;
use crate::notice::Kind;
use crate::store::work::Work;

/// Blocks a passkey, a code generator, an identity card or a linked account. `NotFound` if the account has none such that counts.
pub async fn block(app: &AppParts, person: Person<'_>, (id, kind): (&MeansId, MeansKind)) -> Result<(), Error> {
    if !person.session.is_fresh(app.now()) {
        person.confirm(app).await?;
    }
    let account = person.account;
    let mut work = person.begin(app).await?;
    let is_blocked = match kind {
        MeansKind::AppCode | MeansKind::DeviceCode => store::block_generator(&mut work, &account.id, id).await?,
        MeansKind::Eid => store::block_card(&mut work, &account.id, id).await?,
        MeansKind::LinkedAccount => store::block_linked(&mut work, &account.id, id).await?,
        _ => store::block_passkey(&mut work, &account.id, id).await?,
    };
    if !is_blocked {
        return Err(Error::NotFound);
    }
    means::keep_way_in(&mut work, &account.id).await?;
    audit::record(&mut work, &SigninEvent::MeansBlocked { account: account.id.clone(), means: kind }).await?;
    let at = moment::date_and_clock(account.language, work.now);
    tell(app, &mut work, account, Kind::MeansBlocked, |texts| {
        let t = &texts.mail;
        // A card is not unblocked: it is removed, and connected anew by reading it.
        let (subject, body) = match kind {
            MeansKind::Eid => (&t.card_blocked_subject, &t.card_blocked_body),
            _ => (&t.means_blocked_subject, &t.means_blocked_body),
        };
        (subject, body.with("time", &at))
    })
    .await?;
    work.commit().await
}

/// Records that a block has ended, and tells the owner.
pub async fn record_unblocked(app: &AppParts, work: &mut Work, owner: &Account, kind: MeansKind) -> Result<(), Error> {
    audit::record(work, &SigninEvent::MeansUnblocked { account: owner.id.clone(), means: kind }).await?;
    let at = moment::date_and_clock(owner.language, work.now);
    tell(app, work, owner, Kind::MeansUnblocked, |texts| {
        (&texts.mail.means_unblocked_subject, texts.mail.means_unblocked_body.with("time", &at))
    })
    .await
}

/// Whether a session of that strength may unblock it.
pub fn may_unblock(app: &AppParts, generator: &Generator, strength: Level) -> bool {
    Policy::of(&app.config).may_unblock(&generator.means(), strength, app.now())
}

/// Ends the block of a code generator with a code of it.
pub async fn unblock(app: &AppParts, person: Person<'_>, one: &Generator, typed: &str) -> Result<(), Error> {
    if !may_unblock(app, one, person.session.strength(app.now())) {
        return Err(Error::NotAllowed("the session is weaker than what it would unblock"));
    }
    let counters = generator::count(app, &person.account.id, (person.network, None)).await?;
    let step = one.step(typed, app.now()).ok_or_else(|| Error::field("code", "app_code_wrong"))?;
    let mut work = person.begin(app).await?;
    if !store::unblock_generator(&mut work, &person.account.id, &one.id, step).await? {
        return Err(Error::field("code", "app_code_wrong"));
    }
    record_unblocked(app, &mut work, person.account, one.kind).await?;
    attempts::forgive(&mut work, counters).await?;
    work.commit().await
}
