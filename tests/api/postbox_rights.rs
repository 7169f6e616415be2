//! What people take with them from their postbox: proof, days for their calendar, and what they look for.

use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::days;
use nutzerkonto::postbox::{proof, receipt};

use crate::acting_mandates::{Cast, cast};
use crate::both;
use crate::postbox::renate;
use crate::support::browser::PASSWORD;
use crate::support::mandate::ALL;
use crate::support::postbox::{SUBJECT, decision, information};
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

const CALENDAR: &str = "/postfach/kalender";

both!(renate_proves_what_has_happened_to_a_decision, async |world| {
    let mut renate = renate(&world).await;
    let id = world.provides("parken", &decision(world.person(EMAIL).await)).await;
    let page = format!("/postfach/{id}");
    assert!(renate.get(&page).await.body.contains(&format!("{page}/nachweis.jwt")));
    let file = renate.get(&format!("{page}/nachweis.jwt")).await;
    assert_eq!((file.status, file.header("content-type")), (200, "application/jwt"));
    assert!(file.header("content-disposition").contains(&format!("nachweis-{id}.jwt")));
    assert_eq!(world.of_notice(&id, "opened_at").await, "", "nothing is opened");
    let keys = renate.get("/api/postbox/v1/receipt-keys").await.body;
    let keys = serde_json::from_str(&keys).unwrap();
    let before = proof::verify(&file.body, &keys).unwrap();
    assert_eq!((before.receipt.jti.as_str(), before.opened_at), (id.as_str(), None));
    assert_eq!(before.receipt.announced_on.as_deref(), Some("2026-11-27"));
    assert!(before.notified_at.is_some() && receipt::verify(&file.body, &keys).is_err(), "another type");
    world.pass(days(1));
    renate.sign_in(EMAIL, PASSWORD).await;
    renate.does_with(&id, "oeffnen").await;
    let token = renate.get(&format!("{page}/nachweis.jwt")).await.body;
    let after = proof::verify(&token, &keys).unwrap();
    assert!(after.opened_at.as_deref().unwrap().starts_with("2026-11-24T"), "{after:?}");
    assert_eq!(after.receipt, before.receipt);
    let (said, signature) = token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { "B" } else { "A" };
    let changed = format!("{said}.{other}{}", &signature[1..]);
    assert!(proof::verify(&changed, &keys).unwrap_err().contains("signature is wrong"));
    let pdf = renate.get(&format!("{page}/nachweis.pdf")).await;
    assert_eq!((pdf.status, pdf.header("content-type")), (200, "application/pdf"));
    assert!(pdf.header("content-disposition").contains(&format!("nachweis-{id}.pdf")) && pdf.body.len() > 1000);
    assert_eq!(world.told(&id).await, ["opened", "provided"], "the authority learns nothing of it");
});

both!(sec_u01_a_proof_needs_what_the_notice_needs, async |world| {
    let mut renate = renate(&world).await;
    let mut strong = decision(world.person(EMAIL).await);
    strong.level = Level::High;
    let id = world.provides("parken", &strong).await;
    assert!(!renate.get(&format!("/postfach/{id}")).await.body.contains("nachweis.jwt"));
    let mut emre = world.browser();
    emre.register(&world, "emre@example.org", ["Emre", "Yılmaz"]).await;
    for kind in ["jwt", "pdf"] {
        let path = format!("/postfach/{id}/nachweis.{kind}");
        assert_eq!(renate.get(&path).await.location(), format!("/postfach/{id}"), "{kind}");
        assert_eq!(emre.get(&path).await.status, 404, "{kind}");
        assert_eq!(world.browser().get(&path).await.status, 303, "{kind}");
    }
});

impl Browser {
    /// Makes or renews the address of the calendar; what it is, without the issuer.
    async fn makes_address(&mut self) -> String {
        self.get(CALENDAR).await;
        let page = self.post(CALENDAR, &[("aktion", "anlegen")]).await.body;
        let start = page.find("/kalender/").unwrap_or_else(|| panic!("no address: {page}"));
        page[start..].split('<').next().unwrap().to_owned()
    }
}

/// Fetches as a calendar does, which has no cookies.
async fn fetches(world: &World, path: &str) -> crate::support::browser::Answer {
    world.browser().without_cookies().get(path).await
}

both!(a_calendar_fetches_days_and_nothing_else, async |world| {
    let mut renate = renate(&world).await;
    let mut strong = decision(world.person(EMAIL).await);
    strong.level = Level::High;
    world.provides("parken", &strong).await;
    world.provides("parken", &information(world.person(EMAIL).await, "Öffnungszeiten")).await;
    assert!(renate.get("/postfach/fristen").await.body.contains(CALENDAR));
    let path = renate.makes_address().await;
    assert!(path.len() > 50 && path.ends_with(".ics"), "{path}");
    let secret = path.trim_start_matches("/kalender/").trim_end_matches(".ics");
    let page = renate.get(CALENDAR).await.body;
    assert!(page.contains("seit 23. November 2026, 10:02 Uhr") && !page.contains(secret), "once only: {page}");
    let dump = world.dump().await;
    assert!(dump.values().flatten().all(|row| !row.contains(secret)), "only its hash is kept");
    let file = fetches(&world, &path).await;
    assert_eq!((file.status, file.header("content-type")), (200, "text/calendar; charset=utf-8"));
    assert!(file.header("cache-control").starts_with("private"));
    assert_eq!(file.body.matches("BEGIN:VEVENT").count(), 1, "{}", file.body);
    assert!(file.body.contains("DTSTART;VALUE=DATE:20261228"), "{}", file.body);
    for word in ["Wohngeld", "Musterhausen", "4711", "Parken"] {
        assert!(!file.body.contains(word), "{word} in {}", file.body);
    }
    let anybody = world.browser().without_cookies();
    let asked = anybody.request(reqwest::Method::GET, &path).header("if-none-match", file.header("etag"));
    assert_eq!(anybody.without_cookies().send(asked).await.status, 304);
    assert_eq!(world.rows("postbox_calendar").await, 1);
    let newer = renate.makes_address().await;
    assert_ne!(newer, path);
    assert_eq!((fetches(&world, &path).await.status, fetches(&world, &newer).await.status), (404, 200));
    renate.get(CALENDAR).await;
    let ended = renate.post(CALENDAR, &[("aktion", "beenden")]).await;
    assert!(renate.follow(ended).await.body.contains("Die Adresse gilt nicht mehr."));
    assert_eq!(fetches(&world, &newer).await.status, 404);
    assert_eq!((world.recorded("calendar.made").await, world.recorded("calendar.ended").await), (2, 1));
    let protocol = renate.get("/daten/protokoll?art=postfach").await.body;
    assert!(protocol.contains("Eine private Adresse für den Kalender angelegt oder erneuert."), "{protocol}");
});

both!(the_address_ends_with_the_account, async |world| {
    let mut renate = renate(&world).await;
    let path = renate.makes_address().await;
    let owner = world.account(EMAIL).await;
    world.change(&format!("UPDATE account SET status = 'locked' WHERE id = '{owner}'")).await;
    assert_eq!(fetches(&world, &path).await.status, 404);
    world.change(&format!("UPDATE account SET status = 'active' WHERE id = '{owner}'")).await;
    assert_eq!(fetches(&world, &path).await.status, 200);
    renate.sign_in(EMAIL, PASSWORD).await;
    renate.get("/daten/loeschen").await;
    renate.post("/daten/loeschen", &[("wann", "sofort"), ("current", PASSWORD)]).await;
    assert_eq!((fetches(&world, &path).await.status, world.rows("postbox_calendar").await), (404, 0));
});

both!(sec_u01_an_address_is_not_guessed_and_nobody_makes_one_for_others, async |world| {
    let Cast { mut renate, mut nadine, mandate, .. } = cast(&world, ALL).await;
    let path = renate.makes_address().await;
    nadine.acts_for(&mandate).await;
    assert_eq!(nadine.get(CALENDAR).await.status, 403);
    nadine.get("/postfach").await;
    assert_eq!(nadine.post(CALENDAR, &[("aktion", "beenden")]).await.status, 403);
    for wrong in ["x", "%00", &"A".repeat(43), &"A".repeat(5000), "..%2F..%2Fkonto"] {
        assert_eq!(fetches(&world, &format!("/kalender/{wrong}.ics")).await.status, 404, "{wrong:.50}");
    }
    let mut refused = 0;
    for _ in 0..70 {
        refused += usize::from(fetches(&world, &format!("/kalender/{}.ics", "B".repeat(43))).await.status == 429);
    }
    assert!((1..70).contains(&refused), "{refused} of seventy were refused");
    assert_eq!(fetches(&world, &path).await.status, 200, "who knows an address is slowed down by nobody else");
});

both!(renate_searches_what_her_list_shows, async |world| {
    let mut renate = renate(&world).await;
    let renates = world.person(EMAIL).await;
    let mut strong = decision(renates.clone());
    (strong.level, strong.head.subject) = (Level::High, "Streng Geheimes".to_owned());
    world.provides("parken", &strong).await;
    world.provides("parken", &decision(renates.clone())).await;
    world.provides("bibliothek", &information(renates.clone(), "Öffnungszeiten <b>neu</b>")).await;
    let mut finds = async |typed: &str| {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("suche", typed).finish();
        let page = renate.get(&format!("/postfach?{query}")).await;
        assert_eq!(page.status, 200, "{typed}");
        (page.body.matches("class=\"nk-service\"").count(), page.body)
    };
    for (typed, count) in [
        ("wohngeld", 2),
        ("WOHN stadt", 2),
        ("50-12 4711", 2),
        ("oeffnungs", 1),
        ("öffnungszeiten", 1),
        ("mitteilung", 1),
        // Of what is locked, sender and kind.
        ("bescheid", 2),
        ("geheimes", 0),
        ("%", 0),
        ("' OR 1=1 --", 0),
        ("", 3),
    ] {
        let (found, body) = finds(typed).await;
        assert_eq!(found, count, "{typed}: {body}");
    }
    let (_, body) = finds("\"><script>").await;
    assert!(!body.contains("<script>"), "{body}");
    assert_eq!(finds(&"ü".repeat(2000)).await.0, 0);
    let page = renate.get("/postfach?ablage=archiv&suche=wohngeld").await.body;
    assert!(page.contains("Keine Nachricht passt zu dieser Auswahl.") && !page.contains(SUBJECT), "{page}");
});

both!(searching_goes_on_on_the_next_page, async |world| {
    let mut renate = renate(&world).await;
    let renates = world.person(EMAIL).await;
    for number in 0..30 {
        let subject = if number % 10 == 0 { "Abfall" } else { "Wasser" };
        world.provides("parken", &information(renates.clone(), subject)).await;
    }
    let first = renate.get("/postfach?suche=wasser").await.body;
    assert_eq!(first.matches("class=\"nk-service\"").count(), 25);
    let next = first.split("id=\"weitere\" href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    assert!(next.contains("suche=wasser"), "{next}");
    let second = renate.get(&next).await.body;
    assert_eq!(second.matches("class=\"nk-service\"").count(), 2, "{second}");
    assert!(!second.contains("Abfall") && !second.contains("id=\"weitere\""), "{second}");
});

both!(a_search_looks_at_so_many_and_says_so, async |world| {
    let mut renate = renate(&world).await;
    let renates = world.person(EMAIL).await;
    let old = world.provides("parken", &information(renates.clone(), "Wasser")).await;
    world.later();
    let new = world.provides("parken", &information(renates.clone(), "Abfall")).await;
    // Two thousand that nobody may even open, between the two: rows without contents of their own.
    world
        .change(&format!(
            "INSERT INTO postbox_message (id, owner, client_id, kind, level, legal_basis, land, provided_at, content_key, head,
                                          content, content_hash)
             SELECT 'msg_' || SUBSTR('00000000000000000000000000' || CAST(number.n AS TEXT), LENGTH(CAST(number.n AS TEXT)) + 1), owner, client_id, kind, 'high', legal_basis, land,
                    provided_at, content_key, head, content, content_hash
               FROM postbox_message, (WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < 2000)
                                      SELECT n FROM series) AS number
              WHERE postbox_message.id = '{new}'"
        ))
        .await;
    let first = renate.get("/postfach?suche=wasser").await;
    assert!(first.body.contains("Durchsucht sind 2000 Nachrichten.") && first.body.contains("id=\"weitere\""));
    let next = first.body.split("id=\"weitere\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let second = renate.get(&next.replace("&#38;", "&")).await.body;
    assert!(second.contains(&old) && !second.contains("id=\"nicht-alles\""), "{second}");
});
