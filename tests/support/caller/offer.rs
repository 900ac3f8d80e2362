//! A caller's offer, and what the server answers to it. It waits for nothing else.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use anyhow::Context;
use parla::transport::ciphers;
use reqwest::{RequestBuilder, Response, header::CONTENT_TYPE};
use str0m::{
    Candidate, Rtc, RtcConfig,
    change::SdpPendingOffer,
    media::{Direction, MediaKind, Mid},
};

const EVENTS: &str = "oai-events";
/// Bytes of events that may wait unacknowledged: as many as an answer allows at once.
const UNACKNOWLEDGED: usize = 1 << 20;

/// What the server answers to an offer.
pub async fn answer_to(calls: RequestBuilder, offer: String) -> anyhow::Result<Response> {
    let request = calls.header(CONTENT_TYPE, "application/sdp").body(offer);
    Ok(request.send().await?.error_for_status()?)
}

/// A caller as browsers are, its line for sound, and its offer with what its answer is to be read with.
pub(super) fn offering(
    here: SocketAddr,
) -> anyhow::Result<(Box<Rtc>, Mid, (String, SdpPendingOffer))> {
    let config = RtcConfig::new().set_crypto_provider(Arc::new(ciphers()));
    let config = config.set_sctp_max_buffered_amount(UNACKNOWLEDGED);
    let mut rtc = Box::new(config.clear_codecs().enable_opus(true, false).build(Instant::now()));
    rtc.add_local_candidate(Candidate::host(here, "udp")?);
    let mut api = rtc.sdp_api();
    let stream = Some("microphone".to_owned());
    let line = api.add_media(MediaKind::Audio, Direction::SendRecv, stream, None, None);
    api.add_channel(EVENTS.to_owned());
    let (offer, pending) = api.apply().context("nothing to offer")?;
    Ok((rtc, line, (offer.to_sdp_string(), pending)))
}
