//! The PocketSphinx library, opened at run time; every call into it is here. It keeps no sound between calls.
#![expect(unsafe_code, reason = "PocketSphinx is a C library; every call into it is here")]

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    io,
    path::Path,
    ptr,
};

use super::wire::{Hypothesis, PlacedWord};
use crate::providers::HEARING_RATE;

/// Where the system's packages put it.
const PATHS: [&str; 2] = ["libpocketsphinx.so.3", "libpocketsphinx.so"];
/// Where they put the English model.
const MODELS: [&str; 2] =
    ["/usr/share/pocketsphinx/model/en-us", "/usr/local/share/pocketsphinx/model/en-us"];
/// The search is wide: what was expected has to be found even in a learner's mouth.
const SEARCH: [&str; 16] = [
    "-beam",
    "1e-80",
    "-wbeam",
    "1e-60",
    "-pbeam",
    "1e-80",
    "-lw",
    "3",
    "-remove_noise",
    "no",
    "-dither",
    "yes",
    "-maxhmmpf",
    "3000",
    "-seed",
    "1",
];
/// Around what is heard, in samples: the models know no word without a silence before it.
const MARGIN: usize = HEARING_RATE as usize * 3 / 10;
/// Frames are a hundredth of a second long.
const FRAME_MS: u64 = 10;
const MARGIN_MS: u64 = 300;
/// The base of the library's logarithms.
const LOG_BASE: f64 = 1.0001;

type Object = *mut c_void;
type Args = unsafe extern "C" fn() -> *const c_void;
#[rustfmt::skip]
type ParseArguments = unsafe extern "C" fn(
    Object, *const c_void, c_int, *const *const c_char, c_int,
) -> Object;
type Init = unsafe extern "C" fn(Object) -> Object;
type AddWord = unsafe extern "C" fn(Object, *const c_char, *const c_char, c_int) -> c_int;
type LookUp = unsafe extern "C" fn(Object, *const c_char) -> *mut c_char;
type SetText = unsafe extern "C" fn(Object, *const c_char, *const c_char) -> c_int;
type SetSearch = unsafe extern "C" fn(Object, *const c_char) -> c_int;
type Act = unsafe extern "C" fn(Object) -> c_int;
type Process = unsafe extern "C" fn(Object, *const i16, usize, c_int, c_int) -> c_int;
type GetHypothesis = unsafe extern "C" fn(Object, *mut c_int) -> *const c_char;
type Iterate = unsafe extern "C" fn(Object) -> Object;
type SegmentWord = unsafe extern "C" fn(Object) -> *const c_char;
type SegmentFrames = unsafe extern "C" fn(Object, *mut c_int, *mut c_int);

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Search {
    Expected,
    /// Sounds without words.
    Anything,
    /// Any words, as the general model knows them.
    Free,
}

/// Whether the utterance is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Whole,
    Open,
}

/// What a search has found.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) hypothesis: Hypothesis,
    pub(super) score_per_frame: f64,
}

/// The open library with one decoder.
pub(super) struct Library {
    decoder: Object,
    model: &'static str,
    /// The general model is read when it is first needed: it takes most of a second.
    has_general_model: bool,
    calls: Calls,
    /// Keeps the functions in memory.
    _handle: libloading::Library,
}

struct Calls {
    add_word: AddWord,
    look_up: LookUp,
    set_grammar: SetText,
    set_model_file: SetText,
    set_search: SetSearch,
    start_stream: Act,
    start: Act,
    process: Process,
    end: Act,
    frames: Act,
    hypothesis: GetHypothesis,
    probability: Act,
    segments: Iterate,
    next_segment: Iterate,
    segment_word: SegmentWord,
    segment_frames: SegmentFrames,
}

/// Where the English model is; `None` when it is not installed.
pub(super) fn model() -> Option<&'static str> {
    MODELS.into_iter().find(|model| Path::new(model).is_dir())
}

impl Search {
    fn name(self) -> &'static CStr {
        match self {
            Self::Expected => c"expected",
            Self::Anything => c"anything",
            Self::Free => c"free",
        }
    }
}

impl Library {
    /// Opens the library with the English model.
    pub(super) fn open() -> io::Result<Self> {
        let handle = open_first()?;
        let model = model().ok_or_else(|| missing("the English model of PocketSphinx"))?;
        // SAFETY: the names and types are those of pocketsphinx.h and cmd_ln.h of the library's third interface, and
        // the functions stay in memory as long as the handle that is kept beside them.
        unsafe {
            let calls = Calls::find(&handle)?;
            let decoder = decoder(&handle, model)?;
            Ok(Self { decoder, model, has_general_model: false, calls, _handle: handle })
        }
    }

    /// Where the model is.
    pub(super) fn model(&self) -> &str {
        self.model
    }

    /// Whether the dictionary has the word.
    pub(super) fn knows(&mut self, word: &str) -> bool {
        let Ok(word) = CString::new(word) else { return false };
        // SAFETY: the word ends in zero; the answer is null or a string of ours, made by malloc.
        unsafe {
            let phonemes = (self.calls.look_up)(self.decoder, word.as_ptr());
            libc::free(phonemes.cast());
            !phonemes.is_null()
        }
    }

    /// Adds a word to the dictionary.
    pub(super) fn learn(&mut self, word: &str, phonemes: &str) -> io::Result<()> {
        let (word, phonemes) = (CString::new(word)?, CString::new(phonemes)?);
        // SAFETY: both strings end in zero and are copied.
        let id =
            unsafe { (self.calls.add_word)(self.decoder, word.as_ptr(), phonemes.as_ptr(), 1) };
        check("word", id)
    }

    /// What a search may find from now on.
    pub(super) fn set_grammar(&mut self, search: Search, jsgf: &str) -> io::Result<()> {
        let jsgf = CString::new(jsgf)?;
        // SAFETY: both strings end in zero and are read before the call returns.
        let status = unsafe {
            (self.calls.set_grammar)(self.decoder, search.name().as_ptr(), jsgf.as_ptr())
        };
        check("grammar", status)
    }

    /// Searches a sound of 16 kHz.
    pub(super) fn hear(
        &mut self,
        search: Search,
        sound: &[i16],
        ending: Ending,
    ) -> io::Result<Found> {
        if search == Search::Free {
            self.read_general_model()?;
        }
        let mut padded = margin();
        padded.extend_from_slice(sound);
        if ending == Ending::Whole {
            padded.extend(margin());
        }
        // SAFETY: the decoder is ours alone; the samples live until the call that reads them returns.
        unsafe {
            let calls = &self.calls;
            check("search", (calls.set_search)(self.decoder, search.name().as_ptr()))?;
            check("stream", (calls.start_stream)(self.decoder))?;
            check("utterance", (calls.start)(self.decoder))?;
            let searched = (calls.process)(self.decoder, padded.as_ptr(), padded.len(), 0, 0);
            // What there is of an utterance is only told before its end is.
            let open = (ending == Ending::Open).then(|| self.found(search));
            let ended = (calls.end)(self.decoder);
            check("sound", searched.min(ended))?;
            Ok(open.unwrap_or_else(|| self.found(search)))
        }
    }

    fn read_general_model(&mut self) -> io::Result<()> {
        if !self.has_general_model {
            let file =
                CString::new(format!("{}.lm.bin", Path::new(self.model).join("en-us").display()))?;
            // SAFETY: both strings end in zero and are read before the call returns.
            let status = unsafe {
                (self.calls.set_model_file)(
                    self.decoder,
                    Search::Free.name().as_ptr(),
                    file.as_ptr(),
                )
            };
            check("general model", status)?;
            self.has_general_model = true;
        }
        Ok(())
    }

    /// # Safety
    /// An utterance must have been started.
    unsafe fn found(&self, search: Search) -> Found {
        let mut score = 0;
        // SAFETY: the hypothesis is null or a string of the decoder's that ends in zero and stays until the next call.
        unsafe {
            let text = string((self.calls.hypothesis)(self.decoder, &raw mut score));
            let frames = (self.calls.frames)(self.decoder).max(1);
            let confidence = match search {
                Search::Free => LOG_BASE.powi((self.calls.probability)(self.decoder)),
                Search::Expected | Search::Anything => 0.5,
            };
            let words = self.words();
            let score_per_frame = f64::from(score) / f64::from(frames);
            Found { hypothesis: Hypothesis { text, confidence, words }, score_per_frame }
        }
    }

    /// # Safety
    /// An utterance must have been started.
    unsafe fn words(&self) -> Vec<PlacedWord> {
        let mut words = Vec::new();
        // SAFETY: each call takes the segment before and gives the next one, or null behind the last; the word is a
        // string of the dictionary's.
        unsafe {
            let mut segment = (self.calls.segments)(self.decoder);
            while !segment.is_null() {
                let (mut first, mut last) = (0, 0);
                (self.calls.segment_frames)(segment, &raw mut first, &raw mut last);
                words.extend(placed(&string((self.calls.segment_word)(segment)), first, last));
                segment = (self.calls.next_segment)(segment);
            }
        }
        words
    }
}

impl Calls {
    /// # Safety
    /// They must not be used after the library is closed.
    unsafe fn find(library: &libloading::Library) -> io::Result<Self> {
        // SAFETY: see `Library::open`.
        unsafe {
            Ok(Self {
                add_word: find(library, c"ps_add_word")?,
                look_up: find(library, c"ps_lookup_word")?,
                set_grammar: find(library, c"ps_set_jsgf_string")?,
                set_model_file: find(library, c"ps_set_lm_file")?,
                set_search: find(library, c"ps_set_search")?,
                start_stream: find(library, c"ps_start_stream")?,
                start: find(library, c"ps_start_utt")?,
                process: find(library, c"ps_process_raw")?,
                end: find(library, c"ps_end_utt")?,
                frames: find(library, c"ps_get_n_frames")?,
                hypothesis: find(library, c"ps_get_hyp")?,
                probability: find(library, c"ps_get_prob")?,
                segments: find(library, c"ps_seg_iter")?,
                next_segment: find(library, c"ps_seg_next")?,
                segment_word: find(library, c"ps_seg_word")?,
                segment_frames: find(library, c"ps_seg_frames")?,
            })
        }
    }
}

/// # Safety
/// The decoder must not be used after the library is closed.
unsafe fn decoder(library: &libloading::Library, model: &str) -> io::Result<Object> {
    let (hmm, dictionary) = (format!("{model}/en-us"), format!("{model}/cmudict-en-us.dict"));
    let files = ["parla", "-hmm", &hmm, "-dict", &dictionary, "-logfn", "/dev/null"];
    let arguments = files.into_iter().chain(SEARCH).map(CString::new);
    let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
    let pointers: Vec<*const c_char> = arguments.iter().map(|text| text.as_ptr()).collect();
    let count = c_int::try_from(pointers.len()).map_err(io::Error::other)?;
    // SAFETY: the arguments end in zero and are copied; the answers are null or objects of the library's own, which
    // live as long as the process.
    let decoder = unsafe {
        let known: Args = find(library, c"ps_args")?;
        let parse: ParseArguments = find(library, c"cmd_ln_parse_r")?;
        let init: Init = find(library, c"ps_init")?;
        let settings = parse(ptr::null_mut(), known(), count, pointers.as_ptr(), 1);
        if settings.is_null() { settings } else { init(settings) }
    };
    if decoder.is_null() {
        return Err(io::Error::other("PocketSphinx cannot read its English model"));
    }
    Ok(decoder)
}

/// Almost silence, always the same.
fn margin() -> Vec<i16> {
    (0..MARGIN).map(|at| (at * 7919 % 9) as i16 - 4).collect()
}

/// Silences and noises are in angle brackets or brackets; `read(2)` is another way to say `read`.
fn placed(word: &str, first: c_int, last: c_int) -> Option<PlacedWord> {
    if word.is_empty() || word.starts_with(['<', '[', '+', '_']) {
        return None;
    }
    let text = word.split('(').next().unwrap_or(word).to_owned();
    let ms = |frame: c_int| u64::try_from(frame).unwrap_or(0) * FRAME_MS;
    let (start_ms, end_ms) =
        (ms(first).saturating_sub(MARGIN_MS), ms(last + 1).saturating_sub(MARGIN_MS));
    Some(PlacedWord { text, start_ms, end_ms })
}

fn open_first() -> io::Result<libloading::Library> {
    for path in PATHS {
        // SAFETY: the library's initialisers only set up its own data.
        if let Ok(library) = unsafe { libloading::Library::new(path) } {
            return Ok(library);
        }
    }
    Err(missing("libpocketsphinx"))
}

fn missing(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("{what} is not installed"))
}

/// # Safety
/// `text` must be null or end in zero.
unsafe fn string(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: as above.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

fn check(what: &str, status: c_int) -> io::Result<()> {
    if status >= 0 {
        return Ok(());
    }
    Err(io::Error::other(format!("PocketSphinx refuses the {what} (status {status})")))
}

/// # Safety
/// `T` must be the type of the function, and must not be used after the library is closed.
unsafe fn find<T: Copy>(library: &libloading::Library, name: &CStr) -> io::Result<T> {
    // SAFETY: as above.
    unsafe { library.get::<T>(name) }.map(|symbol| *symbol).map_err(io::Error::other)
}
