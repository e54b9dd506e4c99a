//! Calls of the API over real HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use channels::http::{Answer, Http, Policy, Request};
use holdline::app::people::{self, NewToken};
use holdline::web::{self, Web};
use metrics_exporter_prometheus::PrometheusBuilder;
use secrecy::SecretString;
use serde_json::Value;

use super::Bench;

/// A person with a token, at the real routes.
pub struct Caller {
    pub http: Http,
    pub base: String,
    pub operator: SecretString,
    pub approver: SecretString,
    pub administrator: SecretString,
}

impl Caller {
    /// Serves the bench on a free port.
    pub async fn new(bench: &Bench) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        // Nobody stops it: the sender is gone, and whoever waits for it waits for ever.
        let stopping = tokio::sync::watch::channel(false).1;
        let (app, proxies) = (bench.app.clone(), [].into());
        let (pulse, whole_log, reports) = (Arc::default(), Arc::default(), Arc::default());
        let router = web::router(Web { app, metrics, proxies, stopping, pulse, whole_log, reports });
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        let policy = Policy {
            allow_private: vec!["127.0.0.0/8".parse().unwrap()],
            timeout: Duration::from_secs(30),
            ..Policy::default()
        };
        let token = |who: &holdline::app::Actor| {
            let (app, who) = (bench.app.clone(), who.clone());
            async move {
                let new = NewToken { label: "test".into(), roles: Vec::new(), days: Some(1) };
                people::create_token(&app, &who, &who.id, &new).await.unwrap().1
            }
        };
        Self {
            http: Http::new(policy).unwrap(),
            base,
            operator: token(&bench.operator).await,
            approver: token(&bench.approver).await,
            administrator: token(&bench.administrator).await,
        }
    }

    /// Calls as the operator.
    pub async fn call(&self, request: Request) -> Answer {
        self.http.call(request.bearer(&self.operator)).await.unwrap()
    }

    /// The address of a route.
    pub fn url(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.base)
    }

    /// Posts JSON as the operator.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Request::post(&self.url(path)).json(body)).await
    }

    /// Calls as the administrator.
    pub async fn administer(&self, request: Request) -> Answer {
        self.http.call(request.bearer(&self.administrator)).await.unwrap()
    }
}
