//! The operator's listener: metrics and health. Nothing of a learner's is here.

use axum::{
    Router,
    extract::State,
    http::header,
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};

use crate::{app::App, telemetry::metrics};

use super::{
    gate::{self, Caller},
    health, http,
};

/// `app` has the doors of this listener, not those of the public one.
pub(super) fn router(app: App) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(http::nothing_here)
        .layer(middleware::from_fn_with_state(app.clone(), gate::admit))
        .with_state(app)
}

async fn metrics(State(app): State<App>, _: Caller) -> Response {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], app.metrics_text()).into_response()
}
