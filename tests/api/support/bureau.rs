//! Offices with a registration desk, officers in them, and people who bring a code.

use nutzerkonto::account::Source;
use nutzerkonto::account::email::EmailAddress;
use nutzerkonto::account::evidence::{self, Record};
use nutzerkonto::kernel::id::AccountId;
use nutzerkonto::kernel::level::Level;
use nutzerkonto::operator::{Inquiry, office};
use nutzerkonto::proofing::office::{Assignment, OfficeFile, OfficeId};
use nutzerkonto::store::work::Actor;

use super::browser::{Answer, Browser};
use super::passkey::Key;
use super::surface::EMAIL;
use super::world::World;

pub const REASON: &str = "Arbeitet dort seit dem 1. November am Empfang";

pub fn by() -> Inquiry {
    Inquiry::new("k.muster", REASON).unwrap()
}

/// The declaration of an office, with these lines besides.
pub fn declaration(id: &str, extra: &str) -> String {
    let name = if id == "trier" { "Bürgeramt Trier" } else { "Bürgerbüro Musterhausen" };
    let level = if extra.contains("level =") { "" } else { "level = \"substantial\"\n" };
    format!(
        "[[office]]\nid = \"{id}\"\nname = {{ de = \"{name}\", en = \"{name} (EN)\" }}\nstreet = \"Marktplatz 1\"\n\
         postal_code = \"55116\"\nlocality = \"{id}\"\nhours = {{ de = \"Mo bis Fr\", en = \"Mon to Fri\" }}\n\
         accessibility = {{ de = \"Ohne Stufen\", en = \"No steps\" }}\nphone = \"06131 1234\"\n{level}{extra}\n"
    )
}

impl World {
    /// Declares offices.
    pub async fn offices(&self, text: &str) {
        office::apply(&self.app, "k.muster", &OfficeFile::parse(text).unwrap()).await.unwrap();
    }

    /// Somebody with an account, at this level of identity, with a passkey that stays on its device.
    pub async fn somebody(&self, email: &str, names: [&str; 2], level: Level) -> (Browser, Key) {
        let mut browser = self.browser();
        browser.register(self, email, names).await;
        let mut key = Key::new(self);
        browser.add(&mut key, "Schlüssel").await;
        self.prove(email, level).await;
        (browser, key)
    }

    /// The account that has this address.
    pub async fn account(&self, email: &str) -> AccountId {
        let email = EmailAddress::parse(email).unwrap();
        let mut tx = self.app.read().await.unwrap();
        nutzerkonto::account::find_by_email(&mut tx, &self.app.vault, &email).await.unwrap().unwrap().0
    }

    pub async fn prove(&self, email: &str, level: Level) {
        let account = self.account(email).await;
        let mut work = self.app.begin(Actor::System("test")).await.unwrap();
        evidence::prove(&mut work, &self.app.vault, &account, (level, Source::Eid), Record::default()).await.unwrap();
        work.commit().await.unwrap();
    }

    pub async fn role(&self, email: &str, office: &str) {
        let (office, email) = (OfficeId(office.to_owned()), EmailAddress::parse(email).unwrap());
        office::assign(&self.app, &by(), (&office, &email), Assignment::Given).await.unwrap();
    }

    pub async fn end_role(&self, email: &str, office: &str) {
        let (office, email) = (OfficeId(office.to_owned()), EmailAddress::parse(email).unwrap());
        office::assign(&self.app, &by(), (&office, &email), Assignment::Ended).await.unwrap();
    }

    /// An officer of an office, signed in with a passkey.
    pub async fn officer(&self, email: &str, office: &str) -> Browser {
        let (mut browser, _) = self.somebody(email, ["Olga", "Amtmann"], Level::Substantial).await;
        self.role(email, office).await;
        assert_eq!(browser.get("/amt").await.status, 200);
        browser
    }

    /// Renate, with a passkey and a code for the desk.
    pub async fn renate_with_code(&self) -> (Browser, String) {
        let (mut renate, _) = self.somebody(EMAIL, ["Renate", "Muster"], Level::Basic).await;
        let code = renate.takes_code().await;
        (renate, code)
    }
}

/// What Renate's identity card says, and that everything is as it should be.
pub const CARD: [(&str, &str); 14] = [
    ("dokument", "id_card"),
    ("land", "DE"),
    ("gueltig_tag", "1"),
    ("gueltig_monat", "8"),
    ("gueltig_jahr", "2031"),
    ("person", "ja"),
    ("echt", "ja"),
    ("gueltig", "ja"),
    ("frei", "ja"),
    ("given_names", "RENATE"),
    ("family_name", "MUSTER"),
    ("birth_day", "12"),
    ("birth_month", "5"),
    ("birth_year", "1959"),
];

impl Answer {
    /// The code that a page shows.
    pub fn code(&self) -> String {
        let (_, rest) = self.body.split_once("id=\"code\">").unwrap_or_else(|| panic!("no code: {self:?}"));
        rest.split('<').next().unwrap().to_owned()
    }
}

impl Browser {
    /// Takes a code for the desk.
    pub async fn takes_code(&mut self) -> String {
        self.get("/identitaet/vor-ort").await;
        let taken = self.post("/identitaet/vor-ort", &[]).await;
        assert_eq!(taken.location(), "/identitaet/vor-ort/vorgang", "{taken:?}");
        self.get("/identitaet/vor-ort/vorgang").await.code()
    }

    /// Asks for a slip to get back in over a desk; its code.
    pub async fn asks_for_slip(&mut self, email: &str) -> String {
        self.get("/wieder-anmelden/amt").await;
        let asked = self.post("/wieder-anmelden/amt", &[("email", email)]).await;
        assert_eq!(asked.location(), "/wieder-anmelden/amt/vorgang", "{asked:?}");
        self.get("/wieder-anmelden/amt/vorgang").await.code()
    }

    /// Types the code that a desk has handed out; what came back.
    pub async fn types_desk_code(&mut self, code: &str) -> Answer {
        self.get("/wieder-anmelden/amt/freigabe").await;
        let answer = self.post("/wieder-anmelden/amt/freigabe", &[("code", code)]).await;
        self.get("/wieder-anmelden/passwort").await;
        answer
    }

    /// An officer types a code; what came back.
    pub async fn opens(&mut self, office: &str, code: &str) -> Answer {
        self.get("/amt").await;
        self.post("/amt", &[("amt", office), ("code", code)]).await
    }

    /// An officer opens a case; its path.
    pub async fn opened(&mut self, office: &str, code: &str) -> String {
        let opened = self.opens(office, code).await;
        assert!(opened.location().starts_with("/amt/vorgang/"), "{opened:?}");
        let path = opened.location().to_owned();
        self.get(&path).await;
        path
    }

    /// What the card says, with changes; the page that compares.
    pub async fn compares(&mut self, path: &str, changes: &[(&'static str, &str)]) -> Answer {
        let page = self.get(path).await;
        self.post(path, &filled(&page.hidden("stand"), changes)).await
    }

    /// Confirms what the card says, with these changes.
    pub async fn confirms(&mut self, path: &str, changes: &[(&'static str, &str)]) -> Answer {
        let page = self.get(path).await;
        self.post(&format!("{path}/bestaetigen"), &filled(&page.hidden("stand"), changes)).await
    }
}

/// The whole form; both consents are given unless a change says otherwise.
fn filled<'a>(seen: &'a str, changes: &[(&'static str, &'a str)]) -> Vec<(&'static str, &'a str)> {
    let mut form: Vec<(&'static str, &str)> = changes.to_vec();
    let usual = CARD.iter().copied().chain([("adresse_stimmt", "ja"), ("einverstanden", "ja"), ("stand", seen)]);
    for (name, value) in usual {
        if !changes.iter().any(|(known, _)| *known == name) {
            form.push((name, value));
        }
    }
    form
}
