//! The way back for whoever has lost the second factor and the recovery codes: asked for, waited for, ended, taken.

use std::time::Duration;

use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::mail::Mail;
use nutzerkonto::kernel::time::{days, hours};
use nutzerkonto::signin::recovery;
use nutzerkonto::store::retention;

use crate::both;
use crate::codes::{devices_are_substantial, is_known};
use crate::personal_data::{asks, fetch, file};
use crate::support::browser::{Answer, PASSWORD};
use crate::support::phone::Phone;
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

const NEW: &str = "neu@example.org";
pub const WAITING: Duration = hours(72);
pub const MOMENT: Duration = Duration::from_millis(1);
const PAGE: &str = "/anmelden/freigabe";
const CODE_PAGE: &str = "/anmelden/freigabe/code";

/// Renate with a code app, and the browser in which she set it up.
pub async fn renate(world: &World) -> (Browser, Phone) {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    let phone = renate.sets_up_a_code_app(world).await;
    (renate, phone)
}

impl Browser {
    /// From the right password to the code in the mail.
    pub async fn release_code(&mut self, world: &World) -> String {
        self.gives_the_password(EMAIL).await;
        self.release_code_of(world, EMAIL).await
    }

    /// The code, once the password was given.
    pub async fn release_code_of(&mut self, world: &World, email: &str) -> String {
        assert_eq!(self.get(PAGE).await.status, 200);
        let sent = self.post(PAGE, &[]).await;
        assert_eq!((sent.status, sent.location()), (303, CODE_PAGE), "{sent:?}");
        assert_eq!(self.get(CODE_PAGE).await.status, 200);
        let mail = world.mail_about(email, "Ihr Code, um Ihr Konto freizugeben").await;
        mail.body.split("Ihr Code ist: ").nth(1).unwrap()[..6].to_owned()
    }

    pub async fn types_release_code(&mut self, code: &str) -> Answer {
        self.post(CODE_PAGE, &[("code", code)]).await
    }

    /// Asks for the way back; the link in the mail that was sent.
    pub async fn asks_for_release(&mut self, world: &World) -> String {
        let code = self.release_code(world).await;
        let begun = self.types_release_code(&code).await;
        assert_eq!((begun.status, begun.location()), (303, PAGE), "{begun:?}");
        link(&world.mail_about(EMAIL, "wird bald freigegeben").await)
    }

    /// Takes the way back, whose time has come.
    pub async fn takes_release(&mut self, world: &World) -> Answer {
        let code = self.release_code(world).await;
        self.types_release_code(&code).await
    }
}

/// A mail as people read it, whatever its link is.
pub fn without_link(mail: &Mail) -> String {
    let body = mail.body.trim().replace(&link(mail), "/wieder-anmelden/abbrechen/…");
    format!("-- {}\n{body}\n\n", mail.subject)
}

/// The path of the link with which whoever reads it ends the way back.
pub fn link(mail: &Mail) -> String {
    let rest = mail.body.split_once("/wieder-anmelden/abbrechen/").unwrap().1;
    format!("/wieder-anmelden/abbrechen/{}", rest.split_whitespace().next().unwrap())
}

fn codes(page: &Answer) -> usize {
    page.body.split_once("nk-codes").map_or(0, |(_, list)| list.split("</ol>").next().unwrap().matches("<li>").count())
}

async fn adds_an_address(world: &World, renate: &mut Browser) {
    renate.get("/profil/kontakt/neu").await;
    renate.post("/profil/kontakt/neu", &[("email", NEW), ("current", PASSWORD)]).await;
    let (old, new) = (world.code_for(EMAIL).await, world.code_for(NEW).await);
    let done = renate.post("/profil/kontakt/codes", &[("code_new", &new), ("code_old", &old)]).await;
    assert_eq!(done.location(), "/profil/kontakt?erledigt=1", "{}", done.body);
}

both!(renate_waits_three_days_and_is_back, async |mut world| {
    world.restart(devices_are_substantial).await;
    let mut own = world.browser();
    own.register(&world, EMAIL, ["Renate", "Muster"]).await;
    own.registers_a_device(&world, "A-1001").await;
    is_known(&world, Level::Substantial).await;
    adds_an_address(&world, &mut own).await;
    world.pass(hours(1));
    let mut forgetful = world.browser();
    forgetful.gives_the_password(EMAIL).await;
    let code_page = forgetful.get("/anmelden/code").await;
    assert!(code_page.body.contains(&format!("href=\"{PAGE}\"")), "{}", code_page.body);
    let ask = forgetful.get(PAGE).await;
    assert_eq!(ask.heading(), "Konto freigeben lassen");
    assert!(ask.body.contains("r…@example.org") && ask.body.contains("Sie warten 3 Tage"), "{}", ask.body);
    assert_eq!(forgetful.get(CODE_PAGE).await.location(), PAGE, "no code was sent yet");
    forgetful.asks_for_release(&world).await;
    world.mail_about(NEW, "wird bald freigegeben").await;
    assert!(!forgetful.is_signed_in());
    let waits = forgetful.get(PAGE).await;
    assert!(waits.body.contains("Ihr Konto wird am 26. November 2026, 11:02 Uhr freigegeben."), "{}", waits.body);
    // A moment too early nothing leads in, and nobody is sent a code.
    world.pass(WAITING - MOMENT);
    forgetful.gives_the_password(EMAIL).await;
    let told = forgetful.get("/anmelden/code").await.body;
    assert!(told.contains("wird am 26. November 2026, 11:02 Uhr freigegeben"), "{told}");
    assert_eq!(forgetful.post(PAGE, &[]).await.location(), PAGE);
    assert_eq!(forgetful.types_release_code("123456").await.location(), PAGE);
    world.pass(MOMENT);
    assert!(forgetful.get("/anmelden/code").await.body.contains("Ihr Konto ist freigegeben"));
    assert_eq!(forgetful.get(PAGE).await.heading(), "Ihr Konto ist freigegeben");
    let back = forgetful.takes_release(&world).await;
    assert_eq!((back.status, back.heading(), codes(&back)), (200, "Sie sind wieder angemeldet", 10), "{}", back.body);
    assert!(forgetful.is_signed_in() && back.body.contains("/sicherheit/app?erledigt=wieder-da"), "{}", back.body);
    for address in [EMAIL, NEW] {
        world.mail_about(address, "Anmeldung ohne zweiten Zugang").await;
    }
    assert_eq!((world.rows("code_generator").await, world.rows("recovery").await), (0, 0));
    assert_eq!(
        (world.rows("session").await, own.get("/konto").await.status),
        (1, 303),
        "every other session has ended"
    );
    assert_eq!(world.texts("SELECT identity_level FROM account").await, ["low"], "as much as the password carries");
    assert_eq!(world.texts("SELECT level || ' ' || methods FROM session").await, ["low pwd"]);
    let page = forgetful.get("/daten/protokoll").await.body;
    for sentence in ["beantragt: ", "Code-App oder Code-Gerät entfernt", "zurückgestuft", "Nach der Wartezeit ohne"] {
        assert!(page.contains(sentence), "{sentence}: {page}");
    }
    assert!(forgetful.get("/sicherheit/verlauf").await.body.contains("Ohne zweiten Zugang angemeldet"));
});

both!(whoever_reads_the_mail_ends_it_without_signing_in, async |world| {
    let (_, _) = renate(&world).await;
    let mut thief = world.browser();
    let link = thief.asks_for_release(&world).await;
    let mut reader = world.browser();
    // sec_s11: programs that look at mails follow links.
    for _ in 0..2 {
        let page = reader.get(&link).await;
        assert_eq!((page.status, page.heading()), (200, "Freigabe abbrechen?"), "{}", page.body);
    }
    let head = reader.request(reqwest::Method::HEAD, &link).send().await.unwrap();
    assert!(head.status().as_u16() < 500);
    assert_eq!(world.rows("recovery").await, 1, "looking changes nothing");
    assert_eq!(reader.without_cookies().post(&link, &[]).await.status, 403, "nor does a form that is not ours");
    let other = format!("{}A", &link[..link.len() - 1]);
    let unknown = if other == link { format!("{}B", &link[..link.len() - 1]) } else { other };
    assert_eq!(reader.get(&unknown).await.heading(), "Hier ist nichts abzubrechen");
    assert_eq!(reader.get("/wieder-anmelden/abbrechen/x").await.heading(), "Hier ist nichts abzubrechen");
    reader.get(&link).await;
    assert_eq!(reader.post(&link, &[]).await.location(), "/wieder-anmelden/abgebrochen");
    assert_eq!(reader.get("/wieder-anmelden/abgebrochen").await.heading(), "Die Freigabe ist abgebrochen");
    world.mail_about(EMAIL, "ist abgebrochen").await;
    assert_eq!(world.rows("recovery").await, 0);
    reader.get(&link).await;
    assert_eq!(reader.post(&link, &[]).await.heading(), "Hier ist nichts abzubrechen", "once");
    let whys = world.texts("SELECT detail FROM audit_event WHERE kind = 'recovery.cancelled'").await;
    assert_eq!(whys, ["{\"why\":\"mail\"}"]);
    world.pass(WAITING);
    thief.gives_the_password(EMAIL).await;
    assert_eq!(thief.get(PAGE).await.heading(), "Konto freigeben lassen", "it begins anew");
});

both!(everybody_is_reminded_once_a_day_before, async |mut world| {
    let (mut own, _) = renate(&world).await;
    adds_an_address(&world, &mut own).await;
    world.pass(hours(1));
    let first = world.browser().asks_for_release(&world).await;
    world.pass(hours(48) - MOMENT);
    recovery::tend(&world.app).await.unwrap();
    assert_eq!(world.texts("SELECT account_id FROM recovery WHERE reminder_hash IS NOT NULL").await.len(), 0);
    world.pass(MOMENT);
    world.restart(|_| {}).await;
    let other = world.open_with(|_| {}).await.unwrap();
    let (one, two) = tokio::join!(recovery::tend(&world.app), recovery::tend(&other));
    one.and(two).unwrap();
    recovery::tend(&world.app).await.unwrap();
    let mail = world.mail_about(EMAIL, "Erinnerung").await;
    world.mail_about(NEW, "Erinnerung").await;
    world.settle().await;
    assert!(!world.mails.lock().unwrap().iter().any(|mail| mail.subject.contains("Erinnerung")), "once");
    let second = link(&mail);
    assert_ne!(first, second);
    let mut reader = world.browser();
    assert_eq!(reader.get(&first).await.heading(), "Freigabe abbrechen?", "the first link stays good");
    reader.get(&second).await;
    assert_eq!(reader.post(&second, &[]).await.location(), "/wieder-anmelden/abgebrochen");
    assert_eq!(reader.get(&first).await.heading(), "Hier ist nichts abzubrechen");
});

both!(a_week_later_it_begins_anew, async |world| {
    let (_, _) = renate(&world).await;
    let mut late = world.browser();
    let old = late.asks_for_release(&world).await;
    world.pass(WAITING + days(7) - MOMENT);
    retention::run(&world.app.db, world.app.now()).await.unwrap();
    let code = late.release_code(&world).await;
    world.pass(MOMENT);
    let refused = late.types_release_code(&code).await;
    assert_eq!(refused.location(), PAGE, "exactly at the end it is over, and the code was for nothing else");
    assert_eq!(late.get(PAGE).await.heading(), "Konto freigeben lassen");
    assert_eq!(late.get(&old).await.heading(), "Hier ist nichts abzubrechen");
    world.pass(hours(1));
    let new = late.asks_for_release(&world).await;
    assert!(new != old && world.rows("recovery").await == 1);
    assert_eq!(world.rows("code_generator").await, 1);
});

both!(whoever_is_signed_in_sees_it_and_ends_it_with_one_click, async |world| {
    let (mut own, _) = renate(&world).await;
    for page in ["/konto", "/sicherheit"] {
        assert!(!own.get(page).await.body.contains("freigabe-abbrechen"), "{page}");
    }
    world.browser().asks_for_release(&world).await;
    for page in ["/konto", "/sicherheit"] {
        let body = own.get(page).await.body;
        assert!(body.contains("freigabe-abbrechen") && body.contains("26. November 2026"), "{page}: {body}");
    }
    let done = own.post("/sicherheit/freigabe/abbrechen", &[]).await;
    assert_eq!(done.location(), "/sicherheit?erledigt=freigabe");
    let page = own.follow(done).await.body;
    assert!(page.contains("Die Freigabe ist abgebrochen") && !page.contains("freigabe-abbrechen"), "{page}");
    world.mail_about(EMAIL, "ist abgebrochen").await;
    let again = own.post("/sicherheit/freigabe/abbrechen", &[]).await;
    assert_eq!(again.location(), "/sicherheit?erledigt=freigabe", "as if twice clicked");
    assert_eq!(world.texts("SELECT id FROM audit_event WHERE kind = 'recovery.cancelled'").await.len(), 1);
    // Whoever has only given the password may end it, too.
    let mut asking = world.browser();
    asking.asks_for_release(&world).await;
    asking.get(PAGE).await;
    let ended = asking.post("/anmelden/freigabe/abbrechen", &[]).await;
    assert_eq!(ended.location(), "/wieder-anmelden/abgebrochen");
    assert_eq!(world.rows("recovery").await, 0);
});

both!(the_copy_and_the_erasure_know_of_it, async |world| {
    let (mut own, _) = renate(&world).await;
    world.browser().asks_for_release(&world).await;
    let token = asks(&mut own).await;
    let (_, copy) = fetch(&own, &token).await;
    let account: serde_json::Value = serde_json::from_str(&file(&copy, "konto.json")).unwrap();
    assert_eq!(account["signin"]["recovery"]["release_at"], "2026-11-26T10:02:30+01:00", "{account}");
    own.get("/daten/loeschen").await;
    let left = own.post("/daten/loeschen", &[("wann", "sofort"), ("current", PASSWORD)]).await;
    assert_eq!(left.status, 303, "{left:?}");
    assert_eq!(world.rows("recovery").await, 0);
});

both!(what_does_not_work_leads_to_what_does, async |world| {
    let mut lost = world.browser();
    let page = lost.get("/wieder-anmelden").await;
    assert_eq!((page.status, page.heading()), (200, "Wie kommen Sie wieder in Ihr Konto?"));
    assert_eq!(page.body.matches("type=\"radio\"").count(), 5);
    for nothing in [vec![], vec![("weg", "")], vec![("weg", "alles")]] {
        let again = lost.post("/wieder-anmelden", &nothing).await;
        assert!(again.status == 422 && again.body.contains("Wählen Sie aus, was nicht geht."), "{again:?}");
    }
    assert_eq!(lost.post("/wieder-anmelden", &[("weg", "passwort")]).await.location(), "/wieder-anmelden/email");
    for (way, words) in [
        ("handy", "Wiederherstellungscode eingeben"),
        ("passkey", "Haben Sie ein Passwort?"),
        ("adresse", "mit der alten Adresse"),
        ("nichts", "Alles darin bleibt erhalten"),
    ] {
        let on = lost.post("/wieder-anmelden", &[("weg", way)]).await;
        assert_eq!(on.location(), format!("/wieder-anmelden/hilfe/{way}"));
        let page = lost.follow(on).await;
        assert!(page.status == 200 && page.body.contains(words), "{}", page.body);
        lost.get("/wieder-anmelden").await;
    }
    for unknown in ["passwort", "alles"] {
        assert_eq!(lost.get(&format!("/wieder-anmelden/hilfe/{unknown}")).await.status, 404);
    }
});
