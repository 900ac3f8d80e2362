//! Says back what it hears, on the wire that learners have: for suites that test the protocol. No part of the server.

use std::sync::Arc;

use axum::{Router, extract::State, response::Response, routing::get};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_tungstenite::{connect_async, tungstenite::protocol::frame::coding::CloseCode};

use crate::{
    shutdown::Shutdown,
    transport::{server::serve_router, socket::handshake::Handshake},
};

use super::*;

async fn echo(State(shutdown): State<Shutdown>, handshake: Handshake) -> Response {
    let (answer, upgrade) = handshake.accept(None);
    shutdown.spawn("echo", async move {
        let mut wire = Wire::new(
            upgrade.await.unwrap(),
            Allowance::COMMANDS,
            crate::telemetry::metrics::Metrics::default().wire,
        )
        .await;
        let closing = loop {
            let said = match wire.receive().await {
                Ok(Incoming::Text(text)) => Message::Text(text),
                Ok(Incoming::Binary(bytes)) => Message::Binary(bytes),
                Ok(Incoming::TooFast(..)) => continue,
                Err(closing) => break closing,
            };
            if let Err(error) = wire.socket.send(said).await {
                break closing(&error);
            }
        };
        wire.close(closing).await;
    });
    answer
}

/// Until somebody asks for its end.
async fn serve(listener: TcpListener) {
    let shutdown = Shutdown::new();
    let end = async |State(shutdown): State<Shutdown>| shutdown.drain();
    let router = Router::new().route("/", get(echo)).route("/end", get(end));
    let router = router.with_state(shutdown.clone());
    serve_router(router, vec![listener], Arc::new(Semaphore::new(100)), shutdown).await;
}

#[tokio::test]
#[ignore = "serves scripts/autobahn until that ends it"]
async fn what_is_heard_is_said_for_as_long_as_it_takes() {
    serve(TcpListener::bind("127.0.0.1:9001").await.unwrap()).await;
}

#[tokio::test]
async fn what_is_heard_is_said_and_a_goodbye_is_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let speaking = async {
        let (mut socket, _) = connect_async(url).await.unwrap();
        let messages = [
            Message::text(""),
            Message::text("¡Hola! 😀"),
            Message::text("a".repeat(Allowance::COMMANDS.message_bytes)),
            Message::binary(vec![0xff; Allowance::COMMANDS.message_bytes]),
        ];
        for message in messages {
            socket.send(message.clone()).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), message);
        }
        socket.send(Message::Ping(Bytes::from_static(b"there?"))).await.unwrap();
        let pong = socket.next().await.unwrap().unwrap();
        assert_eq!(pong, Message::Pong(Bytes::from_static(b"there?")));
        let goodbye = CloseFrame { code: CloseCode::Away, reason: "later".into() };
        socket.close(Some(goodbye.clone())).await.unwrap();
        let answer = socket.next().await.unwrap().unwrap();
        assert_eq!(answer, Message::Close(Some(goodbye)));
        assert!(socket.next().await.is_none());
    };
    tokio::select! {
        () = serve(listener) => panic!("nobody has ended it"),
        () = speaking => {}
    }
}
