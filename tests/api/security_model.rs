//! Attack row B03: random walks over every step, in every order, with right and wrong inputs, beside a model that
//! knows what each step needs. No path leads to an account, a password, a session or a code that the model does
//! not allow.
//!
//! A failure prints the seed of its walk and the steps that led there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use futures_util::stream::{self, StreamExt as _};

use crate::both;
use crate::support::browser::{Answer, PASSWORD};
use crate::support::dice::Dice;
use crate::support::surface::two_services;
use crate::support::{Browser, Service, World};
use nutzerkonto::account::{self, email::EmailAddress};
use nutzerkonto::demo::people;
use nutzerkonto::sql;

const STEPS: usize = 40;
/// So many walks at once, because each often waits for a mail.
const AT_ONCE: usize = 8;

/// A mailed code of this browser: five tries, and then it is worth nothing.
#[derive(Debug, Default)]
pub struct Code {
    pub right: Option<String>,
    pub tries: u32,
    pub confirmed: bool,
}

impl Code {
    pub fn new(right: Option<String>) -> Self {
        Self { right, ..Self::default() }
    }

    /// Whether typing this leads on. Once confirmed, the question is not asked again.
    pub fn accepts(&mut self, typed: &str) -> bool {
        if !typed.is_empty() && !self.confirmed {
            self.tries += 1;
            self.confirmed = self.tries <= 5 && self.right.as_deref() == Some(typed);
        }
        self.confirmed && !typed.is_empty()
    }
}

/// A registration of this browser, as far as it has really come.
#[derive(Debug, Default)]
pub struct Registration {
    pub email: String,
    pub code: Code,
    pub named: bool,
    pub password: Option<String>,
    pub kept: bool,
}

#[derive(Debug, Default)]
pub struct Reset {
    pub email: String,
    pub code: Code,
}

#[derive(Debug, Default)]
pub struct Model {
    pub registration: Option<Registration>,
    pub reset: Option<Reset>,
    /// Address and password of every account of this walk.
    pub accounts: BTreeMap<String, String>,
    pub signed_in: Option<String>,
    pub consented: BTreeSet<String>,
    /// The waiting authorization request, as in `?vorgang=...`.
    pub flow: Option<String>,
}

pub struct Walker<'a> {
    pub world: &'a World,
    pub parken: &'a Service,
    pub seed: u64,
    pub dice: Dice,
    pub browser: Browser,
    pub other: Browser,
    pub own: String,
    pub victim: String,
    pub model: Model,
    /// Every address of this walk, as the database finds it.
    pub addresses: Vec<(String, [u8; 32])>,
    pub hashes: BTreeMap<String, String>,
    /// Codes that were right for something else: another browser, another purpose, an earlier time.
    pub stray: Vec<String>,
    pub number: u32,
    pub trace: Vec<String>,
}

#[derive(sqlx::FromRow)]
struct AccountRow {
    blind_index: Vec<u8>,
    hash: Option<String>,
}

impl Walker<'_> {
    pub fn assert(&self, holds: bool, what: impl Debug) {
        assert!(holds, "seed {}: {what:?}\n{:#?}\n{}", self.seed, self.model, self.trace.join("\n"));
    }

    /// The step went on if and only if the model allows it.
    pub fn assert_outcome(&self, answer: &Answer, went_on: bool, allowed: bool) {
        self.assert(went_on == allowed, (answer.status, answer.location(), "allowed", allowed));
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let session = self.browser.cookies.get("nk_s").cloned();
        let answer = self.browser.post(path, fields).await;
        if self.browser.cookies.get("nk_s").cloned() != session {
            // Forms belong to a session: whoever has a new one sees a page before the next form.
            let page = if self.browser.cookies.contains_key("nk_s") { "/profil" } else { "/anmelden" };
            self.browser.get(page).await;
        }
        self.trace.push(format!("POST {path} {fields:?} -> {} {}", answer.status, answer.location()));
        self.assert(answer.status < 500, answer.status);
        answer
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let answer = self.browser.get(path).await;
        self.trace.push(format!("GET {path} -> {} {}", answer.status, answer.location()));
        self.assert(answer.status < 500, answer.status);
        answer
    }

    pub fn flow(&self) -> String {
        self.model.flow.as_ref().map_or_else(String::new, |id| format!("?vorgang={id}"))
    }

    /// The code in the next mail that has one.
    pub async fn mailed_code(&self, email: &str) -> String {
        loop {
            let mail = self.world.mail_to(email).await;
            let code = mail.body.split(|letter: char| !letter.is_ascii_digit()).find(|part| part.len() == 6);
            if let Some(code) = code {
                return code.to_owned();
            }
        }
    }

    async fn step(&mut self) {
        let willing = self.dice.percent(70);
        match if self.dice.percent(60) { self.sensible() } else { self.dice.below(17) } {
            0 => {
                let email = self.some_address();
                self.begin_registration(&email).await;
            }
            1 => self.registration_code(willing).await,
            2 => self.name(willing).await,
            3 => self.registration_password(willing).await,
            4 => self.keep(willing).await,
            5 => self.finish().await,
            6 => {
                let email = self.some_address();
                self.begin_reset(&email).await;
            }
            7 => self.reset_code(willing).await,
            8 => self.reset_password(willing).await,
            9 => self.sign_in(willing).await,
            10 => self.authorize().await,
            11 => self.consent(willing).await,
            12 => self.resume().await,
            13 => self.cancel().await,
            14 => self.disconnect().await,
            15 if self.dice.percent(40) => self.sign_out().await,
            15 => self.elsewhere().await,
            _ => self.look_around().await,
        }
    }

    /// A step that gets somewhere, so that walks come to the end of things.
    fn sensible(&mut self) -> usize {
        let registration = match &self.model.registration {
            None => 0,
            Some(one) if !one.code.confirmed => 1,
            Some(one) if !one.named => 2,
            Some(one) if one.password.is_none() => 3,
            Some(one) if !one.kept => 4,
            Some(_) => 5,
        };
        let reset = match &self.model.reset {
            None => 6,
            Some(one) if !one.code.confirmed => 7,
            Some(_) => 8,
        };
        let flow = match (&self.model.signed_in, &self.model.flow) {
            (None, _) => 9,
            (Some(_), None) => 10,
            (Some(_), Some(_)) => 11 + self.dice.below(2),
        };
        [registration, registration, reset, flow][self.dice.below(4)]
    }

    /// What must hold after every step, whatever it was.
    async fn check(&mut self, before: Option<String>) {
        let mut tx = self.world.app.read().await.unwrap();
        let [one, two, three] = std::array::from_fn(|place| self.addresses[place].1.to_vec());
        let rows = sql!(
            &mut tx,
            fetch_all AccountRow,
            "SELECT email_address.blind_index, password.hash FROM email_address
               JOIN account ON account.id = email_address.account_id
               LEFT JOIN password ON password.account_id = account.id
              WHERE email_address.blind_index IN ($1, $2, $3)",
            one,
            two,
            three
        );
        let mut hashes = BTreeMap::new();
        for row in rows.unwrap() {
            let (email, _) = self.addresses.iter().find(|(_, index)| index[..] == row.blind_index[..]).unwrap();
            self.assert(row.hash.is_some(), ("an account without a password", email));
            hashes.insert(email.clone(), row.hash.unwrap_or_default());
        }
        self.assert(hashes.keys().eq(self.model.accounts.keys()), ("accounts", hashes.keys()));
        for (email, hash) in &hashes {
            let known = self.hashes.get(email).is_some_and(|known| known == hash);
            let last = self.trace.last().map_or("", String::as_str);
            let allowed = ["POST /wieder-anmelden/passwort", "POST /registrieren/pruefen"]
                .iter()
                .any(|act| last.starts_with(act));
            self.assert(known || (allowed && last.contains("-> 303")), ("password", email));
        }
        self.hashes = hashes;
        let session = self.browser.cookies.get("nk_s").cloned();
        let last = self.trace.last().map_or("", String::as_str);
        let begins = ["POST /anmelden", "POST /registrieren/pruefen"].iter().any(|act| last.starts_with(act));
        self.assert(session.is_none() || session == before || (begins && last.contains("-> 303")), "session");
    }
}

/// What a walk has achieved, so that all of them together are not idle.
#[derive(Debug, Default, PartialEq)]
struct Harvest {
    registered: usize,
    reset: usize,
    consented: usize,
}

async fn walk(world: &World, parken: &Service, seed: u64) -> Harvest {
    let (own, victim) = (format!("neu-{seed}@example.org"), format!("konto-{seed}@example.org"));
    let mut model = Model::default();
    model.accounts.insert(victim.clone(), PASSWORD.to_owned());
    let (browser, other) = (world.browser(), world.browser());
    let index = |email: String| {
        let address = EmailAddress::parse(&email).unwrap();
        (email, account::index(&world.app.vault, &address))
    };
    let addresses = [own.clone(), victim.clone(), format!("fremd-{seed}@example.org")].map(index).to_vec();
    let trace = vec!["POST /registrieren/pruefen -> 303 (before the walk)".to_owned()];
    let (dice, hashes, stray, number) = (Dice(seed), BTreeMap::new(), Vec::new(), 0);
    let mut walker = Walker {
        world,
        parken,
        seed,
        dice,
        browser,
        other,
        own,
        victim,
        model,
        addresses,
        hashes,
        stray,
        number,
        trace,
    };
    walker.check(None).await;
    walker.get("/anmelden").await;
    for _ in 0..STEPS {
        let session = walker.browser.cookies.get("nk_s").cloned();
        walker.step().await;
        walker.check(session).await;
    }
    let accounts = &walker.model.accounts;
    let reset = usize::from(accounts[&walker.victim] != PASSWORD);
    Harvest { registered: accounts.len() - 1, reset, consented: walker.model.consented.len() }
}

async fn walks(mut world: World, count: u64) {
    let raise = |config: &mut nutzerkonto::config::Config| {
        let limits = &mut config.limits;
        (limits.attempts_per_account, limits.attempts_per_network) = (1_000_000, 1_000_000);
        (limits.mails_per_hour, limits.mails_per_day) = (1_000_000, 1_000_000);
        (limits.attempts_per_range, limits.mails_per_network) = (1_000_000, 1_000_000);
    };
    world.restart(raise).await;
    people::seed(&world.app, count, false).await.unwrap();
    let [parken, _] = two_services(&world).await;
    let harvests = stream::iter(0..count).map(|seed| walk(&world, &parken, seed)).buffer_unordered(AT_ONCE);
    let sum = |sum: Harvest, one: Harvest| Harvest {
        registered: sum.registered + one.registered,
        reset: sum.reset + one.reset,
        consented: sum.consented + one.consented,
    };
    let total = harvests.fold(Harvest::default(), async |total, one| sum(total, one)).await;
    let least = count as usize / 10;
    assert!(
        total.registered > least && total.reset > least && total.consented > least,
        "the walks get nowhere: {total:?}"
    );
}

both!(sec_b03_no_order_of_steps_leads_astray, async |world| {
    // PostgreSQL has the same code above the same statements: a sample is enough there.
    let count = if world.database.url.starts_with("sqlite:") { 300 } else { 60 };
    walks(world, count).await;
});
