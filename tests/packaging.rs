//! What parla is shipped in, held against what it knows: the image, compose.yaml, the service. It builds no image.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use parla::config::{Environment, Flags, RtcListen, Settings, VoiceChoice};

const UNIT: &str = "packaging/parla.service";
const COMPOSE_SETTINGS: &str = "packaging/compose/parla.toml";
const SHIPPED: &[&str] =
    &["Dockerfile", "compose.yaml", UNIT, COMPOSE_SETTINGS, "packaging/image/healthcheck"];
/// Sockets leave over three seconds, then turns have ten.
const SECONDS_TO_END: u64 = 13;

#[test]
fn every_variable_that_is_shipped_is_one_that_parla_reads() {
    let is_part = |letter: char| letter.is_ascii_uppercase() || letter == '_';
    for file in SHIPPED {
        let text = read(file);
        let names = text.split(|letter| !is_part(letter)).filter(|word| word.starts_with("PARLA_"));
        for name in names {
            let settings = load(Flags::default(), [(name, "")].into());
            assert!(settings.warnings.is_empty(), "{file}: {:?}", settings.warnings);
        }
    }
}

#[test]
fn the_image_serves_everybody_who_reaches_it_and_keeps_its_folders_in_volumes() {
    let dockerfile = read("Dockerfile");
    let set = |name: &str| {
        let (_, value) = dockerfile.split_once(&format!("{name}=")).unwrap();
        value.split_whitespace().next().unwrap()
    };
    let names = ["PARLA_LISTEN", "PARLA_RTC_LISTEN", "PARLA_DATA", "PARLA_AUDIO_CACHE"];
    let image = load(Flags::default(), names.map(|name| (name, set(name))).into());
    let usual = load(Flags::default(), Environment::default());
    assert!(image.listen[0].ip().is_unspecified());
    assert_eq!(image.listen[0].port(), usual.listen[0].port());

    let port = usual.listen[0].port();
    assert!(dockerfile.contains(&format!("\nEXPOSE {port} {port}/udp\n")));
    assert_eq!(image.rtc_listen, RtcListen::At(image.listen[0]), "calls have that number");
    let volumes = format!("{:?}", [&image.data, &image.audio_cache]);
    assert!(dockerfile.contains(&format!("\nVOLUME {volumes}\n")), "{volumes}");
    let compose = read("compose.yaml");
    assert!(compose.contains(&format!("- 127.0.0.1:{port}:{port}\n")));
    assert!(compose.contains(&format!("- 127.0.0.1:{port}:{port}/udp\n")));
    assert!(compose.contains("PARLA_RTC_ADDRESSES: ${PARLA_RTC_ADDRESSES:-127.0.0.1}\n"));
    for folder in [&image.data, &image.audio_cache] {
        assert!(compose.contains(&format!(":{}\n", folder.display())), "{}", folder.display());
    }
}

#[test]
fn the_image_is_built_from_all_that_the_build_reads() {
    let ignore = read(".dockerignore");
    let built: Vec<&str> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    for needed in ["Cargo.toml", "Cargo.lock", "src", "benches", "prompts", "web", "LICENSE-*"] {
        assert!(built.contains(&needed), "{needed}");
    }
    for line in read("Dockerfile").lines().filter(|line| line.starts_with("COPY ")) {
        let words: Vec<&str> = line.split(' ').skip(1).collect();
        let sources = words.iter().rev().skip(1).filter(|word| !word.starts_with("--"));
        for source in sources.filter(|_| !line.contains("--from=")) {
            let is_there = |root: &&str| source.starts_with(root.trim_end_matches('*'));
            assert!(*source == "." || built.iter().any(is_there), "{source}");
            assert!(root(source).exists(), "{source}");
        }
    }
}

#[test]
fn the_voice_of_compose_is_a_service_of_it() {
    let flags = || Flags { file: Some(root(COMPOSE_SETTINGS)), ..Flags::default() };
    let alone = load(flags(), [("PARLA_TTS", "espeak")].into());
    assert_eq!(alone.voices, [VoiceChoice::Espeak]);
    let settings = load(flags(), [("PARLA_TTS", "kokoro,espeak")].into());
    let [VoiceChoice::Speech(voice), VoiceChoice::Espeak] = settings.voices.as_slice() else {
        panic!("{:?}", settings.voices)
    };
    let compose = read("compose.yaml");
    let url = voice.url.strip_prefix("http://").unwrap();
    let (service, port) = url.split_once(':').unwrap();
    assert!(compose.contains(&format!("\n  {service}:\n")), "{service}");
    assert!(compose.contains(&format!("http://127.0.0.1:{port}/health")), "{port}");
    assert!(compose.contains(&format!("PARLA_TTS: ${{COMPOSE_PROFILES:+{service},}}espeak\n")));
    assert!(compose.contains(":/parla/parla.toml:ro\n"));
    assert!(compose.contains(&format!("- ./{COMPOSE_SETTINGS}:")));
}

#[test]
fn the_service_starts_a_command_that_parla_has() {
    let unit = read(UNIT);
    let mut words = value(&unit, "ExecStart").split(' ');
    assert!(words.next().unwrap().ends_with("/parla"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_parla"));
    let told = command.args(words).arg("--help").output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    for folder in ["/var/lib/parla", "/var/cache/parla", "/etc/parla"] {
        assert!(unit.contains(folder), "{folder}");
    }
}

/// Whoever ends the server sooner cuts off sentences; whoever ends its workers with it leaves them unspoken.
#[test]
fn turns_have_time_to_end_wherever_parla_runs() {
    let seconds = |text: &str| text.trim_end_matches('s').parse::<u64>().unwrap();
    let unit = read(UNIT);
    assert!(seconds(value(&unit, "TimeoutStopSec")) > SECONDS_TO_END);
    assert_eq!(value(&unit, "KillMode"), "mixed");
    let compose = read("compose.yaml");
    let (_, grace) = compose.split_once("stop_grace_period: ").unwrap();
    assert!(seconds(grace.lines().next().unwrap()) > SECONDS_TO_END);
    for file in ["Dockerfile", "README.md"] {
        let text = read(file);
        let (_, timeout) = text.split_once("--stop-timeout ").unwrap();
        assert!(seconds(timeout.split(' ').next().unwrap()) > SECONDS_TO_END, "{file}");
    }
}

fn load(flags: Flags, environment: Environment) -> Settings {
    Settings::load(&flags, &environment).unwrap()
}

/// Of a line `NAME=value`.
fn value<'a>(unit: &'a str, name: &str) -> &'a str {
    let found = unit.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("{name} is missing"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
