//! The eSpeak NG library, opened at run time: the one file with unsafe code. It keeps no text and no sound between calls.
#![expect(unsafe_code, reason = "eSpeak NG is a C library; every call into it is here")]

use std::{
    ffi::{CStr, CString, c_char, c_int, c_uint, c_void},
    io, ptr, slice,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    prosody::Prosody,
    wire::{Catalogue, InstalledVoice},
    words::Mark,
};
use crate::providers::workers::frames::MAX_BODY_BYTES;

/// Where the system's packages put it, most exact name first.
const PATHS: [&str; 5] = [
    "libespeak-ng.so.1",
    "libespeak-ng.so",
    "libespeak-ng.1.dylib",
    "/opt/homebrew/lib/libespeak-ng.1.dylib",
    "/usr/local/lib/libespeak-ng.1.dylib",
];

// The numbers are those of eSpeak NG's public header, speak_lib.h.
const OUTPUT_SYNCHRONOUS: c_int = 2;
const DO_NOT_EXIT: c_int = 0x8000;
const CHARS_UTF8: c_uint = 1;
const POSITION_CHARACTER: c_int = 1;
const EVENT_END_OF_LIST: c_int = 0;
const EVENT_WORD: c_int = 1;
const RATE: c_int = 1;
const VOLUME: c_int = 2;
const PITCH: c_int = 3;
const RANGE: c_int = 4;

type Initialize = unsafe extern "C" fn(c_int, c_int, *const c_char, c_int) -> c_int;
type Hear = unsafe extern "C" fn(*const i16, c_int, *const Event) -> c_int;
type SetSynthCallback = unsafe extern "C" fn(Hear);
type SetParameter = unsafe extern "C" fn(c_int, c_int, c_int) -> c_int;
type SetVoiceByName = unsafe extern "C" fn(*const c_char) -> c_int;
type ListVoices = unsafe extern "C" fn(*const VoiceEntry) -> *const *const VoiceEntry;
type Info = unsafe extern "C" fn(*mut *const c_char) -> *const c_char;
#[rustfmt::skip]
type Synth = unsafe extern "C" fn(
    *const c_void, usize, c_uint, c_int, c_uint, c_uint, *mut c_uint, *mut c_void,
) -> c_int;

/// The open library: one for the whole process, because its state is global.
pub(super) struct Library {
    sample_rate: u32,
    set_parameter: SetParameter,
    set_voice: SetVoiceByName,
    list_voices: ListVoices,
    synth: Synth,
    info: Info,
    /// Keeps the functions above in memory.
    _handle: libloading::Library,
}

/// What one call has made.
#[derive(Debug, Default)]
pub(super) struct Sound {
    /// 16-bit little-endian mono samples.
    pub(super) pcm: Vec<u8>,
    pub(super) marks: Vec<Mark>,
}

/// The sound of the call in progress: the library has no other way to hand it over.
static HEARD: Mutex<Sound> = Mutex::new(Sound { pcm: Vec::new(), marks: Vec::new() });

impl Library {
    /// Opens and initialises the library. To be called once in a process.
    pub(super) fn open() -> io::Result<Self> {
        let handle = open_first()?;
        // SAFETY: the names and types are those of speak_lib.h, which has not changed them since 2011, and the
        // functions stay in memory as long as the handle that is kept beside them.
        unsafe {
            let initialize: Initialize = find(&handle, c"espeak_Initialize")?;
            let set_synth_callback: SetSynthCallback = find(&handle, c"espeak_SetSynthCallback")?;
            let sample_rate = initialize(OUTPUT_SYNCHRONOUS, 0, ptr::null(), DO_NOT_EXIT);
            let sample_rate = u32::try_from(sample_rate)
                .map_err(|_| io::Error::other("eSpeak NG finds no voices of its own"))?;
            set_synth_callback(hear);
            Ok(Self {
                sample_rate,
                set_parameter: find(&handle, c"espeak_SetParameter")?,
                set_voice: find(&handle, c"espeak_SetVoiceByName")?,
                list_voices: find(&handle, c"espeak_ListVoices")?,
                synth: find(&handle, c"espeak_Synth")?,
                info: find(&handle, c"espeak_Info")?,
                _handle: handle,
            })
        }
    }

    /// Samples a second, in hertz.
    pub(super) fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// Speaks plain text; whatever an earlier call has set is set anew.
    pub(super) fn speak(&mut self, voice: &str, prosody: Prosody, text: &str) -> io::Result<Sound> {
        // eSpeak takes control characters for commands.
        let text: String =
            text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
        let text = CString::new(text)?;
        let voice = CString::new(voice)?;
        *heard() = Sound::default();
        // SAFETY: both strings end in zero and live until the calls, which are synchronous, return; `&mut self`
        // keeps a second call from beginning meanwhile.
        unsafe {
            check("voice", (self.set_voice)(voice.as_ptr()))?;
            for (parameter, value) in [
                (RATE, prosody.rate),
                (PITCH, prosody.pitch),
                (RANGE, prosody.range),
                (VOLUME, prosody.volume),
            ] {
                check("parameter", (self.set_parameter)(parameter, value, 0))?;
            }
            let (start, bytes) = (text.as_ptr().cast(), text.as_bytes_with_nul().len());
            let (nobody, nothing) = (ptr::null_mut(), ptr::null_mut());
            check(
                "text",
                (self.synth)(start, bytes, 0, POSITION_CHARACTER, 0, CHARS_UTF8, nobody, nothing),
            )?;
        }
        Ok(std::mem::take(&mut heard()))
    }

    /// What is installed.
    pub(super) fn catalogue(&mut self) -> Catalogue {
        let variants = self.voices_that_speak(c"variant");
        let variants = variants.into_iter();
        Catalogue {
            voices: self.list(ptr::null()),
            variants: variants
                .filter_map(|voice| voice.file.strip_prefix("!v/").map(str::to_owned))
                .collect(),
            version: self.version(),
        }
    }

    fn version(&self) -> String {
        // SAFETY: nobody wants the path; the answer is a string of the library's own that ends in zero.
        let told = unsafe { string((self.info)(ptr::null_mut())) };
        // A date follows the number.
        told.split_whitespace().next().unwrap_or_default().to_owned()
    }

    fn voices_that_speak(&mut self, language: &CStr) -> Vec<InstalledVoice> {
        let wanted = VoiceEntry { languages: language.as_ptr(), ..VoiceEntry::default() };
        self.list(&raw const wanted)
    }

    fn list(&mut self, wanted: *const VoiceEntry) -> Vec<InstalledVoice> {
        let mut voices = Vec::new();
        // SAFETY: the library answers with its own array of entries, which ends in a null pointer and stays as it is
        // until the next call; all strings in it end in zero, the tag after one byte of priority.
        unsafe {
            let mut entry = (self.list_voices)(wanted);
            while !entry.is_null() && !(*entry).is_null() {
                let voice = &**entry;
                voices.push(InstalledVoice {
                    tag: string(voice.languages.wrapping_add(1)),
                    name: string(voice.name),
                    file: string(voice.identifier),
                });
                entry = entry.add(1);
            }
        }
        voices
    }
}

/// `espeak_EVENT` of `speak_lib.h`.
#[repr(C)]
struct Event {
    kind: c_int,
    message: c_uint,
    text_position: c_int,
    length: c_int,
    audio_ms: c_int,
    sample: c_int,
    user_data: *mut c_void,
    /// A union of a number, a pointer and eight characters.
    payload: [usize; 8 / size_of::<usize>()],
}

/// `espeak_VOICE` of `speak_lib.h`.
#[repr(C)]
struct VoiceEntry {
    name: *const c_char,
    languages: *const c_char,
    identifier: *const c_char,
    gender: u8,
    age: u8,
    variant: u8,
    internal: u8,
    score: c_int,
    spare: *mut c_void,
}

impl Default for VoiceEntry {
    fn default() -> Self {
        Self {
            name: ptr::null(),
            languages: ptr::null(),
            identifier: ptr::null(),
            gender: 0,
            age: 0,
            variant: 0,
            internal: 0,
            score: 0,
            spare: ptr::null_mut(),
        }
    }
}

/// The library calls this with each piece of sound; a return value other than zero makes it stop.
unsafe extern "C" fn hear(samples: *const i16, count: c_int, events: *const Event) -> c_int {
    let mut heard = heard();
    // SAFETY: the library passes `count` samples, or null at the end, and a list of events that an event of kind 0
    // ends.
    unsafe {
        if let (false, Ok(count)) = (samples.is_null(), usize::try_from(count)) {
            let samples = slice::from_raw_parts(samples, count);
            heard.pcm.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        }
        let mut event = events;
        while !event.is_null() && (*event).kind != EVENT_END_OF_LIST {
            if (*event).kind == EVENT_WORD {
                heard.marks.push(mark(&*event));
            }
            event = event.add(1);
        }
    }
    c_int::from(heard.pcm.len() > MAX_BODY_BYTES)
}

/// eSpeak counts characters from one.
fn mark(event: &Event) -> Mark {
    Mark {
        position: usize::try_from(event.text_position - 1).unwrap_or(0),
        ms: u32::try_from(event.audio_ms).unwrap_or(0),
    }
}

fn heard() -> MutexGuard<'static, Sound> {
    HEARD.lock().unwrap_or_else(PoisonError::into_inner)
}

fn open_first() -> io::Result<libloading::Library> {
    for path in PATHS {
        // SAFETY: the library's initialisers only set up its own data.
        if let Ok(library) = unsafe { libloading::Library::new(path) } {
            return Ok(library);
        }
    }
    Err(io::Error::new(io::ErrorKind::NotFound, "libespeak-ng is not installed"))
}

/// # Safety
/// `T` must be the type of the function, and must not be used after the library is closed.
unsafe fn find<T: Copy>(library: &libloading::Library, name: &CStr) -> io::Result<T> {
    // SAFETY: as above.
    unsafe { library.get::<T>(name) }.map(|symbol| *symbol).map_err(io::Error::other)
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
    if status == 0 {
        return Ok(());
    }
    Err(io::Error::other(format!("eSpeak NG refuses the {what} (status {status})")))
}
