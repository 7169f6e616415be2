//! Holds the floors: imports go down, or within the capabilities to the left; SQL stays in the stores.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

const CAPABILITIES: [&str; 14] = [
    "notice",
    "audit",
    "keys",
    "account",
    "assurance",
    "signin",
    "proofing",
    "organisation",
    "client",
    "oidc",
    "postbox",
    "safe",
    "data",
    "operator",
];
const LINES_MAX: usize = 500;

fn sources(directory: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
}

/// Floor, and place among the capabilities, of a module path below `src`.
fn place(module: &str) -> (u8, usize) {
    let first = module.split('/').next().unwrap().trim_end_matches(".rs");
    if let Some(rank) = CAPABILITIES.iter().position(|name| *name == first) {
        let is_web = module.split('/').nth(1).is_some_and(|second| second.trim_end_matches(".rs") == "web");
        return if is_web { (4, rank) } else { (2, rank) };
    }
    match first {
        "kernel" => (0, 0),
        "store" | "app" | "config" | "eid" => (1, 0),
        "web" => (3, 0),
        "main" | "commands" | "lib" | "routes" | "jobs" | "serve" | "demo" => (5, 0),
        other => panic!("src/{other} stands on no floor; add it here and to the map in lib.rs"),
    }
}

/// The module paths a file imports, `a/b` for `use crate::a::b::C`, groups resolved one level deep.
fn imports(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let mut found = Vec::new();
    for part in code.split("crate::").skip(1) {
        let path: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
        let segments: Vec<&str> = path.split("::").filter(|segment| !segment.is_empty()).collect();
        if let Some(group) = part.strip_prefix('{') {
            for name in group.split('}').next().unwrap().split(',') {
                found.push(name.trim().split("::").take(2).collect::<Vec<_>>().join("/"));
            }
        } else {
            found.push(segments.into_iter().take(2).collect::<Vec<_>>().join("/"));
        }
    }
    found.retain(|path| path.chars().next().is_some_and(char::is_lowercase) && path != "sql" && path != "count");
    found
}

fn all() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    files
        .into_iter()
        .map(|file| {
            let module = file.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
            (module, fs::read_to_string(&file).unwrap())
        })
        .collect()
}

#[test]
fn imports_go_down_or_left() {
    let mut wrong = Vec::new();
    for (module, text) in all() {
        let (floor, rank) = place(&module);
        for import in imports(&text) {
            let (other_floor, other_rank) = place(&import);
            let same_capability = module.split('/').next() == import.split('/').next();
            let allowed = match (floor, other_floor) {
                (5, _) | (1, 1) | (0, 0) | (3, 3) => true,
                (4, 4) => same_capability,
                (2, 2) => same_capability || other_rank < rank,
                (mine, other) => other < mine,
            };
            if !allowed {
                wrong.push(format!("src/{module} (floor {floor}) uses crate::{import} (floor {other_floor})"));
            }
        }
    }
    assert!(wrong.is_empty(), "imports that go up or right:\n{}", wrong.join("\n"));
}

#[test]
fn a_store_is_imported_by_its_siblings_only() {
    for (module, text) in all() {
        let capability = module.split('/').next().unwrap().to_owned();
        for import in imports(&text).iter().filter(|path| path.ends_with("/store")) {
            assert_eq!(import.split('/').next(), Some(capability.as_str()), "src/{module} uses crate::{import}");
        }
    }
}

#[test]
fn sql_stays_in_the_stores() {
    for (module, text) in all() {
        let is_store = module.starts_with("store/") || module.ends_with("/store.rs") || module.contains("/store/");
        assert!(is_store || !text.contains("sql!("), "src/{module} runs SQL outside a store");
        if ["store/db.rs", "store/later.rs", "store/writer.rs"].contains(&module.as_str()) {
            continue;
        }
        let beyond_derives = text.replace("sqlx::FromRow", "").replace("sqlx::Type", "");
        assert!(!beyond_derives.contains("sqlx::"), "src/{module} uses sqlx beyond its derives");
    }
}

#[test]
fn files_fit_in_a_head() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for directory in ["src", "tests", "benches"] {
        sources(&root.join(directory), &mut files);
    }
    for file in files {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines, more than {LINES_MAX}", file.display());
    }
}

/// The checker itself finds what it is there for.
#[test]
fn the_checker_sees() {
    assert_eq!(
        imports("use crate::oidc::token;\nuse crate::{account, signin::session};\n"),
        ["oidc/token", "account", "signin/session"]
    );
    assert_eq!(place("signin/web/register.rs"), (4, 5));
    assert_eq!(place("oidc/store"), (2, 9));
}
