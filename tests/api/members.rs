//! Members and what they may do: given, taken, ended, handed over.

use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::days;

use crate::both;
use crate::support::World;
use crate::support::browser::LIST_MAX_BYTES;
use crate::support::organisation::NADINE;
use crate::support::surface::two_services;

const KURT: &str = "kurt@example.org";

async fn kurt(world: &World, level: Level) -> crate::support::Browser {
    world.somebody(KURT, ["Kurt", "Koch"], level).await.0
}

both!(nadine_gives_kurt_rights_and_takes_them, async |world| {
    two_services(&world).await;
    let (mut nadine, firm) = world.bakery().await;
    let alone = nadine.get(&firm.path("mitglieder")).await;
    assert!(alone.status == 200 && alone.body.contains("id=\"allein\""), "{alone:?}");
    let mut browser = kurt(&world, Level::Basic).await;
    let member = world.joins(&firm, KURT, &[]).await;
    let page = format!("mitglieder/{member}");
    let area = firm.adds_area(&mut nadine, "Bau").await;
    assert!(browser.get(&firm.path("mitgliedschaft")).await.body.contains("Sie haben hier noch keine Rechte"));
    let read = format!("read_mail:{area}");
    let form = [
        ("aktion", "geben"),
        ("recht", &read),
        ("recht", "use_service:parken"),
        ("bis_tag", "31"),
        ("bis_monat", "12"),
        ("bis_jahr", "2026"),
    ];
    let given = firm.sends(&mut nadine, &page, &form).await;
    assert_eq!(given.location(), firm.path(&format!("{page}?erledigt=1")), "{given:?}");
    assert_eq!(world.rights_of(&member).await, [read.as_str(), "use_service:parken"]);
    world.mail_about(KURT, "Ihre Rechte").await;
    let shown = nadine.get(&firm.path(&page)).await.body;
    assert!(shown.contains("Post lesen: Bau") && shown.contains("bis 31. Dezember 2026"), "{shown}");
    let own = browser.get(&firm.path("mitgliedschaft")).await.body;
    assert!(own.contains("Post lesen: Bau") && own.contains("Bäckerei Weber"));
    let list = nadine.get(&firm.path("mitglieder")).await.body;
    assert!(list.contains("Kurt Koch") && list.contains("Post lesen: Bau (bis 31. Dezember 2026)"), "{list}");
    // The same right with other dates; then none.
    let form = [("aktion", "geben"), ("recht", &read)];
    assert_eq!(firm.sends(&mut nadine, &page, &form).await.status, 303);
    assert!(nadine.get(&firm.path(&page)).await.body.contains("ohne Ende"));
    let form = [("aktion", "entziehen"), ("recht", &read)];
    assert_eq!(firm.sends(&mut nadine, &page, &form).await.status, 303);
    assert_eq!(world.rights_of(&member).await, ["use_service:parken"]);
    // The end of the year takes the other.
    world.pass(days(60));
    nadine.sign_in(NADINE, crate::support::browser::PASSWORD).await;
    browser.sign_in(KURT, crate::support::browser::PASSWORD).await;
    assert!(browser.get(&firm.path("mitgliedschaft")).await.body.contains("abgelaufen am 31. Dezember 2026"));
});

both!(what_a_form_lacks_is_named, async |world| {
    let (mut nadine, firm) = world.bakery().await;
    world.browser().register(&world, KURT, ["Kurt", "Koch"]).await;
    let member = world.joins(&firm, KURT, &[]).await;
    let page = format!("mitglieder/{member}");
    for (form, told) in [
        (&[("aktion", "geben")][..], "Wählen Sie mindestens ein Recht"),
        (
            &[("aktion", "geben"), ("recht", "audit:"), ("bis_tag", "31"), ("bis_monat", "2"), ("bis_jahr", "2027")],
            "Dieses Datum gibt es nicht",
        ),
        (
            &[("aktion", "geben"), ("recht", "audit:"), ("bis_tag", "1"), ("bis_monat", "1"), ("bis_jahr", "2026")],
            "nach dem Anfang",
        ),
    ] {
        let again = firm.sends(&mut nadine, &page, form).await;
        assert!(again.status == 422 && again.body.contains(told), "{told}: {again:?}");
    }
    assert!(world.rights_of(&member).await.is_empty());
});

both!(a_right_takes_effect_when_its_level_is_reached, async |world| {
    let (_, firm) = world.bakery().await;
    let mut kurt = kurt(&world, Level::Low).await;
    world.joins(&firm, KURT, &["administration:"]).await;
    let page = kurt.get(&firm.path("mitgliedschaft")).await.body;
    assert!(page.contains("wird wirksam, sobald") && page.contains("id=\"wartet\""), "{page}");
    assert_eq!(kurt.get(&firm.path("mitglieder")).await.status, 403);
    world.prove(KURT, Level::Substantial).await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let page = kurt.get(&firm.path("mitgliedschaft")).await.body;
    assert!(!page.contains("wird wirksam, sobald"), "{page}");
    assert_eq!(kurt.get(&firm.path("mitglieder")).await.status, 200);
});

// Whoever may, but has not signed in strongly enough, is led to where they can, and comes back.
both!(power_wants_a_strong_session, async |world| {
    let (_, firm) = world.bakery().await;
    let mut weak = world.browser();
    weak.sign_in(NADINE, crate::support::browser::PASSWORD).await;
    let page = firm.path("mitglieder/einladen");
    let refused = weak.get(&page).await;
    assert_eq!(refused.location(), format!("/anmelden/niveau?ziel={page}"));
    let level = weak.get(refused.location()).await;
    assert!(level.status == 200 && level.body.contains(&format!("?ziel={page}")), "{level:?}");
    // Nobody at all signs in first, and comes back as well.
    let mut nobody = world.browser();
    assert_eq!(nobody.get(&page).await.location(), format!("/anmelden?ziel={page}"));
    nobody.get(&format!("/anmelden?ziel={page}")).await;
    let form = [("email", NADINE), ("password", crate::support::browser::PASSWORD)];
    let signed_in = nobody.post(&format!("/anmelden?ziel={page}"), &form).await;
    assert_eq!(signed_in.location(), page);
});

both!(nadine_ends_the_access_of_kurt, async |world| {
    let (mut nadine, firm) = world.bakery().await;
    let mut browser = kurt(&world, Level::Substantial).await;
    let member = world.joins(&firm, KURT, &["administration:", "audit:"]).await;
    assert_eq!(browser.get(&firm.path("protokoll")).await.status, 200);
    let node = world.second_node().await;
    let page = format!("mitglieder/{member}/beenden");
    let confirm = nadine.get(&firm.path(&page)).await;
    assert!(confirm.body.contains("Zugriff von Kurt Koch beenden?"), "{confirm:?}");
    let ended = nadine.post(&firm.path(&page), &[("aktion", "beenden")]).await;
    assert_eq!(ended.location(), firm.path("mitglieder?erledigt=beendet"), "{ended:?}");
    world.mail_about(KURT, "nicht mehr zu einer").await;
    // At once and everywhere; his own account is as it was.
    for browser in [&mut browser.clone(), &mut browser.at(node.running.address)] {
        for rest in ["mitgliedschaft", "mitglieder", "protokoll"] {
            assert_eq!(browser.get(&firm.path(rest)).await.status, 404, "{rest}");
        }
        assert_eq!(browser.get("/konto").await.status, 200);
    }
    assert!(world.rights_of(&member).await.is_empty());
    let list = nadine.get(&firm.path("mitglieder")).await.body;
    assert!(!list.contains("Kurt Koch"));
    assert!(nadine.get(&firm.path("protokoll")).await.body.contains("Zugriff beendet: Kurt Koch"), "history stays");
    assert_eq!(nadine.post(&firm.path(&page), &[("aktion", "beenden")]).await.status, 404, "once");
    node.running.abort().await;
});

both!(a_long_list_has_pages, async |world| {
    let (mut nadine, firm) = world.bakery().await;
    world.crowd(&firm, 40).await;
    let first = nadine.get(&firm.path("mitglieder")).await.body;
    let next = first.split("id=\"weitere\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let second = nadine.get(&next).await.body;
    assert!(first.len() < LIST_MAX_BYTES, "{} bytes", first.len());
    let count = |page: &str| page.matches("<th scope=\"row\">").count();
    assert_eq!((count(&first), count(&second)), (25, 16));
    assert!(first.contains("Nadine Weber") && second.contains("Person 39") && !second.contains("id=\"weitere\""));
    for odd in ["nach=zzz", "nach=%00", "nach=mem_ZZZZZZZZZZZZZZZZZZZZZZZZZZ"] {
        let status = nadine.get(&firm.path(&format!("mitglieder?{odd}"))).await.status;
        assert!([200, 400].contains(&status), "{odd}: {status}");
    }
});

both!(areas_are_added_renamed_and_removed_with_what_hangs_on_them, async |world| {
    two_services(&world).await;
    let (mut nadine, firm) = world.bakery().await;
    world.browser().register(&world, KURT, ["Kurt", "Koch"]).await;
    let area = firm.adds_area(&mut nadine, "Bau").await;
    let member = world.joins(&firm, KURT, &[&format!("answer_mail:{area}"), "audit:"]).await;
    let twice = firm.sends(&mut nadine, "bereiche", &[("aktion", "anlegen"), ("name", " Bau ")]).await;
    assert!(twice.status == 422 && twice.body.contains("schon"), "{twice:?}");
    for bad in ["", "<b>", "a{b}", &"x".repeat(61)] {
        let refused = firm.sends(&mut nadine, "bereiche", &[("aktion", "anlegen"), ("name", bad)]).await;
        assert_eq!(refused.status, 422, "{bad}");
    }
    let rule = [("aktion", "regel"), ("dienst", "parken"), ("bereich", &area)];
    assert_eq!(firm.sends(&mut nadine, "bereiche", &rule).await.status, 303);
    assert_eq!(world.rows("organisation_area_rule").await, 1);
    let page = format!("bereiche/{area}");
    let renamed = firm.sends(&mut nadine, &page, &[("aktion", "umbenennen"), ("name", "Tiefbau")]).await;
    assert_eq!(renamed.status, 303, "{renamed:?}");
    assert!(nadine.get(&firm.path(&format!("mitglieder/{member}"))).await.body.contains("beantworten: Tiefbau"));
    // Whoever has been shown other rights than there are is asked again.
    let stale = firm.sends(&mut nadine, &page, &[("aktion", "entfernen"), ("rechte", "0")]).await;
    assert_eq!(stale.status, 422);
    let shown = nadine.get(&firm.path(&page)).await;
    assert_eq!(shown.hidden("rechte"), "1");
    let removed = nadine.post(&firm.path(&page), &[("aktion", "entfernen"), ("rechte", "1")]).await;
    assert_eq!(removed.status, 303, "{removed:?}");
    assert_eq!(world.rights_of(&member).await, ["audit:"]);
    assert_eq!((world.rows("organisation_area").await, world.rows("organisation_area_rule").await), (0, 0));
    assert_eq!(nadine.get(&firm.path(&page)).await.status, 404);
});
