//! `parla voices` and `parla config`: what there is, for a person at a terminal.

use std::io::Write;

use parla::{app, config::Settings, domain::Language};

pub(super) async fn voices(settings: Settings, language: Option<String>) -> anyhow::Result<()> {
    let wanted = language.as_deref().and_then(Language::parse);
    let mut out = std::io::stdout();
    for engine in app::engines(&settings)? {
        let voices = match engine.voices().await {
            Ok(voices) => voices,
            Err(error) => {
                writeln!(std::io::stderr(), "{}: {error}", engine.name())?;
                continue;
            }
        };
        for voice in voices {
            let speaks = voice.language.as_ref();
            let fits =
                |wanted: &Language| speaks.is_none_or(|own| own.primary() == wanted.primary());
            if wanted.as_ref().is_none_or(fits) {
                let tag = speaks.map_or("any", |language| language.as_str());
                writeln!(out, "{:<12} {tag:<8} {:<28} {}", voice.engine, voice.id, voice.name)?;
            }
        }
    }
    Ok(())
}

pub(super) fn config(settings: &Settings) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{settings:#?}")?)
}
