//! What people read when they register an organisation, prove it, change it, and stop it; see `pages`.

use nutzerkonto::kernel::level::Level;
use nutzerkonto::operator::Inquiry;
use nutzerkonto::operator::organisation::{Step, step};

use crate::pages::Album;
use crate::support::organisation::{ENTRY, NAME, PLACES, code, letters, path};
use crate::support::{Browser, World};

const NADINE: &str = "n.weber@example.org";

pub async fn registers_an_organisation(world: &mut World, language: &'static str, album: &mut Album) {
    let directory = world.mail_house().await;
    world.company_register().await;
    let mut nadine = world.browser();
    nadine.language = language;
    nadine.register(world, NADINE, ["Nadine", "Weber"]).await;
    album.page("/organisation, none", &nadine.get("/organisation").await);
    let sent = nadine.get("/organisation/neu").await;
    album.page("organisation: level needed", &nadine.follow(sent).await);
    nadine.add(&mut crate::support::passkey::Key::new(world), "Schlüssel").await;
    world.prove(NADINE, Level::Substantial).await;
    world.settle().await;
    world.mails.lock().unwrap().clear();
    describes(&mut nadine, album).await;
    let done = nadine.post("/organisation/neu/pruefen", &[]).await;
    let path = path(&done);
    album.page("organisation: registered", &nadine.follow(done).await);
    album.mail(&world.mail_to(NADINE).await);
    album.page("/organisation, one", &nadine.get("/organisation").await);
    let again = [("register", "HRB"), ("registergericht", "Mainz"), ("nummer", "4321")];
    album.page("organisation: taken", &nadine.describes(&NAME, &again, "").await);
    album.page("organisation: claim", &nadine.get("/organisation/neu/anspruch").await);
    album.page("organisation: claim, refused", &nadine.post("/organisation/neu/anspruch", &[]).await);
    let why = [("begruendung", "Ich bin Geschäftsführerin dieser Bäckerei.")];
    let claimed = nadine.post("/organisation/neu/anspruch", &why).await;
    album.page("organisation: claimed", &nadine.follow(claimed).await);
    proves(&mut nadine, &path, &directory, album).await;
    changes(&mut nadine, &path, album).await;
    goes_to_a_desk(world, &mut nadine, &path, album).await;
    ends(world, &mut nadine, &path, album).await;
    let management = letters(&directory, 1).await.into_iter().find(|letter| letter.contains("widerruf")).unwrap();
    album.page("organisation: stop it", &nadine.get("/organisation/widerruf").await);
    album.page("organisation: stop it, empty", &nadine.post("/organisation/widerruf", &[]).await);
    let wrong = nadine.post("/organisation/widerruf", &[("code", "QQQQQQ-QQQQQQ")]).await;
    album.page("organisation: stop it, wrong", &wrong);
    let code = code(&management, 12);
    let sure = nadine.post("/organisation/widerruf", &[("code", &code)]).await;
    album.0 += &format!("== organisation: stop it, sure? ({})\n{}\n\n", sure.status, sure.heading());
    let stopped = nadine.post("/organisation/widerruf", &[("code", &code), ("bestaetigen", "ja")]).await;
    album.page("organisation: stopped", &nadine.follow(stopped).await);
    album.mail(&world.mail_to(NADINE).await);
    album.page("organisation: blocked", &nadine.get(&path).await);
}

async fn describes(nadine: &mut Browser, album: &mut Album) {
    album.page("organisation: name", &nadine.get("/organisation/neu").await);
    album.page("organisation: name, refused", &nadine.post("/organisation/neu", &[]).await);
    nadine.post("/organisation/neu", &NAME).await;
    album.page("organisation: register", &nadine.get("/organisation/neu/register").await);
    album.page("organisation: register, refused", &nadine.post("/organisation/neu/register", &[]).await);
    nadine.post("/organisation/neu/register", &[ENTRY[0], ENTRY[1], ("nummer", "4321")]).await;
    album.page("organisation: places", &nadine.get("/organisation/neu/anschrift").await);
    album.page("organisation: places, refused", &nadine.post("/organisation/neu/anschrift", &[]).await);
    nadine.post("/organisation/neu/anschrift", &PLACES).await;
    album.page("organisation: number", &nadine.get("/organisation/neu/nummer").await);
    let refused = nadine.post("/organisation/neu/nummer", &[("widnr", "DE1")]).await;
    album.page("organisation: number, refused", &refused);
    nadine.post("/organisation/neu/nummer", &[]).await;
    album.page("organisation: check", &nadine.get("/organisation/neu/pruefen").await);
}

async fn proves(nadine: &mut Browser, path: &str, directory: &std::path::PathBuf, album: &mut Album) {
    let register = format!("{path}/register");
    album.page("organisation: compare", &nadine.get(&register).await);
    album.page("organisation: compare, no entry", &nadine.post(&register, &[]).await);
    let change = async |nadine: &mut Browser, name: &'static str, number: &'static str| {
        let seen = nadine.get(&format!("{path}/daten")).await.hidden("stand");
        let mut fields = [NAME.as_slice(), &ENTRY, &PLACES, &[("stand", seen.as_str())]].concat();
        (fields[0].1, fields[4].1) = (name, number);
        let changed = nadine.post(&format!("{path}/daten"), &fields).await;
        nadine.follow(changed).await
    };
    album.page("organisation: changed", &change(nadine, "Bäckerei Weber KG", "1234").await);
    album.page("organisation: compare, differs", &nadine.post(&register, &[]).await);
    change(nadine, "Gemächlich Transporte GmbH", "9999").await;
    album.page("organisation: compare, unreachable", &nadine.post(&register, &[]).await);
    change(nadine, "Bäckerei Weber GmbH", "1234").await;
    let done = nadine.post(&register, &[]).await;
    album.page("organisation: compared", &nadine.follow(done).await);
    let letter = format!("{path}/brief");
    album.page("organisation: letter", &nadine.get(&letter).await);
    let ordered = nadine.post(&letter, &[]).await;
    album.page("organisation: letter, ordered", &nadine.follow(ordered).await);
    let wrong = nadine.post(&format!("{letter}/code"), &[("code", "QQQQQ-QQQQQ")]).await;
    album.page("organisation: letter, wrong", &wrong);
    let all = letters(directory, 2).await;
    let seat = all.iter().find(|letter| !letter.contains("widerruf")).unwrap();
    let done = nadine.post(&format!("{letter}/code"), &[("code", &code(seat, 10))]).await;
    album.page("organisation: proven", &nadine.follow(done).await);
    album.page("organisation: letter, redeemed", &nadine.get(&letter).await);
}

async fn goes_to_a_desk(world: &World, nadine: &mut Browser, path: &str, album: &mut Album) {
    world.offices(&crate::support::bureau::declaration("musterhausen", "")).await;
    let desk = format!("{path}/vor-ort");
    album.page("organisation: desk", &nadine.get(&desk).await);
    let taken = nadine.post(&desk, &[]).await;
    let page = nadine.follow(taken).await;
    let code = page.code();
    album.page("organisation: desk, code", &page);
    album.mail(&world.mail_to(NADINE).await);
    album.0 = album.0.replace(&code, "K7QM4-D2XWV");
    world.offices("").await;
}

async fn changes(nadine: &mut Browser, path: &str, album: &mut Album) {
    let data = format!("{path}/daten");
    let form = nadine.get(&data).await;
    album.page("organisation: change", &form);
    album.page("organisation: change, refused", &nadine.post(&data, &[]).await);
    let seen = form.hidden("stand");
    let mut fields = [NAME.as_slice(), &ENTRY, &PLACES, &[("stand", seen.as_str())]].concat();
    fields[0].1 = "Bäckerei Huber GmbH";
    album.page("organisation: change, sure?", &nadine.post(&data, &fields).await);
}

async fn ends(world: &World, nadine: &mut Browser, path: &str, album: &mut Album) {
    let close = format!("{path}/schliessen");
    album.page("organisation: close", &nadine.get(&close).await);
    album.page("organisation: close, second step", &nadine.post(&close, &[("schritt", "weiter")]).await);
    album.page("organisation: close, refused", &nadine.post(&close, &[("schritt", "schliessen")]).await);
    let closed = nadine.post(&close, &[("schritt", "schliessen"), ("verstanden", "ja")]).await;
    album.page("organisation: closing", &nadine.follow(closed).await);
    album.mail(&world.mail_to(NADINE).await);
    let keep = format!("{path}/behalten");
    album.page("organisation: keep", &nadine.get(&keep).await);
    let kept = nadine.post(&keep, &[]).await;
    album.page("organisation: kept", &nadine.follow(kept).await);
    album.mail(&world.mail_to(NADINE).await);
    let id = nutzerkonto::kernel::id::OrganisationId::parse(path.trim_start_matches("/organisation/")).unwrap();
    let by = Inquiry::new("k.muster", "Beschluss des Amtsgerichts vom 20. November").unwrap();
    step(&world.app, &by, &id, Step::Insolvent).await.unwrap();
    album.page("organisation: insolvent", &nadine.get(path).await);
    album.mail(&world.mail_to(NADINE).await);
    step(&world.app, &by, &id, Step::Solvent).await.unwrap();
    album.mail(&world.mail_to(NADINE).await);
}
