//! What happens without a request: the outbox, the audit chain, erasing accounts, the clean-up, noticing changed
//! clients and keys, forgetting. Every node does it all.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::audit::{head, prune};
use crate::client::registry::Registry;
use crate::data::{inactivity, leaving};
use crate::kernel::error::Error;
use crate::kernel::mail::{Mail, NotSent};
use crate::notice;
use crate::oidc::{backchannel, logout_state};
use crate::signin::session;
use crate::store::outbox::{self, Job, Tried};
use crate::store::retention;
use crate::store::work::Actor;
use crate::web::memory::Memory;

const OUTBOX_EVERY: Duration = Duration::from_millis(250);
const REGISTRY_EVERY: Duration = Duration::from_millis(500);
/// A revoked key is out on every node within a second.
const KEYS_EVERY: Duration = Duration::from_millis(500);
/// An event is sealed at most a second after it happened.
const AUDIT_EVERY: Duration = Duration::from_millis(500);
const ERASURE_EVERY: Duration = Duration::from_secs(10);
const MEASURE_EVERY: Duration = Duration::from_secs(10);
const CLEANUP_EVERY: Duration = Duration::from_secs(60);

/// The jobs of this process.
pub struct Running {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

pub fn start(app: App, registry: Registry, memory: Memory) -> Running {
    let (stop, stopped) = watch::channel(false);
    let tasks = vec![
        every("outbox", OUTBOX_EVERY, stopped.clone(), {
            let (app, registry) = (app.clone(), registry.clone());
            move || {
                let (app, registry) = (app.clone(), registry.clone());
                async move { work_outbox(&app, &registry).await }
            }
        }),
        every("registry", REGISTRY_EVERY, stopped.clone(), {
            let app = app.clone();
            move || {
                let (app, registry, memory) = (app.clone(), registry.clone(), memory.clone());
                async move {
                    memory.sweep(&app);
                    registry.refresh(&app.db).await
                }
            }
        }),
        every("keys", KEYS_EVERY, stopped.clone(), {
            let app = app.clone();
            move || {
                let app = app.clone();
                async move { app.keys.refresh(&app.db, &app.vault, app.now()).await }
            }
        }),
        every("audit", AUDIT_EVERY, stopped.clone(), {
            let app = app.clone();
            move || {
                let app = app.clone();
                async move { head::tend(&app).await }
            }
        }),
        every("erasure", ERASURE_EVERY, stopped.clone(), {
            let app = app.clone();
            move || {
                let app = app.clone();
                async move { leaving::tend(&app).await }
            }
        }),
        every("logouts", MEASURE_EVERY, stopped.clone(), {
            let (app, measured) = (app.clone(), logout_state::Measured::default());
            move || {
                let (app, measured) = (app.clone(), measured.clone());
                async move { measured.measure(&app).await }
            }
        }),
        every("cleanup", CLEANUP_EVERY, stopped, move || {
            let app = app.clone();
            async move {
                let rows = retention::run(&app.db.aside(), app.now()).await?;
                let events = prune::tend(&app).await?;
                tracing::debug!(rows, events, "cleaned up");
                inactivity::tend(&app).await
            }
        }),
    ];
    Running { stop, tasks }
}

impl Running {
    /// Lets the jobs under way finish.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!("a job ended badly: {error}");
            }
        }
    }
}

/// Repeats an act until told to stop. A failure is logged and tried again; it never ends the job.
fn every<F, A>(name: &'static str, pause: Duration, mut stopped: watch::Receiver<bool>, act: A) -> JoinHandle<()>
where
    F: Future<Output = Result<(), Error>> + Send,
    A: Fn() -> F + Send + 'static,
{
    tokio::spawn(async move {
        while !*stopped.borrow() {
            if let Err(error) = act().await {
                tracing::error!(job = name, "{error}");
            }
            drop(tokio::time::timeout(pause, stopped.changed()).await);
        }
    })
}

/// Does what is due until nothing is.
async fn work_outbox(app: &App, registry: &Registry) -> Result<(), Error> {
    loop {
        let jobs = outbox::claim(&app.db, app.now()).await?;
        if jobs.is_empty() {
            return Ok(());
        }
        let done = join_all(jobs.iter().map(|job| work_on(app, registry, job))).await;
        done.into_iter().collect::<Result<(), Error>>()?;
    }
}

async fn work_on(app: &App, registry: &Registry, job: &Job) -> Result<(), Error> {
    let result = deliver(app, registry, job).await;
    let mut work = app.begin(Actor::System("jobs")).await?;
    let tried = outbox::conclude(&mut work, job, &result).await?;
    let told = match job.kind.as_str() {
        backchannel::TELL => logout_state::note(&mut work, job, &tried).await?,
        _ => None,
    };
    work.commit().await?;
    if let Some((client, state)) = told {
        logout_state::count(client, state);
    }
    report(job, &tried);
    Ok(())
}

/// Calls the capability that owns this kind of job.
async fn deliver(app: &App, registry: &Registry, job: &Job) -> Result<(), NotSent> {
    let again = |error: Error| NotSent::for_now(error.to_string());
    if job.kind == session::ENDED {
        return backchannel::fan_out(app, registry, job).await.map_err(again);
    }
    let payload = job.payload(&app.vault).map_err(again)?;
    match job.kind.as_str() {
        notice::MAIL => {
            let mail: Mail = serde_json::from_slice(&payload).map_err(|error| NotSent::for_now(error.to_string()))?;
            app.mailer.send(&mail, app.now(), job.id.as_str()).await
        }
        backchannel::TELL => backchannel::tell(app, registry, &payload).await,
        _ => Err(NotSent::for_now("this program does not know the job".to_owned())),
    }
}

fn report(job: &Job, tried: &Tried<'_>) {
    let (id, kind) = (job.id.as_str(), job.kind.clone());
    match tried {
        Tried::Done => {}
        Tried::GivenUp(reason) => {
            tracing::error!(job = id, kind, reason, "given up");
            metrics::counter!("nutzerkonto_jobs_given_up_total", "kind" => kind).increment(1);
        }
        Tried::Again(reason) => {
            tracing::warn!(job = id, kind, reason, attempts = job.attempts, "failed; will be tried again");
            metrics::counter!("nutzerkonto_jobs_failed_total", "kind" => kind).increment(1);
        }
    }
}
