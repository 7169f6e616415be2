//! Companies and the people who register them.

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use nutzerkonto::account;
use nutzerkonto::app::AppParts;
use nutzerkonto::config::Config;
use nutzerkonto::demo::company_register;
use nutzerkonto::kernel::id::{AccountId, MembershipId, OrganisationId};
use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::Timestamp;
use nutzerkonto::organisation::member::{self, Grant, Inside, Right};
use nutzerkonto::organisation::record::{Address, Entry, LegalForm, RegisterKind};
use nutzerkonto::organisation::{self, Record, State, granting};
use nutzerkonto::store::work::Actor;

use super::browser::{Answer, Browser};
use super::pdf;
use super::surface::MANDATE;
use super::world::World;

pub const NADINE: &str = "nadine@example.org";

/// What a bakery in Mainz says of itself, with this number in the register.
pub fn bakery(number: &str) -> Record {
    Record {
        name: "Bäckerei Weber GmbH".to_owned(),
        form: LegalForm::Gmbh,
        register: Some(Entry { kind: RegisterKind::Hrb, court: "Mainz".to_owned(), number: number.to_owned() }),
        seat: "Mainz".to_owned(),
        business_address: Address {
            street: "Große Bleiche 7".to_owned(),
            postal_code: "55116".to_owned(),
            locality: "Mainz".to_owned(),
        },
        administrative_address: None,
        economic_id: None,
    }
}

/// An association that stands in no register.
pub fn club(name: &str) -> Record {
    Record { name: name.to_owned(), form: LegalForm::Association, register: None, ..bakery("") }
}

/// An organisation and who has founded it.
pub struct Firm {
    pub id: OrganisationId,
    pub founder: AccountId,
    /// The founder's membership.
    pub membership: String,
}

impl Firm {
    /// A page of it.
    pub fn path(&self, rest: &str) -> String {
        format!("/organisation/{}/{rest}", self.id)
    }

    /// A path of the route table with its places filled.
    pub fn fill(&self, path: &str, member: &str, area: &str) -> String {
        let path = path.replace("/organisation/parken", &format!("/organisation/{}", self.id));
        path.replace("{id}", self.id.as_str())
            .replace("{member}", member)
            .replace("{area}", area)
            .replace("{dienst}", "parken")
            .replace("{konto}", "muk")
            .replace("{vollmacht}", MANDATE)
    }

    /// Adds an area; its id.
    pub async fn adds_area(&self, browser: &mut Browser, name: &str) -> String {
        browser.get(&self.path("bereiche")).await;
        let added = browser.post(&self.path("bereiche"), &[("aktion", "anlegen"), ("name", name)]).await;
        assert_eq!(added.status, 303, "{added:?}");
        let page = browser.get(&self.path("bereiche")).await.body;
        let (before, _) = page.rsplit_once(&format!(">{name}</a>")).unwrap_or_else(|| panic!("no {name}: {page}"));
        let id = before.rsplit_once("/bereiche/").unwrap().1.trim_end_matches('"');
        id.to_owned()
    }

    /// Sends a form of a page that has been looked at.
    pub async fn sends(&self, browser: &mut Browser, rest: &str, fields: &[(&str, &str)]) -> Answer {
        browser.get(&self.path(rest)).await;
        browser.post(&self.path(rest), fields).await
    }
}

pub fn right(text: &str) -> Right {
    let (kind, object) = text.split_once(':').unwrap();
    Right::parse(kind, object).unwrap_or_else(|| panic!("{text} is no right"))
}

/// What people type on the pages, one after the other.
pub const NAME: [(&str, &str); 2] = [("name", "Bäckerei Weber GmbH"), ("rechtsform", "gmbh")];
pub const ENTRY: [(&str, &str); 3] =
    [("register", "HRB"), ("registergericht", "Amtsgericht Mainz"), ("nummer", "HRB 1234")];
pub const PLACES: [(&str, &str); 4] =
    [("sitz", "Mainz"), ("strasse", "Große Bleiche 7"), ("plz", "55116"), ("ort", "Mainz")];

impl Browser {
    /// Describes an organisation up to the last page, which comes back.
    pub async fn describes(&mut self, name: &[(&str, &str)], entry: &[(&str, &str)], number: &str) -> Answer {
        self.get("/organisation/neu").await;
        let steps: [(&str, &[(&str, &str)]); 4] = [
            ("/organisation/neu", name),
            ("/organisation/neu/register", entry),
            ("/organisation/neu/anschrift", &PLACES),
            ("/organisation/neu/nummer", &[("widnr", number)]),
        ];
        for (path, fields) in steps {
            let answer = self.post(path, fields).await;
            if answer.status != 303 {
                return answer;
            }
        }
        self.get("/organisation/neu/pruefen").await
    }

    /// Registers the bakery with this number from the first page to the last; what came back.
    pub async fn registers_bakery(&mut self, number: &str) -> Answer {
        let entry = [ENTRY[0], ENTRY[1], ("nummer", number)];
        self.describes(&NAME, &entry, "").await;
        self.post("/organisation/neu/pruefen", &[]).await
    }
}

/// The path of the organisation to which an answer leads.
pub fn path(answer: &Answer) -> String {
    let path = answer.location().split('?').next().unwrap_or_default();
    assert!(path.starts_with("/organisation/org_"), "{answer:?}");
    path.to_owned()
}

/// The letters to organisations that wait for the mail house, as text, as soon as there are so many.
pub async fn letters(directory: &PathBuf, count: usize) -> Vec<String> {
    for _ in 0..400 {
        let all = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        let is_letter = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.starts_with("olt_") && name.ends_with(".pdf")
        };
        let mut found: Vec<PathBuf> = all.filter(is_letter).collect();
        if found.len() >= count {
            found.sort();
            return found.iter().map(|file| pdf::text(&std::fs::read(file).unwrap())).collect();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no {count} letters came");
}

/// The code that is printed: letters and digits in two groups, of this many in all.
pub fn code(letter: &str, length: usize) -> String {
    let all: Vec<char> = letter.chars().collect();
    let is_code = |word: &String| {
        word.chars().nth(length / 2) == Some('-')
            && word.chars().filter(|sign| *sign == '-').count() == 1
            && word.chars().all(|sign| sign.is_ascii_uppercase() || sign.is_ascii_digit() || sign == '-')
    };
    let found = all.windows(length + 1).map(|window| window.iter().collect::<String>()).find(is_code);
    found.unwrap_or_else(|| panic!("no code: {letter}"))
}

impl World {
    /// The same world where letters are sent; the directory.
    pub async fn mail_house(&mut self) -> PathBuf {
        let directory = self.database.directory.join("briefe");
        let there = directory.clone();
        let change = move |config: &mut Config| {
            config.letter.directory = Some(there);
            config.letter.sender = "Stadt Musterhausen, Marktplatz 1, 55116 Musterhausen".to_owned();
        };
        self.restart(change).await;
        directory
    }

    /// The same world where the simulated register can be asked.
    pub async fn company_register(&mut self) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        company_register::start(listener).unwrap();
        self.register_at(&address).await;
    }

    /// The same world where a register stands, or does not stand, at this address.
    pub async fn register_at(&mut self, address: &str) {
        let address = address.to_owned();
        let change = move |config: &mut Config| {
            config.organisation.register_uri = Some(address);
            config.organisation.register_timeout_seconds = 1;
            config.outbound.allowed_hosts = vec!["localhost".to_owned()];
        };
        self.restart(change).await;
    }

    /// Somebody who may represent: known at substantial, signed in with a passkey.
    pub async fn representative(&self, email: &str, names: [&str; 2]) -> Browser {
        self.somebody(email, names, Level::Substantial).await.0
    }

    /// An organisation of somebody who has an account: they administrate and represent it.
    pub async fn organisation(&self, founder: &str, record: &Record) -> OrganisationId {
        let id = self.account(founder).await;
        let name = account::load(&mut self.app.read().await.unwrap(), &self.app.vault, &id).await.unwrap().full_name();
        let mut work = self.app.begin(Actor::Account(id.clone())).await.unwrap();
        let opened = organisation::open_new(&mut work, &self.app.vault, record, (&id, &name)).await.unwrap();
        work.commit().await.unwrap();
        opened.0
    }

    /// Nadine Weber, signed in at substantial, and her bakery.
    pub async fn nadine_with_bakery(&self) -> (Browser, OrganisationId) {
        let nadine = self.representative(NADINE, ["Nadine", "Weber"]).await;
        let bakery = self.organisation(NADINE, &bakery("1234")).await;
        (nadine, bakery)
    }

    /// Puts an organisation into a state, whatever it takes to get there.
    pub async fn organisation_is(&self, id: &OrganisationId, state: State) {
        let name = serde_json::to_value(state).unwrap();
        let gone = if state == State::Closed {
            ", key_wrapped = NULL, register_index = NULL, economic_index = NULL"
        } else {
            ""
        };
        let until = if state == State::Closing { 4_000_000_000_000_i64.to_string() } else { "NULL".to_owned() };
        let name = name.as_str().unwrap();
        self.change(&format!("UPDATE organisation SET state = '{name}', erase_at = {until}{gone} WHERE id = '{id}'"))
            .await;
    }

    /// Nadine, signed in at substantial, and her bakery.
    pub async fn bakery(&self) -> (Browser, Firm) {
        let (browser, _) = self.somebody(NADINE, ["Nadine", "Weber"], Level::Substantial).await;
        (browser, self.firm(NADINE, "Bäckerei Weber").await)
    }

    /// An organisation that somebody has founded who has an account.
    pub async fn firm(&self, founder: &str, name: &str) -> Firm {
        let (app, founder): (&AppParts, _) = (&self.app, self.account(founder).await);
        let mut work = app.begin(Actor::Account(founder.clone())).await.unwrap();
        let account = nutzerkonto::account::load(&mut work.tx, &app.vault, &founder).await.unwrap();
        let whose = (&founder, account.full_name());
        let opened = organisation::open_new(&mut work, &app.vault, &club(name), (whose.0, &whose.1)).await;
        let (id, membership) = opened.unwrap();
        work.commit().await.unwrap();
        Firm { id, founder, membership: membership.to_string() }
    }

    /// Lets somebody with an account join, with these rights; the membership.
    pub async fn joins(&self, firm: &Firm, email: &str, rights: &[&str]) -> String {
        let (app, account) = (&self.app, self.account(email).await);
        let mut work = app.begin(Actor::System("test")).await.unwrap();
        organisation::hold(&mut work, &firm.id).await.unwrap();
        let key = organisation::key(&mut work.tx, &app.vault, &firm.id).await.unwrap();
        let name = nutzerkonto::account::load(&mut work.tx, &app.vault, &account).await.unwrap().full_name();
        let id = member::insert(&mut work, &key, &firm.id, (&account, &name)).await.unwrap();
        work.commit().await.unwrap();
        if !rights.is_empty() {
            self.gives(firm, &id, rights).await;
        }
        id.to_string()
    }

    /// The founder gives rights.
    pub async fn gives(&self, firm: &Firm, to: &MembershipId, rights: &[&str]) {
        let grant = |text: &&str| Grant { right: right(text), from: self.app.now(), until: None };
        let grants: Vec<Grant> = rights.iter().map(grant).collect();
        let inside = Inside { organisation: &firm.id, account: &firm.founder, request: "test" };
        granting::give(&self.app, inside, to, &grants).await.unwrap();
    }

    /// So many people who belong to it and nothing more.
    pub async fn crowd(&self, firm: &Firm, count: usize) {
        let accounts: Vec<String> = (0..count).map(|number| format!("acc_{number:026}")).collect();
        let values: Vec<String> = accounts.iter().map(|id| format!("('{id}', 'active', 'de', 1)")).collect();
        self.change(&format!("INSERT INTO account (id, status, language, created_at) VALUES {}", values.join(", ")))
            .await;
        let mut work = self.app.begin(Actor::System("test")).await.unwrap();
        let key = organisation::key(&mut work.tx, &self.app.vault, &firm.id).await.unwrap();
        for (number, id) in accounts.iter().enumerate() {
            // Who joins in one millisecond has no order.
            work.now = Timestamp::from_milliseconds(work.now.milliseconds() + 1);
            let account = AccountId::parse(id).unwrap();
            member::insert(&mut work, &key, &firm.id, (&account, &format!("Person {number}"))).await.unwrap();
        }
        work.commit().await.unwrap();
    }

    /// The names of the current rights of a membership, as the database has them.
    pub async fn rights_of(&self, membership: &str) -> Vec<String> {
        let query = "SELECT kind || ':' || object FROM membership_right WHERE membership_id = ";
        let mut rights = self.texts(&format!("{query}'{membership}'")).await;
        rights.sort();
        rights
    }

    /// The link of the next invitation to an address, as a path.
    pub async fn invitation_to(&self, address: &str) -> String {
        let mail = self.mail_about(address, "Einladung").await;
        let (_, rest) = mail.body.split_once("/einladung/").unwrap_or_else(|| panic!("no link: {}", mail.body));
        format!("/einladung/{}", rest.split_whitespace().next().unwrap())
    }
}
