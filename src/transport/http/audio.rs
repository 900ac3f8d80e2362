//! `GET /api/v1/audio/{file}`: a chunk's sound, whole or a range of it. What was evicted is spoken again.

use std::{convert::Infallible, ops::Range};

use axum::{
    body::Body,
    extract::{Path, RawQuery, State, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;

use crate::{
    app::App,
    audio::wav,
    domain::{AudioFileId, AudioFrame},
    transport::{error::Problem, gate, sound::sound},
    wall_clock,
};

/// A chunk's sound.
#[utoipa::path(
    get,
    path = "/api/v1/audio/{file}",
    params(
        ("file" = String, Path, description = "audioFileId of a chunk"),
        ("until" = Option<i64>, Query, description = "Of a signed link"),
        ("signature" = Option<String>, Query, description = "Of a signed link")
    ),
    responses(
        (status = 200, content_type = "audio/wav", body = Vec<u8>),
        (status = 206, description = "The range that was asked for"),
        (status = 304, description = "The sound with that ETag is still the one"),
        (status = 416, description = "No such range")
    )
)]
pub(super) async fn audio(
    State(app): State<App>,
    file: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // A name that cannot be one is the name of nothing.
    let id = file.ok().and_then(|Path(file)| AudioFileId::parse(&file));
    let id = id.ok_or_else(Problem::not_found)?;
    let query = query.unwrap_or_default();
    let caller = if opens(&app, &id, &query) {
        None
    } else {
        let caller = gate::user(&app, &headers, Some(&query));
        Some(caller.ok_or_else(Problem::unauthorized)?.id)
    };
    let found = app.audio_files.find(&id).await?.ok_or_else(Problem::not_found)?;
    if caller.is_some_and(|caller| caller != found.owner) {
        return Err(Problem::not_found());
    }
    let tag = entity_tag(&found.cache_key);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str()) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let (sound, key) = sound(&app, &found).await.ok_or_else(unavailable)?;
    Ok(answer(&sound, &entity_tag(&key), &headers))
}

fn entity_tag(key: &str) -> String {
    format!("\"{key}\"")
}

fn opens(app: &App, id: &AudioFileId, query: &str) -> bool {
    let until = gate::parameter(query, "until").and_then(|until| until.parse().ok());
    let Some((until, signature)) = until.zip(gate::parameter(query, "signature")) else {
        return false;
    };
    app.auth.opens_audio(id, until, signature, wall_clock::now())
}

fn unavailable() -> Problem {
    let detail = "the sound is gone and no voice can make it again at the moment";
    let status = StatusCode::SERVICE_UNAVAILABLE;
    Problem::new(status, "audio_unavailable", detail).retry_after(5)
}

fn answer(sound: &AudioFrame, tag: &str, headers: &HeaderMap) -> Response {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let is_current = text(header::IF_RANGE).is_none_or(|known| known == tag);
    let range = text(header::RANGE).filter(|_| is_current);
    let total = wav::file_bytes(sound);
    let wanted = range.map_or(Wanted::All, |range| wanted(range, total));
    let (status, piece, content_range) = match wanted {
        Wanted::All => (StatusCode::OK, 0..total, None),
        Wanted::Part(part) => {
            let content_range = format!("bytes {}-{}/{total}", part.start, part.end - 1);
            (StatusCode::PARTIAL_CONTENT, part, Some(content_range))
        }
        Wanted::Nothing => {
            let content_range = format!("bytes */{total}");
            (StatusCode::RANGE_NOT_SATISFIABLE, 0..0, Some(content_range))
        }
    };
    let headers = [
        (header::CONTENT_TYPE, "audio/wav"),
        (header::ACCEPT_RANGES, "bytes"),
        (header::CACHE_CONTROL, "private, max-age=31536000, immutable"),
        (header::CONTENT_DISPOSITION, "inline; filename=\"speech.wav\""),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
        (header::ETAG, tag),
    ];
    let length = piece.len();
    let pieces = wav::file_piece(sound, piece).map(Ok::<_, Infallible>);
    let body = Body::from_stream(stream::iter(pieces));
    let mut response = (status, headers, body).into_response();
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    if let Some(range) = content_range.and_then(|range| HeaderValue::from_str(&range).ok()) {
        response.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    response
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    All,
    Part(Range<usize>),
    Nothing,
}

/// One range (RFC 9110, section 14.2). Of several, and of what is no range, none is honoured: the whole is sent.
fn wanted(range: &str, total: usize) -> Wanted {
    let spec = range.strip_prefix("bytes=").filter(|spec| !spec.contains(','));
    let Some((first, last)) = spec.and_then(|spec| spec.split_once('-')) else {
        return Wanted::All;
    };
    let (first, last) = (first.trim(), last.trim());
    let part = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(start), Ok(end)) if start <= end => start..end.saturating_add(1).min(total),
        (Ok(start), Err(_)) if last.is_empty() => start..total,
        (Err(_), Ok(count)) if first.is_empty() => total.saturating_sub(count)..total,
        _ => return Wanted::All,
    };
    if part.start < part.end { Wanted::Part(part) } else { Wanted::Nothing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_honoured() {
        assert_eq!(wanted("bytes=0-9", 100), Wanted::Part(0..10));
        assert_eq!(wanted("bytes=90-", 100), Wanted::Part(90..100));
        assert_eq!(wanted("bytes=-10", 100), Wanted::Part(90..100));
        assert_eq!(wanted("bytes=-1000", 100), Wanted::Part(0..100));
        assert_eq!(wanted("bytes=50-1000", 100), Wanted::Part(50..100));
    }

    #[test]
    fn a_range_past_the_end_is_refused_and_nonsense_is_ignored() {
        assert_eq!(wanted("bytes=100-", 100), Wanted::Nothing);
        assert_eq!(wanted("bytes=-0", 100), Wanted::Nothing);
        let many = format!("bytes={}", "0-,".repeat(1000));
        for nonsense in ["bytes=-", "bytes=a-b", "lines=1-2", "bytes=5-2", "bytes=--5", &many] {
            assert_eq!(wanted(nonsense, 100), Wanted::All, "{nonsense}");
        }
    }
}
