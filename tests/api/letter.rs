//! The letter with a code: ordered, printed once, redeemed once, and good for the address alone.

use std::path::PathBuf;
use std::time::Duration;

use nutzerkonto::account::{self, Account, AttributeName, Source};
use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::days;
use nutzerkonto::proofing::letter::print;
use nutzerkonto::store::retention;

use crate::both;
use crate::support::browser::PASSWORD;
use crate::support::passkey::Key;
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

const ADDRESS: [(&str, &str); 4] = [
    ("street_address", "Große Straße 7\nBei Nguyễn"),
    ("postal_code", "55116"),
    ("locality", "Mainz"),
    ("country", "DE"),
];

/// The same world where letters are sent; the directory.
async fn opened(world: &mut World) -> PathBuf {
    let directory = world.database.directory.join("briefe");
    let there = directory.clone();
    let change = move |config: &mut nutzerkonto::config::Config| {
        config.letter.directory = Some(there);
        config.letter.sender = "Stadt Musterhausen, Marktplatz 1, 55116 Musterhausen".to_owned();
    };
    world.restart(change).await;
    directory
}

async fn states(browser: &mut Browser, address: &[(&str, &str)]) {
    let seen = browser.get("/profil/angaben").await.hidden("stand");
    let saved = browser.post("/profil/angaben", &[address, &[("stand", seen.as_str())]].concat()).await;
    assert_eq!(saved.status, 303, "{saved:?}");
}

async fn renate(world: &World) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    states(&mut renate, &ADDRESS).await;
    renate
}

async fn orders(browser: &mut Browser) -> crate::support::browser::Answer {
    browser.get("/identitaet/brief").await;
    browser.post("/identitaet/brief", &[]).await
}

async fn types(browser: &mut Browser, code: &str) -> crate::support::browser::Answer {
    browser.get("/identitaet/brief").await;
    browser.post("/identitaet/brief/code", &[("code", code)]).await
}

/// The files that wait for the mail house, as soon as there are so many.
async fn files(directory: &PathBuf, count: usize) -> Vec<PathBuf> {
    for _ in 0..400 {
        let all = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        let mut found: Vec<_> = all.filter(|path| path.extension().is_some_and(|end| end == "pdf")).collect();
        if found.len() >= count {
            found.sort();
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no {count} letters came");
}

/// The code of a letter: the ten letters and digits in the middle of what is printed.
fn code(file: &PathBuf) -> String {
    let text = crate::support::pdf::text(&std::fs::read(file).unwrap());
    let letters = |word: &str| {
        word.len() == 11
            && word.as_bytes()[5] == b'-'
            && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let all: Vec<char> = text.chars().collect();
    let found = all.windows(11).map(|window| window.iter().collect::<String>()).find(|word| letters(word));
    found.unwrap_or_else(|| panic!("no code: {text}"))
}

async fn known(world: &World) -> Account {
    let id = world.account(EMAIL).await;
    account::load(&mut world.app.read().await.unwrap(), &world.app.vault, &id).await.unwrap()
}

both!(renate_orders_a_letter_and_confirms_her_address, async |mut world| {
    let directory = opened(&mut world).await;
    let mut renate = renate(&world).await;
    renate.add(&mut Key::new(&world), "Schlüssel").await;
    let ways = renate.get("/identitaet").await.body;
    assert!(ways.contains("href=\"/identitaet/brief\"") && ways.contains("einige Tage"), "{ways}");
    let page = renate.get("/identitaet/brief").await.body;
    assert!(page.contains("Renate Muster<br>Große Straße 7<br>Bei Nguyễn<br>55116 Mainz"), "{page}");
    assert_eq!(orders(&mut renate).await.location(), "/identitaet/brief?erledigt=bestellt");
    world.mail_about(EMAIL, "Brief").await;
    let files = files(&directory, 1).await;
    let printed = crate::support::pdf::text(&std::fs::read(&files[0]).unwrap());
    for words in [
        "Renate Muster",
        "Große Straße 7",
        "Bei Nguyễn",
        "55116 Mainz",
        "Stadt Musterhausen, Marktplatz 1",
        "Der Code gilt bis 23. Dezember 2026.",
    ] {
        assert!(printed.contains(words), "{words}: {printed}");
    }
    let code = code(&files[0]);
    assert!(!format!("{:?}", world.dump().await).contains(&code.replace('-', "")), "hashed");
    assert_eq!(types(&mut renate, "QQQQQ-QQQQQ").await.status, 422);
    world.restart(|_| {}).await;
    let done = types(&mut renate, &code.to_lowercase()).await;
    assert_eq!(done.location(), "/identitaet/brief", "{done:?}");
    world.mail_about(EMAIL, "Anschrift ist bestätigt").await;
    let known = known(&world).await;
    for (name, attribute) in &known.attributes {
        let is_address = matches!(
            name,
            AttributeName::StreetAddress | AttributeName::PostalCode | AttributeName::Locality | AttributeName::Country
        );
        let expected =
            if is_address { (Level::Substantial, Source::Letter) } else { (Level::Basic, Source::SelfAsserted) };
        assert_eq!((attribute.level, attribute.source), expected, "{name:?}");
    }
    assert_eq!(known.identity_level(), Level::Basic, "a letter box is nobody");
    assert_eq!(world.texts("SELECT identity_level FROM account").await, ["basic"]);
    assert!(renate.get("/identitaet/brief").await.body.contains("id=\"eingeloest\""));
    let protocol = renate.get("/daten/protokoll").await.body;
    assert!(
        protocol.contains("Anschrift mit dem Code aus einem Brief bestätigt") && protocol.contains("stimmte nicht")
    );
    assert_eq!(types(&mut renate, &code).await.status, 422, "once");
});

both!(sec_r03_a_letter_gives_no_more_than_the_strongest_means, async |mut world| {
    let directory = opened(&mut world).await;
    let mut renate = renate(&world).await;
    orders(&mut renate).await;
    let code = code(&files(&directory, 1).await[0]);
    types(&mut renate, &code).await;
    assert_eq!(known(&world).await.attributes[&AttributeName::Locality].level, Level::Low);
});

both!(sec_p03_a_letter_has_five_tries_and_thirty_days, async |mut world| {
    let directory = opened(&mut world).await;
    let mut renate = renate(&world).await;
    orders(&mut renate).await;
    let taken = files(&directory, 1).await.remove(0);
    let first = code(&taken);
    std::fs::remove_file(&taken).unwrap();
    for number in 0..5 {
        assert_eq!(types(&mut renate, &format!("QQQQQ-QQQQ{number}")).await.status, 422);
    }
    assert_eq!(types(&mut renate, &first).await.status, 422, "right, and too late");
    world.pass(days(30));
    renate.sign_in(EMAIL, PASSWORD).await;
    assert!(renate.get("/identitaet/brief").await.body.contains("id=\"ungueltig\""));
    orders(&mut renate).await;
    let second = code(&files(&directory, 1).await[0]);
    assert_ne!(first, second);
    world.pass(days(30));
    renate.sign_in(EMAIL, PASSWORD).await;
    assert_eq!(types(&mut renate, &second).await.status, 422, "expired to the second");
    assert_eq!(known(&world).await.attributes[&AttributeName::Locality].level, Level::Basic);
});

both!(another_address_voids_a_letter, async |mut world| {
    let directory = opened(&mut world).await;
    let mut renate = renate(&world).await;
    orders(&mut renate).await;
    let code = code(&files(&directory, 1).await[0]);
    let elsewhere =
        [("street_address", "Neue Straße 1"), ("postal_code", "55116"), ("locality", "Mainz"), ("country", "DE")];
    states(&mut renate, &elsewhere).await;
    assert!(renate.get("/identitaet/brief").await.body.contains("id=\"ungueltig\""));
    assert_eq!(types(&mut renate, &code).await.status, 422);
    assert_eq!(known(&world).await.attributes[&AttributeName::StreetAddress].level, Level::Basic);
    assert_eq!(orders(&mut renate).await.status, 303, "a new one may be ordered at once");
});

both!(letters_are_few_and_go_to_complete_addresses, async |mut world| {
    let mut renate_before = world.browser();
    renate_before.register(&world, "ohne@example.org", ["Olga", "Ohne"]).await;
    assert_eq!(renate_before.get("/identitaet/brief").await.status, 404, "no mail house");
    assert_eq!(renate_before.post("/identitaet/brief", &[]).await.status, 404);
    let directory = opened(&mut world).await;
    let mut renate = renate(&world).await;
    states(&mut renate, &[("locality", "Mainz")]).await;
    assert!(renate.get("/identitaet/brief").await.body.contains("id=\"keine-anschrift\""));
    assert_eq!(renate.post("/identitaet/brief", &[]).await.status, 422);
    states(
        &mut renate,
        &[("street_address", "Rue 1"), ("postal_code", "75001"), ("locality", "Paris"), ("country", "FR")],
    )
    .await;
    assert_eq!(orders(&mut renate).await.status, 422);
    states(&mut renate, &ADDRESS).await;
    assert_eq!(orders(&mut renate).await.status, 303);
    renate.get("/konto").await;
    assert_eq!(renate.post("/identitaet/brief", &[]).await.status, 422, "one at a time");
    for number in 1..4 {
        let street = format!("Weg {number}");
        states(
            &mut renate,
            &[("street_address", street.as_str()), ("postal_code", "55116"), ("locality", "Mainz"), ("country", "DE")],
        )
        .await;
        let expected = if number < 3 { 303 } else { 422 };
        renate.get("/identitaet/brief").await;
        assert_eq!(renate.post("/identitaet/brief", &[]).await.status, expected, "{number}");
    }
    world.settle().await;
    world.pass(days(90) + Duration::from_secs(1));
    retention::run(&world.app.db, world.app.now()).await.unwrap();
    assert_eq!(world.rows("letter").await, 0);
    print::tidy(&world.app).await.unwrap();
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0, "nor files");
});

both!(sec_p01_one_letter_and_one_proof, async |mut world| {
    let directory = opened(&mut world).await;
    let mut renate = renate(&world).await;
    renate.get("/identitaet/brief").await;
    let node = world.second_node().await;
    let (mut one, mut other) = (renate.clone(), renate.at(node.running.address));
    let (first, second) = tokio::join!(one.post("/identitaet/brief", &[]), other.post("/identitaet/brief", &[]));
    assert_eq!(
        [first.status, second.status].iter().filter(|status| **status == 303).count(),
        1,
        "{first:?} {second:?}"
    );
    let code = code(&files(&directory, 1).await[0]);
    renate.get("/identitaet/brief").await;
    let (mut one, mut other) = (renate.clone(), renate.at(node.running.address));
    let form = [("code", code.as_str())];
    let (first, second) =
        tokio::join!(one.post("/identitaet/brief/code", &form), other.post("/identitaet/brief/code", &form));
    assert_eq!(
        [first.status, second.status].iter().filter(|status| **status == 303).count(),
        1,
        "{first:?} {second:?}"
    );
    assert_eq!(world.rows("evidence").await, 1);
    world.settle().await;
    assert_eq!(files(&directory, 1).await.len(), 1, "printed once");
});

both!(a_letter_is_printed_when_the_directory_is_back, async |mut world| {
    let directory = opened(&mut world).await;
    let mut renate = renate(&world).await;
    std::fs::remove_dir(&directory).unwrap();
    orders(&mut renate).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    std::fs::create_dir(&directory).unwrap();
    world.pass(Duration::from_secs(60));
    let all = files(&directory, 1).await;
    assert_eq!(all.len(), 1);
    world.settle().await;
    assert!(world.texts("SELECT id FROM letter WHERE printed_at IS NULL").await.is_empty());
    print::tidy(&world.app).await.unwrap();
    assert_eq!(files(&directory, 1).await.len(), 1, "it waits for the mail house");
    world.pass(days(7));
    print::tidy(&world.app).await.unwrap();
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
});
