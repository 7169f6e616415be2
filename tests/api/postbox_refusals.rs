//! Who does not read, and what opens nothing.

use nutzerkonto::kernel::level::Level;
use nutzerkonto::organisation::State;
use reqwest::Method;

use crate::acting_mandates::{Cast, cast};
use crate::both;
use crate::postbox::renate;
use crate::security_assertion::Signer;
use crate::support::authority::POSTBOX;
use crate::support::browser::PASSWORD;
use crate::support::mandate::{ALL, only};
use crate::support::organisation::NADINE;
use crate::support::postbox::{SUBJECT, decision, organisation};
use crate::support::surface::{EMAIL, two_services};
use crate::support::{Browser, World};

const NOBODYS: &str = "msg_00000000000000000000000000";
const PAGES: [&str; 6] = ["", "/text", "/loeschen", "/frist.ics", "/antwort", "/antwort/pruefen"];
const ACTS: [&str; 7] = ["oeffnen", "bestaetigen", "archiv", "zurueck", "loeschen", "antwort", "antwort/pruefen"];

/// Everything that one may try with a notice is answered as if there were none.
async fn is_not_there(browser: &mut Browser, id: &str) {
    let form = browser.get("/postfach").await;
    assert_eq!(form.status, 200, "{form:?}");
    for page in PAGES {
        let (found, nothing) = (
            browser.get(&format!("/postfach/{id}{page}")).await,
            browser.get(&format!("/postfach/{NOBODYS}{page}")).await,
        );
        assert_eq!((found.status, nothing.status), (404, 404), "{page}");
    }
    browser.get("/postfach").await;
    for act in ACTS {
        let answer = browser.post(&format!("/postfach/{id}/{act}"), &[]).await;
        assert_eq!(answer.status, 404, "{act}");
    }
}

async fn is_untouched(world: &World, id: &str) {
    for column in ["opened_at", "archived_at", "deleted_at", "acknowledged_at"] {
        assert_eq!(world.of_notice(id, column).await, "", "{column}");
    }
}

both!(sec_u01_what_is_somebody_elses_is_not_there, async |world| {
    let mut renate = renate(&world).await;
    let mut emre = world.browser();
    emre.register(&world, "emre@example.org", ["Emre", "Yılmaz"]).await;
    let id = world.provides("parken", &decision(world.person(EMAIL).await)).await;
    is_not_there(&mut emre, &id).await;
    is_untouched(&world, &id).await;
    for guess in ["msg_", "x", "..%2F..", "acc_00000000000000000000000000", "msg_0000000000000000000000000'"] {
        assert_eq!(renate.get(&format!("/postfach/{guess}")).await.status, 404, "{guess}");
    }
    let mut nobody = world.browser();
    let sent_away = nobody.get(&format!("/postfach/{id}/text")).await;
    assert_eq!(sent_away.location(), format!("/anmelden?ziel=/postfach/{id}"), "back to its page");
});

both!(sec_u01_other_areas_are_not_there, async |world| {
    two_services(&world).await;
    let (mut nadine, firm) = world.bakery().await;
    world.browser().register(&world, "kurt@example.org", ["Kurt", "Koch"]).await;
    let (bau, personal) = (firm.adds_area(&mut nadine, "Bau").await, firm.adds_area(&mut nadine, "Personal").await);
    let kurts = world.joins(&firm, "kurt@example.org", &[&format!("read_mail:{bau}")]).await;
    let [own, other, general] = [
        world.provides("parken", &decision(organisation(&firm.id))).await,
        world.provides("parken", &decision(organisation(&firm.id))).await,
        world.provides("parken", &decision(organisation(&firm.id))).await,
    ];
    world.routes(&own, &bau).await;
    world.routes(&other, &personal).await;
    let mut kurt = world.browser();
    kurt.sign_in("kurt@example.org", PASSWORD).await;
    kurt.acts_for(&kurts).await;
    let list = kurt.get("/postfach").await.body;
    assert!(
        list.contains("Nachrichten auf dieser Seite: 1.") && list.contains("Bau") && !list.contains("Personal"),
        "{list}"
    );
    assert!(list.contains("Postfach, 1 neue"), "{list}");
    assert!(!kurt.get(&format!("/postfach?bereich={personal}")).await.body.contains(SUBJECT));
    for id in [&other, &general] {
        is_not_there(&mut kurt, id).await;
        is_untouched(&world, id).await;
    }
    // Who reads may open, and nothing else.
    let page = kurt.get(&format!("/postfach/{own}")).await.body;
    assert!(page.contains("Sie dürfen hier lesen.") && !page.contains("id=\"loeschen\""), "{page}");
    for act in ["archiv", "loeschen", "zurueck"] {
        assert_eq!(kurt.does_with(&own, act).await.status, 403, "{act}");
    }
    assert_eq!(kurt.does_with(&own, "oeffnen").await.status, 303);
    nadine.acts_for(&firm.membership).await;
    let history = nadine.get(&format!("/postfach/{own}")).await.body;
    assert!(history.contains("<bdi>Kurt Koch</bdi>"), "{history}");
    let all = nadine.get("/postfach").await.body;
    assert!(all.contains("Nachrichten auf dieser Seite: 3.") && all.contains("Personal"), "{all}");
    let one = nadine.get(&format!("/postfach?bereich={personal}")).await.body;
    assert!(one.contains("Nachrichten auf dieser Seite: 1."), "{one}");
    world.leaves(&kurts).await;
    assert_eq!(kurt.get(&format!("/postfach/{own}")).await.status, 404);
});

both!(sec_u08_only_who_may_opens_and_only_by_a_form, async |world| {
    let mut renate = renate(&world).await;
    let id = world.provides("parken", &decision(world.person(EMAIL).await)).await;
    let page = format!("/postfach/{id}");
    for path in ["/postfach", "/postfach/fristen", "/konto", &page, &format!("{page}/text"), &format!("{page}/oeffnen")]
    {
        for (name, value) in [
            ("purpose", "prefetch"),
            ("sec-purpose", "prefetch;prerender"),
            ("x-moz", "prefetch"),
            ("user-agent", "WhatsApp/2.23 preview"),
        ] {
            for method in [Method::GET, Method::HEAD] {
                let request = renate.request(method, path).header(name, value);
                renate.clone().send(request).await;
            }
        }
    }
    // From elsewhere, without the value of our page, with somebody else's, or twice.
    let open = format!("{page}/oeffnen");
    renate.get(&page).await;
    let request = renate.request(Method::POST, &open).header("origin", "https://evil.example");
    let request = request.form(&[("csrf", renate.csrf.clone())]);
    assert_eq!(renate.clone().send(request).await.status, 403);
    let request = renate.request(Method::POST, &open).header("sec-fetch-site", "cross-site");
    let request = request.form(&[("csrf", renate.csrf.clone())]);
    assert_eq!(renate.clone().send(request).await.status, 403);
    for csrf in ["", "x"] {
        for act in ACTS {
            assert_eq!(renate.post_exactly(&format!("{page}/{act}"), &[("csrf", csrf)]).await.status, 403, "{act}");
        }
    }
    is_untouched(&world, &id).await;
    assert_eq!((world.recorded("postbox.opened").await, world.told(&id).await), (0, vec!["provided".to_owned()]));
    assert_eq!(renate.does_with(&id, "oeffnen").await.status, 303);
    assert_eq!(world.recorded("postbox.opened").await, 1);
});

both!(sec_u15_a_low_session_learns_no_subject_and_comes_back, async |world| {
    two_services(&world).await;
    let (mut renate, mut key) = world.somebody(EMAIL, ["Renate", "Muster"], Level::Substantial).await;
    let mut notice = decision(world.person(EMAIL).await);
    notice.level = Level::Substantial;
    let id = world.provides("parken", &notice).await;
    let page = format!("/postfach/{id}");
    renate.get("/profil").await;
    renate.post("/abmelden", &[]).await;
    renate.sign_in(EMAIL, PASSWORD).await;
    for path in ["/postfach", &page, "/postfach/fristen", &format!("{page}/loeschen")] {
        let body = renate.get(path).await.body;
        assert!(!body.contains("Wohngeld") && !body.contains("50-12/4711"), "{path}: {body}");
    }
    let list = renate.get("/postfach").await.body;
    for text in
        ["Bescheid", "Stadt Musterhausen – Dienst parken", "Nur mit „substanziell“ zu öffnen", "Frist: noch 35 Tage"]
    {
        assert!(list.contains(text), "{text}: {list}");
    }
    assert_eq!(renate.get(&format!("{page}/frist.ics")).await.status, 404);
    assert_eq!(renate.get(&format!("{page}/text")).await.location(), page);
    assert_eq!(renate.does_with(&id, "oeffnen").await.location(), page);
    is_untouched(&world, &id).await;
    let locked = renate.get(&page).await.body;
    assert!(locked.contains("Fristen laufen trotzdem.") && locked.contains("27. November 2026"), "{locked}");
    let level = format!("/anmelden/niveau?ziel={page}");
    assert!(locked.contains(&level) && !locked.contains("id=\"oeffnen\""), "{locked}");
    let step = renate.get(&level).await.body;
    assert!(
        step.contains("Die Behörde hat festgelegt") && step.contains(&format!("/anmelden/passkey?ziel={page}")),
        "{step}"
    );
    let back = renate.use_at(&format!("/anmelden/passkey?ziel={page}"), &mut key).await;
    assert_eq!(back.location(), page);
    assert!(renate.get(&page).await.body.contains(SUBJECT));
    assert_eq!(renate.get(&level).await.location(), page, "enough is enough");
    assert_eq!(renate.does_with(&id, "oeffnen").await.location(), format!("{page}/text"));
});

both!(who_has_a_mandate_reads_what_it_covers, async |world| {
    two_services(&world).await;
    let Cast { mut renate, mut nadine, mandate, .. } = cast(&world, ALL).await;
    let renates = world.person(EMAIL).await;
    let id = world.provides("parken", &decision(renates.clone())).await;
    let mut strong = decision(renates.clone());
    strong.level = Level::Substantial;
    let strong = world.provides("parken", &strong).await;
    nadine.acts_for(&mandate).await;
    let list = nadine.get("/postfach").await.body;
    assert!(list.contains("Postfach von Renate Muster") && list.contains("Nachrichten auf dieser Seite: 2."), "{list}");
    nadine.does_with(&id, "oeffnen").await;
    nadine.does_with(&id, "archiv").await;
    assert!(nadine.get(&format!("/postfach/{id}")).await.body.contains("<bdi>Sie</bdi>"));
    let history = renate.get(&format!("/postfach/{id}")).await.body;
    assert!(history.contains("<bdi>Jemand mit einer Vollmacht</bdi>") && !history.contains("Nadine"), "{history}");
    assert_eq!(world.texts("SELECT client_id FROM mandate_use").await, ["parken"]);
    assert_eq!(world.recorded("postbox.opened").await, 2, "one for each whom it concerns");
    let protocol = renate.get("/daten/protokoll?art=postfach").await.body;
    assert!(protocol.contains(&format!("Mit der Vollmacht {mandate}.")), "{protocol}");
    assert!(protocol.contains("Die andere Seite der Vollmacht") && !protocol.contains("Nadine"), "{protocol}");
    // Nothing is worth more than it is known who Renate is: words, and no way round in a circle.
    let page = format!("/postfach/{strong}");
    let locked = nadine.get(&page).await.body;
    assert!(locked.contains("so viel ist diese Vollmacht nicht wert") && !locked.contains("id=\"niveau\""), "{locked}");
    assert_eq!(nadine.get(&format!("/anmelden/niveau?ziel={page}")).await.location(), page);
    assert_eq!(nadine.does_with(&strong, "oeffnen").await.location(), page);
    is_untouched(&world, &strong).await;
    // She has ended it.
    world.revokes(&world.account(EMAIL).await, &mandate).await;
    world.later();
    for path in ["/postfach", "/postfach/fristen", &format!("/postfach/{id}"), &format!("/postfach/{id}/text")] {
        assert_eq!(nadine.get(path).await.status, 404, "{path}");
    }
});

// The office of a service delivers with a client of its own: what names the service covers its notices, and nothing of another office.
both!(a_mandate_for_a_service_covers_what_its_office_delivers, async |world| {
    two_services(&world).await;
    let office = |id: &str, service: &str| {
        Signer::new(id).declaration(&POSTBOX.replace("\"RP\" }", &format!("\"RP\", service = \"{service}\" }}")))
    };
    world.clients(&[office("parkamt", "parken"), office("bauamt", "bau")].concat()).await;
    let Cast { mut nadine, mandate, .. } = cast(&world, &only("parken")).await;
    let renates = world.person(EMAIL).await;
    let covered = world.provides("parkamt", &decision(renates.clone())).await;
    let other = world.provides("bauamt", &decision(renates)).await;
    nadine.acts_for(&mandate).await;
    is_not_there(&mut nadine, &other).await;
    assert!(nadine.get("/postfach").await.body.contains("Nachrichten auf dieser Seite: 1."));
    assert_eq!(nadine.does_with(&covered, "oeffnen").await.status, 303);
    assert_eq!(world.texts("SELECT client_id FROM mandate_use").await, ["parken"]);
});

both!(what_a_mandate_leaves_out_is_not_there, async |world| {
    two_services(&world).await;
    let Cast { mut nadine, mandate, .. } = cast(&world, &only("parken")).await;
    let renates = world.person(EMAIL).await;
    let covered = world.provides("parken", &decision(renates.clone())).await;
    let other = world.provides("bibliothek", &decision(renates)).await;
    nadine.acts_for(&mandate).await;
    is_not_there(&mut nadine, &other).await;
    is_untouched(&world, &other).await;
    assert!(nadine.get("/postfach").await.body.contains("Nachrichten auf dieser Seite: 1."));
    for act in ["archiv", "loeschen"] {
        assert_eq!(nadine.does_with(&covered, act).await.status, 403, "{act}: it lets her read, and no more");
    }
    assert_eq!(nadine.does_with(&covered, "oeffnen").await.status, 303);
    // A mandate needs her signed in as well as it needs her known.
    nadine.post("/abmelden", &[]).await;
    nadine.sign_in(NADINE, PASSWORD).await;
    nadine.acts_for(&mandate).await;
    let refused = nadine.get("/postfach").await;
    assert!(
        refused.location() == "/anmelden/niveau?ziel=postfach" || refused.body.contains("keine Nachrichten"),
        "{refused:?}"
    );
    assert!(!refused.body.contains(SUBJECT));
});

both!(sec_u04_what_an_authority_writes_is_text, async |world| {
    let mut renate = renate(&world).await;
    let mut notice = decision(world.person(EMAIL).await);
    let evil = "<img src=x onerror=alert(1)><svg><style>@import 'https://evil.example'</style></svg>";
    notice.head.subject = format!("{evil}\u{202E}gnuhcaN");
    notice.head.reference = Some(evil.to_owned());
    notice.head.sender = [evil.to_owned(), evil.to_owned()];
    notice.content.what = evil.to_owned();
    notice.content.text =
        format!("{evil}\n\n</p><form action=\"https://evil.example\"><button>Weiter</button></form>\nשלום");
    let id = world.provides("parken", &notice).await;
    renate.does_with(&id, "oeffnen").await;
    for path in [
        "/postfach",
        &format!("/postfach/{id}"),
        &format!("/postfach/{id}/text"),
        &format!("/postfach/{id}/loeschen"),
        "/postfach/fristen",
    ] {
        let page = renate.get(path).await;
        assert!(page.body.contains("&#60;img src=x onerror"), "{path}: {}", page.body);
        for tag in ["<img", "<svg", "<style", "action=\"https://evil"] {
            assert!(!page.body.contains(tag), "{path} {tag}");
        }
        // What turns the direction of what follows ends with what the authority wrote.
        assert!(!page.body.contains('\u{202E}') || page.body.contains("gnuhcaN</bdi>"), "{path}");
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
    }
});

both!(nobody_reads_for_an_organisation_that_is_blocked, async |world| {
    two_services(&world).await;
    let (mut nadine, bakery) = world.nadine_with_bakery().await;
    let id = world.provides("parken", &decision(organisation(&bakery))).await;
    nadine.acts_for(&world.membership(&bakery, NADINE).await).await;
    assert_eq!(nadine.get(&format!("/postfach/{id}")).await.status, 200);
    world.organisation_is(&bakery, State::Blocked).await;
    world.later();
    assert_eq!(nadine.get(&format!("/postfach/{id}")).await.status, 404);
    assert_eq!(nadine.get("/postfach").await.status, 404);
    nadine.get("/profil").await;
    assert_eq!(nadine.post(&format!("/postfach/{id}/oeffnen"), &[]).await.status, 404);
    is_untouched(&world, &id).await;
});
