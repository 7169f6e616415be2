//! What people read: every page and every mail on the usual ways, in both languages, as text.
//!
//! Layout and accessibility are for the journeys in the browser; here a changed word shows.

use std::time::Duration;

use nutzerkonto::data::inactivity;
use nutzerkonto::kernel::id::AccountId;
use nutzerkonto::kernel::mail::Mail;
use nutzerkonto::kernel::time::{days, hours};
use nutzerkonto::operator::{self, Inquiry};
use serde_json::json;

use crate::device;
use crate::pages_acting::acts_for_a_bakery;
use crate::pages_desk::checks_organisations;
use crate::pages_elsewhere::shows_an_organisation;
use crate::pages_linked::{links_an_account, recovers_with_a_card};
use crate::pages_organisation::registers_an_organisation;
use crate::pages_way_back::{goes_to_a_desk, has_no_password};
use crate::recovery;
use crate::support::browser::{Answer, PASSWORD};
use crate::support::passkey::{Key, NEW, PROBE, SIGN_IN};
use crate::support::registrant::{Registrant, answers, opened};
use crate::support::service::vorgang;
use crate::support::surface::two_services;
use crate::support::{Browser, Reader, World};

/// Everything somebody has read so far.
#[derive(Default)]
pub struct Album(pub String);

impl Album {
    pub fn page(&mut self, name: &str, answer: &Answer) {
        let (_, main) = answer.body.split_once("<main").unwrap_or_else(|| panic!("{name}: no page: {answer:?}"));
        let (main, _) = main.split_once("</main>").unwrap();
        let (_, main) = main.split_once('>').unwrap();
        self.0 += &format!("== {name} ({})\n{}\n\n", answer.status, text(main));
    }

    pub fn mail(&mut self, mail: &Mail) {
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
    let mut world = World::on_sqlite().await;
    let mut renate = world.browser();
    renate.language = language;
    let mut album = Album::default();
    registers(&world, &mut renate, &mut album).await;
    sets_up_a_passkey(&world, &mut renate, &mut album).await;
    looks_around(&mut renate, &mut album).await;
    connects(&world, &mut renate, &mut album).await;
    resets(&world, &mut renate, &mut album).await;
    leaves(&world, &mut renate, &mut album).await;
    signs_in_on_a_device(&world, language, &mut album).await;
    signs_in_with_codes(&world, language, &mut album).await;
    waits_for_the_release(&world, language, &mut album).await;
    has_no_password(&world, language, &mut album).await;
    meets_a_stranger(&mut world, language, &mut album).await;
    proves_with_a_card(&mut world, language, &mut album).await;
    goes_to_a_desk(&world, language, &mut album).await;
    links_an_account(&mut world, language, &mut album).await;
    registers_an_organisation(&mut world, language, &mut album).await;
    acts_for_a_bakery(&world, language, &mut album).await;
    checks_organisations(&world, language, &mut album).await;
    shows_an_organisation(&mut world, language, &mut album).await;
    let port = world.config.issuer.rsplit(':').next().unwrap().to_owned();
    without_codes(&album.0.replace(&port, "8080"))
}

/// What work in the background takes of chance is not always taken between the same two pages: nothing stays as it was drawn.
pub fn without_codes(text: &str) -> String {
    let is_group =
        |group: &str| group.len() == 4 && group.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    let is_code = |word: &str| {
        let is_long = word.contains('-') && word.split('-').all(is_group);
        let is_id = ["evt_", "mem_", "mdt_", "acc_", "rep_", "doc_", "shr_"]
            .iter()
            .any(|prefix| word.starts_with(prefix) && word.len() > 4);
        is_long || is_id || (word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let is_inside = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    let mask = |line: &str| {
        let is_key = line.split(' ').count() == 8 && line.split(' ').all(is_group);
        let mut masked = String::with_capacity(line.len());
        for part in line.split_inclusive(|letter| !is_inside(letter)) {
            let word = part.trim_end_matches(|letter| !is_inside(letter));
            let is_chance = is_key || is_code(word);
            masked += &if is_chance { word.replace(char::is_alphanumeric, "#") } else { word.to_owned() };
            masked += &part[word.len()..];
        }
        masked
    };
    text.split('\n').map(mask).collect::<Vec<_>>().join("\n")
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

async fn sets_up_a_passkey(world: &World, renate: &mut Browser, album: &mut Album) {
    let mut phone = Key::new(world);
    album.page(SIGN_IN, &renate.without_cookies().get(SIGN_IN).await);
    album.page("/sicherheit/passkeys, none", &renate.get("/sicherheit/passkeys").await);
    album.page(NEW, &renate.get(NEW).await);
    album.page("passkey: make", &renate.post(NEW, &[]).await);
    renate.make(&mut phone, "Schlüssel").await;
    album.page("passkey: not tried", &renate.get("/sicherheit/passkeys").await);
    album.page(PROBE, &renate.get(PROBE).await);
    album.page("passkey: refused", &renate.post(PROBE, &[("aufgabe", "x")]).await);
    let tried = renate.use_at(PROBE, &mut phone).await;
    let list = renate.follow(tried).await;
    album.page("passkey: ready", &list);
    album.mail(&world.mail_about("renate@example.org", "asskey").await);
    let (_, rest) = list.body.split_once("id=\"aendern-1\" href=\"").unwrap();
    let one = rest.split('"').next().unwrap();
    album.page("passkey: change", &renate.get(one).await);
    album.page("passkey: remove?", &renate.get(&format!("{one}/entfernen")).await);
    let removed = renate.post(&format!("{one}/entfernen"), &[]).await;
    album.page("passkey: removed", &renate.follow(removed).await);
    album.mail(&world.mail_about("renate@example.org", "asskey").await);
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
    album.page("way back", &renate.get("/wieder-anmelden").await);
    album.page("way back, nothing chosen", &renate.post("/wieder-anmelden", &[]).await);
    for way in ["handy", "passkey", "adresse", "nichts"] {
        album.page(&format!("way back: {way}"), &renate.get(&format!("/wieder-anmelden/hilfe/{way}")).await);
    }
    album.page("reset: address", &renate.get("/wieder-anmelden/email").await);
    renate.post("/wieder-anmelden/email", &[("email", "niemand@example.org")]).await;
    album.mail(&world.mail_to("niemand@example.org").await);
    renate.post("/wieder-anmelden/email", &[("email", "renate@example.org")]).await;
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

async fn signs_in_with_codes(world: &World, language: &'static str, album: &mut Album) {
    const EMAIL: &str = "emre@example.org";
    let mut emre = world.browser();
    emre.language = language;
    emre.register(world, EMAIL, ["Emre", "Öztürk"]).await;
    album.page("/sicherheit/app, none", &emre.get("/sicherheit/app").await);
    album.page("/sicherheit/app/neu", &emre.get("/sicherheit/app/neu").await);
    album.page("/sicherheit/app/neu, refused", &emre.post("/sicherheit/app/neu", &[("name", &"x".repeat(61))]).await);
    let phone = emre.scans().await;
    album.page("/sicherheit/app/verbinden", &emre.get("/sicherheit/app/verbinden").await);
    let wrong = phone.wrong_code(world);
    album.page("a wrong code", &emre.post("/sicherheit/app/verbinden", &[("code", &wrong)]).await);
    let added = emre.post("/sicherheit/app/verbinden", &[("code", &phone.code(world))]).await;
    album.page("/sicherheit/app, added", &emre.follow(added).await);
    album.mail(&world.mail_to(EMAIL).await);
    album.page("/sicherheit/app/geraet", &emre.get("/sicherheit/app/geraet").await);
    let form = [("serial", "A-1001"), ("code", "123456"), ("current", PASSWORD)];
    album.page("/sicherheit/app/geraet, refused", &emre.post("/sicherheit/app/geraet", &form).await);
    album.page("/sicherheit, with a code app", &emre.get("/sicherheit").await);
    let codes = emre.renews_recovery_codes().await;
    album.mail(&world.mail_to(EMAIL).await);
    let page = emre.get("/sicherheit/app").await.body;
    let path = page.split_once("id=\"entfernen-1\" href=\"").unwrap().1.split('"').next().unwrap().to_owned();
    album.page("remove", &emre.get(&path).await);
    emre.post("/abmelden", &[]).await;
    emre.gives_the_password(EMAIL).await;
    album.page("/anmelden/code", &emre.get("/anmelden/code").await);
    album.page("/anmelden/code, empty", &emre.post("/anmelden/code", &[]).await);
    album.page("/anmelden/wiederherstellung", &emre.get("/anmelden/wiederherstellung").await);
    let back = emre.post("/anmelden/wiederherstellung", &[("code", &codes[0])]).await;
    album.page("/sicherheit/app, back", &emre.follow(back).await);
    album.mail(&world.mail_to(EMAIL).await);
    let removed = emre.post(&path, &[("current", PASSWORD)]).await;
    album.page("/sicherheit/app, removed", &emre.follow(removed).await);
    album.mail(&world.mail_to(EMAIL).await);
}

/// Phone and codes are lost: asked for, ended by the mail, asked for again, taken.
async fn waits_for_the_release(world: &World, language: &'static str, album: &mut Album) {
    const EMAIL: &str = "fatma@example.org";
    const PAGE: &str = "/anmelden/freigabe";
    let mut fatma = world.browser();
    fatma.language = language;
    fatma.register(world, EMAIL, ["Fatma", "Kaya"]).await;
    fatma.sets_up_a_code_app(world).await;
    world.mail_to(EMAIL).await;
    let mut lost = fatma.clone();
    lost.cookies.remove("nk_s");
    for is_taken in [false, true] {
        lost.gives_the_password(EMAIL).await;
        let ask = lost.get(PAGE).await;
        lost.post(PAGE, &[]).await;
        let (typing, mail) = (lost.get("/anmelden/freigabe/code").await, world.mail_to(EMAIL).await);
        let code = mail.body.split(|letter: char| !letter.is_ascii_digit()).find(|part| part.len() == 6).unwrap();
        lost.post("/anmelden/freigabe/code", &[("code", code)]).await;
        let begun = world.mail_to(EMAIL).await;
        let link = recovery::link(&begun);
        if is_taken {
            continue;
        }
        album.page("release: ask", &ask);
        album.page("release: code", &typing);
        album.mail(&mail);
        album.page("release: waits", &lost.get(PAGE).await);
        album.page("/anmelden/code, while it waits", &lost.get("/anmelden/code").await);
        album.page("/konto, while it waits", &fatma.get("/konto").await);
        album.0 += &recovery::without_link(&begun);
        album.page("release: cancel", &lost.get(&link).await);
        let cancelled = lost.post(&link, &[]).await;
        album.page("release: cancelled", &lost.follow(cancelled).await);
        album.mail(&world.mail_to(EMAIL).await);
        album.page("release: nothing to cancel", &lost.get(&link).await);
        world.pass(days(1));
    }
    world.pass(hours(48));
    nutzerkonto::signin::recovery::tend(&world.app).await.unwrap();
    album.0 += &recovery::without_link(&world.mail_to(EMAIL).await);
    world.pass(hours(24));
    lost.gives_the_password(EMAIL).await;
    album.page("/anmelden/code, released", &lost.get("/anmelden/code").await);
    album.page("release: open", &lost.get(PAGE).await);
    lost.post(PAGE, &[]).await;
    lost.get("/anmelden/freigabe/code").await;
    let code = world.code_for(EMAIL).await;
    album.page("release: done", &lost.post("/anmelden/freigabe/code", &[("code", &code)]).await);
    album.mail(&world.mail_to(EMAIL).await);
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

/// A service that has registered itself, and that nobody has checked.
async fn meets_a_stranger(world: &mut World, language: &'static str, album: &mut Album) {
    opened(world).await;
    let farm = Registrant::new(world, json!({ "tos_uri": "https://laden.example/bedingungen" })).await;
    let mut sadia = world.browser();
    sadia.language = language;
    sadia.register(world, "sadia@example.org", ["Sadia", "Rahman"]).await;
    let page = sadia.visit(&farm.service.request(&[])).await;
    album.page("unchecked", &page);
    album.page("unchecked: held", &answers(&mut sadia, &page, "zurueck").await);
    let page = sadia.visit(&farm.service.request(&[])).await;
    album.page("unchecked: consent", &answers(&mut sadia, &page, "weiter").await);
}

async fn proves_with_a_card(world: &mut World, language: &'static str, album: &mut Album) {
    const EMAIL: &str = "amina@example.org";
    let reader = Reader::start(world).await;
    let (mut amina, mut stranger) = (world.browser(), world.browser());
    (amina.language, stranger.language) = (language, language);
    amina.register(world, EMAIL, ["Amina", "Yusuf"]).await;
    for path in ["/ausweis", "/ausweis/ohne-pin"] {
        album.page(path, &amina.get(path).await);
    }
    for choice in [
        "cancelled",
        "timeout",
        "no-channel",
        "server-error",
        "card:abgelaufen",
        "card:gesperrt",
        "card:kind",
        "card:fremdes-dokument",
    ] {
        album.page(choice, &reader.read(&mut amina, choice).await);
        world.pass(Duration::from_secs(60));
    }
    let address = Reader::begin(&mut amina, "").await;
    album.page("/ausweis/oeffnen", &amina.get("/ausweis/oeffnen").await);
    let back = reader.choose(&address, "card:ohne-tag").await;
    album.page("another browser", &stranger.get(&back).await);
    amina.get(&back).await;
    let read = amina.get("/ausweis/pruefen").await;
    album.page("/ausweis/pruefen", &read);
    let form = [("stand", read.hidden("stand")), ("current", PASSWORD.to_owned())];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    album.page("/ausweis/pruefen, wrong", &amina.post("/ausweis/pruefen", &[form[0]]).await);
    let agreed = amina.post("/ausweis/pruefen", &form).await;
    album.page("identity, proven", &amina.follow(agreed).await);
    album.mail(&world.mail_to(EMAIL).await);
    album.page("somebody else's card", &reader.read(&mut amina, "card:erika").await);
    album.page("a card without an account", &reader.read(&mut stranger, "card:erika").await);
    amina.sets_up_a_code_app(world).await;
    world.mail_to(EMAIL).await;
    recovers_with_a_card((&reader, &mut stranger), EMAIL, world, album).await;
    world.pass(Duration::from_secs(60));
    assert_eq!(reader.read(&mut amina, "card:ohne-tag").await.location(), "/konto");
    world.mail_to(EMAIL).await;
    blocks_and_removes(world, (&reader, &mut amina), album).await;
}

async fn blocks_and_removes(world: &World, (reader, amina): (&Reader, &mut Browser), album: &mut Album) {
    let list = amina.get("/sicherheit/ausweise").await;
    album.page("/sicherheit/ausweise", &list);
    let path = |mark: &str| list.body.split_once(mark).unwrap().1.split('"').next().unwrap().to_owned();
    let (block, remove) = (path("id=\"sperren-1\" href=\""), path("id=\"entfernen-1\" href=\""));
    album.page("block a card", &amina.get(&block).await);
    let blocked = amina.post(&block, &[]).await;
    album.page("/sicherheit/ausweise, blocked", &amina.follow(blocked).await);
    album.mail(&world.mail_to("amina@example.org").await);
    album.page("a blocked card", &reader.read(amina, "card:ohne-tag").await);
    album.page("remove a card", &amina.get(&remove).await);
    let removed = amina.post(&remove, &[]).await;
    album.page("/sicherheit/ausweise, removed", &amina.follow(removed).await);
    album.mail(&world.mail_to("amina@example.org").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_read_in_german() {
    insta::assert_snapshot!(walk("de").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_read_in_english() {
    insta::assert_snapshot!(walk("en").await);
}
