//! What a client of `/v1/listen` asks for in its query. It opens nothing.

use crate::{
    audio::intake::{AudioFormat, Encoding, IntakeError},
    domain::Language,
    transport::gate,
};

/// Opus packets say nothing of a rate and need none, in hertz.
const OPUS_RATE: u32 = 48_000;
/// Deepgram's own, in milliseconds.
const ENDPOINTING_MS: u64 = 10;
/// What is less Deepgram does not promise, in milliseconds.
const UTTERANCE_END_MS: u64 = 1_000;

/// Whatever else a client asks for is passed over: the configured ears hear as they do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) format: AudioFormat,
    pub(super) language: Option<Language>,
    /// Words that may still change are told, too.
    pub(super) interim_results: bool,
    /// Silence after which a result is the end of what was said, in milliseconds.
    pub(super) endpointing_ms: Option<u64>,
    /// Silence after which `UtteranceEnd` is told, in milliseconds.
    pub(super) utterance_end_ms: Option<u64>,
    /// `SpeechStarted` is told.
    pub(super) vad_events: bool,
}

impl Wanted {
    /// # Errors
    /// What has to be changed, for people.
    pub(super) fn read(query: &str) -> Result<Self, String> {
        let value = |name| gate::parameter(query, name);
        let is_on = |name| value(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let endpointing_ms = match value("endpointing") {
            Some(off) if off.eq_ignore_ascii_case("false") => None,
            given => Some(milliseconds("endpointing", given)?.unwrap_or(ENDPOINTING_MS)),
        };
        let utterance_end_ms = milliseconds("utterance_end_ms", value("utterance_end_ms"))?;
        Ok(Self {
            format: format(query)?,
            // Several languages at once, or one that is none, are left to the engine.
            language: value("language").and_then(Language::parse).filter(is_one),
            interim_results: is_on("interim_results"),
            endpointing_ms,
            utterance_end_ms: utterance_end_ms.map(|ms| ms.max(UTTERANCE_END_MS)),
            vad_events: is_on("vad_events"),
        })
    }
}

fn is_one(language: &Language) -> bool {
    language.primary() != "multi"
}

fn format(query: &str) -> Result<AudioFormat, String> {
    let value = |name| gate::parameter(query, name).filter(|value| !value.is_empty());
    let Some(encoding) = value("encoding") else {
        return Err(
            "encoding is missing: containers are not read here, so say linear16, linear32, \
             mulaw, alaw or opus"
                .to_owned(),
        );
    };
    let encoding = Encoding::parse(encoding).map_err(|error| format!("encoding: {error}"))?;
    let sample_rate = match (number("sample_rate", value("sample_rate"))?, encoding) {
        (Some(rate), _) => rate,
        (None, Encoding::Opus) => OPUS_RATE,
        (None, _) => return Err("sample_rate is missing: raw audio does not tell it".to_owned()),
    };
    let channels = number("channels", value("channels"))?.unwrap_or(1);
    let channels = u16::try_from(channels).unwrap_or(u16::MAX);
    let format = AudioFormat { encoding, sample_rate, channels };
    format.check().map_err(|error: IntakeError| error.to_string())?;
    Ok(format)
}

fn milliseconds(name: &str, value: Option<&str>) -> Result<Option<u64>, String> {
    Ok(number(name, value)?.map(u64::from))
}

fn number(name: &str, value: Option<&str>) -> Result<Option<u32>, String> {
    let parse = |value: &str| value.parse().map_err(|_| format!("{name}: expected a number"));
    value.map(parse).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_as_deepgram_has_it_and_what_is_unknown_is_passed_over() {
        let wanted = Wanted::read("model=nova-3&encoding=linear16&sample_rate=8000&tag=a%20b&x");
        let wanted = wanted.unwrap();
        assert_eq!((wanted.format.sample_rate, wanted.format.channels), (8_000, 1));
        assert_eq!((wanted.endpointing_ms, wanted.utterance_end_ms), (Some(10), None));
        assert!(!wanted.interim_results && !wanted.vad_events && wanted.language.is_none());
    }

    #[test]
    fn all_that_is_said_holds() {
        let query = "encoding=opus&language=en-US&interim_results=true&endpointing=false\
                     &utterance_end_ms=500&vad_events=True&channels=2";
        let wanted = Wanted::read(query).unwrap();
        assert_eq!((wanted.format.sample_rate, wanted.format.channels), (48_000, 2));
        assert_eq!((wanted.endpointing_ms, wanted.utterance_end_ms), (None, Some(1_000)));
        assert!(wanted.interim_results && wanted.vad_events);
        assert_eq!(wanted.language.unwrap().as_str(), "en-US");
    }

    #[test]
    fn what_cannot_be_heard_is_said() {
        let refusals = [
            "",
            "sample_rate=16000",
            "encoding=linear16",
            "encoding=speex&sample_rate=16000",
            "encoding=linear16&sample_rate=fast",
            "encoding=linear16&sample_rate=192000",
            "encoding=linear16&sample_rate=16000&channels=7",
            "encoding=linear16&sample_rate=16000&endpointing=soon",
        ]
        .map(|query| Wanted::read(query).unwrap_err());
        expect_test::expect![[r#"
            encoding is missing: containers are not read here, so say linear16, linear32, mulaw, alaw or opus
            encoding is missing: containers are not read here, so say linear16, linear32, mulaw, alaw or opus
            sample_rate is missing: raw audio does not tell it
            encoding: the encoding is not supported
            sample_rate: expected a number
            a sample rate of 192000 Hz is not supported
            7 channels are not supported
            endpointing: expected a number"#]]
        .assert_eq(&refusals.join("\n"));
    }
}
