//! Attack rows X07, X09 to X12 and A19: too much, not text, not a path, not a page of ours.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderValue;

use crate::both;
use crate::support::surface::{
    Busy, EMAIL, Url, busy_nadine, busy_olga, busy_renate, fields, own_forms, urls, without_own_script,
};
use crate::support::wire::exchange;
use crate::support::{Browser, World};
use nutzerkonto::routes::Guard;
use nutzerkonto::web::form::BODY_MAX_BYTES;

const FORM: &str = "application/x-www-form-urlencoded";

/// Sends a body as it is; its cookies are not kept.
async fn post_body(browser: &Browser, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> u16 {
    let mut browser = browser.clone();
    let mut request = browser.request(Method::POST, path).body(body).header("content-type", FORM);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    browser.send(request).await.status
}

fn posts() -> Vec<String> {
    urls()
        .into_iter()
        .filter(|url| url.method == "POST" && ![Guard::Leaving, Guard::Officer, Guard::Member].contains(&url.guard))
        .map(|url| url.path)
        .collect()
}

async fn signed_in(world: &World) -> Browser {
    let mut browser = world.browser();
    browser.register(world, EMAIL, ["Renate", "Muster"]).await;
    browser.get("/konto").await;
    browser
}

/// Where a body is read before anybody is known. An interface of ours looks for a token first; with one it has an end, too
/// (`delivery.rs`).
fn before_a_token() -> impl Iterator<Item = String> {
    posts().into_iter().filter(|path| !path.starts_with("/api/"))
}

both!(sec_x07_a_body_has_an_end, async |world| {
    let renate = signed_in(&world).await;
    let host = world.config.issuer.trim_start_matches("http://");
    let cookies: Vec<String> = renate.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    for path in before_a_token() {
        let body = |length: usize| format!("x={}", "a".repeat(length - 2)).into_bytes();
        assert_ne!(post_body(&renate, &path, &[], body(BODY_MAX_BYTES)).await, 413, "{path}");
        assert_eq!(post_body(&renate, &path, &[], body(BODY_MAX_BYTES + 1)).await, 413, "{path}");
        let mut chunked = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {}\r\nContent-Type: {FORM}\r\n\
             Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
            cookies.join("; ")
        )
        .into_bytes();
        for part in body(BODY_MAX_BYTES + 1).chunks(16 * 1024) {
            chunked.extend(format!("{:x}\r\n", part.len()).into_bytes());
            chunked.extend([part, b"\r\n"].concat());
        }
        chunked.extend(b"0\r\n\r\n");
        let reply = exchange(world.address(), &chunked, Duration::from_secs(5)).await;
        assert_eq!(reply.statuses(), [413], "chunked {path}: {}", reply.text.lines().next().unwrap_or_default());
    }
});

both!(sec_x07_heads_and_urls_have_an_end, async |world| {
    let host = world.config.issuer.trim_start_matches("http://");
    let long = |length: usize| "a".repeat(length);
    let many: String = (0..200).map(|number| format!("X-{number}: a\r\n")).collect();
    for (query, head, statuses) in [
        (long(16 * 1024), String::new(), [200, 200]),
        (long(16 * 1024 + 1), String::new(), [414, 414]),
        (long(140 * 1024), String::new(), [431, 400]),
        (String::new(), format!("X: {}\r\n", long(140 * 1024)), [431, 400]),
        // actix-http 3.20 panics over a name of more than 64 KiB: this connection ends without an answer.
        (String::new(), format!("{}: a\r\n", long(70 * 1024)), [431, 0]),
        (String::new(), format!("Cookie: nk_s={}\r\n", long(140 * 1024)), [431, 400]),
        (String::new(), many, [431, 400]),
    ] {
        let bytes = format!("GET /hilfe?{query} HTTP/1.1\r\nHost: {host}\r\n{head}Connection: close\r\n\r\n");
        let reply = exchange(world.address(), bytes.as_bytes(), Duration::from_secs(5)).await;
        let (query, head) = (query.len(), head.len());
        assert!(statuses.contains(&reply.status()) && reply.closed, "{query}, {head}: {:?}", reply.statuses());
    }
    assert_eq!(world.browser().get("/hilfe").await.status, 200);
});

both!(sec_x09_parsers_are_not_put_to_work, async |world| {
    let renate = signed_in(&world).await;
    let (many, deep) = ("a=1&".repeat(16_000).into_bytes(), "%5B".repeat(20_000).into_bytes());
    let huge = "a=1&".repeat(100_000).into_bytes();
    for path in before_a_token() {
        let work = async {
            assert_eq!(post_body(&renate, &path, &[], huge.clone()).await, 413, "{path}: 10^5 fields");
            let refused = post_body(&renate, &path, &[], many.clone()).await;
            assert!((400..500).contains(&refused), "{path}: {refused}");
            assert!(post_body(&renate, &path, &[], deep.clone()).await < 500, "{path}");
            let json = "[".repeat(60_000).into_bytes();
            assert!(post_body(&renate, &path, &[("content-type", "application/json")], json).await < 500, "{path}");
        };
        assert!(tokio::time::timeout(Duration::from_secs(5), work).await.is_ok(), "{path} takes its time");
    }
});

// Unpacked, a body becomes a thousand times (gzip) or a million times (brotli) as long before any limit is looked
// at: 1,200 bytes took 1.6 gigabytes of memory. So none may be unpacked, whoever reads it.
both!(sec_x09_no_body_is_unpacked, async |world| {
    let renate = signed_in(&world).await;
    for path in posts() {
        for encoding in ["gzip", "br", "deflate", "zstd", "gzip, br", "identity", "x"] {
            let status = post_body(&renate, &path, &[("content-encoding", encoding)], b"x=1".to_vec()).await;
            assert_eq!(status, 415, "{path} {encoding}");
        }
    }
});

/// Values that are no text, percent-encoded.
const NO_TEXT: [&str; 9] = ["%FF", "%00", "a%00b", "%C3", "%C0%AF", "%ED%A0%80", "%F5%80%80%80", "%zz", "%4"];
/// Values that are text, and nothing that anybody is called or sends.
const STRANGE: [&str; 12] = [
    "%0D%0ABcc%3A%20a%40b.example",
    "%E2%80%AE",
    "%EF%BF%BF",
    "%EF%BB%BF",
    "%F0%9F%98%80",
    "%7F%1B%5B31m",
    "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "%27%20OR%201%3D1--",
    "%7B%7B7*7%7D%7D",
    "..%2F..%2Fetc%2Fpasswd",
    "-1",
    "99999999999999999999",
];

/// One of the values: which, changes from field to field and from form to form, so that most of them come to each form, and each to
/// many fields. All of them at each field would take longer than all other tests.
fn one<'a>(values: &[&'a str], (form, field): (usize, usize)) -> &'a str {
    values[(form + field) % values.len()]
}

both!(sec_x10_every_field_reads_text_only, async |world| {
    text_only(&world, busy_renate(&world).await, own_forms()).await;
});

both!(sec_x10_every_field_of_a_desk_reads_text_only, async |world| {
    let (busy, forms) = busy_olga(&world).await;
    text_only(&world, busy, forms).await;
});

both!(sec_x10_every_field_of_an_organisation_reads_text_only, async |world| {
    let (busy, forms) = busy_nadine(&world).await;
    text_only(&world, busy, forms).await;
});

async fn text_only(world: &World, Busy { browser, flow, code }: Busy, forms: Vec<Url>) {
    let (before, fields) = (world.dump().await, fields(&code));
    for (form, url) in forms.into_iter().enumerate() {
        // Whatever reads a form reads all of its fields before it knows any: each value comes to each form, and to each field in some form.
        for (number, value) in NO_TEXT.into_iter().enumerate() {
            let (field, _) = &fields[(form * NO_TEXT.len() + number) % fields.len()];
            let others = fields.iter().filter(|(name, _)| name != field);
            let mut body = url::form_urlencoded::Serializer::new(String::new());
            body.append_pair("csrf", &browser.csrf).extend_pairs(others);
            let body = format!("{}&{field}={value}", body.finish()).into_bytes();
            let status = post_body(&browser, &format!("{}{flow}", url.path), &[], body).await;
            assert_eq!(status, 400, "{} {field}={value}", url.path);
        }
    }
    assert_eq!(world.dump().await, before);
}

both!(sec_x07_a_body_for_a_desk_has_an_end, async |world| {
    let (busy, forms) = busy_olga(&world).await;
    has_an_end(&busy, forms).await;
});

both!(sec_x07_a_body_for_an_organisation_has_an_end, async |world| {
    let (busy, forms) = busy_nadine(&world).await;
    has_an_end(&busy, forms).await;
});

async fn has_an_end(busy: &Busy, forms: Vec<Url>) {
    for Url { path, .. } in forms {
        let body = |length: usize| format!("x={}", "a".repeat(length - 2)).into_bytes();
        assert_ne!(post_body(&busy.browser, &path, &[], body(BODY_MAX_BYTES)).await, 413, "{path}");
        assert_eq!(post_body(&busy.browser, &path, &[], body(BODY_MAX_BYTES + 1)).await, 413, "{path}");
    }
}

both!(sec_x10_strange_values_break_nothing_at_a_desk, async |world| {
    let (busy, forms) = busy_olga(&world).await;
    strange_values(&world, busy, forms).await;
});

both!(sec_x10_strange_values_break_nothing_in_an_organisation, async |world| {
    let (busy, forms) = busy_nadine(&world).await;
    strange_values(&world, busy, forms).await;
});

/// Every other of many tries, those with even numbers on one database and the others on the other: what a field does with a value, it does
/// on both.
fn is_tried(world: &World, number: usize) -> bool {
    let is_sqlite = world.database.url.starts_with("sqlite:");
    number.is_multiple_of(2) == is_sqlite
}

async fn strange_values(world: &World, Busy { browser, flow, code }: Busy, forms: Vec<Url>) {
    let long = "%C3%A9".repeat(5_000);
    let strange = [&STRANGE[..], &[&long, ""]].concat();
    for (form, url) in forms.into_iter().enumerate() {
        for (number, (field, _)) in fields(&code).into_iter().enumerate() {
            if !is_tried(world, form + number) {
                continue;
            }
            let value = one(&strange, (form, number / 2));
            let body = format!("csrf={}&{field}={value}", browser.csrf).into_bytes();
            let status = post_body(&browser, &format!("{}{flow}", url.path), &[], body).await;
            assert!(status < 500, "{} {field}={}: {status}", url.path, &value[..value.len().min(40)]);
        }
    }
}

both!(sec_x10_strange_values_break_nothing, async |mut world| {
    let Busy { browser, flow, code } = busy_renate(&world).await;
    let raise = |config: &mut nutzerkonto::config::Config| {
        config.limits.attempts_per_network = 1_000_000;
        config.limits.mails_per_network = 1_000_000;
    };
    world.restart(raise).await;
    // Signing out would end what the other forms need.
    let stays = |url: &Url| !url.path.contains("abmelden") && !url.path.contains("logout");
    let forms = own_forms().into_iter().filter(stays).collect();
    strange_values(&world, Busy { browser, flow, code }, forms).await;
});

both!(sec_x10_queries_paths_and_headers_break_nothing, async |world| {
    let Busy { browser, flow, .. } = busy_renate(&world).await;
    let long = "%C3%A9".repeat(2_000);
    let names = [
        "vorgang",
        "zurueck",
        "beendet",
        "client_id",
        "redirect_uri",
        "state",
        "nonce",
        "scope",
        "prompt",
        "max_age",
        "login_hint",
        "ui_locales",
        "id_token_hint",
        "code_challenge",
        "post_logout_redirect_uri",
        "access_token",
    ];
    let values = [&NO_TEXT[..], &STRANGE, &[&long]].concat();
    let pages = urls().into_iter().filter(|url| url.method == "GET").map(|url| url.path);
    for (page, path) in pages.enumerate() {
        for (number, name) in names.into_iter().enumerate() {
            // A few take parameters, the others must not care.
            if !is_tried(&world, page + number) {
                continue;
            }
            let value = one(&values, (page, number / 2));
            let answer = browser.clone().get(&format!("{path}?{name}={value}")).await;
            let value = &value[..value.len().min(40)];
            assert!(answer.status < 500, "{} {path}?{name}={value}", answer.status);
            assert!(!without_own_script(&answer.body).contains("<script"), "sec_a19: {path}?{name}={value}");
        }
    }
    for value in values {
        for path in [format!("/dienste/{value}/beenden"), format!("/sprache/{value}"), format!("/static/{value}")] {
            let answer = browser.clone().get(&path).await;
            assert_eq!(answer.status, 404, "{}", &path[..path.len().min(80)]);
        }
    }
    for value in [&b"\xff\xfe"[..], b"\xc3\xbc", b"a\tb", b"\"", b";;;===", b"nk_s", b"nk_t=\xff; nk_s=\"", b"=,;q=x"] {
        for name in ["cookie", "accept-language", "user-agent", "authorization", "origin", "referer", "x-forwarded-for"]
        {
            let value = HeaderValue::from_bytes(value).unwrap();
            for path in ["/konto", "/oauth2/userinfo", "/oauth2/authorize"] {
                let request = world.browser().request(Method::GET, path).header(name, &value);
                assert!(world.browser().send(request).await.status < 500, "{name}: {value:?} {path}");
            }
        }
    }
    assert_eq!(browser.clone().get(&format!("/einwilligung{flow}")).await.status, 200);
});

// An id in a path goes into a statement; PostgreSQL takes no NUL and no broken UTF-8.
both!(sec_x10_an_impossible_service_is_not_found, async |world| {
    let Busy { browser, .. } = busy_renate(&world).await;
    for value in NO_TEXT.into_iter().chain(STRANGE) {
        let path = format!("/dienste/{value}/beenden");
        let body = format!("csrf={}", browser.csrf).into_bytes();
        let status = post_body(&browser, &path, &[], body).await;
        assert_eq!(status, 404, "{path}");
    }
});

both!(sec_x11_a_path_is_written_in_one_way, async |world| {
    let renate = signed_in(&world).await;
    let host = world.config.issuer.trim_start_matches("http://").to_owned();
    let cookie = format!("nk_s={}", renate.cookies["nk_s"]);
    for path in [
        "//konto",
        "/konto/",
        "/konto//",
        "/konto;x",
        "/konto;x=/../",
        "/konto%2f",
        "/konto%2F..",
        "/KONTO",
        "/Konto",
        "/./konto",
        "/x/../konto",
        "/konto/.",
        "/konto/..;/konto",
        "/%2fkonto",
        "/%5ckonto",
        "/konto%00",
        "/konto%20",
        "/konto.",
        "/konto%09",
        "/konto%3f",
        "/konto%23",
        "/%2e/konto",
        "/static/../konto",
        "/static/..%2fkonto",
        "/static/%2e%2e/konto",
        "/oauth2%2fjwks",
        "/oauth2/./jwks",
        "/%252fkonto",
        "/konto%252f",
    ] {
        let bytes = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n");
        let reply = exchange(world.address(), bytes.as_bytes(), Duration::from_secs(5)).await;
        assert_eq!(reply.statuses(), [404], "{path}");
        assert!(!reply.text.contains("Renate"), "{path}");
    }
});

both!(sec_x12_no_page_looks_like_a_file, async |world| {
    let renate = signed_in(&world).await;
    let pages = urls().into_iter().filter(|url| url.method == "GET" && url.guard == Guard::SignedIn);
    for url in pages {
        for tail in
            ["/x.css", ".css", "%2fx.css", ";x.css", "/a.js", "%3bx.png", "%0ax.css", "%00.css", "/%2e%2e/x.css"]
        {
            let answer = renate.clone().get(&format!("{}{tail}", url.path)).await;
            let kept = answer.header("cache-control").to_owned();
            assert_eq!((answer.status, kept.as_str()), (404, "no-store"), "{}{tail}", url.path);
            assert!(!answer.body.contains("Renate"), "{}{tail}", url.path);
        }
        for query in ["?x.css", "?/static/x.css"] {
            let answer = renate.clone().get(&format!("{}{query}", url.path)).await;
            assert!(answer.header("cache-control").contains("no-store"), "{}{query}", url.path);
        }
    }
});
