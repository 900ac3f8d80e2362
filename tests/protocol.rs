//! `docs/PROTOCOL.md` says what the code does: samples, tables and names, each held against what is really sent.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod protocol {
    pub(crate) mod document;
    pub(crate) mod schema;
    pub(crate) mod sent;
    pub(crate) mod served;
    pub(crate) mod shape;
    pub(crate) mod source;
}

// The formatter looks for modules of this file in the folder of its name: hence the path.
#[path = "support"]
mod support {
    pub mod serving;
}

use std::collections::BTreeSet;

use parla::{
    dialect::{
        json::{self, BadInput},
        tutor::{ChatBody, PlayedFields, StopFields, decode, frame_type},
    },
    domain::Emotion,
    telemetry::metrics::{COMMAND_TYPES, FRAME_TYPES},
};
use protocol::{
    document::{self, code_spans, samples, section, table},
    schema::Description,
    sent,
    served::Served,
    shape, source,
};
use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

type Names = BTreeSet<String>;

#[test]
fn every_sample_of_a_frame_is_what_the_server_sends() {
    let sent = shape::kinds(&sent::frames());
    let mut wrong = Vec::new();
    for sample in samples("server") {
        let name = type_of(&sample);
        match sent.get(&name) {
            Some(kind) => {
                let differences = kind.differences(&shape::shape(&sample));
                wrong.extend(differences.into_iter().map(|what| format!("{name}: {what}")));
            }
            None => wrong.push(format!("{name} is never sent")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_frame_and_every_field_of_it_is_documented() {
    let (sent, documented) = (sent::frames(), samples("server"));
    let fields = |frames: &[Value]| -> Names {
        let kinds = shape::kinds(frames);
        let of_kind = |(name, kind): (&String, &shape::Kind)| {
            kind.places().iter().map(|place| field_name(name, place)).collect::<Vec<_>>()
        };
        kinds.iter().flat_map(of_kind).collect()
    };
    let types = |frames: &[Value]| frames.iter().map(type_of).collect::<Names>();
    assert_same(types(&documented), types(&sent));
    assert_same(fields(&documented), fields(&sent));
}

#[test]
fn the_text_names_exactly_the_events_that_are_not_numbered() {
    let (_, rest) = section("## The tutor socket").split_once("**Transient** ones (").unwrap();
    let named = code_spans(rest.split(')').next().unwrap());
    let transient = sent::events().into_iter().filter(|event| !event.is_durable());
    let types = transient.filter_map(|event| sent::frame_type(&event).map(str::to_owned));
    assert_same(named.into_iter().collect(), types.collect());
}

#[test]
fn every_event_has_an_example_and_the_name_that_clients_know() {
    let name_of = |event: &_| first_word(&format!("{event:?}"));
    let examples: Names = sent::events().iter().map(name_of).collect();
    assert_same(examples, source::variants("src/domain/event.rs", "Event"));
    let expected: Vec<&str> = sent::events().iter().filter_map(sent::frame_type).collect();
    let sent: Vec<String> = sent::frames().iter().map(type_of).take(expected.len()).collect();
    assert_eq!(sent, expected);
}

#[test]
fn the_table_of_nulls_lists_exactly_the_fields_that_can_be_null() {
    let kinds = shape::kinds(&sent::frames());
    let nullable = kinds.iter().flat_map(|(name, kind)| {
        kind.nullable().iter().map(|place| field_name(name, place)).collect::<Vec<_>>()
    });
    assert_same(first_cells("### What may be null"), nullable.collect());
}

#[test]
fn every_command_has_a_sample_and_every_sample_is_a_command() {
    let decoded = samples("client").into_iter().map(|sample| {
        let command = decode(&sample.to_string()).unwrap_or_else(|bad| panic!("{bad}: {sample}"));
        assert_eq!(type_of(&sample), command.name());
        first_word(&format!("{command:?}"))
    });
    let decoded: Names = decoded.collect();
    assert_same(decoded, source::variants("src/domain/command.rs", "Command"));
}

#[test]
fn every_field_of_a_command_is_read() {
    for sample in samples("client") {
        let Some(Value::Object(data)) = sample.get("data") else { continue };
        assert_each_field_is_read(data, |data| {
            let mut sample = sample.clone();
            sample["data"] = Value::Object(data);
            decode(&sample.to_string()).map(drop)
        });
    }
}

#[test]
fn every_field_of_a_body_is_read() {
    for body in samples("request") {
        assert_each_field_is_read(body.as_object().unwrap(), |body| ChatBody::read(body).map(drop));
    }
    assert_body_of::<StopFields>("request-stop");
    assert_body_of::<PlayedFields>("request-played");
}

#[tokio::test]
async fn every_sample_of_an_answer_is_what_the_server_answers() {
    let server = Served::start().await;
    let opening = json!({"message": "", "scenario": "cafe", "language": "es", "level": "A1"});
    let mistake = json!({"message": "Buenas días", "clientId": "m-1"});
    let answers = [server.chat(opening).await, server.chat(mistake).await];
    assert_answers("http turn", &answers);
    let accepted = server.chat(json!({"message": "Un té", "useWebSocket": true})).await;
    assert_answers("http accepted", &[accepted]);
    let list = "api/v1/conversations/lesson-7/messages";
    let lists = [server.get(list).await, server.get(&format!("{list}?limit=1")).await];
    assert_answers("http list", &lists);
    assert_answers("http poll", &[server.get("api/v1/conversations/lesson-7/events").await]);
    let problems =
        [server.get("api/v1/nothing").await, server.get(&format!("{list}?limit=few")).await];
    assert_answers("http problem", &problems);
    assert_eq!(problems.map(|problem| problem["code"].clone()), ["not_found", "invalid_field"]);
}

#[tokio::test]
async fn the_description_for_programs_has_every_route_and_status_of_the_table() {
    let description = Description(Served::start().await.get("openapi.json").await);
    assert_eq!(description.0["openapi"], "3.1.0");
    let rows = table("## Routes").into_iter().filter(|row| row[0].starts_with('`'));
    let documented = rows.flat_map(|row| {
        let [route, method, statuses] = [&row[0], &row[1], &row[2]].map(String::as_str);
        let route = code_spans(route).remove(0);
        let of = |status: &str| format!("{method} {route} {status}");
        statuses.split(", ").map(of).collect::<Vec<_>>()
    });
    assert_same(documented.collect(), description.answers());
    assert_eq!(description.incomplete(), Vec::<String>::new());
}

#[tokio::test]
async fn every_sample_of_a_body_and_every_real_answer_fits_its_schema() {
    let server = Served::start().await;
    let description = Description(server.get("openapi.json").await);
    let kinds = [
        ("request", "Chat"),
        ("request-stop", "Stop"),
        ("request-played", "Played"),
        ("http turn", "Turn"),
        ("http accepted", "Accepted"),
        ("http list", "List_Message"),
        ("http poll", "Poll"),
        ("http transcription", "Transcription"),
        ("http problem", "Problem"),
    ];
    for (sample, schema) in kinds {
        for body in samples(sample) {
            assert_eq!(description.misfits(schema, &body), Vec::<String>::new(), "{body}");
        }
    }
    let turn = server.chat(json!({"message": "Buenas días", "language": "es"})).await;
    assert_eq!(description.misfits("Turn", &turn), Vec::<String>::new(), "{turn}");
    for (path, schema) in [
        ("api/v1/conversations", "List_Conversation"),
        ("api/v1/conversations/lesson-7/messages", "List_Message"),
        ("api/v1/conversations/lesson-7/events", "Poll"),
        ("api/v1/voices", "List_Voice"),
        ("api/v1/models", "List_Model"),
        ("api/v1/scenarios", "List_Scenario"),
        ("readyz", "Readiness"),
        ("version", "Version"),
        ("api/v1/nothing", "Problem"),
    ] {
        let answer = server.get(path).await;
        assert_eq!(description.misfits(schema, &answer), Vec::<String>::new(), "{path}: {answer}");
    }
}

#[test]
fn the_tables_list_exactly_the_codes_and_routes_of_the_source() {
    assert_same(first_cells("## Errors"), source::error_codes());
    assert_same(first_cells("## Routes"), source::routes());
    let (_, management) = section("## Routes").split_once("| management route |").unwrap();
    let rows = management.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.flat_map(|row| code_spans(row.split('|').nth(1).unwrap()));
    assert_same(cells.collect(), source::management_routes());
    let closing = table("## Close codes").into_iter().map(|row| row[0].clone());
    assert_same(closing.collect(), source::close_codes());
}

#[test]
fn every_type_of_frame_is_counted_by_its_name() {
    let counted = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Names>();
    let mut received: Names = samples("client").iter().map(type_of).collect();
    received.insert("invalid".to_owned());
    assert_same(received, counted(COMMAND_TYPES));
    let sent = sent::frames();
    let mut types: Names = sent.iter().map(type_of).collect();
    types.insert("other".to_owned());
    assert_same(types, counted(FRAME_TYPES));
    for frame in sent::texts() {
        let frame_type = frame_type(&frame).to_owned();
        assert!(FRAME_TYPES.contains(&frame_type.as_str()), "{frame}");
    }
}

#[test]
fn every_notice_is_explained() {
    assert_same(first_cells("### Notices"), source::notice_codes());
}

#[test]
fn codes_go_out_with_the_status_of_the_table() {
    let statuses = source::statuses();
    let mut unknown = Names::new();
    for row in table("## Errors") {
        for (code, documented) in code_spans(&row[0]).into_iter().zip(row[1].parse::<u16>()) {
            let Some(actual) = statuses.get(&code) else {
                unknown.insert(code);
                continue;
            };
            let reason = StatusCode::from_u16(documented).unwrap().canonical_reason().unwrap();
            assert_eq!(&reason.to_uppercase().replace(' ', "_"), actual, "{code}");
        }
    }
    // Beside these the source names no status of their own.
    let elsewhere = ["audio_unavailable", "bad_json", "empty_reply", "too_deep"];
    assert_same(unknown, elsewhere.map(str::to_owned).into());
}

#[test]
fn the_emotions_are_listed_in_their_order() {
    let names: Vec<&str> = Emotion::ALL.iter().map(|emotion| emotion.name()).collect();
    let text = section("## What the model writes").replace('\n', " ");
    assert!(text.contains(&format!("Emotions: {}.", names.join(", "))), "{names:?}");
}

#[test]
fn every_link_inside_the_page_leads_somewhere() {
    let headings = document::headings();
    for anchor in document::anchors() {
        assert!(headings.iter().any(|heading| heading == anchor), "#{anchor}");
    }
}

/// Two sets of names; the message says only in what they differ.
fn assert_same(documented: Names, actual: Names) {
    let (only_documented, only_actual) = (&documented - &actual, &actual - &documented);
    assert!(
        documented == actual,
        "only documented: {only_documented:?}; missing in the document: {only_actual:?}"
    );
}

fn assert_answers(sample: &str, answers: &[Value]) {
    let kind = shape::kind(answers);
    for sample in samples(sample) {
        let differences = kind.differences(&shape::shape(&sample));
        assert!(differences.is_empty(), "{sample}: {}", differences.join(", "));
    }
}

/// Whole, the object is understood; with any one field of another type it is refused by that field's name.
fn assert_each_field_is_read(
    object: &Map<String, Value>,
    read: impl Fn(Map<String, Value>) -> Result<(), BadInput>,
) {
    assert_eq!(read(object.clone()), Ok(()));
    for name in object.keys() {
        let mut wrong = object.clone();
        wrong.insert(name.clone(), json!([[]]));
        let refused = read(wrong).unwrap_err();
        assert!(refused.to_string().contains(name.as_str()), "{name} is not read: {refused}");
    }
}

fn assert_body_of<T: DeserializeOwned>(kind: &str) {
    for body in samples(kind) {
        let read = |body| json::typed::<T>(body).map(drop);
        assert_each_field_is_read(body.as_object().unwrap(), read);
    }
}

fn type_of(frame: &Value) -> String {
    frame["type"].as_str().unwrap().to_owned()
}

/// The code spans in the first column of a table.
fn first_cells(heading: &str) -> Names {
    table(heading).iter().flat_map(|row| code_spans(&row[0])).collect()
}

/// A field by the object it belongs to: `message.clientId`, `chunk.words`; in a list of chunks it is a chunk's too.
fn field_name(frame: &str, place: &str) -> String {
    let place = place.replace(".chunks[].", ".chunk.").replace("[]", "");
    let mut names = place.rsplit('.');
    let (name, owner) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
    format!("{}.{name}", if owner == "data" { frame } else { owner })
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|char| char.is_alphanumeric()).collect()
}
