//! Which source of a setting wins, and what is refused.

use std::io::Write;

use super::*;

fn load(environment: &Environment) -> Result<Settings, SettingError> {
    Settings::load(&Flags::default(), environment)
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn load_file(text: &str, environment: &Environment) -> Result<Settings, SettingError> {
    let file = file(text);
    let flags = Flags { file: Some(file.path().to_owned()), ..Flags::default() };
    Settings::load(&flags, environment)
}

#[test]
fn without_any_source_the_server_is_private_and_needs_no_account() {
    let settings = load(&Environment::default()).unwrap();
    assert!(settings.is_loopback());
    assert_eq!(settings.listen[0].port(), 11200);
    assert_eq!(settings.model, ModelChoice::Auto);
    assert_eq!(settings.voices, [VoiceChoice::Espeak]);
}

#[test]
fn a_flag_beats_the_environment_and_that_the_file() {
    let toml = file("model = \"practice\"\ndata = \"from-file\"\nlog = \"warn\"\n");
    let flags = Flags {
        file: Some(toml.path().to_owned()),
        model: Some("ollama:a".to_owned()),
        ..Flags::default()
    };
    let environment =
        Environment::from([("PARLA_MODEL", "ollama:b"), ("PARLA_DATA", "from-environment")]);
    let settings = Settings::load(&flags, &environment).unwrap();
    assert_eq!(settings.model, ModelChoice::Ollama(Some("a".to_owned())));
    assert_eq!(settings.data, PathBuf::from("from-environment"));
    assert_eq!(settings.log, "warn");
}

#[test]
fn a_fallback_model_is_one_that_is_named() {
    let load = |toml: &str| load_file(toml, &Environment::default());
    let settings = load("model = \"auto\"\nfallback_model = \"ollama:llama3.2:1b\"").unwrap();
    assert_eq!(settings.fallback_model, Some(ModelChoice::Ollama(Some("llama3.2:1b".to_owned()))));
    assert_eq!(load("").unwrap().fallback_model, None);
    for wrong in ["auto", "ollama", "gpt"] {
        let refused = load(&format!("fallback_model = {wrong:?}")).unwrap_err();
        assert_eq!(refused.name, "PARLA_FALLBACK_MODEL", "{wrong}");
    }
}

#[test]
fn a_named_voice_has_an_address_of_its_own_and_its_key_is_not_printed() {
    let toml = "
        tts = [\"kokoro\", \"espeak\"]
        [providers.kokoro]
        kind = \"openai\"
        url = \"http://127.0.0.1:8880\"
        key = \"canary\"
        model = \"kokoro\"
        voice = \"af_heart\"
        voices = { es = \"ef_dora\" }
        slots = 3
    ";
    let settings = load_file(toml, &Environment::default()).unwrap();
    let [VoiceChoice::Speech(kokoro), VoiceChoice::Espeak] = settings.voices.as_slice() else {
        panic!("{:?}", settings.voices)
    };
    assert_eq!((kokoro.slots, kokoro.voices.len()), (3, 1));
    assert_eq!(kokoro.key.as_ref().unwrap().reveal(), "canary");
    assert!(!format!("{settings:?}").contains("canary"));
}

#[test]
fn a_secret_can_come_from_a_file() {
    let secret = file("sk-from-file\n");
    let environment = Environment::from([
        ("PARLA_TTS", "openai"),
        ("OPENAI_API_KEY_FILE", secret.path().to_str().unwrap()),
    ]);
    let toml = "[providers.openai]\nmodel = \"m\"\nvoice = \"v\"";
    let settings = load_file(toml, &environment).unwrap();
    let [VoiceChoice::Speech(openai)] = settings.voices.as_slice() else { panic!() };
    assert_eq!(openai.key.as_ref().unwrap().reveal(), "sk-from-file");
    assert_eq!(openai.url, "https://api.openai.com/v1");
}

#[test]
fn what_cannot_be_used_is_named() {
    let refused = |environment| load(&environment).unwrap_err().to_string();
    let cases = [
        (refused([("PARLA_MODEL", "gpt")].into()), "PARLA_MODEL"),
        (refused([("PARLA_TTS", "kokoro")].into()), "[providers.kokoro]"),
        (refused([("PARLA_TTS", ",")].into()), "PARLA_TTS"),
        (refused([("PARLA_LISTEN", "nowhere")].into()), "PARLA_LISTEN"),
        (refused([("PARLA_HISTORY_MESSAGES", "many")].into()), "PARLA_HISTORY_MESSAGES"),
        (refused([("PARLA_LOG_FORMAT", "xml")].into()), "PARLA_LOG_FORMAT"),
        (refused([("PARLA_JWT_SECRET", "x")].into()), "PARLA_JWT_SECRET"),
    ];
    for (message, name) in cases {
        assert!(message.contains(name), "{message}");
    }
    let unknown = load_file("volume = 11", &Environment::default()).unwrap_err().to_string();
    assert!(unknown.contains("volume") && unknown.contains("line 1"), "{unknown}");
}

#[test]
fn waiting_times_are_seconds_of_a_day_at_most() {
    let load = |toml: &str| load_file(toml, &Environment::default());
    let patience = load("[patience]\nfirst_text = 300\nbetween_texts = 0.5").unwrap().patience;
    assert_eq!(patience.first_part.as_secs(), 300);
    assert_eq!(patience.between_parts.as_millis(), 500);
    assert_eq!(patience.whole_answer.as_secs(), 120);
    for wrong in ["0", "-1", "nan", "inf", "86401"] {
        let refused = load(&format!("[patience]\nwhole_answer = {wrong}")).unwrap_err();
        assert_eq!(refused.name, "[patience] whole_answer", "{wrong}");
    }
}

#[test]
fn a_misspelt_name_is_pointed_out_with_the_nearest() {
    let settings = load(&[("PARLA_LISTN", "x"), ("PARLANCE", "y")].into()).unwrap();
    assert_eq!(
        settings.warnings,
        ["PARLA_LISTN is no setting of parla; did you mean PARLA_LISTEN?"]
    );
}

#[test]
fn how_many_connections_and_turns_there_may_be_can_be_chosen_but_not_as_none() {
    let limit = |name, text| load(&Environment::from([(name, text)]));
    let [connections, turns] = ["PARLA_MAX_CONNECTIONS", "PARLA_MAX_TURNS"];
    let usual = limit(connections, "").unwrap();
    assert_eq!((usual.max_connections, usual.max_turns), (12_000, None));
    assert_eq!(limit(connections, "50").unwrap().max_connections, 50);
    assert_eq!(limit(turns, "7").unwrap().max_turns, Some(7));
    for (name, wrong) in [(connections, "0"), (connections, "many"), (turns, "-1"), (turns, "0")] {
        assert_eq!(limit(name, wrong).unwrap_err().name, name, "{wrong}");
        assert!(limit(name, "9").unwrap().warnings.is_empty());
    }
}

#[test]
fn operators_have_a_private_address_of_their_own_or_none() {
    let settings = load(&Environment::default()).unwrap();
    assert!(settings.management_is_loopback());
    assert_eq!(settings.management_listen[0].port(), 8766);
    let listening = |text| load(&Environment::from([("PARLA_MANAGEMENT_LISTEN", text)]));
    assert!(listening("off").unwrap().management_listen.is_empty());
    assert!(!listening("0.0.0.0:8766").unwrap().management_is_loopback());
    assert_eq!(listening("nowhere").unwrap_err().name, "PARLA_MANAGEMENT_LISTEN");
}

#[test]
fn a_collector_of_traces_is_named_as_everywhere_and_its_headers_are_not_printed() {
    const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
    assert!(load(&Environment::default()).unwrap().traces.is_none());
    let good = [(ENDPOINT, "http://127.0.0.1:4318"), (HEADERS, "x-key=canary, other=2")];
    let settings = load(&Environment::from(good)).unwrap();
    assert!(settings.traces.is_some());
    assert!(!format!("{settings:?}").contains("canary"), "{settings:?}");
    for bad in [[(ENDPOINT, "canary"), (HEADERS, "")], [good[0], (HEADERS, "canary")]] {
        let error = load(&Environment::from(bad)).unwrap_err().to_string();
        assert!(error.contains("OTEL_EXPORTER_OTLP") && !error.contains("canary"), "{error}");
    }
    let by_grpc = load(&Environment::from([good[0], ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]));
    assert_eq!(by_grpc.unwrap_err().name, "OTEL_EXPORTER_OTLP_PROTOCOL");
}

#[test]
fn ears_are_found_by_themselves_named_in_an_order_or_not_wanted() {
    let ears = |stt: &str| load(&Environment::from([("PARLA_STT", stt)]));
    assert_eq!(ears("").unwrap().ears, [EarChoice::Auto]);
    assert_eq!(ears("none").unwrap().ears, []);
    assert_eq!(ears("pocketsphinx").unwrap().ears, [EarChoice::PocketSphinx]);
    let error = |stt: &str| ears(stt).unwrap_err().to_string();
    assert_eq!(
        error("deepgram"),
        "PARLA_STT: deepgram needs a key: set DEEPGRAM_API_KEY or DEEPGRAM_API_KEY_FILE"
    );
    assert_eq!(error("auto,none"), "PARLA_STT: \"none\" stands alone");
    assert!(error("whisper").contains("no [providers.whisper] of parla.toml"));
    assert!(error(",").contains("no ear is named"));
}

#[test]
fn a_provider_hears_with_its_transcription_model_and_clouds_with_their_keys() {
    let key = file("dg-canary\n");
    let path = key.path().to_str().unwrap();
    let environment = Environment::from([
        ("DEEPGRAM_API_KEY_FILE", path),
        ("ASSEMBLYAI_API_KEY", "aai-canary"),
        ("OPENAI_API_KEY", "sk-canary"),
    ]);
    let text = r#"
        stt = ["home", "deepgram", "assemblyai", "openai"]
        [providers.home]
        url = "http://127.0.0.1:9"
        transcription_model = "base"
    "#;
    let settings = load_file(text, &environment).unwrap();
    let [
        EarChoice::Transcription(home),
        EarChoice::Deepgram(deepgram),
        EarChoice::AssemblyAi(assemblyai),
        EarChoice::Transcription(openai),
    ] = settings.ears.as_slice()
    else {
        panic!("{:?}", settings.ears)
    };
    assert_eq!((home.model.as_str(), &home.key), ("base", &None));
    assert_eq!((deepgram.key.reveal(), assemblyai.key.reveal()), ("dg-canary", "aai-canary"));
    assert_eq!(
        (openai.model.as_str(), openai.url.as_str()),
        ("whisper-1", "https://api.openai.com/v1")
    );
    assert!(!format!("{settings:?}").contains("canary"));
    let text = text.replace("transcription_model", "model");
    let error = load_file(&text, &environment).unwrap_err();
    assert_eq!(error.to_string(), "[providers.home] transcription_model: is missing");
}
