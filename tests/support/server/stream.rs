//! Server-Sent Events as a browser reads them. It knows no event's meaning.

use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use tokio::time::timeout;

use super::PATIENCE;

/// An open stream of events.
pub struct EventStream {
    response: Response,
    text: String,
}

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    pub id: Option<String>,
    pub frame: Value,
}

impl EventStream {
    pub(super) async fn open(request: RequestBuilder) -> Self {
        let response = timeout(PATIENCE, request.send()).await.unwrap().unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next event; comments are skipped.
    pub async fn next(&mut self) -> Event {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let event = read(block);
                self.text = rest.to_owned();
                match event {
                    Some(event) => return event,
                    None => continue,
                }
            }
            let bytes = timeout(PATIENCE, self.response.chunk()).await.unwrap().unwrap();
            self.text += std::str::from_utf8(&bytes.expect("the stream goes on")).unwrap();
        }
    }

    /// All events up to the first whose frame has that type, that one included.
    pub async fn until(&mut self, kind: &str) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            events.push(self.next().await);
            if events.last().is_some_and(|event| event.frame["type"] == kind) {
                return events;
            }
        }
    }
}

fn read(block: &str) -> Option<Event> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
    let frame = serde_json::from_str(field("data: ")?).unwrap();
    Some(Event { id: field("id: ").map(str::to_owned), frame })
}
