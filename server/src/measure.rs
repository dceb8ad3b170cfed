//! What is measured, and where it is told. Names end with their unit, and no label names a user.

use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::serve::answer;

/// From a tenth of a millisecond to ten seconds.
const SECONDS: [f64; 12] =
    [0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0, 10.0];

/// The one histogram that counts something else than seconds: messages that were written together.
const MESSAGES: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];

/// How often the recorder tidies what was measured since somebody last asked.
const UPKEEP: Duration = Duration::from_secs(5);

/// The recorder is the process's, as the `metrics` crate has it; several services share it.
static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Another recorder was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this process records its metrics elsewhere already; leave `metrics.listen` empty")]
pub struct RecorderTaken;

/// Begins to record.
pub(crate) fn record() -> Result<PrometheusHandle, RecorderTaken> {
    RECORDER.get_or_init(install).clone().ok_or(RecorderTaken)
}

fn install() -> Option<PrometheusHandle> {
    let batches = Matcher::Full("message_service_store_batch_messages".to_owned());
    let builder = PrometheusBuilder::new().set_buckets(&SECONDS).ok()?;
    let builder = builder.set_buckets_for_metric(batches, &MESSAGES).ok()?;
    let handle = builder.install_recorder().ok()?;
    describe();
    Some(handle)
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_gauge!("message_service_sockets", "open sockets");
    describe_gauge!("message_service_sessions", "sessions that have authenticated");
    describe_counter!("message_service_commands_total", "commands by name and outcome");
    describe_histogram!("message_service_command_seconds", "from a command to its reply");
    describe_counter!("message_service_pushes_total", "pushes put into sessions' queues");
    describe_counter!(
        "message_service_closes_total",
        "sockets closed by the server, by code; 4000 is a queue that was full"
    );
    describe_counter!("message_service_http_requests_total", "requests by route and status");
    describe_histogram!("message_service_http_request_seconds", "from a request to its answer");
    describe_histogram!("message_service_store_append_seconds", "storing messages durably");
    describe_histogram!(
        "message_service_store_batch_messages",
        "messages that were written to MongoDB together"
    );
    describe_gauge!(
        "message_service_clock_behind_seconds",
        "how far the machine's clock is behind the store's"
    );
    describe_counter!(
        "message_service_bus_published_total",
        "news handed to NATS for the other nodes"
    );
    describe_counter!(
        "message_service_bus_dropped_total",
        "news that found the way to NATS full; their users resume"
    );
    describe_counter!(
        "message_service_bus_resyncs_total",
        "times that all sessions of this node were told to resume"
    );
    describe_counter!("message_service_badge_drift_total", "badges that were wrong, by cause");
    describe_gauge!("message_service_outbox_waiting", "entries of the outbox that are unfinished");
    describe_gauge!("message_service_outbox_dead", "entries that wait for an operator");
    describe_gauge!(
        "message_service_outbox_look_timestamp_seconds",
        "when this node last looked at the outbox, in seconds since 1970; 0 is never"
    );
    describe_counter!(
        "message_service_outbox_entries_total",
        "entries that were tried, by outcome: done, later, dead"
    );
    describe_counter!("message_service_resets_total", "clients whose knowledge was void");
    describe_counter!("message_service_webhooks_total", "webhooks by what came of them");
    describe_histogram!("message_service_webhook_seconds", "from a webhook to its answer");
    describe_gauge!(
        "message_service_webhook_look_timestamp_seconds",
        "when this node could last look at what waits for the main app, since 1970"
    );
    describe_gauge!(
        "message_service_webhook_late_seconds",
        "how long the oldest webhook that is not taken has been due"
    );
}

/// Answers `/metrics` until `ended`.
pub(crate) async fn serve(
    listener: TcpListener,
    recorder: PrometheusHandle,
    idle: Duration,
    ended: CancellationToken,
) {
    let rendered = recorder.clone();
    let router = Router::new().route("/metrics", get(move || async move { rendered.render() }));
    let serving = answer(listener, router, idle, ended);
    let upkeep = async {
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            ticks.tick().await;
            recorder.run_upkeep();
        }
    };
    tokio::select! {
        () = serving => {}
        () = upkeep => {}
    }
}
