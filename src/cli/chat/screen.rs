//! What frames look like at a terminal. It writes nothing itself.

use serde_json::Value;

/// What stands on the last line, so that it can be gone on with.
#[derive(Debug, Default)]
pub(super) struct Screen {
    last: Option<Shown>,
    /// A line is not ended yet.
    is_open: bool,
    /// What was said last beside the answer.
    remark: String,
}

/// The newest sentence on the screen.
#[derive(Debug)]
struct Shown {
    turn: String,
    chunk: u64,
    text: String,
}

impl Screen {
    /// What is to be written for that frame: nothing for most.
    pub(super) fn show(&mut self, frame: &Value) -> String {
        let data = &frame["data"];
        match frame["type"].as_str().unwrap_or_default() {
            "conversation-start" => {
                let chunks = data["chunks"].as_array().into_iter().flatten();
                let shown =
                    (0..).zip(chunks).map(|(place, chunk)| self.sentence(data, place, chunk));
                shown.collect()
            }
            "chunk-update" | "chunk-complete" | "chunk-failed" => {
                self.sentence(data, data["chunkIndex"].as_u64().unwrap_or_default(), &data["chunk"])
            }
            "correction" => self.correction(data),
            "conversation-failed" | "error" => self.remark(&field(data, "message")),
            "notice" | "progress" => {
                let text = field(data, "text");
                // Progress is told every second in the same words.
                if text == self.remark { String::new() } else { self.remark(&text) }
            }
            "conversation-stopped" => self.remark("stopped"),
            "conversation-complete" => self.end_line(),
            _ => String::new(),
        }
    }

    /// Something that nobody says.
    pub(super) fn remark(&mut self, text: &str) -> String {
        self.remark = text.to_owned();
        self.line(format!("· {}", printable(text)))
    }

    /// An invitation to write.
    pub(super) fn prompt(&mut self) -> String {
        let end = self.end_line();
        self.is_open = true;
        format!("{end}> ")
    }

    /// What a person has typed ends a line by itself.
    pub(super) fn typed(&mut self) {
        self.is_open = false;
    }

    /// Ends the line that is open.
    pub(super) fn end_line(&mut self) -> String {
        if std::mem::take(&mut self.is_open) { "\n".to_owned() } else { String::new() }
    }

    fn sentence(&mut self, data: &Value, chunk: u64, shown: &Value) -> String {
        let (turn, text) = (field(data, "turnId"), field(shown, "text"));
        if let Some(last) =
            self.last.as_mut().filter(|last| last.turn == turn && last.chunk >= chunk)
        {
            let is_open = self.is_open && last.chunk == chunk;
            // What belongs to a sentence may follow it later.
            let rest =
                text.strip_prefix(&last.text).filter(|_| is_open).unwrap_or_default().to_owned();
            last.text += &rest;
            return rest;
        }
        let line = self.line(format!("{} {text}", field(shown, "icon")));
        self.last = Some(Shown { turn, chunk, text });
        line
    }

    fn correction(&mut self, data: &Value) -> String {
        let [original, suggestion, explanation] =
            ["original", "suggestion", "explanation"].map(|name| field(data, name));
        let reason = if explanation.is_empty() { explanation } else { format!(" ({explanation})") };
        self.line(format!("✎ {original} → {suggestion}{reason}"))
    }

    fn line(&mut self, text: String) -> String {
        let end = self.end_line();
        self.is_open = true;
        end + &text
    }
}

fn field(data: &Value, name: &str) -> String {
    printable(data[name].as_str().unwrap_or_default())
}

/// A model's text is not to move the cursor or to change the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    fn frame(kind: &str, data: Value) -> Value {
        json!({"type": kind, "data": data})
    }

    fn chunk(kind: &str, place: u64, text: &str) -> Value {
        let chunk = json!({"text": text, "icon": "😊"});
        frame(kind, json!({"turnId": "t", "chunkIndex": place, "chunk": chunk}))
    }

    fn shown(frames: &[Value]) -> String {
        let mut screen = Screen::default();
        let text: String = frames.iter().map(|frame| screen.show(frame)).collect();
        text + &screen.end_line()
    }

    #[test]
    fn a_turn_is_shown_a_sentence_a_line_with_its_corrections() {
        let start = json!({"turnId": "t", "chunks": [{"text": "¡Qué rico", "icon": "🤩"}]});
        let correction =
            json!({"original": "yo comió", "suggestion": "yo comí", "explanation": "past"});
        let frames = [
            frame("connected", json!({})),
            frame("conversation-start", start),
            chunk("chunk-update", 0, "¡Qué rico!"),
            chunk("chunk-update", 1, "¿Dónde?"),
            chunk("chunk-complete", 0, "¡Qué rico!"),
            chunk("chunk-complete", 1, "¿Dónde? 😋"),
            frame("correction", correction),
            frame("conversation-complete", json!({"turnId": "t"})),
        ];
        expect![[r#"
            🤩 ¡Qué rico!
            😊 ¿Dónde? 😋
            ✎ yo comió → yo comí (past)
        "#]]
        .assert_eq(&shown(&frames));
    }

    #[test]
    fn what_is_told_again_and_again_is_shown_once() {
        let progress = frame("progress", json!({"text": "the model is being pulled"}));
        let failed = json!({"turnId": "t", "code": "llm_timeout", "message": "ollama is late"});
        let frames = [progress.clone(), progress, frame("conversation-failed", failed)];
        expect![[r#"
            · the model is being pulled
            · ollama is late
        "#]]
        .assert_eq(&shown(&frames));
    }

    #[test]
    fn a_model_cannot_write_to_the_terminal_itself() {
        let text = shown(&[chunk("chunk-update", 0, "\u{1b}[2J¡Hola!\u{7}\r\n")]);
        assert_eq!(text, "😊  [2J¡Hola!   \n");
    }
}
