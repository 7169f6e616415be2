//! What people read who act for an organisation.

use crate::acting_tokens::BOTH;
use crate::pages::Album;
use crate::support::acting::{SCOPE, WAHL};
use crate::support::organisation::{bakery, club};
use crate::support::service::vorgang;
use crate::support::{Service, World};

const WEBER: &str = "weber@example.org";

pub async fn acts_for_a_bakery(world: &World, language: &'static str, album: &mut Album) {
    let (both, only) = (Service::new("parken"), Service::new("firmen"));
    world.clients(&[both.serving(&BOTH, ""), only.serving(&["organisations"], "")].concat()).await;
    let mut nadine = world.representative(WEBER, ["Nadine", "Weber"]).await;
    let bakery = world.organisation(WEBER, &bakery("9876")).await;
    nadine.language = language;
    let membership = world.membership(&bakery, WEBER).await;
    let page = nadine.visit(&both.request(&[SCOPE])).await;
    album.page("acting: choose, on the way to a service", &page);
    let path = format!("{WAHL}?vorgang={}", vorgang(&page));
    album.page("acting: choose, refused", &nadine.post(&path, &[]).await);
    let consent = nadine.chooses(&page, &membership).await;
    album.page("acting: consent", &consent);
    nadine.consents(&consent).await;
    album.page("acting: choose", &nadine.get(WAHL).await);
    let services = format!("/organisation/{bakery}/dienste");
    album.page("acting: services", &nadine.get(&services).await);
    album.page("acting: end a connection", &nadine.get(&format!("{services}/parken/beenden")).await);
    nadine.post(&format!("{services}/parken/beenden"), &[]).await;
    album.page("acting: services, none", &nadine.get(&format!("{services}?beendet=parken")).await);
    for number in 0..26 {
        world.organisation(WEBER, &club(&format!("Verein {number:02}"))).await;
        world.later();
    }
    album.page("acting: choose among many", &nadine.get(WAHL).await);
    album.page("acting: choose among many, searched", &nadine.get(&format!("{WAHL}?suche=verein+25")).await);
    world.leaves(&membership).await;
    album.page("acting: ended", &nadine.get(WAHL).await);
    album.page("acting: nobody to act for", &nadine.visit(&only.request(&[SCOPE])).await);
}
