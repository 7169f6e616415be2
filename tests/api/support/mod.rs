//! What the stories are told with: a world with its own database, clock and post; browsers and services.

pub mod acting;
pub mod attachment;
pub mod authority;
pub mod browser;
pub mod bureau;
pub mod card;
pub mod clamd;
pub mod counter;
pub mod database;
pub mod dice;
pub mod doors;
pub mod ear;
pub mod eid;
pub mod inspect;
pub mod machine;
pub mod maker;
pub mod mandate;
pub mod objects;
pub mod organisation;
pub mod passkey;
pub mod pdf;
pub mod phone;
pub mod plants;
pub mod postbox;
pub mod prover;
pub mod recipient;
pub mod registrant;
pub mod reply;
pub mod safe;
pub mod sealed_pdf;
pub mod service;
pub mod surface;
pub mod upstream;
pub mod wire;
pub mod world;

pub use browser::Browser;
pub use eid::Reader;
pub use service::Service;
pub use world::World;

/// Writes a test for SQLite and one for PostgreSQL: `both!(name, async |world| { ... })`.
#[macro_export]
macro_rules! both {
    ($name:ident, async |mut $world:ident| $story:block) => {
        $crate::both!(@ $name, (mut $world), $story);
    };
    ($name:ident, async |$world:ident| $story:block) => {
        $crate::both!(@ $name, ($world), $story);
    };
    (@ $name:ident, ($($world:tt)+), $story:block) => {
        async fn $name($($world)+: $crate::support::World) $story

        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name($crate::support::World::on_sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(world) = $crate::support::World::on_postgres().await {
                    super::$name(world).await;
                }
            }
        }
    };
}
