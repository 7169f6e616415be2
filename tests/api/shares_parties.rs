//! Shared documents, and everybody for whom they are not: another service with tokens of its own, whoever has stolen a token that is bound to a
//! certificate, the person who has shared for an organisation, and those in it who may not.

use nutzerkonto::kernel::secret::{hex, sha256};
use serde_json::json;

use crate::both;
use crate::mutual_tls::{BOUND, declaration, own, redeem};
use crate::sender_constraint::{Bound, tokens};
use crate::shares::{DOCUMENTS, Story, asking, asks_as, facts, file, get, is_asked, shares};
use crate::support::acting::of;
use crate::support::attachment::pdf;
use crate::support::card::{Authority, Caller, Card, Door};
use crate::support::doors::{connected, text};
use crate::support::organisation::NADINE;
use crate::support::service::vorgang;
use crate::support::{Browser, Service, World};

const KURT: &str = "kurt@example.org";
const FAPI: &str = "profile = \"fapi2\"";

both!(sec_v01_another_service_with_a_key_of_its_own_gets_nothing, async |world| {
    let mut story = Story::begins(&world).await;
    let (token, share) = story.shared(&world, (Some(7), "7")).await;
    let (other, nonce) = (Bound::of("bibliothek"), story.nonce.clone());
    world.clients(&[story.bound.declaration(FAPI), other.declaration(FAPI)].concat()).await;
    // Of the same person, with her consent, and bound as it has to be.
    let (theirs, _) = tokens(&world, &other, &mut story.renate, &nonce).await;
    for path in [facts(&share), file(&share)] {
        assert_eq!(get(&world, &other, (&theirs, &nonce), &path).await.status, 404, "{path}");
    }
    assert_eq!(get(&world, &other, (&theirs, &nonce), DOCUMENTS).await.json(), json!({ "documents": [] }));
    // What it has been given itself it gets, and the first one does not.
    let path = is_asked(&mut story.renate, &asks_as(&world, &other, (&nonce, &asking(Some(7)))).await).await;
    let code = shares(&mut story.renate, &path, (&story.document, "7")).await;
    let proof = other.proof(&world, crate::sender_constraint::TOKEN, &nonce);
    let granted = other.redeem(&world, &code, Some(&proof)).await.json();
    let (theirs, given) = (text(&granted, "access_token"), text(&granted["authorization_details"][0], "share"));
    let listed = get(&world, &other, (&theirs, &nonce), DOCUMENTS).await.json();
    assert_eq!((listed["documents"].as_array().unwrap().len(), &listed["documents"][0]["share"]), (1, &json!(given)));
    for path in [facts(&given), file(&given)] {
        assert_eq!(get(&world, &story.bound, (&token, &nonce), &path).await.status, 404, "{path}");
    }
    assert_eq!(get(&world, &story.bound, (&token, &nonce), &file(&share)).await.status, 200);
    assert_eq!(world.recorded("safe.share_fetched").await, 1, "what was refused is no fetch");
});

both!(sec_v01_a_token_that_is_bound_to_a_certificate_opens_with_it_alone, async |world| {
    let (parken, card, other) = (Service::new("parken"), Card::self_signed(|_| {}), Card::self_signed(|_| {}));
    world.clients(&declaration("parken", BOUND, &own(&[&card, &other]))).await;
    let door = Door::open(&world, &Authority::root()).await;
    let mut renate = connected(&world, &[&parken]).await;
    let document = renate.keeps("", "Geburtsurkunde.pdf").await;
    let details = asking(Some(7));
    let path = is_asked(&mut renate, &parken.request(&[("authorization_details", &details)])).await;
    let code = shares(&mut renate, &path, (&document, "7")).await;
    let caller = door.caller(Some(&card));
    let granted = redeem(&caller, &parken, &code).await;
    let (token, share) = (text(&granted, "access_token"), text(&granted["authorization_details"][0], "share"));
    let bearer = format!("Bearer {token}");
    let known = caller.with("authorization", &bearer).get(&facts(&share)).await;
    assert_eq!((known.status, &known.json()["sha256"]), (200, &json!(hex(&sha256(&pdf(1000))))), "{known:?}");
    let fetched = caller.with("authorization", &bearer).get(&file(&share)).await;
    assert_eq!((fetched.status, fetched.header("content-length")), (200, "1000"));
    // With another certificate of the same service, without one, with one that only a header speaks of, and by another scheme.
    let elsewhere = Caller::at(&world, world.address(), &[("client-cert", &card.header())]);
    for path in [DOCUMENTS.to_owned(), facts(&share), file(&share)] {
        for (what, thief) in
            [("another", &door.caller(Some(&other))), ("none", &door.caller(None)), ("else", &elsewhere)]
        {
            assert_eq!(thief.with("authorization", &bearer).get(&path).await.status, 401, "{what}: {path}");
        }
        let scheme = format!("DPoP {token}");
        assert_eq!(caller.with("authorization", &scheme).get(&path).await.status, 401, "{path}");
    }
    assert_eq!(world.recorded("safe.share_fetched").await, 1);
    door.close().await;
});

/// A service for people and for organisations.
async fn for_both(world: &World) -> Bound {
    let bound = Bound::of("parken");
    world.clients(&bound.declaration(&format!("serves = [\"persons\", \"organisations\"]\n{FAPI}"))).await;
    bound
}

/// Somebody with an account, as a member of the organisation with these rights, for which they act.
async fn member(
    world: &World,
    organisation: &nutzerkonto::kernel::id::OrganisationId,
    rights: &[(&str, &str)],
) -> Browser {
    let mut kurt = world.browser();
    kurt.register(world, KURT, ["Kurt", "Koch"]).await;
    let membership = world.admits(organisation, KURT, rights).await;
    kurt.acts_for(&membership).await;
    kurt
}

both!(sec_v01_an_organisation_shares_and_whoever_acted_for_it_is_somebody_else, async |world| {
    let bound = for_both(&world).await;
    let (mut nadine, bakery) = world.nadine_with_bakery().await;
    let private = nadine.keeps("", "Privat.pdf").await;
    nadine.acts_for(&world.membership(&bakery, NADINE).await).await;
    let mut story = Story::begins_as(&world, (bound, nadine), pdf(2000)).await;
    let nonce = story.nonce.clone();
    let path = story.asks(&world, &asking(Some(7))).await;
    let offered = story.renate.get(&path).await.body;
    assert!(offered.contains(&story.document) && !offered.contains(&private), "only the organisation's: {offered}");
    let stranger = [("dokument", private.as_str()), ("dauer", "7"), ("schritt", "freigeben")];
    assert_eq!(story.renate.post(&path, &stranger).await.status, 422, "her own is in another safe");
    let granted = story.shares(&world, &path, "7").await;
    assert_eq!(of(&granted, "access_token")["act"]["role"], "representative");
    let (token, share) = (text(&granted, "access_token"), text(&granted["authorization_details"][0], "share"));
    let known = get(&world, &story.bound, (&token, &nonce), &facts(&share)).await;
    assert_eq!((known.status, &known.json()["bytes"]), (200, &json!(2000)), "{known:?}");
    assert_eq!(get(&world, &story.bound, (&token, &nonce), &file(&share)).await.status, 200);
    let fetched = world.texts("SELECT subject FROM audit_event WHERE kind = 'safe.share_fetched'").await;
    assert_eq!(fetched, [bakery.to_string()], "it stands in the organisation's record");
    // The same service, the same person, but for herself.
    story.renate.acts_for("ich").await;
    let (own, _) = tokens(&world, &story.bound, &mut story.renate, &nonce).await;
    for path in [facts(&share), file(&share)] {
        assert_eq!(get(&world, &story.bound, (&own, &nonce), &path).await.status, 404, "{path}");
    }
    assert_eq!(get(&world, &story.bound, (&own, &nonce), DOCUMENTS).await.json(), json!({ "documents": [] }));
    assert_eq!(get(&world, &story.bound, (&token, &nonce), &facts(&share)).await.status, 200);
});

both!(sec_v01_who_may_use_a_service_for_an_organisation_does_not_share_its_documents, async |world| {
    let bound = for_both(&world).await;
    let (mut nadine, bakery) = world.nadine_with_bakery().await;
    nadine.acts_for(&world.membership(&bakery, NADINE).await).await;
    let document = nadine.keeps("", "Pachtvertrag.pdf").await;
    let mut kurt = member(&world, &bakery, &[("use_service", "parken")]).await;
    let nonce = bound.nonce(&world).await;
    let mut asked = kurt.visit(&asks_as(&world, &bound, (&nonce, &asking(Some(7)))).await).await;
    if asked.status == 200 {
        asked = kurt.consents(&asked).await;
    }
    assert_eq!(asked.status, 403, "{asked:?}");
    let path = format!("/safe/anfrage?vorgang={}", vorgang(&asked));
    assert!(!asked.body.contains("Pachtvertrag"), "{asked:?}");
    let chosen = [("dokument", document.as_str()), ("dauer", "7"), ("schritt", "freigeben")];
    assert_eq!(kurt.post(&path, &chosen).await.status, 403);
    assert_eq!(kurt.get(&format!("/safe/{document}/freigeben")).await.status, 403);
    assert_eq!(world.rows("safe_share").await, 0);
});
