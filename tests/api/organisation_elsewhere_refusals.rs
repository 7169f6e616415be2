//! What is refused of accounts that organisations have elsewhere, and what happens once.

use std::time::Duration;

use futures_util::future::join_all;
use nutzerkonto::kernel::id::OrganisationId;
use nutzerkonto::operator::Inquiry;
use nutzerkonto::operator::organisation as operator;
use nutzerkonto::organisation::claim::Outcome;
use nutzerkonto::organisation::record::LegalForm;
use nutzerkonto::organisation::{Record, State};
use serde_json::{Value, json};

use crate::both;
use crate::support::browser::Answer;
use crate::support::organisation::{ENTRY, NADINE, NAME, club, path};
use crate::support::upstream::{
    Mood, OF_ORGANISATION, Signing, Upstream, bakery_there, gateway, nordmark, with_providers,
};
use crate::support::{Browser, World};

const NOT_BELIEVED: &str = "Dieser Antwort trauen wir nicht";
const GONE: &str = "Das hat nicht geklappt";

/// A shop without an entry, of which two people have an account each, and what is said of it.
async fn two_shops(world: &World) -> [(Browser, OrganisationId); 2] {
    let mut shops = Vec::new();
    for email in ["nadine@example.org", "nadine.weber@example.org"] {
        let browser = world.representative(email, ["Nadine", "Weber"]).await;
        let record = Record { name: "Hofladen Weber".to_owned(), form: LegalForm::Gbr, ..club("") };
        shops.push((browser, world.organisation(email, &record).await));
    }
    shops.try_into().unwrap_or_else(|_| panic!("two"))
}

fn shop_there() -> Value {
    let mut said = bakery_there();
    (said["firmenname"], said["rechtsform"]["code"]) = (json!("Hofladen Weber"), json!("270"));
    (said["registerart"], said["registergericht"], said["registernummer"]) = (json!(""), json!(""), json!(""));
    said
}

fn taken(page: &Answer) {
    assert_eq!((page.status, page.heading()), (409, "Für diese Organisation gibt es schon ein Konto"), "{}", page.body);
    assert!(page.body.contains("Fragen Sie ihre Administratoren"), "{}", page.body);
    assert!(!page.body.contains(NADINE), "who they are is not told");
}

both!(sec_s15_one_account_there_counts_for_one_organisation_here, async |mut world| {
    let muk = gateway(&mut world).await;
    let [(mut one, first), (mut two, second)] = two_shops(&world).await;
    let node = world.second_node().await;
    let (there, here) = (one.leaves_for(&muk, &first).await, two.leaves_for(&muk, &second).await);
    let mut two_there = two.at(node.running.address);
    let (there, here) = (muk.answers(&there, shop_there()), muk.answers(&here, shop_there()));
    let (won, lost) = tokio::join!(one.get(&there), two_there.get(&here));
    let mut statuses = [won.status, lost.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409], "one wins: {won:?} {lost:?}");
    let is_first = won.status == 303;
    taken(if is_first { &lost } else { &won });
    node.running.abort().await;
    assert_eq!(world.rows("organisation_evidence").await, 1);
    let (loser, lost, won) = if is_first { (&mut two, &second, &first) } else { (&mut one, &first, &second) };
    taken(&loser.shows(&muk, lost, shop_there()).await);
    // Of the same organisation under another number there it is another account.
    let mut other = shop_there();
    other["pseudonym"] = json!("du-9999");
    assert_eq!(loser.shows(&muk, lost, other).await.status, 303);
    let refused = world.texts("SELECT detail FROM audit_event WHERE kind = 'organisation.account_refused'").await;
    assert!(refused.len() == 2 && refused.iter().all(|detail| detail.contains("taken")), "{refused:?}");
    assert_ne!(lost, won);
});

both!(an_account_is_free_when_others_have_claimed_its_organisation, async |mut world| {
    let muk = gateway(&mut world).await;
    let (mut nadine, id) = world.nadine_with_bakery().await;
    assert_eq!(nadine.shows(&muk, &id, bakery_there()).await.status, 303);
    let mut other = world.representative("nadine.weber@example.org", ["Nadine", "Weber"]).await;
    other.describes(&NAME, &ENTRY, "").await;
    other.get("/organisation/neu/anspruch").await;
    let why = [("begruendung", "Ich bin die Geschäftsführerin; ein Registerauszug liegt bei.")];
    assert_eq!(other.post("/organisation/neu/anspruch", &why).await.status, 303);
    let claim = operator::claims(&world.app).await.unwrap().remove(0).id;
    for who in ["k.muster", "b.beispiel"] {
        let by = Inquiry::new(who, "Registerauszug und Ausweis verglichen").unwrap();
        operator::decide(&world.app, &by, &claim, Outcome::Granted).await.unwrap();
    }
    assert_eq!(world.texts("SELECT state FROM organisation").await, ["blocked"]);
    assert_eq!(world.texts("SELECT level FROM organisation").await, ["basic"]);
    let opened = other.registers_bakery("1234").await;
    let id = OrganisationId::parse(path(&opened).trim_start_matches("/organisation/")).unwrap();
    assert_eq!(other.shows(&muk, &id, bakery_there()).await.status, 303, "whoever has it there");
});

both!(sec_s05_an_answer_about_an_organisation_counts_once, async |mut world| {
    let muk = gateway(&mut world).await;
    let (mut nadine, id) = world.nadine_with_bakery().await;
    let location = nadine.leaves_for(&muk, &id).await;
    let back = muk.answers(&location, bakery_there());
    let node = world.second_node().await;
    let tries = (0..6).map(|number| {
        let mut copy = if number % 2 == 0 { nadine.clone() } else { nadine.at(node.running.address) };
        let back = back.clone();
        async move { copy.get(&back).await.status }
    });
    let statuses = join_all(tries).await;
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 410).count(), 5, "{statuses:?}");
    node.running.abort().await;
    assert_eq!(world.rows("organisation_evidence").await, 1);
    // A fresh code with a question that was answered.
    assert_eq!(nadine.get(&muk.answers(&location, bakery_there())).await.heading(), GONE);
    // Nobody has asked, somebody else has, or too long ago.
    muk.asked();
    assert_eq!(nadine.get("/organisation/rueckkehr/muk?code=x&state=AAAA").await.heading(), GONE);
    let late = nadine.leaves_for(&muk, &id).await;
    world.pass(Duration::from_secs(15 * 60));
    let page = nadine.get(&muk.answers(&late, bakery_there())).await;
    assert!(page.status == 410 || !page.location().contains("erledigt"), "{page:?}");
    assert_eq!(world.rows("organisation_evidence").await, 1);
    assert!(!muk.asked().contains(&"/token".to_owned()));
});

both!(sec_s03_only_the_session_that_asked_brings_the_answer, async |mut world| {
    let muk = gateway(&mut world).await;
    let (mut nadine, id) = world.nadine_with_bakery().await;
    let mut emre = world.representative("emre@example.org", ["Emre", "Fremd"]).await;
    let location = nadine.leaves_for(&muk, &id).await;
    let back = muk.answers(&location, bakery_there());
    let page = emre.get(&back).await;
    assert_eq!((page.status, page.heading()), (410, GONE), "another browser");
    assert!(!page.body.contains(id.as_str()), "{}", page.body);
    let nobody = world.browser().get(&back).await;
    assert_eq!((nobody.status, nobody.heading()), (410, GONE), "nobody is signed in");
    // In the same browser somebody else has signed in meanwhile.
    let mut same = nadine.clone();
    same.cookies.insert("nk_s".to_owned(), emre.cookies["nk_s"].clone());
    let page = same.get(&back).await;
    assert_eq!((page.status, page.heading()), (410, GONE));
    assert!(!page.body.contains(id.as_str()), "nor of which organisation it was: {}", page.body);
    assert_eq!(nadine.get(&back).await.heading(), GONE, "and it is gone");
    assert_eq!(world.rows("organisation_evidence").await, 0);
});

/// What is wrong with an ID token.
type Wrong = (&'static str, fn(&mut Value));

both!(sec_g01_what_is_said_of_an_organisation_is_checked_as_a_whole, async |mut world| {
    let muk = gateway(&mut world).await;
    let (mut nadine, id) = world.nadine_with_bakery().await;
    let wrong: [Wrong; 7] = [
        ("issuer", |claims| claims["iss"] = json!("https://muk.example")),
        ("audience", |claims| claims["aud"] = json!("somebody-else")),
        ("authorized party", |claims| claims["azp"] = json!("somebody-else")),
        ("nonce", |claims| claims["nonce"] = json!("x")),
        ("no nonce", |claims| drop(claims.as_object_mut().unwrap().remove("nonce"))),
        ("old", |claims| claims["exp"] = json!(1)),
        ("not signed in anew", |claims| claims["auth_time"] = json!(1_000_000_000)),
    ];
    for (what, change) in wrong {
        muk.says(change);
        let page = nadine.shows_again(&world, &muk, (&id, bakery_there())).await;
        assert_eq!((page.status, page.heading()), (403, NOT_BELIEVED), "{what}");
    }
    muk.says(|_| {});
    for signing in [Signing::Other, Signing::None, Signing::Shared] {
        muk.signs(signing);
        let page = nadine.shows_again(&world, &muk, (&id, bakery_there())).await;
        assert_eq!(page.heading(), NOT_BELIEVED);
    }
    muk.signs(Signing::Own);
    muk.tells(|said| said["sub"] = json!("ek-9999"));
    assert_eq!(nadine.shows(&muk, &id, bakery_there()).await.heading(), NOT_BELIEVED, "userinfo of another");
    muk.tells(|_| {});
    let refused = world.texts("SELECT detail FROM audit_event WHERE kind = 'organisation.account_refused'").await;
    assert_eq!(refused.iter().filter(|detail| detail.contains("not_believed")).count(), 11, "{refused:?}");
    let location = nadine.leaves_for(&muk, &id).await;
    let cancelled = muk.answers(&location, bakery_there()).replace("code=", "error=access_denied&x=");
    let page = nadine.get(&cancelled).await;
    assert_eq!((page.status, page.heading()), (403, "Sie haben abgebrochen"));
    assert!(page.body.contains(&format!("href=\"/organisation/{id}/nachweis\"")), "{}", page.body);
    assert_eq!(world.rows("organisation_evidence").await, 0);
    muk.is(Mood::Endless);
    let location = nadine.leaves_for(&muk, &id).await;
    let page = nadine.get(&muk.answers(&location, bakery_there())).await;
    assert_eq!((page.status, page.heading()), (503, "Land muk antwortet gerade nicht"));
});

both!(sec_a14_an_account_of_organisations_is_nobodys_own, async |mut world| {
    let land = nordmark(&mut world).await;
    let muk = Upstream::open(&world, "muk").await;
    let settings = vec![land.settings(&world, "confirms_identity = true"), muk.settings(&world, OF_ORGANISATION)];
    with_providers(&mut world, settings).await;
    let (mut nadine, id) = world.nadine_with_bakery().await;
    for page in ["/anmelden", "/anmelden/konto", "/sicherheit/konten"] {
        let page = if page == "/anmelden" { world.browser().get(page).await } else { nadine.get(page).await };
        assert!(!page.body.contains("Land muk"), "{}", page.body);
    }
    for path in ["/anmelden/konto/muk", "/sicherheit/konten/verbinden/muk", "/anmelden/konto/muk/abmeldung"] {
        assert_eq!(nadine.post(path, &[]).await.status, 404, "{path}");
    }
    assert_eq!(nadine.get("/anmelden/konto/muk/zurueck").await.status, 404);
    // Nor is one of people one of organisations.
    assert_eq!(nadine.post(&format!("/organisation/{id}/nachweis/nordmark"), &[]).await.status, 404);
    assert_eq!(nadine.get("/organisation/rueckkehr/nordmark").await.status, 404);
    let page = nadine.get(&format!("/organisation/{id}/nachweis")).await.body;
    assert!(page.contains("id=\"mit-muk\"") && !page.contains("id=\"mit-nordmark\""), "{page}");
    // An answer to a question about herself is none about her bakery, and the other way round.
    let location = nadine.leaves_for(&muk, &id).await;
    let back = muk.answers(&location, bakery_there());
    let crossed = back.replace("/organisation/rueckkehr/muk", "/anmelden/konto/nordmark/zurueck");
    assert_eq!(nadine.get(&crossed).await.heading(), NOT_BELIEVED);
    nadine.get("/sicherheit/konten").await;
    let location = nadine.leaves("/sicherheit/konten/verbinden/nordmark").await;
    let back = land.answers(&location, bakery_there());
    let crossed = back.replace("/anmelden/konto/nordmark/zurueck", "/organisation/rueckkehr/muk");
    assert_eq!(nadine.get(&crossed).await.heading(), NOT_BELIEVED);
    assert_eq!((world.rows("organisation_evidence").await, world.rows("linked_account").await), (0, 0));
});

both!(a_blocked_organisation_is_not_shown, async |mut world| {
    let muk = gateway(&mut world).await;
    let (mut nadine, id) = world.nadine_with_bakery().await;
    for state in [State::Blocked, State::Insolvent, State::Closing] {
        let location = nadine.leaves_for(&muk, &id).await;
        world.organisation_is(&id, state).await;
        world.later();
        assert_eq!(nadine.get(&muk.answers(&location, bakery_there())).await.status, 403, "{state:?}");
        assert_eq!(nadine.get(&format!("/organisation/{id}/nachweis")).await.status, 403, "{state:?}");
        world.organisation_is(&id, State::Active).await;
    }
    assert_eq!(world.rows("organisation_evidence").await, 0);
});

both!(where_nobody_is_asked_nothing_is_offered, async |world| {
    let (mut nadine, id) = world.nadine_with_bakery().await;
    assert!(!nadine.get(&format!("/organisation/{id}")).await.body.contains("id=\"nachweis\""));
    assert_eq!(nadine.get(&format!("/organisation/{id}/nachweis")).await.status, 404);
    assert_eq!(nadine.post(&format!("/organisation/{id}/nachweis/muk"), &[]).await.status, 404);
});
