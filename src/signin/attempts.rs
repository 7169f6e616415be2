//! Limits on trying: counters by purpose and by who or where, counted before the try, exact on all nodes. Every try counts in three.

use std::net::IpAddr;
use std::time::Duration;

use super::device::Device;
use super::store;
use crate::account::email::EmailAddress;
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::seal::Vault;
use crate::kernel::secret::hex;
use crate::kernel::time::{Timestamp, days, hours, minutes};
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

/// Tries at a code of six digits in a window of fifteen minutes (OWASP ASVS V6.6.3).
const CODES_ALLOWED: i64 = 5;
/// How often in a day a way back may begin for an account.
const RECOVERIES_ALLOWED: i64 = 3;
/// Organisations that one person may register in a day.
const ORGANISATIONS_ALLOWED: i64 = 10;
/// Entries of registers that one person may ask for in a day.
const ENTRIES_ALLOWED: i64 = 30;
/// Organisations of others that one person may claim in a day.
const CLAIMS_ALLOWED: i64 = 5;

/// Fetches from one private address of a calendar in fifteen minutes.
const FETCHES_ALLOWED: i64 = 60;

/// What is limited. The order is the one in which rows are locked, the same everywhere.
#[derive(Clone, Copy)]
pub enum Purpose {
    SigninAccount,
    CodeOwner,
    CheckCodeNetwork,
    DeviceCode,
    /// Codes of generators and recovery codes, on whatever page.
    SecondFactor,
    /// Ways back that begin.
    Recovery,
    /// Mails that somebody has guessed at codes.
    GuessingTold,
    PasskeyBrowser,
    PasskeyNetwork,
    PasskeyRange,
    LinkedBrowser,
    LinkedNetwork,
    LinkedRange,
    /// Codes of cases at a registration desk.
    DeskOfficer,
    DeskOffice,
    DeskNetwork,
    /// Comparisons of a document with an account that somebody wants back into.
    DeskComparison,
    /// Codes from a registration desk.
    DeskRelease,
    /// Organisations that somebody registers.
    OrganisationNew,
    /// Entries and numbers of which somebody learns whether there is an account.
    OrganisationLookup,
    /// Entries that somebody has compared with the register.
    OrganisationCheck,
    /// Organisations of others that somebody says are theirs.
    OrganisationClaim,
    SigninNetwork,
    SigninRange,
    MailNetwork,
    MailHour,
    MailDay,
    /// Fetches of the days of a postbox from a private address.
    CalendarAddress,
    CalendarNetwork,
    CalendarRange,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::SigninAccount => "signin-account",
            Self::CodeOwner => "code-owner",
            Self::CheckCodeNetwork => "check-code-network",
            Self::DeviceCode => "device-code",
            Self::SecondFactor => "second-factor",
            Self::Recovery => "recovery",
            Self::GuessingTold => "guessing-told",
            Self::PasskeyBrowser => "passkey-browser",
            Self::PasskeyNetwork => "passkey-network",
            Self::PasskeyRange => "passkey-range",
            Self::LinkedBrowser => "linked-browser",
            Self::LinkedNetwork => "linked-network",
            Self::LinkedRange => "linked-range",
            Self::DeskOfficer => "desk-officer",
            Self::DeskOffice => "desk-office",
            Self::DeskNetwork => "desk-network",
            Self::DeskComparison => "desk-comparison",
            Self::DeskRelease => "desk-release",
            Self::OrganisationNew => "organisation-new",
            Self::OrganisationLookup => "organisation-lookup",
            Self::OrganisationCheck => "organisation-check",
            Self::OrganisationClaim => "organisation-claim",
            Self::SigninNetwork => "signin-network",
            Self::SigninRange => "signin-range",
            Self::MailNetwork => "mail-network",
            Self::MailHour => "mail-hour",
            Self::MailDay => "mail-day",
            Self::CalendarAddress => "calendar-address",
            Self::CalendarNetwork => "calendar-network",
            Self::CalendarRange => "calendar-range",
        }
    }

    const fn window(self) -> Duration {
        match self {
            Self::MailHour | Self::MailNetwork => hours(1),
            Self::MailDay | Self::Recovery | Self::GuessingTold | Self::DeskComparison => days(1),
            Self::OrganisationNew | Self::OrganisationLookup | Self::OrganisationCheck | Self::OrganisationClaim => {
                days(1)
            }
            _ => minutes(15),
        }
    }

    /// The first delay after too many tries, which then grows to fifteen times; `None` waits for the window's end.
    const fn first_delay(self) -> Option<Duration> {
        match self {
            Self::SigninAccount => Some(minutes(1)),
            _ => None,
        }
    }
}

/// One counter: what, whose, and how many are allowed in its window.
#[derive(Clone, Copy)]
pub struct Counter {
    pub purpose: Purpose,
    key: [u8; 32],
    allowed: i64,
}

impl Counter {
    /// `who` is anything that names the account or place; only its keyed hash is stored.
    pub fn new(vault: &Vault, purpose: Purpose, who: &str, allowed: i64) -> Self {
        Self { purpose, key: vault.index(purpose.name(), who), allowed }
    }

    fn row(self, now: Timestamp) -> store::AttemptRow {
        let expires_at = now.plus(self.purpose.window());
        let delay = self.purpose.first_delay();
        let blocked_until = delay.map_or(expires_at, |delay| now.plus(delay));
        store::AttemptRow {
            purpose: self.purpose.name(),
            key: self.key,
            allowed: self.allowed,
            delay_milliseconds: delay.map_or(0, |delay| delay.as_millis() as i64),
            blocked_until: if self.allowed > 1 { Timestamp::from_seconds(0) } else { blocked_until },
            expires_at,
        }
    }
}

/// The counters of a try at something secret: whose it is, and where the try comes from. A known device has a lane of its
/// own: what others do to the account, or from the same network, does not stop it.
pub fn of_try(app: &AppParts, purpose: Purpose, who: &str, network: &Network, device: Option<&Device>) -> [Counter; 3] {
    let lane = device.map_or_else(String::new, |device| format!("\0{}", device.token()));
    let limits = &app.config.limits;
    let counter = |purpose, who: &str, allowed| Counter::new(&app.vault, purpose, who, allowed);
    let allowed = match purpose {
        Purpose::CheckCodeNetwork => limits.attempts_per_network,
        Purpose::SecondFactor => CODES_ALLOWED,
        Purpose::Recovery => RECOVERIES_ALLOWED,
        Purpose::OrganisationNew => ORGANISATIONS_ALLOWED,
        Purpose::OrganisationLookup | Purpose::OrganisationCheck => ENTRIES_ALLOWED,
        Purpose::OrganisationClaim => CLAIMS_ALLOWED,
        _ => limits.attempts_per_account,
    };
    [
        counter(purpose, &format!("{who}{lane}"), allowed),
        counter(
            Purpose::SigninNetwork,
            if lane.is_empty() { &network.subscriber } else { &lane },
            limits.attempts_per_network,
        ),
        counter(Purpose::SigninRange, if lane.is_empty() { &network.range } else { &lane }, limits.attempts_per_range),
    ]
}

/// The counters of a try with a passkey. Not by account, and none that passwords count in: nobody shuts an owner out who has
/// the key in hand.
pub fn of_assertion(app: &AppParts, browser: &[u8], network: &Network) -> [Counter; 3] {
    let purposes = [Purpose::PasskeyBrowser, Purpose::PasskeyNetwork, Purpose::PasskeyRange];
    of_place(app, purposes, (browser, network))
}

/// The counters of a try with an account of another provider, which is asked each time. By where it comes from: whose it would
/// be is known only afterwards.
pub fn of_linked(app: &AppParts, browser: &[u8], network: &Network) -> [Counter; 3] {
    let purposes = [Purpose::LinkedBrowser, Purpose::LinkedNetwork, Purpose::LinkedRange];
    of_place(app, purposes, (browser, network))
}

/// The counters of a fetch from the private address of a calendar. Who knows an address is counted by that alone, because some fetch for
/// many from one network; who knows none, by where they come from.
pub fn of_calendar(app: &AppParts, known: Option<&str>, network: &Network) -> [Counter; 3] {
    let (limits, known) = (&app.config.limits, known.unwrap_or_default());
    let counter = |purpose, place: &str, allowed| {
        let who = if known.is_empty() { place } else { known };
        Counter::new(&app.vault, purpose, who, allowed)
    };
    [
        counter(Purpose::CalendarAddress, &network.subscriber, FETCHES_ALLOWED),
        counter(Purpose::CalendarNetwork, &network.subscriber, limits.attempts_per_network),
        counter(Purpose::CalendarRange, &network.range, limits.attempts_per_range),
    ]
}

fn of_place(app: &AppParts, purposes: [Purpose; 3], (browser, network): (&[u8], &Network)) -> [Counter; 3] {
    let (limits, [one, two, three]) = (&app.config.limits, purposes);
    let counter = |purpose, who: &str, allowed| Counter::new(&app.vault, purpose, who, allowed);
    [
        counter(one, &hex(browser), limits.attempts_per_account),
        counter(two, &network.subscriber, limits.attempts_per_network),
        counter(three, &network.range, limits.attempts_per_range),
    ]
}

/// Counts one more try in all three, in one statement. `Err(TooMany)` names when the next try is allowed; a try
/// that was refused is not counted, so that nobody prolongs what another has to wait. What was counted stays
/// counted if the caller commits, which it should.
pub async fn count(work: &mut Work, counters: [Counter; 3]) -> Result<(), Error> {
    let refused = store::count_attempts(work, &counters.map(|counter| counter.row(work.now))).await?;
    refused.into_iter().map(|(_, until)| until).max().map_or(Ok(()), |until| Err(Error::TooMany(until)))
}

/// As [`count`], in a transaction of its own: counted before anything is compared, whatever comes of it.
pub async fn count_at_once(app: &AppParts, counters: [Counter; 3]) -> Result<(), Error> {
    let mut work = app.single(Actor::Visitor).await?;
    count(&mut work, counters).await?;
    work.commit().await
}

/// `Err(TooMany)` as [`count`] would say it, and counts nothing: for tries that count only if they fail.
pub async fn check(tx: &mut Tx, counters: [Counter; 3], now: Timestamp) -> Result<(), Error> {
    let until = store::blocked_until(tx, &counters.map(|counter| counter.row(now)), now).await?;
    until.map_or(Ok(()), |until| Err(Error::TooMany(until)))
}

/// Whether nothing more is tried until the counter's window ends.
pub async fn is_used_up(work: &mut Work, counter: Counter) -> Result<bool, Error> {
    let row = counter.row(work.now);
    Ok(store::is_blocked(work, (row.purpose, &row.key)).await?)
}

/// Whether it is the first of its kind in a window. What somebody is told of then is told once.
pub async fn is_first(app: &AppParts, work: &mut Work, purpose: Purpose, who: &str) -> Result<bool, Error> {
    let row = Counter::new(&app.vault, purpose, who, 1).row(work.now);
    Ok(store::begin_window(work, &row).await?)
}

/// Takes a try back that turned out to be right. Of the account nothing remains counted.
pub async fn forgive(work: &mut Work, counters: [Counter; 3]) -> Result<(), Error> {
    Ok(store::forgive_attempts(work, &counters.map(|counter| counter.row(work.now))).await?)
}

/// Counts a mail that a stranger causes: by network, and by address per hour and per day. `Ok(false)` is
/// beyond an address's limit: send nothing, answer the same; the code of the last mail stays good.
pub async fn count_mail(
    app: &AppParts,
    work: &mut Work,
    network: &Network,
    email: &EmailAddress,
) -> Result<bool, Error> {
    let limits = &app.config.limits;
    let counter = |purpose, who: &str, allowed| Counter::new(&app.vault, purpose, who, allowed);
    let counters = [
        counter(Purpose::MailNetwork, &network.subscriber, limits.mails_per_network),
        counter(Purpose::MailHour, email.compared(), limits.mails_per_hour),
        counter(Purpose::MailDay, email.compared(), limits.mails_per_day),
    ];
    let refused = store::count_attempts(work, &counters.map(|counter| counter.row(work.now))).await?;
    match refused.iter().find(|(purpose, _)| purpose == Purpose::MailNetwork.name()) {
        Some((_, until)) => Err(Error::TooMany(*until)),
        None => Ok(refused.is_empty()),
    }
}

/// Where a request comes from, as counters know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// As far as one subscriber reaches: a whole IPv4 address, the first 64 bits of an IPv6 one.
    pub subscriber: String,
    /// As far as one who rents many addresses reaches: 24 bits of IPv4, 48 of IPv6.
    pub range: String,
}

impl Network {
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Self { subscriber: address.to_string(), range: format!("{a}.{b}.{c}.0/24") }
            }
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self { subscriber: format!("{a:x}:{b:x}:{c:x}:{d:x}::/64"), range: format!("{a:x}:{b:x}:{c:x}::/48") }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn one_subscriber_is_one_network() {
        let of = |text: &str| Network::of(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::1"));
        assert_ne!(of("2001:db8:1:2::1").subscriber, of("2001:db8:1:3::1").subscriber);
        assert_eq!(of("2001:db8:1:2::1").range, of("2001:db8:1:3::1").range);
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_eq!(of("192.0.2.1").range, of("192.0.2.200").range);
    }
}
