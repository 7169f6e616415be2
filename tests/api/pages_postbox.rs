//! What people read of their postbox, in both languages.

use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::days;
use nutzerkonto::postbox::Kind;
use nutzerkonto::postbox::attachment::{Seal, SealKind};
use nutzerkonto::postbox::clock::{LegalBasis, Remedy};

use crate::pages::{Album, without_codes};
use crate::support::attachment::pdf;
use crate::support::browser::PASSWORD;
use crate::support::postbox::{decision, information};
use crate::support::reply::{FILLED, asking, form, free, page};
use crate::support::surface::{EMAIL, two_services};
use crate::support::{Browser, World};

async fn walk(language: &'static str) -> String {
    let world = World::on_sqlite().await;
    two_services(&world).await;
    let mut renate = world.browser();
    renate.language = language;
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let mut album = Album::default();
    album.page("postbox, empty", &renate.get("/postfach").await);
    album.page("deadlines, none", &renate.get("/postfach/fristen").await);
    album.page("archive, empty", &renate.get("/postfach?ablage=archiv").await);
    album.page("paper, no authority", &renate.get("/postfach/papier").await);
    let renates = world.person(EMAIL).await;
    let id = world.provides("parken", &decision(renates.clone())).await;
    // What happens in one millisecond has no order.
    world.later();
    let info = world.provides("bibliothek", &information(renates.clone(), "Öffnungszeiten")).await;
    world.later();
    let mut strong = decision(renates.clone());
    strong.level = Level::High;
    let strong = world.provides("parken", &strong).await;
    world.later();
    album.page("account", &renate.get("/konto").await);
    album.page("postbox", &renate.get("/postfach").await);
    album.page("postbox, nothing chosen", &renate.get("/postfach?ungelesen=1&absender=x").await);
    let page = format!("/postfach/{id}");
    album.page("a decision", &renate.get(&page).await);
    album.page("information", &renate.get(&format!("/postfach/{info}")).await);
    album.page("locked", &renate.get(&format!("/postfach/{strong}")).await);
    album.page("level", &renate.get(&format!("/anmelden/niveau?ziel=/postfach/{strong}")).await);
    let opened = renate.does_with(&id, "oeffnen").await;
    album.page("its text", &renate.follow(opened).await);
    comes_with_files(&world, &mut renate, &mut album).await;
    album.page("deadlines", &renate.get("/postfach/fristen").await);
    world.later();
    let archived = renate.does_with(&id, "archiv").await;
    album.page("archived", &renate.follow(archived).await);
    album.page("delete", &renate.get(&format!("{page}/loeschen")).await);
    album.page("delete, unread", &renate.get(&format!("/postfach/{info}/loeschen")).await);
    world.later();
    let deleted = renate.does_with(&id, "loeschen").await;
    album.page("deleted", &renate.follow(deleted).await);
    album.page("deleted ones", &renate.get("/postfach?ablage=papierkorb").await);
    world.later();
    let back = renate.does_with(&id, "zurueck").await;
    album.page("restored", &renate.follow(back).await);
    album.page("protocol", &renate.get("/daten/protokoll?art=postfach").await);
    chooses(&world, &mut renate, &mut album).await;
    is_away(&world, &mut renate, &mut album).await;
    tells_of_every_rule(&world, &mut renate, &mut album).await;
    answers(&world, &mut renate, &mut album).await;
    let port = world.config.issuer.rsplit(':').next().unwrap().to_owned();
    without_codes(&album.0.replace(&port, "8080"))
}

/// What is said of files: a sealed one, and one of each other kind.
async fn comes_with_files(world: &World, renate: &mut Browser, album: &mut Album) {
    let mut notice = information(world.person(EMAIL).await, "Mit Anlagen");
    let png =
        [b"\x89PNG\r\n\x1a\n\0\0\0\x0DIHDR".as_slice(), &[0; 2_400_000], b"\0\0\0\0IEND\xAE\x42\x60\x82"].concat();
    let files = [
        ("Bescheid.pdf", pdf(1500)),
        ("Plan.png", png),
        ("Foto.jpg", b"\xFF\xD8\xFF\xE0\xFF\xD9".to_vec()),
        ("Hinweise.txt", b"Hallo".to_vec()),
        ("daten.xml", b"<?xml version=\"1.0\"?><a/>".to_vec()),
    ];
    for (name, bytes) in files {
        notice.attachments.push(world.sends("parken", &notice.recipient, (name, bytes)).await);
    }
    notice.attachments[0].seal = Some(Seal { kind: SealKind::Qualified, by: "Stadt Musterhausen".to_owned() });
    world.later();
    let id = world.provides("parken", &notice).await;
    world.later();
    album.page("with files", &renate.get(&format!("/postfach/{id}")).await);
    let opened = renate.does_with(&id, "oeffnen").await;
    album.page("files", &renate.follow(opened).await);
    // Out of the way of the pages that follow.
    world.later();
    renate.does_with(&id, "archiv").await;
    world.later();
}

/// A form is filled in, and a text is written.
async fn answers(world: &World, renate: &mut Browser, album: &mut Album) {
    world.later();
    let id = world.provides("parken", &asking(world.person(EMAIL).await, form())).await;
    renate.does_with(&id, "oeffnen").await;
    album.page("wants a reply", &renate.get(&format!("/postfach/{id}")).await);
    album.page("wants a reply: text", &renate.get(&format!("/postfach/{id}/text")).await);
    album.page("reply", &renate.get(&page(&id)).await);
    album.page("reply, refused", &renate.writes(&id, &FILLED[..1], "pruefen").await);
    let saved = renate.writes(&id, &FILLED, "speichern").await;
    album.page("reply, saved", &renate.follow(saved).await);
    let checked = renate.writes(&id, &FILLED, "pruefen").await;
    let check = renate.follow(checked).await;
    album.page("reply: check", &check);
    let sent = renate.sends(&id, &check.hidden("antwort")).await;
    album.page("reply, sent", &renate.follow(sent).await);
    album.page("answered", &renate.get(&format!("/postfach/{id}")).await);
    let other = world.provides("parken", &asking(world.person(EMAIL).await, free())).await;
    renate.does_with(&other, "oeffnen").await;
    let saved = renate.writes(&other, &[("feld-1", "Ein Anfang")], "speichern").await;
    album.page("reply: text", &renate.follow(saved).await);
    let discarded = renate.writes(&other, &[], "verwerfen").await;
    album.page("reply, discarded", &renate.follow(discarded).await);
    world.change("UPDATE postbox_message SET reply_count = 10").await;
    album.page("reply, enough", &renate.get(&page(&id)).await);
    world.pass(days(30));
    renate.sign_in(EMAIL, PASSWORD).await;
    album.page("reply, over", &renate.get(&page(&id)).await);
}

/// What may be chosen for a postbox: paper, and days in a calendar; and what is looked for in it.
async fn chooses(world: &World, renate: &mut Browser, album: &mut Album) {
    const PAPER: &str = "/postfach/papier";
    const CALENDAR: &str = "/postfach/kalender";
    album.page("paper", &renate.get(PAPER).await);
    for (reference, name) in [("50-12/4711", "one case"), ("", "everything")] {
        let wish = [("behoerde", "parken"), ("aktenzeichen", reference)];
        let check = renate.post(PAPER, &[&[("aktion", "pruefen")], wish.as_slice()].concat()).await;
        album.page(&format!("paper: check, {name}"), &check);
        let done = renate.post(PAPER, &[&[("aktion", "papier")], wish.as_slice()].concat()).await;
        album.page(&format!("paper, {name}"), &renate.follow(done).await);
        world.later();
    }
    for entry in world.texts("SELECT id FROM postbox_exclusion ORDER BY case_hash").await {
        let back = renate.post(PAPER, &[("aktion", "elektronisch"), ("eintrag", &entry)]).await;
        album.page("paper, taken back", &renate.follow(back).await);
        world.later();
    }
    let wrong = [("aktion", "pruefen"), ("behoerde", "parken"), ("aktenzeichen", &"9".repeat(101))];
    album.page("paper, refused", &renate.post(PAPER, &wrong).await);
    album.page("calendar, none", &renate.get(CALENDAR).await);
    let mut made = renate.post(CALENDAR, &[("aktion", "anlegen")]).await;
    let secret = made.body.split("/kalender/").last().unwrap().split(".ics").next().unwrap().to_owned();
    made.body = made.body.replace(&secret, "GEHEIMNIS");
    album.page("calendar, made", &made);
    album.page("calendar", &renate.get(CALENDAR).await);
    let ended = renate.post(CALENDAR, &[("aktion", "beenden")]).await;
    album.page("calendar, ended", &renate.follow(ended).await);
    album.page("search", &renate.get("/postfach?suche=wohngeld").await);
    album.page("search, nothing", &renate.get("/postfach?suche=anderes").await);
}

/// Says that she is away, and is back early.
async fn is_away(world: &World, renate: &mut Browser, album: &mut Album) {
    const PAGE: &str = "/profil/abwesenheit";
    album.page("absence, none", &renate.get(PAGE).await);
    let days = ["von_tag", "von_monat", "von_jahr", "bis_tag", "bis_monat", "bis_jahr"];
    for (name, typed) in [
        ("absence, no days", ["", "", "", "", "", ""]),
        ("absence, the wrong way round", ["14", "12", "2026", "23", "11", "2026"]),
        ("absence, over", ["1", "11", "2026", "22", "11", "2026"]),
        ("absence, too long", ["23", "11", "2026", "14", "12", "2028"]),
        ("absence", ["23", "11", "2026", "14", "12", "2026"]),
    ] {
        let form: Vec<_> = days.into_iter().zip(typed).chain([("aktion", "speichern")]).collect();
        let answer = renate.post(PAGE, &form).await;
        let page = if answer.status == 303 { renate.follow(answer).await } else { answer };
        album.page(name, &page);
    }
    album.page("account, away", &renate.get("/konto").await);
    world.later();
    let ended = renate.post(PAGE, &[("aktion", "beenden")]).await;
    album.page("absence, ended", &renate.follow(ended).await);
}

/// Each legal basis has its sentences.
async fn tells_of_every_rule(world: &World, renate: &mut Browser, album: &mut Album) {
    let rules = [
        (LegalBasis::Vwvfg41Retrieval, Some(Remedy::Objection)),
        (LegalBasis::Vwvfg41Sending, None),
        (LegalBasis::SgbX37, Some(Remedy::SocialObjection)),
        (LegalBasis::Ao122a, Some(Remedy::TaxObjection)),
        (LegalBasis::Vwzg5, Some(Remedy::Action)),
    ];
    let mut made = Vec::new();
    for (basis, remedy) in rules {
        let mut notice = decision(world.person(EMAIL).await);
        (notice.legal_basis, notice.remedy) = (basis, remedy);
        let id = world.provides("parken", &notice).await;
        album.page(&format!("{basis:?}"), &renate.get(&format!("/postfach/{id}")).await);
        made.push(id);
    }
    renate.does_with(&made[4], "oeffnen").await;
    album.page("to acknowledge", &renate.get(&format!("/postfach/{}", made[4])).await);
    let done = renate.does_with(&made[4], "bestaetigen").await;
    album.page("acknowledged", &renate.follow(done).await);
    let mut hearing = decision(world.person(EMAIL).await);
    (hearing.kind, hearing.legal_basis, hearing.remedy) = (Kind::Hearing, LegalBasis::None, None);
    hearing.due_on = Some(time::macros::date!(2026 - 12 - 01));
    let id = world.provides("parken", &hearing).await;
    album.page("hearing", &renate.get(&format!("/postfach/{id}")).await);
    world
        .change(&format!(
            "UPDATE postbox_message SET notified_at = provided_at, offer_ends_on = '2026-12-03' WHERE id = '{}'",
            made[0]
        ))
        .await;
    album.page("offered", &renate.get(&format!("/postfach/{}", made[0])).await);
    world.pass(days(11));
    renate.sign_in(EMAIL, PASSWORD).await;
    album.page("lapsed", &renate.get(&format!("/postfach/{}", made[0])).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_read_of_their_postbox_in_german() {
    insta::assert_snapshot!(walk("de").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_read_of_their_postbox_in_english() {
    insta::assert_snapshot!(walk("en").await);
}
