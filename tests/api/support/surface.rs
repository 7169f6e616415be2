//! Every URL there is, from the route table, and a person in the middle of everything they can do.

use nutzerkonto::routes::{self, Guard};

use super::browser::{Answer, Browser};
use super::organisation::{ENTRY, Firm, NAME};
use super::safe::DOCUMENT;
use super::service::{Service, vorgang};
use super::world::World;

/// One row of the table with its places filled.
#[derive(Clone, Debug)]
pub struct Url {
    pub method: &'static str,
    pub path: String,
    pub guard: Guard,
}

/// A mandate that nobody has.
pub const MANDATE: &str = "mdt_00000000000000000000000000";

/// A notice that nobody has.
pub const NOTICE: &str = "msg_00000000000000000000000000";

/// A file that nobody has sent.
const ATTACHMENT: &str = "att_00000000000000000000000000";
/// A reply that nobody has sent.
pub const REPLY: &str = "rep_00000000000000000000000000";

pub fn urls() -> Vec<Url> {
    let fill = |path: &str| {
        let path = path.replace("{id}", "parken").replace("{language}", "en").replace("{file}", "favicon.svg");
        path.replace("{code}", &"A".repeat(43))
            .replace("{dienst}", "parken")
            .replace("{vollmacht}", MANDATE)
            .replace("{konto}", "muk")
            .replace("{nachricht}", NOTICE)
            .replace("{anlage}", ATTACHMENT)
            .replace("{antwort}", REPLY)
            .replace("{dokument}", DOCUMENT)
            .replace("{version}", "1")
            .replace("{geheimnis}", &"A".repeat(43))
    };
    let url = |row: routes::Row| Url { method: row.method, path: fill(row.path), guard: row.guard };
    routes::table(false).into_iter().map(url).collect()
}

/// The forms of our own pages: what may only be sent by them. Not that of somebody who has left: nobody is that and
/// signed in; its own story tries it. Nor those of a registration desk, which are refused to Renate whatever she sends, nor of
/// an organisation, which is not there for her.
pub fn own_forms() -> Vec<Url> {
    let others = [Guard::Protocol, Guard::Leaving, Guard::Officer, Guard::Member];
    let is_own = |url: &Url| url.method == "POST" && !others.contains(&url.guard);
    urls().into_iter().filter(is_own).collect()
}

/// The forms of a registration desk, for an officer who has this case open.
fn officer_forms(case: &str) -> Vec<Url> {
    let of_officers = urls().into_iter().filter(|url| url.method == "POST" && url.guard == Guard::Officer);
    let exercise = "/amt/organisation/uebung";
    let fill = |path: &str| path.replace("/amt/vorgang/parken", case).replace("/amt/organisation/parken", exercise);
    of_officers.map(|url| Url { path: fill(&url.path), ..url }).collect()
}

/// The forms of an organisation, for somebody who is in charge of it.
fn member_forms(firm: &Firm, member: &str, area: &str) -> Vec<Url> {
    let of_members = urls().into_iter().filter(|url| url.method == "POST" && url.guard == Guard::Member);
    of_members.map(|url| Url { path: firm.fill(&url.path, member, area), ..url }).collect()
}

/// The page without the one script of ours: whatever else runs was put there by somebody.
pub fn without_own_script(page: &str) -> String {
    page.replace("<script src=\"/static/passkey.", "<")
}

pub const EMAIL: &str = "renate@example.org";

/// Fields that every form of ours takes something from.
pub fn fields(code: &str) -> Vec<(&'static str, String)> {
    [
        ("email", "andere@example.org"),
        ("password", "tisch-wolke-gondel-24"),
        ("code", code),
        ("given_names", "Anna"),
        ("family_name", "Beispiel"),
        ("birth_day", "1"),
        ("birth_month", "2"),
        ("birth_year", "1970"),
        ("kept", "ja"),
        ("antwort", "ja"),
        ("dauer", "30"),
        ("sprache", "en"),
        ("stand", "1"),
        ("nickname", "Nina"),
        ("amt", "musterhausen"),
        ("grund", "not_free"),
        ("notiz", "Bitte mit Ausweis"),
        ("gericht", "Amtsgericht Mainz"),
        ("vertretene", code),
        ("name", "Bäckerei Huber GmbH"),
        ("nummer", "HRB 77"),
        ("begruendung", "Ich vertrete diese Bäckerei seit 2019."),
        ("wahl", "ich"),
        ("recht", "audit:"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

impl Browser {
    /// Asks for the code that begins a registration, and reads it.
    pub async fn registration_code(&mut self, world: &World, email: &str) -> String {
        self.get("/registrieren/email").await;
        self.post("/registrieren/email", &[("email", email)]).await;
        world.code_for(email).await
    }

    /// Asks for the code that resets a password, and reads it.
    pub async fn reset_code(&mut self, world: &World, email: &str) -> String {
        self.get("/wieder-anmelden/email").await;
        self.post("/wieder-anmelden/email", &[("email", email)]).await;
        world.code_for(email).await
    }

    /// A form as it is, with nothing added.
    pub async fn post_exactly(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.request(reqwest::Method::POST, path).form(fields);
        self.send(request).await
    }
}

/// Renate, signed in and connected with "parken", who is about to consent to "bibliothek", has confirmed the
/// code for a new password, and begins to register another address.
pub struct Busy {
    pub browser: Browser,
    /// `?vorgang=...` of the waiting request.
    pub flow: String,
    /// The code that the registration waits for.
    pub code: String,
}

pub async fn two_services(world: &World) -> [Service; 2] {
    two_services_with(world, "").await
}

/// The same with these lines in their declarations.
pub async fn two_services_with(world: &World, extra: &str) -> [Service; 2] {
    let services = [Service::new("parken"), Service::new("bibliothek")];
    world.clients(&services.iter().map(|service| service.declaration(extra)).collect::<String>()).await;
    services
}

pub async fn busy_renate(world: &World) -> Busy {
    let [parken, bibliothek] = two_services(world).await;
    let mut browser = world.browser();
    browser.register(world, EMAIL, ["Renate", "Muster"]).await;
    parken.code(&mut browser, &[]).await;
    let reset = browser.reset_code(world, EMAIL).await;
    browser.post("/wieder-anmelden/code", &[("code", &reset)]).await;
    let code = browser.registration_code(world, "zweite@example.org").await;
    let page = browser.visit(&bibliothek.request(&[])).await;
    world.settle().await;
    Busy { browser, flow: format!("?vorgang={}", vorgang(&page)), code }
}

/// Nadine, who has founded a bakery, with a bookkeeper and an area in it, and is about to register another organisation; and
/// everything that she may send there.
pub async fn busy_nadine(world: &World) -> (Busy, Vec<Url>) {
    let (mut browser, firm) = world.bakery().await;
    world.browser().register(world, "kurt@example.org", ["Kurt", "Koch"]).await;
    let kurt = world.joins(&firm, "kurt@example.org", &[]).await;
    let area = firm.adds_area(&mut browser, "Bau").await;
    let entry = [ENTRY[0], ENTRY[1], ("nummer", "99")];
    browser.describes(&NAME, &entry, "").await;
    let founding = own_forms().into_iter().filter(|url| url.path.starts_with("/organisation"));
    let forms = founding.chain(member_forms(&firm, &kurt, &area)).collect();
    world.settle().await;
    (Busy { browser, flow: "?ziel=organisation".to_owned(), code: "QQQQQ-QQQQQ".to_owned() }, forms)
}

/// Olga, at her desk with Renate's case open, and everything that she may send there.
pub async fn busy_olga(world: &World) -> (Busy, Vec<Url>) {
    world.offices(&super::bureau::declaration("musterhausen", "")).await;
    let mut browser = world.officer("olga@example.org", "musterhausen").await;
    let (_, code) = world.renate_with_code().await;
    let path = browser.opened("musterhausen", &code).await;
    world.settle().await;
    (Busy { browser, flow: "?ziel=amt".to_owned(), code }, officer_forms(&path))
}
