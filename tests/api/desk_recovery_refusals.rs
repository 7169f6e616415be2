//! Who is not let back in over a registration desk. Rows S02, S09, S10, S14, T02, P01, P03 and W03 of the list of attacks.

use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::hours;
use nutzerkonto::operator::{self, Inquiry};

use crate::both;
use crate::desk_recovery::{NEW_PASSWORD, OLGA, desk, released, renate_with_slip};
use crate::support::browser::PASSWORD;
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

async fn set(browser: &mut Browser) -> u16 {
    browser.post("/wieder-anmelden/passwort", &[("password", NEW_PASSWORD)]).await.status
}

async fn lock(world: &World) {
    let by = Inquiry::new("k.muster", "Gestohlenes Handy gemeldet").unwrap();
    operator::lock(&world.app, &by, &world.account(EMAIL).await).await.unwrap();
}

/// The link in the mail that tells of a release.
async fn link(world: &World) -> String {
    let mail = world.mail_about(EMAIL, "hat Ihr Nutzerkonto freigegeben").await;
    let line = mail.body.lines().find(|line| line.contains("/wieder-anmelden/abbrechen/")).unwrap();
    line.trim_start_matches(&world.config.issuer).to_owned()
}

both!(sec_s14_nobody_learns_from_a_slip_whether_there_is_an_account, async |mut world| {
    world.restart(|config| config.limits.mails_per_hour = 3).await;
    let mut olga = desk(&world, "").await;
    let (_, _, first) = renate_with_slip(&world).await;
    let mut pages = Vec::new();
    for email in [EMAIL, "niemand@example.org"] {
        let mut stranger = world.browser();
        let slip = stranger.asks_for_slip(email).await;
        let page = stranger.get("/wieder-anmelden/amt/vorgang").await;
        let (head, rest) = page.body.split_once("<path").unwrap();
        let rest = rest.split_once("/>").unwrap().1;
        let page = format!("{head}{rest}").replace(&slip, "").replace(&stranger.csrf, "");
        pages.push(page);
        if email != EMAIL {
            assert_eq!(olga.opens("musterhausen", &slip).await.status, 422, "it opens nothing");
        }
    }
    assert_eq!(pages[0], pages[1]);
    world.mail_about("niemand@example.org", "kein Nutzerkonto").await;
    assert_eq!(world.browser().post("/wieder-anmelden/amt", &[("email", "kein-at")]).await.status, 403);
    let mut stranger = world.browser();
    stranger.get("/wieder-anmelden/amt").await;
    for wrong in ["", "kein-at"] {
        assert_eq!(stranger.post("/wieder-anmelden/amt", &[("email", wrong)]).await.status, 422);
    }
    // Beyond the limit on mails the slip is good all the same: nobody keeps the owner from the desk.
    for _ in 0..3 {
        world.browser().asks_for_slip(EMAIL).await;
    }
    let last = world.browser().asks_for_slip(EMAIL).await;
    olga.opened("musterhausen", &last).await;
    let path = olga.opened("musterhausen", &last).await;
    olga.post(&format!("{path}/schliessen"), &[]).await;
    olga.opened("musterhausen", &first).await;
});

both!(an_account_that_nobody_has_proven_is_not_released, async |world| {
    let mut olga = desk(&world, "").await;
    let (_, own) = world.renate_with_code().await;
    let path = olga.opened("musterhausen", &own).await;
    let stand = olga.get(&path).await.hidden("stand");
    olga.get(&format!("{path}/ablehnen")).await;
    assert_eq!(olga.post(&format!("{path}/ablehnen"), &[("grund", "unproven")]).await.status, 422, "no reason here");
    olga.post(&format!("{path}/schliessen"), &[]).await;
    let slip = world.browser().asks_for_slip(EMAIL).await;
    let path = olga.opened("musterhausen", &slip).await;
    let page = olga.get(&path).await.body;
    assert!(page.contains("id=\"nichts-nachgewiesen\"") && !page.contains("id=\"weiter\""), "{page}");
    let form = crate::support::bureau::CARD;
    let seen = [("stand", stand.as_str())];
    let confirmed = olga.post(&format!("{path}/bestaetigen"), &[form.as_slice(), &seen].concat()).await;
    assert_eq!((confirmed.status, world.rows("desk_release").await), (403, 0), "{confirmed:?}");
    let refuse = format!("{path}/ablehnen");
    let page = olga.get(&refuse).await.body;
    assert!(!page.contains("notiz") && page.contains("unproven"), "{page}");
    assert_eq!(olga.post(&refuse, &[("grund", "other"), ("notiz", "x")]).await.status, 422);
    assert_eq!(olga.post(&refuse, &[("grund", "unproven")]).await.location(), "/amt?erledigt=abgelehnt");
    let mail = world.mail_about(EMAIL, "nicht freigegeben").await;
    assert!(mail.body.contains("noch keine Identität nachgewiesen"), "{}", mail.body);
    assert_eq!(olga.opens("musterhausen", &slip).await.status, 422, "it has ended");
});

both!(sec_p03_a_document_of_somebody_else_releases_nothing_and_cannot_be_guessed, async |world| {
    let mut olga = desk(&world, "").await;
    let (_, _, slip) = renate_with_slip(&world).await;
    let path = olga.opened("musterhausen", &slip).await;
    for wrong in [("birth_year", "1960"), ("birth_day", "")] {
        let page = olga.compares(&path, &[wrong]).await.body;
        assert!(page.contains("id=\"andere-person\"") && !page.contains("id=\"freigeben\""), "{wrong:?}: {page}");
        assert!(page.contains("Stimmt nicht überein.") && !page.contains("1959"), "{page}");
    }
    let refused = olga.confirms(&path, &[("family_name", "Neu")]).await;
    assert_eq!(refused.status, 403, "a name that has changed needs another proof: {refused:?}");
    for _ in 0..5 {
        assert_eq!(olga.compares(&path, &[]).await.status, 200, "what is the same does not count");
    }
    assert_eq!(olga.compares(&path, &[("given_names", "Petra")]).await.status, 200);
    assert_eq!(olga.confirms(&path, &[("given_names", ""), ("one_name", "ja")]).await.status, 403);
    assert_eq!(olga.compares(&path, &[]).await.status, 429, "five in a day");
    assert_eq!(olga.confirms(&path, &[]).await.status, 429);
    // Whoever asks, and at whatever desk.
    olga.get(&path).await;
    olga.post(&format!("{path}/schliessen"), &[]).await;
    let mut peter = world.officer("peter@example.org", "musterhausen").await;
    let slip = world.browser().asks_for_slip(EMAIL).await;
    let path = peter.opened("musterhausen", &slip).await;
    assert_eq!(peter.confirms(&path, &[]).await.status, 429);
    assert_eq!(world.rows("desk_release").await, 0);
});

both!(all_that_is_proven_is_compared, async |world| {
    let mut olga = desk(&world, "").await;
    let (mut renate, own) = world.renate_with_code().await;
    let path = olga.opened("musterhausen", &own).await;
    assert_eq!(olga.confirms(&path, &[("birth_place", "Mainz")]).await.status, 303);
    let slip = world.browser().asks_for_slip(EMAIL).await;
    let path = olga.opened("musterhausen", &slip).await;
    let page = olga.compares(&path, &[]).await.body;
    assert!(page.contains("Ist im Konto nachgewiesen. Tippen Sie es ab."), "{page}");
    assert_eq!(olga.confirms(&path, &[]).await.status, 403);
    assert_eq!(olga.confirms(&path, &[("birth_place", "Trier")]).await.status, 403);
    // Data that change meanwhile are looked at once more.
    let seen = olga.get(&path).await.hidden("stand");
    let version = renate.get("/profil/angaben").await.hidden("stand");
    renate.post("/profil/angaben", &[("stand", &version), ("nickname", "Reni")]).await;
    let late = olga.confirms(&path, &[("birth_place", "MAINZ"), ("stand", &seen)]).await;
    assert!(late.status == 422 && late.body.contains("id=\"stand\""), "{}", late.body);
    assert_eq!(olga.confirms(&path, &[("birth_place", "MAINZ")]).await.status, 200);
});

both!(sec_t02_no_officer_lets_themselves_in, async |world| {
    let mut olga = desk(&world, "").await;
    let slip = world.browser().asks_for_slip(OLGA).await;
    let page = olga.opens("musterhausen", &slip).await;
    assert!(page.status == 422 && page.body.contains("Ihr eigener Vorgang"), "{}", page.body);
    assert_eq!(world.rows("desk_case").await, 0);
    // Nor does a slip prove whom somebody represents.
    let (_, _, slip) = renate_with_slip(&world).await;
    olga.opened("musterhausen", &slip).await;
    let (mut gerd, _) = world.somebody("gerd@example.org", ["Gerd", "Helfer"], Level::Substantial).await;
    let other = gerd.takes_code().await;
    olga.get("/amt/vertretung").await;
    let order = [
        ("amt", "musterhausen"),
        ("vertretene", slip.as_str()),
        ("vertreter", other.as_str()),
        ("gericht", "Amtsgericht Mainz"),
        ("aktenzeichen", "1"),
        ("post", "ja"),
        ("bis_tag", "31"),
        ("bis_monat", "12"),
        ("bis_jahr", "2027"),
        ("gesehen", "ja"),
    ];
    let page = olga.post("/amt/vertretung", &order).await;
    assert!(page.status == 422 && page.body.contains("gibt es nicht"), "{}", page.body);
    assert_eq!(world.rows("guardian").await, 0);
});

both!(sec_s10_a_locked_account_is_not_released, async |world| {
    let mut olga = desk(&world, "").await;
    let (_, mut lost, slip) = renate_with_slip(&world).await;
    let code = released(&mut olga, &slip).await;
    let mut typed = world.browser();
    typed.types_desk_code(&code).await;
    let other = world.browser().asks_for_slip(EMAIL).await;
    lock(&world).await;
    world.mail_about(EMAIL, "Freigabe durch das Bürgerbüro ist abgebrochen").await;
    assert_eq!(lost.types_desk_code(&code).await.status, 422);
    assert_eq!(set(&mut typed).await, 409, "also where it was typed before");
    assert_eq!(olga.opens("musterhausen", &other).await.status, 422);
    let slip = world.browser().asks_for_slip(EMAIL).await;
    assert_eq!(olga.opens("musterhausen", &slip).await.status, 422);
});

both!(whoever_leaves_takes_slip_and_release_along, async |world| {
    let mut olga = desk(&world, "").await;
    let (mut renate, mut lost, slip) = renate_with_slip(&world).await;
    let code = released(&mut olga, &slip).await;
    let slip = world.browser().asks_for_slip(EMAIL).await;
    renate.get("/daten/loeschen").await;
    let left = renate.post("/daten/loeschen", &[("current", PASSWORD), ("wann", "sofort")]).await;
    assert_eq!(left.status, 303, "{left:?}");
    assert_eq!(lost.types_desk_code(&code).await.status, 422);
    assert_eq!(olga.opens("musterhausen", &slip).await.status, 422);
    world.pass(std::time::Duration::from_secs(120));
    nutzerkonto::data::leaving::tend(&world.app).await.unwrap();
    assert_eq!((world.rows("desk_slip").await, world.rows("desk_release").await), (0, 0));
});

both!(sec_s10_whoever_reads_a_mail_ends_it_and_a_sign_in_does_not, async |world| {
    let mut olga = desk(&world, "").await;
    let (_, mut lost, slip) = renate_with_slip(&world).await;
    let code = released(&mut olga, &slip).await;
    let path = link(&world).await;
    // Whoever has stolen the password resets it, and signs in.
    let mut thief = world.browser();
    let mailed = thief.reset_code(&world, EMAIL).await;
    thief.post("/wieder-anmelden/code", &[("code", &mailed)]).await;
    assert_eq!(set(&mut thief).await, 303);
    assert_eq!(thief.sign_in(EMAIL, NEW_PASSWORD).await.status, 303);
    lost.types_desk_code(&code).await;
    let mut reader = world.browser();
    let page = reader.get(&path).await.body;
    assert!(page.contains("weil sich dort jemand ausgewiesen hat"), "{page}");
    reader.get(&path).await;
    assert_eq!(world.rows("desk_release").await, 1, "looking changes nothing");
    assert_eq!(reader.post(&path, &[]).await.location(), "/wieder-anmelden/abgebrochen");
    world.mail_about(EMAIL, "ist abgebrochen").await;
    assert_eq!(set(&mut lost).await, 409, "also where the code was typed before");
    assert_eq!(lost.types_desk_code(&code).await.status, 422);
    assert_eq!(reader.get(&path).await.heading(), "Hier ist nichts abzubrechen");
    assert!(thief.get("/daten/protokoll").await.body.contains("Freigabe durch ein Bürgerbüro abgebrochen"));
});

both!(sec_s10_that_was_not_me_ends_it, async |world| {
    let mut olga = desk(&world, "").await;
    let (mut renate, mut lost, slip) = renate_with_slip(&world).await;
    let code = released(&mut olga, &slip).await;
    renate.get("/sicherheit/notfall").await;
    renate.post("/sicherheit/notfall", &[]).await;
    assert_eq!(lost.types_desk_code(&code).await.status, 422);
});

both!(sec_s09_a_newer_release_voids_the_older_one, async |world| {
    let mut olga = desk(&world, "").await;
    let (_, mut lost, slip) = renate_with_slip(&world).await;
    let older = released(&mut olga, &slip).await;
    let slip = lost.asks_for_slip(EMAIL).await;
    let newer = released(&mut olga, &slip).await;
    assert_eq!(lost.types_desk_code(&older).await.status, 422);
    for number in 0..9 {
        lost.types_desk_code(&format!("QQQQQQ-QQQQQ{number}")).await;
    }
    assert_eq!(lost.types_desk_code(&newer).await.status, 429, "the right one, too");
    // What was typed counts for half an hour.
    let mut other = world.browser();
    assert_eq!(other.types_desk_code(&newer).await.status, 303);
    world.pass(hours(1));
    assert_eq!(set(&mut other).await, 409);
    assert_eq!(other.types_desk_code("").await.status, 422);
});

both!(sec_p01_one_officer_one_release_one_password, async |world| {
    let mut olga = desk(&world, "").await;
    let mut peter = world.officer("peter@example.org", "musterhausen").await;
    let (_, mut lost, slip) = renate_with_slip(&world).await;
    let second = world.browser().asks_for_slip(EMAIL).await;
    let node = world.second_node().await;
    (_, _) = (olga.get("/amt").await, peter.get("/amt").await);
    let mut there = peter.at(node.running.address);
    // The same slip, and two slips for one account.
    let (one, two) = tokio::join!(olga.opens("musterhausen", &slip), there.opens("musterhausen", &second));
    let won = [one.status, two.status].iter().filter(|status| **status == 303).count();
    assert_eq!(won, 1, "{one:?} {two:?}");
    let (mut winner, path) =
        if one.status == 303 { (olga, one.location().to_owned()) } else { (there, two.location().to_owned()) };
    let mut twin = winner.clone();
    let (one, two) = tokio::join!(winner.confirms(&path, &[]), twin.confirms(&path, &[]));
    let papers: Vec<_> = [one, two].into_iter().filter(|page| page.status == 200).collect();
    assert_eq!(papers.len(), 1, "{papers:?}");
    let code = papers[0].code();
    let mut other = world.browser().at(node.running.address);
    lost.types_desk_code(&code).await;
    other.types_desk_code(&code).await;
    let (one, two) = tokio::join!(set(&mut lost), set(&mut other));
    assert_eq!([one, two].iter().filter(|status| **status == 303).count(), 1, "{one} {two}");
    let finished = world.texts("SELECT id FROM audit_event WHERE kind = 'recovery.desk_finished'").await;
    assert_eq!(finished.len(), 1);
    node.running.abort().await;
});
