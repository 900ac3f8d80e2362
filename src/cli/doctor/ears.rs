//! Who understands what a learner says: each ear that is configured or found. It hears nobody.

use std::sync::Arc;

use futures_util::future::join_all;
use parla::{
    app,
    config::Settings,
    providers::{ProviderError, pocketsphinx},
};

use super::{Finding, Pending, pending};

/// How to get ears that understand every language.
const BETTER: &str =
    "docker run --rm --publish 127.0.0.1:8000:8000 ghcr.io/speaches-ai/speaches:latest-cpu";

pub(super) fn checks(settings: &Arc<Settings>) -> Vec<Pending> {
    vec![pending("ears", ears(Arc::clone(settings)))]
}

/// All of them in one finding: they stand in for each other.
async fn ears(settings: Arc<Settings>) -> Finding {
    if settings.ears.is_empty() {
        return Finding::ok("none are wanted: learners write");
    }
    let ears = match app::ears::transcribers(&settings).await {
        Ok(ears) => ears,
        Err(error) => return Finding::fail(format!("{error:#}"), "correct PARLA_STT"),
    };
    let checks = ears.iter().map(|ear| async { (ear.name(), ear.check().await) });
    found(&join_all(checks).await)
}

fn found(ears: &[(&str, Result<(), ProviderError>)]) -> Finding {
    let well: Vec<&str> =
        ears.iter().filter(|(_, told)| told.is_ok()).map(|(name, _)| *name).collect();
    let unwell = ears.iter().filter_map(|(_, told)| told.as_ref().err());
    let unwell: Vec<String> = unwell.map(ToString::to_string).collect();
    match (well.as_slice(), unwell.as_slice()) {
        ([], []) => Finding::warn(
            "there are none: learners can write, but not speak",
            format!(
                "{} for English lessons, or for all languages: {BETTER}",
                pocketsphinx::INSTALL
            ),
        ),
        ([pocketsphinx::NAME], []) => Finding::ok("pocketsphinx understands English")
            .with_fix(format!("for other languages: {BETTER}")),
        (well, []) => Finding::ok(format!("in this order: {}", well.join(", "))),
        ([], unwell) => Finding::fail(
            unwell.join("; "),
            "start it, correct its address or key, or set PARLA_STT=auto",
        ),
        (well, unwell) => Finding::warn(
            format!("{} can hear, but {}", well.join(", "), unwell.join("; ")),
            "start it, correct its address or key, or take it out of PARLA_STT",
        ),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn each_state_of_the_ears_has_its_way_out() {
        let gone = || {
            let (provider, reason) = ("home".to_owned(), "connection refused".to_owned());
            Err(ProviderError::Unreachable { provider, reason })
        };
        let cases = [
            vec![],
            vec![("pocketsphinx", Ok(()))],
            vec![("home", Ok(())), ("pocketsphinx", Ok(()))],
            vec![("home", gone()), ("pocketsphinx", Ok(()))],
            vec![("home", gone())],
        ];
        let told = cases.map(|ears| {
            let Finding { state, cause, fix } = found(&ears);
            format!("{state:?} {cause} -> {}\n", fix.unwrap_or_default())
        });
        expect![[r#"
            Warn there are none: learners can write, but not speak -> apt install libpocketsphinx3 pocketsphinx-en-us for English lessons, or for all languages: docker run --rm --publish 127.0.0.1:8000:8000 ghcr.io/speaches-ai/speaches:latest-cpu
            Ok pocketsphinx understands English -> for other languages: docker run --rm --publish 127.0.0.1:8000:8000 ghcr.io/speaches-ai/speaches:latest-cpu
            Ok in this order: home, pocketsphinx -> 
            Warn pocketsphinx can hear, but home cannot be reached: connection refused -> start it, correct its address or key, or take it out of PARLA_STT
            Fail home cannot be reached: connection refused -> start it, correct its address or key, or set PARLA_STT=auto
        "#]].assert_eq(&told.concat());
    }
}
