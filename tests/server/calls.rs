//! Calls over WebRTC against the real server: a browser, its microphone and its loudspeaker are real; the model, and what is
//! heard in what is said, are played. What is expected of browsers stands in `tests/browser/calls/`.

use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use reqwest::Method;
use tokio::{net::UdpSocket, process::Command, time::timeout};

use crate::support::{
    relay::{Relay, Weather},
    scripted_ollama::{Script, ScriptedOllama},
    scripted_transcription::{Reply, Script as Heard, ScriptedTranscription},
    server::{Server, Setup},
};

const QUESTION: &str = "Where is the station?";
/// Long enough to be interrupted.
const DIRECTIONS: &str = "[happy] Oh, the station is not far from here at all! Go straight on until you see the \
    old church with the green door. Then turn left, and walk along the river for about ten minutes. You will pass a \
    bakery, a school and a small park with benches. Behind the park there is a bridge. The station is on its other side.";

/// What is said over the tutor: no words of the tutor's, which would be taken for its echo.
const INTERRUPTION: &str = "Sorry, could you speak more slowly?";

/// Whoever speaks asks first, then interrupts, and then asks for ever.
async fn ears() -> ScriptedTranscription {
    let replies = [QUESTION, INTERRUPTION, QUESTION].map(Reply::Text).to_vec();
    let script = Heard { replies, ..Heard::default() };
    ScriptedTranscription::start(script).await.unwrap()
}

/// A server with a model that knows the learner's sentences; callers look for it at that address.
async fn hearing(
    model: &ScriptedOllama,
    ears: &ScriptedTranscription,
    address: &'static str,
) -> Server {
    model.scene(QUESTION, Script::say(DIRECTIONS).paced(Duration::ZERO, Duration::from_millis(10)));
    model.scene(INTERRUPTION, Script::say("[calm] Of course."));
    model.scene("Goodbye.", Script::say("[sad] Goodbye, and come back soon!"));
    let settings = format!("[providers.openai]\nurl = \"{}\"\n", ears.url());
    let setup = Setup::new(model).settings(&settings).environment("PARLA_STT", "openai");
    let setup = setup.environment("OPENAI_API_KEY", "sk-any");
    setup.environment("PARLA_RTC_ADDRESSES", address).start().await
}

/// Chromium and the packages are there when `scripts/test` has run once.
async fn browser(server: &Server, tests: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let mut node = Command::new("node");
    node.args(["--test", &format!("calls/{tests}")]).current_dir(folder).kill_on_drop(true);
    node.env("PARLA_URL", format!("http://{}/", server.authority()));
    assert!(node.status().await.unwrap().success(), "the browser tests have failed, see above");
}

fn port(server: &Server) -> u16 {
    server.authority().parse::<SocketAddr>().unwrap().port()
}

async fn offer(server: &Server) -> (u16, String) {
    let sdp = include_str!("../../fuzz/seeds/offer/chromium");
    let request = server.request(Method::POST, "/v1/realtime/calls");
    let answer = request.header("content-type", "application/sdp").body(sdp).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_calls_is_understood_hears_and_interrupts() {
    let model = ScriptedOllama::start().await;
    let ears = ears().await;
    let server = hearing(&model, &ears, "127.0.0.1").await;
    browser(&server, "calls.test.js").await;
}

/// The relay stands where an address translator would, at an address of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_bear_a_bad_network_and_those_that_vanish_leave_nothing() {
    let model = ScriptedOllama::start().await;
    let ears = ears().await;
    let server = hearing(&model, &ears, "127.0.0.2").await;
    let [front, back] = [2, 1].map(|last| SocketAddr::from(([127, 0, 0, last], port(&server))));
    let weather = Weather { loss: 5, delay: Duration::ZERO, jitter: Duration::from_millis(30) };
    let _relay = Relay::start(front, back, weather).await.unwrap();
    let before = descriptors(&server);
    for _ in 0..10 {
        assert_eq!(offer(&server).await.0, 201);
    }
    browser(&server, "weather.test.js").await;
    let began = Instant::now();
    // The browser's idle connections go some seconds after the calls, and what is opened once, for the first call, stays: it
    // is less than a descriptor for every call.
    let metrics = loop {
        let (metrics, held) = (server.metrics().await, descriptors(&server));
        if metrics.value("parla_calls") == 0.0 && held < before + 20 {
            break metrics;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{before}, then {held}: {}", metrics.0);
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    assert_eq!(metrics.value(r#"parla_calls_ended_total{ending="vanished"}"#), 20.0);
    assert_eq!(metrics.value(r#"parla_calls_ended_total{ending="hung_up"}"#), 1.0);
    assert_eq!(metrics.value(r#"parla_calls_ended_total{ending="never_connected"}"#), 10.0);
    assert_eq!(metrics.value(r#"parla_connections{dialect="realtime",carrier="call"}"#), 0.0);
}

fn descriptors(server: &Server) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.process_id())).unwrap().count()
}

#[tokio::test]
async fn whoever_throws_garbage_at_the_port_gets_nothing_back() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let (status, answer) = offer(&server).await;
    assert_eq!(status, 201);
    let ufrag = answer.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap();
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    stranger.connect(("127.0.0.1", port(&server))).await.unwrap();
    let mut check = vec![0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    check.extend([0, 6, 0, ufrag.len() as u8]);
    check.extend(ufrag.as_bytes());
    let giant = vec![0x80; 60_000];
    for _ in 0..500 {
        for datagram in [&check[..], b"", b"\x16\xfe\xfd", &[0x80; 1200], &giant] {
            // A full buffer on the way is no reply.
            drop(stranger.send(datagram).await);
        }
    }
    let mut buffer = [0; 2048];
    let answered = timeout(Duration::from_secs(1), stranger.recv(&mut buffer)).await;
    assert!(answered.is_err(), "{answered:?}");
    let metrics = server.metrics().await;
    for reason in ["unknown", "too_long"] {
        let series = format!("parla_call_datagrams_dropped_total{{reason=\"{reason}\"}}");
        assert!(metrics.value(&series) > 50.0, "{}", metrics.0);
    }
}

#[tokio::test]
async fn a_call_can_be_ended_by_its_address_and_others_are_not_found() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let sdp = include_str!("../../fuzz/seeds/offer/chromium");
    let part = |text: &str, kind| reqwest::multipart::Part::text(text.to_owned()).mime_str(kind);
    let session = r#"{"type": "realtime", "instructions": "Be brief."}"#;
    let form = reqwest::multipart::Form::new()
        .part("sdp", part(sdp, "application/sdp").unwrap())
        .part("session", part(session, "application/json").unwrap());
    let call = server.request(Method::POST, "/v1/realtime/calls").multipart(form);
    let answer = call.send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let place = answer.headers()["location"].to_str().unwrap().to_owned();
    assert!(place.starts_with("/v1/realtime/calls/rtc_"), "{place}");
    let hang_up = async |place: &str| {
        let request = server.request(Method::POST, &format!("{place}/hangup"));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(hang_up("/v1/realtime/calls/rtc_other").await, 404);
    assert_eq!(hang_up(&place).await, 200);
    let began = Instant::now();
    while server.metrics().await.value("parla_calls") > 0.0 {
        assert!(began.elapsed() < Duration::from_secs(10), "the call goes on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(hang_up(&place).await, 404);
}
