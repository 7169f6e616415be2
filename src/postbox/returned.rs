//! Telling somebody whose absence is over, once, on whatever node, that notices lie in their own postbox which nobody has opened. By day, and
//! nothing of what they are.

use super::reader::Reader;
use super::store;
use crate::account::absence;
use crate::account::address::{self, Correspondent};
use crate::app::AppParts;
use crate::kernel::calendar::next_reminder;
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::level::Level;
use crate::kernel::time::Timestamp;
use crate::notice::{self, Kind, Notice};
use crate::store::work::{Actor, Work};

/// So many absences are found at a time, and so often in one round of the job.
const ROUND: i64 = 200;
const ROUNDS: usize = 50;

/// The job. One that fails is tried again in the next round and stands in nobody's way; what was missed by day waits for the morning.
pub async fn tend(app: &AppParts) -> Result<(), Error> {
    let (now, mut outcome) = (app.now(), Ok(()));
    if next_reminder(now) > now {
        return Ok(());
    }
    let (mut at, mut id) = (Timestamp::from_milliseconds(i64::MIN), String::new());
    for _ in 0..ROUNDS {
        let found = absence::due(&mut app.read().await?, now, (at, &id), ROUND).await?;
        let is_last = (found.len() as i64) < ROUND;
        for row in found {
            outcome = outcome.and(look(app, &row.account_id).await);
            (at, id) = (row.look_at, row.account_id.to_string());
        }
        if is_last {
            break;
        }
    }
    outcome
}

async fn look(app: &AppParts, account: &AccountId) -> Result<(), Error> {
    let mut work = app.begin(Actor::System("postbox")).await?;
    if !absence::take(&mut work, account).await? {
        return Ok(());
    }
    // Not where nobody can look into the postbox.
    if store::takes_notices(&mut work.tx, account.as_str()).await?
        && Reader::own(account, Level::Basic).unread(&mut work.tx).await? > 0
    {
        let to = address::correspondent(&mut work.tx, &app.vault, account).await?;
        write(app, &mut work, &to).await?;
    }
    work.commit().await
}

async fn write(app: &AppParts, work: &mut Work, to: &Correspondent) -> Result<(), Error> {
    let (language, texts) = (to.language, &to.language.texts().mail);
    let body =
        texts.postbox_reminder_body.with("issuer", &app.config.issuer).with("what", &texts.postbox_reminder_back);
    let (to, subject) = (to.address.as_str(), &texts.postbox_reminder_subject);
    let notice = Notice { kind: Kind::PostboxReminder, to, language, subject, body };
    notice::send(work, &app.vault, &app.config.issuer, notice).await
}
