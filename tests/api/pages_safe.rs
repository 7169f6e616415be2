//! What people read of their safe, in both languages.

use crate::pages::{Album, without_codes};
use crate::sender_constraint::{Bound, tokens};
use crate::shares::{asking, asks_as};
use crate::support::attachment::pdf;
use crate::support::safe::{UPLOAD, documents};
use crate::support::service::vorgang;
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

async fn walk(language: &'static str) -> String {
    let world = World::on_sqlite().await;
    let bound = Bound::new(&world, "fapi2").await;
    let mut renate = world.browser();
    renate.language = language;
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let mut album = Album::default();
    album.page("safe, empty", &renate.get("/safe").await);
    album.page("what expires, nothing", &renate.get("/safe/erinnerungen").await);
    album.page("upload", &renate.get(UPLOAD).await);
    album.page("upload, nothing chosen", &renate.sends_files(UPLOAD, "", &[]).await);
    let (deed, note) = (pdf(300_000), b"Notiz".to_vec());
    album.page("uploaded", &renate.sends_files(UPLOAD, "Familie", &[("Notiz.txt", &note)]).await);
    // What comes in one millisecond has no order.
    world.later();
    let told = renate.sends_files(UPLOAD, "Familie", &[("Urkunde.pdf", &deed), ("x.exe", &note)]).await;
    album.page("upload, one of two refused", &told);
    let id = documents(&told.body).remove(0);
    changes(&mut renate, &mut album, &id).await;
    is_asked(&world, &bound, (&mut renate, &mut album), &id).await;
    shares(&mut renate, &mut album, &id).await;
    world.later();
    let deleted = renate.post(&format!("/safe/{id}/loeschen"), &[]).await;
    album.page("deleted", &renate.follow(deleted).await);
    album.page("protocol", &renate.get("/daten/protokoll?art=safe").await);
    let port = world.config.issuer.rsplit(':').next().unwrap().to_owned();
    without_codes(&album.0.replace(&port, "8080"))
}

/// Name, tags and a day on which it expires; another version.
async fn changes(renate: &mut Browser, album: &mut Album, id: &str) {
    let page = format!("/safe/{id}");
    album.page("a document", &renate.get(&page).await);
    album.page("change", &renate.get(&format!("{page}/aendern")).await);
    album.page("change, refused", &renate.files_as(id, ["Urkunde", "", ""], ["", "", ""]).await);
    let changed = renate.files_as(id, ["Geburtsurkunde.pdf", "Familie", "Kind"], ["27", "3", "2041"]).await;
    album.page("changed", &renate.follow(changed).await);
    let path = format!("{page}/version");
    album.page("another version", &renate.get(&path).await);
    let sent = renate.sends_files(&path, "", &[("neu.pdf", &pdf(310_000))]).await;
    album.page("with another version", &renate.follow(sent).await);
    album.page("delete a version", &renate.get(&format!("{page}/1/loeschen")).await);
    album.page("delete", &renate.get(&format!("{page}/loeschen")).await);
    album.page("safe", &renate.get("/safe").await);
    album.page("safe, nothing found", &renate.get("/safe?suche=Heirat").await);
    album.page("what expires", &renate.get("/safe/erinnerungen").await);
}

/// A service asks for a document.
async fn is_asked(world: &World, bound: &Bound, (renate, album): (&mut Browser, &mut Album), id: &str) {
    let nonce = bound.nonce(world).await;
    tokens(world, bound, renate, &nonce).await;
    let asked = renate.visit(&asks_as(world, bound, (&nonce, &asking(Some(7)))).await).await;
    album.page("a service asks", &asked);
    let path = format!("/safe/anfrage?vorgang={}", vorgang(&asked));
    album.page("a service asks, found", &renate.get(&format!("{path}&suche=geburt")).await);
    album.page("a service asks, nothing found", &renate.get(&format!("{path}&suche=heirat")).await);
    album.page("a service asks, nothing chosen", &renate.post(&path, &[("schritt", "pruefen")]).await);
    let chosen = [("dokument", id), ("dauer", "einmal"), ("schritt", "pruefen")];
    album.page("a service asks, check", &renate.post(&path, &chosen).await);
}

/// On her own, with a service that she uses.
async fn shares(renate: &mut Browser, album: &mut Album, id: &str) {
    let path = format!("/safe/{id}/freigeben");
    album.page("share", &renate.get(&path).await);
    album.page("share, refused", &renate.post(&path, &[("schritt", "pruefen")]).await);
    let chosen = [("dienst", "parken"), ("dauer", "30"), ("zweck", "Nachweis")];
    album.page("share, check", &renate.post(&path, &[&chosen[..], &[("schritt", "pruefen")]].concat()).await);
    let shared = renate.post(&path, &[&chosen[..], &[("schritt", "freigeben")]].concat()).await;
    album.page("shared", &renate.follow(shared).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_read_of_their_safe_in_german() {
    insta::assert_snapshot!(walk("de").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_read_of_their_safe_in_english() {
    insta::assert_snapshot!(walk("en").await);
}
