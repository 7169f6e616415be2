//! Accounts that nobody uses: their owner is told, and two months later they are erased.

use super::{DataEvent, Why, leaving};
use crate::account;
use crate::account::lifecycle::{self, USE_FRESH, Unused};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::calendar::months_after;
use crate::kernel::error::Error;
use crate::kernel::texts::moment;
use crate::kernel::time::{Timestamp, days};
use crate::notice::Kind;
use crate::signin::change::tell;
use crate::store::work::Actor;

/// When an unused account ends, and since when that rule holds.
pub struct InactivityRule {
    pub valid_from: Timestamp,
    /// Months without use until its owner is told.
    pub notice_months: u32,
    /// Months without use until it is erased.
    pub erasure_months: u32,
    /// Where the rule comes from.
    pub source: &'static str,
}

/// The rule table. A new rule is a new row with its date; old rows stay.
pub const INACTIVITY: [InactivityRule; 1] = [InactivityRule {
    valid_from: Timestamp::from_seconds(1_767_225_600),
    notice_months: 22,
    erasure_months: 24,
    source: "§ 8 Abs. 7 OZG: erasure after two years without use, electronic notice two months before",
}];

/// Accounts taken up in one round of the job.
const ROUND: i64 = 100;

impl InactivityRule {
    /// The rule in force; none before the first.
    fn at(now: Timestamp) -> Option<&'static Self> {
        INACTIVITY.iter().filter(|rule| rule.valid_from <= now).max_by_key(|rule| rule.valid_from)
    }

    /// From the notice to the erasure.
    const fn months_between(&self) -> u32 {
        self.erasure_months - self.notice_months
    }

    fn notice_due_at(&self, unused: &Unused) -> Timestamp {
        months_after(last_use(unused), self.notice_months)
    }

    /// Never sooner after the notice than the law says, however late that was.
    fn erasure_due_at(&self, unused: &Unused, told_at: Timestamp) -> Timestamp {
        months_after(last_use(unused), self.erasure_months).max(months_after(told_at, self.months_between()))
    }
}

/// The latest moment at which the account may have been used: that is written down once a day.
fn last_use(unused: &Unused) -> Timestamp {
    unused.used_at.plus(USE_FRESH)
}

/// Nothing that ends later than `now` began after this.
fn surely_before(now: Timestamp, months: u32) -> Timestamp {
    now.minus(days(u64::from(months) * 28))
}

/// The job: tells owners, and erases what was not used after that.
pub async fn tend(app: &AppParts) -> Result<(), Error> {
    let now = app.now();
    let Some(rule) = InactivityRule::at(now) else { return Ok(()) };
    let (told_before, used_before) = (surely_before(now, rule.months_between()), |months| surely_before(now, months));
    let mut tx = app.read().await?;
    let untold = lifecycle::unused(&mut tx, used_before(rule.notice_months), None, ROUND).await?;
    let told = lifecycle::unused(&mut tx, used_before(rule.erasure_months), Some(told_before), ROUND).await?;
    drop(tx);
    // One that fails is tried again in the next round and stands in nobody's way.
    let mut outcome = Ok(());
    for unused in untold.iter().filter(|unused| rule.notice_due_at(unused) <= now) {
        outcome = outcome.and(tell_owner(app, rule, unused).await);
    }
    for unused in &told {
        if unused.inactivity_told_at.is_some_and(|told_at| rule.erasure_due_at(unused, told_at) <= now) {
            outcome = outcome.and(erase(app, unused).await);
        }
    }
    outcome
}

async fn tell_owner(app: &AppParts, rule: &InactivityRule, unused: &Unused) -> Result<(), Error> {
    let mut work = app.begin(Actor::System("inactivity")).await?;
    if !lifecycle::note_told(&mut work, unused).await? {
        return Ok(());
    }
    let account = account::load(&mut work.tx, &app.vault, &unused.id).await?;
    let erase_at = rule.erasure_due_at(unused, work.now);
    audit::record(&mut work, &DataEvent::ToldUnused { account: unused.id.clone(), erase_at }).await?;
    let date = moment::date(account.language, erase_at);
    tell(app, &mut work, &account, Kind::AccountUnused, |texts| {
        (&texts.mail.account_unused_subject, texts.mail.account_unused_body.with("date", &date))
    })
    .await?;
    work.commit().await
}

async fn erase(app: &AppParts, unused: &Unused) -> Result<(), Error> {
    let mut work = app.begin(Actor::System("inactivity")).await?;
    if !lifecycle::is_still_unused(&mut work, unused).await? {
        return Ok(());
    }
    leaving::erase(app, &mut work, &unused.id, Why::Unused).await?;
    work.commit().await
}
