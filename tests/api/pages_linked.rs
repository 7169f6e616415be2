//! What people read about accounts of other providers, and about getting back in with a card; see `pages`.

use std::time::Duration;

use nutzerkonto::kernel::time::minutes;

use crate::pages::Album;
use crate::support::browser::PASSWORD;
use crate::support::surface::EMAIL;
use crate::support::upstream::{CONNECT, LIST, LOW, nordmark, renate_there};
use crate::support::{Browser, Reader, World};

/// Links the account of another Land, has confirmed who she is, blocks and removes it.
pub async fn links_an_account(world: &mut World, language: &'static str, album: &mut Album) {
    let land = nordmark(world).await;
    let (mut renate, mut stranger) = (world.browser(), world.browser());
    (renate.language, stranger.language) = (language, language);
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    album.page(LIST, &renate.get(LIST).await);
    world.pass(minutes(6));
    album.page("link an account", &renate.get(CONNECT).await);
    album.page("link an account, refused", &renate.post(CONNECT, &[("current", "falsch-falsch-falsch")]).await);
    let left = renate.post(CONNECT, &[("current", PASSWORD)]).await;
    let offer = renate.get(&land.answers(left.location(), renate_there())).await;
    album.page("linked account, found", &offer);
    let done = renate.agrees("/sicherheit/konten/verbinden", &offer).await;
    let list = renate.follow(done).await;
    album.page("linked", &list);
    album.mail(&world.mail_to(EMAIL).await);
    let (_, rest) = list.body.split_once("action=\"/sicherheit/konten/mea_").unwrap_or_else(|| panic!("{}", list.body));
    let one = format!("/sicherheit/konten/mea_{}", rest.split('/').next().unwrap());
    let location = renate.leaves(&format!("{one}/nachweis")).await;
    let compared = renate.get(&land.answers(&location, renate_there())).await;
    album.page("linked account, compared", &compared);
    let done = renate.agrees("/sicherheit/konten/nachweis", &compared).await;
    album.page("confirmed", &renate.follow(done).await);
    album.mail(&world.mail_to(EMAIL).await);
    album.page("identity, confirmed by another account", &renate.get("/identitaet").await);
    let block = one.replace("/sicherheit/konten/", "/sicherheit/zugaenge/");
    album.page("block a linked account", &renate.get(&format!("{block}/sperren")).await);
    let blocked = renate.post(&format!("{block}/sperren"), &[("current", PASSWORD)]).await;
    album.page("linked account, blocked", &renate.follow(blocked).await);
    album.mail(&world.mail_to(EMAIL).await);
    album.page("remove a linked account, too weak", &renate.get(&format!("{one}/entfernen")).await);
    world.change("UPDATE session SET level = 'substantial'").await;
    world.pass(Duration::from_secs(2));
    album.page("remove a linked account", &renate.get(&format!("{one}/entfernen")).await);
    album.page("choose a provider", &stranger.get("/anmelden/konto").await);
    is_told(&land, &mut stranger, album).await;
    let removed = renate.post(&format!("{one}/entfernen"), &[("current", PASSWORD)]).await;
    album.page("a link removed", &renate.follow(removed).await);
    album.mail(&world.mail_to(EMAIL).await);
    album.page("linked account, unknown", &stranger.signs_in_at(&land, renate_there()).await);
}

/// Why nothing came of it.
async fn is_told(land: &crate::support::upstream::Upstream, stranger: &mut Browser, album: &mut Album) {
    let mut weak = renate_there();
    weak["acr"] = serde_json::json!(LOW);
    album.page("linked account, blocked, at the sign-in", &stranger.signs_in_at(land, weak).await);
    for error in ["access_denied", "unmet_authentication_requirements", "server_error"] {
        stranger.get("/anmelden").await;
        let location = stranger.leaves("/anmelden/konto/nordmark").await;
        let back = land.answers(&location, renate_there()).replace("code=", &format!("error={error}&x="));
        album.page(error, &stranger.get(&back).await);
        album.page(&format!("{error}, once more"), &stranger.get(&back).await);
    }
}

/// With a card that is known, and with one that is nobody's.
pub async fn recovers_with_a_card(
    (reader, lost): (&Reader, &mut Browser),
    email: &str,
    world: &World,
    album: &mut Album,
) {
    const START: &str = "/wieder-anmelden/ausweis";
    album.page("way back, with the card", &lost.get("/wieder-anmelden").await);
    album.page(START, &lost.get(START).await);
    album.page("nobody's card", &reader.read_from(lost, START, "card:doktor").await);
    let read = reader.read_from(lost, START, "card:ohne-tag").await;
    album.page("reset: password, by card", &lost.follow(read).await);
    let form = [("password", "tisch-wolke-gondel-24"), ("verloren", "ja")];
    let done = lost.post("/wieder-anmelden/passwort", &form).await;
    album.page("reset: done, by card", &lost.follow(done).await);
    album.mail(&world.mail_to(email).await);
}
