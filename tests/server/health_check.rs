//! The image's health check against a server that lives and one that has ended.

use tokio::process::Command;

use crate::support::{
    scripted_ollama::ScriptedOllama,
    server::{Server, signal},
};

#[tokio::test]
async fn the_images_health_check_tells_a_server_from_none() {
    let model = ScriptedOllama::start().await;
    let mut server = Server::start(&model).await;
    // The image listens on all addresses; only the port matters.
    let listen = server.authority().replace("127.0.0.1", "0.0.0.0");
    assert!(is_healthy(&listen).await);
    signal("-KILL", &server.process_id().to_string()).await;
    server.ended().await;
    assert!(!is_healthy(&listen).await);
}

async fn is_healthy(listen: &str) -> bool {
    let check = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/image/healthcheck");
    let told = Command::new(check).env("PARLA_LISTEN", listen).output().await.unwrap();
    told.status.success()
}
