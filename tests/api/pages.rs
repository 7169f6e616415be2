//! What people read: every page and every mail on the usual ways, in both languages, as text.
//!
//! Layout and accessibility are for the journeys in the browser; here a changed word shows.

use std::time::Duration;

use nutzerkonto::data::inactivity;
use nutzerkonto::kernel::id::AccountId;
use nutzerkonto::kernel::mail::Mail;
use nutzerkonto::kernel::time::days;
use nutzerkonto::operator::{self, Inquiry};

use crate::device;
use crate::support::browser::{Answer, PASSWORD};
use crate::support::service::vorgang;
use crate::support::surface::two_services;
use crate::support::{Browser, World};

/// Everything somebody has read so far.
#[derive(Default)]
struct Album(String);

impl Album {
    fn page(&mut self, name: &str, answer: &Answer) {
        let (_, main) = answer.body.split_once("<main").unwrap_or_else(|| panic!("{name}: no page: {answer:?}"));
        let (main, _) = main.split_once("</main>").unwrap();
        let (_, main) = main.split_once('>').unwrap();
        self.0 += &format!("== {name} ({})\n{}\n\n", answer.status, text(main));
    }

    fn mail(&mut self, mail: &Mail) {
        self.0 += &format!("-- {}\n{}\n\n", mail.subject, mail.body.trim());
    }
}

/// The words between the tags, one line for each; an input shows what is typed in it, a list what is chosen.
fn text(html: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for part in html.split('<') {
        let (tag, words) = part.split_once('>').unwrap_or(("", part));
        if tag.starts_with("input") && !tag.contains("hidden") {
            let value = tag.split_once("value=\"").and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default();
            lines.push(format!("[{value}]"));
        }
        if tag.starts_with("option") && !tag.ends_with("selected") {
            continue;
        }
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        if !words.is_empty() {
            lines.push(words.replace("&#34;", "\"").replace("&#39;", "'").replace("&#38;", "&"));
        }
    }
    lines.join("\n")
}

async fn walk(language: &'static str) -> String {
    let world = World::on_sqlite().await;
    let mut renate = world.browser();
    renate.language = language;
    let mut album = Album::default();
    registers(&world, &mut renate, &mut album).await;
    looks_around(&mut renate, &mut album).await;
    connects(&world, &mut renate, &mut album).await;
    resets(&world, &mut renate, &mut album).await;
    leaves(&world, &mut renate, &mut album).await;
    signs_in_on_a_device(&world, language, &mut album).await;
    let port = world.config.issuer.rsplit(':').next().unwrap().to_owned();
    album.0.replace(&port, "8080")
}

async fn registers(world: &World, renate: &mut Browser, album: &mut Album) {
    album.page("start", &renate.get("/").await);
    album.page("sign-in", &renate.get("/anmelden").await);
    album.page("sign-in, wrong", &renate.sign_in("renate@example.org", "falsch-falsch-falsch").await);
    album.page("register", &renate.get("/registrieren").await);
    album.page("register: address", &renate.get("/registrieren/email").await);
    album.page("register: address, refused", &renate.post("/registrieren/email", &[("email", "x")]).await);
    renate.post("/registrieren/email", &[("email", "renate@example.org")]).await;
    let mail = world.mail_to("renate@example.org").await;
    album.mail(&mail);
    album.page("register: code", &renate.get("/registrieren/code").await);
    album.page("register: code, wrong", &renate.post("/registrieren/code", &[("code", "000000")]).await);
    let code = mail.body.split(|letter: char| !letter.is_ascii_digit()).find(|part| part.len() == 6).unwrap();
    renate.post("/registrieren/code", &[("code", code)]).await;
    album.page("register: name", &renate.get("/registrieren/name").await);
    album.page("register: name, refused", &renate.post("/registrieren/name", &[("birth_day", "31")]).await);
    let person = [("given_names", "Renate"), ("family_name", "Muster")];
    let birth = [("birth_day", "12"), ("birth_month", "5"), ("birth_year", "1959")];
    renate.post("/registrieren/name", &[person.as_slice(), &birth].concat()).await;
    album.page("register: password", &renate.get("/registrieren/passwort").await);
    album.page("register: password, refused", &renate.post("/registrieren/passwort", &[("password", "kurz")]).await);
    renate.post("/registrieren/passwort", &[("password", PASSWORD)]).await;
    album.page("register: codes", &renate.get("/registrieren/wiederherstellung").await);
    album.page("register: codes, not kept", &renate.post("/registrieren/wiederherstellung", &[]).await);
    renate.post("/registrieren/wiederherstellung", &[("kept", "ja")]).await;
    album.page("register: check", &renate.get("/registrieren/pruefen").await);
    let done = renate.post("/registrieren/pruefen", &[]).await;
    album.page("register: done", &renate.follow(done).await);
    album.mail(&world.mail_to("renate@example.org").await);
    let mut again = renate.without_cookies();
    again.get("/registrieren/email").await;
    again.post("/registrieren/email", &[("email", "renate@example.org")]).await;
    album.mail(&world.mail_to("renate@example.org").await);
}

async fn looks_around(renate: &mut Browser, album: &mut Album) {
    for path in
        ["/sicherheit", "/sicherheit/verlauf", "/sicherheit/passwort", "/sicherheit/codes", "/sicherheit/notfall"]
    {
        album.page(path, &renate.get(path).await);
    }
    for path in ["/profil/kontakt", "/profil/kontakt/neu", "/daten/protokoll?art=dienste", "/daten/export"] {
        album.page(path, &renate.get(path).await);
    }
    album.page("/profil/angaben", &renate.get("/profil/angaben").await);
    let (seen, wrong) = (("stand", "1"), [("phone_number", "12"), ("postal_code", "1"), ("country", "DE")]);
    let wrong =
        [wrong.as_slice(), &[seen, ("street_address", "<"), ("locality", "<"), ("nickname", "<"), ("website", "x")]];
    album.page("/profil/angaben, refused", &renate.post("/profil/angaben", &wrong.concat()).await);
    album.page("/profil/angaben, overtaken", &renate.post("/profil/angaben", &[]).await);
    let stated =
        [seen, ("phone_number", "030 123456"), ("locality", "Berlin"), ("country", "DE"), ("gender", "female")];
    let saved = renate.post("/profil/angaben", &stated).await;
    album.page("/profil, saved", &renate.follow(saved).await);
    for path in ["/konto", "/profil", "/dienste", "/echt", "/hilfe", "/impressum", "/datenschutz", "/barrierefreiheit"]
    {
        album.page(path, &renate.get(path).await);
    }
    album.page("/echt, unknown", &renate.post("/echt", &[("code", "AAAA-AAAA")]).await);
}

async fn connects(world: &World, renate: &mut Browser, album: &mut Album) {
    let [parken, _] = two_services(world).await;
    let page = renate.visit(&parken.request(&[])).await;
    album.page("consent", &page);
    let path = format!("/einwilligung?vorgang={}", vorgang(&page));
    let answer = renate.post(&path, &[("antwort", "ja")]).await;
    renate.follow(answer).await;
    album.page("/dienste, one connected", &renate.get("/dienste").await);
    album.page("disconnect", &renate.get("/dienste/parken/beenden").await);
    let ended = renate.post("/dienste/parken/beenden", &[]).await;
    album.page("disconnected", &renate.follow(ended).await);
    album.page("log out at a service", &renate.get("/oauth2/logout").await);
    let out = renate.post("/abmelden", &[]).await;
    album.page("signed out", &renate.follow(out).await);
}

async fn resets(world: &World, renate: &mut Browser, album: &mut Album) {
    album.page("reset: address", &renate.get("/wieder-anmelden").await);
    renate.post("/wieder-anmelden", &[("email", "niemand@example.org")]).await;
    album.mail(&world.mail_to("niemand@example.org").await);
    renate.post("/wieder-anmelden", &[("email", "renate@example.org")]).await;
    let mail = world.mail_to("renate@example.org").await;
    album.mail(&mail);
    album.page("reset: code", &renate.get("/wieder-anmelden/code").await);
    let code = mail.body.split(|letter: char| !letter.is_ascii_digit()).find(|part| part.len() == 6).unwrap();
    renate.post("/wieder-anmelden/code", &[("code", code)]).await;
    album.page("reset: password", &renate.get("/wieder-anmelden/passwort").await);
    let done = renate.post("/wieder-anmelden/passwort", &[("password", "tisch-wolke-gondel-24")]).await;
    album.page("reset: done", &renate.follow(done).await);
    album.mail(&world.mail_to("renate@example.org").await);
    album.page("no such page", &renate.get("/gibt-es-nicht").await);
    renate.get("/anmelden").await;
    let form = [("password", PASSWORD)];
    album.page("step that is not due", &renate.post("/registrieren/passwort", &form).await);
    album.page("no way to a service", &renate.get("/weiter").await);
}

async fn leaves(world: &World, renate: &mut Browser, album: &mut Album) {
    let password = "tisch-wolke-gondel-24";
    let (id, by) = (
        AccountId::parse(&world.texts("SELECT id FROM account").await[0]).unwrap(),
        Inquiry::new("k.muster", "Anruf der Inhaberin wegen fremder Anmeldungen").unwrap(),
    );
    operator::lock(&world.app, &by, &id).await.unwrap();
    album.mail(&world.mail_to("renate@example.org").await);
    album.page("locked", &renate.sign_in("renate@example.org", password).await);
    operator::unlock(&world.app, &by, &id).await.unwrap();
    album.mail(&world.mail_to("renate@example.org").await);
    renate.sign_in("renate@example.org", password).await;
    renate.get("/daten/export").await;
    let granted = renate.post("/daten/export", &[("current", password)]).await;
    album.page("/daten/export, granted", &granted);
    renate.post("/daten/export/laden", &[("schluessel", &granted.hidden("schluessel"))]).await;
    album.mail(&world.mail_to("renate@example.org").await);
    album.page("/daten/loeschen", &renate.get("/daten/loeschen").await);
    let left = renate.post("/daten/loeschen", &[("wann", "spaeter"), ("current", password)]).await;
    album.page("leaving", &renate.follow(left).await);
    album.mail(&world.mail_to("renate@example.org").await);
    renate.sign_in("renate@example.org", password).await;
    album.page("returning", &renate.get("/daten/rueckkehr").await);
    renate.post("/daten/rueckkehr", &[("wahl", "behalten")]).await;
    album.mail(&world.mail_to("renate@example.org").await);
    world.pass(Duration::from_secs(1));
    let all = renate.get("/daten/protokoll?art=support").await;
    album.page("/daten/protokoll, support", &all);
    world.pass(days(680));
    inactivity::tend(&world.app).await.unwrap();
    album.mail(&world.mail_to("renate@example.org").await);
    renate.sign_in("renate@example.org", password).await;
    renate.get("/daten/loeschen").await;
    let left = renate.post("/daten/loeschen", &[("wann", "sofort"), ("current", password)]).await;
    album.page("left", &renate.follow(left).await);
    album.mail(&world.mail_to("renate@example.org").await);
}

async fn signs_in_on_a_device(world: &World, language: &'static str, album: &mut Album) {
    let automat = device::automat(world).await;
    let mut nadine = world.browser();
    nadine.language = language;
    nadine.register(world, "nadine@example.org", ["Nadine", "Weber"]).await;
    album.page("/geraet", &nadine.get("/geraet").await);
    album.page("/geraet, empty", &nadine.post("/geraet", &[]).await);
    album.page("/geraet, wrong", &nadine.post("/geraet", &[("code", "BCDF-GHJK")]).await);
    for word in ["ablehnen", "erlauben"] {
        let (_, user_code) = device::begun(world, &automat, &[("scope", "openid profile offline_access")]).await;
        let page = device::types(&mut nadine, &user_code).await;
        let next = device::answers(&mut nadine, &page, word).await;
        if word == "erlauben" {
            album.page("device: whose?", &page);
            album.page("device: consent", &next);
            let answer = nadine.post(&format!("/einwilligung?vorgang={}", vorgang(&next)), &[("antwort", "ja")]).await;
            album.page("device: done", &nadine.follow(answer).await);
        } else {
            album.page("device: denied", &next);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_read_in_german() {
    insta::assert_snapshot!(walk("de").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_read_in_english() {
    insta::assert_snapshot!(walk("en").await);
}
