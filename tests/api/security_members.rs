//! Attack rows T01, T02, T07 and T09: nobody reaches into another organisation, nobody lifts themselves up, and who has gone has
//! gone.

use nutzerkonto::kernel::level::Level;

use crate::both;
use crate::support::inspect::difference;
use crate::support::organisation::{Firm, NADINE};
use crate::support::surface::{two_services, urls};
use crate::support::{Browser, World};
use nutzerkonto::routes::Guard;

const KURT: &str = "kurt@example.org";
const MALLORY: &str = "mallory@example.org";

/// The bakery, Kurt in it, and Mallory, who is in charge of an organisation of her own.
async fn two_firms(world: &World) -> (Browser, Firm, String, Browser, Firm) {
    let (nadine, bakery) = world.bakery().await;
    world.browser().register(world, KURT, ["Kurt", "Koch"]).await;
    let kurt = world.joins(&bakery, KURT, &[]).await;
    let (mallory, _) = world.somebody(MALLORY, ["Mallory", "Muster"], Level::Substantial).await;
    let other = world.firm(MALLORY, "Mallory GmbH").await;
    (nadine, bakery, kurt, mallory, other)
}

// Generated from the route table: every page and every form of an organisation, for somebody who is in charge of another one.
both!(sec_t01_another_organisation_is_not_there, async |world| {
    let (mut nadine, bakery, kurt, mallory, _) = two_firms(&world).await;
    let area = bakery.adds_area(&mut nadine, "Bau").await;
    world.settle().await;
    let before = world.dump().await;
    let of_members: Vec<_> = urls().into_iter().filter(|url| url.guard == Guard::Member).collect();
    assert!(of_members.len() > 15, "the route table was read");
    for url in of_members {
        let path = bakery.fill(&url.path, &kurt, &area);
        let mut browser = mallory.clone();
        let answer = if url.method == "GET" {
            browser.get(&path).await
        } else {
            browser.post(&path, &[("aktion", "beenden"), ("recht", "audit:")]).await
        };
        assert_eq!(answer.status, 404, "{} {path}", url.method);
        assert!(!answer.body.contains("Weber") && !answer.body.contains("Kurt"), "{path}");
    }
    let after = world.dump().await;
    assert_eq!(after, before, "{:#?}", difference(&before, &after));
});

// Under the path of one's own organisation nothing of another can be named either.
both!(sec_t01_ids_of_others_are_unknown, async |world| {
    let (mut nadine, bakery, kurt, mut mallory, other) = two_firms(&world).await;
    let area = bakery.adds_area(&mut nadine, "Bau").await;
    let invite = bakery.path("mitglieder/einladen");
    nadine.get(&invite).await;
    let form = [("aktion", "senden"), ("email", "p@example.org"), ("recht", "audit:")];
    assert_eq!(nadine.post(&invite, &form).await.status, 303);
    let invitation = world.texts("SELECT id FROM invitation").await.remove(0);
    world.browser().register(&world, "anna@example.org", ["Anna", "Beck"]).await;
    let anna = world.joins(&other, "anna@example.org", &[]).await;
    assert_eq!(mallory.get(&other.path("mitglieder")).await.status, 200);
    world.settle().await;
    let before = world.dump().await;
    for rest in [format!("mitglieder/{kurt}"), format!("mitglieder/{kurt}/beenden"), format!("bereiche/{area}")] {
        assert_eq!(mallory.get(&other.path(&rest)).await.status, 404, "{rest}");
        for action in ["geben", "entziehen", "beenden", "umbenennen", "entfernen"] {
            let form = [("aktion", action), ("recht", "audit:"), ("name", "X"), ("rechte", "0")];
            assert_eq!(mallory.post(&other.path(&rest), &form).await.status, 404, "{rest} {action}");
        }
    }
    mallory.get(&other.path("mitglieder")).await;
    let right = format!("read_mail:{area}");
    let of_area = [("aktion", "geben"), ("recht", right.as_str())];
    assert_eq!(mallory.post(&other.path(&format!("mitglieder/{anna}")), &of_area).await.status, 404);
    let of_area = [("aktion", "senden"), ("email", "q@example.org"), ("recht", right.as_str())];
    assert_eq!(mallory.post(&other.path("mitglieder/einladen"), &of_area).await.status, 404);
    for action in ["zurueckziehen", "erneut"] {
        let form = [("aktion", action), ("einladung", invitation.as_str())];
        assert_eq!(mallory.post(&other.path("einladungen"), &form).await.status, 409, "{action}");
    }
    let form = [("aktion", "anbieten"), ("mitglied", kurt.as_str()), ("recht", "administration")];
    assert_eq!(mallory.post(&other.path("uebergabe"), &form).await.status, 404);
    let after = world.dump().await;
    assert_eq!(after, before, "{:#?}", difference(&before, &after));
});

// Nobody gives themselves anything, by whatever field; a right to read gives no right to write.
both!(sec_t02_nobody_lifts_themselves_up, async |world| {
    two_services(&world).await;
    let (mut nadine, firm) = world.bakery().await;
    let area = firm.adds_area(&mut nadine, "Bau").await;
    let (mut kurt, _) = world.somebody(KURT, ["Kurt", "Koch"], Level::Substantial).await;
    let read = format!("read_mail:{area}");
    let member = world.joins(&firm, KURT, &[&read, "audit:", "documents:"]).await;
    let colleague = firm.membership.clone();
    assert_eq!(kurt.get(&firm.path("mitgliedschaft")).await.status, 200);
    world.settle().await;
    let before = world.dump().await;
    let wanted = ["administration:", "representation:", "read_mail:", "use_service:parken", "owner:", ""];
    for right in wanted.iter().copied().chain([&*format!("answer_mail:{area}")]) {
        for target in [&member, &colleague] {
            let form = [
                ("aktion", "geben"),
                ("recht", right),
                ("rights", right),
                ("kind", "administration"),
                ("membership_id", member.as_str()),
                ("granted_by", colleague.as_str()),
                ("level", "high"),
                ("state", "active"),
            ];
            let answer = kurt.clone().post(&firm.path(&format!("mitglieder/{target}")), &form).await;
            assert_eq!(answer.status, 403, "{right} {target}");
        }
    }
    let form = [("aktion", "entziehen"), ("recht", "administration:")];
    assert_eq!(kurt.clone().post(&firm.path(&format!("mitglieder/{colleague}")), &form).await.status, 403);
    let after = world.dump().await;
    assert_eq!(after, before, "{:#?}", difference(&before, &after));
});

// Who administrates gives no power to represent, takes none, and gives themselves nothing at all.
both!(sec_t02_who_administrates_does_not_sign, async |world| {
    let (_, firm) = world.bakery().await;
    let (mut kurt, _) = world.somebody(KURT, ["Kurt", "Koch"], Level::Substantial).await;
    let member = world.joins(&firm, KURT, &["administration:"]).await;
    world.browser().register(&world, "anna@example.org", ["Anna", "Beck"]).await;
    let anna = world.joins(&firm, "anna@example.org", &[]).await;
    let give = async |browser: &mut Browser, target: &str, right: &str| {
        let form = [("aktion", "geben"), ("recht", right)];
        firm.sends(browser, &format!("mitglieder/{target}"), &form).await.status
    };
    assert_eq!(give(&mut kurt, &anna, "audit:").await, 303, "what may be given");
    assert_eq!(give(&mut kurt, &anna, "representation:").await, 403);
    for right in ["representation:", "read_mail:", "audit:", "administration:"] {
        assert_eq!(give(&mut kurt, &member, right).await, 403, "{right} to himself");
    }
    let nadine = &firm.membership;
    let take = [("aktion", "entziehen"), ("recht", "representation:")];
    assert_eq!(firm.sends(&mut kurt, &format!("mitglieder/{nadine}"), &take).await.status, 403);
    let end = [("aktion", "beenden")];
    assert_eq!(firm.sends(&mut kurt, &format!("mitglieder/{nadine}/beenden"), &end).await.status, 403);
    assert_eq!(world.rights_of(&anna).await, ["audit:"]);
    assert_eq!(world.rights_of(&member).await, ["administration:"]);
});

// A page that was open when it happened does nothing afterwards, on no node.
both!(sec_t07_who_has_gone_does_nothing_any_more, async |world| {
    let (mut nadine, firm) = world.bakery().await;
    let (mut kurt, _) = world.somebody(KURT, ["Kurt", "Koch"], Level::Substantial).await;
    let member = world.joins(&firm, KURT, &["administration:", "audit:"]).await;
    let node = world.second_node().await;
    let mut elsewhere = kurt.at(node.running.address);
    for browser in [&mut kurt, &mut elsewhere] {
        assert_eq!(browser.get(&firm.path("bereiche")).await.status, 200);
    }
    let end = [("aktion", "beenden")];
    assert_eq!(firm.sends(&mut nadine, &format!("mitglieder/{member}/beenden"), &end).await.status, 303);
    for browser in [&mut kurt, &mut elsewhere] {
        for (rest, form) in [
            ("bereiche".to_owned(), [("aktion", "anlegen"), ("name", "Bau"), ("x", "")]),
            (format!("mitglieder/{}", firm.membership), [("aktion", "geben"), ("recht", "audit:"), ("x", "")]),
            ("mitglieder/einladen".to_owned(), [("aktion", "senden"), ("email", "q@example.org"), ("recht", "audit:")]),
            ("verlassen".to_owned(), [("aktion", "verlassen"), ("x", ""), ("y", "")]),
        ] {
            assert_eq!(browser.post(&firm.path(&rest), &form).await.status, 404, "{rest}");
        }
    }
    assert_eq!((world.rows("organisation_area").await, world.rows("invitation").await), (0, 0));
    node.running.abort().await;
});

// An organisation rules over memberships, not over people: an officer stays one, an account stays open. And rights hang on ids:
// nothing is gained by calling something else by a name that has power.
both!(sec_t09_an_organisation_has_no_power_over_anything_else, async |world| {
    world.offices(&crate::support::bureau::declaration("musterhausen", "")).await;
    let (mut nadine, firm) = world.bakery().await;
    let mut olga = world.officer("olga@example.org", "musterhausen").await;
    let member = world.joins(&firm, "olga@example.org", &["audit:"]).await;
    let end = [("aktion", "beenden")];
    assert_eq!(firm.sends(&mut nadine, &format!("mitglieder/{member}/beenden"), &end).await.status, 303);
    assert_eq!((olga.get("/amt").await.status, olga.get("/konto").await.status), (200, 200));
    let (mut kurt, _) = world.somebody(KURT, ["Kurt", "Koch"], Level::Substantial).await;
    let area = firm.adds_area(&mut nadine, "Bau").await;
    world.joins(&firm, KURT, &[&format!("answer_mail:{area}")]).await;
    for name in ["administration", "Verwaltung", "administration:", "Allgemein", NADINE] {
        let form = [("aktion", "umbenennen"), ("name", name)];
        assert_eq!(firm.sends(&mut nadine, &format!("bereiche/{area}"), &form).await.status, 303, "{name}");
        assert_eq!(kurt.get(&firm.path("mitglieder")).await.status, 403, "{name}");
    }
});
