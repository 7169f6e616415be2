//! Documents of a safe that services ask for, get, and get no more.

use nutzerkonto::kernel::secret::{hex, sha256};
use nutzerkonto::kernel::time::{days, minutes};
use reqwest::Method;
use serde_json::{Value, json};

use crate::both;
use crate::security_assertion::Signer;
use crate::sender_constraint::{At, Bound, PAR, TOKEN, renate, tokens};
use crate::support::attachment::pdf;
use crate::support::browser::{Answer, PASSWORD};
use crate::support::safe::{DOCUMENT, UPLOAD, documents};
use crate::support::service::vorgang;
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

pub const DOCUMENTS: &str = "/api/safe/v1/documents";

pub fn asking(days: Option<u16>) -> String {
    let mut asked = json!({ "type": "document", "kinds": ["Geburtsurkunde"], "purpose": "Antrag auf Elterngeld" });
    if let Some(days) = days {
        asked["days"] = json!(days);
    }
    json!([asked]).to_string()
}

/// Somebody with a document, and a service whose tokens are bound.
pub struct Story {
    pub bound: Bound,
    pub nonce: String,
    pub renate: Browser,
    pub document: String,
    pub bytes: Vec<u8>,
}

impl Story {
    pub async fn begins(world: &World) -> Self {
        Self::begins_with(world, pdf(300_000)).await
    }

    async fn begins_with(world: &World, bytes: Vec<u8>) -> Self {
        let bound = Bound::new(world, "fapi2").await;
        let renate = renate(world).await;
        Self::begins_as(world, (bound, renate), bytes).await
    }

    /// The same with somebody, and a service, that are there already.
    pub async fn begins_as(world: &World, (bound, mut renate): (Bound, Browser), bytes: Vec<u8>) -> Self {
        let nonce = bound.nonce(world).await;
        renate.get(UPLOAD).await;
        let told = renate.sends_files(UPLOAD, "", &[("Geburtsurkunde.pdf", &bytes)]).await;
        let document = documents(&told.body).remove(0);
        Self { bound, nonce, renate, document, bytes }
    }

    /// The service asks, and she is on the page that wants a document: its path.
    pub async fn asks(&mut self, world: &World, details: &str) -> String {
        let address = asks_as(world, &self.bound, (&self.nonce, details)).await;
        is_asked(&mut self.renate, &address).await
    }

    /// She shares it for so long; what the service gets for its code.
    pub async fn shares(&mut self, world: &World, path: &str, term: &str) -> Value {
        let code = shares(&mut self.renate, path, (&self.document, term)).await;
        let tokens = self.bound.redeem(world, &code, Some(&self.bound.proof(world, TOKEN, &self.nonce))).await;
        assert_eq!(tokens.status, 200, "{}", tokens.body);
        tokens.json()
    }

    /// All of it: the token of the service, and the name of the share.
    pub async fn shared(&mut self, world: &World, (days, term): (Option<u16>, &str)) -> (String, String) {
        let path = self.asks(world, &asking(days)).await;
        let answer = self.shares(world, &path, term).await;
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        (text(&answer["access_token"]), text(&answer["authorization_details"][0]["share"]))
    }
}

impl Story {
    /// She ends a share; where that leads.
    async fn ends(&mut self, share: &str) -> String {
        let page = format!("/safe/{}", self.document);
        self.renate.get(&page).await;
        let ended = self.renate.post(&format!("{page}/freigaben/{share}/beenden"), &[]).await;
        ended.location().to_owned()
    }
}

/// A service leaves a request for a document with the account; where it sends people.
pub async fn asks_as(world: &World, bound: &Bound, (nonce, details): (&str, &str)) -> String {
    let proof = bound.proof(world, PAR, nonce);
    let pushed = bound.push(world, &[("authorization_details", details)], Some(&proof)).await;
    assert_eq!(pushed.status, 201, "{}", pushed.body);
    bound.reference(pushed.json()["request_uri"].as_str().unwrap())
}

/// Somebody comes there, and agrees to what is asked before: the path of the page that wants a document.
pub async fn is_asked(browser: &mut Browser, address: &str) -> String {
    let mut answer = browser.visit(address).await;
    if answer.body.contains("action=\"/einwilligung") {
        answer = browser.consents(&answer).await;
    }
    assert!(answer.body.contains("bittet Sie, ein Dokument aus Ihrem Safe"), "{answer:?}");
    format!("/safe/anfrage?vorgang={}", vorgang(&answer))
}

/// They share a document for so long; the code that the service gets.
pub async fn shares(browser: &mut Browser, path: &str, (document, term): (&str, &str)) -> String {
    let chosen = [("dokument", document), ("dauer", term)];
    let check = browser.post(path, &[&chosen[..], &[("schritt", "pruefen")]].concat()).await;
    assert!(
        check.body.contains("Prüfen Sie die Freigabe") && check.body.contains("Antrag auf Elterngeld"),
        "{check:?}"
    );
    let shared = browser.post(path, &[&chosen[..], &[("schritt", "freigeben")]].concat()).await;
    let answer = browser.follow(shared).await;
    answer.parameter("code").unwrap_or_else(|| panic!("no code: {answer:?}"))
}

/// Asks the interface with a token that is bound to a key.
pub async fn get(world: &World, bound: &Bound, (token, nonce): (&str, &str), path: &str) -> Answer {
    let proof = bound.proof(world, At { method: "GET", path: leaked(path), token: Some(token) }, nonce);
    let mut anybody = world.browser();
    let request = anybody.request(Method::GET, path).header("authorization", format!("DPoP {token}"));
    anybody.send(request.header("dpop", proof)).await
}

/// A test lives no longer than what it names.
fn leaked(path: &str) -> &'static str {
    Box::leak(path.to_owned().into_boxed_str())
}

pub fn facts(share: &str) -> String {
    format!("{DOCUMENTS}/{share}")
}

pub fn file(share: &str) -> String {
    format!("{DOCUMENTS}/{share}/file")
}

both!(a_service_asks_for_a_document_and_fetches_it, async |world| {
    let mut story = Story::begins(&world).await;
    let path = story.asks(&world, &asking(Some(7))).await;
    let page = story.renate.get(&path).await.body;
    for words in ["Geburtsurkunde.pdf", "Antrag auf Elterngeld", "Einmal, in den nächsten 7 Tagen", "7 Tage"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("30 Tage"), "nobody is offered more than was asked for");
    // Nothing chosen, or more than was asked for, or what is not there.
    for chosen in [[("dokument", ""), ("dauer", "7")], [("dokument", DOCUMENT), ("dauer", "7")]] {
        assert_eq!(story.renate.post(&path, &[&chosen[..], &[("schritt", "freigeben")]].concat()).await.status, 422);
    }
    let document = story.document.clone();
    let more = [("dokument", document.as_str()), ("dauer", "30"), ("schritt", "freigeben")];
    assert_eq!(story.renate.post(&path, &more).await.status, 422);
    assert_eq!(world.rows("safe_share").await, 0);

    let granted = story.shares(&world, &path, "7").await;
    let (token, details) = (granted["access_token"].as_str().unwrap(), &granted["authorization_details"][0]);
    assert_eq!(details["type"], "document");
    let (share, nonce) = (details["share"].as_str().unwrap(), story.nonce.clone());
    let known = get(&world, &story.bound, (token, &nonce), &facts(share)).await;
    let digest = hex(&sha256(&story.bytes));
    assert_eq!(
        known.json(),
        json!({
            "share": share, "name": "Geburtsurkunde.pdf", "type": "application/pdf", "bytes": 300_000, "sha256": digest,
            "purpose": "Antrag auf Elterngeld", "until": "2026-11-30T10:02:00+01:00",
            "judged": { "state": "none", "judged_at": "2026-11-23T10:02:00+01:00", "seals": [] },
        }),
        "{known:?}"
    );
    let listed = get(&world, &story.bound, (token, &nonce), DOCUMENTS).await.json();
    assert_eq!(listed["documents"], json!([known.json()]));
    for _ in 0..2 {
        let fetched = get(&world, &story.bound, (token, &nonce), &file(share)).await;
        assert_eq!((fetched.status, fetched.header("content-type")), (200, "application/pdf"));
        assert_eq!(fetched.body.len(), String::from_utf8_lossy(&story.bytes).len());
    }
    // Each fetch is in her record, and she sees who may fetch.
    assert_eq!(world.recorded("safe.share_fetched").await, 2);
    let page = story.renate.get(&format!("/safe/{document}")).await.body;
    assert!(page.contains("bis 30. November 2026") && page.contains("Abgerufen: 2"), "{page}");
    assert!(!format!("{:?}", world.dump().await).contains("Elterngeld"), "what for is sealed");
});

both!(sec_v01_a_share_ends_at_once_by_time_and_by_count, async |world| {
    let mut story = Story::begins(&world).await;
    let (token, share) = story.shared(&world, (None, "einmal")).await;
    let nonce = story.nonce.clone();
    // Of many that come at once, one gets it.
    let path = file(&share);
    let tries = (0..8).map(|_| get(&world, &story.bound, (&token, &nonce), &path));
    let answers = futures_util::future::join_all(tries).await;
    let got = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((got, answers.iter().filter(|answer| answer.status == 410).count()), (1, 7), "{answers:?}");
    assert_eq!(get(&world, &story.bound, (&token, &nonce), &facts(&share)).await.status, 410);

    let (token, share) = story.shared(&world, (Some(30), "30")).await;
    assert_eq!(get(&world, &story.bound, (&token, &nonce), &facts(&share)).await.status, 200);
    let document = story.document.clone();
    assert_eq!(story.ends(&share).await, format!("/safe/{document}?erledigt=beendet"));
    for path in [facts(&share), file(&share)] {
        assert_eq!(get(&world, &story.bound, (&token, &nonce), &path).await.status, 410, "{path}");
    }
    assert_eq!(world.recorded("safe.share_ended").await, 1);

    let (_, share) = story.shared(&world, (Some(1), "1")).await;
    world.pass(days(1));
    story.renate.sign_in(EMAIL, PASSWORD).await;
    story.nonce = story.bound.nonce(&world).await;
    let (token, other) = story.shared(&world, (Some(1), "1")).await;
    let nonce = story.nonce.clone();
    assert_eq!(get(&world, &story.bound, (&token, &nonce), &facts(&share)).await.status, 410, "its day is over");
    assert_eq!(get(&world, &story.bound, (&token, &nonce), &facts(&other)).await.status, 200);
    // With the document everything goes that was shared of it.
    story.renate.get(&format!("/safe/{document}/loeschen")).await;
    story.renate.post(&format!("/safe/{document}/loeschen"), &[]).await;
    assert_eq!(get(&world, &story.bound, (&token, &nonce), &facts(&other)).await.status, 404);
    assert_eq!(world.rows("safe_share").await, 0);
});

both!(with_a_version_ends_what_was_shared_of_it_and_nothing_else, async |world| {
    let mut story = Story::begins(&world).await;
    let (_, share) = story.shared(&world, (Some(7), "7")).await;
    let page = format!("/safe/{}", story.document);
    story.renate.get(&format!("{page}/version")).await;
    story.renate.sends_files(&format!("{page}/version"), "", &[("neu.pdf", &pdf(500))]).await;
    let (token, newer) = story.shared(&world, (Some(7), "7")).await;
    story.renate.get(&format!("{page}/1/loeschen")).await;
    assert_eq!(story.renate.post(&format!("{page}/1/loeschen"), &[]).await.status, 303);
    let nonce = story.nonce.clone();
    let listed = get(&world, &story.bound, (&token, &nonce), DOCUMENTS).await.json();
    let left: Vec<_> = listed["documents"].as_array().unwrap().iter().map(|one| one["share"].clone()).collect();
    assert_eq!(left, [json!(newer)]);
    assert_eq!(get(&world, &story.bound, (&token, &nonce), &facts(&share)).await.status, 410);
    assert_eq!(get(&world, &story.bound, (&token, &nonce), &file(&newer)).await.status, 200);
    assert_eq!(world.texts("SELECT id FROM safe_share WHERE ended_at IS NOT NULL").await, [share]);
});

both!(sec_v01_a_share_that_ends_breaks_off_whoever_is_fetching, async |world| {
    const LENGTH: usize = 30_000_000;
    let mut story = Story::begins_with(&world, pdf(LENGTH)).await;
    let (token, share) = story.shared(&world, (Some(7), "7")).await;
    let path = file(&share);
    let at = At { method: "GET", path: leaked(&path), token: Some(&token) };
    let request = world.browser().request(Method::GET, &path).header("authorization", format!("DPoP {token}"));
    let mut answer = request.header("dpop", story.bound.proof(&world, at, &story.nonce)).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let mut got = answer.chunk().await.unwrap().unwrap().len();
    story.ends(&share).await;
    let has_broken = loop {
        match answer.chunk().await {
            Ok(Some(piece)) => got += piece.len(),
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(has_broken && got < LENGTH, "{got}");
});

both!(sec_v01_what_is_shared_with_one_service_is_shared_with_nobody_else, async |world| {
    let mut story = Story::begins(&world).await;
    let (token, share) = story.shared(&world, (Some(7), "7")).await;
    let nonce = story.nonce.clone();
    // By the scheme Bearer, without the proof, with another key.
    for path in [DOCUMENTS.to_owned(), facts(&share), file(&share)] {
        let mut anybody = world.browser();
        let request = anybody.request(Method::GET, &path).header("authorization", format!("Bearer {token}"));
        assert_eq!(anybody.send(request).await.status, 401, "{path}");
        let thief = Bound { client: Signer::new("parken"), key: Signer::new("dieb") };
        assert_eq!(get(&world, &thief, (&token, &nonce), &path).await.status, 401, "{path}");
        let request = anybody.request(Method::GET, &path);
        assert_eq!(anybody.send(request).await.status, 401, "{path}");
    }
    // Ids of nobody.
    for other in ["shr_00000000000000000000000000", "x", "%00", story.document.as_str()] {
        for path in [facts(other), file(other)] {
            let answer = get(&world, &story.bound, (&token, &nonce), &path).await;
            assert_eq!(answer.status, 404, "{path}: {answer:?}");
        }
    }
    // Somebody else at the same service.
    let mut emre = world.browser();
    emre.register(&world, "emre@example.org", ["Emre", "Yılmaz"]).await;
    let (theirs, _) = tokens(&world, &story.bound, &mut emre, &nonce).await;
    for path in [facts(&share), file(&share)] {
        assert_eq!(get(&world, &story.bound, (&theirs, &nonce), &path).await.status, 404, "{path}");
    }
    assert_eq!(get(&world, &story.bound, (&theirs, &nonce), DOCUMENTS).await.json(), json!({ "documents": [] }));
    // Nor does he share or end what is hers.
    let document = story.document.clone();
    emre.get("/safe").await;
    for path in [format!("/safe/{document}/freigeben"), format!("/safe/{document}/freigaben/{share}/beenden")] {
        assert_eq!(
            emre.post(&path, &[("dienst", "parken"), ("dauer", "7"), ("zweck", "x")]).await.status,
            404,
            "{path}"
        );
    }
    assert_eq!(get(&world, &story.bound, (&token, &nonce), &facts(&share)).await.status, 200);
});

both!(a_request_for_a_document_is_refused_or_wrong, async |world| {
    let mut story = Story::begins(&world).await;
    let path = story.asks(&world, &asking(Some(7))).await;
    let answer = story.renate.post(&path.replace("/safe/anfrage", "/abbrechen"), &[]).await;
    assert_eq!(story.renate.follow(answer).await.parameter("error").as_deref(), Some("access_denied"));
    assert_eq!(world.rows("safe_share").await, 0);
    for details in ["[]", "{}", "x", r#"[{"type":"payment"}]"#] {
        let proof = story.bound.proof(&world, PAR, &story.nonce);
        let pushed = story.bound.push(&world, &[("authorization_details", details)], Some(&proof)).await;
        assert_eq!(
            (pushed.status, &pushed.json()["error"]),
            (400, &json!("invalid_authorization_details")),
            "{details}"
        );
    }
    // Without a browser nobody chooses anything.
    let details = asking(None);
    let silent = [("authorization_details", details.as_str()), ("prompt", "none")];
    let proof = story.bound.proof(&world, PAR, &story.nonce);
    let pushed = story.bound.push(&world, &silent, Some(&proof)).await;
    let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    let answer = story.renate.visit(&story.bound.reference(&uri)).await;
    assert!(
        answer.body.contains("interaction_required")
            || answer.parameter("error").as_deref() == Some("interaction_required"),
        "{answer:?}"
    );
});

both!(renate_shares_a_document_on_her_own, async |world| {
    let mut story = Story::begins(&world).await;
    let (token, _) = story.shared(&world, (None, "einmal")).await;
    let (document, nonce) = (story.document.clone(), story.nonce.clone());
    world.pass(minutes(1));
    let path = format!("/safe/{document}/freigeben");
    let page = story.renate.get(&path).await;
    assert!(page.body.contains("Wofür") && page.body.contains("value=\"parken\""), "{page:?}");
    let wanted = |purpose: &'static str, step: &'static str| {
        [("dienst", "parken"), ("dauer", "30"), ("zweck", purpose), ("schritt", step)]
    };
    assert_eq!(story.renate.post(&path, &wanted("", "freigeben")).await.status, 422);
    let mut stranger = wanted("Parkausweis", "freigeben");
    stranger[0].1 = "fremd";
    assert_eq!(story.renate.post(&path, &stranger).await.status, 422);
    let check = story.renate.post(&path, &wanted("Parkausweis", "pruefen")).await;
    assert!(check.body.contains("30 Tage") && check.body.contains("Parkausweis"), "{check:?}");
    let done = story.renate.post(&path, &wanted("Parkausweis", "freigeben")).await;
    assert_eq!(done.location(), format!("/safe/{document}?erledigt=freigegeben"));
    let listed = get(&world, &story.bound, (&token, &nonce), DOCUMENTS).await.json();
    assert_eq!(listed["documents"].as_array().unwrap().len(), 2, "{listed}");
    assert_eq!(listed["documents"][0]["purpose"], "Parkausweis");
    assert_eq!(listed["documents"][1]["fetches_left"], 1);
});

#[test]
fn the_description_names_every_route_of_the_interface() {
    let described: Value = serde_json::from_str(include_str!("../../docs/safe-api.json")).unwrap();
    let paths = described["paths"].as_object().unwrap().iter();
    let named = |(path, methods): (&String, &Value)| {
        methods
            .as_object()
            .unwrap()
            .keys()
            .map(|method| format!("{} {path}", method.to_uppercase()))
            .collect::<Vec<_>>()
    };
    let mut described: Vec<String> = paths.flat_map(named).collect();
    let table = nutzerkonto::routes::table(false);
    let rows = table.iter().filter(|row| row.path.starts_with("/api/safe/"));
    let mut routes: Vec<String> = rows.map(|row| format!("{} {}", row.method, row.path)).collect();
    described.sort();
    routes.sort();
    assert_eq!(described, routes);
}
