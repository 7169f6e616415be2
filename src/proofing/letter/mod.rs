//! A letter with a code to the registered address: ordered by the person, printed by the operator's mail house, and once its
//! code is typed, proof that post reaches them there. It raises the address and nothing else.

pub mod page;
pub mod print;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::store::letter as store;
use crate::account::evidence::{self, Finding, Record};
use crate::account::{self, Account, AttributeName, Source};
use crate::app::AppParts;
use crate::assurance::Policy;
use crate::audit::{self, Event};
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, LetterId};
use crate::kernel::level::Level;
use crate::kernel::seal::{DataKey, Place};
use crate::kernel::secret::{Secret, equal};
use crate::kernel::texts::moment;
use crate::kernel::time::{Timestamp, days};
use crate::notice::{self, Kind, Notice, normalise};
use crate::signin::attempts::{self, Counter, Network, Purpose};
use crate::signin::means;
use crate::store::db::Tx;
use crate::store::outbox;
use crate::store::work::Work;

/// Letters of an account within [`COUNTED`].
const LETTERS_MAX: i64 = 3;
pub const COUNTED: Duration = days(90);
const TRIES_MAX: i64 = 5;
/// 50 bits.
const CODE_LENGTH: usize = 10;
/// The most that a letter proves of an address (BSI TR-03107-1: two ways of delivery).
const MOST: Level = Level::Substantial;

/// What the address is made of.
const NAMES: [AttributeName; 5] = [
    AttributeName::StreetAddress,
    AttributeName::PostalCode,
    AttributeName::Locality,
    AttributeName::Region,
    AttributeName::Country,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum State {
    /// Ordered, and its code is good.
    UnderWay,
    Redeemed,
    /// Too late, too many wrong tries, or the address has changed.
    Void,
}

/// An address as a letter was ordered to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address(Vec<(AttributeName, String)>);

impl Address {
    /// The account's, if it is complete and in Germany: mail houses deliver there.
    pub fn of(account: &Account) -> Option<Self> {
        let value = |name: AttributeName| account.value(name).map(|value| (name, value.to_owned()));
        let address: Vec<_> = NAMES.into_iter().filter_map(value).collect();
        let has = |name| address.iter().any(|(known, _)| *known == name);
        let needed = [AttributeName::StreetAddress, AttributeName::PostalCode, AttributeName::Locality];
        let is_home = account.value(AttributeName::Country).is_none_or(|country| country == "DE");
        (needed.into_iter().all(has) && is_home).then_some(Self(address))
    }

    fn value(&self, name: AttributeName) -> &str {
        self.0.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// As it stands on an envelope, below the name.
    pub fn lines(&self) -> Vec<String> {
        let street = self.value(AttributeName::StreetAddress).lines().map(str::to_owned);
        let place = format!("{} {}", self.value(AttributeName::PostalCode), self.value(AttributeName::Locality));
        street.chain([place]).collect()
    }
}

/// The newest letter of an account as its owner sees it.
pub struct Letter {
    pub id: LetterId,
    pub state: State,
    pub address: Address,
    pub ordered_at: Timestamp,
    pub expires_at: Timestamp,
}

impl Letter {
    /// Whether its code would count now.
    pub fn is_good(&self, account: &Account, now: Timestamp) -> bool {
        self.state == State::UnderWay && self.expires_at > now && Address::of(account).as_ref() == Some(&self.address)
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum LetterEvent {
    Ordered {
        #[serde(skip)]
        account: AccountId,
    },
    Refused {
        #[serde(skip)]
        account: AccountId,
    },
    Redeemed {
        #[serde(skip)]
        account: AccountId,
        level: Level,
    },
}

impl Event for LetterEvent {
    fn kind(&self) -> &'static str {
        match self {
            Self::Ordered { .. } => "letter.ordered",
            Self::Refused { .. } => "letter.refused",
            Self::Redeemed { .. } => "letter.redeemed",
        }
    }

    fn subject(&self) -> Option<String> {
        let (Self::Ordered { account } | Self::Refused { account } | Self::Redeemed { account, .. }) = self;
        Some(account.to_string())
    }
}

fn place(id: &LetterId) -> Place<'_> {
    Place { table: "letter", column: "address", row: id.as_str(), version: 1 }
}

fn stored_form(app: &AppParts, id: &LetterId, code: &str) -> [u8; 32] {
    app.vault.code("letter", &format!("{id}\0{code}"))
}

fn open(key: &DataKey, row: store::LetterRow) -> Result<Letter, Error> {
    let plain = key.open(place(&row.id), &row.address).map_err(Error::broken)?;
    let address = serde_json::from_slice(plain.expose()).map_err(Error::broken)?;
    let store::LetterRow { id, state, ordered_at, expires_at, .. } = row;
    Ok(Letter { id, state, address, ordered_at, expires_at })
}

/// The newest letter of an account.
pub async fn newest(tx: &mut Tx, app: &AppParts, account: &AccountId) -> Result<Option<Letter>, Error> {
    let Some(row) = store::newest(tx, account).await? else { return Ok(None) };
    let key = account::key(tx, &app.vault, account).await?;
    open(&key, row).map(Some)
}

/// Whether this program sends letters at all.
pub fn is_offered(app: &AppParts) -> bool {
    app.config.letter.directory.is_some()
}

/// What the print job says, sealed in the outbox.
#[derive(Serialize, Deserialize)]
struct Job {
    id: LetterId,
    name: String,
    address: Address,
    code: String,
    language: crate::kernel::texts::Language,
    ordered_at: Timestamp,
    expires_at: Timestamp,
}

/// The outbox kind of a letter.
pub const PRINT: &str = "letter.print";

/// Orders a letter. One may be on its way at a time, and three in ninety days. A code that is on its way to another address
/// than the present one is void.
pub async fn order(app: &AppParts, mut work: Work, account: &Account) -> Result<(), Error> {
    if !is_offered(app) {
        return Err(Error::NotFound);
    }
    let address = Address::of(account).ok_or_else(|| Error::field("bestellen", "address_incomplete"))?;
    if let Some(known) = newest(&mut work.tx, app, &account.id).await?
        && known.state == State::UnderWay
        && !known.is_good(account, work.now)
    {
        store::end(&mut work, &known.id, State::Void).await?;
    }
    let since = work.now.minus(COUNTED);
    if store::count_since(&mut work.tx, &account.id, since).await? >= LETTERS_MAX {
        return Err(Error::field("bestellen", "letters_enough"));
    }
    let (id, code) = (LetterId::new(work.now, &work.random), work.random.letters(CODE_LENGTH));
    let key = account::key(&mut work.tx, &app.vault, &account.id).await?;
    let plain = serde_json::to_vec(&address).map_err(Error::broken)?;
    let sealed = key.seal(place(&id), &plain, &work.random).map_err(Error::broken)?;
    let expires_at = work.now.plus(days(app.config.letter.lifetime_days));
    let hash = stored_form(app, &id, code.expose());
    if !store::insert(&mut work, (&id, &account.id), (&hash, &sealed), expires_at).await? {
        return Err(Error::field("bestellen", "letter_under_way"));
    }
    let (name, language, ordered_at) = (account.full_name(), account.language, work.now);
    let code = code.expose().clone();
    let job = Job { id, name, address, code, language, ordered_at, expires_at };
    let payload = Secret::new(serde_json::to_vec(&job).map_err(Error::broken)?);
    outbox::put(&mut work, &app.vault, PRINT, payload.expose()).await?;
    audit::record(&mut work, &LetterEvent::Ordered { account: account.id.clone() }).await?;
    tell(app, &mut work, account, Told::Ordered).await?;
    work.commit().await
}

/// What became of a code.
#[derive(Debug, PartialEq, Eq)]
pub enum Redeemed {
    /// The address has this level now.
    Right(Level),
    /// Wrong, expired, used, tried too often, or for another address: the answer is the same.
    Wrong,
}

/// Redeems the code of a letter. Each try counts before anything is compared; refusals are committed.
pub async fn redeem(
    app: &AppParts,
    account: &Account,
    (typed, network): (&str, &Network),
    request: &str,
) -> Result<Redeemed, Error> {
    let Some(code) = normalise(typed, CODE_LENGTH) else { return Ok(Redeemed::Wrong) };
    let counters = counters(app, account, network);
    attempts::count_at_once(app, counters).await?;
    let mut work = account::begin(app, &account.id, Some(request)).await?;
    let tried = store::try_code(&mut work, &account.id, TRIES_MAX).await?;
    let right = tried.filter(|row| equal(&row.code_hash, &stored_form(app, &row.id, &code)));
    let key = account::key(&mut work.tx, &app.vault, &account.id).await?;
    let now_known = account::load(&mut work.tx, &app.vault, &account.id).await?;
    let letter = right.map(|row| open(&key, row)).transpose()?;
    let Some(letter) = letter.filter(|letter| letter.is_good(&now_known, work.now)) else {
        audit::record(&mut work, &LetterEvent::Refused { account: account.id.clone() }).await?;
        work.commit().await?;
        return Ok(Redeemed::Wrong);
    };
    if !store::end(&mut work, &letter.id, State::Redeemed).await? {
        return Ok(Redeemed::Wrong);
    }
    let means = means::list(&mut work.tx, &account.id).await?;
    let level = Policy::of(&app.config).maximum(&means, work.now).min(MOST);
    let values = letter.address.0.into_iter().map(|(name, value)| (name, Some(value))).collect();
    let finding = Finding { source: Source::Letter, level, record: Record::default(), values };
    evidence::record(&mut work, &app.vault, &account.id, &finding, now_known.attribute_version).await?;
    audit::record(&mut work, &LetterEvent::Redeemed { account: account.id.clone(), level }).await?;
    tell(app, &mut work, account, Told::Redeemed(level)).await?;
    attempts::forgive(&mut work, counters).await?;
    work.commit().await?;
    Ok(Redeemed::Right(level))
}

fn counters(app: &AppParts, account: &Account, network: &Network) -> [Counter; 3] {
    attempts::of_try(app, Purpose::CodeOwner, &format!("letter {}", account.id), network, None)
}

enum Told {
    Ordered,
    Redeemed(Level),
}

async fn tell(app: &AppParts, work: &mut Work, account: &Account, what: Told) -> Result<(), Error> {
    let (language, t) = (account.language, account.language.texts());
    let at = moment::date_and_clock(language, work.now);
    let (kind, subject, body) = match what {
        Told::Ordered => (Kind::LetterOrdered, &t.mail.letter_ordered_subject, t.mail.letter_ordered_body.clone()),
        Told::Redeemed(level) => {
            let body = t.mail.letter_redeemed_body.with("level", level.label(t));
            (Kind::LetterRedeemed, &t.mail.letter_redeemed_subject, body)
        }
    };
    let issuer = &app.config.issuer;
    let body = body.with("time", at).with("issuer", issuer).with("contact", &app.config.operator.contact);
    let notice = Notice { kind, to: account.email.address.as_str(), language, subject, body };
    notice::send(work, &app.vault, issuer, notice).await
}

/// Removes the letters of an account. A file that waits for the mail house goes with the next clean-up.
pub async fn forget(work: &mut Work, account: &AccountId) -> Result<(), Error> {
    Ok(store::delete_of(work, account).await?)
}
