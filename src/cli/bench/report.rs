//! What was measured, for people and for programs. It measures nothing.

use serde::{Serialize, Serializer};
use serde_json::json;

pub(super) struct Report {
    pub(super) writer: Writer,
    pub(super) answers: Answers,
    /// In the order in which they are tried.
    pub(super) voices: Vec<VoiceFound>,
    pub(super) load: Option<Load>,
}

/// The model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Writer {
    pub(super) name: String,
    pub(super) provider: String,
    /// `None` for lessons that are written already.
    pub(super) tokens_per_second: Option<f64>,
}

/// Milliseconds from the learner's message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answers {
    pub(super) turns: usize,
    pub(super) first_token: Samples,
    pub(super) first_chunk: Samples,
    pub(super) first_audio: Samples,
}

pub(super) struct VoiceFound {
    pub(super) name: String,
    pub(super) slots: usize,
    /// How many turns the server would admit with it.
    pub(super) conversations: usize,
    /// Or why it did not speak.
    pub(super) spoken: Result<Spoken, String>,
}

pub(super) struct Spoken {
    /// Synthesis time ÷ audio time.
    pub(super) pace: f64,
    /// Milliseconds for a sentence.
    pub(super) sentence: Samples,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Load {
    /// In milliseconds.
    pub(super) bound: u64,
    /// Conversations at once that kept to it.
    pub(super) carried: usize,
    pub(super) steps: Vec<Step>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Step {
    pub(super) conversations: usize,
    /// In milliseconds.
    pub(super) first_audio_p95: Option<u64>,
    pub(super) refused: usize,
}

/// Numbers in their order.
pub(super) struct Samples(Vec<u64>);

impl Samples {
    pub(super) fn new(mut samples: Vec<u64>) -> Self {
        samples.sort_unstable();
        Self(samples)
    }

    pub(super) fn median(&self) -> Option<u64> {
        self.percentile(50)
    }

    pub(super) fn p95(&self) -> Option<u64> {
        self.percentile(95)
    }

    /// The smallest number that so many of a hundred do not exceed.
    fn percentile(&self, percent: usize) -> Option<u64> {
        let rank = (self.0.len() * percent).div_ceil(100);
        self.0.get(rank.max(1) - 1).copied()
    }

    fn text(&self) -> String {
        match (self.median(), self.p95()) {
            (Some(median), Some(p95)) => format!("{median:>6} ms  p95 {p95:>6} ms"),
            _ => "     –".to_owned(),
        }
    }
}

impl Serialize for Samples {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json!({"median": self.median(), "p95": self.p95()}).serialize(serializer)
    }
}

impl Report {
    /// What the preferred voice can carry; one that does not speak is stood in for.
    fn conversations(&self) -> usize {
        let mut speaking = self.voices.iter().filter(|voice| voice.spoken.is_ok());
        speaking.next().map_or(0, |voice| voice.conversations)
    }

    pub(super) fn text(&self) -> String {
        let Self { writer, answers, voices, load } = self;
        let mut text = format!("{}, {} answers\n", writer.name, answers.turns);
        if writer.tokens_per_second.is_none() {
            text +=
                "prepared lessons: nothing is written, and what they say twice is spoken once\n";
        }
        let stages = [
            ("first token", &answers.first_token),
            ("first chunk", &answers.first_chunk),
            ("first audio", &answers.first_audio),
        ];
        for (name, samples) in stages {
            text += &row(name, &samples.text());
        }
        if let Some(pace) = writer.tokens_per_second {
            text += &row("tokens a second", &format!("{pace:>6.1}"));
        }
        for voice in voices {
            text += &voice.text();
        }
        text += &row(
            "conversations",
            &format!("{:>6} at once, by the pace of the voice", self.conversations()),
        );
        text + &load.as_ref().map(Load::text).unwrap_or_default()
    }

    pub(super) fn json(&self) -> serde_json::Result<String> {
        let voices: Vec<_> = self.voices.iter().map(VoiceFound::json).collect();
        let report = json!({
            "model": self.writer,
            "answers": self.answers,
            "voices": voices,
            "conversations": self.conversations(),
            "load": self.load,
        });
        Ok(serde_json::to_string_pretty(&report)? + "\n")
    }
}

impl VoiceFound {
    fn text(&self) -> String {
        let name = format!("voice {}", self.name);
        match &self.spoken {
            Err(error) => row(&name, &format!("     –  {error}")),
            Ok(Spoken { pace, sentence }) => {
                let speed = format!("{:.0}× as fast as it is heard", 1.0 / pace.max(0.001));
                row(&name, &format!("{} a sentence, {speed}", sentence.text()))
            }
        }
    }

    fn json(&self) -> serde_json::Value {
        let spoken = self.spoken.as_ref();
        json!({
            "name": self.name,
            "slots": self.slots,
            "pace": spoken.ok().map(|spoken| spoken.pace),
            "sentence": spoken.ok().map(|spoken| &spoken.sentence),
            "conversations": self.conversations,
            "error": spoken.err(),
        })
    }
}

impl Load {
    fn text(&self) -> String {
        let mut text = String::new();
        for Step { conversations, first_audio_p95, refused } in &self.steps {
            let p95 = first_audio_p95.map_or_else(|| "–".to_owned(), |ms| format!("{ms} ms"));
            let refused = match refused {
                0 => String::new(),
                count => format!(", {count} refused"),
            };
            text += &row(
                &format!("{conversations} at once"),
                &format!("first audio p95 {p95}{refused}"),
            );
        }
        text + &row(
            "carried",
            &format!("{:>6} with the first audio within {} ms", self.carried, self.bound),
        )
    }
}

fn row(name: &str, what: &str) -> String {
    format!("{name:<18}{what}\n")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn report() -> Report {
        let samples = |from: u64| Samples::new((from..from + 20).rev().collect());
        let voice = |name: &str, spoken| VoiceFound {
            name: name.to_owned(),
            slots: 1,
            conversations: 90,
            spoken,
        };
        Report {
            writer: Writer {
                name: "qwen3:4b".to_owned(),
                provider: "ollama".to_owned(),
                tokens_per_second: Some(31.25),
            },
            answers: Answers {
                turns: 20,
                first_token: samples(200),
                first_chunk: samples(400),
                first_audio: samples(410),
            },
            voices: vec![
                voice("kokoro", Err("kokoro cannot be reached".to_owned())),
                voice("espeak", Ok(Spoken { pace: 0.01, sentence: samples(3) })),
            ],
            load: Some(Load {
                bound: 1429,
                carried: 1,
                steps: vec![
                    Step { conversations: 1, first_audio_p95: Some(430), refused: 0 },
                    Step { conversations: 2, first_audio_p95: None, refused: 2 },
                ],
            }),
        }
    }

    #[test]
    fn people_see_all_of_it_at_a_glance() {
        expect![[r#"
            qwen3:4b, 20 answers
            first token          209 ms  p95    218 ms
            first chunk          409 ms  p95    418 ms
            first audio          419 ms  p95    428 ms
            tokens a second     31.2
            voice kokoro           –  kokoro cannot be reached
            voice espeak          12 ms  p95     21 ms a sentence, 100× as fast as it is heard
            conversations         90 at once, by the pace of the voice
            1 at once         first audio p95 430 ms
            2 at once         first audio p95 –, 2 refused
            carried                1 with the first audio within 1429 ms
        "#]]
        .assert_eq(&report().text());
    }

    #[test]
    fn programs_find_each_number_under_a_name() {
        let report: serde_json::Value = serde_json::from_str(&report().json().unwrap()).unwrap();
        assert_eq!(report["answers"]["firstAudio"], json!({"median": 419, "p95": 428}));
        assert_eq!(report["model"]["tokensPerSecond"], json!(31.25));
        assert_eq!(report["voices"][0]["error"], "kokoro cannot be reached");
        assert_eq!(report["conversations"], 90, "of the voice that speaks");
        assert_eq!(report["load"]["steps"][1]["refused"], 2);
    }

    #[test]
    fn a_percentile_is_one_of_the_numbers() {
        assert_eq!(Samples::new(vec![]).p95(), None);
        assert_eq!(Samples::new(vec![7]).p95(), Some(7));
        assert_eq!(Samples::new(vec![3, 1, 2]).median(), Some(2));
    }
}
