//! What people read on the pages of members, and in the mails about them, in both languages.

use nutzerkonto::kernel::level::Level;

use crate::pages::{Album, without_codes};
use crate::support::organisation::{Firm, NADINE};
use crate::support::surface::two_services;
use crate::support::{Browser, World};

const KURT: &str = "kurt@example.org";

async fn walk(language: &'static str) -> String {
    let world = World::on_sqlite().await;
    two_services(&world).await;
    let (mut nadine, firm) = world.bakery().await;
    let (mut kurt, _) = world.somebody(KURT, ["Kurt", "Koch"], Level::Low).await;
    (nadine.language, kurt.language) = (language, language);
    // The language of the account's mails.
    for browser in [&mut nadine, &mut kurt] {
        browser.get("/profil").await;
        browser.post("/profil/sprache", &[("sprache", language)]).await;
    }
    let mut album = Album::default();
    let area = firm.adds_area(&mut nadine, "Bau").await;
    album.page("areas", &nadine.get(&firm.path("bereiche")).await);
    album.page("an area", &nadine.get(&firm.path(&format!("bereiche/{area}"))).await);
    invites(&world, (&mut nadine, &firm), &mut kurt, &mut album).await;
    changes(&world, (&mut nadine, &firm), &mut kurt, &mut album).await;
    let port = world.config.issuer.rsplit(':').next().unwrap().to_owned();
    without_codes(&album.0.replace(&port, "8080").replace(&area, "AREA"))
}

async fn invites(world: &World, (nadine, firm): (&mut Browser, &Firm), kurt: &mut Browser, album: &mut Album) {
    let page = firm.path("mitglieder/einladen");
    album.page("members, alone", &nadine.get(&firm.path("mitglieder")).await);
    album.page("invite", &nadine.get(&page).await);
    album.page("invite, refused", &nadine.post(&page, &[("aktion", "pruefen"), ("bis_tag", "31")]).await);
    let mut form = [
        ("aktion", "pruefen"),
        ("email", KURT),
        ("recht", "administration:"),
        ("recht", "read_mail:"),
        ("bis_tag", "31"),
        ("bis_monat", "12"),
        ("bis_jahr", "2027"),
    ];
    album.page("invite: check", &nadine.post(&page, &form).await);
    form[0].1 = "senden";
    let sent = nadine.post(&page, &form).await;
    album.page("invitations", &nadine.follow(sent).await);
    let mut mail = world.mail_about(KURT, "rganisation").await;
    let (_, code) = mail.body.split_once("/einladung/").unwrap();
    let code = code.split_whitespace().next().unwrap().to_owned();
    mail.body = mail.body.replace(&code, "CODE");
    album.mail(&mail);
    let link = format!("/einladung/{code}");
    album.page("invited", &kurt.get(&link).await);
    // Members are listed in the order in which they have joined.
    world.pass(std::time::Duration::from_millis(1));
    let joined = kurt.post(&link, &[("aktion", "annehmen")]).await;
    album.page("your membership", &kurt.follow(joined).await);
    album.page("invited, answered", &kurt.get(&link).await);
    album.mail(&world.mail_about(NADINE, "rganisation").await);
}

async fn changes(world: &World, (nadine, firm): (&mut Browser, &Firm), kurt: &mut Browser, album: &mut Album) {
    let member = world.texts(&format!("SELECT id FROM membership WHERE id <> '{}'", firm.membership)).await.remove(0);
    let page = firm.path(&format!("mitglieder/{member}"));
    album.page("members", &nadine.get(&firm.path("mitglieder")).await);
    album.page("a member", &nadine.get(&page).await);
    nadine.post(&page, &[("aktion", "geben"), ("recht", "use_service:parken")]).await;
    album.mail(&world.mail_about(KURT, "rganisation").await);
    let uebergabe = firm.path("uebergabe");
    album.page("handover", &nadine.get(&format!("{uebergabe}?an={member}")).await);
    let mut form = [("aktion", "pruefen"), ("mitglied", member.as_str()), ("recht", "representation")];
    album.page("handover: check", &nadine.post(&uebergabe, &form).await);
    form[0].1 = "anbieten";
    nadine.post(&uebergabe, &form).await;
    album.mail(&world.mail_about(KURT, "rganisation").await);
    album.page("handover, offered", &kurt.get(&uebergabe).await);
    album.page("leave", &nadine.get(&firm.path("verlassen")).await);
    album.page("leave, the last", &nadine.post(&firm.path("verlassen"), &[("aktion", "verlassen")]).await);
    album.page("end", &nadine.get(&format!("{page}/beenden")).await);
    let ended = nadine.post(&format!("{page}/beenden"), &[("aktion", "beenden")]).await;
    album.page("members, ended", &nadine.follow(ended).await);
    album.mail(&world.mail_about(KURT, "rganisation").await);
    album.page("protocol", &nadine.get(&firm.path("protokoll?art=mitglieder")).await);
    album.page("leave the account", &nadine.get("/daten/loeschen").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_members_read_in_german() {
    insta::assert_snapshot!(walk("de").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_members_read_in_english() {
    insta::assert_snapshot!(walk("en").await);
}
