//! Limits on trying: counters by purpose and by who or where, counted before the try, exact on all nodes.

use std::net::IpAddr;
use std::time::Duration;

use super::store;
use crate::account::email::EmailAddress;
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::seal::Vault;
use crate::kernel::time::{days, hours, minutes};
use crate::store::work::Work;

/// What is limited.
#[derive(Clone, Copy)]
pub enum Purpose {
    SigninAccount,
    SigninNetwork,
    MailHour,
    MailDay,
    RegistrationNetwork,
    CheckCodeNetwork,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::SigninAccount => "signin-account",
            Self::SigninNetwork => "signin-network",
            Self::MailHour => "mail-hour",
            Self::MailDay => "mail-day",
            Self::RegistrationNetwork => "registration-network",
            Self::CheckCodeNetwork => "check-code-network",
        }
    }

    const fn window(self) -> Duration {
        match self {
            Self::SigninAccount | Self::SigninNetwork | Self::CheckCodeNetwork => minutes(15),
            Self::MailHour | Self::RegistrationNetwork => hours(1),
            Self::MailDay => days(1),
        }
    }
}

/// One counter: what, whose, and how many are allowed in its window.
#[derive(Clone, Copy)]
pub struct Counter {
    pub purpose: Purpose,
    key: [u8; 32],
    pub allowed: i64,
}

impl Counter {
    /// `who` is anything that names the account or place; only its keyed hash is stored.
    pub fn new(vault: &Vault, purpose: Purpose, who: &str, allowed: i64) -> Self {
        Self { purpose, key: vault.index(purpose.name(), who), allowed }
    }
}

/// Counts one more try. `Err(TooMany)` names the end of the window; the count stays counted if the caller
/// commits, which it should.
pub async fn count(work: &mut Work, counter: Counter) -> Result<(), Error> {
    let until = work.now.plus(counter.purpose.window());
    let row = store::count_attempt(work, counter.purpose.name(), &counter.key, until).await?;
    if row.count > counter.allowed { Err(Error::TooMany(row.expires_at)) } else { Ok(()) }
}

/// Takes a try back that turned out to be right.
pub async fn forgive(work: &mut Work, counter: Counter) -> Result<(), Error> {
    Ok(store::forgive_attempt(work, counter.purpose.name(), &counter.key).await?)
}

/// Counts a mail that a stranger causes: by network, and by address per hour and per day. `Ok(false)` is
/// beyond an address's limit: send nothing, answer the same; the code of the last mail stays good.
pub async fn count_mail(app: &AppParts, work: &mut Work, network: &str, email: &EmailAddress) -> Result<bool, Error> {
    let limits = &app.config.limits;
    let counter = |purpose, who: &str, allowed| Counter::new(&app.vault, purpose, who, allowed);
    count(work, counter(Purpose::RegistrationNetwork, network, limits.registrations_per_network)).await?;
    let hour = count(work, counter(Purpose::MailHour, email.compared(), limits.mails_per_hour)).await;
    let day = count(work, counter(Purpose::MailDay, email.compared(), limits.mails_per_day)).await;
    match hour.and(day) {
        Err(Error::TooMany(_)) => Ok(false),
        counted => counted.map(|()| true),
    }
}

/// The network an address belongs to, as far as one subscriber reaches: a whole IPv4 address, the first 64
/// bits of an IPv6 one.
pub fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn one_subscriber_is_one_network() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
