//! Group V of the security list: what strangers, liars and broken machines get of a safe.

use std::time::Duration;

use futures_util::future::join_all;
use nutzerkonto::data::objects;
use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::both;
use crate::support::attachment::pdf;
use crate::support::browser::PASSWORD;
use crate::support::clamd::{Clamd, Mood, eicar};
use crate::support::doors::connected;
use crate::support::safe::{DOCUMENT, UPLOAD, body, content_type, documents};
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

const MEBIBYTE: usize = 1024 * 1024;

async fn renate(world: &World) -> Browser {
    let mut renate = connected(world, &[]).await;
    renate.get(UPLOAD).await;
    renate
}

/// Nobody can see anything of it, and nothing of it lies anywhere.
async fn nothing_is_left(world: &World) {
    for table in ["safe_document", "safe_version", "safe_label", "safe_tag"] {
        assert_eq!(world.rows(table).await, 0, "{table}");
    }
    world.becomes("its bytes are gone", async || world.files().is_empty()).await;
}

/// How an upload begins that is sent by hand.
fn head(browser: &Browser, length: &str) -> String {
    let built = browser.request(Method::POST, UPLOAD).build().unwrap();
    let text = |name: &str| built.headers()[name].to_str().unwrap().to_owned();
    format!(
        "POST {UPLOAD} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nContent-Type: {}\r\n{length}\r\n\r\n",
        text("host"),
        text("cookie"),
        content_type()
    )
}

both!(sec_v01_the_documents_of_others_are_not_there, async |world| {
    let mut renate = renate(&world).await;
    let id = renate.keeps("", "Urkunde.pdf").await;
    let mut emre = world.browser();
    emre.register(&world, "emre@example.org", ["Emre", "Yılmaz"]).await;
    let own = emre.keeps("", "Eigenes.pdf").await;
    let before = world.safe_of(world.account(EMAIL).await.as_str()).await;
    let answers = async |browser: &mut Browser, id: &str| {
        let mut told = Vec::new();
        for rest in ["", "/1/datei", "/aendern", "/version", "/loeschen", "/1/loeschen"] {
            let page = browser.get(&format!("/safe/{id}{rest}")).await;
            told.push((rest, page.status, page.heading().to_owned()));
        }
        for rest in ["/aendern", "/loeschen", "/1/loeschen"] {
            let answer = browser.post(&format!("/safe/{id}{rest}"), &[("name", "a.pdf"), ("ordner", "")]).await;
            told.push((rest, answer.status, answer.heading().to_owned()));
        }
        let answer = browser.sends_files(&format!("/safe/{id}/version"), "", &[("a.pdf", &pdf(200))]).await;
        told.push(("version", answer.status, answer.heading().to_owned()));
        told
    };
    let theirs = answers(&mut emre, &id).await;
    assert!(theirs.iter().all(|(_, status, _)| *status == 404), "{theirs:?}");
    assert_eq!(answers(&mut emre, DOCUMENT).await, theirs, "nobody's is answered the same");
    for odd in ["doc_x", "acc_00000000000000000000000000", "..%2f..%2fetc", "%00", &id.to_lowercase()] {
        assert_eq!(emre.get(&format!("/safe/{odd}")).await.status, 404, "{odd}");
    }
    for version in ["0", "-1", "2", "99999999999999999999", "1e0", "%31%20"] {
        assert_eq!(emre.fetches(&format!("/safe/{own}/{version}/datei")).await.0, 404, "{version}");
    }
    assert_eq!(world.safe_of(world.account(EMAIL).await.as_str()).await, before);
    let nobody = &mut world.browser();
    assert_eq!(nobody.get(&format!("/safe/{id}/1/datei")).await.location(), format!("/anmelden?ziel=/safe/{id}"));
});

both!(sec_v02_a_name_is_a_name_and_nothing_else, async |world| {
    let mut renate = renate(&world).await;
    for name in [
        "../../etc/passwd.pdf",
        "/etc/cron.d/x.txt",
        "..\\..\\boot.txt",
        "C:\\x.pdf",
        "NUL.pdf",
        "com1.txt",
        ".htaccess.txt",
        "a\u{202E}fdp.txt",
        "a\u{200B}.pdf",
        "x<b>.pdf",
        "kein.html",
        "ohne",
        &format!("{}.pdf", "x".repeat(200)),
    ] {
        let answer = renate.sends_files(UPLOAD, "", &[(name, &pdf(200))]).await;
        assert_eq!(answer.status, 422, "{name}: {}", answer.body);
        assert!(answer.body.contains("Der Name"), "{name}: {}", answer.body);
    }
    nothing_is_left(&world).await;
    // Where a document lies says nothing of its name.
    renate.keeps("../x", "Bericht … 50 % & mehr.pdf").await;
    let files = world.files();
    assert!(files.len() == 1 && files[0].len() == 33, "{files:?}");
});

both!(sec_v03_what_is_longer_than_it_may_be_is_cut, async |mut world| {
    world.restart(|config| config.safe.quota_mebibytes = 1).await;
    let mut renate = renate(&world).await;
    let long = pdf(3 * MEBIBYTE);
    let answer = renate.sends_files(UPLOAD, "", &[("lang.pdf", &long), ("kurz.pdf", &pdf(300))]).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.body.contains("<bdi>lang.pdf</bdi>: Nicht angenommen: Dafür ist im Safe nicht genug Platz."),
        "{}",
        answer.body
    );
    assert_eq!(documents(&answer.body).len(), 1, "the one after it is taken");
    // In pieces, of which nobody says how many there are, until nobody listens any more.
    let start = body(&[("csrf", &renate.csrf)], &[("endlos.txt", b"x")]);
    let mut stream = TcpStream::connect(world.address()).await.unwrap();
    stream.write_all(head(&renate, "Transfer-Encoding: chunked").as_bytes()).await.unwrap();
    let mut piece = start[..start.len() - 20].to_vec();
    for _ in 0..64 {
        stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await.unwrap();
        stream.write_all(&piece).await.unwrap();
        stream.write_all(b"\r\n").await.unwrap();
        piece = vec![b'x'; 100_000];
    }
    drop(stream);
    let owner = world.account(EMAIL).await.to_string();
    assert_eq!(world.safe_of(&owner).await, [(300, 1), (300, 1)]);
    world.becomes("one file is left", async || world.files().len() == 1).await;
    // A form that says it is longer than any may be is not read.
    let mut stream = TcpStream::connect(world.address()).await.unwrap();
    stream.write_all(head(&renate, "Content-Length: 9000000000").as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    tokio::time::timeout(Duration::from_secs(10), stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 413");
});

both!(sec_v03_an_upload_that_breaks_off_leaves_nothing, async |world| {
    let renate = renate(&world).await;
    let whole = body(&[("csrf", &renate.csrf)], &[("Urkunde.pdf", &pdf(400_000))]);
    let head = head(&renate, &format!("Content-Length: {}", whole.len()));
    for sent in [600, 100_000, whole.len() - 30] {
        let mut stream = TcpStream::connect(world.address()).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&whole[..sent]).await.unwrap();
        stream.flush().await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(stream);
        nothing_is_left(&world).await;
    }
    assert_eq!(world.recorded("safe.added").await, 0);
});

both!(sec_v04_a_quota_is_exact_however_many_come_at_once, async |mut world| {
    world.restart(|config| config.safe.quota_mebibytes = 1).await;
    let mut renate = renate(&world).await;
    let most = pdf(MEBIBYTE - 55_000);
    assert_eq!(renate.sends_files(UPLOAD, "", &[("viel.pdf", &most)]).await.status, 200);
    let small = pdf(10_000);
    let uploads = (0..32).map(|number| {
        let (mut browser, small) = (renate.clone(), small.clone());
        async move { browser.sends_files(UPLOAD, "", &[(&format!("{number}.pdf"), &small)]).await }
    });
    let answers = join_all(uploads).await;
    let kept = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(answers.iter().all(|answer| [200, 422].contains(&answer.status)), "{answers:?}");
    let owner = world.account(EMAIL).await.to_string();
    let [counted, real] = world.safe_of(&owner).await;
    assert_eq!(counted, real);
    assert!(counted.0 <= MEBIBYTE as i64 && kept <= 5 && counted.1 == kept as i64 + 1, "{counted:?} {kept}");
    // One after the other there is room for five, and for a sixth when something has gone.
    for number in kept..5 {
        let name = format!("n{number}.pdf");
        assert_eq!(renate.sends_files(UPLOAD, "", &[(&name, &small)]).await.status, 200, "{number}");
    }
    let full = renate.sends_files(UPLOAD, "", &[("sechs.pdf", &small)]).await;
    assert!(full.status == 422 && full.body.contains("nicht genug Platz"), "{}", full.body);
    let id = renate.lists("").await.remove(0);
    renate.get(&format!("/safe/{id}/loeschen")).await;
    renate.post(&format!("/safe/{id}/loeschen"), &[]).await;
    assert_eq!(renate.sends_files(UPLOAD, "", &[("sechs.pdf", &small)]).await.status, 200);
    world
        .becomes("whatever was refused is gone", async || {
            objects::tend(&world.app).await.unwrap();
            world.files().len() as i64 == world.safe_of(&owner).await[1].1
        })
        .await;
    // Smaller settings take nothing away.
    world.restart(|config| config.safe.quota_mebibytes = 1).await;
    assert_eq!(renate.at(world.address()).get("/safe").await.status, 200);
});

both!(sec_v05_v12_what_is_packed_or_nested_is_never_opened, async |world| {
    let mut renate = renate(&world).await;
    let zip = [b"PK\x03\x04".as_slice(), &[0; 26], b"PK\x05\x06", &[0; 18]].concat();
    let packed: [(&str, &[u8]); 4] =
        [("bombe.zip", &zip), ("bombe.pdf", &zip), ("bombe.xml", &zip), ("a.tar", b"ustar")];
    for (name, bytes) in packed {
        assert_eq!(renate.sends_files(UPLOAD, "", &[(name, bytes)]).await.status, 422, "{name}");
    }
    let entities = b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"bb\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>";
    let refused = renate.sends_files(UPLOAD, "", &[("lachen.xml", entities)]).await;
    assert!(refused.body.contains("ohne Dokumenttyp"), "{}", refused.body);
    nothing_is_left(&world).await;
    // Nobody here draws it, however large it says that it is, or follows what it nests.
    let huge = [
        b"\x89PNG\r\n\x1a\n\0\0\0\x0DIHDR\0\0\xC3\x50\0\0\xC3\x50\x08\x02\0\0\0\x90\x77\x53\xDE".as_slice(),
        b"\0\0\0\0IEND\xAE\x42\x60\x82",
    ]
    .concat();
    let nested = format!("%PDF-1.7\n{}{}\n%%EOF\n", "[".repeat(200_000), "]".repeat(200_000));
    let answer = renate.sends_files(UPLOAD, "", &[("gross.png", &huge), ("tief.pdf", nested.as_bytes())]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    for id in documents(&answer.body) {
        assert_eq!(renate.fetches(&format!("/safe/{id}/1/datei")).await.0, 200);
    }
});

both!(sec_v06_v10_a_document_is_fetched_and_never_shown, async |world| {
    let mut renate = renate(&world).await;
    let pages: [(&str, &[u8]); 5] = [
        ("seite.pdf", b"<!doctype html><script>alert(1)</script>"),
        ("seite.txt", b"<html><script>alert(1)</script></html>"),
        ("bild.png", b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>"),
        ("daten.xml", b"<?xml version=\"1.0\"?><a xmlns=\"http://www.w3.org/1999/xhtml\"/>"),
        ("akte.pdf", b"%PDF-1.7\n<< /S /JavaScript /JS (app.alert\\(1\\)) >>\n%%EOF\n"),
    ];
    for (name, bytes) in pages {
        assert_eq!(renate.sends_files(UPLOAD, "", &[(name, bytes)]).await.status, 422, "{name}");
    }
    nothing_is_left(&world).await;
    let id = renate.keeps("", "Bescheid über 50 %.pdf").await;
    let path = format!("/safe/{id}/1/datei");
    let (status, headers, _) = renate.fetches(&path).await;
    assert_eq!(status, 200);
    for (name, value) in [
        ("content-type", "application/pdf"),
        (
            "content-disposition",
            "attachment; filename=\"Bescheid _ber 50 _.pdf\"; filename*=UTF-8''Bescheid%20%C3%BCber%2050%20%25.pdf",
        ),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        (
            "content-security-policy",
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
        ),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    // Ranges are not offered: whoever asks for a thousand gets the whole, once.
    let ranges = (0..1000).map(|at| format!("{at}-{}", at + 500)).collect::<Vec<_>>().join(",");
    let request = renate.request(Method::GET, &path).header("range", format!("bytes={ranges}"));
    let answer = request.send().await.unwrap();
    assert!(answer.status() == 200 && answer.bytes().await.unwrap() == pdf(1000));
});

both!(sec_v07_what_was_exchanged_or_cut_is_not_given_out, async |world| {
    let mut renate = renate(&world).await;
    let (one, two) = (renate.keeps("", "eins.pdf").await, renate.keeps("", "zwei.pdf").await);
    let three = renate.keeps("", "drei.pdf").await;
    let path = async |id: &str| {
        let query = format!(
            "SELECT path FROM sealed_object JOIN safe_version ON sealed_object.id = safe_version.object_id
              WHERE document_id = '{id}'"
        );
        world.object_directory().join(world.texts(&query).await.remove(0))
    };
    let (first, second) = (path(&one).await, path(&two).await);
    let (a, b) = (std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap());
    std::fs::write(&first, &b).unwrap();
    std::fs::write(&second, &a[..a.len() - 100]).unwrap();
    for id in [&one, &two] {
        let (status, headers, bytes) = renate.fetches(&format!("/safe/{id}/1/datei")).await;
        assert!(status == 500 && !bytes.windows(5).any(|part| part == b"%PDF-"), "{status} {headers:?}");
    }
    objects::tend(&world.app).await.unwrap();
    assert_eq!(world.recorded("object.damaged").await, 2, "an alarm for each");
    assert_eq!(renate.fetches(&format!("/safe/{three}/1/datei")).await.0, 200, "the others are as they were");
    // Nor does somebody who writes into the database get one document served as the other.
    let four = renate.keeps("", "vier.pdf").await;
    let object =
        world.texts(&format!("SELECT object_id FROM safe_version WHERE document_id = '{three}'")).await.remove(0);
    for statement in [
        format!("UPDATE safe_version SET object_id = '{object}' WHERE document_id = '{four}'"),
        format!("UPDATE safe_version SET bytes = bytes + 1 WHERE document_id = '{three}'"),
    ] {
        world.change(&statement).await;
    }
    // Both are the same bytes, so only their lengths tell.
    assert_eq!(renate.fetches(&format!("/safe/{three}/1/datei")).await.0, 500);
    let other = format!(
        "UPDATE safe_version SET description = (SELECT description FROM safe_version AS v WHERE v.document_id = '{one}')
          WHERE document_id = '{four}'"
    );
    world.change(&other).await;
    assert_eq!(renate.fetches(&format!("/safe/{four}/1/datei")).await.0, 500);
    let foreign = format!(
        "UPDATE safe_document SET description = (SELECT description FROM safe_document AS d WHERE d.id = '{one}') WHERE id = '{two}'"
    );
    world.change(&foreign).await;
    assert_eq!(renate.get(&format!("/safe/{two}")).await.status, 500, "each row opens in its own place");
});

both!(what_the_scanner_finds_or_cannot_see_is_not_kept, async |mut world| {
    let clamd = Clamd::open(Mood::Working).await;
    world.restart(|config| config.objects.scan = Some(clamd.place.clone())).await;
    let mut renate = renate(&world).await;
    let answer = renate.sends_files(UPLOAD, "", &[("Brief.txt", eicar().as_bytes()), ("gut.pdf", &pdf(5000))]).await;
    assert!(answer.status == 422 && answer.body.contains("Der Virenscanner hat etwas gefunden."), "{}", answer.body);
    let kept = documents(&answer.body).remove(0);
    assert!(renate.get(&format!("/safe/{kept}")).await.body.contains("Ein Virenscanner hat nichts gefunden."));
    let told = world.texts("SELECT detail FROM audit_event WHERE kind = 'safe.refused'").await;
    assert_eq!(told, ["{\"finding\":\"Win.Test.EICAR_HDB-1\"}"]);
    assert!(renate.get("/daten/protokoll?art=safe").await.body.contains("Eine Datei für den Safe abgewiesen"));
    world.restart(|config| config.objects.scan = Some("tcp:127.0.0.1:1".to_owned())).await;
    let mut renate = renate.at(world.address());
    renate.get(UPLOAD).await;
    let answer = renate.sends_files(UPLOAD, "", &[("gut.pdf", &pdf(5000))]).await;
    assert!(answer.status == 422 && answer.body.contains("ungeprüft nehmen wir nichts an"), "{}", answer.body);
    assert_eq!(world.rows("safe_document").await, 1);
});

both!(a_full_disk_refuses_and_harms_nothing, async |mut world| {
    let memory = world.keep_files_in_memory().await;
    let mut renate = renate(&world).await;
    let id = renate.keeps("", "alt.pdf").await;
    renate.get(UPLOAD).await;
    memory.look(|state| state.capacity = Some(10_000));
    let files: [(&str, &[u8]); 2] = [("gross.pdf", &pdf(200_000)), ("klein.pdf", &pdf(300))];
    let answer = renate.sends_files(UPLOAD, "", &files).await;
    assert!(
        answer.status == 422 && answer.body.contains("Auf unseren Servern ist gerade kein Platz."),
        "{}",
        answer.body
    );
    assert_eq!(documents(&answer.body).len(), 1, "what fits is taken");
    assert_eq!(renate.fetches(&format!("/safe/{id}/1/datei")).await.0, 200);
    memory.look(|state| state.is_unreachable = true);
    let answer = renate.sends_files(UPLOAD, "", &[("a.pdf", &pdf(300))]).await;
    assert!(answer.status == 422 && answer.body.contains("Versuchen Sie es gleich noch einmal."), "{}", answer.body);
    assert_eq!(renate.fetches(&format!("/safe/{id}/1/datei")).await.0, 503);
    memory.look(|state| (state.is_unreachable, state.capacity) = (false, None));
    assert_eq!(renate.sends_files(UPLOAD, "", &[("a.pdf", &pdf(300))]).await.status, 200);
    let [counted, real] = world.safe_of(world.account(EMAIL).await.as_str()).await;
    assert_eq!((counted, counted.1), (real, 3));
});

both!(without_a_place_for_files_the_pages_say_so, async |mut world| {
    world.restart(|config| config.objects.directory = None).await;
    // With SQLite there always is one.
    if world.app.objects.are_kept() {
        return;
    }
    let mut renate = renate(&world).await;
    for path in ["/safe", UPLOAD] {
        let page = renate.get(path).await;
        assert!(page.status == 200 && page.body.contains("id=\"kein-platz\""), "{path}: {}", page.body);
    }
    let answer = renate.sends_files(UPLOAD, "", &[("a.pdf", &pdf(300))]).await;
    assert!(answer.status == 422 && answer.body.contains("kein Platz für Dateien eingerichtet"), "{}", answer.body);
});

both!(sec_x01_a_form_from_elsewhere_brings_no_file, async |world| {
    let mut renate = renate(&world).await;
    let files: [(&str, &[u8]); 1] = [("a.pdf", &pdf(300))];
    let csrf = renate.csrf.clone();
    let late = {
        // The value behind the file.
        let (first, last) = (body(&[], &files), body(&[("csrf", &csrf)], &[]));
        [&first[..first.len() - "--grenze-4b2a--\r\n".len()], &last].concat()
    };
    for (what, sent, origin) in [
        ("no value", body(&[], &files), None),
        ("a wrong one", body(&[("csrf", "x")], &files), None),
        ("too late", late, None),
        ("from elsewhere", body(&[("csrf", &csrf)], &files), Some("https://evil.example")),
    ] {
        let mut request = renate.request(Method::POST, UPLOAD).header("content-type", content_type());
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        assert_eq!(renate.clone().send(request.body(sent)).await.status, 403, "{what}");
    }
    for wrong in ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=anders"] {
        let request =
            renate.request(Method::POST, UPLOAD).header("content-type", wrong).body(body(&[("csrf", &csrf)], &files));
        let answer = renate.clone().send(request).await;
        assert!((400..500).contains(&answer.status), "{wrong}: {}", answer.status);
    }
    nothing_is_left(&world).await;
    let empty = renate.sends_files(UPLOAD, "", &[("", b"")]).await;
    assert!(empty.status == 422 && empty.body.contains("id=\"dateien-e\""), "{}", empty.body);
    let many: Vec<(&str, &[u8])> = (0..21).map(|_| ("a.txt", b"x".as_slice())).collect();
    let answer = renate.sends_files(UPLOAD, "", &many).await;
    assert_eq!((answer.status, documents(&answer.body).len()), (422, 20), "{}", answer.body);
    world.pass(Duration::from_secs(2 * 3600));
    assert_eq!(renate.sends_files(UPLOAD, "", &files).await.location(), "/anmelden?ziel=/safe/hochladen");
    renate.sign_in(EMAIL, PASSWORD).await;
    assert_eq!(renate.lists("").await.len(), 20);
});
