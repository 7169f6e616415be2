//! Organisations that are there already, and people who belong to them.

use nutzerkonto::app::AppParts;
use nutzerkonto::kernel::id::{AccountId, MembershipId, OrganisationId};
use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::Timestamp;
use nutzerkonto::organisation::member::{self, Grant, Inside, Right};
use nutzerkonto::organisation::record::{Address, LegalForm};
use nutzerkonto::organisation::{self, Record, change};
use nutzerkonto::store::work::Actor;

use super::browser::{Answer, Browser};
use super::world::World;

pub const NADINE: &str = "nadine@example.org";

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
        path.replace("{id}", self.id.as_str()).replace("{member}", member).replace("{area}", area)
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

fn record(name: &str) -> Record {
    let address = Address { street: "Marktplatz 1".into(), postal_code: "55116".into(), locality: "Mainz".into() };
    Record {
        name: name.to_owned(),
        form: LegalForm::Gmbh,
        register: None,
        seat: "Mainz".to_owned(),
        business_address: address,
        administrative_address: None,
        economic_id: None,
    }
}

pub fn right(text: &str) -> Right {
    let (kind, object) = text.split_once(':').unwrap();
    Right::parse(kind, object).unwrap_or_else(|| panic!("{text} is no right"))
}

impl World {
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
        let opened = organisation::open_new(&mut work, &app.vault, &record(name), (whose.0, &whose.1)).await;
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
        change::give(&self.app, inside, to, &grants).await.unwrap();
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
