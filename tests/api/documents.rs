//! What we publish and what the documentation says of us.

use std::fs;
use std::path::Path;

use crate::both;
use nutzerkonto::client::ClientFile;
use nutzerkonto::config::Config;
use nutzerkonto::routes;

/// The route table as a reader sees it: a new route shows up here.
#[test]
fn the_route_table() {
    let rows: Vec<String> = routes::table(true)
        .iter()
        .map(|row| {
            let (format, guard) = (format!("{:?}", row.format), format!("{:?}", row.guard));
            let mark = if row.is_cross_origin { "cross-origin" } else { "" };
            format!("{:4} {:42} {format:8} {guard:8} {mark}", row.method, row.path).trim_end().to_owned()
        })
        .collect();
    insta::assert_snapshot!("routes", rows.join("\n"));
}

/// `docs/configuration.md` is generated; `UPDATE_DOCS=1 cargo test` writes it.
#[test]
fn the_configuration_reference_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let reference = Config::reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &reference).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), reference, "run UPDATE_DOCS=1 cargo test");
}

/// The keys that a table of the client file may have, from what is said about one that it may not have.
fn keys_of_the_client_file(text: &str) -> Vec<String> {
    let told = ClientFile::parse(text, false).unwrap_err();
    let (_, expected) = told.split_once("expected ").unwrap_or_else(|| panic!("{told}"));
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// `docs/clients.md` names every key of every table, and no other.
#[test]
fn the_client_reference_is_complete() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/clients.md");
    let text = fs::read_to_string(path).unwrap();
    let documented = |heading: &str| {
        let (_, section) = text.split_once(&format!("## {heading}\n")).unwrap();
        let rows = section.split("\n## ").next().unwrap().lines().filter_map(|line| line.strip_prefix("| `"));
        rows.map(|row| row.split('`').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(documented("[[client]]"), keys_of_the_client_file("[[client]]\nx = 1\n"));
    assert_eq!(documented("[[client.claims]]"), keys_of_the_client_file("[[client]]\n[[client.claims]]\nx = 1\n"));
    let mut authentication = vec!["method".to_owned()];
    for method in ["private_key_jwt", "client_secret_basic"] {
        let text = format!("[[client]]\n[client.authentication]\nmethod = \"{method}\"\nx = 1\n");
        authentication.extend(keys_of_the_client_file(&text));
    }
    assert_eq!(documented("[client.authentication]"), authentication);
}

both!(discovery, async |world| {
    let answer = world.browser().get("/.well-known/openid-configuration").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let text = serde_json::to_string_pretty(&answer.json()).unwrap().replace(&world.config.issuer, "ISSUER");
    insta::assert_snapshot!("discovery", text);
});

both!(sec_h03_keys_are_public_only, async |world| {
    let keys = world.browser().get("/oauth2/jwks").await.json();
    for key in keys["keys"].as_array().unwrap() {
        assert!(["d", "p", "q", "dp", "dq", "qi", "k"].iter().all(|member| key.get(member).is_none()));
    }
    assert_eq!(keys["keys"].as_array().unwrap().len(), 4);
});
