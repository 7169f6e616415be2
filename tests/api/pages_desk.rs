//! What officers read who practise with an organisation, and record legal guardians; see `pages`.

use nutzerkonto::kernel::level::Level;

use crate::pages::Album;
use crate::support::World;
use crate::support::bureau::declaration;
use crate::support::counter::EXTRACT;
use crate::support::passkey::Key;

const OLGA: &str = "olga@example.org";

pub async fn checks_organisations(world: &World, language: &'static str, album: &mut Album) {
    world.offices(&declaration("musterhausen", "")).await;
    let mut olga = world.browser();
    olga.language = language;
    olga.register(world, OLGA, ["Olga", "Amtmann"]).await;
    olga.add(&mut Key::new(world), "Schlüssel").await;
    world.prove(OLGA, Level::Substantial).await;
    world.role(OLGA, "musterhausen").await;
    album.page("desk", &olga.get("/amt").await);
    album.page("desk: organisation", &olga.get("/amt/organisation").await);
    album.page("desk: organisation, refused", &olga.post("/amt/organisation", &[("amt", "musterhausen")]).await);
    let case = "/amt/organisation/uebung";
    let opened = olga.opens_organisation("musterhausen", "00000-00000").await;
    assert_eq!(opened.location(), case);
    album.page("desk: check an organisation", &olga.get(case).await);
    album.page("desk: check an organisation, refused", &olga.post(case, &[]).await);
    let typed = [EXTRACT.as_slice(), &[("stand", "1")]].concat();
    album.page("desk: check an organisation, differs", &olga.post(case, &typed).await);
    album.page("desk: refuse an organisation", &olga.get(&format!("{case}/ablehnen")).await);
    album.page("desk: receipt of an organisation", &olga.get(&format!("{case}/quittung")).await);
    album.page("desk: guardian", &olga.get("/amt/vertretung").await);
    album.page("desk: guardian, end", &olga.get("/amt/vertretung/ende").await);
    album.page("desk: guardian, end, refused", &olga.post("/amt/vertretung/ende", &[]).await);
}
