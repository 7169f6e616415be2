//! The page on which somebody chooses a document for a service: what it offers, and what is found by a search.

use crate::both;
use crate::shares::{Story, asking, shares};
use crate::support::attachment::pdf;
use crate::support::safe::{DOCUMENT, UPLOAD, body, content_type};

both!(whoever_has_many_documents_finds_the_one_that_is_asked_for, async |world| {
    let mut story = Story::begins(&world).await;
    // Younger ones, so many that the first is not offered any more.
    for first in [0, 13] {
        world.later();
        let bytes = pdf(700);
        let names: Vec<String> = (first..first + 13).map(|number| format!("Rechnung {number}.pdf")).collect();
        let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), bytes.as_slice())).collect();
        story.renate.get(UPLOAD).await;
        let sent = body(&[("csrf", &story.renate.csrf), ("ordner", "")], &files);
        let request = story.renate.request(reqwest::Method::POST, UPLOAD).header("content-type", content_type());
        assert_eq!(story.renate.send(request.body(sent)).await.status, 200);
    }
    let path = story.asks(&world, &asking(Some(7))).await;
    let page = story.renate.get(&path).await.body;
    assert_eq!(page.matches("name=\"dokument\"").count(), 25, "{page}");
    assert!(!page.contains(&story.document) && page.contains("Hier stehen die neuesten 25 Dokumente"), "{page}");
    let searched = story.renate.get(&format!("{path}&suche=GEBURTS")).await.body;
    assert!(searched.contains(&story.document) && !searched.contains("Rechnung"), "{searched}");
    assert!(searched.contains("Elektronisches Siegel: keins"), "{searched}");
    assert!(!searched.contains("Hier stehen die neuesten"), "{searched}");
    let nothing = story.renate.get(&format!("{path}&suche=Heiratsurkunde")).await.body;
    assert!(nothing.contains("Kein Dokument passt zu dieser Auswahl.") && !nothing.contains("pruefen"), "{nothing}");
    // What was searched stays, when something is forgotten and when it is changed.
    let wrong = story.renate.post(&path, &[("suche", "geburts"), ("dokument", DOCUMENT), ("dauer", "7")]).await;
    assert!(wrong.status == 422 && wrong.body.contains("value=\"geburts\"") && !wrong.body.contains("Rechnung"));
    let chosen = [("suche", "geburts"), ("dokument", &*story.document), ("dauer", "7")];
    let check = story.renate.post(&path, &[&chosen[..], &[("schritt", "pruefen")]].concat()).await;
    assert_eq!((check.status, &*check.hidden("suche")), (200, "geburts"), "{check:?}");
    let again = story.renate.post(&path, &[&chosen[..], &[("schritt", "aendern")]].concat()).await.body;
    assert!(again.contains(&format!("value=\"{}\" checked", story.document)) && !again.contains("Rechnung"), "{again}");
    shares(&mut story.renate, &path, (&story.document, "7")).await;
    assert_eq!(world.rows("safe_share").await, 1);
});
