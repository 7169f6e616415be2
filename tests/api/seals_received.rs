//! Seals of files that authorities send: judged when they come, told to both sides.

use std::path::Path;

use serde_json::{Value, json};

use crate::both;
use crate::support::World;
use crate::support::attachment::{NAME, enclosing, pdf};
use crate::support::authority::Authority;
use crate::support::browser::Browser;
use crate::support::doors::connected;
use crate::support::sealed_pdf::{self, UNSEALED, sealed, until_2020};

/// Takes seals of these issuers for known.
async fn trusts(world: &mut World, authority: &sealed_pdf::Authority) {
    let file = Path::new(&world.database.directory).join("seals.pem");
    std::fs::write(&file, &authority.pem).unwrap();
    world.restart(|config| config.seals.trust_anchors = Some(file)).await;
}

/// Sends a file with a notice, whose text then is read: what the authority is told, and the page.
async fn arrives(
    world: &World,
    authority: &Authority,
    (renate, subject, number): (&mut Browser, &str, &str),
    file: Vec<u8>,
) -> (Value, String) {
    let sent = authority.sends(world, (subject, NAME), file).await;
    assert_eq!(sent.status, 201, "{sent:?}");
    let sent = sent.json();
    let mut notice = enclosing(subject, &[sent["id"].as_str().unwrap()]);
    notice["attachments"][0]["seal"] = json!({ "kind": "qualified", "by": "Stadt Musterhausen" });
    let provided = authority.provides(world, number, &notice).await;
    assert_eq!(provided.status, 201, "{provided:?}");
    let provided = provided.json();
    assert_eq!(provided["attachments"][0]["judged"], sent["judged"]);
    let message = provided["id"].as_str().unwrap();
    renate.does_with(message, "oeffnen").await;
    let page = renate.get(&format!("/postfach/{message}/text")).await.body;
    (sent["judged"].clone(), page)
}

both!(what_was_found_of_a_seal_stands_beside_what_the_authority_says, async |mut world| {
    let (known, stranger) = (sealed_pdf::Authority::new("Muster CA"), sealed_pdf::Authority::new("Fremde CA"));
    trusts(&mut world, &known).await;
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    let whole = sealed(&pdf(300_000), &known.seal("Siegel der Stadt"));
    let mut changed = whole.clone();
    changed[150_000] ^= 1;
    let appended = [whole.as_slice(), b"7 0 obj\n<< /Type /Page >>\nendobj\n%%EOF\n"].concat();
    let valid = "wie sie gesiegelt oder unterschrieben wurde von: Siegel der Stadt (Stadt Musterhausen). Aussteller des \
                 Zertifikats: Muster CA. Angegebene Zeit: 23. November 2026, 09:00 Uhr.";
    let rows = [
        (whole, "valid", "gültig", valid),
        (
            changed,
            "altered",
            "verändert",
            "Die Datei wurde nach dem Siegeln verändert. Behörden werden sie wahrscheinlich nicht",
        ),
        (appended, "altered", "verändert", "An die Datei wurde nach dem Siegeln etwas angehängt"),
        (
            sealed(UNSEALED, &stranger.seal("Siegel")),
            "untrusted",
            "Aussteller unbekannt",
            "Im Zertifikat steht: Siegel",
        ),
        (sealed(UNSEALED, &known.issue("Siegel", until_2020)), "expired", "abgelaufen", "ist inzwischen abgelaufen"),
        (UNSEALED.to_vec(), "none", "keins", "Geprüft am 23. November 2026."),
    ];
    for (number, (file, state, word, words)) in rows.into_iter().enumerate() {
        let (judged, page) = arrives(&world, &authority, (&mut renate, &subject, &number.to_string()), file).await;
        assert_eq!(
            (&judged["state"], &judged["judged_at"]),
            (&json!(state), &json!("2026-11-23T10:02:00+01:00")),
            "{judged}"
        );
        let title = format!("Elektronisches Siegel oder Unterschrift, hier geprüft: {word}.");
        assert!(page.contains(&title) && page.contains(words), "{state}: {page}");
        assert!(page.contains("Die Behörde sagt: Die Datei trägt ein qualifiziertes"), "{page}");
    }
});

both!(a_name_in_a_certificate_is_text_and_nothing_else, async |mut world| {
    let known = sealed_pdf::Authority::new("Muster CA");
    trusts(&mut world, &known).await;
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let subject = authority.knows(&world, &mut renate).await;
    let signer = known.seal("<b>{issuer}</b>\u{202E}\u{0}");
    let (judged, page) = arrives(&world, &authority, (&mut renate, &subject, "1"), sealed(UNSEALED, &signer)).await;
    assert_eq!(judged["seals"][0]["signer"], "<b>{issuer}</b>");
    assert!(page.contains("&#60;b&#62;{issuer}&#60;/b&#62;") && !page.contains("<b>{issuer}"), "{page}");
});

both!(a_file_of_trust_anchors_has_to_have_some, async |world| {
    let missing = world.open_with(|config| config.seals.trust_anchors = Some("nowhere.pem".into())).await;
    assert!(missing.err().unwrap().starts_with("seals.trust_anchors: nowhere.pem: "));
    let empty = Path::new(&world.database.directory).join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let refused = world.open_with(|config| config.seals.trust_anchors = Some(empty)).await;
    assert!(refused.err().unwrap().ends_with("no certificate"));
});
