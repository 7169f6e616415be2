//! Back in with the Online-Ausweis when everything else is lost (BSI TR-03160-1, recovery): who gets a new password, what ends
//! with it, and who is told that this card does not help.

use std::time::Duration;

use nutzerkonto::account::evidence::{self, Finding, Record};
use nutzerkonto::account::{self, AttributeName, Source};
use nutzerkonto::config::Config;
use nutzerkonto::kernel::id::AccountId;
use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::minutes;
use nutzerkonto::store::work::Actor;

use crate::both;
use crate::eid::{OTHER_BROWSER, agree, now, proven, says};
use crate::support::browser::{Answer, PASSWORD};
use crate::support::eid::{Liar, Lie};
use crate::support::passkey::Key;
use crate::support::surface::EMAIL;
use crate::support::{Browser, Reader, World};

const START: &str = "/wieder-anmelden/ausweis";
const CHOOSE: &str = "/wieder-anmelden/passwort";
const NEW_PASSWORD: &str = "neues-passwort-mit-wolken";
const NOBODYS: &str = "Zu dieser Karte finden wir kein Konto";

/// Reads a card to get back in.
async fn shows(reader: &Reader, browser: &mut Browser, card: &str) -> Answer {
    reader.read_from(browser, START, card).await
}

/// Chooses the new password.
async fn chooses(browser: &mut Browser, fields: &[(&str, &str)]) -> (u16, String) {
    let answer = browser.post(CHOOSE, &[&[("password", NEW_PASSWORD)], fields].concat()).await;
    (answer.status, answer.location().to_owned())
}

const DONE: &str = "/wieder-anmelden/fertig";

async fn signs_in(world: &World, password: &str) -> Browser {
    let mut browser = world.browser();
    browser.sign_in(EMAIL, password).await;
    browser
}

/// The account of that place in the order of registration has shown the same at an office.
async fn prove(world: &World, number: usize) {
    let account = AccountId::parse(&world.texts("SELECT id FROM account ORDER BY id").await[number]).unwrap();
    let mut work = world.app.begin(Actor::System("test")).await.unwrap();
    let source = (Level::Low, Source::RegistrationDesk);
    evidence::prove(&mut work, &world.app.vault, &account, source, Record::default()).await.unwrap();
    work.commit().await.unwrap();
}

/// An office has seen where the owner of that account was born.
async fn born_in(world: &World, number: usize, place: &str) {
    let account = AccountId::parse(&world.texts("SELECT id FROM account ORDER BY id").await[number]).unwrap();
    let mut work = world.app.begin(Actor::System("test")).await.unwrap();
    let seen = account::load(&mut work.tx, &world.app.vault, &account).await.unwrap().attribute_version;
    let values = vec![(AttributeName::BirthPlace, Some(place.to_owned()))];
    let finding = Finding { source: Source::RegistrationDesk, level: Level::Low, record: Record::default(), values };
    evidence::record(&mut work, &world.app.vault, &account, &finding, seen).await.unwrap();
    work.commit().await.unwrap();
}

both!(whoever_has_nothing_but_the_card_gets_back_in, async |mut world| {
    let (reader, mut renate) = proven(&mut world).await;
    renate.sets_up_a_code_app(&world).await;
    renate.add(&mut Key::new(&world), "Schlüssel").await;
    world.change("UPDATE session SET level = 'high'").await;
    let mut lost = world.browser();
    let page = lost.get("/wieder-anmelden").await;
    assert!(page.body.contains(&format!("id=\"ausweis\" href=\"{START}\"")), "{}", page.body);
    let page = lost.get(START).await;
    assert!(page.body.contains("Danach wählen Sie ein neues Passwort"), "{}", page.body);
    assert!(page.body.contains("id=\"anders\" href=\"/wieder-anmelden\""), "{}", page.body);
    world.settle().await;
    let commits = world.app.db.commits();
    let read = shows(&reader, &mut lost, "card:renate").await;
    assert_eq!(read.location(), CHOOSE, "{}", read.body);
    assert_eq!(world.app.db.commits() - commits, 3, "the try, the run, the card");
    assert!(!lost.is_signed_in(), "the card alone signs nobody in here");
    let page = lost.get(CHOOSE).await;
    assert!(page.body.contains(EMAIL) && page.body.contains("id=\"verloren\""), "{}", page.body);
    assert_eq!(renate.get("/konto").await.status, 200, "nothing has ended yet");
    assert_eq!(chooses(&mut lost, &[]).await, (303, DONE.to_owned()));
    assert_eq!(world.app.db.commits() - commits, 4, "and the password, as in any reset");
    assert_eq!(renate.get("/konto").await.status, 303, "every session has ended");
    assert!(!signs_in(&world, PASSWORD).await.is_signed_in());
    // The code app stays unless she says that it is gone.
    assert!(!signs_in(&world, NEW_PASSWORD).await.is_signed_in());
    assert_eq!((world.rows("code_generator").await, world.rows("passkey").await), (1, 1));

    let mut lost = world.browser();
    world.pass(minutes(1));
    assert_eq!(shows(&reader, &mut lost, "card:renate").await.location(), CHOOSE);
    let shown = lost.post(CHOOSE, &[("password", "x"), ("verloren", "ja"), ("anzeigen", "ja")]).await;
    assert!(shown.body.contains("value=\"ja\" aria-describedby=\"verloren-h\" checked"), "{}", shown.body);
    assert_eq!(lost.post(CHOOSE, &[("password", "kurz"), ("verloren", "ja")]).await.status, 422);
    assert_eq!(chooses(&mut lost, &[("verloren", "ja")]).await, (303, DONE.to_owned()));
    assert_eq!(chooses(&mut lost, &[]).await.0, 409, "one card, one password");
    let left = [world.rows("code_generator").await, world.rows("passkey").await, world.rows("recovery_code").await];
    assert_eq!(left, [0, 0, 0]);
    let mut back = signs_in(&world, NEW_PASSWORD).await;
    assert!(back.is_signed_in());
    assert_eq!(world.texts("SELECT identity_level FROM account").await, ["high"], "her card is still hers");
    let history = back.get("/sicherheit/verlauf").await.body;
    assert!(history.contains("Mit einem Online-Ausweis wieder hineingekommen"), "{history}");
    let protocol = back.get("/daten/protokoll").await.body;
    assert!(protocol.contains("Mit einem Online-Ausweis gezeigt, wem das Konto gehört"), "{protocol}");
});

both!(every_address_is_told, async |mut world| {
    let (reader, mut renate) = proven(&mut world).await;
    let other = "renate@arbeit.example";
    renate.get("/profil/kontakt/neu").await;
    renate.post("/profil/kontakt/neu", &[("email", other), ("current", PASSWORD)]).await;
    renate.get("/profil/kontakt/codes").await;
    let codes = [world.code_for(other).await, world.code_for(EMAIL).await];
    renate.post("/profil/kontakt/codes", &[("code_new", &codes[0]), ("code_old", &codes[1])]).await;
    assert_eq!(world.rows("email_address").await, 2);
    let mut lost = world.browser();
    shows(&reader, &mut lost, "card:renate").await;
    assert!(!lost.get(CHOOSE).await.body.contains("id=\"verloren\""), "there is nothing to lose");
    assert_eq!(chooses(&mut lost, &[("verloren", "ja")]).await.0, 303);
    for address in [EMAIL, other] {
        world.mail_about(address, "Neues Passwort mit einem Online-Ausweis").await;
    }
});

both!(a_new_card_counts_if_it_says_what_was_proven, async |mut world| {
    let (reader, mut renate) = proven(&mut world).await;
    let page = renate.get("/sicherheit/ausweise").await.body;
    let (_, rest) = page.split_once("id=\"sperren-1\" href=\"").unwrap();
    let path = rest.split('"').next().unwrap().to_owned();
    renate.get(&path).await;
    renate.post(&path, &[]).await;
    let refused = shows(&reader, &mut world.browser(), "card:renate").await;
    says(&refused, "Sie haben diese Karte gesperrt");
    assert!(refused.body.contains("Mit dieser Karte kommt niemand mehr in Ihr Konto"), "{}", refused.body);
    assert!(refused.body.contains("id=\"anders\" href=\"/wieder-anmelden\""), "{}", refused.body);
    let events = world.texts("SELECT detail FROM audit_event WHERE kind = 'eid_card.refused'").await;
    assert_eq!(events, ["{\"why\":\"blocked\"}"]);
    let mut lost = world.browser();
    assert_eq!(shows(&reader, &mut lost, "card:renate-neu").await.location(), CHOOSE);
    assert_eq!(chooses(&mut lost, &[]).await, (303, DONE.to_owned()));
    assert!(signs_in(&world, NEW_PASSWORD).await.is_signed_in());
    assert_eq!(world.rows("eid_card").await, 1, "it is connected by whoever is signed in");
});

both!(sec_s15_a_card_helps_nobody_but_its_owner, async |mut world| {
    let reader = Reader::start(&mut world).await;
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    // What she has only said herself identifies nobody.
    says(&shows(&reader, &mut world.browser(), "card:renate").await, NOBODYS);
    prove(&world, 0).await;
    says(&shows(&reader, &mut world.browser(), "card:erika").await, NOBODYS);
    // A namesake may have been born on the same day; one that was born elsewhere is not her.
    says(&shows(&reader, &mut world.browser(), "card:renate").await, NOBODYS);
    born_in(&world, 0, "Trier").await;
    says(&shows(&reader, &mut world.browser(), "card:renate").await, NOBODYS);
    born_in(&world, 0, "Mainz").await;
    let as_seen = shows(&reader, &mut world.browser(), "card:renate").await;
    assert_eq!(as_seen.location(), CHOOSE, "as an office has seen it");
    // What does not count any more identifies nobody.
    world.change("UPDATE attribute SET level = 'basic'").await;
    says(&shows(&reader, &mut world.browser(), "card:renate").await, NOBODYS);
    world.change("UPDATE attribute SET level = 'low'").await;
    // Somebody of the same name who was born on the same day, as another office has seen it.
    let mut namesake = world.browser();
    namesake.register(&world, "andere@example.org", ["RENATE", "MUSTER"]).await;
    assert_eq!(shows(&reader, &mut world.browser(), "card:renate").await.location(), CHOOSE, "she has proven nothing");
    prove(&world, 1).await;
    assert_eq!(shows(&reader, &mut world.browser(), "card:renate").await.location(), CHOOSE, "born somewhere");
    born_in(&world, 1, "Mainz").await;
    let refused = shows(&reader, &mut world.browser(), "card:renate").await;
    says(&refused, "Zu Ihren Daten gibt es mehrere Konten");
    assert!(!refused.body.contains(EMAIL) && !refused.body.contains("andere@example.org"), "{}", refused.body);
    // The one who connects her card is known by it from then on, and the other is not her.
    assert_eq!(reader.read(&mut renate, "card:renate").await.location(), "/ausweis/pruefen");
    assert_eq!(agree(&mut renate, "").await.location(), "/identitaet");
    assert_eq!(shows(&reader, &mut world.browser(), "card:renate").await.location(), CHOOSE);
    let mut lost = world.browser();
    shows(&reader, &mut lost, "card:renate").await;
    assert!(lost.get(CHOOSE).await.body.contains(EMAIL));
    world.change("UPDATE account SET status = 'locked'").await;
    says(&shows(&reader, &mut world.browser(), "card:renate").await, "Dieses Konto ist gesperrt");
});

both!(sec_y10_it_counts_once_in_the_browser_that_began, async |mut world| {
    let (reader, _) = proven(&mut world).await;
    let (mut attacker, mut victim) = (world.browser(), world.browser());
    let address = Reader::begin_at(&mut attacker, START).await;
    let back = reader.choose(&address, "card:renate").await;
    says(&victim.get(&back).await, OTHER_BROWSER);
    assert_eq!(victim.get(CHOOSE).await.status, 303, "no password to choose");
    let (start, rest) = back.split_once("lauf=").unwrap();
    let (_, result) = rest.split_once('&').unwrap();
    says(&attacker.get(&format!("{start}lauf={}&{result}", "A".repeat(43))).await, OTHER_BROWSER);
    assert_eq!(attacker.post(CHOOSE, &[("password", NEW_PASSWORD)]).await.status, 409);
    // Two nodes, one of them first.
    let mut lost = world.browser();
    let address = Reader::begin_at(&mut lost, START).await;
    let back = reader.choose(&address, "card:renate").await;
    let node = world.second_node().await;
    let mut elsewhere = lost.at(node.running.address);
    let (one, two) = tokio::join!(lost.get(&back), elsewhere.get(&back));
    let won = [&one, &two].into_iter().filter(|answer| answer.location() == CHOOSE).count();
    assert_eq!(won, 1, "{} {}", one.body, two.body);
    let tries = [lost.clone(), elsewhere].map(|mut one| async move {
        one.get(CHOOSE).await;
        chooses(&mut one, &[]).await.0
    });
    let [one, two] = tries;
    let mut statuses = <[u16; 2]>::from(tokio::join!(one, two));
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409]);
    node.running.abort().await;
    // What was read waits for half an hour.
    let mut late = world.browser();
    assert_eq!(shows(&reader, &mut late, "card:renate").await.location(), CHOOSE);
    late.get(CHOOSE).await;
    world.pass(minutes(30));
    assert_eq!(chooses(&mut late, &[]).await.0, 409);
});

// Whoever has left is nobody to find: neither by the card nor by what it says.
both!(an_account_that_is_gone_is_not_found, async |mut world| {
    let (reader, mut renate) = proven(&mut world).await;
    assert_eq!(world.texts("SELECT id FROM account WHERE identity_index IS NOT NULL").await.len(), 1);
    renate.get("/daten/loeschen").await;
    renate.post("/daten/loeschen", &[("wann", "sofort"), ("current", PASSWORD)]).await;
    assert!(world.texts("SELECT id FROM account WHERE identity_index IS NOT NULL").await.is_empty());
    for card in ["card:renate", "card:renate-neu"] {
        says(&shows(&reader, &mut world.browser(), card).await, NOBODYS);
    }
});

// Security row RL33, on the way back from the card: the server takes the question and says nothing.
both!(rl33_an_eid_server_that_hangs_on_the_way_back_is_named_within_ten_seconds, async |mut world| {
    let (reader, _) = proven(&mut world).await;
    let mut lost = world.browser();
    let address = Reader::begin_at(&mut lost, START).await;
    let back = reader.choose(&address, "card:renate").await;
    let liar = Liar::start(|_| Lie { seconds: 30, ..Lie::of("") });
    world.restart(|config| config.eid = liar.settings.clone()).await;
    let mut tablet = world.browser();
    let asks = async { (lost.get(&back).await, now()) };
    let others = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        (tablet.sign_in(EMAIL, PASSWORD).await, now())
    };
    let start = now();
    let ((page, named), (_, signed_in)) = tokio::join!(asks, others);
    says(&page, "Der Ausweisdienst antwortet nicht");
    assert!(page.body.contains(&format!("id=\"noch-einmal\" href=\"{START}\"")), "{}", page.body);
    assert!(
        tablet.is_signed_in() && signed_in < named && named - start < Duration::from_secs(10),
        "{:?}",
        named - start
    );
    liar.stop().await;
});

// No attribute stands above what its owner can sign in with, whatever the card says.
both!(an_operators_rule_bounds_what_a_card_proves, async |mut world| {
    let reader = Reader::start(&mut world).await;
    let rule = "issuer = \"http://localhost:1\"\n[[assurance.rules]]\nvalid_from = \"2026-01-01\"\nmeans = \"eid\"\n\
                level = \"substantial\"\nsigned_by = \"CISO\"\nreason = \"AusweisApp is being audited\"\n";
    let rules = Config::parse(rule).unwrap().assurance.rules;
    world.restart(|config| config.assurance.rules = rules).await;
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    reader.read(&mut renate, "card:renate").await;
    assert_eq!(agree(&mut renate, "").await.location(), "/identitaet");
    assert_eq!(world.texts("SELECT identity_level FROM account").await, ["substantial"]);
});
