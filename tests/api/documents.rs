//! What we publish and what the documentation says of us.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::both;
use nutzerkonto::assurance::{WORTH, session_limit};
use nutzerkonto::client::ClientFile;
use nutzerkonto::config::Config;
use nutzerkonto::kernel::key_times::{JWK_SET_KEPT, PUBLISHED_BEFORE_USE, VERIFIES_AFTER_USE};
use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::Timestamp;
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
    for method in ["private_key_jwt", "client_secret_basic", "self_signed_tls_client_auth", "tls_client_auth"] {
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

/// Below the root of the project.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What stands between two texts, wherever it does.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    text.split(start).skip(1).filter_map(|rest| rest.split_once(end)).map(|(part, _)| part).collect()
}

#[test]
fn the_client_file_of_the_guide_is_sound() {
    let (guide, example) = (read("docs/integrate.md"), read("docs/examples/clients.toml"));
    assert_eq!(between(&guide, "```toml\n", "```"), [&example], "the guide shows the file of the examples");
    let declared = ClientFile::parse(&example, true).unwrap().client;
    for path in ["rust/src/main.rs", "javascript/service.js", "python/service.py", "go/main.go", "curl/steps.sh"] {
        let source = read(&format!("docs/examples/{path}"));
        assert!(source.contains(&declared[0].id.0) && source.contains(&declared[0].redirect_uris[0][21..]), "{path}");
    }
}

#[test]
fn the_guide_leads_to_files_that_exist() {
    let guide = read("docs/integrate.md");
    for link in
        between(&guide, "](", ")").into_iter().filter(|link| !link.starts_with("http") && !link.starts_with('#'))
    {
        assert!(file("docs").join(link).exists(), "{link}");
    }
    assert!(read("README.md").contains("(docs/integrate.md)"));
}

/// The codes that the source can answer with: where a refusal is made, and where an error becomes its code.
fn error_codes() -> BTreeSet<String> {
    fn collect(path: &Path, out: &mut String) {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, out);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                out.push_str(text.split("#[cfg(test)]").next().unwrap());
            }
        }
    }
    let mut source = String::new();
    collect(&file("src/oidc"), &mut source);
    let mut codes: BTreeSet<String> = BTreeSet::new();
    for start in ["refuse(\"", "protocol(\"", "code: \"", "\", \"request_", "\", \"registration_"] {
        let prefix = start.strip_prefix("\", \"").unwrap_or_default();
        codes.extend(between(&source, start, "\"").into_iter().map(|rest| format!("{prefix}{rest}")));
    }
    let rendering = read("src/web/error.rs");
    let oauth = between(&rendering, "fn oauth(", "\nfn ").concat();
    codes.extend(between(&oauth, "=> (\"", "\"").into_iter().map(str::to_owned));
    codes.extend(between(&oauth, "            (\"", "\"").into_iter().map(str::to_owned));
    codes.retain(|code| !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
    codes
}

#[test]
fn the_guide_explains_the_error_codes_of_the_source() {
    let guide = read("docs/integrate.md");
    let table = between(&guide, "## Errors", "\n## ").concat();
    let explained: BTreeSet<String> = between(&table, "\n| `", "`").into_iter().map(str::to_owned).collect();
    assert_eq!(explained, error_codes(), "left: docs/integrate.md, right: the source");
}

#[test]
fn the_guide_knows_levels_and_key_times() {
    let guide = read("docs/integrate.md");
    for level in Level::ALL {
        assert!(guide.contains(&format!("| {} | `{}` |", level.name(), level.acr())), "{}", level.name());
    }
    let keys = between(&guide, "## Keys", "\n## ").concat();
    let (minutes, hours) = (JWK_SET_KEPT.as_secs() / 60, |time: std::time::Duration| time.as_secs() / 3600);
    assert!(keys.contains(&format!("at most {minutes} minutes")));
    assert!(keys.contains(&format!("published {} hour before it signs", hours(PUBLISHED_BEFORE_USE))));
    let code = read("src/oidc/authorize.rs");
    let seconds = between(&code, "CODE_LIFETIME: Duration = Duration::from_secs(", ")")[0];
    assert!(guide.contains(&format!("a code holds for {seconds} seconds")), "{seconds}");
    assert!(keys.contains(&format!("for {} hours after its successor", hours(VERIFIES_AFTER_USE))));
}

#[test]
fn the_page_on_levels_says_what_the_tables_say() {
    let page = read("docs/levels.md");
    for worth in WORTH {
        let name = serde_json::to_value(worth.kind).unwrap();
        let row = format!("| `{}` | {} | {} |", name.as_str().unwrap(), worth.usual.name(), worth.most.name());
        assert!(page.contains(&row), "{row}");
    }
    for (levels, level) in [("basic, low", Level::Low), ("substantial", Level::Substantial), ("high", Level::High)] {
        let limit = session_limit(level, Timestamp::from_seconds(1_795_424_520));
        let (idle, most) = (limit.idle.as_secs() / 60, limit.absolute.as_secs() / 60);
        let most = if most % 60 == 0 { format!("{} hours", most / 60) } else { format!("{most} minutes") };
        let row = format!("| {levels} | {idle} minutes | {most} |");
        assert!(page.contains(&row), "{row}");
    }
}

both!(the_guide_names_endpoints_and_prompts_of_discovery, async |world| {
    let discovery = world.browser().get("/.well-known/openid-configuration").await.json();
    let published = discovery.to_string();
    let guide = read("docs/integrate.md");
    let paths: BTreeSet<&str> = between(&guide, "`/oauth2/", "`").into_iter().collect();
    assert!(paths.len() >= 5, "{paths:?}");
    for path in paths {
        assert!(published.contains(&format!("{}/oauth2/{path}\"", world.config.issuer)), "/oauth2/{path}");
    }
    for prompt in between(&guide, "| `prompt=", "`") {
        assert!(
            discovery["prompt_values_supported"].as_array().unwrap().iter().any(|known| known == prompt),
            "{prompt}"
        );
    }
});
