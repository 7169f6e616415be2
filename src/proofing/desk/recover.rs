//! An officer helps somebody back in. The document has to say the same as what is proven about the account, the whole minimum
//! data set of it (BSI TR-03160-1); a name that has changed since needs another proof than a document.
//!
//! Anybody gets a slip for anybody's address, an officer, too. So the officer is shown no data of the account, only whether what
//! they have typed is the same, and a few comparisons in a day are all that an account bears.

use super::check::Check;
use super::confirm::keep_first;
use super::look::{Look, look};
use super::open::{NETWORK_TRIES, OFFICER_TRIES, begin};
use super::{DeskEvent, Outcome, Purpose, State, place, seal, store};
use crate::account::{self, Account, AttributeName, Group};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::kernel::level::Level;
use crate::kernel::secret::Secret;
use crate::kernel::time::Timestamp;
use crate::proofing::comparison;
use crate::proofing::office::{FourEyes, Office, Officer};
use crate::signin::attempts::{self, Counter, Network};
use crate::signin::recovery::release;

/// Comparisons that an account bears in a day, whoever makes them.
const COMPARISONS: i64 = 5;

/// What is compared, as far as it is proven.
const MINIMUM: [AttributeName; 4] =
    [AttributeName::GivenNames, AttributeName::FamilyName, AttributeName::BirthDate, AttributeName::BirthPlace];

/// What one line of the comparison comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Same,
    Differs,
    /// It is proven, and nothing was typed.
    Missing,
}

/// What a check leads to where somebody wants back in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    pub verdicts: Vec<(AttributeName, Verdict)>,
    pub four_eyes: bool,
}

impl Comparison {
    pub fn is_same(&self) -> bool {
        !self.verdicts.is_empty() && self.verdicts.iter().all(|(_, verdict)| *verdict == Verdict::Same)
    }

    /// Pure.
    pub fn of(check: &Check, account: &Account, office: &Office) -> Self {
        let verdict = |name: AttributeName| {
            let proven = account.attributes.get(&name).filter(|one| one.level > Level::Basic);
            let shown = check.shown.iter().find(|(known, _)| *known == name).and_then(|(_, value)| value.as_ref());
            match (proven, shown) {
                (Some(proven), Some(shown)) if comparison::is_written_alike(&proven.value, shown) => {
                    Some(Verdict::Same)
                }
                (Some(_), Some(_)) => Some(Verdict::Differs),
                (Some(_), None) => Some(Verdict::Missing),
                // What nobody has proven is no answer; nor is a second name where one alone is proven.
                (None, Some(_)) if name.group() == Group::Identity => Some(Verdict::Differs),
                (None, _) => None,
            }
        };
        let is_high = account.identity_level() >= Level::High;
        let wants_four_eyes = |rule: &FourEyes| match rule {
            FourEyes::Always | FourEyes::Recovery => true,
            FourEyes::High => is_high,
            // There are none where an account is released.
            FourEyes::Differences => false,
        };
        Self {
            verdicts: MINIMUM.into_iter().filter_map(|name| Some((name, verdict(name)?))).collect(),
            four_eyes: office.four_eyes.iter().any(wants_four_eyes),
        }
    }
}

/// Compares. It counts before anything is compared, and no more where it was the same.
pub async fn compare(
    app: &AppParts,
    officer: &Officer,
    look: &Look,
    (check, network): (&Check, &Network),
) -> Result<Comparison, Error> {
    let counters = counters(app, officer, look, network);
    attempts::count_at_once(app, counters).await?;
    let found = Comparison::of(check, &look.account, &look.office);
    if found.is_same() {
        let mut work = begin(app, officer).await?;
        attempts::forgive(&mut work, counters).await?;
        work.commit().await?;
    }
    Ok(found)
}

fn counters(app: &AppParts, officer: &Officer, look: &Look, network: &Network) -> [Counter; 3] {
    let counter = |purpose, who: &str, allowed| Counter::new(&app.vault, purpose, who, allowed);
    [
        counter(attempts::Purpose::DeskOfficer, officer.account.as_str(), OFFICER_TRIES),
        counter(attempts::Purpose::DeskNetwork, &network.subscriber, NETWORK_TRIES),
        counter(attempts::Purpose::DeskComparison, look.account.id.as_str(), COMPARISONS),
    ]
}

/// What has become of it.
pub enum Recovered {
    /// The code for paper, and until when it sets a new password.
    Released(Secret<String>, Timestamp),
    /// A second officer of the same office has to confirm it.
    WaitsForSecond,
}

/// Releases the account, or keeps what the first of four eyes has seen; the second confirms that. In one transaction: the role,
/// the case, the comparison with the account as it is now, the release, the event, the mails.
pub async fn confirm(
    app: &AppParts,
    officer: &Officer,
    id: &str,
    (check, network): (&Check, &Network),
) -> Result<Recovered, Error> {
    let seen = look(&mut app.read().await?, app, officer, id).await?;
    if seen.first.is_none() {
        compare(app, officer, &seen, (check, network)).await?;
    }
    let mut work = begin(app, officer).await?;
    let look = look(&mut work.tx, app, officer, id).await?;
    let Some(id) = look.id.as_ref().filter(|_| look.purpose == Purpose::Recovery) else {
        return Err(Error::Conflict("case"));
    };
    if look.state != State::Waiting || look.is_own_first {
        return Err(Error::Conflict("case"));
    }
    let check = look.first.as_ref().unwrap_or(check);
    if check.seen != look.account.attribute_version {
        return Err(Error::Conflict("attributes"));
    }
    let found = Comparison::of(check, &look.account, &look.office);
    if !found.is_same() {
        return Err(Error::NotAllowed("the document is of somebody else, or nothing is proven"));
    }
    officer.still_at(&mut work, &look.office.id).await?;
    if found.four_eyes && look.first.is_none() {
        keep_first(app, work, officer, (&look, id), check).await?;
        return Ok(Recovered::WaitsForSecond);
    }
    let first: Option<AccountId> = store::find(&mut work.tx, id).await?.and_then(|row| row.checked_by);
    let first = first.filter(|_| look.first.is_some());
    let (owner, office) = (&look.account, &look.office);
    let key = account::key(&mut work.tx, &app.vault, &owner.id).await?;
    let outcome = Outcome { level: None, refusal: None, note: String::new() };
    let sealed = seal(&key, place("outcome", id), &outcome, &work)?;
    if !store::end(&mut work, id, &officer.session, (State::Confirmed, &sealed)).await? {
        return Err(Error::Conflict("case"));
    }
    let event = DeskEvent::RecoveryConfirmed { account: owner.id.clone(), office: office.name.de.clone(), first };
    audit::record(&mut work, &event).await?;
    let (code, until) = release::grant(app, &mut work, owner, office.name(owner.language)).await?;
    work.commit().await?;
    Ok(Recovered::Released(code, until))
}
