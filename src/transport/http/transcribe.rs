//! `POST /api/v1/transcribe`: a recording to its words. It keeps nothing of either.

use std::time::Duration;

use axum::{
    Json,
    body::{Bytes, HttpBody},
    extract::{
        FromRequest, Multipart, Request, State,
        multipart::{Field, MultipartError},
    },
    http::{StatusCode, header},
};
use serde::Serialize;
use tokio::{task, time::timeout};
use utoipa::ToSchema;

use crate::{
    app::App,
    audio::recording::{self, MOST_BYTES, RecordingError},
    domain::{AudioFrame, Confidence, HeardWord, Language, Transcript},
    providers::ListenRequest,
    recognition::{ListenError, TranscribeError},
    transport::{
        error::Problem,
        gate::{self, Caller},
        read,
    },
};

/// Longest body, in bytes: the largest recording and what a form puts around it.
pub(super) const BODY_LIMIT: usize = MOST_BYTES + 64 * 1024;
/// How long a body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(60);

/// What was said in a recording.
#[derive(Serialize, ToSchema)]
pub(super) struct Transcription {
    text: String,
    /// What the caller said it is in.
    #[schema(required)]
    language: Option<String>,
    /// Of the recording, in seconds.
    duration: f64,
    segments: Vec<Segment>,
}

/// One stretch of speech, in seconds from the beginning; null where the engine does not say.
#[derive(Serialize, ToSchema)]
struct Segment {
    text: String,
    #[schema(required)]
    start: Option<f64>,
    #[schema(required)]
    end: Option<f64>,
    /// A share of one.
    #[schema(required)]
    confidence: Option<f64>,
    words: Vec<SpokenWord>,
}

#[derive(Serialize, ToSchema)]
struct SpokenWord {
    text: String,
    start: f64,
    end: f64,
    #[schema(required)]
    confidence: Option<f64>,
}

/// What came in.
struct Upload {
    file: Bytes,
    language: Option<String>,
}

/// The words of a recording: a form with `file`, or the recording alone under its own content type.
#[utoipa::path(
    post,
    path = "/api/v1/transcribe",
    params(("language" = Option<String>, Query, description = "As in a form's field")),
    request_body(content(
        (Vec<u8> = "audio/wav"), (Vec<u8> = "audio/mpeg"), (Vec<u8> = "audio/ogg"),
        (Vec<u8> = "audio/flac"), (Vec<u8> = "audio/webm"), (Vec<u8> = "multipart/form-data")
    )),
    responses((status = 200, body = Transcription))
)]
pub(super) async fn transcribe(
    State(app): State<App>,
    Caller(_): Caller,
    request: Request,
) -> Result<Json<Transcription>, Problem> {
    if app.ears.is_deaf() {
        return Err(no_ears().ending_connection());
    }
    // Before the body is read: it is what takes room.
    let _place = app.limits.recordings.clone().try_acquire_owned().map_err(|_| busy())?;
    let upload = timeout(BODY_PATIENCE, upload(request, &app)).await.map_err(|_| too_slow())??;
    let named = upload.language.as_deref().filter(|name| !name.is_empty());
    let language = named.map(language).transpose()?;
    let file = upload.file;
    let recording = task::spawn_blocking(move || recording::decode(&file)).await;
    let recording = recording.map_err(|_| Problem::internal())?.map_err(unheard)?;
    let asked = ListenRequest { language: language.clone(), ..ListenRequest::default() };
    let heard = app.ears.transcribe(&recording, asked).await.map_err(|error| silent(&error))?;
    Ok(Json(Transcription::of(heard, &recording, language)))
}

async fn upload(request: Request, app: &App) -> Result<Upload, Problem> {
    // What announces itself as too large is not waited for.
    if request.body().size_hint().lower() > BODY_LIMIT as u64 {
        return Err(too_large());
    }
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "multipart/form-data" {
        let form = Multipart::from_request(request, app).await;
        let broken = |_| Problem::new(StatusCode::BAD_REQUEST, "bad_body", "the form is broken");
        return of_form(form.map_err(broken)?).await;
    }
    let (main, _) = essence.split_once('/').unwrap_or_default();
    let may_be_sound = matches!(main, "audio" | "video")
        || matches!(essence.as_str(), "application/ogg" | "application/octet-stream");
    if !may_be_sound {
        let (status, code) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type");
        let detail = "send the recording as audio/…, or in a form as file";
        return Err(Problem::new(status, code, detail).ending_connection());
    }
    let query = request.uri().query().unwrap_or_default();
    let language = gate::parameter(query, "language").map(str::to_owned);
    let file = Bytes::from_request(request, app).await;
    let file = file.map_err(|error| of_status(error.status()))?;
    Ok(Upload { file, language })
}

/// Unknown fields are passed over.
async fn of_form(mut form: Multipart) -> Result<Upload, Problem> {
    let (mut file, mut language) = (None, None);
    while let Some(field) = form.next_field().await.map_err(|error| broken(&error))? {
        match field.name() {
            Some("file") => file = Some(field.bytes().await.map_err(|error| broken(&error))?),
            Some("language") => language = Some(text(field).await?),
            _ => {}
        }
    }
    let file = file.ok_or_else(|| read::invalid_field("file: the form has none"))?;
    Ok(Upload { file, language })
}

async fn text(field: Field<'_>) -> Result<String, Problem> {
    field.text().await.map_err(|error| broken(&error))
}

fn language(name: &str) -> Result<Language, Problem> {
    let problem = || read::invalid_field("language: expected a tag as es or pt-BR");
    Language::parse(name).ok_or_else(problem)
}

impl Transcription {
    fn of(heard: Vec<Transcript>, recording: &AudioFrame, language: Option<Language>) -> Self {
        let texts: Vec<&str> = heard.iter().map(|transcript| transcript.text.trim()).collect();
        Self {
            text: texts.join(" "),
            language: language.map(|language| language.as_str().to_owned()),
            duration: seconds(recording.duration_ms()),
            segments: heard.into_iter().map(Segment::of).collect(),
        }
    }
}

impl Segment {
    fn of(transcript: Transcript) -> Self {
        Self {
            start: transcript.words.first().map(|word| seconds(word.start_ms)),
            end: transcript.words.last().map(|word| seconds(word.end_ms)),
            confidence: transcript.confidence.map(Confidence::share),
            words: transcript.words.into_iter().map(SpokenWord::of).collect(),
            text: transcript.text,
        }
    }
}

impl SpokenWord {
    fn of(word: HeardWord) -> Self {
        let HeardWord { text, start_ms, end_ms, confidence } = word;
        let (start, end) = (seconds(start_ms), seconds(end_ms));
        Self { text, start, end, confidence: confidence.map(Confidence::share) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "times of sound are far below 2^52 milliseconds")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

fn unheard(error: RecordingError) -> Problem {
    let detail = error.to_string();
    match error {
        RecordingError::TooLarge => too_large(),
        RecordingError::TooLong => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "recording_too_long", detail)
        }
        RecordingError::NotAudio => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "not_audio", detail)
        }
        RecordingError::Unsupported(_) => {
            Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_audio", detail)
        }
        RecordingError::Damaged => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_audio", detail)
        }
    }
}

/// What a provider says is for the log.
fn silent(error: &TranscribeError) -> Problem {
    match error {
        TranscribeError::Listen(ListenError::Deaf) => no_ears(),
        TranscribeError::Listen(ListenError::Format(_)) => Problem::internal(),
        TranscribeError::Listen(ListenError::Language) | TranscribeError::Provider(_) => {
            tracing::warn!(%error, "a recording could not be heard");
            let detail = "no service of transcription could hear the recording to its end";
            Problem::new(StatusCode::BAD_GATEWAY, "hearing_failed", detail)
        }
    }
}

fn no_ears() -> Problem {
    let detail = "the server has nothing to hear with; parla doctor says what is missing";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_ears", detail)
}

fn busy() -> Problem {
    let detail = "as many recordings are being heard as may be at once";
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "at_capacity", detail);
    problem.retry_after(5).ending_connection()
}

fn broken(error: &MultipartError) -> Problem {
    of_status(error.status())
}

fn of_status(status: StatusCode) -> Problem {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large();
    }
    Problem::new(status, "bad_body", "the body could not be read").ending_connection()
}

fn too_large() -> Problem {
    let detail = "a recording has at most 25 MB";
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail).ending_connection()
}

fn too_slow() -> Problem {
    let detail = "a recording has 60 seconds to arrive";
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail).ending_connection()
}
