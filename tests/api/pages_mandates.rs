//! What people read on the pages of mandates, and in the mails about them, in both languages.

use nutzerkonto::kernel::level::Level;

use crate::mandates::{OTTO, RENATE, TERMS, does, id_of, sends, to_email};
use crate::pages::{Album, without_codes};
use crate::support::surface::two_services;
use crate::support::{Browser, World};

async fn person(world: &World, email: &str, names: [&str; 2], language: &'static str) -> Browser {
    let (mut browser, _) = world.somebody(email, names, Level::Substantial).await;
    browser.language = language;
    browser.get("/profil").await;
    browser.post("/profil/sprache", &[("sprache", language)]).await;
    browser
}

async fn walk(language: &'static str) -> String {
    let world = World::on_sqlite().await;
    two_services(&world).await;
    let mut renate = person(&world, RENATE, ["Renate", "Muster"], language).await;
    let mut otto = person(&world, OTTO, ["Otto", "Roth"], language).await;
    let firm = world.firm(OTTO, "Kanzlei Roth").await;
    let mut album = Album::default();
    album.page("mandates, none", &otto.get("/vollmachten").await);
    album.page("offer", &otto.get("/vollmachten/neu").await);
    album.page("ask", &otto.get("/vollmachten/anfragen").await);
    album.page("ask, refused", &otto.post("/vollmachten/anfragen", &[("aktion", "pruefen")]).await);
    let terms = [&TERMS[..], &[("weitergabe", "ja")]].concat();
    let checked = [&[("aktion", "pruefen")], &to_email(RENATE)[..], &terms].concat();
    album.page("ask: check", &otto.post("/vollmachten/anfragen", &checked).await);
    let sent = sends(&mut otto, "/vollmachten/anfragen", &to_email(RENATE), &terms).await;
    let id = id_of(&sent);
    album.page("asked", &otto.follow(sent).await);
    album.mail(&world.mail_about(OTTO, if language == "de" { "angefragt" } else { "asked" }).await);
    album.mail(&world.mail_about(RENATE, if language == "de" { "bittet" } else { "asks" }).await);
    let page = format!("/vollmachten/{id}");
    album.page("mandates, one to answer", &renate.get("/vollmachten").await);
    album.page("asked for", &renate.get(&page).await);
    album.page("change what it allows", &renate.get(&format!("{page}?umfang=1")).await);
    let accepted = does(&mut renate, "/vollmachten", &id, "annehmen").await;
    album.page("given", &renate.follow(accepted).await);
    album.mail(&world.mail_about(RENATE, if language == "de" { "gilt" } else { "counts" }).await);
    album.page("held", &otto.get(&page).await);
    album.page("pass on", &otto.get(&format!("{page}/weitergeben")).await);
    album.page("everybody for whom somebody may act", &otto.get("/mandate").await);
    let ended = does(&mut renate, "/vollmachten", &id, "beenden").await;
    album.page("ended", &renate.follow(ended).await);
    album.mail(&world.mail_about(OTTO, if language == "de" { "beendet" } else { "ended" }).await);
    album.page("many at once", &otto.get(&firm.path("vollmachten/import")).await);
    let table = [
        ("aktion", "anfragen"),
        ("liste", "register;gericht;nummer;email;dienste;handlungen;bis\n;;;x;alle;lesen;1.1.2028"),
    ];
    album.page("many at once, refused", &otto.post(&firm.path("vollmachten/import"), &table).await);
    let port = world.config.issuer.rsplit(':').next().unwrap().to_owned();
    without_codes(&album.0.replace(&port, "8080").replace(firm.id.as_str(), "ORGANISATION"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_read_of_mandates_in_german() {
    insta::assert_snapshot!(walk("de").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_read_of_mandates_in_english() {
    insta::assert_snapshot!(walk("en").await);
}
