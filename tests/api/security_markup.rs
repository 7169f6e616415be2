//! Attack rows S13 and A19: what people and services write is shown, never read as something else.

use crate::both;
use crate::support::browser::PASSWORD;
use crate::support::service::vorgang;
use crate::support::surface::{EMAIL, two_services, urls, without_own_script};
use crate::support::{Browser, World};

const ATTACK: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'{{7*7}}{email}";

/// No page contains markup that somebody typed, and no place of a text that was filled from it.
fn assert_inert(page: &str, what: &str) {
    let page = without_own_script(page);
    for hole in ["<script", "<img", "alert(1)>", "<b>Anna", "'49"] {
        assert!(!page.contains(hole), "{hole} in {what}");
    }
}

async fn at_the_names(world: &World, email: &str) -> Browser {
    let mut browser = world.browser();
    let code = browser.registration_code(world, email).await;
    browser.post("/registrieren/code", &[("code", &code)]).await;
    browser
}

async fn name(browser: &mut Browser, given: &str, family: &str) -> crate::support::browser::Answer {
    let birth = [("birth_day", "12"), ("birth_month", "5"), ("birth_year", "1959")];
    browser.post("/registrieren/name", &[&[("given_names", given), ("family_name", family)][..], &birth].concat()).await
}

both!(sec_s13_names_are_names, async |world| {
    let mut browser = at_the_names(&world, EMAIL).await;
    for bad in [
        "<b>Anna</b>",
        "\"Anna\"",
        "{{7*7}}",
        "{email}",
        "${jndi:ldap://x}",
        "Anna & Bert",
        "Anna;Bert",
        "Anna\u{2028}Bcc: x@y.example",
        "Anna\r\nBcc: x@y.example",
        "Anna\u{85}Bcc: x@y.example",
        "=cmd|' /C calc'!A0",
        "Anna\u{202E}arreB",
        "Anna\u{1b}[31m",
        "%0d%0aAnna",
        "\u{FF1C}b\u{FF1E}",
        "javascript:alert(1)",
        "Anna@example.org",
        "http://evil.example",
        ATTACK,
    ] {
        for (given, family) in [(bad, "Muster"), ("Anna", bad)] {
            let page = name(&mut browser, given, family).await;
            assert_eq!(page.status, 422, "{bad:?}");
            assert_inert(&page.body, bad);
        }
    }
    // A line break between two names is a blank between two names.
    assert_eq!(name(&mut browser, "Anna\r\nMaria", "Muster\tBeispiel").await.location(), "/registrieren/passwort");
    let page = browser.get("/registrieren/name").await;
    assert!(page.body.contains("value=\"Anna Maria\"") && page.body.contains("value=\"Muster Beispiel\""));
});

both!(sec_s13_what_is_accepted_is_escaped_everywhere, async |world| {
    let email = "a&b'c{email}{code}+${7*7}`x@example.org";
    let [_, bibliothek] = two_services(&world).await;
    let mut browser = world.browser();
    browser.get("/registrieren/email").await;
    browser.post("/registrieren/email", &[("email", email)]).await;
    let mail = world.mail_to(email).await;
    let code =
        mail.body.split(|letter: char| !letter.is_ascii_digit()).find(|part| part.len() == 6).unwrap().to_owned();
    browser.post("/registrieren/code", &[("code", &code)]).await;
    assert_eq!(name(&mut browser, "D’Arcy `~'", "O'Neill, Jr.").await.status, 303);
    let mut pages = vec![browser.get("/registrieren/name").await, browser.get("/registrieren/passwort").await];
    browser.post("/registrieren/passwort", &[("password", PASSWORD)]).await;
    browser.post("/registrieren/wiederherstellung", &[("kept", "ja")]).await;
    pages.push(browser.get("/registrieren/pruefen").await);
    browser.post("/registrieren/pruefen", &[]).await;
    for path in ["/registrieren/fertig", "/konto", "/profil", "/anmelden"] {
        pages.push(browser.get(path).await);
    }
    pages.push(browser.visit(&bibliothek.request(&[])).await);
    pages.push(browser.post("/anmelden", &[("email", email), ("password", "falsch-falsch-falsch")]).await);
    let (mut names, mut addresses) = (0, 0);
    for page in &pages {
        assert!(!page.body.contains("O'Neill") && !page.body.contains("a&b'c"), "raw: {}", page.body);
        names += page.body.matches("O&#39;Neill").count();
        addresses += page.body.matches("a&#38;b&#39;c{email}{code}+${7*7}`x@example.org").count();
        assert!(!page.body.contains("${49}"));
    }
    assert!(names >= 5 && addresses >= 5, "{names} {addresses}");
    let welcome = world.mail_to(email).await;
    for text in [&welcome.subject, &welcome.body, &mail.subject, &mail.body] {
        assert!(!text.contains("&#") && !text.contains("Neill"), "plain text, and no name: {text}");
    }
});

both!(sec_s13_an_address_is_one_address, async |world| {
    let mut browser = world.browser();
    browser.get("/registrieren/email").await;
    for bad in [
        "a@example.org\r\nBcc: b@example.org",
        "a@example.org\nb@example.org",
        "a@example.org,b@example.org",
        "a@example.org;b@example.org",
        "a@example.org b@example.org",
        "\"a\r\n\"@example.org",
        "<a@example.org>",
        "Anna <a@example.org>",
        "a@example.org%0ab",
        "a@example.org\u{2028}b",
        "a\u{0}@example.org",
        "a@example.org?bcc=b@example.org",
        "a@[192.0.2.1]",
        "a@localhost",
        "a@xn--",
        "-@-.-",
        "a@b@example.org",
        "a\u{FF20}example.org",
        "mailto:a@example.org/",
    ] {
        for path in ["/registrieren/email", "/wieder-anmelden/email"] {
            let page = browser.post(path, &[("email", bad)]).await;
            assert!([422, 400].contains(&page.status), "{bad:?}: {}", page.status);
            assert_inert(&page.body, bad);
        }
    }
    world.settle().await;
    assert!(world.mails.lock().unwrap().is_empty(), "nothing was sent");
});

both!(sec_a19_what_a_service_sends_is_shown_inert, async |world| {
    let [parken, _] = two_services(&world).await;
    for name in ["login_hint", "ui_locales", "state", "nonce", "acr_values", "display", "unbekannt"] {
        let mut browser = world.browser();
        let page = browser.visit(&parken.request(&[(name, ATTACK)])).await;
        assert_eq!(page.status, 200, "{name}");
        assert_inert(&page.body, name);
        if name == "login_hint" {
            let shown = "value=\"&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;";
            assert!(page.body.contains(shown), "shown as it is");
        }
        let cancelled = browser.post(&format!("/abbrechen?vorgang={}", vorgang(&page)), &[]).await;
        assert!(cancelled.location().bytes().all(|byte| byte.is_ascii_graphic()), "{}", cancelled.location());
        assert!(!cancelled.location().contains(['<', '"', '\'']), "{}", cancelled.location());
        if name == "state" {
            assert_eq!(cancelled.parameter("state").as_deref(), Some(ATTACK), "as it came");
        }
    }
    for name in ["client_id", "redirect_uri", "scope", "response_type", "prompt", "max_age", "id_token_hint"] {
        let answer = world.browser().get(&parken.request(&[(name, ATTACK)])).await;
        assert_inert(&answer.body, name);
        assert!(!answer.location().contains(['<', '"', '\'']), "{name}: {}", answer.location());
    }
});

both!(sec_a19_no_page_repeats_its_query_as_markup, async |world| {
    let query: String = url::form_urlencoded::byte_serialize(ATTACK.as_bytes()).collect();
    for url in urls().into_iter().filter(|url| url.method == "GET") {
        for name in
            ["x", "vorgang", "zurueck", "beendet", "email", "code", "error", "post_logout_redirect_uri", "state"]
        {
            let answer = world.browser().get(&format!("{}?{name}={query}", url.path)).await;
            assert_inert(&answer.body, &url.path);
        }
    }
    let mut browser = world.browser();
    for target in
        ["//evil.example", "https://evil.example", "/\\evil.example", "\\evil", "javascript:alert(1)", "/\t/evil", ""]
    {
        let target: String = url::form_urlencoded::byte_serialize(target.as_bytes()).collect();
        let answer = browser.get(&format!("/sprache/en?zurueck={target}")).await;
        assert_eq!((answer.status, answer.location()), (303, "/"), "{target}");
    }
});

// One language list, and nothing kept per language asked for.
both!(sec_a19_languages_are_a_closed_list, async |world| {
    let [parken, _] = two_services(&world).await;
    let mut browser = world.browser();
    browser.language = "fr";
    for (tags, shown) in
        [("en", "en"), ("xx yy en", "en"), ("../../etc/passwd", "de"), ("fr", "de"), ("en-\u{0130}", "en")]
    {
        let page = browser.visit(&parken.request(&[("ui_locales", tags)])).await;
        assert!(page.body.contains(&format!("<html lang=\"{shown}\">")), "{tags}");
    }
});
