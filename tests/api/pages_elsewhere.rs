//! What people read when they show an organisation with an account that it has elsewhere; see `pages`.

use nutzerkonto::organisation::Record;
use serde_json::json;

use crate::pages::Album;
use crate::support::World;
use crate::support::organisation::bakery;
use crate::support::upstream::{Mood, bakery_there, gateway};

const NADINE: &str = "nadine.w@example.org";

pub async fn shows_an_organisation(world: &mut World, language: &'static str, album: &mut Album) {
    let muk = gateway(world).await;
    let mut nadine = world.representative(NADINE, ["Nadine", "Weber"]).await;
    nadine.language = language;
    let id = world.organisation(NADINE, &bakery("5678")).await;
    let mut said = bakery_there();
    said["registernummer"] = json!("5678");
    let path = format!("/organisation/{id}");
    album.page("organisation: not proven, with another way", &nadine.get(&path).await);
    album.page("organisation: account", &nadine.get(&format!("{path}/nachweis")).await);
    let location = nadine.leaves_for(&muk, &id).await;
    let back = muk.answers(&location, said.clone()).replace("code=", "error=server_error&x=");
    album.page("organisation: account, answered", &nadine.get(&back).await);
    album.page("organisation: account, gone", &nadine.get(&back).await);
    let everything = |said: &mut serde_json::Value| {
        (said["firmenname"], said["rechtsform"]["code"]) = (json!("Bäckerei Huber"), json!("270"));
        (said["anschrift"]["ort"], said["registernummer"]) = (json!("Trier"), json!("1235"));
    };
    let mut other = said.clone();
    everything(&mut other);
    album.page("organisation: account, differs", &nadine.shows(&muk, &id, other).await);
    for (name, claim, value) in [
        ("organisation: account, incomplete", "firmenname", json!(null)),
        ("organisation: account, another person", "given_name", json!("Nora")),
        ("organisation: account, too weak", "acr", json!("")),
    ] {
        let mut changed = said.clone();
        changed[claim] = value;
        album.page(name, &nadine.shows(&muk, &id, changed).await);
    }
    let done = nadine.shows(&muk, &id, said.clone()).await;
    album.page("organisation: account, proven", &nadine.follow(done).await);
    album.page("organisation: account, once more", &nadine.get(&format!("{path}/nachweis")).await);
    let mut low = said.clone();
    low["acr"] = json!(crate::support::upstream::LOW);
    album.page("organisation: account, not more", &nadine.shows(&muk, &id, low).await);
    let second = world.organisation(NADINE, &Record { seat: "Mainz".to_owned(), ..bakery("5679") }).await;
    let mut there = said;
    there["registernummer"] = json!("5679");
    album.page("organisation: account, taken", &nadine.shows(&muk, &second, there).await);
    let location = nadine.leaves_for(&muk, &id).await;
    muk.is(Mood::Endless);
    let back = muk.answers(&location, bakery_there());
    album.page("organisation: account, not reached", &nadine.get(&back).await);
}
