//! Attack rows N03 and N04: nobody else's page acts for a person. Generated from the route table.

use reqwest::Method;

use crate::both;
use crate::support::browser::PASSWORD;
use crate::support::inspect::difference;
use crate::support::surface::{self, Busy, Url, busy_nadine, busy_olga, busy_renate, fields, own_forms};
use crate::support::{Browser, World};

/// Which anti-forgery value a request carries.
#[derive(Clone, Copy, Debug)]
enum Token {
    Right,
    Missing,
    Empty,
    Wrong,
    Zeros,
    OfAnotherBrowser,
    InTheQueryOnly,
}

struct Attack {
    token: Token,
    header: Option<(&'static str, &'static str)>,
    content_type: Option<&'static str>,
    status: u16,
}

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

const fn token(token: Token) -> Attack {
    Attack { token, header: None, content_type: FORM, status: 403 }
}

const fn header(name: &'static str, value: &'static str) -> Attack {
    Attack { token: Token::Right, header: Some((name, value)), content_type: FORM, status: 403 }
}

const fn body(content_type: Option<&'static str>) -> Attack {
    Attack { token: Token::Right, header: None, content_type, status: 415 }
}

const ATTACKS: [Attack; 17] = [
    token(Token::Missing),
    token(Token::Empty),
    token(Token::Wrong),
    token(Token::Zeros),
    token(Token::OfAnotherBrowser),
    token(Token::InTheQueryOnly),
    header("origin", "https://evil.example"),
    header("origin", "null"),
    header("origin", ""),
    header("origin", "http://localhost"),
    header("origin", "http://localhost:1"),
    header("sec-fetch-site", "cross-site"),
    header("sec-fetch-site", "same-site"),
    body(Some("text/plain")),
    body(Some("application/json")),
    body(Some("multipart/form-data; boundary=x")),
    body(None),
];

async fn attack(busy: &mut Busy, foreign: &str, path: &str, attack: &Attack) -> u16 {
    let mut form = fields(&busy.code);
    let mut path = format!("{path}{}", busy.flow);
    let separator = if busy.flow.is_empty() { '?' } else { '&' };
    let token = match attack.token {
        Token::Right => Some(busy.browser.csrf.clone()),
        Token::Missing => None,
        Token::Empty => Some(String::new()),
        Token::Wrong => Some("A".repeat(busy.browser.csrf.len())),
        Token::Zeros => Some("0".repeat(busy.browser.csrf.len())),
        Token::OfAnotherBrowser => Some(foreign.to_owned()),
        Token::InTheQueryOnly => {
            path = format!("{path}{separator}csrf={}", busy.browser.csrf);
            None
        }
    };
    form.extend(token.map(|token| ("csrf", token)));
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let mut request = busy.browser.request(Method::POST, &path).body(body);
    if let Some(content_type) = attack.content_type {
        request = request.header("content-type", content_type);
    }
    if let Some((name, value)) = attack.header {
        request = request.header(name, value);
    }
    // What comes back must not help either: its cookies are not kept.
    let mut browser = busy.browser.clone();
    browser.send(request).await.status
}

async fn foreign_token(world: &World) -> String {
    let mut attacker = world.browser();
    attacker.get("/anmelden").await;
    attacker.csrf
}

both!(sec_n03_no_foreign_page_changes_anything, async |world| {
    let busy = busy_renate(&world).await;
    let forms = own_forms();
    assert!(forms.len() >= 15, "the route table was read");
    nothing_changes(&world, busy, &forms).await;
});

both!(sec_n03_no_foreign_page_acts_for_an_officer, async |world| {
    let (busy, forms) = busy_olga(&world).await;
    assert!(forms.len() >= 6, "the route table was read");
    nothing_changes(&world, busy, &forms).await;
});

both!(sec_n03_no_foreign_page_acts_for_an_organisation, async |world| {
    let (busy, forms) = busy_nadine(&world).await;
    assert!(forms.len() >= 20, "the route table was read");
    nothing_changes(&world, busy, &forms).await;
});

/// None of the attacks is believed at any of these forms.
async fn nothing_changes(world: &World, mut busy: Busy, forms: &[Url]) {
    let foreign = foreign_token(world).await;
    world.settle().await;
    let before = world.dump().await;
    // Looking at everything costs more than trying to change it.
    for forms in forms.chunks(8) {
        for (url, (number, case)) in
            forms.iter().flat_map(|url| ATTACKS.iter().enumerate().map(move |case| (url, case)))
        {
            let status = attack(&mut busy, &foreign, &url.path, case).await;
            let is_parts = case.content_type.is_some_and(|kind| kind.starts_with("multipart/"));
            let expected = match url.path.as_str() {
                // A form with a file says that it cannot be read what is none; before that, that there is no such document.
                path if is_parts && (path.ends_with("/vollmachten/import") || path == "/safe/hochladen") => 400,
                path if is_parts && path.starts_with("/safe/") && path.ends_with("/version") => 404,
                _ => case.status,
            };
            assert_eq!(status, expected, "{} {:?} {:?} ({number})", url.path, case.token, case.header);
        }
        let after = world.dump().await;
        assert_eq!(after, before, "{forms:?}: {:#?}", difference(&before, &after));
    }
}

// The other half: the same requests from our own page are taken, so that the refusals above mean something.
both!(sec_n03_our_own_pages_are_believed, async |world| {
    let busy = busy_renate(&world).await;
    let (origin, mut changed) = (world.config.issuer.clone(), Vec::new());
    let (mut forms, mut before) = (own_forms(), world.dump().await);
    // Last steps first, and what ends others at the end, so that each finds what it needs.
    forms.reverse();
    forms.sort_by_key(|url| ["abmelden", "logout", "notfall"].iter().any(|word| url.path.contains(word)));
    for url in forms {
        let mut form = fields(&busy.code);
        form.push(("csrf", busy.browser.csrf.clone()));
        let path = format!("{}{}", url.path, busy.flow);
        let request = busy.browser.request(Method::POST, &path).form(&form);
        let request = request.header("origin", &origin).header("sec-fetch-site", "same-origin");
        let answer = busy.browser.clone().send(request).await;
        assert!(![403, 415].contains(&answer.status), "{} {}", url.path, answer.status);
        let after = world.dump().await;
        if after != before {
            changed.push(url.path);
        }
        before = after;
    }
    let effective = ["/anmelden", "/registrieren/code", "/wieder-anmelden/passwort", "/dienste/parken/beenden"];
    for path in effective {
        assert!(changed.iter().any(|known| known == path), "{path} changes something: {changed:?}");
    }
});

both!(sec_n04_nobody_is_signed_in_as_somebody_else, async |world| {
    world.browser().register(&world, surface::EMAIL, ["Renate", "Muster"]).await;
    let credentials = |csrf: &str| {
        let pairs = [("email", surface::EMAIL), ("password", PASSWORD), ("csrf", csrf)];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    };
    let foreign = foreign_token(&world).await;
    world.settle().await;
    let before = world.dump().await;
    let mut at_home = world.browser();
    at_home.get("/anmelden").await;
    let known: [(Browser, &str); 2] = [(world.browser(), "no cookie at all"), (at_home.clone(), "a cookie of ours")];
    for (browser, what) in known {
        for site in ["cross-site", "same-origin"] {
            let mut victim = browser.clone();
            let request = victim.request(Method::POST, "/anmelden").form(&credentials(&foreign));
            let answer = victim.send(request.header("sec-fetch-site", site)).await;
            assert_eq!((answer.status, victim.is_signed_in()), (403, false), "{what}, {site}");
        }
    }
    let request = at_home.request(Method::POST, "/anmelden").form(&credentials(&at_home.csrf));
    let answer = at_home.clone().send(request.header("origin", "https://evil.example")).await;
    assert_eq!(answer.status, 403);
    let after = world.dump().await;
    assert_eq!(after, before, "no attempt is counted: {:#?}", difference(&before, &after));
});
