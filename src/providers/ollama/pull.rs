//! How far a pull has come: a model comes in layers, and people want one number. It fetches nothing.

use std::collections::BTreeMap;

use futures_util::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use ollama_rs::models::pull::PullModelStatus;

use super::{PROVIDER, server::Server};
use crate::{
    domain::{Progress, ProgressKind},
    providers::ProviderError,
};

/// Pulls a model on the server; ends without an error when the model is there. Dropping it stops the pull, and the
/// next one goes on from there.
pub(super) fn progress(
    server: Server,
    model: String,
) -> BoxStream<'static, Result<Progress, ProviderError>> {
    let text = format!("the model {model} is being pulled");
    let statuses = stream::once(async move { server.pull(&model).await }).try_flatten();
    let pulling = Some((statuses.boxed(), Layers::default()));
    stream::try_unfold(pulling, move |pulling| {
        let text = text.clone();
        async move {
            let Some((mut statuses, mut layers)) = pulling else { return Ok(None) };
            let status: PullModelStatus = statuses.try_next().await?.ok_or_else(cut)?;
            let is_over = status.message == "success";
            let (done, total) = layers.add(status).unzip();
            // All bytes are there before they have been checked: whole is only what can be used.
            let most =
                total.map(|total: u64| if is_over { total } else { total.saturating_sub(1) });
            let done = done.min(most);
            let progress = Progress { kind: ProgressKind::Pull, text, done, total };
            Ok(Some((progress, (!is_over).then_some((statuses, layers)))))
        }
    })
    .boxed()
}

/// Bytes there and in all, by layer.
#[derive(Default)]
struct Layers(BTreeMap<String, (u64, u64)>);

impl Layers {
    /// Bytes of all layers so far; `None` before the first one.
    fn add(&mut self, status: PullModelStatus) -> Option<(u64, u64)> {
        if let (Some(digest), Some(total)) = (status.digest, status.total) {
            self.0.insert(digest, (status.completed.unwrap_or(0).min(total), total));
        }
        let sum = |sum: (u64, u64), layer: &(u64, u64)| {
            (sum.0.saturating_add(layer.0), sum.1.saturating_add(layer.1))
        };
        (!self.0.is_empty()).then(|| self.0.values().fold((0, 0), sum))
    }
}

fn cut() -> ProviderError {
    let reason = "the pull ended before the model was there".to_owned();
    ProviderError::Cut { provider: PROVIDER.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layers_of_a_model_add_up() {
        let mut layers = Layers::default();
        let mut add = |digest: Option<&str>, total, completed| {
            let (message, digest) = ("pulling".to_owned(), digest.map(str::to_owned));
            layers.add(PullModelStatus { message, digest, total, completed })
        };
        assert_eq!(add(None, None, None), None);
        assert_eq!(add(Some("a"), Some(1000), None), Some((0, 1000)));
        assert_eq!(add(Some("a"), Some(1000), Some(400)), Some((400, 1000)));
        assert_eq!(add(Some("b"), Some(50), Some(50)), Some((450, 1050)));
        assert_eq!(add(Some("a"), Some(1000), Some(9999)), Some((1050, 1050)));
        assert_eq!(add(None, None, None), Some((1050, 1050)));
    }
}
