//! Many are asked for a mandate at once with a file: what a spreadsheet writes is read, what is none is refused, and nothing is sent
//! if anything is wrong.

use reqwest::Method;

use nutzerkonto::kernel::level::Level;
use nutzerkonto::organisation::Record;
use nutzerkonto::organisation::record::{Entry, RegisterKind};

use crate::both;
use crate::mandates::{OTTO, RENATE};
use crate::support::browser::Answer;
use crate::support::organisation::{Firm, bakery};
use crate::support::{Browser, World};

const TOP: &str = "register;gericht;nummer;email;dienste;handlungen;bis\r\n";
const MARK: &str = "grenze-7d1f";

/// A form as a browser sends it that has a file: name, name of the file and bytes of each part.
fn body(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, bytes) in parts {
        let file = file.map_or_else(String::new, |file| format!("; filename=\"{file}\"\r\nContent-Type: text/csv"));
        let head = format!("--{MARK}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend([head.as_bytes(), bytes, b"\r\n"].concat());
    }
    body.extend(format!("--{MARK}--\r\n").as_bytes());
    body
}

struct Desk {
    otto: Browser,
    firm: Firm,
}

impl Desk {
    async fn open(world: &World) -> Self {
        let (otto, _) = world.somebody(OTTO, ["Otto", "Roth"], Level::Substantial).await;
        Self { otto, firm: world.firm(OTTO, "Kanzlei Roth").await }
    }

    fn page(&self) -> String {
        self.firm.path("vollmachten/import")
    }

    async fn sends(&mut self, body: Vec<u8>) -> Answer {
        let request = self.otto.request(Method::POST, &self.page());
        let request = request.header("content-type", format!("multipart/form-data; boundary={MARK}")).body(body);
        self.otto.send(request).await
    }

    /// Uploads a table, with the page that has been looked at.
    async fn uploads(&mut self, table: &[u8]) -> Answer {
        self.otto.get(&self.page()).await;
        let csrf = self.otto.csrf.clone();
        let parts: [(&str, Option<&str>, &[u8]); 4] = [
            ("csrf", None, csrf.as_bytes()),
            ("datei", Some("kunden.csv"), table),
            ("liste", None, b""),
            ("aktion", None, b"anfragen"),
        ];
        self.sends(body(&parts)).await
    }
}

fn line(email: &str) -> String {
    format!(";;;{email};alle;lesen;31.12.2027\r\n")
}

both!(a_file_is_read_as_excel_writes_it, async |world| {
    let mut desk = Desk::open(&world).await;
    for number in ["1", "2", "3", "4"] {
        let entry = Entry { kind: RegisterKind::Hrb, court: "Köln".to_owned(), number: number.to_owned() };
        world.organisation(OTTO, &Record { register: Some(entry), ..bakery("") }).await;
    }
    let line = |number: &str| format!("HRB;Amtsgericht Köln;{number};;alle;lesen;31.12.2027\r\n");
    for (number, encoded) in [
        format!("{TOP}{}", line("1")).into_bytes(),
        [b"\xef\xbb\xbf", format!("{TOP}{}", line("2")).as_bytes()].concat(),
        [TOP.as_bytes(), b"HRB;Amtsgericht K\xf6ln;3;;alle;lesen;31.12.2027\r\n"].concat(),
        format!("{TOP}{}", line("4")).replace(';', ",").into_bytes(),
    ]
    .into_iter()
    .enumerate()
    {
        let sent = desk.uploads(&encoded).await;
        assert_eq!(sent.location(), desk.firm.path("vollmachten?erledigt=angefragt"), "{number}: {sent:?}");
        assert_eq!(world.texts("SELECT id FROM mandate").await.len(), number + 1);
    }
    let list = desk.otto.get(&desk.firm.path("vollmachten")).await.body;
    for number in 1..=4 {
        assert!(list.contains(&format!("HRB {number}, Köln")), "{number}: {list}");
    }
});

both!(a_thousand_are_asked_and_not_one_more, async |world| {
    let (mut renate, _) = world.somebody(RENATE, ["Renate", "Muster"], Level::Substantial).await;
    let mut desk = Desk::open(&world).await;
    let table = |count: usize| {
        let lines: String = (1..count).map(|number| line(&format!("person-{number}@example.org"))).collect();
        format!("{TOP}{}{lines}", line(RENATE))
    };
    let more = desk.uploads(table(1001).as_bytes()).await;
    assert!(more.status == 422 && more.body.contains("mindestens eine und höchstens 1000 Zeilen"), "{more:?}");
    // One bad line, and nobody is asked.
    let wrong = table(1000).replace("person-500@example.org;alle", "person-500@example.org;alles");
    let refused = desk.uploads(wrong.as_bytes()).await;
    assert!(refused.status == 422 && refused.body.contains("Zeile 502: Als Dienst"), "{refused:?}");
    assert!(!refused.body.contains("person-499") && refused.body.contains("id=\"datei-e\""), "{refused:?}");
    // Of a thousand bad lines the first ones are named.
    let all_wrong = desk.uploads(table(1000).replace(";alle;", ";x;").as_bytes()).await;
    assert!(all_wrong.body.contains("Und 950 weitere Fehler"), "{}", all_wrong.body);
    assert!(all_wrong.body.len() < 30_000, "{}", all_wrong.body.len());
    assert_eq!(world.rows("mandate").await, 0);
    let before = world.app.db.statements();
    let sent = desk.uploads(table(1000).as_bytes()).await;
    let spent = world.app.db.statements() - before;
    assert_eq!(sent.location(), desk.firm.path("vollmachten?erledigt=angefragt"), "{sent:?}");
    assert_eq!(world.rows("mandate").await, 1000);
    eprintln!("1,000 lines: {spent} statements");
    assert!(spent < 8_000, "{spent}");
    assert!(renate.get("/vollmachten").await.body.contains("Kanzlei Roth"));
    // The list of what is open is turned over.
    let list = desk.otto.get(&desk.firm.path("vollmachten")).await;
    assert!(list.body.contains("id=\"offen-weitere\"") && list.body.len() < 40_000, "{}", list.body.len());
    // That is as much as may be open, and as much as may be sent in a day.
    let again = desk.uploads(format!("{TOP}{}", line("noch-eine@example.org")).as_bytes()).await;
    assert!(again.status == 422 && again.body.contains("so viele Anfragen und Angebote offen"), "{again:?}");
});

both!(sec_x10_a_file_that_is_no_table_is_refused, async |world| {
    let mut desk = Desk::open(&world).await;
    let utf16: Vec<u8> = format!("\u{feff}{TOP}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let long = format!("{TOP}{}", "x".repeat(100_000));
    let open = format!("{TOP};;;\"{}", "a@example.org\r\n".repeat(2000));
    for (name, file, told) in [
        ("NUL", format!("{TOP}a\0b").into_bytes(), "keine CSV-Datei"),
        ("UTF-16", utf16, "keine CSV-Datei"),
        ("a program", b"\x7fELF\x02\x01\x01\x00".to_vec(), "keine CSV-Datei"),
        ("a long line", long.into_bytes(), "Eine Zeile ist zu lang"),
        ("a quote that nobody closes", open.into_bytes(), "Eine Zeile ist zu lang"),
        ("many columns", ";".repeat(200_000).into_bytes(), "Die Zeile braucht sieben Felder"),
        ("many empty lines", "\n".repeat(200_000).into_bytes(), "Die erste Zeile muss"),
        ("many lines", "a\n".repeat(100_000).into_bytes(), "mindestens eine und höchstens"),
        ("a formula", format!("{TOP};;;=1+1;alle;lesen;31.12.2027").into_bytes(), "darf nicht mit"),
        ("too long", vec![b'a'; 256 * 1024 + 1], "größer als 256 KiB"),
        ("almost too long", vec![b'a'; 256 * 1024], "Eine Zeile ist zu lang"),
    ] {
        let refused = desk.uploads(&file).await;
        assert!(refused.status == 422 && refused.body.contains(told), "{name}: {refused:?}");
        assert!(refused.body.len() < 30_000, "{name}");
    }
    // An empty file is none.
    let none = desk.uploads(b"").await;
    assert!(none.status == 422 && none.body.contains("Die erste Zeile muss"), "{none:?}");
    // Both at once are neither.
    let csrf = desk.otto.csrf.clone();
    let (csrf, table) = (csrf.as_bytes(), format!("{TOP}{}", line(RENATE)));
    let aktion: (&str, Option<&str>, &[u8]) = ("aktion", None, b"anfragen");
    let file: (&str, Option<&str>, &[u8]) = ("datei", Some("a.csv"), table.as_bytes());
    let two = desk.sends(body(&[("csrf", None, csrf), file, ("liste", None, table.as_bytes()), aktion])).await;
    assert!(two.status == 422 && two.body.contains("nicht beides"), "{two:?}");
    // What no browser sends.
    for (name, status, sent) in [
        ("two files", 400, body(&[("csrf", None, csrf), file, file, aktion])),
        ("a file of another name", 400, body(&[("csrf", None, csrf), ("x", Some("a.csv"), b"a"), aktion])),
        ("no UTF-8", 400, body(&[("csrf", None, csrf), ("liste", None, b"\xff"), aktion])),
        ("NUL", 400, body(&[("csrf", None, csrf), ("liste", None, b"a\0"), aktion])),
        ("a long field", 413, body(&[("csrf", None, csrf), ("liste", None, &[b'a'; 65 * 1024]), aktion])),
        ("many fields", 400, body(&[("csrf", None, csrf); 65])),
        ("not to its end", 400, body(&[("csrf", None, csrf), file, aktion])[..200].to_vec()),
        ("nothing", 400, Vec::new()),
        ("too much", 413, body(&[("csrf", None, csrf), ("datei", Some("a.csv"), &vec![b'a'; 513 * 1024])])),
    ] {
        let refused = desk.sends(sent).await;
        assert_eq!(refused.status, status, "{name}: {refused:?}");
    }
    assert_eq!(world.rows("mandate").await, 0);
    // Here alone: elsewhere a form is what it was.
    let path = desk.firm.path("vollmachten/anfragen");
    let request = desk.otto.request(Method::POST, &path);
    let request = request.header("content-type", format!("multipart/form-data; boundary={MARK}"));
    assert_eq!(desk.otto.send(request.body(body(&[("csrf", None, csrf)]))).await.status, 415);
});

both!(sec_n03_a_file_from_elsewhere_is_not_read, async |world| {
    let mut desk = Desk::open(&world).await;
    desk.otto.get(&desk.page()).await;
    let (csrf, table) = (desk.otto.csrf.clone(), format!("{TOP}{}", line(RENATE)));
    let aktion: (&str, Option<&str>, &[u8]) = ("aktion", None, b"anfragen");
    let file: (&str, Option<&str>, &[u8]) = ("datei", Some("a.csv"), table.as_bytes());
    for (name, sent) in [
        ("no value", body(&[file, aktion])),
        ("another value", body(&[("csrf", None, b"AAAA"), file, aktion])),
        ("behind the file", body(&[file, ("csrf", None, csrf.as_bytes()), aktion])),
        ("no file, no value", body(&[("liste", None, table.as_bytes()), aktion])),
    ] {
        assert_eq!(desk.sends(sent).await.status, 403, "{name}");
    }
    let whole = body(&[("csrf", None, csrf.as_bytes()), file, aktion]);
    for (header, value) in [("origin", "https://boese.example"), ("sec-fetch-site", "cross-site")] {
        let request = desk.otto.request(Method::POST, &desk.page()).header(header, value);
        let request = request.header("content-type", format!("multipart/form-data; boundary={MARK}"));
        assert_eq!(desk.otto.send(request.body(whole.clone())).await.status, 403, "{header}");
    }
    // Nobody else's organisation, nor without the right.
    let mut stranger = world.representative("emre@example.org", ["Emre", "Kaya"]).await;
    stranger.get("/vollmachten").await;
    for status in [404, 403] {
        let own = body(&[("csrf", None, stranger.csrf.clone().as_bytes()), file, aktion]);
        let request = stranger.request(Method::POST, &desk.page());
        let request = request.header("content-type", format!("multipart/form-data; boundary={MARK}"));
        assert_eq!(stranger.send(request.body(own)).await.status, status);
        if status == 404 {
            world.joins(&desk.firm, "emre@example.org", &["administration:"]).await;
        }
    }
    assert_eq!(world.rows("mandate").await, 0);
    let sent = desk.sends(whole).await;
    assert_eq!(sent.location(), desk.firm.path("vollmachten?erledigt=angefragt"), "{sent:?}");
});
