//! OpenAI's Realtime protocol over a socket: who comes in, what is shared with tutor clients, what is survived.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    scripted_ollama::{Script, ScriptedOllama, Step},
    server::{Answer, Server, Setup, Socket},
};

pub(super) async fn call(server: &Server, query: &str, headers: &[(&'static str, &str)]) -> Socket {
    let mut socket = server.socket_with(&format!("/v1/realtime{query}"), headers).await.unwrap();
    assert_eq!(socket.next().await["type"], "session.created");
    socket
}

pub(super) async fn tell(socket: &mut Socket, event: Value) {
    socket.send_text(&event.to_string()).await;
}

pub(super) async fn ask(socket: &mut Socket, text: &str) {
    let content = json!([{"type": "input_text", "text": text}]);
    let item = json!({"type": "message", "role": "user", "content": content});
    tell(socket, json!({"type": "conversation.item.create", "item": item})).await;
    tell(socket, json!({"type": "response.create"})).await;
}

pub(super) fn count(frames: &[Value], kind: &str) -> usize {
    frames.iter().filter(|frame| frame["type"] == kind).count()
}

#[tokio::test]
async fn a_call_and_a_tutor_socket_share_one_conversation() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut tutor = server.join("c").await;
    let mut call = call(&server, "?model=gpt-realtime&conversation_id=c", &[]).await;
    model.say("[happy] Hello, Ana! [curious] Where do you live?");
    ask(&mut call, "I am Ana.").await;
    let told = call.take_until(|frame| frame["type"] == "response.done").await;
    assert!(count(&told, "response.output_audio.delta") > 5);
    let shown = tutor.turn().await;
    assert_eq!(shown[0]["data"]["text"], "I am Ana.");
    assert_eq!(count(&shown, "chunk-complete"), 2);

    model.say("[happy] Lovely!");
    tutor.send("chat", json!({"message": "In Rome."})).await;
    let told = call.take_until(|frame| frame["type"] == "response.done").await;
    let learner = told.iter().find(|frame| frame["type"] == "conversation.item.added").unwrap();
    assert_eq!(learner["item"]["content"][0]["text"], "In Rome.");
    let answer = &told.last().unwrap()["response"]["output"][0];
    assert_eq!(answer["content"][0]["transcript"], "Lovely!");
    let texts: Vec<Value> =
        server.messages("c").await.into_iter().map(|message| message["text"].clone()).collect();
    let said = ["I am Ana.", "Hello, Ana! Where do you live?", "In Rome.", "Lovely!"];
    assert_eq!(texts, said);
}

#[tokio::test]
async fn a_cancelled_response_stops_the_model_which_was_told_what_the_app_asks() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut call = call(&server, "", &[]).await;
    let session = json!({"type": "realtime", "instructions": "Speak of the sea."});
    tell(&mut call, json!({"type": "session.update", "session": session})).await;
    model.script(Script::say_then("[calm] Once upon a time ", Step::Hang));
    ask(&mut call, "A story, please.").await;
    call.until("response.output_audio_transcript.delta").await;
    tell(&mut call, json!({"type": "response.cancel"})).await;
    let response = &call.until("response.done").await["response"];
    assert_eq!(response["status"], "cancelled");
    assert_eq!(response["status_details"]["reason"], "client_cancelled");
    model.dropped(1).await;
    let asked = format!("{:?}", model.requests("/api/chat"));
    assert!(asked.contains("Speak of the sea."), "{asked}");
}

#[tokio::test]
async fn what_a_client_has_not_played_is_neither_remembered_nor_shown_to_the_model() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut call = call(&server, "?conversation_id=c", &[]).await;
    let story = "Once upon a time there was a very old cat. It lived in a house by the sea.";
    model.say(&format!("[calm] {story}"));
    ask(&mut call, "A story, please.").await;
    let told = call.take_until(|frame| frame["type"] == "response.done").await;
    let item = &told.last().unwrap()["response"]["output"][0]["id"];
    // The first half of the first sentence, by the times of its words.
    let truncate = |ms: u64| json!({"type": "conversation.item.truncate", "item_id": item, "content_index": 0, "audio_end_ms": ms});
    tell(&mut call, truncate(3_600_000)).await;
    assert_eq!(call.until("error").await["error"]["code"], "invalid_value");
    tell(&mut call, truncate(1200)).await;
    call.until("conversation.item.truncated").await;
    tell(&mut call, json!({"type": "conversation.item.retrieve", "item_id": item})).await;
    let shown = call.until("conversation.item.retrieved").await;
    let heard = shown["item"]["content"][0]["transcript"].as_str().unwrap().to_owned();
    assert!(story.starts_with(&heard), "{heard}");
    assert!(heard.starts_with("Once upon") && heard.len() < 40, "{heard}");

    model.say("[calm] Where were we?");
    ask(&mut call, "Stop!").await;
    call.until("response.done").await;
    let asked = format!("{:?}", model.requests("/api/chat").last());
    assert!(asked.contains(&heard) && !asked.contains("old cat"), "{asked}");
    let stored = server.messages("c").await;
    assert_eq!((&stored[1]["heardText"], &stored[1]["text"]), (&json!(heard), &json!(story)));
}

#[tokio::test]
async fn the_tutor_speaks_as_fast_as_the_session_asks_from_the_next_answer_on() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut call = call(&server, "", &[]).await;
    model.always(Script::say("[calm] It lived in a house by the sea."));
    let mut lengths = Vec::new();
    for speed in [json!(1.0), json!(1.5), json!(0.6), Value::Null] {
        if !speed.is_null() {
            let output = json!({"speed": speed});
            let session = json!({"type": "realtime", "audio": {"output": output}});
            tell(&mut call, json!({"type": "session.update", "session": session})).await;
            let updated = call.until("session.updated").await;
            assert_eq!(updated["session"]["audio"]["output"]["speed"], speed);
        }
        ask(&mut call, "Where?").await;
        let told = call.take_until(|frame| frame["type"] == "response.done").await;
        let sounds = told.iter().filter(|frame| frame["type"] == "response.output_audio.delta");
        lengths.push(sounds.map(|frame| frame["delta"].as_str().unwrap().len()).sum::<usize>());
    }
    let [usual, fast, slow, still_slow] = lengths[..] else { panic!("{lengths:?}") };
    assert!(fast * 4 < usual * 3 && usual * 4 < slow * 3, "{lengths:?}");
    assert_eq!(slow, still_slow);
}

#[tokio::test]
async fn a_closed_server_is_called_with_its_key_or_with_a_secret_made_for_the_call() {
    let model = ScriptedOllama::start().await;
    let server = Setup::new(&model).environment("PARLA_LISTEN", "0.0.0.0:0").start().await;
    let refused = server.socket_with("/v1/realtime", &[]).await.err();
    assert_eq!(refused, Some(401));
    let answer = server.get("/v1/realtime/nothing").await;
    assert_eq!(answer.status, 404);
    let answer = server.post("/v1/realtime/client_secrets", json!({})).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (401, &json!("unauthorized")));

    let offered = format!("realtime, openai-insecure-api-key.{}", server.key());
    let mut socket = call(&server, "", &[("sec-websocket-protocol", &offered)]).await;
    assert_eq!(socket.protocol.as_deref(), Some("realtime"));
    tell(&mut socket, json!({"type": "session.update", "session": {"type": "realtime"}})).await;
    socket.until("session.updated").await;

    let bearer = format!("Bearer {}", server.key());
    let body =
        json!({"session": {"type": "realtime", "instructions": "Hi"}, "conversation_id": "mine"});
    let request = server.request(Method::POST, "/v1/realtime/client_secrets").json(&body);
    let secret = Answer::of(request.header("authorization", &bearer)).await.json();
    let value = secret["value"].as_str().unwrap();
    let offered = format!("realtime, openai-insecure-api-key.{value}");
    model.always(Script::say("[happy] Hello!"));
    for _ in 0..2 {
        let headers = [("sec-websocket-protocol", offered.as_str())];
        let mut call = server.socket_with("/v1/realtime", &headers).await.unwrap();
        assert_eq!(call.next().await["session"]["instructions"], "Hi");
        ask(&mut call, "Hello").await;
        call.until("response.done").await;
    }
    // It opens calls, and nothing else.
    let request = server.request(Method::GET, "/api/v1/conversations/mine/messages");
    assert_eq!(Answer::of(request.bearer_auth(value)).await.status, 401);
    let request = server.request(Method::GET, "/api/v1/conversations/mine/messages");
    let messages = Answer::of(request.header("authorization", &bearer)).await.json();
    assert_eq!(messages["items"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn a_client_of_the_older_shape_is_answered_in_it() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let body = json!({"model": "gpt-4o-realtime-preview", "voice": "coral", "modalities": ["audio", "text"]});
    let secret = server.post("/v1/realtime/sessions", body).await.json();
    assert_eq!(secret["modalities"], json!(["audio", "text"]));
    let bearer = format!("Bearer {}", secret["client_secret"]["value"].as_str().unwrap());
    let ways = [("authorization", bearer.as_str()), ("openai-beta", "realtime=v1")];
    for way in ways {
        let mut call = call(&server, "?model=gpt-4o-realtime-preview", &[way]).await;
        model.say("[happy] Hello!");
        ask(&mut call, "Hello").await;
        let told = call.take_until(|frame| frame["type"] == "response.done").await;
        for kind in
            ["conversation.item.created", "response.audio.delta", "response.audio_transcript.delta"]
        {
            assert!(count(&told, kind) > 0, "{kind}");
        }
        assert_eq!(count(&told, "conversation.item.added"), 0);
    }
}

#[tokio::test]
async fn nonsense_and_large_events_leave_the_session_open() {
    let model = ScriptedOllama::start().await;
    let server = Setup::new(&model).environment("PARLA_STT", "none").start().await;
    let mut call = call(&server, "", &[]).await;
    for nonsense in ["", "[]", "{", "{\"type\":7}", "{\"type\":\"fly\"}", "null"].repeat(5) {
        call.send_text(nonsense).await;
        assert_eq!(call.next().await["type"], "error", "{nonsense}");
    }
    // Nobody can hear here: the first sound is answered, the rest is not.
    let audio = "AAAA".repeat(1024 * 1024);
    for _ in 0..3 {
        tell(&mut call, json!({"type": "input_audio_buffer.append", "audio": audio})).await;
    }
    assert_eq!(call.next().await["error"]["code"], "no_ears");
    // Sound is not counted, all else is: 128 at once.
    for number in 0..150 {
        tell(&mut call, json!({"type": "response.cancel", "event_id": format!("e{number}")})).await;
    }
    let refused = call.take_until(|frame| frame["error"]["event_id"] == "e149").await;
    let codes: Vec<&Value> = refused.iter().map(|frame| &frame["error"]["code"]).collect();
    assert!(codes.contains(&&json!("rate_limit_exceeded")), "{codes:?}");
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    tell(&mut call, json!({"type": "session.update", "session": {"type": "realtime"}})).await;
    call.until("session.updated").await;
}
